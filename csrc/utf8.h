/* SPDX-License-Identifier: MIT
 *
 * UTF-8 (RFC 3629) in pieces: a resumable validator, valid when zero-filled, that fails at the first byte that no valid
 * text could have there. Called by NativeCodec; allocates nothing.
 */
#ifndef FC_UTF8_H
#define FC_UTF8_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
  uint8_t need; /* continuation bytes that are to come: 0 = at the end of a character */
  uint8_t low;  /* the range of the next one */
  uint8_t high;
} fc_utf8;

/* Reads on. Returns 1 when all bytes may be part of a valid text, else 0 (the state is then of no use). */
int fc_utf8_check(fc_utf8 *state, const uint8_t *bytes, size_t len);

#endif
