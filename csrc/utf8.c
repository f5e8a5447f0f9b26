/* SPDX-License-Identifier: MIT
 *
 * The table of RFC 3629 section 4 as ranges: the lead byte says how many bytes follow and narrows the first of them, which
 * excludes overlong forms (C0, C1, E0 80-9F, F0 80-8F), surrogates (ED A0-BF) and what is above U+10FFFF (F4 90-BF, F5-FF).
 */
#include "utf8.h"

#include "scan.h"

/* The first byte from p on that is above 0x7f, or end. */
static const uint8_t *skip_ascii(const uint8_t *p, const uint8_t *end) {
#if defined(FC_SIMD_SSE2)
  for (; end - p >= 16; p += 16) {
    unsigned mask = (unsigned)_mm_movemask_epi8(_mm_loadu_si128((const __m128i *)(const void *)p));
    if (mask) return p + fc_lowest_bit(mask);
  }
#elif defined(FC_SIMD_NEON)
  for (; end - p >= 16 && vmaxvq_u8(vld1q_u8(p)) < 0x80; p += 16) {
  }
#endif
  while (p < end && *p < 0x80) p++;
  return p;
}

/* A lead byte above 0x7f: 0 when there is no such lead. */
static int lead(fc_utf8 *state, uint8_t byte) {
  state->low = 0x80;
  state->high = 0xbf;
  if (byte < 0xc2 || byte > 0xf4) return 0;
  if (byte < 0xe0) {
    state->need = 1;
  } else if (byte < 0xf0) {
    state->need = 2;
    if (byte == 0xe0) state->low = 0xa0;
    if (byte == 0xed) state->high = 0x9f;
  } else {
    state->need = 3;
    if (byte == 0xf0) state->low = 0x90;
    if (byte == 0xf4) state->high = 0x8f;
  }
  return 1;
}

int fc_utf8_check(fc_utf8 *state, const uint8_t *bytes, size_t len) {
  const uint8_t *p = bytes, *end = bytes + len;
  while (p < end) {
    if (state->need) {
      if (*p < state->low || *p > state->high) return 0;
      state->low = 0x80;
      state->high = 0xbf;
      state->need--;
      p++;
    } else if (*p < 0x80) {
      p = skip_ascii(p, end);
    } else if (!lead(state, *p++)) {
      return 0;
    }
  }
  return 1;
}
