/* SPDX-License-Identifier: MIT
 *
 * libFuzzer target for fc_frame_parse. The first byte is the context.
 *
 * Invariants: each prefix is partial, the same header or the same error; an error once seen stays; a header that was
 * accepted keeps every rule of RFC 6455 section 5 and is written back by fc_frame_write but for its mask.
 */
#include <stdlib.h>
#include <string.h>

#include "../frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int holds) {
  if (!holds) abort();
}

static int parse(const uint8_t *bytes, size_t len, unsigned context, fc_frame *frame) {
  uint8_t *exact = (uint8_t *)malloc(len + !len);
  require(exact != NULL);
  if (len) memcpy(exact, bytes, len);
  int result = fc_frame_parse(exact, len, context, frame);
  free(exact);
  return result;
}

static void check_accepted(const uint8_t *bytes, int used, unsigned context, const fc_frame *frame) {
  uint8_t header[FC_FRAME_HEADER_MAX];
  require(used == 6 || used == 8 || used == 14);
  size_t len = fc_frame_write(header, frame->opcode, frame->compressed, frame->length);
  require((int)len + 4 == used && header[1] == (bytes[1] & 0x7f) && memcmp(header + 2, bytes + 2, len - 2) == 0);
  require((header[0] & 0x7f) == (bytes[0] & 0x7f) && frame->fin == bytes[0] >> 7);
  require(memcmp(&frame->key, bytes + len, 4) == 0);
  require(!frame->control || (frame->fin && frame->length <= FC_FRAME_CONTROL_MAX && !frame->compressed));
  require(!frame->compressed || (context & FC_DEFLATE));
  require(frame->control || (frame->opcode == FC_OP_CONTINUATION) == ((context & FC_IN_MESSAGE) != 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 1) return 0;
  unsigned context = data[0] & 3;
  const uint8_t *bytes = data + 1;
  size_t len = size - 1 < 20 ? size - 1 : 20;
  fc_frame frame;
  int whole = parse(bytes, len, context, &frame);
  require(whole <= (int)len && whole >= FC_FRAME_LENGTH_TOO_LARGE);
  if (whole > 0) check_accepted(bytes, whole, context, &frame);
  int last = FC_FRAME_PARTIAL;
  for (size_t i = 0; i <= len; i++) {
    int result = parse(bytes, i, context, &frame);
    require(last == FC_FRAME_PARTIAL || result == last);
    require(result == FC_FRAME_PARTIAL || result == whole);
    require(fc_frame_reason(result) != NULL);
    last = result;
  }
  return 0;
}
