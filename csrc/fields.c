/* SPDX-License-Identifier: MIT
 *
 * Copying and checking of field names and values (fields.h): words of eight bytes, the last one overlapping.
 */
#include "fields.h"

#include "chars.h"

int fc_name_copy_lower(char *dst, const char *src, size_t len) {
  unsigned all = FC_TOKEN;
  for (size_t i = 0; i < len; i++) {
    all &= fc_chars[(unsigned char)src[i]];
    dst[i] = (char)fc_lower_byte((unsigned char)src[i]);
  }
  return all && len ? 0 : -1;
}

static void store8(char *dst, uint64_t word) {
  memcpy(dst, &word, 8);
}

void fc_lower_copy(char *dst, const char *src, size_t len) {
  size_t i = 0;
  if (len >= 8) {
    uint64_t last = fc_lower8(fc_load8(src + len - 8)); /* read first: dst may equal src */
    for (; i + 8 < len; i += 8) store8(dst + i, fc_lower8(fc_load8(src + i)));
    store8(dst + len - 8, last);
    return;
  }
  for (; i < len; i++) dst[i] = (char)fc_lower_byte((unsigned char)src[i]);
}

/* Not 0 when one of eight bytes is CR, LF or NUL. x - 1 borrows into bit 7 of a byte that is 0 (and perhaps into the
 * byte above it, which only matters when there is one that is 0). */
static uint64_t has_break8(uint64_t word) {
  const uint64_t ones = 0x0101010101010101u;
  uint64_t cr = word ^ ones * '\r';
  uint64_t lf = word ^ ones * '\n';
  return (((word - ones) & ~word) | ((cr - ones) & ~cr) | ((lf - ones) & ~lf)) & ones * 0x80;
}

int fc_value_copy(char *dst, const char *src, size_t len) {
  uint64_t found = 0;
  size_t i = 0;
  if (len >= 8) {
    for (; i + 8 < len; i += 8) {
      uint64_t word = fc_load8(src + i);
      found |= has_break8(word);
      store8(dst + i, word);
    }
    uint64_t last = fc_load8(src + len - 8);
    store8(dst + len - 8, last);
    return found | has_break8(last) ? -1 : 0;
  }
  for (; i < len; i++) {
    found |= src[i] == '\r' || src[i] == '\n' || src[i] == '\0';
    dst[i] = src[i];
  }
  return found ? -1 : 0;
}

int fc_value_has_break(const char *src, size_t len) {
  uint64_t found = 0;
  size_t i = 0;
  if (len >= 8) {
    for (; i + 8 < len; i += 8) found |= has_break8(fc_load8(src + i));
    return (found | has_break8(fc_load8(src + len - 8))) != 0;
  }
  for (; i < len; i++) found |= src[i] == '\r' || src[i] == '\n' || src[i] == '\0';
  return found != 0;
}

int fc_is_token(const char *src, size_t len) {
  unsigned all = FC_TOKEN;
  for (size_t i = 0; i < len; i++) all &= fc_chars[(unsigned char)src[i]];
  return all && len;
}
