/* SPDX-License-Identifier: MIT
 *
 * Percent-decoding of a request path (RFC 3986 section 2.1). A '%' that is not followed by two hex digits stays as it
 * is, as urllib.parse.unquote does; what is not UTF-8 afterwards is the caller's decision.
 */
#ifndef FC_PATH_H
#define FC_PATH_H

#include <stddef.h>

/* Decodes len bytes to dst (at most len; dst may equal src). Returns the bytes written; *ascii is 1 when all are < 128. */
size_t fc_path_decode(char *dst, const char *src, size_t len, int *ascii);

#endif
