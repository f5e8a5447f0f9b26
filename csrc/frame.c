/* SPDX-License-Identifier: MIT
 *
 * The header of a WebSocket frame; see frame.h. Called by fastcorn/protocols/_websocket.pyx.
 */
#include "frame.h"

#include <string.h>

static int is_known(uint8_t opcode) {
  return opcode <= FC_OPCODE_BINARY || (opcode >= FC_OPCODE_CLOSE && opcode <= FC_OPCODE_PONG);
}

static uint64_t read_number(const unsigned char *p, unsigned bytes) {
  uint64_t number = 0;
  for (unsigned i = 0; i < bytes; i++) number = number << 8 | p[i];
  return number;
}

/* What the first byte says (RFC 6455 sections 5.2 and 5.5). */
static int32_t check_first(unsigned char first, int rsv1_allowed, struct fc_frame *frame) {
  frame->fin = first >> 7;
  frame->rsv1 = first >> 6 & 1;
  frame->opcode = first & 15;
  if ((first & 0x30) || (frame->rsv1 && !rsv1_allowed)) return FC_FRAME_RESERVED_BIT;
  if (!is_known(frame->opcode)) return FC_FRAME_OPCODE;
  if (frame->opcode >= FC_OPCODE_CLOSE) {
    if (!frame->fin) return FC_FRAME_CONTROL_FRAGMENT;
    if (frame->rsv1) return FC_FRAME_RESERVED_BIT;
  }
  return 0;
}

int32_t fc_frame_parse(const char *buf, size_t len, int rsv1_allowed, struct fc_frame *frame) {
  const unsigned char *p = (const unsigned char *)buf;
  if (len == 0) return 0;
  int32_t error = check_first(p[0], rsv1_allowed, frame);
  if (error) return error;
  if (len == 1) return 0;
  /* Section 5.1: a server closes the connection upon a frame that is not masked. */
  if (!(p[1] & 0x80)) return FC_FRAME_UNMASKED;
  unsigned short_len = p[1] & 0x7f;
  if (frame->opcode >= FC_OPCODE_CLOSE && short_len > 125) return FC_FRAME_CONTROL_LENGTH;
  unsigned extra = short_len == 127 ? 8 : short_len == 126 ? 2 : 0;
  unsigned header = 2 + extra + 4;
  if (len < 2 + extra) return 0;
  frame->len = extra ? read_number(p + 2, extra) : short_len;
  /* The minimal number of bytes must be used, and the most significant bit of 64 must be 0. */
  if ((extra == 2 && frame->len < 126) || (extra == 8 && (frame->len < 65536 || frame->len >> 63))) return FC_FRAME_LENGTH;
  if (len < header) return 0;
  memcpy(frame->mask, p + 2 + extra, 4);
  return (int32_t)header;
}

size_t fc_frame_write(char *buf, enum fc_opcode opcode, int rsv1, uint64_t len) {
  unsigned char *p = (unsigned char *)buf;
  p[0] = (unsigned char)(0x80 | (rsv1 ? 0x40 : 0) | (unsigned)opcode);
  if (len < 126) {
    p[1] = (unsigned char)len;
    return 2;
  }
  unsigned bytes = len < 65536 ? 2 : 8;
  p[1] = bytes == 2 ? 126 : 127;
  for (unsigned i = 0; i < bytes; i++) p[2 + i] = (unsigned char)(len >> 8 * (bytes - 1 - i));
  return 2 + bytes;
}

const char *fc_frame_reason(int32_t error) {
  switch (error) {
    case FC_FRAME_RESERVED_BIT: return "a reserved bit is set";
    case FC_FRAME_OPCODE: return "unknown opcode";
    case FC_FRAME_CONTROL_FRAGMENT: return "a control frame is fragmented";
    case FC_FRAME_CONTROL_LENGTH: return "a control frame is longer than 125 bytes";
    case FC_FRAME_UNMASKED: return "a frame is not masked";
    case FC_FRAME_LENGTH: return "a length is not in its shortest form";
    default: return "bad frame";
  }
}
