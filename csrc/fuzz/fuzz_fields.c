/* SPDX-License-Identifier: MIT
 *
 * libFuzzer target for path.h, fields.h, names.h and host.h on the same bytes, each against a plain definition.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../chars.h"
#include "../fields.h"
#include "../host.h"
#include "../names.h"
#include "../path.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int holds) {
  if (!holds) abort();
}

static char *copy_of(const char *bytes, size_t len) {
  char *copy = (char *)malloc(len ? len : 1);
  require(copy != NULL);
  if (len) memcpy(copy, bytes, len);
  return copy;
}

static void require_path(const char *src, size_t len) {
  char *there = copy_of(src, len);
  char *in_place = copy_of(src, len);
  int ascii = -1;
  int again = -1;
  size_t written = fc_path_decode(there, src, len, &ascii);
  require(written <= len && fc_path_decode(in_place, in_place, len, &again) == written);
  require(memcmp(there, in_place, written) == 0 && ascii == again);
  int plain = 1;
  for (size_t i = 0; i < written; i++) plain &= (unsigned char)there[i] < 0x80;
  require(ascii == plain);
  free(there);
  free(in_place);
}

static void require_fields(const char *src, size_t len) {
  char *dst = copy_of(src, len);
  int token = len > 0;
  int breaks = 0;
  for (size_t i = 0; i < len; i++) {
    token &= fc_is(src[i], FC_TOKEN) != 0;
    breaks |= src[i] == '\r' || src[i] == '\n' || src[i] == '\0';
  }
  require(fc_is_token(src, len) == token);
  require(fc_value_has_break(src, len) == breaks);
  require(fc_value_copy(dst, src, len) == (breaks ? -1 : 0) && memcmp(dst, src, len) == 0);
  require(fc_name_copy_lower(dst, src, len) == (token ? 0 : -1));
  fc_lower_copy(dst, src, len);
  for (size_t i = 0; i < len; i++) require((unsigned char)dst[i] == fc_lower_byte((unsigned char)src[i]));
  int id = fc_name_id(src, len);
  if (id != FC_NAME_UNKNOWN) {
    size_t text_len;
    const char *text = fc_name_text(id, &text_len);
    require(text_len == len && memcmp(text, dst, len) == 0);
  }
  free(dst);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char *src = copy_of((const char *)data, size);
  require_path(src, size);
  require_fields(src, size);
  int host = fc_host_check(src, size);
  require(host == -1 || (host > 0 && (size_t)host <= size));
  require(host == -1 || (size_t)host == size || src[host] == ':');
  free(src);
  return 0;
}
