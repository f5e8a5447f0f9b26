/* SPDX-License-Identifier: MIT
 *
 * The one way a line of a head may end: CR LF (RFC 9112 section 2.2). Included by head.c and request_line.c.
 */
#ifndef FC_LINE_H
#define FC_LINE_H

#include "head.h"

/* What the byte at pos (< len), which cannot continue the current element, means.
 *
 * Returns the position after CR LF, FC_PARTIAL when LF has not come yet, FC_BAD_LINE_END for a bare CR or LF, and
 * otherwise (< 0) for any other byte. */
static inline int32_t fc_line_end(const char *buf, uint32_t pos, uint32_t len, int32_t otherwise) {
  if (buf[pos] == '\n') return FC_BAD_LINE_END;
  if (buf[pos] != '\r') return otherwise;
  if (pos + 1 == len) return FC_PARTIAL;
  return buf[pos + 1] == '\n' ? (int32_t)pos + 2 : FC_BAD_LINE_END;
}

#endif
