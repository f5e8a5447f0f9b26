/* SPDX-License-Identifier: MIT
 *
 * WebSocket frame headers (RFC 6455 section 5.2): bytes -> fields, checked, and back.
 *
 * Stateless: a header has at most 14 bytes and is parsed from its start when more have come; what is wrong is refused
 * with the first byte that shows it. Called by NativeCodec; allocates nothing.
 */
#ifndef FC_FRAME_H
#define FC_FRAME_H

#include <stddef.h>
#include <stdint.h>

enum fc_opcode {
  FC_OP_CONTINUATION = 0x0,
  FC_OP_TEXT = 0x1,
  FC_OP_BINARY = 0x2,
  FC_OP_CLOSE = 0x8,
  FC_OP_PING = 0x9,
  FC_OP_PONG = 0xa
};

#define FC_FRAME_HEADER_MAX  14  /* of a client: 2 + 8 + a mask of 4 */
#define FC_FRAME_CONTROL_MAX 125 /* payload of a control frame (section 5.5) */

/* What the header may be: bits for fc_frame_parse. */
enum fc_frame_context {
  FC_IN_MESSAGE = 1, /* a fragmented message is not complete: only its continuation or a control frame may come */
  FC_DEFLATE = 2     /* permessage-deflate was negotiated: the first frame of a message may have RSV1 */
};

typedef struct {
  uint64_t length; /* bytes of the payload */
  uint32_t key;    /* the mask in the order of memory, for fc_mask */
  uint8_t opcode;
  uint8_t fin;
  uint8_t compressed; /* RSV1 */
  uint8_t control;
} fc_frame;

/* Results below zero: all are protocol errors (close code 1002). */
enum fc_frame_result {
  FC_FRAME_PARTIAL = 0,
  FC_FRAME_RESERVED_BIT = -1,
  FC_FRAME_RESERVED_OPCODE = -2,
  FC_FRAME_NOT_MASKED = -3,
  FC_FRAME_CONTROL_FRAGMENTED = -4,
  FC_FRAME_CONTROL_TOO_LONG = -5,
  FC_FRAME_NOTHING_TO_CONTINUE = -6,
  FC_FRAME_INTERLEAVED = -7,
  FC_FRAME_LENGTH_NOT_MINIMAL = -8,
  FC_FRAME_LENGTH_TOO_LARGE = -9
};

/* Parses the header of a client's frame at the start of buf; context is a sum of enum fc_frame_context.
 *
 * Returns the bytes of the header (6, 8 or 14), FC_FRAME_PARTIAL, or an error < 0. */
int fc_frame_parse(const uint8_t *buf, size_t len, unsigned context, fc_frame *frame);

/* Writes the header of a server's frame (final, not masked) and returns its bytes: 2, 4 or 10. */
size_t fc_frame_write(uint8_t *dst, unsigned opcode, int compressed, uint64_t length);

/* One lower-case phrase for the log that names the mistake; never NULL. */
const char *fc_frame_reason(int error);

/* 1 = a close frame may carry this code (section 7.4; 1012 to 1014 by IANA's registry). */
int fc_close_code_valid(unsigned code);

#endif
