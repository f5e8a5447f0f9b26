/* SPDX-License-Identifier: MIT
 *
 * libFuzzer target for fc_mask and fc_utf8_check: a payload is unmasked and checked in pieces. The first bytes are the
 * size of the pieces and the key.
 *
 * Invariants: pieces give the bytes and the verdict of the whole; masking twice gives the original; the high bit is told;
 * a text is valid when decoding it by code points says so.
 */
#include <stdlib.h>
#include <string.h>

#include "../mask.h"
#include "../utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int holds) {
  if (!holds) abort();
}

/* Bytes of the character at the start, or 0: invalid or cut short. */
static size_t character(const uint8_t *p, size_t len) {
  static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  size_t bytes = p[0] < 0x80             ? 1
                 : (p[0] & 0xe0) == 0xc0 ? 2
                 : (p[0] & 0xf0) == 0xe0 ? 3
                 : (p[0] & 0xf8) == 0xf0 ? 4
                                         : 0;
  if (bytes < 2) return bytes;
  if (bytes > len) return 0;
  uint32_t point = p[0] & (0x7fu >> bytes);
  for (size_t i = 1; i < bytes; i++) {
    if ((p[i] & 0xc0) != 0x80) return 0;
    point = point << 6 | (p[i] & 0x3f);
  }
  return point >= least[bytes] && point <= 0x10ffff && (point < 0xd800 || point > 0xdfff) ? bytes : 0;
}

static int is_valid(const uint8_t *p, size_t len) {
  while (len) {
    size_t bytes = character(p, len);
    if (!bytes) return 0;
    p += bytes;
    len -= bytes;
  }
  return 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 5) return 0;
  size_t step = 1 + data[0] % 37u, len = size - 5;
  uint32_t key;
  memcpy(&key, data + 1, 4);
  uint8_t *text = (uint8_t *)malloc(len + 1), *pieces = (uint8_t *)malloc(len + 1);
  require(text != NULL && pieces != NULL);
  int high = fc_mask(text, data + 5, len, key) != 0, seen = 0, valid = 1;
  fc_utf8 state = {0, 0, 0}, whole = {0, 0, 0};
  for (size_t at = 0; at < len; at += step) {
    size_t piece = len - at < step ? len - at : step;
    seen |= fc_mask(pieces + at, data + 5 + at, piece, fc_mask_rotate(key, at)) != 0;
    if (valid) valid = fc_utf8_check(&state, pieces + at, piece);
  }
  require(memcmp(text, pieces, len) == 0 && seen == high);
  require(fc_utf8_check(&whole, text, len) == valid && (!valid || whole.need == state.need));
  require((valid && !state.need) == is_valid(text, len));
  require(fc_mask_scalar(pieces, data + 5, len, key) == high && memcmp(text, pieces, len) == 0);
  fc_mask(text, text, len, key);
  require(memcmp(text, data + 5, len) == 0);
  free(text);
  free(pieces);
  return 0;
}
