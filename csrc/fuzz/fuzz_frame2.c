/* SPDX-License-Identifier: MIT
 *
 * libFuzzer target for fc_frame2_parse: frames one after another. The first byte chooses the longest payload.
 *
 * Invariants: each prefix is partial or has the result of the whole; only a connection error may come early; what a
 * frame claims of its content lies within it; an error has a code and a reason, all else has none; the header is
 * written back by fc_frame2_write_header but for the reserved bit; a frame that was accepted keeps section 6.
 */
#include <stdlib.h>
#include <string.h>

#include "../frame2.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int holds) {
  if (!holds) abort();
}

static int parse(const uint8_t *bytes, size_t len, uint32_t limit, fc_frame2 *frame) {
  char *exact = (char *)malloc(len + !len);
  require(exact != NULL);
  if (len) memcpy(exact, bytes, len);
  int result = fc_frame2_parse(exact, len, limit, frame);
  free(exact);
  require(result >= FC_FRAME2_OK && result <= FC_FRAME2_CONNECTION_ERROR);
  require((result >= FC_FRAME2_STREAM_ERROR) == (frame->error != 0));
  require((frame->error != 0) == (frame->reason != NULL) && frame->error <= FC_H2_HTTP_1_1_REQUIRED);
  require(result != FC_FRAME2_STREAM_ERROR || frame->stream_id != 0);
  return result;
}

static void check_header(const uint8_t *bytes, const fc_frame2 *frame) {
  char header[FC_FRAME2_HEADER];
  fc_frame2_write_header(header, frame->length, frame->type, frame->flags, frame->stream_id);
  require(memcmp(header, bytes, 5) == 0 && (uint8_t)header[5] == (bytes[5] & 0x7f));
  require(memcmp(header + 6, bytes + 6, 3) == 0);
}

static void check_accepted(const fc_frame2 *frame, uint32_t limit) {
  static const uint8_t of_stream[] = {1, 1, 1, 1, 0, 0, 0, 0, 0, 1}, of_connection[] = {0, 0, 0, 0, 1, 0, 1, 1, 0, 0};
  require(frame->length <= limit && frame->type != FC_FRAME2_PUSH_PROMISE);
  require(frame->start >= FC_FRAME2_HEADER && frame->start + frame->size <= FC_FRAME2_HEADER + frame->length);
  if (frame->type < sizeof of_stream) {
    require(!of_stream[frame->type] || frame->stream_id != 0);
    require(!of_connection[frame->type] || frame->stream_id == 0);
  }
  if (frame->type == FC_FRAME2_PRIORITY_UPDATE) require(frame->stream_id == 0 && frame->value > 0);
  if (frame->type == FC_FRAME2_WINDOW_UPDATE) require(frame->value > 0 && frame->value <= FC_WINDOW2_MAX);
  if (frame->type != FC_FRAME2_GOAWAY) require(frame->last_stream_id == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 1) return 0;
  uint32_t limit = 255u + data[0];
  const uint8_t *bytes = data + 1;
  size_t len = size - 1;
  for (;;) {
    fc_frame2 frame, prefix;
    int whole = parse(bytes, len, limit, &frame);
    for (size_t i = 0; i <= len; i = i >= 32 && len - i > 32 ? len - 32 : i + 1) {
      int result = parse(bytes, i, limit, &prefix);
      require(result == FC_FRAME2_PARTIAL || result == whole);
      if (result == FC_FRAME2_PARTIAL) {
        require(i < FC_FRAME2_HEADER || i < FC_FRAME2_HEADER + (size_t)prefix.length);
      } else if (result != FC_FRAME2_CONNECTION_ERROR) {
        require(i >= FC_FRAME2_HEADER + (size_t)prefix.length);
      }
      if (i >= FC_FRAME2_HEADER) check_header(bytes, &prefix);
    }
    if (whole == FC_FRAME2_OK) check_accepted(&frame, limit);
    if (whole == FC_FRAME2_PARTIAL || whole == FC_FRAME2_CONNECTION_ERROR) return 0;
    bytes += FC_FRAME2_HEADER + frame.length;
    len -= FC_FRAME2_HEADER + frame.length;
  }
}
