/* SPDX-License-Identifier: MIT
 *
 * HTTP/2 frames as a server receives them (RFC 9113 sections 4 and 6, RFC 9218 section 7.1): bytes -> fields, checked.
 *
 * Stateless: what a frame is by itself is decided here; whether its stream is open, or CONTINUATION must come, is for
 * the connection to know. A connection error that the nine bytes of the header show is told with the ninth, so that no
 * payload is waited for. Called by H2Connection and its engines; allocates nothing.
 */
#ifndef FC_FRAME2_H
#define FC_FRAME2_H

#include <stddef.h>
#include <stdint.h>

enum fc_frame2_type {
  FC_FRAME2_DATA = 0,
  FC_FRAME2_HEADERS = 1,
  FC_FRAME2_PRIORITY = 2,
  FC_FRAME2_RST_STREAM = 3,
  FC_FRAME2_SETTINGS = 4,
  FC_FRAME2_PUSH_PROMISE = 5,
  FC_FRAME2_PING = 6,
  FC_FRAME2_GOAWAY = 7,
  FC_FRAME2_WINDOW_UPDATE = 8,
  FC_FRAME2_CONTINUATION = 9,
  FC_FRAME2_PRIORITY_UPDATE = 16
};

/* ACK is of SETTINGS and PING, END_STREAM of DATA and HEADERS. */
enum fc_flag2 {
  FC_FLAG2_END_STREAM = 0x01,
  FC_FLAG2_ACK = 0x01,
  FC_FLAG2_END_HEADERS = 0x04,
  FC_FLAG2_PADDED = 0x08,
  FC_FLAG2_PRIORITY = 0x20
};

/* Error codes of RFC 9113 section 7. */
enum fc_h2_error {
  FC_H2_NO_ERROR = 0,
  FC_H2_PROTOCOL_ERROR = 1,
  FC_H2_INTERNAL_ERROR = 2,
  FC_H2_FLOW_CONTROL_ERROR = 3,
  FC_H2_SETTINGS_TIMEOUT = 4,
  FC_H2_STREAM_CLOSED = 5,
  FC_H2_FRAME_SIZE_ERROR = 6,
  FC_H2_REFUSED_STREAM = 7,
  FC_H2_CANCEL = 8,
  FC_H2_COMPRESSION_ERROR = 9,
  FC_H2_CONNECT_ERROR = 10,
  FC_H2_ENHANCE_YOUR_CALM = 11,
  FC_H2_INADEQUATE_SECURITY = 12,
  FC_H2_HTTP_1_1_REQUIRED = 13
};

/* Identifiers of settings (RFC 9113 section 6.5.2, RFC 8441 section 3, RFC 9218 section 2.1). */
enum fc_setting2 {
  FC_SETTING2_HEADER_TABLE_SIZE = 1,
  FC_SETTING2_ENABLE_PUSH = 2,
  FC_SETTING2_MAX_CONCURRENT_STREAMS = 3,
  FC_SETTING2_INITIAL_WINDOW_SIZE = 4,
  FC_SETTING2_MAX_FRAME_SIZE = 5,
  FC_SETTING2_MAX_HEADER_LIST_SIZE = 6,
  FC_SETTING2_ENABLE_CONNECT_PROTOCOL = 8,
  FC_SETTING2_NO_RFC7540_PRIORITIES = 9
};

#define FC_FRAME2_HEADER   9           /* bytes of a frame header */
#define FC_FRAME2_SIZE_MIN 16384u      /* what every receiver takes (section 4.2) */
#define FC_FRAME2_SIZE_MAX 16777215u   /* 2^24 - 1 */
#define FC_WINDOW2_MAX     2147483647u /* 2^31 - 1 (section 6.9.1) */

typedef struct {
  uint32_t length; /* of the payload */
  uint8_t type;
  uint8_t flags;
  uint32_t stream_id;
  uint32_t start;          /* the content, from the first byte of the frame: without padding and without fields that */
  uint32_t size;           /* are read here. DATA: the data; HEADERS: the fragment; GOAWAY: the debug data; */
                           /* PRIORITY_UPDATE: the field value; RST_STREAM, WINDOW_UPDATE: none; others: the payload */
  uint32_t value;          /* WINDOW_UPDATE: increment; RST_STREAM, GOAWAY: error code; PRIORITY_UPDATE: the stream */
  uint32_t last_stream_id; /* GOAWAY */
  uint32_t error;          /* enum fc_h2_error when the result is an error, else 0 */
  const char *reason;      /* a lower-case phrase that names the mistake when the result is an error, else NULL */
} fc_frame2;

enum fc_frame2_result {
  FC_FRAME2_OK = 0,
  FC_FRAME2_PARTIAL = 1,
  FC_FRAME2_STREAM_ERROR = 2,    /* the frame is whole and can be skipped; its stream is to be reset */
  FC_FRAME2_CONNECTION_ERROR = 3 /* nothing after it can be trusted */
};

/* Reads and checks the frame at the start of buf. max_frame_size: the SETTINGS_MAX_FRAME_SIZE that the server sent.
 *
 * Returns enum fc_frame2_result. With 9 bytes or more, length, type, flags and stream_id are set whatever the result;
 * with fewer they are 0. The frame has 9 + length bytes; a PARTIAL one needs that many. A frame that is too long or is
 * cut wrongly is a connection error even where section 4.2 lets a stream error do: a stream error is for mistakes that
 * section 6 calls one (PRIORITY of a wrong length, an increment of 0). Settings have values as section 6.5.2 demands. */
int fc_frame2_parse(const char *buf, size_t len, uint32_t max_frame_size, fc_frame2 *frame);

static inline uint32_t fc_frame2_read32(const char *bytes) {
  const uint8_t *at = (const uint8_t *)bytes;
  return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static inline void fc_frame2_write32(char *bytes, uint32_t value) {
  bytes[0] = (char)(uint8_t)(value >> 24);
  bytes[1] = (char)(uint8_t)(value >> 16);
  bytes[2] = (char)(uint8_t)(value >> 8);
  bytes[3] = (char)(uint8_t)value;
}

/* Writes the header of a frame; length < 2^24, stream_id < 2^31. Returns its 9 bytes. */
static inline size_t fc_frame2_write_header(char out[FC_FRAME2_HEADER], uint32_t length, uint8_t type, uint8_t flags,
                                            uint32_t stream_id) {
  fc_frame2_write32(out, length << 8 | type);
  out[4] = (char)flags;
  fc_frame2_write32(out + 5, stream_id);
  return FC_FRAME2_HEADER;
}

#endif
