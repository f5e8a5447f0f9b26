/* SPDX-License-Identifier: MIT
 *
 * Copies of names and values (fields.h): each byte at each place of each length, input and output at a guard page.
 */
#include "../fields.h"

#include <string.h>

#include "../chars.h"
#include "check.h"

#define LENGTH_MAX 27

static int lowered(const char *dst, const char *src, size_t len) {
  for (size_t i = 0; i < len; i++) {
    if ((unsigned char)dst[i] != fc_lower_byte((unsigned char)src[i])) return 0;
  }
  return 1;
}

static void check_one(char *src, size_t len, int c) {
  int token = fc_is((char)(unsigned char)c, FC_TOKEN) != 0;
  int breaks = c == '\r' || c == '\n' || c == '\0';
  char *dst = guard_reserve(GUARD_OUTPUT, len);
  CHECK_EQ(fc_name_copy_lower(dst, src, len), token ? 0 : -1);
  CHECK(!token || lowered(dst, src, len));
  CHECK_EQ(fc_is_token(src, len), token);
  dst = guard_reserve(GUARD_OUTPUT, len);
  CHECK_EQ(fc_value_copy(dst, src, len), breaks ? -1 : 0);
  CHECK_EQ(fc_value_has_break(src, len), breaks);
  CHECK(breaks || memcmp(dst, src, len) == 0);
  dst = guard_reserve(GUARD_OUTPUT, len);
  fc_lower_copy(dst, src, len);
  CHECK(lowered(dst, src, len));
}

static void each_byte_is_judged_at_each_place(void) {
  for (size_t len = 1; len <= LENGTH_MAX; len++) {
    for (size_t place = 0; place < len; place++) {
      char *src = guard_reserve(GUARD_INPUT, len);
      memset(src, 'Q', len);
      for (int c = 0; c < 256; c++) {
        src[place] = (char)(unsigned char)c;
        check_one(src, len, c);
      }
    }
  }
}

/* Bytes next to CR, LF and NUL in value: a borrow from a neighbour must not be taken for one of them. */
static void near_misses_are_values(void) {
  static const char near_misses[] = {0x01, 0x09,       0x0b,       0x0c,       0x0e,
                                     0x7f, (char)0x80, (char)0x8a, (char)0x8d, (char)0xff};
  char src[24];
  char dst[24];
  for (size_t i = 0; i < sizeof near_misses; i++) {
    for (size_t j = 0; j < sizeof near_misses; j++) {
      memset(src, near_misses[i], sizeof src);
      for (size_t k = 0; k < sizeof src; k += 2) src[k] = near_misses[j];
      CHECK_EQ(fc_value_copy(dst, src, sizeof src), 0);
    }
  }
}

static void nothing_is_a_value_but_no_name(void) {
  char *src = guard_reserve(GUARD_INPUT, 0);
  char *dst = guard_reserve(GUARD_OUTPUT, 0);
  CHECK_EQ(fc_value_copy(dst, src, 0), 0);
  CHECK_EQ(fc_name_copy_lower(dst, src, 0), -1);
  CHECK_EQ(fc_is_token(src, 0), 0);
  fc_lower_copy(dst, src, 0);
}

static void a_name_may_be_lowered_in_place(void) {
  for (size_t len = 0; len < 40; len++) {
    char expected[40];
    char *name = guard_reserve(GUARD_INPUT, len);
    for (size_t i = 0; i < len; i++) name[i] = (char)('A' + i % 26);
    for (size_t i = 0; i < len; i++) expected[i] = (char)('a' + i % 26);
    fc_lower_copy(name, name, len);
    CHECK(memcmp(name, expected, len) == 0);
  }
}

void test_fields(void) {
  each_byte_is_judged_at_each_place();
  near_misses_are_values();
  nothing_is_a_value_but_no_name();
  a_name_may_be_lowered_in_place();
}
