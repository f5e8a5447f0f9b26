/* SPDX-License-Identifier: MIT
 *
 * The XOR of mask.h. Each step also gathers the high bits, so that a text message need not be read again to know that
 * it is ASCII; that costs one instruction a vector and no time, since loads and stores are what is waited for.
 */
#include "mask.h"

#include <string.h>

#include "scan.h"

#if defined(FC_SIMD_SSE2) && (defined(__GNUC__) || defined(__clang__))
#define FC_MASK_AVX2 1
#include <immintrin.h>
#endif

#define WIDE_FROM 128 /* bytes from which AVX2 is worth the question whether it is there */

uint32_t fc_mask_rotate(uint32_t key, size_t seen) {
  uint8_t bytes[8];
  memcpy(bytes, &key, 4);
  memcpy(bytes + 4, &key, 4);
  memcpy(&key, bytes + (seen & 3), 4);
  return key;
}

/* The last bytes, up to 7 of them when called by the others; the key is at its start. */
static uint8_t mask_bytes(uint8_t *dst, const uint8_t *src, size_t len, uint32_t key) {
  uint8_t bytes[4], high = 0;
  memcpy(bytes, &key, 4);
  for (size_t i = 0; i < len; i++) {
    dst[i] = src[i] ^ bytes[i & 3];
    high |= dst[i];
  }
  return high & 0x80;
}

int fc_mask_scalar(uint8_t *dst, const uint8_t *src, size_t len, uint32_t key) {
  const uint64_t wide = (uint64_t)key << 32 | key;
  uint64_t high = 0, word;
  size_t i = 0;
  for (; len - i >= 8; i += 8) {
    memcpy(&word, src + i, 8);
    word ^= wide;
    memcpy(dst + i, &word, 8);
    high |= word;
  }
  high |= mask_bytes(dst + i, src + i, len - i, key);
  return (high & 0x8080808080808080u) != 0;
}

#if defined(FC_SIMD_SSE2)
static int mask_sse2(uint8_t *dst, const uint8_t *src, size_t len, uint32_t key) {
  const __m128i wide = _mm_set1_epi32((int)key);
  __m128i high = _mm_setzero_si128();
  size_t i = 0;
  for (; len - i >= 16; i += 16) {
    __m128i bytes = _mm_xor_si128(_mm_loadu_si128((const __m128i *)(const void *)(src + i)), wide);
    _mm_storeu_si128((__m128i *)(void *)(dst + i), bytes);
    high = _mm_or_si128(high, bytes);
  }
  int rest = fc_mask_scalar(dst + i, src + i, len - i, key);
  return _mm_movemask_epi8(high) != 0 || rest;
}
#endif

#if defined(FC_MASK_AVX2)
__attribute__((target("avx2"))) static int mask_avx2(uint8_t *dst, const uint8_t *src, size_t len, uint32_t key) {
  const __m256i wide = _mm256_set1_epi32((int)key);
  __m256i high = _mm256_setzero_si256();
  size_t i = 0;
  for (; len - i >= 64; i += 64) {
    __m256i first = _mm256_loadu_si256((const __m256i *)(const void *)(src + i));
    __m256i second = _mm256_loadu_si256((const __m256i *)(const void *)(src + i + 32));
    first = _mm256_xor_si256(first, wide);
    second = _mm256_xor_si256(second, wide);
    _mm256_storeu_si256((__m256i *)(void *)(dst + i), first);
    _mm256_storeu_si256((__m256i *)(void *)(dst + i + 32), second);
    high = _mm256_or_si256(high, _mm256_or_si256(first, second));
  }
  int seen = _mm256_movemask_epi8(high) != 0;
  int rest = mask_sse2(dst + i, src + i, len - i, key);
  return seen || rest;
}
#endif

#if defined(FC_SIMD_NEON)
static int mask_neon(uint8_t *dst, const uint8_t *src, size_t len, uint32_t key) {
  const uint8x16_t wide = vreinterpretq_u8_u32(vdupq_n_u32(key));
  uint8x16_t high = vdupq_n_u8(0);
  size_t i = 0;
  for (; len - i >= 16; i += 16) {
    uint8x16_t bytes = veorq_u8(vld1q_u8(src + i), wide);
    vst1q_u8(dst + i, bytes);
    high = vorrq_u8(high, bytes);
  }
  int rest = fc_mask_scalar(dst + i, src + i, len - i, key);
  return vmaxvq_u8(high) >= 0x80 || rest;
}
#endif

int fc_mask(uint8_t *dst, const uint8_t *src, size_t len, uint32_t key) {
#if defined(FC_MASK_AVX2)
  if (len >= WIDE_FROM && __builtin_cpu_supports("avx2")) return mask_avx2(dst, src, len, key);
#endif
#if defined(FC_SIMD_SSE2)
  return mask_sse2(dst, src, len, key);
#elif defined(FC_SIMD_NEON)
  return mask_neon(dst, src, len, key);
#else
  return fc_mask_scalar(dst, src, len, key);
#endif
}
