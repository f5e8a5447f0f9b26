/* SPDX-License-Identifier: MIT
 *
 * Masking (RFC 6455 section 5.3): XOR with a repeated key of 4 bytes, while the bytes are copied.
 *
 * AVX2 is chosen at run time for what is worth it; SSE2 and NEON are part of their architectures; elsewhere 8 bytes at a
 * time. Called by NativeCodec; allocates nothing.
 */
#ifndef FC_MASK_H
#define FC_MASK_H

#include <stddef.h>
#include <stdint.h>

/* Writes [src, src+len) XOR key to dst; dst may equal src, else they do not overlap. Any alignment.
 *
 * key has its bytes in the order of memory. Returns non-zero when a byte written is above 0x7f. */
int fc_mask(uint8_t *dst, const uint8_t *src, size_t len, uint32_t key);

/* The key for what follows the first `seen` bytes of a payload. */
uint32_t fc_mask_rotate(uint32_t key, size_t seen);

/* The routes of fc_mask, for the tests: all give the same bytes and the same result. */
int fc_mask_scalar(uint8_t *dst, const uint8_t *src, size_t len, uint32_t key);

#endif
