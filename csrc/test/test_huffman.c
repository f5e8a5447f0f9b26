/* SPDX-License-Identifier: MIT
 *
 * Huffman coding: every symbol and pair of symbols, every padding, random text; input and output at guard pages.
 */
#include "../huffman.h"

#include <string.h>

#include "check.h"

static ptrdiff_t decode(const char *bytes, size_t len, char **text) {
  char *src = guard_place(GUARD_INPUT, bytes, len);
  *text = guard_reserve(GUARD_OUTPUT, fc_huffman_bound(len));
  return fc_huffman_decode(*text, src, len);
}

static void there_and_back(const char *text, size_t len) {
  static char coded[8192];
  char *decoded;
  size_t size = fc_huffman_size(text, len);
  CHECK(size <= sizeof coded);
  char *src = guard_place(GUARD_INPUT, text, len);
  char *dst = guard_reserve(GUARD_OUTPUT, size);
  CHECK_EQ(fc_huffman_encode(dst, src, len), size);
  memcpy(coded, dst, size);
  CHECK_EQ(decode(coded, size, &decoded), len);
  CHECK(len == 0 || memcmp(decoded, text, len) == 0);
  /* a whole byte of padding more is an error (section 5.2); so is a byte less, unless it was all padding */
  coded[size] = (char)0xff;
  CHECK_EQ(decode(coded, size + 1, &decoded), -1);
}

static void symbols_and_pairs(void) {
  char text[2];
  check_case("symbols");
  there_and_back("", 0);
  for (int a = 0; a < 256; a++) {
    text[0] = (char)(unsigned char)a;
    there_and_back(text, 1);
    for (int b = 0; b < 256; b++) {
      text[1] = (char)(unsigned char)b;
      there_and_back(text, 2);
    }
  }
}

static void random_texts(void) {
  uint32_t state = 7541;
  char text[1500];
  check_case("random texts");
  for (int round = 0; round < 500; round++) {
    size_t len = random_next(&state) % sizeof text;
    uint32_t kind = random_next(&state) % 3;
    for (size_t i = 0; i < len; i++) {
      uint32_t number = random_next(&state);
      text[i] = (char)(unsigned char)(kind == 0 ? number : kind == 1 ? ' ' + number % 95 : 'a' + number % 26);
    }
    there_and_back(text, len);
  }
}

/* All strings of one and two bytes: what decodes is the one coding of its text, with the padding that there is. */
static void short_codes(void) {
  char bytes[2];
  char again[8];
  char *text;
  check_case("short codes");
  for (int number = 0; number < 65536; number++) {
    bytes[0] = (char)(unsigned char)(number >> 8);
    bytes[1] = (char)(unsigned char)(number & 255);
    ptrdiff_t len = decode(bytes, 2, &text);
    if (len < 0) continue;
    char copy[4];
    CHECK(len <= 3);
    memcpy(copy, text, (size_t)len);
    CHECK_EQ(fc_huffman_size(copy, (size_t)len), 2);
    fc_huffman_encode(again, copy, (size_t)len);
    CHECK(memcmp(again, bytes, 2) == 0);
  }
}

static void what_is_wrong(void) {
  static const struct {
    const char *name;
    const char *bytes;
    size_t len;
  } cases[] = {
      {"padding of zeros", BYTES("\x00")},
      {"padding that is not all ones", BYTES("\x1e")},
      {"a byte of padding", BYTES("\xff")},
      {"a byte of padding behind a symbol", BYTES("\x1f\xff")},
      {"three bytes of padding", BYTES("\xff\xff\xff")},
      {"EOS", BYTES("\xff\xff\xff\xff")},
      {"EOS behind a symbol", BYTES("\x1f\xff\xff\xff\xff")},
      {"EOS before a symbol", BYTES("\xff\xff\xff\xfc\x1f")},
      {"a long symbol that is cut", BYTES("\xff\xfe")},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    char *text;
    check_case(cases[i].name);
    CHECK_EQ(decode(cases[i].bytes, cases[i].len, &text), -1);
  }
}

static void any_bytes(void) {
  uint32_t state = 75410;
  check_case("any bytes");
  for (int round = 0; round < 100000; round++) {
    char bytes[40];
    char *text;
    size_t len = random_next(&state) % sizeof bytes;
    for (size_t i = 0; i < len; i++) {
      uint32_t number = random_next(&state);
      bytes[i] = (char)(unsigned char)(number & 0x700 ? number : 255);
    }
    ptrdiff_t decoded = decode(bytes, len, &text);
    CHECK(decoded >= -1 && decoded <= (ptrdiff_t)fc_huffman_bound(len));
  }
}

static void bounds(void) {
  check_case("bounds");
  for (size_t len = 0; len < 5000; len++) CHECK_EQ(fc_huffman_bound(len), len * 8 / 5);
}

void test_huffman(void) {
  bounds();
  symbols_and_pairs();
  random_texts();
  short_codes();
  what_is_wrong();
  any_bytes();
}
