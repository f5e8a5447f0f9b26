/* SPDX-License-Identifier: MIT
 *
 * Masking of every length and alignment, in place and into a copy, whole and resumed, against one byte at a time.
 */
#include "../mask.h"

#include <string.h>

#include "check.h"

#define LENGTH_MAX 400u

/* Masks at the guard page, the source `shift` bytes before its end, and compares with the definition. */
static void check_mask(const uint8_t *bytes, size_t len, uint32_t key, size_t skew) {
  uint8_t expected[LENGTH_MAX], key_bytes[4], high = 0;
  memcpy(key_bytes, &key, 4);
  for (size_t i = 0; i < len; i++) {
    expected[i] = bytes[i] ^ key_bytes[i % 4];
    high |= expected[i] & 0x80;
  }
  const uint8_t *src = (const uint8_t *)guard_place(GUARD_INPUT, (const char *)bytes, len);
  uint8_t *dst = (uint8_t *)guard_reserve(GUARD_OUTPUT, len + skew);
  CHECK_EQ(fc_mask(dst, src, len, key) != 0, high != 0);
  CHECK(memcmp(dst, expected, len) == 0);
  for (size_t i = 0; i < skew; i++) CHECK_EQ(dst[len + i], 0xee);
  CHECK_EQ(fc_mask_scalar(dst, src, len, key) != 0, high != 0);
  CHECK(memcmp(dst, expected, len) == 0);
  dst = (uint8_t *)guard_place(GUARD_OUTPUT, (const char *)bytes, len);
  fc_mask(dst, dst, len, key);
  CHECK(memcmp(dst, expected, len) == 0);
  size_t cut = len / 3;
  fc_mask(dst, src, cut, key);
  fc_mask(dst + cut, src + cut, len - cut, fc_mask_rotate(key, cut));
  CHECK(memcmp(dst, expected, len) == 0);
}

/* The high bit of each single byte is seen, wherever it is. */
static void check_high_bits(void) {
  uint8_t bytes[LENGTH_MAX], out[LENGTH_MAX];
  memset(bytes, 'a', sizeof bytes);
  for (size_t len = 1; len < LENGTH_MAX; len += 29) {
    CHECK(!fc_mask(out, bytes, len, 0));
    for (size_t at = 0; at < len; at++) {
      bytes[at] = 0x80;
      CHECK(fc_mask(out, bytes, len, 0));
      CHECK(fc_mask_scalar(out, bytes, len, 0));
      bytes[at] = 'a';
    }
  }
}

void test_mask(void) {
  uint32_t state = 20240607;
  uint8_t bytes[LENGTH_MAX];
  for (size_t len = 0; len <= LENGTH_MAX; len++) {
    for (size_t i = 0; i < len; i++) bytes[i] = (uint8_t)random_next(&state);
    for (size_t skew = 0; skew < 5; skew++) check_mask(bytes, len, random_next(&state), skew);
  }
  memset(bytes, 0x7f, sizeof bytes);
  for (size_t len = 0; len <= LENGTH_MAX; len++) check_mask(bytes, len, 0x00010203, len % 3);
  check_high_bits();
}
