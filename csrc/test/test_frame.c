/* SPDX-License-Identifier: MIT
 *
 * Frame headers: every first and second byte in every context, lengths and their encodings, each prefix; what is written;
 * every close code.
 */
#include "../frame.h"

#include <string.h>

#include "check.h"

static int parse(const uint8_t *bytes, size_t len, unsigned context, fc_frame *frame) {
  memset(frame, 0xee, sizeof *frame);
  return fc_frame_parse((const uint8_t *)guard_place(GUARD_INPUT, (const char *)bytes, len), len, context, frame);
}

/* The rules of RFC 6455 section 5 for the first byte, by cases. */
static int expected_error(unsigned byte, unsigned context) {
  unsigned opcode = byte & 15, control = opcode >= 8;
  int known = opcode <= 2 || (opcode >= 8 && opcode <= 10);
  if (byte & 0x30) return FC_FRAME_RESERVED_BIT;
  if (!known) return FC_FRAME_RESERVED_OPCODE;
  if ((byte & 0x40) && (!(context & FC_DEFLATE) || control || opcode == 0)) return FC_FRAME_RESERVED_BIT;
  if (control) return byte & 0x80 ? 0 : FC_FRAME_CONTROL_FRAGMENTED;
  if (opcode == 0 && !(context & FC_IN_MESSAGE)) return FC_FRAME_NOTHING_TO_CONTINUE;
  if (opcode != 0 && (context & FC_IN_MESSAGE)) return FC_FRAME_INTERLEAVED;
  return 0;
}

static void check_first_bytes(void) {
  fc_frame frame;
  for (unsigned context = 0; context < 4; context++) {
    for (unsigned byte = 0; byte < 256; byte++) {
      uint8_t bytes[6] = {(uint8_t)byte, 0x83, 1, 2, 3, 4};
      int error = expected_error(byte, context);
      CHECK_EQ(parse(bytes, 0, context, &frame), FC_FRAME_PARTIAL);
      CHECK_EQ(parse(bytes, 1, context, &frame), error); /* the first byte shows it, and 0 is "partial" */
      CHECK_EQ(parse(bytes, 5, context, &frame), error);
      CHECK_EQ(parse(bytes, 6, context, &frame), error ? error : 6);
      if (error) continue;
      CHECK_EQ(frame.opcode, byte & 15);
      CHECK_EQ(frame.fin, byte >> 7);
      CHECK_EQ(frame.compressed, (byte >> 6) & 1);
      CHECK_EQ(frame.control, (byte >> 3) & 1);
      CHECK_EQ(frame.length, 3);
      CHECK(memcmp(&frame.key, bytes + 2, 4) == 0);
    }
  }
}

static void check_second_bytes(void) {
  fc_frame frame;
  for (unsigned byte = 0; byte < 256; byte++) {
    for (unsigned first = 0x82; first <= 0x89; first += 7) {
      uint8_t bytes[14] = {(uint8_t)first, (uint8_t)byte, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00};
      int expected = byte < 128 ? FC_FRAME_NOT_MASKED : byte < 254 ? 6 : 0;
      if (byte == 254) expected = first == 0x89 ? FC_FRAME_CONTROL_TOO_LONG : FC_FRAME_LENGTH_NOT_MINIMAL;
      if (byte == 255) expected = first == 0x89 ? FC_FRAME_CONTROL_TOO_LONG : 14;
      CHECK_EQ(parse(bytes, 14, 0, &frame), expected);
    }
  }
}

/* A length in its encoding of `bytes` bytes: refused when a shorter one would do, with the byte that shows it. */
static void check_length(uint64_t length, size_t bytes, int error) {
  uint8_t header[14] = {0x82, (uint8_t)(bytes == 2 ? 0xfe : 0xff)};
  fc_frame frame;
  for (size_t i = 0; i < bytes; i++) header[2 + i] = (uint8_t)(length >> (8 * (bytes - 1 - i)));
  size_t len = bytes + 6;
  for (size_t i = 1; i < len; i++) {
    int known = error == FC_FRAME_LENGTH_TOO_LARGE ? i >= 3 : i >= 2 + bytes;
    CHECK_EQ(parse(header, i, 0, &frame), known && error ? error : FC_FRAME_PARTIAL);
  }
  CHECK_EQ(parse(header, len, 0, &frame), error ? error : (int)len);
  if (!error) CHECK_EQ(frame.length, length);
}

static void check_lengths(void) {
  check_length(0, 2, FC_FRAME_LENGTH_NOT_MINIMAL);
  check_length(125, 2, FC_FRAME_LENGTH_NOT_MINIMAL);
  check_length(126, 2, 0);
  check_length(65535, 2, 0);
  check_length(0, 8, FC_FRAME_LENGTH_NOT_MINIMAL);
  check_length(65535, 8, FC_FRAME_LENGTH_NOT_MINIMAL);
  check_length(65536, 8, 0);
  check_length(INT64_MAX, 8, 0);
  check_length((uint64_t)INT64_MAX + 1, 8, FC_FRAME_LENGTH_TOO_LARGE);
  check_length(UINT64_MAX, 8, FC_FRAME_LENGTH_TOO_LARGE);
}

/* What is written, with the mask bit and a key put in, is read back. */
static void check_written(void) {
  static const uint64_t lengths[] = {0, 1, 125, 126, 127, 65535, 65536, 1u << 30, INT64_MAX};
  for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
    uint8_t bytes[FC_FRAME_HEADER_MAX];
    fc_frame frame;
    size_t len = fc_frame_write(bytes, FC_OP_TEXT, i & 1, lengths[i]);
    CHECK(len == (lengths[i] < 126 ? 2u : lengths[i] < 65536 ? 4u : 10u));
    CHECK_EQ(bytes[1] & 0x80, 0);
    bytes[1] |= 0x80;
    memset(bytes + len, 0, 4);
    CHECK_EQ(parse(bytes, len + 4, FC_DEFLATE, &frame), len + 4);
    CHECK_EQ(frame.length, lengths[i]);
    CHECK_EQ(frame.fin, 1);
    CHECK_EQ(frame.opcode, FC_OP_TEXT);
    CHECK_EQ(frame.compressed, i & 1);
  }
}

static void check_close_codes(void) {
  for (unsigned code = 0; code < 65536; code++) {
    int valid = (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
    CHECK_EQ(fc_close_code_valid(code), valid);
  }
}

void test_frame(void) {
  check_first_bytes();
  check_second_bytes();
  check_lengths();
  check_written();
  check_close_codes();
  for (int error = FC_FRAME_LENGTH_TOO_LARGE; error < 0; error++) {
    CHECK(strcmp(fc_frame_reason(error), "unknown error") != 0);
    for (int other = error + 1; other < 0; other++) CHECK(strcmp(fc_frame_reason(error), fc_frame_reason(other)) != 0);
  }
  CHECK(strcmp(fc_frame_reason(1), "unknown error") == 0);
}
