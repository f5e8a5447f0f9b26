/* SPDX-License-Identifier: MIT
 *
 * Field lines: names, values, white space, line ends; and whole heads of clients that are in use.
 */
#include "../head.h"

#include <string.h>

#include "../chars.h"
#include "../names.h"
#include "check.h"
#include "head_case.h"

#define START "GET / HTTP/1.1\r\nHost: h\r\n"

static head_case parsed;

/* Each byte within a name: before the 16th byte and after it, where another search finds the ':'. */
static void a_name_is_a_token(void) {
  for (int c = 0; c < 256; c++) {
    char early[] = START "X_x: v\r\n\r\n";
    char late[] = START "X-A-Name-Of-More-Than-Sixteen-Bytes_x: v\r\n\r\n";
    int32_t expected = fc_is((char)(unsigned char)c, FC_TOKEN) ? 1 : FC_BAD_FIELD_NAME;
    if (c == '\r' || c == '\n') expected = FC_BAD_LINE_END;
    if (c == ':') expected = 1; /* the name ends there */
    *strchr(early, '_') = (char)(unsigned char)c;
    *strchr(late, '_') = (char)(unsigned char)c;
    head_expect(&parsed, BYTES(early), expected);
    if (expected > 0) CHECK_EQ(parsed.head.fields[1].name.len, c == ':' ? 1 : 3);
    head_expect(&parsed, BYTES(late), expected);
  }
}

/* Each byte within a value, at each place of 16 bytes. */
static void a_value_has_no_control_characters(void) {
  for (int c = 0; c < 256; c++) {
    for (size_t place = 0; place < 16; place++) {
      char bytes[] = START "X: 0123456789abcdefgh\r\n\r\n";
      int32_t expected = fc_is((char)(unsigned char)c, FC_VALUE) ? 1 : FC_BAD_FIELD_VALUE;
      if (c == '\r' || c == '\n') expected = FC_BAD_LINE_END;
      bytes[sizeof START + 3 + place] = (char)(unsigned char)c;
      if (place == 0 || place == 15 || c < 0x21 || c == 0x7f) head_expect(&parsed, BYTES(bytes), expected);
    }
  }
}

static void white_space_around_a_value_is_dropped(void) {
  head_expect(&parsed, BYTES(START "A:b\r\nC: \t d e\t f \t \r\nE:\r\nF:  \t\r\n\r\n"), 1);
  CHECK_EQ(parsed.head.field_count, 5);
  CHECK(span_is(&parsed, parsed.head.fields[1].name, "A") && span_is(&parsed, parsed.head.fields[1].value, "b"));
  CHECK(span_is(&parsed, parsed.head.fields[2].value, "d e\t f"));
  CHECK(span_is(&parsed, parsed.head.fields[3].value, "") && span_is(&parsed, parsed.head.fields[4].value, ""));
}

static void malformed_lines(void) {
  head_expect(&parsed, BYTES(START "A : b\r\n\r\n"), FC_BAD_FIELD_NAME);
  head_expect(&parsed, BYTES(START "A\t: b\r\n\r\n"), FC_BAD_FIELD_NAME);
  head_expect(&parsed, BYTES(START ": b\r\n\r\n"), FC_BAD_FIELD_NAME);
  head_expect(&parsed, BYTES(START "no colon\r\n\r\n"), FC_BAD_FIELD_NAME);
  head_expect(&parsed, BYTES(START "nocolon\r\n\r\n"), FC_BAD_FIELD_NAME);
  head_expect(&parsed, BYTES(START "A: b\r\n c\r\n\r\n"), FC_BAD_FOLDING);
  head_expect(&parsed, BYTES(START "A: b\r\n\tc\r\n\r\n"), FC_BAD_FOLDING);
  head_expect(&parsed, BYTES("GET / HTTP/1.1\r\n Host: h\r\n\r\n"), FC_BAD_FOLDING);
  head_expect(&parsed, BYTES(START " \r\n\r\n"), FC_BAD_FOLDING);
  head_expect(&parsed, BYTES(START "A: b\n\r\n"), FC_BAD_LINE_END);
  head_expect(&parsed, BYTES(START "A: b\rC: d\r\n\r\n"), FC_BAD_LINE_END);
  head_expect(&parsed, BYTES(START "A: b\r\r\n\r\n"), FC_BAD_LINE_END);
  head_expect(&parsed, BYTES(START "A: b\r\n\n"), FC_BAD_LINE_END);
  head_expect(&parsed, BYTES(START "A: b\r\n\rX"), FC_BAD_LINE_END);
  head_expect(&parsed, BYTES("GET / HTTP/1.1\nHost: h\n\n"), FC_BAD_LINE_END);
  head_expect(&parsed, BYTES("GET / HTTP/1.1\r\nHost: h\n\n"), FC_BAD_LINE_END);
  head_expect(&parsed, BYTES("GET / HTTP/1.1\rHost: h\r\r"), FC_BAD_LINE_END);
}

static void what_is_unfinished_is_partial(void) {
  static const char whole[] = START "Accept: */*\r\nX-Name-Of-Many-More-Than-Sixteen-Bytes: v\r\n\r\n";
  for (size_t len = 0; len < sizeof whole - 1; len++) head_expect(&parsed, whole, len, FC_PARTIAL);
}

static void names_are_known_and_lower(void) {
  head_expect(&parsed,
              BYTES("GET / HTTP/1.1\r\nhost: h\r\nUser-Agent: a\r\nx-own-name: b\r\nX-Own-name: c\r\nACCEPT: d\r\n"
                    "access-control-request-headers: e\r\nx-very-own-name-of-many-bytes-Z: f\r\n\r\n"),
              1);
  static const struct {
    const char *known;
    int lower;
  } cases[] = {{"host", 1}, {"user-agent", 0}, {NULL, 1},
               {NULL, 0},   {"accept", 0},     {"access-control-request-headers", 1},
               {NULL, 0}};
  CHECK_EQ(parsed.head.field_count, 7);
  for (size_t i = 0; i < 7; i++) {
    const char *known = cases[i].known;
    CHECK_EQ(parsed.head.fields[i].known, known ? fc_name_id(known, strlen(known)) : FC_NAME_UNKNOWN);
    CHECK_EQ(parsed.head.fields[i].lower, cases[i].lower);
  }
}

static void clients_in_use(void) {
  head_expect(
      &parsed,
      BYTES("GET /search?q=fastcorn HTTP/1.1\r\nHost: localhost:8000\r\nConnection: keep-alive\r\n"
            "sec-ch-ua: \"Chromium\";v=\"130\", \"Not?A_Brand\";v=\"99\"\r\nsec-ch-ua-mobile: "
            "?0\r\nsec-ch-ua-platform: \"Linux\"\r\n"
            "Upgrade-Insecure-Requests: 1\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, "
            "like Gecko) "
            "Chrome/130.0.0.0 Safari/537.36\r\nAccept: "
            "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"
            "Sec-Fetch-Site: none\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-User: ?1\r\nSec-Fetch-Dest: document\r\n"
            "Accept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en-GB,en;q=0.9\r\nCookie: a=b; "
            "c=\"d\"\r\n\r\n"),
      1);
  CHECK_EQ(parsed.head.field_count, 15);
  for (uint32_t i = 0; i < parsed.head.field_count; i++) CHECK(parsed.head.fields[i].known != FC_NAME_UNKNOWN);
  CHECK(parsed.head.keep_alive);
  head_expect(
      &parsed,
      BYTES(
          "POST /upload HTTP/1.1\r\nHost: 127.0.0.1:8000\r\nUser-Agent: curl/7.88.1\r\nAccept: */*\r\n"
          "Content-Length: 1048576\r\nContent-Type: application/x-www-form-urlencoded\r\nExpect: 100-continue\r\n\r\n"),
      1);
  CHECK(parsed.head.framing == FC_BODY_LENGTH && parsed.head.content_length == 1048576 && parsed.head.expect_continue);
  head_expect(&parsed,
              BYTES("GET / HTTP/1.0\r\nHost: 127.0.0.1:8000\r\nUser-Agent: ApacheBench/2.3\r\nAccept: */*\r\n\r\n"), 1);
  CHECK(!parsed.head.keep_alive);
  head_expect(&parsed,
              BYTES("GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"),
              1);
  CHECK(parsed.head.upgrade);
}

/* Bytes changed at random: the verdict of a whole buffer is that of a growing one. */
static void random_changes_have_one_verdict(void) {
  static const char whole[] =
      "\r\nPOST http://a/b?c HTTP/1.1\r\nHost: a\r\nX-Name: some value\r\nContent-Length: 5\r\n\r\n";
  static const char bytes[] = "\r\n\r\n :\t\0\x7f\x80#?/ahH15,;";
  uint32_t state = 7u;
  check_case("random changes");
  for (int round = 0; round < 3000; round++) {
    char input[sizeof whole];
    memcpy(input, whole, sizeof whole);
    for (uint32_t changes = 1 + random_next(&state) % 3; changes > 0; changes--) {
      uint32_t place = random_next(&state) % (sizeof whole - 1);
      input[place] = bytes[random_next(&state) % (sizeof bytes - 1)];
    }
    parsed.head.fields = parsed.fields;
    parsed.head.field_capacity = HEAD_FIELDS;
    int32_t expected = fc_head_parse(input, sizeof whole - 1, 0, &head_limits, &parsed.head);
    size_t len = expected > 0 ? (size_t)expected : sizeof whole - 1;
    head_check(&parsed, input, len, &head_limits, expected);
  }
}

void test_head(void) {
  a_name_is_a_token();
  a_value_has_no_control_characters();
  white_space_around_a_value_is_dropped();
  malformed_lines();
  what_is_unfinished_is_partial();
  names_are_known_and_lower();
  clients_in_use();
  random_changes_have_one_verdict();
}
