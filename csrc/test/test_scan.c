/* SPDX-License-Identifier: MIT
 *
 * The scans of scan.h find the same byte as their scalar twins: each byte at each place of each length, at the guard
 * page, and random bytes.
 */
#include "../scan.h"

#include "check.h"

#define LENGTH_MAX 36

static void compare(const char *p, const char *end) {
  CHECK(fc_scan_value(p, end) == fc_scan_value_scalar(p, end));
  CHECK(fc_scan_target(p, end) == fc_scan_target_scalar(p, end));
}

static void each_byte_stops_alike(void) {
  for (size_t len = 0; len <= LENGTH_MAX; len++) {
    for (size_t place = 0; place < len; place++) {
      char *p = guard_reserve(GUARD_INPUT, len);
      memset(p, 'a', len);
      for (int c = 0; c < 256; c++) {
        p[place] = (char)(unsigned char)c;
        compare(p, p + len);
      }
    }
  }
}

static void a_clean_input_is_passed_whole(void) {
  for (size_t len = 0; len <= 100; len++) {
    char *p = guard_reserve(GUARD_INPUT, len);
    memset(p, '~', len);
    CHECK(fc_scan_value(p, p + len) == p + len);
    CHECK(fc_scan_target(p, p + len) == p + len);
  }
}

static void random_inputs_stop_alike(void) {
  uint32_t state = 20260101u;
  for (int round = 0; round < 20000; round++) {
    size_t len = random_next(&state) % 80;
    char *p = guard_reserve(GUARD_INPUT, len);
    for (size_t i = 0; i < len; i++) {
      uint32_t number = random_next(&state);
      p[i] = (char)(unsigned char)(number % 61 ? 'a' + number % 26 : number >> 8 & 0xff);
    }
    compare(p, p + len);
  }
}

/* fc_find_colon may give up, but what it finds is the first ':' of the first 16 bytes. */
static void the_first_colon_is_found(void) {
  for (size_t len = 0; len <= 40; len++) {
    for (size_t place = 0; place <= len; place++) {
      char *p = guard_reserve(GUARD_INPUT, len);
      memset(p, 'n', len);
      for (size_t i = place; i < len; i++) p[i] = ':';
      const char *found = fc_find_colon(p, p + len);
#if defined(FC_SIMD_BITS)
      CHECK(found == (len >= 16 && place < 16 ? p + place : NULL));
#else
      CHECK(found == NULL);
#endif
    }
  }
}

void test_scan(void) {
  each_byte_stops_alike();
  a_clean_input_is_passed_whole();
  random_inputs_stop_alike();
  the_first_colon_is_found();
}
