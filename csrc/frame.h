/* SPDX-License-Identifier: MIT
 *
 * The header of a WebSocket frame (RFC 6455 section 5.2), read as a server must and written as a server does.
 */
#ifndef FC_FRAME_H
#define FC_FRAME_H

#include <stddef.h>
#include <stdint.h>

enum fc_opcode {
  FC_OPCODE_CONTINUATION = 0,
  FC_OPCODE_TEXT = 1,
  FC_OPCODE_BINARY = 2,
  FC_OPCODE_CLOSE = 8,
  FC_OPCODE_PING = 9,
  FC_OPCODE_PONG = 10
};

/* Why a header is refused; each closes the connection with 1002. */
enum fc_frame_error {
  FC_FRAME_RESERVED_BIT = -1,    /* RSV2, RSV3, or RSV1 where no extension gives it a meaning */
  FC_FRAME_OPCODE = -2,          /* 3 to 7 and 11 to 15 */
  FC_FRAME_CONTROL_FRAGMENT = -3, /* a control frame without FIN */
  FC_FRAME_CONTROL_LENGTH = -4,  /* a control frame of more than 125 bytes */
  FC_FRAME_UNMASKED = -5,
  FC_FRAME_LENGTH = -6           /* a length that is not in its shortest form, or has its highest bit set */
};

#define FC_FRAME_MAX_HEADER 14

struct fc_frame {
  uint64_t len;    /* of the payload */
  uint8_t opcode;  /* enum fc_opcode */
  uint8_t fin;
  uint8_t rsv1;
  uint8_t mask[4];
};

/* Reads the header of a client's frame.
 *
 * rsv1_allowed: whether an extension uses RSV1 (permessage-deflate, RFC 7692 section 6). Returns the bytes of the
 * header, 0 when more bytes are needed, or an enum fc_frame_error; the first wrong byte is refused without waiting for
 * the rest. */
int32_t fc_frame_parse(const char *buf, size_t len, int rsv1_allowed, struct fc_frame *frame);

/* Writes the header of a server's frame, which is not masked, to 10 bytes of room; returns its length. */
size_t fc_frame_write(char *buf, enum fc_opcode opcode, int rsv1, uint64_t len);

/* Why, in words. */
const char *fc_frame_reason(int32_t error);

#endif
