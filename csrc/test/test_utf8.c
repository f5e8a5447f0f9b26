/* SPDX-License-Identifier: MIT
 *
 * UTF-8: every sequence of up to three bytes and every lead of four, against the definition by code points; pieces; the
 * position at which a text fails; texts longer than a vector.
 */
#include "../utf8.h"

#include <string.h>

#include "check.h"

/* The bytes of a code point, or 0 for a surrogate. */
static size_t encode(uint32_t point, uint8_t *dst) {
  if (point >= 0xd800 && point < 0xe000) return 0;
  if (point < 0x80) {
    dst[0] = (uint8_t)point;
    return 1;
  }
  size_t more = point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
  static const uint8_t leads[] = {0, 0xc0, 0xe0, 0xf0};
  for (size_t i = more; i > 0; i--, point >>= 6) dst[i] = (uint8_t)(0x80 | (point & 0x3f));
  dst[0] = (uint8_t)(leads[more] | point);
  return more + 1;
}

/* Which prefixes of up to three bytes begin a valid character: filled by encoding each code point. */
static uint8_t begins[1u << 24];

static void fill_table(void) {
  uint8_t bytes[4];
  for (uint32_t point = 0; point < 0x110000; point++) {
    size_t len = encode(point, bytes);
    for (size_t i = 1; i <= len && i <= 3; i++) {
      uint32_t index = bytes[0] | (i > 1 ? (uint32_t)bytes[1] << 8 : 0) | (i > 2 ? (uint32_t)bytes[2] << 16 : 0);
      begins[index] |= (uint8_t)(1u << i);
    }
  }
}

static int accepts(const uint8_t *bytes, size_t len, fc_utf8 *state) {
  memset(state, 0, sizeof *state);
  return fc_utf8_check(state, bytes, len);
}

static void check_all_beginnings(void) {
  unsigned long wrong = 0;
  fc_utf8 state;
  for (uint32_t index = 0; index < 1u << 24; index++) {
    uint8_t bytes[3] = {(uint8_t)index, (uint8_t)(index >> 8), (uint8_t)(index >> 16)};
    if (bytes[0] < 0xe0) {
      if (bytes[2]) continue; /* shorter characters: two bytes tell all */
      int valid = bytes[0] < 0x80 ? bytes[1] < 0x80 : (begins[index & 0xffff] & 4) != 0;
      if (bytes[0] < 0x80 && bytes[1] >= 0x80) continue;
      wrong += accepts(bytes, 2, &state) != valid || (valid && state.need);
    } else {
      int valid = (begins[index] & 8) != 0;
      wrong += accepts(bytes, 3, &state) != valid || (valid && state.need != (bytes[0] >= 0xf0));
    }
  }
  for (unsigned lead = 0; lead < 256; lead++) {
    uint8_t byte = (uint8_t)lead;
    wrong += accepts(&byte, 1, &state) != ((begins[lead] & 2) != 0);
  }
  CHECK_EQ(wrong, 0);
}

/* A text of all planes, in pieces of each size, and with one wrong byte at each place. */
static void check_pieces(void) {
  uint8_t text[200], broken[200];
  size_t len = 0;
  static const uint32_t points[] = {'a', 0x7f, 0x80, 0x7ff, 0x800, 0xd7ff, 0xe000, 0xffff, 0x10000, 0x10ffff};
  memset(text, 'x', 40);
  len = 40;
  for (size_t i = 0; i < sizeof points / sizeof points[0]; i++) len += encode(points[i], text + len);
  memset(text + len, 'y', 50);
  len += 50;
  for (size_t step = 1; step <= len; step++) {
    fc_utf8 state;
    memset(&state, 0, sizeof state);
    for (size_t at = 0; at < len; at += step) {
      size_t piece = len - at < step ? len - at : step;
      const char *placed = guard_place(GUARD_INPUT, (const char *)text + at, piece);
      CHECK(fc_utf8_check(&state, (const uint8_t *)placed, piece));
    }
    CHECK_EQ(state.need, 0);
  }
  for (size_t at = 0; at < len; at++) {
    fc_utf8 state;
    memcpy(broken, text, len);
    broken[at] = 0xff;
    CHECK(accepts(broken, at, &state));
    CHECK(!accepts(broken, at + 1, &state));
    CHECK(!accepts(broken, len, &state));
  }
}

void test_utf8(void) {
  fill_table();
  check_all_beginnings();
  check_pieces();
}
