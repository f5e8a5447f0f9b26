/* SPDX-License-Identifier: MIT
 *
 * The masking of WebSocket payloads; see mask.h. Called by fastcorn/protocols/_websocket.pyx.
 *
 * The mask is rotated once by the phase, so that the loop sees a frame that begins here. 8 bytes at a time everywhere,
 * 64 at a time with AVX2 where the CPU has it, which is asked at run time: compilers make 16-byte vectors of the plain loop
 * by themselves, since SSE2 and NEON are part of their base architectures.
 */
#include "mask.h"

#include <string.h>

#if !defined(FC_SCALAR) && defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#define FC_MASK_AVX2 1
#include <immintrin.h>
#endif

/* From here on the wide loop pays for asking what the CPU can do. */
#define FC_MASK_WIDE 256

void fc_mask_copy_scalar(char *dst, const char *src, size_t len, const uint8_t mask[4], uint64_t phase) {
  for (size_t i = 0; i < len; i++) dst[i] = (char)((uint8_t)src[i] ^ mask[(phase + i) & 3]);
}

#if defined(FC_MASK_AVX2)
/* Returns how many bytes were done: a multiple of 64. */
__attribute__((target("avx2"))) static size_t copy_avx2(char *dst, const char *src, size_t len, uint32_t word) {
  const __m256i mask = _mm256_set1_epi32((int)word);
  size_t done = 0;
  for (; len - done >= 64; done += 64) {
    __m256i low = _mm256_loadu_si256((const __m256i *)(const void *)(src + done));
    __m256i high = _mm256_loadu_si256((const __m256i *)(const void *)(src + done + 32));
    _mm256_storeu_si256((__m256i *)(void *)(dst + done), _mm256_xor_si256(low, mask));
    _mm256_storeu_si256((__m256i *)(void *)(dst + done + 32), _mm256_xor_si256(high, mask));
  }
  return done;
}
#endif

void fc_mask_copy(char *dst, const char *src, size_t len, const uint8_t mask[4], uint64_t phase) {
  uint8_t rotated[8];
  for (unsigned i = 0; i < 8; i++) rotated[i] = mask[(phase + i) & 3];
  size_t done = 0;
#if defined(FC_MASK_AVX2)
  if (len >= FC_MASK_WIDE && __builtin_cpu_supports("avx2")) {
    uint32_t word;
    memcpy(&word, rotated, 4);
    done = copy_avx2(dst, src, len, word);
  }
#endif
  uint64_t wide;
  memcpy(&wide, rotated, 8);
  for (; len - done >= 8; done += 8) {
    uint64_t bytes;
    memcpy(&bytes, src + done, 8);
    bytes ^= wide;
    memcpy(dst + done, &bytes, 8);
  }
  for (; done < len; done++) dst[done] = (char)((uint8_t)src[done] ^ rotated[done & 3]);
}
