/* SPDX-License-Identifier: MIT
 *
 * Every byte of every class of chars.h against the grammar it comes from.
 */
#include "../chars.h"

#include <string.h>

#include "check.h"

static int is_letter(int c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static int is_digit(int c) {
  return c >= '0' && c <= '9';
}

/* strchr without the NUL that ends the set. */
static int is_one_of(int c, const char *set) {
  return c != 0 && strchr(set, c) != NULL;
}

static void classes_match_the_grammar(void) {
  for (int c = 0; c < 256; c++) {
    char byte = (char)(unsigned char)c;
    int token = is_letter(c) || is_digit(c) || is_one_of(c, "!#$%&'*+-.^_`|~");
    int value = c == '\t' || (c >= 0x20 && c != 0x7f);
    int target = c > 0x20 && c < 0x7f && c != '#';
    int host = is_letter(c) || is_digit(c) || is_one_of(c, "-._~!$&'()*+;=");
    int hex = is_digit(c) || is_one_of(c, "abcdefABCDEF");
    CHECK_EQ(fc_is(byte, FC_TOKEN) != 0, token);
    CHECK_EQ(fc_is(byte, FC_VALUE) != 0, value);
    CHECK_EQ(fc_is(byte, FC_TARGET) != 0, target);
    CHECK_EQ(fc_is(byte, FC_HOST) != 0, host);
    CHECK_EQ(fc_is(byte, FC_DIGIT) != 0, is_digit(c));
    CHECK_EQ(fc_is(byte, FC_HEX) != 0, hex);
    CHECK_EQ(fc_is_space(byte), c == ' ' || c == '\t');
  }
}

static void hex_digits_have_their_values(void) {
  const char *lower = "0123456789abcdef";
  const char *upper = "0123456789ABCDEF";
  for (unsigned i = 0; i < 16; i++) {
    CHECK_EQ(fc_hex_value(lower[i]), i);
    CHECK_EQ(fc_hex_value(upper[i]), i);
  }
}

static void only_upper_case_letters_change(void) {
  for (int c = 0; c < 256; c++) {
    int lower = c >= 'A' && c <= 'Z' ? c + 32 : c;
    CHECK_EQ(fc_lower_byte((unsigned char)c), lower);
  }
}

/* Each byte value at each of the eight places, between neighbours that would show a carry. */
static void eight_bytes_change_as_one_does(void) {
  static const unsigned char neighbours[] = {0x00, 'A', 'Z', 'z', 0x7f, 0x80, 0xff};
  for (size_t n = 0; n < sizeof neighbours; n++) {
    for (int c = 0; c < 256; c++) {
      for (int place = 0; place < 8; place++) {
        char bytes[8];
        char lowered[8];
        memset(bytes, neighbours[n], 8);
        bytes[place] = (char)(unsigned char)c;
        uint64_t word = fc_lower8(fc_load8(bytes));
        memcpy(lowered, &word, 8);
        int same = 1;
        for (int i = 0; i < 8; i++) same &= (unsigned char)lowered[i] == fc_lower_byte((unsigned char)bytes[i]);
        CHECK(same);
      }
    }
  }
}

void test_chars(void) {
  classes_match_the_grammar();
  hex_digits_have_their_values();
  only_upper_case_letters_change();
  eight_bytes_change_as_one_does();
}
