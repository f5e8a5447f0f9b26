/* SPDX-License-Identifier: MIT
 *
 * Frame headers of frame.h, in the order of the bytes of RFC 6455 section 5.2.
 */
#include "frame.h"

#include <string.h>

/* The first byte: FIN, RSV1 to RSV3, opcode. 0 or an error. */
static int check_first(uint8_t byte, unsigned context, fc_frame *frame) {
  frame->fin = byte >> 7;
  frame->compressed = (byte >> 6) & 1;
  frame->opcode = byte & 0x0f;
  frame->control = frame->opcode >> 3;
  if (byte & 0x30) return FC_FRAME_RESERVED_BIT;
  if ((frame->opcode & 7) > 2) return FC_FRAME_RESERVED_OPCODE;
  /* RFC 7692 section 6.1: RSV1 is of the message, so of its first frame only. */
  if (frame->compressed && (!(context & FC_DEFLATE) || frame->control || frame->opcode == FC_OP_CONTINUATION)) {
    return FC_FRAME_RESERVED_BIT;
  }
  if (frame->control) return frame->fin ? 0 : FC_FRAME_CONTROL_FRAGMENTED;
  if (frame->opcode == FC_OP_CONTINUATION) return context & FC_IN_MESSAGE ? 0 : FC_FRAME_NOTHING_TO_CONTINUE;
  return context & FC_IN_MESSAGE ? FC_FRAME_INTERLEAVED : 0;
}

/* The length that follows a 126 or 127; 0 = read, 1 = partial, or an error. */
static int read_long_length(const uint8_t *buf, size_t len, size_t bytes, fc_frame *frame) {
  uint64_t length = 0;
  size_t seen = len - 2 < bytes ? len - 2 : bytes;
  if (bytes == 8 && seen > 0 && buf[2] & 0x80) return FC_FRAME_LENGTH_TOO_LARGE;
  if (seen < bytes) return 1;
  for (size_t i = 0; i < bytes; i++) length = length << 8 | buf[2 + i];
  frame->length = length;
  return length < (bytes == 2 ? 126u : 65536u) ? FC_FRAME_LENGTH_NOT_MINIMAL : 0;
}

int fc_frame_parse(const uint8_t *buf, size_t len, unsigned context, fc_frame *frame) {
  size_t used = 2;
  int result;
  if (len == 0) return FC_FRAME_PARTIAL;
  result = check_first(buf[0], context, frame);
  if (result < 0) return result;
  if (len == 1) return FC_FRAME_PARTIAL;
  if (!(buf[1] & 0x80)) return FC_FRAME_NOT_MASKED;
  frame->length = buf[1] & 0x7f;
  if (frame->length > FC_FRAME_CONTROL_MAX) {
    size_t bytes = frame->length == 126 ? 2 : 8;
    if (frame->control) return FC_FRAME_CONTROL_TOO_LONG;
    result = read_long_length(buf, len, bytes, frame);
    if (result) return result < 0 ? result : FC_FRAME_PARTIAL;
    used += bytes;
  }
  if (len - used < 4) return FC_FRAME_PARTIAL;
  memcpy(&frame->key, buf + used, 4);
  return (int)used + 4;
}

size_t fc_frame_write(uint8_t *dst, unsigned opcode, int compressed, uint64_t length) {
  size_t bytes = length < 126 ? 0 : length < 65536 ? 2 : 8;
  dst[0] = (uint8_t)(0x80 | (compressed ? 0x40 : 0) | opcode);
  dst[1] = (uint8_t)(bytes == 0 ? length : bytes == 2 ? 126 : 127);
  for (size_t i = 0; i < bytes; i++) dst[2 + i] = (uint8_t)(length >> (8 * (bytes - 1 - i)));
  return 2 + bytes;
}

const char *fc_frame_reason(int error) {
  switch (error) {
  case FC_FRAME_RESERVED_BIT: return "reserved bit set";
  case FC_FRAME_RESERVED_OPCODE: return "reserved opcode";
  case FC_FRAME_NOT_MASKED: return "frame not masked";
  case FC_FRAME_CONTROL_FRAGMENTED: return "fragmented control frame";
  case FC_FRAME_CONTROL_TOO_LONG: return "control frame of more than 125 bytes";
  case FC_FRAME_NOTHING_TO_CONTINUE: return "continuation frame without a message";
  case FC_FRAME_INTERLEAVED: return "new message before the last one is complete";
  case FC_FRAME_LENGTH_NOT_MINIMAL: return "length not encoded in the fewest bytes";
  case FC_FRAME_LENGTH_TOO_LARGE: return "length of 2^63 or more";
  default: return "unknown error";
  }
}

int fc_close_code_valid(unsigned code) {
  if (code >= 3000) return code <= 4999;
  return code >= 1000 && code <= 1014 && (code < 1004 || code > 1006);
}
