/* SPDX-License-Identifier: MIT
 *
 * The first byte that ends a field value, a request target or a field name: 16 bytes at a time where the CPU can.
 *
 * SSE2 is part of x86-64 and NEON of aarch64, so neither is dispatched. AVX2, even compiled in without a dispatch, was
 * measured to gain nothing on a browser's head (15 fields, 665 bytes, 290 ns either way; the scalar twins take 415 ns):
 * 10 of its 15 values end within 16 bytes, and the 16 bytes left over by a wider load are looked at again. Called
 * by head.c and request_line.c; the scalar twins finish the last bytes of a buffer, and the tests compare both.
 */
#ifndef FC_SCAN_H
#define FC_SCAN_H

#include <stddef.h>

#include "chars.h"

#if !defined(FC_SCALAR) && (defined(__SSE2__) || defined(_M_X64))
#define FC_SIMD_SSE2 1
#include <emmintrin.h>
#elif !defined(FC_SCALAR) && defined(__aarch64__) && defined(__ARM_NEON)
#define FC_SIMD_NEON 1
#include <arm_neon.h>
#endif

#if defined(_MSC_VER) && !defined(__clang__)
#include <intrin.h>
#endif

static inline const char *fc_scan_value_scalar(const char *p, const char *end) {
  while (p < end && fc_is(*p, FC_VALUE)) p++;
  return p;
}

static inline const char *fc_scan_target_scalar(const char *p, const char *end) {
  while (p < end && fc_is(*p, FC_TARGET)) p++;
  return p;
}

#if defined(FC_SIMD_SSE2) || defined(FC_SIMD_NEON)
/* Index of the lowest bit that is set; mask is not 0. */
static inline unsigned fc_lowest_bit(uint64_t mask) {
#if defined(_MSC_VER) && !defined(__clang__)
  unsigned long index;
  _BitScanForward64(&index, mask);
  return (unsigned)index;
#else
  return (unsigned)__builtin_ctzll(mask);
#endif
}
#endif

#if defined(FC_SIMD_SSE2)
#define FC_SIMD_BITS 1 /* bits of a mask per byte */
typedef __m128i fc_bytes16;

static inline fc_bytes16 fc_load16(const char *p) {
  return _mm_loadu_si128((const __m128i *)(const void *)p);
}

static inline uint64_t fc_mask16(fc_bytes16 bytes) {
  return (uint64_t)(unsigned)_mm_movemask_epi8(bytes);
}

/* Bytes below 0x20 but HTAB, and DEL. */
static inline fc_bytes16 fc_bad_value16(fc_bytes16 x) {
  fc_bytes16 control = _mm_cmpeq_epi8(_mm_min_epu8(x, _mm_set1_epi8(0x1f)), x);
  fc_bytes16 tab = _mm_cmpeq_epi8(x, _mm_set1_epi8('\t'));
  return _mm_or_si128(_mm_andnot_si128(tab, control), _mm_cmpeq_epi8(x, _mm_set1_epi8(0x7f)));
}

/* Bytes outside 0x21 to 0x7e, and '#'; as signed numbers, those from 0x80 on are below 0x21. */
static inline fc_bytes16 fc_bad_target16(fc_bytes16 x) {
  fc_bytes16 outside = _mm_or_si128(_mm_cmplt_epi8(x, _mm_set1_epi8(0x21)), _mm_cmpeq_epi8(x, _mm_set1_epi8(0x7f)));
  return _mm_or_si128(outside, _mm_cmpeq_epi8(x, _mm_set1_epi8('#')));
}

static inline fc_bytes16 fc_colon16(fc_bytes16 x) {
  return _mm_cmpeq_epi8(x, _mm_set1_epi8(':'));
}

#elif defined(FC_SIMD_NEON)
#define FC_SIMD_BITS 4
typedef uint8x16_t fc_bytes16;

static inline fc_bytes16 fc_load16(const char *p) {
  return vld1q_u8((const uint8_t *)p);
}

/* Four bits per byte: NEON has no move-mask, but narrowing each pair of bytes by four bits keeps a nibble of each. */
static inline uint64_t fc_mask16(fc_bytes16 bytes) {
  uint8x8_t nibbles = vshrn_n_u16(vreinterpretq_u16_u8(bytes), 4);
  return vget_lane_u64(vreinterpret_u64_u8(nibbles), 0);
}

static inline fc_bytes16 fc_bad_value16(fc_bytes16 x) {
  fc_bytes16 control = vcltq_u8(x, vdupq_n_u8(0x20));
  fc_bytes16 tab = vceqq_u8(x, vdupq_n_u8('\t'));
  return vorrq_u8(vbicq_u8(control, tab), vceqq_u8(x, vdupq_n_u8(0x7f)));
}

static inline fc_bytes16 fc_bad_target16(fc_bytes16 x) {
  fc_bytes16 outside = vorrq_u8(vcltq_u8(x, vdupq_n_u8(0x21)), vcgeq_u8(x, vdupq_n_u8(0x7f)));
  return vorrq_u8(outside, vceqq_u8(x, vdupq_n_u8('#')));
}

static inline fc_bytes16 fc_colon16(fc_bytes16 x) {
  return vceqq_u8(x, vdupq_n_u8(':'));
}
#endif

/* The first byte of [p, end) that no field value may have, or end. */
static inline const char *fc_scan_value(const char *p, const char *end) {
#if defined(FC_SIMD_BITS)
  for (; end - p >= 16; p += 16) {
    uint64_t mask = fc_mask16(fc_bad_value16(fc_load16(p)));
    if (mask) return p + fc_lowest_bit(mask) / FC_SIMD_BITS;
  }
#endif
  return fc_scan_value_scalar(p, end);
}

/* The first byte of [p, end) that no request target may have, or end. */
static inline const char *fc_scan_target(const char *p, const char *end) {
#if defined(FC_SIMD_BITS)
  for (; end - p >= 16; p += 16) {
    uint64_t mask = fc_mask16(fc_bad_target16(fc_load16(p)));
    if (mask) return p + fc_lowest_bit(mask) / FC_SIMD_BITS;
  }
#endif
  return fc_scan_target_scalar(p, end);
}

/* The ':' among the first 16 bytes of [p, end), or NULL: none there, fewer bytes, or no SIMD. */
static inline const char *fc_find_colon(const char *p, const char *end) {
#if defined(FC_SIMD_BITS)
  if (end - p >= 16) {
    uint64_t mask = fc_mask16(fc_colon16(fc_load16(p)));
    if (mask) return p + fc_lowest_bit(mask) / FC_SIMD_BITS;
  }
#else
  (void)p;
  (void)end;
#endif
  return NULL;
}

#endif
