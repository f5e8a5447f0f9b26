/* SPDX-License-Identifier: MIT
 *
 * The chunked decoder (chunked.h) as a byte-driven machine, except for chunk data, which moves in one piece.
 *
 *   SIZE -> [EXTENSION] -> SIZE_LF -> DATA -> DATA_CR -> DATA_LF -> SIZE ...
 *                             `-> TRAILER_START -> TRAILER_NAME -> TRAILER_VALUE -> TRAILER_LF -> TRAILER_START
 *                                      `-> END_LF -> DONE
 */
#include "chunked.h"

#include <string.h>

#include "chars.h"

/* Leading zeros count: no sender needs more digits for a number of 63 bits. */
#define SIZE_DIGITS_MAX 16

/* Digits and extensions are paid for by data, byte for byte: a signature of 85 bytes before each 64 KiB never gets near it, while a
 * client that sends extensions instead of data does at once. Precedents: hyper 16 KiB, h2o 100 KiB a body. */
#define OVERHEAD_MAX (16u * 1024u)

#define TRAILER_BYTES_MAX  (16u * 1024u)
#define TRAILER_FIELDS_MAX 100u

enum state {
  SIZE = 0,
  EXTENSION_SPACE,
  EXTENSION,
  SIZE_LF,
  DATA,
  DATA_CR,
  DATA_LF,
  TRAILER_START,
  TRAILER_NAME,
  TRAILER_VALUE,
  TRAILER_LF,
  END_LF,
  DONE
};

/* One hex digit of the size or what follows it; 0 or an error. */
static int size_read(fc_chunked *decoder, char byte) {
  if (fc_is(byte, FC_HEX)) {
    if (++decoder->digits > SIZE_DIGITS_MAX || decoder->chunk_left > (uint64_t)INT64_MAX >> 4) return FC_BAD_CHUNK_SIZE;
    decoder->chunk_left = decoder->chunk_left << 4 | fc_hex_value(byte);
    return 0;
  }
  if (decoder->digits == 0) return FC_BAD_CHUNK_SIZE;
  switch (byte) {
  case '\r': decoder->state = SIZE_LF; return 0;
  case '\n': return FC_BAD_CHUNK_END;
  case ';': decoder->state = EXTENSION; return 0;
  case ' ':
  case '\t': decoder->state = EXTENSION_SPACE; return 0;
  default: return FC_BAD_CHUNK_SIZE;
  }
}

/* White space between a size and ';' (BWS, RFC 9112 section 7.1.1): nothing else may follow it. */
static int extension_space_read(fc_chunked *decoder, char byte) {
  if (fc_is_space(byte)) return 0;
  if (byte != ';') return FC_BAD_CHUNK_SIZE;
  decoder->state = EXTENSION;
  return 0;
}

static int extension_read(fc_chunked *decoder, char byte) {
  if (fc_is(byte, FC_VALUE)) return 0;
  if (byte == '\n') return FC_BAD_CHUNK_END;
  if (byte != '\r') return FC_BAD_CHUNK_EXTENSION;
  decoder->state = SIZE_LF;
  return 0;
}

static int trailer_start_read(fc_chunked *decoder, char byte) {
  if (byte == '\r') {
    decoder->state = END_LF;
    return 0;
  }
  if (!fc_is(byte, FC_TOKEN)) return FC_BAD_TRAILER; /* a folded line too */
  if (++decoder->trailer_fields > TRAILER_FIELDS_MAX) return FC_TRAILER_TOO_LONG;
  decoder->state = TRAILER_NAME;
  return 0;
}

static int trailer_read(fc_chunked *decoder, char byte) {
  if (++decoder->trailer_bytes > TRAILER_BYTES_MAX) return FC_TRAILER_TOO_LONG;
  switch (decoder->state) {
  case TRAILER_START: return trailer_start_read(decoder, byte);
  case TRAILER_NAME:
    if (fc_is(byte, FC_TOKEN)) return 0;
    decoder->state = TRAILER_VALUE;
    return byte == ':' ? 0 : FC_BAD_TRAILER;
  case TRAILER_VALUE:
    if (fc_is(byte, FC_VALUE)) return 0;
    decoder->state = TRAILER_LF;
    return byte == '\r' ? 0 : FC_BAD_TRAILER;
  case TRAILER_LF: decoder->state = TRAILER_START; return byte == '\n' ? 0 : FC_BAD_TRAILER;
  default: /* END_LF */
    decoder->state = DONE;
    decoder->done = byte == '\n';
    return decoder->done ? 0 : FC_BAD_TRAILER;
  }
}

static int line_end_read(fc_chunked *decoder, char byte, char expected, uint8_t next) {
  if (byte != expected) return FC_BAD_CHUNK_END;
  decoder->state = next;
  return 0;
}

/* One byte that is not chunk data; 0 or an error. */
static int byte_read(fc_chunked *decoder, char byte) {
  switch (decoder->state) {
  case SIZE:
  case EXTENSION_SPACE:
  case EXTENSION:
    if (byte != '\r' && ++decoder->overhead > OVERHEAD_MAX) return FC_CHUNK_OVERHEAD;
    if (decoder->state == SIZE) return size_read(decoder, byte);
    return decoder->state == EXTENSION ? extension_read(decoder, byte) : extension_space_read(decoder, byte);
  case SIZE_LF:
    decoder->digits = 0;
    return line_end_read(decoder, byte, '\n', decoder->chunk_left ? DATA : TRAILER_START);
  case DATA_CR: return line_end_read(decoder, byte, '\r', DATA_LF);
  case DATA_LF: return line_end_read(decoder, byte, '\n', SIZE);
  default: return trailer_read(decoder, byte);
  }
}

/* Moves chunk data; returns the bytes moved. */
static size_t data_move(fc_chunked *decoder, const char *src, size_t len, char *dst) {
  size_t count = decoder->chunk_left < len ? (size_t)decoder->chunk_left : len;
  if (dst != src) memmove(dst, src, count);
  decoder->chunk_left -= count;
  decoder->overhead -= decoder->overhead < count ? decoder->overhead : (uint32_t)count;
  if (decoder->chunk_left == 0) decoder->state = DATA_CR;
  return count;
}

ptrdiff_t fc_chunked_decode(fc_chunked *decoder, const char *src, size_t len, char *dst, size_t *dst_len) {
  size_t pos = 0;
  size_t written = 0;
  int error = 0;
  while (pos < len && !decoder->done && !error) {
    if (decoder->state == DATA) {
      size_t count = data_move(decoder, src + pos, len - pos, dst + written);
      pos += count;
      written += count;
    } else {
      error = byte_read(decoder, src[pos++]);
    }
  }
  *dst_len = written;
  return error ? (ptrdiff_t)error : (ptrdiff_t)pos;
}
