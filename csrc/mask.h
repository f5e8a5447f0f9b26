/* SPDX-License-Identifier: MIT
 *
 * The masking of WebSocket payloads (RFC 6455 section 5.3): XOR with four bytes, over and over.
 */
#ifndef FC_MASK_H
#define FC_MASK_H

#include <stddef.h>
#include <stdint.h>

/* Copies len bytes from src to dst, each XORed with mask[(phase + its index) % 4].
 *
 * phase: how many bytes of the frame came before, so that a frame may be unmasked as it comes in. dst may be src; the
 * two must not overlap otherwise. */
void fc_mask_copy(char *dst, const char *src, size_t len, const uint8_t mask[4], uint64_t phase);

/* The same, one byte at a time: what the tests compare with. */
void fc_mask_copy_scalar(char *dst, const char *src, size_t len, const uint8_t mask[4], uint64_t phase);

#endif
