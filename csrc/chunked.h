/* SPDX-License-Identifier: MIT
 *
 * Chunked transfer coding (RFC 9112 section 7.1): a resumable decoder, valid when zero-filled.
 *
 * Chunk extensions are skipped and bounded in total; trailer fields are checked as strictly as header fields, bounded,
 * and dropped. Called by H1Connection; allocates nothing.
 */
#ifndef FC_CHUNKED_H
#define FC_CHUNKED_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
  uint64_t chunk_left;    /* bytes of the current chunk not yet seen */
  uint32_t overhead;      /* bytes of extensions and sizes seen, less what data has earned back: bounded */
  uint32_t trailer_bytes; /* bytes of the trailer section seen */
  uint32_t trailer_fields;
  uint8_t state;
  uint8_t digits; /* hex digits of the current size */
  uint8_t done;   /* the last CRLF has been read */
} fc_chunked;

enum fc_chunked_result {
  FC_BAD_CHUNK_SIZE = -40,      /* 400 not hex, none, or overflow */
  FC_BAD_CHUNK_EXTENSION = -41, /* 400 control character in an extension */
  FC_BAD_CHUNK_END = -42,       /* 400 no CRLF after the data or the size line */
  FC_BAD_TRAILER = -43,         /* 400 */
  FC_CHUNK_OVERHEAD = -44,      /* 400 too many bytes of extensions for the data they carry */
  FC_TRAILER_TOO_LONG = -45     /* 431 */
};

/* Decodes [src, src+len) and writes the body bytes to dst (at most len of them; dst may equal src).
 *
 * Sets *dst_len to the bytes written. Returns the bytes of src that were consumed: len, or fewer when the body has ended
 * (decoder->done is 1; the rest belongs to the next request); or an error < 0. */
ptrdiff_t fc_chunked_decode(fc_chunked *decoder, const char *src, size_t len, char *dst, size_t *dst_len);

#endif
