/* SPDX-License-Identifier: MIT
 *
 * libFuzzer target for fc_chunked_decode. The first byte chooses the size of the pieces.
 *
 * Invariants: output is never longer than input, and pieces give the result and the body of the whole, also in place.
 */
#include <stdlib.h>
#include <string.h>

#include "../chunked.h"

typedef struct {
  char *body;
  size_t len;
  ptrdiff_t used;
  int done;
} decoded;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int holds) {
  if (!holds) abort();
}

static decoded decode(const char *bytes, size_t len, size_t step, int in_place) {
  fc_chunked decoder;
  memset(&decoder, 0, sizeof decoder);
  decoded out = {(char *)malloc(len + 1), 0, 0, 0};
  require(out.body != NULL);
  while (out.used >= 0 && (size_t)out.used < len && !decoder.done) {
    size_t piece = len - (size_t)out.used > step ? step : len - (size_t)out.used;
    size_t written = 0;
    char *src = (char *)malloc(piece);
    char *dst = in_place ? src : (char *)malloc(piece);
    require(src != NULL && dst != NULL);
    memcpy(src, bytes + out.used, piece);
    ptrdiff_t result = fc_chunked_decode(&decoder, src, piece, dst, &written);
    require(written <= piece && result >= FC_TRAILER_TOO_LONG && result <= (ptrdiff_t)piece &&
            (result < 0 || result > 0));
    require(result < 0 || decoder.done || result == (ptrdiff_t)piece);
    memcpy(out.body + out.len, dst, written);
    out.len += written;
    out.used = result < 0 ? result : out.used + result;
    if (dst != src) free(dst);
    free(src);
  }
  out.done = decoder.done;
  return out;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 1) return 0;
  const char *bytes = (const char *)data + 1;
  decoded whole = decode(bytes, size - 1, SIZE_MAX, 0);
  for (int in_place = 0; in_place < 2; in_place++) {
    decoded pieces = decode(bytes, size - 1, 1 + data[0] % 19u, in_place);
    require(pieces.used == whole.used && pieces.done == whole.done && pieces.len == whole.len);
    require(memcmp(pieces.body, whole.body, whole.len) == 0);
    free(pieces.body);
  }
  free(whole.body);
  return 0;
}
