/* SPDX-License-Identifier: MIT
 *
 * Frames of frame2.h: the header first, by a table of what each type may be, then the payload of those that are whole.
 */
#include "frame2.h"

#define TYPES     17
#define UNLIMITED FC_FRAME2_SIZE_MAX

enum stream_rule { ANY_STREAM, ON_STREAM, ON_CONNECTION };

/* What the header of each type must be (RFC 9113 section 6, RFC 9218 section 7.1). */
static const struct {
  uint8_t known;
  uint8_t stream;
  uint32_t least; /* bytes of the payload */
  uint32_t most;
  const char *stream_reason;
  const char *length_reason;
} rules[TYPES] = {
    [FC_FRAME2_DATA] = {1, ON_STREAM, 0, UNLIMITED, "DATA on stream 0", ""},
    [FC_FRAME2_HEADERS] = {1, ON_STREAM, 0, UNLIMITED, "HEADERS on stream 0", ""},
    [FC_FRAME2_PRIORITY] = {1, ON_STREAM, 0, UNLIMITED, "PRIORITY on stream 0", ""}, /* see read_payload */
    [FC_FRAME2_RST_STREAM] = {1, ON_STREAM, 4, 4, "RST_STREAM on stream 0", "RST_STREAM of other than 4 bytes"},
    [FC_FRAME2_SETTINGS] = {1, ON_CONNECTION, 0, UNLIMITED, "SETTINGS on a stream", ""},
    [FC_FRAME2_PING] = {1, ON_CONNECTION, 8, 8, "PING on a stream", "PING of other than 8 bytes"},
    [FC_FRAME2_GOAWAY] = {1, ON_CONNECTION, 8, UNLIMITED, "GOAWAY on a stream", "GOAWAY of less than 8 bytes"},
    [FC_FRAME2_WINDOW_UPDATE] = {1, ANY_STREAM, 4, 4, "", "WINDOW_UPDATE of other than 4 bytes"},
    [FC_FRAME2_CONTINUATION] = {1, ON_STREAM, 0, UNLIMITED, "CONTINUATION on stream 0", ""},
    [FC_FRAME2_PRIORITY_UPDATE] = {1, ON_CONNECTION, 4, UNLIMITED, "PRIORITY_UPDATE on a stream",
                                   "PRIORITY_UPDATE of less than 4 bytes"},
};

static int fail(fc_frame2 *frame, int scope, uint32_t error, const char *reason) {
  frame->error = error;
  frame->reason = reason;
  return scope;
}

static int fail_connection(fc_frame2 *frame, uint32_t error, const char *reason) {
  return fail(frame, FC_FRAME2_CONNECTION_ERROR, error, reason);
}

/* SETTINGS: an acknowledgement is empty, others have six bytes a setting (section 6.5). */
static int check_settings_length(fc_frame2 *frame) {
  if (frame->flags & FC_FLAG2_ACK && frame->length) {
    return fail_connection(frame, FC_H2_FRAME_SIZE_ERROR, "acknowledgement of SETTINGS with a payload");
  }
  if (frame->length % 6) {
    return fail_connection(frame, FC_H2_FRAME_SIZE_ERROR, "SETTINGS of a length that is no multiple of 6");
  }
  return FC_FRAME2_OK;
}

/* What the nine bytes show. The stream comes first: a frame on a wrong one is wrong whatever its length. */
static int check_header(fc_frame2 *frame, uint32_t max_frame_size) {
  if (frame->type == FC_FRAME2_PUSH_PROMISE) {
    return fail_connection(frame, FC_H2_PROTOCOL_ERROR, "PUSH_PROMISE from a client");
  }
  int known = frame->type < TYPES && rules[frame->type].known;
  if (known && rules[frame->type].stream != ANY_STREAM) {
    if ((rules[frame->type].stream == ON_STREAM) != (frame->stream_id != 0)) {
      return fail_connection(frame, FC_H2_PROTOCOL_ERROR, rules[frame->type].stream_reason);
    }
  }
  if (frame->length > max_frame_size) {
    return fail_connection(frame, FC_H2_FRAME_SIZE_ERROR, "frame longer than SETTINGS_MAX_FRAME_SIZE");
  }
  if (known && (frame->length < rules[frame->type].least || frame->length > rules[frame->type].most)) {
    return fail_connection(frame, FC_H2_FRAME_SIZE_ERROR, rules[frame->type].length_reason);
  }
  return frame->type == FC_FRAME2_SETTINGS ? check_settings_length(frame) : FC_FRAME2_OK;
}

/* Takes `count` bytes of fields off the start of the content. */
static void take_fields(fc_frame2 *frame, uint32_t count) {
  frame->start += count;
  frame->size -= count;
}

/* DATA and HEADERS (sections 6.1 and 6.2): the padding, and the priority fields, which mean nothing (section 5.3.2). */
static int read_padded(const char *buf, fc_frame2 *frame) {
  uint32_t fields = frame->type == FC_FRAME2_HEADERS && frame->flags & FC_FLAG2_PRIORITY ? 5 : 0;
  uint32_t padding = 0;
  if (frame->flags & FC_FLAG2_PADDED) fields++;
  if (frame->length < fields) {
    return fail_connection(frame, FC_H2_FRAME_SIZE_ERROR, "frame too short for what its flags announce");
  }
  if (frame->flags & FC_FLAG2_PADDED) padding = (uint8_t)buf[frame->start];
  take_fields(frame, fields);
  if (padding > frame->size) {
    return fail_connection(frame, FC_H2_PROTOCOL_ERROR, "padding longer than the frame");
  }
  frame->size -= padding;
  return FC_FRAME2_OK;
}

/* The values that section 6.5.2 (RFC 8441 section 3, RFC 9218 section 2.1) allows; others mean nothing here. */
static int read_settings(const char *buf, fc_frame2 *frame) {
  for (const char *at = buf + frame->start, *end = at + frame->size; at < end; at += 6) {
    uint32_t value = fc_frame2_read32(at + 2);
    switch ((uint32_t)(uint8_t)at[0] << 8 | (uint8_t)at[1]) {
    case FC_SETTING2_ENABLE_PUSH:
      if (value > 1) return fail_connection(frame, FC_H2_PROTOCOL_ERROR, "SETTINGS_ENABLE_PUSH other than 0 or 1");
      break;
    case FC_SETTING2_INITIAL_WINDOW_SIZE:
      if (value > FC_WINDOW2_MAX) {
        return fail_connection(frame, FC_H2_FLOW_CONTROL_ERROR, "SETTINGS_INITIAL_WINDOW_SIZE of more than 2^31-1");
      }
      break;
    case FC_SETTING2_MAX_FRAME_SIZE:
      if (value < FC_FRAME2_SIZE_MIN || value > FC_FRAME2_SIZE_MAX) {
        return fail_connection(frame, FC_H2_PROTOCOL_ERROR, "SETTINGS_MAX_FRAME_SIZE outside of 2^14 to 2^24-1");
      }
      break;
    case FC_SETTING2_ENABLE_CONNECT_PROTOCOL:
      if (value > 1) {
        return fail_connection(frame, FC_H2_PROTOCOL_ERROR, "SETTINGS_ENABLE_CONNECT_PROTOCOL other than 0 or 1");
      }
      break;
    case FC_SETTING2_NO_RFC7540_PRIORITIES:
      if (value > 1) {
        return fail_connection(frame, FC_H2_PROTOCOL_ERROR, "SETTINGS_NO_RFC7540_PRIORITIES other than 0 or 1");
      }
      break;
    default: break;
    }
  }
  return FC_FRAME2_OK;
}

static int read_window_update(const char *buf, fc_frame2 *frame) {
  frame->value = fc_frame2_read32(buf + frame->start) & FC_WINDOW2_MAX;
  take_fields(frame, 4);
  if (frame->value) return FC_FRAME2_OK;
  return fail(frame, frame->stream_id ? FC_FRAME2_STREAM_ERROR : FC_FRAME2_CONNECTION_ERROR, FC_H2_PROTOCOL_ERROR,
              "WINDOW_UPDATE with an increment of 0");
}

/* The payload of a whole frame whose header is right. */
static int read_payload(const char *buf, fc_frame2 *frame) {
  switch (frame->type) {
  case FC_FRAME2_DATA:
  case FC_FRAME2_HEADERS: return read_padded(buf, frame);
  case FC_FRAME2_PRIORITY: /* the one length that section 6.3 makes a stream error */
    if (frame->length == 5) return FC_FRAME2_OK;
    return fail(frame, FC_FRAME2_STREAM_ERROR, FC_H2_FRAME_SIZE_ERROR, "PRIORITY of other than 5 bytes");
  case FC_FRAME2_RST_STREAM:
    frame->value = fc_frame2_read32(buf + frame->start);
    take_fields(frame, 4);
    return FC_FRAME2_OK;
  case FC_FRAME2_SETTINGS: return read_settings(buf, frame);
  case FC_FRAME2_GOAWAY:
    frame->last_stream_id = fc_frame2_read32(buf + frame->start) & FC_WINDOW2_MAX;
    frame->value = fc_frame2_read32(buf + frame->start + 4);
    take_fields(frame, 8);
    return FC_FRAME2_OK;
  case FC_FRAME2_WINDOW_UPDATE: return read_window_update(buf, frame);
  case FC_FRAME2_PRIORITY_UPDATE:
    frame->value = fc_frame2_read32(buf + frame->start) & FC_WINDOW2_MAX;
    take_fields(frame, 4);
    if (frame->value) return FC_FRAME2_OK;
    return fail_connection(frame, FC_H2_PROTOCOL_ERROR, "PRIORITY_UPDATE for stream 0");
  default: return FC_FRAME2_OK; /* PING, CONTINUATION, and types that are not known (section 4.1) */
  }
}

int fc_frame2_parse(const char *buf, size_t len, uint32_t max_frame_size, fc_frame2 *frame) {
  *frame = (fc_frame2){0};
  if (len < FC_FRAME2_HEADER) return FC_FRAME2_PARTIAL;
  frame->length = fc_frame2_read32(buf) >> 8;
  frame->type = (uint8_t)buf[3];
  frame->flags = (uint8_t)buf[4];
  frame->stream_id = fc_frame2_read32(buf + 5) & 0x7fffffff; /* the reserved bit is ignored (section 4.1) */
  int result = check_header(frame, max_frame_size);
  if (result != FC_FRAME2_OK) return result;
  if (len - FC_FRAME2_HEADER < frame->length) return FC_FRAME2_PARTIAL;
  frame->start = FC_FRAME2_HEADER;
  frame->size = frame->length;
  return read_payload(buf, frame);
}
