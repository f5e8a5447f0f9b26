/* SPDX-License-Identifier: MIT
 *
 * Percent-decoding (path.h): each pair of bytes after '%', and what stays as it is; to another buffer and in place.
 */
#include "../path.h"

#include <string.h>

#include "../chars.h"
#include "check.h"

static void decodes_to(const char *src, size_t len, const char *expected, size_t expected_len) {
  int ascii = -1;
  int expected_ascii = 1;
  for (size_t i = 0; i < expected_len; i++) expected_ascii &= (unsigned char)expected[i] < 0x80;
  check_case(src);
  char *input = guard_place(GUARD_INPUT, src, len);
  char *output = guard_reserve(GUARD_OUTPUT, len);
  CHECK_EQ(fc_path_decode(output, input, len, &ascii), expected_len);
  CHECK(memcmp(output, expected, expected_len) == 0);
  CHECK_EQ(ascii, expected_ascii);
  ascii = -1;
  CHECK_EQ(fc_path_decode(input, input, len, &ascii), expected_len);
  CHECK(memcmp(input, expected, expected_len) == 0);
  CHECK_EQ(ascii, expected_ascii);
}

static void pairs_of_hex_digits_are_decoded(void) {
  for (int first = 0; first < 256; first++) {
    for (int second = 0; second < 256; second++) {
      char src[3] = {'%', (char)(unsigned char)first, (char)(unsigned char)second};
      char *input = guard_place(GUARD_INPUT, src, 3);
      char output[3];
      int ascii;
      int is_hex = fc_is(src[1], FC_HEX) && fc_is(src[2], FC_HEX);
      size_t len = fc_path_decode(output, input, 3, &ascii);
      if (first == '%' || second == '%') continue; /* a second '%' may begin nothing here either: see below */
      CHECK_EQ(len, is_hex ? 1 : 3);
      if (is_hex) CHECK_EQ((unsigned char)output[0], fc_hex_value(src[1]) * 16 + fc_hex_value(src[2]));
      if (!is_hex) CHECK(memcmp(output, src, 3) == 0);
    }
  }
}

static void each_byte_has_its_escape(void) {
  static const char digits[] = "0123456789abcdefABCDEF";
  for (unsigned c = 0; c < 256; c++) {
    char byte = (char)(unsigned char)c;
    char src[6] = {'/', '%', digits[c >> 4], digits[c & 15], 'z', 0};
    char expected[3] = {'/', byte, 'z'};
    decodes_to(src, 5, expected, 3);
    if (digits[c >> 4] >= 'a') src[2] = digits[(c >> 4) + 6];
    if (digits[c & 15] >= 'a') src[3] = digits[(c & 15) + 6];
    decodes_to(src, 5, expected, 3);
  }
}

void test_path(void) {
  pairs_of_hex_digits_are_decoded();
  each_byte_has_its_escape();
  decodes_to(BYTES(""), BYTES(""));
  decodes_to(BYTES("/"), BYTES("/"));
  decodes_to(BYTES("/plain/path/longer/than/a/word"), BYTES("/plain/path/longer/than/a/word"));
  decodes_to(BYTES("/a%20b%2Fc"), BYTES("/a b/c"));
  decodes_to(BYTES("/a+b"), BYTES("/a+b"));
  decodes_to(BYTES("%"), BYTES("%"));
  decodes_to(BYTES("/%4"), BYTES("/%4"));
  decodes_to(BYTES("/%%41"), BYTES("/%A"));
  decodes_to(BYTES("/%4%41"), BYTES("/%4A"));
  decodes_to(BYTES("/%2541"), BYTES("/%41"));
  decodes_to(BYTES("/%zz%41%"), BYTES("/%zzA%"));
  decodes_to(BYTES("/%00"), BYTES("/\0"));
  decodes_to(BYTES("/caf%c3%a9"), BYTES("/caf\xc3\xa9"));
  decodes_to(BYTES("%41%42%43%44%45%46%47%48%49"), BYTES("ABCDEFGHI"));
  decodes_to(BYTES("/\xff/raw"), BYTES("/\xff/raw"));
}
