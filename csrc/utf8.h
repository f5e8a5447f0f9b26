/* SPDX-License-Identifier: MIT
 *
 * UTF-8 as it comes in: whether the bytes so far can be the beginning of a valid text (RFC 3629).
 */
#ifndef FC_UTF8_H
#define FC_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Between two characters when it is zero-filled. */
struct fc_utf8 {
  uint8_t more; /* continuation bytes that are still to come */
  uint8_t low;  /* the bounds of the next one, when they are narrower than 80 to bf; 0 = they are not */
  uint8_t high;
};

/* Takes more bytes; returns 0 at the first that cannot follow, else 1. The text is whole when `more` is 0. */
int fc_utf8_check(struct fc_utf8 *state, const char *buf, size_t len);

/* How many bytes at the beginning are ASCII. */
size_t fc_ascii_prefix(const char *buf, size_t len);

#endif
