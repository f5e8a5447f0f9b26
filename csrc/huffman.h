/* SPDX-License-Identifier: MIT
 *
 * The Huffman code of HPACK and QPACK (RFC 7541 section 5.2 and appendix B).
 *
 * Called by hpack_decode.c and hpack_encode.c.
 */
#ifndef FC_HUFFMAN_H
#define FC_HUFFMAN_H

#include <stddef.h>

/* The most bytes that len bytes can decode to: the shortest code has five bits. */
static inline size_t fc_huffman_bound(size_t len) {
  return len + len / 5 * 3 + len % 5 * 3 / 5;
}

/* Decodes len bytes to dst, which has room for fc_huffman_bound(len).
 *
 * Returns the bytes written, or -1: a symbol is cut, EOS is coded, or the padding is not up to seven bits of ones. */
ptrdiff_t fc_huffman_decode(char *dst, const char *src, size_t len);

/* The bytes that fc_huffman_encode() writes. */
size_t fc_huffman_size(const char *src, size_t len);

/* Encodes len bytes, padded with ones. Returns the bytes written. */
size_t fc_huffman_encode(char *dst, const char *src, size_t len);

#endif
