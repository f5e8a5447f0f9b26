/* SPDX-License-Identifier: MIT
 *
 * HTTP/2 frames: one table of right and wrong ones, each whole, in every prefix and with a tail; and sweeps over every
 * type, flag, padding and length against a plain restatement of RFC 9113 section 6.
 */
#include "../frame2.h"

#include <stdio.h>
#include <string.h>

#include "check.h"

#define LIMIT FC_FRAME2_SIZE_MIN

enum { WHOLE, STREAM, AT_ONCE, WHEN_WHOLE }; /* right; wrong by its stream; the connection, by header or by payload */

/* The bytes of a case are a header and a payload; a payload of `zeros` bytes more follows. */
typedef struct {
  const char *name;
  const char *bytes;
  size_t len;
  uint32_t zeros;
  int verdict;
  uint32_t error;
  uint32_t start, size, value, last_stream_id;
} frame_case;

#define FRAME(name, bytes, zeros) name, BYTES(bytes), zeros
#define RIGHT(start, size, value) WHOLE, 0, start, size, value, 0
#define WRONG(scope, error)       scope, FC_H2_##error, 0, 0, 0, 0
#define SETTING(id, value)                                                                                             \
  "\0\0\6\4\0\0\0\0\0"                                                                                                 \
  "\0" id value
#define SETTING_CASE(name, id, value) FRAME(name, SETTING(id, value), 0)

static const frame_case cases[] = {
    {FRAME("data", "\0\0\5\0\0\0\0\0\1hello", 0), RIGHT(9, 5, 0)},
    {FRAME("data, ended", "\0\0\5\0\1\0\0\0\1hello", 0), RIGHT(9, 5, 0)},
    {FRAME("data, empty", "\0\0\0\0\0\0\0\0\1", 0), RIGHT(9, 0, 0)},
    {FRAME("data, reserved bit", "\0\0\1\0\0\x80\0\0\1x", 0), RIGHT(9, 1, 0)},
    {FRAME("data, last stream", "\0\0\1\0\0\x7f\xff\xff\xffx", 0), RIGHT(9, 1, 0)},
    {FRAME("data, padded", "\0\0\7\0\x08\0\0\0\1\3abc\0\0\0", 0), RIGHT(10, 3, 0)},
    {FRAME("data, padded by 0", "\0\0\4\0\x08\0\0\0\1\0abc", 0), RIGHT(10, 3, 0)},
    {FRAME("data, only padding", "\0\0\4\0\x08\0\0\0\1\3\0\0\0", 0), RIGHT(10, 0, 0)},
    {FRAME("data, padding not zero", "\0\0\4\0\x08\0\0\0\1\3xyz", 0), RIGHT(10, 0, 0)},
    {FRAME("data, padding too long", "\0\0\4\0\x08\0\0\0\1\4abc", 0), WRONG(WHEN_WHOLE, PROTOCOL_ERROR)},
    {FRAME("data, no pad length", "\0\0\0\0\x08\0\0\0\1", 0), WRONG(WHEN_WHOLE, FRAME_SIZE_ERROR)},
    {FRAME("data, priority flag", "\0\0\3\0\x20\0\0\0\1abc", 0), RIGHT(9, 3, 0)},
    {FRAME("data on 0", "\0\0\5\0\0\0\0\0\0hello", 0), WRONG(AT_ONCE, PROTOCOL_ERROR)},
    {FRAME("data on reserved 0", "\0\0\5\0\0\x80\0\0\0hello", 0), WRONG(AT_ONCE, PROTOCOL_ERROR)},
    {FRAME("data, longest", "\0\x40\0\0\0\0\0\0\1", LIMIT), RIGHT(9, LIMIT, 0)},
    {FRAME("data, too long", "\0\x40\1\0\0\0\0\0\1", LIMIT + 1), WRONG(AT_ONCE, FRAME_SIZE_ERROR)},
    {FRAME("data, 2^24-1", "\xff\xff\xff\0\0\0\0\0\1", 0), WRONG(AT_ONCE, FRAME_SIZE_ERROR)},

    {FRAME("headers", "\0\0\3\1\4\0\0\0\1abc", 0), RIGHT(9, 3, 0)},
    {FRAME("headers, empty", "\0\0\0\1\4\0\0\0\1", 0), RIGHT(9, 0, 0)},
    {FRAME("headers, priority",
           "\0\0\x8\1\x24\0\0\0\3\x80\0\0\1\xff"
           "abc",
           0),
     RIGHT(14, 3, 0)},
    {FRAME("headers, depends on itself",
           "\0\0\x8\1\x24\0\0\0\3\0\0\0\3\xff"
           "abc",
           0),
     RIGHT(14, 3, 0)},
    {FRAME("headers, padded", "\0\0\6\1\x0c\0\0\0\1\2abc\0\0", 0), RIGHT(10, 3, 0)},
    {FRAME("headers, only padding", "\0\0\3\1\x0c\0\0\0\1\2\0\0", 0), RIGHT(10, 0, 0)},
    {FRAME("headers, both",
           "\0\0\x0b\1\x2c\0\0\0\1\2\0\0\0\3\0"
           "abc\0\0",
           0),
     RIGHT(15, 3, 0)},
    {FRAME("headers, both and no more", "\0\0\6\1\x2c\0\0\0\1\0\0\0\0\3\0", 0), RIGHT(15, 0, 0)},
    {FRAME("headers, padding too long", "\0\0\6\1\x0c\0\0\0\1\6abc\0\0", 0), WRONG(WHEN_WHOLE, PROTOCOL_ERROR)},
    {FRAME("headers, padding over priority", "\0\0\7\1\x2c\0\0\0\1\2\0\0\0\3\0a", 0),
     WRONG(WHEN_WHOLE, PROTOCOL_ERROR)},
    {FRAME("headers, priority cut", "\0\0\4\1\x24\0\0\0\1\0\0\0\0", 0), WRONG(WHEN_WHOLE, FRAME_SIZE_ERROR)},
    {FRAME("headers, both cut", "\0\0\5\1\x2c\0\0\0\1\0\0\0\0\0", 0), WRONG(WHEN_WHOLE, FRAME_SIZE_ERROR)},
    {FRAME("headers on 0", "\0\0\3\1\4\0\0\0\0abc", 0), WRONG(AT_ONCE, PROTOCOL_ERROR)},
    {FRAME("headers, too long", "\0\x40\1\1\4\0\0\0\1", LIMIT + 1), WRONG(AT_ONCE, FRAME_SIZE_ERROR)},
    {FRAME("headers, too long on 0", "\0\x40\1\1\4\0\0\0\0", LIMIT + 1), WRONG(AT_ONCE, PROTOCOL_ERROR)},

    {FRAME("priority", "\0\0\5\2\0\0\0\0\1\0\0\0\3\x10", 0), RIGHT(9, 5, 0)},
    {FRAME("priority, on itself", "\0\0\5\2\0\0\0\0\1\0\0\0\1\x10", 0), RIGHT(9, 5, 0)},
    {FRAME("priority, short", "\0\0\4\2\0\0\0\0\1\0\0\0\3", 0), WRONG(STREAM, FRAME_SIZE_ERROR)},
    {FRAME("priority, empty", "\0\0\0\2\0\0\0\0\1", 0), WRONG(STREAM, FRAME_SIZE_ERROR)},
    {FRAME("priority, long", "\0\0\6\2\0\0\0\0\1\0\0\0\3\x10\0", 0), WRONG(STREAM, FRAME_SIZE_ERROR)},
    {FRAME("priority, too long", "\0\x40\1\2\0\0\0\0\1", 9), WRONG(AT_ONCE, FRAME_SIZE_ERROR)},
    {FRAME("priority on 0", "\0\0\5\2\0\0\0\0\0\0\0\0\3\x10", 0), WRONG(AT_ONCE, PROTOCOL_ERROR)},

    {FRAME("reset", "\0\0\4\3\0\0\0\0\1\0\0\0\x08", 0), RIGHT(13, 0, FC_H2_CANCEL)},
    {FRAME("reset, unknown code", "\0\0\4\3\xff\0\0\0\1\xff\xff\xff\xff", 0), RIGHT(13, 0, 0xffffffff)},
    {FRAME("reset, short", "\0\0\3\3\0\0\0\0\1\0\0\0", 0), WRONG(AT_ONCE, FRAME_SIZE_ERROR)},
    {FRAME("reset, long", "\0\0\5\3\0\0\0\0\1\0\0\0\0\0", 0), WRONG(AT_ONCE, FRAME_SIZE_ERROR)},
    {FRAME("reset on 0", "\0\0\4\3\0\0\0\0\0\0\0\0\x08", 0), WRONG(AT_ONCE, PROTOCOL_ERROR)},

    {FRAME("settings, empty", "\0\0\0\4\0\0\0\0\0", 0), RIGHT(9, 0, 0)},
    {FRAME("settings, ack", "\0\0\0\4\1\0\0\0\0", 0), RIGHT(9, 0, 0)},
    {FRAME("settings, ack of 6", "\0\0\6\4\1\0\0\0\0\0\1\0\0\0\0", 0), WRONG(AT_ONCE, FRAME_SIZE_ERROR)},
    {FRAME("settings of 5", "\0\0\5\4\0\0\0\0\0\0\1\0\0\0", 0), WRONG(AT_ONCE, FRAME_SIZE_ERROR)},
    {FRAME("settings of 7", "\0\0\7\4\0\0\0\0\0\0\1\0\0\0\0\0", 0), WRONG(AT_ONCE, FRAME_SIZE_ERROR)},
    {FRAME("settings on 1", "\0\0\0\4\0\0\0\0\1", 0), WRONG(AT_ONCE, PROTOCOL_ERROR)},
    {FRAME("settings, longest", "\0\x3f\xfc\4\0\0\0\0\0", LIMIT - 4), RIGHT(9, LIMIT - 4, 0)},
    {FRAME("settings, too long", "\0\x40\2\4\0\0\0\0\0", LIMIT + 2), WRONG(AT_ONCE, FRAME_SIZE_ERROR)},

    {FRAME("push promise", "\0\0\5\5\4\0\0\0\1\0\0\0\2a", 0), WRONG(AT_ONCE, PROTOCOL_ERROR)},
    {FRAME("push promise on 0", "\0\0\5\5\4\0\0\0\0\0\0\0\2a", 0), WRONG(AT_ONCE, PROTOCOL_ERROR)},

    {FRAME("ping",
           "\0\0\x8\6\0\0\0\0\0"
           "12345678",
           0),
     RIGHT(9, 8, 0)},
    {FRAME("ping, ack",
           "\0\0\x8\6\1\0\0\0\0"
           "12345678",
           0),
     RIGHT(9, 8, 0)},
    {FRAME("ping of 7",
           "\0\0\7\6\0\0\0\0\0"
           "1234567",
           0),
     WRONG(AT_ONCE, FRAME_SIZE_ERROR)},
    {FRAME("ping of 9",
           "\0\0\x9\6\0\0\0\0\0"
           "123456789",
           0),
     WRONG(AT_ONCE, FRAME_SIZE_ERROR)},
    {FRAME("ping, empty", "\0\0\0\6\0\0\0\0\0", 0), WRONG(AT_ONCE, FRAME_SIZE_ERROR)},
    {FRAME("ping on 1",
           "\0\0\x8\6\0\0\0\0\1"
           "12345678",
           0),
     WRONG(AT_ONCE, PROTOCOL_ERROR)},

    {FRAME("goaway", "\0\0\x8\7\0\0\0\0\0\0\0\0\5\0\0\0\x0b", 0), WHOLE, 0, 17, 0, FC_H2_ENHANCE_YOUR_CALM, 5},
    {FRAME("goaway, debug data", "\0\0\x0a\7\0\0\0\0\0\xff\xff\xff\xff\0\0\0\0hi", 0), WHOLE, 0, 17, 2, 0, 0x7fffffff},
    {FRAME("goaway of 7", "\0\0\7\7\0\0\0\0\0\0\0\0\5\0\0\0", 0), WRONG(AT_ONCE, FRAME_SIZE_ERROR)},
    {FRAME("goaway on 1", "\0\0\x8\7\0\0\0\0\1\0\0\0\5\0\0\0\x0b", 0), WRONG(AT_ONCE, PROTOCOL_ERROR)},

    {FRAME("window update of 0", "\0\0\4\x8\0\0\0\0\0\0\0\1\0", 0), RIGHT(13, 0, 256)},
    {FRAME("window update of 1", "\0\0\4\x8\0\0\0\0\1\x7f\xff\xff\xff", 0), RIGHT(13, 0, FC_WINDOW2_MAX)},
    {FRAME("window update, reserved bit", "\0\0\4\x8\0\0\0\0\1\x80\0\0\1", 0), RIGHT(13, 0, 1)},
    {FRAME("window update of 0 by 0", "\0\0\4\x8\0\0\0\0\0\0\0\0\0", 0), WRONG(WHEN_WHOLE, PROTOCOL_ERROR)},
    {FRAME("window update of 1 by 0", "\0\0\4\x8\0\0\0\0\1\0\0\0\0", 0), WRONG(STREAM, PROTOCOL_ERROR)},
    {FRAME("window update of 1 by reserved", "\0\0\4\x8\0\0\0\0\1\x80\0\0\0", 0), WRONG(STREAM, PROTOCOL_ERROR)},
    {FRAME("window update, short", "\0\0\3\x8\0\0\0\0\1\0\0\1", 0), WRONG(AT_ONCE, FRAME_SIZE_ERROR)},
    {FRAME("window update, long", "\0\0\5\x8\0\0\0\0\0\0\0\1\0\0", 0), WRONG(AT_ONCE, FRAME_SIZE_ERROR)},

    {FRAME("continuation", "\0\0\3\x9\4\0\0\0\1abc", 0), RIGHT(9, 3, 0)},
    {FRAME("continuation, empty", "\0\0\0\x9\0\0\0\0\1", 0), RIGHT(9, 0, 0)},
    {FRAME("continuation, padded flag",
           "\0\0\3\x9\x0c\0\0\0\1\xff"
           "bc",
           0),
     RIGHT(9, 3, 0)},
    {FRAME("continuation on 0", "\0\0\3\x9\4\0\0\0\0abc", 0), WRONG(AT_ONCE, PROTOCOL_ERROR)},
    {FRAME("continuation, too long", "\0\x40\1\x9\0\0\0\0\1", 0), WRONG(AT_ONCE, FRAME_SIZE_ERROR)},

    {FRAME("priority update", "\0\0\7\x10\0\0\0\0\0\0\0\0\5u=1", 0), RIGHT(13, 3, 5)},
    {FRAME("priority update, no value", "\0\0\4\x10\0\0\0\0\0\x80\0\0\5", 0), RIGHT(13, 0, 5)},
    {FRAME("priority update of 3", "\0\0\3\x10\0\0\0\0\0\0\0\0", 0), WRONG(AT_ONCE, FRAME_SIZE_ERROR)},
    {FRAME("priority update on 1", "\0\0\7\x10\0\0\0\0\1\0\0\0\5u=1", 0), WRONG(AT_ONCE, PROTOCOL_ERROR)},
    {FRAME("priority update for 0", "\0\0\7\x10\0\0\0\0\0\0\0\0\0u=1", 0), WRONG(WHEN_WHOLE, PROTOCOL_ERROR)},

    {FRAME("unknown, on 0", "\0\0\2\x0a\xff\0\0\0\0hi", 0), RIGHT(9, 2, 0)},
    {FRAME("unknown, on 1", "\0\0\0\xff\xff\0\0\0\1", 0), RIGHT(9, 0, 0)},
    {FRAME("unknown, padded flag", "\0\0\1\x11\x08\0\0\0\1\xff", 0), RIGHT(9, 1, 0)},
    {FRAME("unknown, too long", "\0\x40\1\xbe\0\0\0\0\1", 0), WRONG(AT_ONCE, FRAME_SIZE_ERROR)},

    {SETTING_CASE("table of 2^32-1", "\1", "\xff\xff\xff\xff"), RIGHT(9, 6, 0)},
    {SETTING_CASE("push 0", "\2", "\0\0\0\0"), RIGHT(9, 6, 0)},
    {SETTING_CASE("push 1", "\2", "\0\0\0\1"), RIGHT(9, 6, 0)},
    {SETTING_CASE("push 2", "\2", "\0\0\0\2"), WRONG(WHEN_WHOLE, PROTOCOL_ERROR)},
    {SETTING_CASE("streams 0", "\3", "\0\0\0\0"), RIGHT(9, 6, 0)},
    {SETTING_CASE("streams of 2^32-1", "\3", "\xff\xff\xff\xff"), RIGHT(9, 6, 0)},
    {SETTING_CASE("window 0", "\4", "\0\0\0\0"), RIGHT(9, 6, 0)},
    {SETTING_CASE("window 2^31-1", "\4", "\x7f\xff\xff\xff"), RIGHT(9, 6, 0)},
    {SETTING_CASE("window 2^31", "\4", "\x80\0\0\0"), WRONG(WHEN_WHOLE, FLOW_CONTROL_ERROR)},
    {SETTING_CASE("frame size 2^14", "\5", "\0\0\x40\0"), RIGHT(9, 6, 0)},
    {SETTING_CASE("frame size 2^14-1", "\5", "\0\0\x3f\xff"), WRONG(WHEN_WHOLE, PROTOCOL_ERROR)},
    {SETTING_CASE("frame size 0", "\5", "\0\0\0\0"), WRONG(WHEN_WHOLE, PROTOCOL_ERROR)},
    {SETTING_CASE("frame size 2^24-1", "\5", "\0\xff\xff\xff"), RIGHT(9, 6, 0)},
    {SETTING_CASE("frame size 2^24", "\5", "\1\0\0\0"), WRONG(WHEN_WHOLE, PROTOCOL_ERROR)},
    {SETTING_CASE("list of 2^32-1", "\6", "\xff\xff\xff\xff"), RIGHT(9, 6, 0)},
    {SETTING_CASE("not known, 7", "\7", "\xff\xff\xff\xff"), RIGHT(9, 6, 0)},
    {SETTING_CASE("connect protocol 0", "\x08", "\0\0\0\0"), RIGHT(9, 6, 0)},
    {SETTING_CASE("connect protocol 1", "\x08", "\0\0\0\1"), RIGHT(9, 6, 0)},
    {SETTING_CASE("connect protocol 2", "\x08", "\0\0\0\2"), WRONG(WHEN_WHOLE, PROTOCOL_ERROR)},
    {SETTING_CASE("no priorities 1", "\x09", "\0\0\0\1"), RIGHT(9, 6, 0)},
    {SETTING_CASE("no priorities 2^31", "\x09", "\x80\0\0\0"), WRONG(WHEN_WHOLE, PROTOCOL_ERROR)},
    {SETTING_CASE("not known, 10", "\x0a", "\xff\xff\xff\xff"), RIGHT(9, 6, 0)},
    {FRAME("not known, 0x0402", "\0\0\6\4\0\0\0\0\0\4\2\xff\xff\xff\xff", 0), RIGHT(9, 6, 0)},
    {FRAME("push twice, the last is wrong", "\0\0\x0c\4\0\0\0\0\0\0\2\0\0\0\1\0\2\0\0\0\2", 0),
     WRONG(WHEN_WHOLE, PROTOCOL_ERROR)},
};

static int parse(const char *bytes, size_t len, uint32_t max_frame_size, fc_frame2 *frame) {
  memset(frame, 0xee, sizeof *frame);
  return fc_frame2_parse(guard_place(GUARD_INPUT, bytes, len), len, max_frame_size, frame);
}

static void check_header_fields(const char *bytes, size_t len, const fc_frame2 *frame) {
  const uint8_t *at = (const uint8_t *)bytes;
  int known = len >= FC_FRAME2_HEADER;
  CHECK_EQ(frame->length, known ? at[0] << 16 | at[1] << 8 | at[2] : 0);
  CHECK_EQ(frame->type, known ? at[3] : 0);
  CHECK_EQ(frame->flags, known ? at[4] : 0);
  CHECK_EQ(frame->stream_id, known ? (at[5] & 0x7f) << 24 | at[6] << 16 | at[7] << 8 | at[8] : 0);
}

static void check_error(const fc_frame2 *frame, uint32_t error) {
  CHECK_EQ(frame->error, error);
  CHECK_EQ(frame->reason == NULL, error == FC_H2_NO_ERROR);
  CHECK(!error || strlen(frame->reason) > 0);
}

/* One case in a prefix of `len` bytes, of which `whole` make the frame. */
static void check_prefix(const frame_case *expected, const char *bytes, size_t len, size_t whole) {
  fc_frame2 frame;
  int result = parse(bytes, len, LIMIT, &frame);
  check_header_fields(bytes, len, &frame);
  if (len < FC_FRAME2_HEADER || (len < whole && expected->verdict != AT_ONCE)) {
    CHECK_EQ(result, FC_FRAME2_PARTIAL);
    check_error(&frame, FC_H2_NO_ERROR);
    return;
  }
  check_error(&frame, expected->error);
  if (expected->verdict == WHOLE) {
    CHECK_EQ(result, FC_FRAME2_OK);
    CHECK_EQ(frame.start, expected->start);
    CHECK_EQ(frame.size, expected->size);
    CHECK_EQ(frame.value, expected->value);
    CHECK_EQ(frame.last_stream_id, expected->last_stream_id);
  } else {
    CHECK_EQ(result, expected->verdict == STREAM ? FC_FRAME2_STREAM_ERROR : FC_FRAME2_CONNECTION_ERROR);
  }
}

static void check_cases(void) {
  static char bytes[FC_FRAME2_HEADER + LIMIT + 64];
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    const frame_case *expected = &cases[i];
    size_t whole = expected->len + expected->zeros;
    check_case(expected->name);
    memset(bytes, 0, sizeof bytes);
    memcpy(bytes, expected->bytes, expected->len);
    if (expected->verdict != AT_ONCE) CHECK_EQ(whole, 9 + ((uint8_t)bytes[1] << 8 | (uint8_t)bytes[2]));
    for (size_t len = 0; len <= whole; len = len > 64 && whole - len > 64 ? whole - 64 : len + 1) {
      check_prefix(expected, bytes, len, whole);
    }
    memset(bytes + whole, 0xff, 32); /* what follows is another frame's */
    check_prefix(expected, bytes, whole + 32, whole);
  }
}

/* Section 6 restated: what a header of this type, flags, length and stream is answered with; 0 = right so far. */
static uint32_t header_error(uint32_t type, uint32_t flags, uint32_t length, uint32_t stream_id) {
  int of_stream = type <= 3 || type == 9, of_connection = type == 4 || type == 6 || type == 7 || type == 16;
  if (type == 5) return FC_H2_PROTOCOL_ERROR;
  if ((of_stream && !stream_id) || (of_connection && stream_id)) return FC_H2_PROTOCOL_ERROR;
  if (length > LIMIT) return FC_H2_FRAME_SIZE_ERROR;
  if ((type == 3 || type == 8) && length != 4) return FC_H2_FRAME_SIZE_ERROR;
  if (type == 4 && (length % 6 || (flags & 1 && length))) return FC_H2_FRAME_SIZE_ERROR;
  if (type == 6 && length != 8) return FC_H2_FRAME_SIZE_ERROR;
  if (type == 7 && length < 8) return FC_H2_FRAME_SIZE_ERROR;
  return type == 16 && length < 4 ? FC_H2_FRAME_SIZE_ERROR : 0;
}

static void check_headers(void) {
  static const uint32_t lengths[] = {0, 1, 3, 4, 5, 6, 7, 8, 9, 12, 16383, 16384, 16385, 65535, 65536, 0xffffff};
  check_case("every header");
  for (uint32_t type = 0; type < 256; type++) {
    for (uint32_t bit = 0; bit < 10; bit++) {
      uint32_t flags = bit < 8 ? 1u << bit : bit == 8 ? 0 : 255;
      for (size_t i = 0; i < 2 * sizeof lengths / sizeof lengths[0]; i++) {
        uint32_t length = lengths[i / 2], stream_id = i & 1;
        uint32_t error = header_error(type, flags, length, stream_id);
        char bytes[FC_FRAME2_HEADER];
        fc_frame2 frame;
        CHECK_EQ(fc_frame2_write_header(bytes, length, (uint8_t)type, (uint8_t)flags, stream_id), 9);
        if (length == 0) continue; /* whole with its header */
        CHECK_EQ(parse(bytes, 9, LIMIT, &frame), error ? FC_FRAME2_CONNECTION_ERROR : FC_FRAME2_PARTIAL);
        check_error(&frame, error);
      }
    }
  }
}

/* Every padding in frames of 0 to 300 bytes, for DATA and HEADERS with each of their flags. */
static void check_padding(void) {
  static char bytes[FC_FRAME2_HEADER + 300];
  check_case("padding");
  for (uint32_t bits = 0; bits < 8; bits++) {
    uint32_t type = bits & 1, fields = (bits & 2 ? 1u : 0u) + (type && bits & 4 ? 5 : 0);
    uint8_t flags = (uint8_t)((bits & 2 ? FC_FLAG2_PADDED : 0) | (bits & 4 ? FC_FLAG2_PRIORITY : 0));
    for (uint32_t length = 0; length <= 300; length += length < 16 || length > 240 ? 1 : 37) {
      for (uint32_t padding = 0; padding < 256; padding++) {
        fc_frame2 frame;
        uint32_t used = fields + (bits & 2 ? padding : 0);
        fc_frame2_write_header(bytes, length, (uint8_t)type, flags, 1);
        if (length) bytes[9] = (char)padding;
        int result = parse(bytes, 9 + length, LIMIT, &frame);
        CHECK_EQ(result, used > length ? FC_FRAME2_CONNECTION_ERROR : FC_FRAME2_OK);
        check_error(&frame, length < fields ? FC_H2_FRAME_SIZE_ERROR : used > length ? FC_H2_PROTOCOL_ERROR : 0);
        if (result != FC_FRAME2_OK) continue;
        CHECK_EQ(frame.start, 9 + fields);
        CHECK_EQ(frame.size, length - used);
      }
    }
  }
}

static void check_limits(void) {
  static const uint32_t limits[] = {FC_FRAME2_SIZE_MIN, FC_FRAME2_SIZE_MIN + 1, 65536, FC_FRAME2_SIZE_MAX};
  check_case("limits");
  for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
    char bytes[FC_FRAME2_HEADER];
    fc_frame2 frame;
    fc_frame2_write_header(bytes, limits[i], FC_FRAME2_DATA, 0, 1);
    CHECK_EQ(parse(bytes, 9, limits[i], &frame), FC_FRAME2_PARTIAL);
    if (limits[i] == FC_FRAME2_SIZE_MAX) continue;
    fc_frame2_write_header(bytes, limits[i] + 1, FC_FRAME2_DATA, 0, 1);
    CHECK_EQ(parse(bytes, 9, limits[i], &frame), FC_FRAME2_CONNECTION_ERROR);
    check_error(&frame, FC_H2_FRAME_SIZE_ERROR);
  }
}

static void check_written(void) {
  static const uint32_t streams[] = {0, 1, 255, 256, 65535, 65536, 0xffffff, 0x1000000, FC_WINDOW2_MAX};
  static const uint32_t lengths[] = {0, 1, 255, 256, 65535, 65536, FC_FRAME2_SIZE_MAX};
  check_case("written");
  for (size_t i = 0; i < sizeof streams / sizeof streams[0]; i++) {
    for (size_t j = 0; j < sizeof lengths / sizeof lengths[0]; j++) {
      char *bytes = guard_reserve(GUARD_OUTPUT, FC_FRAME2_HEADER);
      fc_frame2 frame;
      CHECK_EQ(fc_frame2_write_header(bytes, lengths[j], 0xfa, 0xa5, streams[i]), FC_FRAME2_HEADER);
      CHECK_EQ(parse(bytes, 9, FC_FRAME2_SIZE_MAX, &frame), lengths[j] ? FC_FRAME2_PARTIAL : FC_FRAME2_OK);
      CHECK_EQ(frame.length, lengths[j]);
      CHECK_EQ(frame.type, 0xfa);
      CHECK_EQ(frame.flags, 0xa5);
      CHECK_EQ(frame.stream_id, streams[i]);
      CHECK_EQ(bytes[5] & 0x80, 0);
    }
    char number[4];
    fc_frame2_write32(number, streams[i] | 0x80000000u);
    CHECK_EQ(fc_frame2_read32(number), streams[i] | 0x80000000u);
  }
}

void test_frame2(void) {
  check_cases();
  check_headers();
  check_padding();
  check_limits();
  check_written();
}
