/* SPDX-License-Identifier: MIT
 *
 * Percent-decoding (path.h). The bytes between two '%' move in one piece.
 */
#include "path.h"

#include "chars.h"

/* 1 when all bytes are below 128. */
static int is_ascii(const char *p, size_t len) {
  uint64_t all = 0;
  size_t i = 0;
  for (; i + 8 <= len; i += 8) all |= fc_load8(p + i);
  for (; i < len; i++) all |= (unsigned char)p[i] & 0x80u;
  return (all & 0x8080808080808080u) == 0;
}

size_t fc_path_decode(char *dst, const char *src, size_t len, int *ascii) {
  const char *p = src;
  const char *end = src + len;
  char *out = dst;
  while (p < end) {
    const char *percent = (const char *)memchr(p, '%', (size_t)(end - p));
    size_t run = (size_t)((percent ? percent : end) - p);
    if (out != p) memmove(out, p, run);
    out += run;
    p += run;
    if (!percent) break;
    if (end - p >= 3 && fc_is(p[1], FC_HEX) && fc_is(p[2], FC_HEX)) {
      *out++ = (char)(unsigned char)(fc_hex_value(p[1]) << 4 | fc_hex_value(p[2]));
      p += 3;
    } else {
      *out++ = *p++;
    }
  }
  size_t written = (size_t)(out - dst);
  *ascii = is_ascii(dst, written);
  return written;
}
