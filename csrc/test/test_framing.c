/* SPDX-License-Identifier: MIT
 *
 * What the fields decide: Host, Content-Length, Transfer-Encoding, Connection, Upgrade, Expect, TE.
 */
#include <stdio.h>
#include <string.h>

#include "../head.h"
#include "check.h"
#include "head_case.h"

static head_case parsed;

/* Fields after "POST / HTTP/1.1" and a Host field. */
static const fc_head *fields_expect(const char *fields, int32_t expected) {
  char bytes[1024];
  int len = snprintf(bytes, sizeof bytes, "POST / HTTP/1.1\r\nHost: h\r\n%s\r\n", fields);
  head_expect(&parsed, bytes, (size_t)len, expected);
  return &parsed.head;
}

/* Fields after "POST / HTTP/1.0". */
static const fc_head *old_fields_expect(const char *fields, int32_t expected) {
  char bytes[1024];
  int len = snprintf(bytes, sizeof bytes, "POST / HTTP/1.0\r\n%s\r\n", fields);
  head_expect(&parsed, bytes, (size_t)len, expected);
  return &parsed.head;
}

static void host(void) {
  head_expect(&parsed, BYTES("GET / HTTP/1.1\r\n\r\n"), FC_BAD_HOST);
  head_expect(&parsed, BYTES("GET / HTTP/1.1\r\nHost:\r\n\r\n"), 1);
  CHECK_EQ(parsed.head.host.len, 0);
  head_expect(&parsed, BYTES("GET / HTTP/1.1\r\nhOST: Example.com:80\r\n\r\n"), 1);
  CHECK(span_is(&parsed, parsed.head.host, "Example.com:80"));
  fields_expect("Host: h\r\n", FC_BAD_HOST);
  head_expect(&parsed, BYTES("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"), FC_BAD_HOST);
  head_expect(&parsed, BYTES("GET / HTTP/1.1\r\nHost: a b\r\n\r\n"), FC_BAD_HOST);
  head_expect(&parsed, BYTES("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"), FC_BAD_HOST);
  head_expect(&parsed, BYTES("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"), FC_BAD_HOST);
  head_expect(&parsed, BYTES("GET / HTTP/1.1\r\nHost: caf\xc3\xa9\r\n\r\n"), FC_BAD_HOST);
  old_fields_expect("", 1);
  CHECK_EQ(parsed.head.host.len, 0);
  old_fields_expect("Host: a\r\n", 1);
  CHECK(span_is(&parsed, parsed.head.host, "a"));
  old_fields_expect("Host: a\r\nHost: a\r\n", FC_BAD_HOST);
  old_fields_expect("Host: a b\r\n", FC_BAD_HOST);
}

static void length_is(const char *fields, uint64_t length) {
  const fc_head *head = fields_expect(fields, 1);
  CHECK_EQ(head->framing, FC_BODY_LENGTH);
  CHECK_EQ(head->content_length, length);
}

static void content_length(void) {
  CHECK_EQ(fields_expect("", 1)->framing, FC_BODY_NONE);
  length_is("Content-Length: 0\r\n", 0);
  length_is("content-length:5\r\n", 5);
  length_is("Content-Length: 0005\r\n", 5);
  length_is("Content-Length: 9223372036854775807\r\n", INT64_MAX);
  length_is("Content-Length: 00000000000000000000000000000000005\r\n", 5);
  length_is("Content-Length: 5\r\nContent-Length: 5\r\n", 5);
  length_is("Content-Length: 5, 5\r\n", 5);
  length_is("Content-Length: 5,5 ,\t5\r\nContent-Length: 05\r\n", 5);
  static const char *const malformed[] = {
      "",
      "5,",
      ",5",
      "5,,5",
      "5, 6",
      "+5",
      "-5",
      "5.0",
      "5 5",
      "0x5",
      "5a",
      "a",
      "5;",
      "\"5\"",
      "1e1",
      "9223372036854775808",
      "18446744073709551616",
      "18446744073709551621",
      "99999999999999999999999999999999",
      "\xd9\xa5",
      "5,\t6",
      "5\t5",
  };
  for (size_t i = 0; i < sizeof malformed / sizeof malformed[0]; i++) {
    char fields[128];
    snprintf(fields, sizeof fields, "Content-Length: %s\r\n", malformed[i]);
    fields_expect(fields, FC_BAD_CONTENT_LENGTH);
    old_fields_expect(fields, FC_BAD_CONTENT_LENGTH);
  }
  fields_expect("Content-Length: 5\r\nContent-Length: 6\r\n", FC_BAD_CONTENT_LENGTH);
  fields_expect("Content-Length: 5\r\nA: b\r\nContent-Length:\r\n", FC_BAD_CONTENT_LENGTH);
  CHECK_EQ(old_fields_expect("Content-Length: 7\r\n", 1)->content_length, 7);
}

static void transfer_encoding(void) {
  static const struct {
    const char *fields;
    int32_t expected;
  } cases[] = {
      {"Transfer-Encoding: chunked\r\n", 1},
      {"transfer-encoding:CHUNKED \r\n", 1},
      {"Transfer-Encoding: ChUnKeD\r\n", 1},
      {"Transfer-Encoding: gzip\r\n", FC_UNKNOWN_CODING},
      {"Transfer-Encoding: identity\r\n", FC_UNKNOWN_CODING},
      {"Transfer-Encoding: xchunked\r\n", FC_UNKNOWN_CODING},
      {"Transfer-Encoding: chunkedx\r\n", FC_UNKNOWN_CODING},
      {"Transfer-Encoding: gzip, chunked\r\n", FC_UNKNOWN_CODING},
      {"Transfer-Encoding: gzip;q=1\r\n", FC_UNKNOWN_CODING},
      {"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", FC_UNKNOWN_CODING},
      {"Transfer-Encoding: a ; b=c\r\n", FC_UNKNOWN_CODING},
      {"Transfer-Encoding: chunked, gzip\r\n", FC_BAD_TRANSFER_ENCODING},
      {"Transfer-Encoding: chunked, chunked\r\n", FC_BAD_TRANSFER_ENCODING},
      {"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", FC_BAD_TRANSFER_ENCODING},
      {"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", FC_BAD_TRANSFER_ENCODING},
      {"Transfer-Encoding:\r\n", FC_BAD_TRANSFER_ENCODING},
      {"Transfer-Encoding: ,chunked\r\n", FC_BAD_TRANSFER_ENCODING},
      {"Transfer-Encoding: chunked,\r\n", FC_BAD_TRANSFER_ENCODING},
      {"Transfer-Encoding: chun ked\r\n", FC_UNKNOWN_CODING},
      {"Transfer-Encoding: chunked;a=b\r\n", FC_BAD_TRANSFER_ENCODING},
      {"Transfer-Encoding: \"chunked\"\r\n", FC_BAD_TRANSFER_ENCODING},
      {"Transfer-Encoding: chunked x\r\n", FC_BAD_TRANSFER_ENCODING},
      {"Transfer-Encoding: chunked\x80\r\n", FC_BAD_TRANSFER_ENCODING},
      {"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", FC_BAD_TRANSFER_ENCODING},
      {"Content-Length: 0\r\nTransfer-Encoding: chunked\r\n", FC_BAD_TRANSFER_ENCODING},
      {"Content-Length: 5\r\nTransfer-Encoding: gzip\r\n", FC_BAD_TRANSFER_ENCODING},
      {"Transfer-Encoding: \x0b"
       "chunked\r\n",
       FC_BAD_FIELD_VALUE},
      {"Transfer-Encoding : chunked\r\n", FC_BAD_FIELD_NAME},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    const fc_head *head = fields_expect(cases[i].fields, cases[i].expected);
    if (cases[i].expected > 0) CHECK_EQ(head->framing, FC_BODY_CHUNKED);
  }
  old_fields_expect("Transfer-Encoding: chunked\r\n", FC_BAD_TRANSFER_ENCODING);
  old_fields_expect("Transfer-Encoding: gzip\r\n", FC_BAD_TRANSFER_ENCODING);
}

static void persistence(void) {
  CHECK(fields_expect("", 1)->keep_alive);
  CHECK(fields_expect("Connection: keep-alive\r\n", 1)->keep_alive);
  CHECK(fields_expect("Connection: x, ,y\r\n", 1)->keep_alive);
  CHECK(fields_expect("Connection: closed\r\n", 1)->keep_alive);
  CHECK(fields_expect("Connection:\r\n", 1)->keep_alive);
  CHECK(!fields_expect("Connection: close\r\n", 1)->keep_alive);
  CHECK(!fields_expect("Connection: keep-alive, CLOSE\r\n", 1)->keep_alive);
  CHECK(!fields_expect("Connection: close\r\nConnection: keep-alive\r\n", 1)->keep_alive);
  CHECK(!fields_expect("Connection: keep-alive\r\nConnection: close\r\n", 1)->keep_alive);
  CHECK(!fields_expect("Connection: ,,close,,\r\n", 1)->keep_alive);
  CHECK(!old_fields_expect("", 1)->keep_alive);
  CHECK(!old_fields_expect("Connection: close\r\n", 1)->keep_alive);
  CHECK(old_fields_expect("Connection: Keep-Alive\r\n", 1)->keep_alive);
  CHECK(!old_fields_expect("Connection: keep-alive, close\r\n", 1)->keep_alive);
}

static void upgrade(void) {
  CHECK(fields_expect("Connection: Upgrade\r\nUpgrade: websocket\r\n", 1)->upgrade);
  CHECK(fields_expect("Upgrade: websocket\r\nConnection: keep-alive, upgrade\r\n", 1)->upgrade);
  CHECK(!fields_expect("Upgrade: websocket\r\n", 1)->upgrade);
  CHECK(!fields_expect("Connection: upgrade\r\n", 1)->upgrade);
  CHECK(!fields_expect("Connection: upgrades\r\nUpgrade: websocket\r\n", 1)->upgrade);
  CHECK(!fields_expect("Connection: upgrade\r\nUpgrade:\r\n", 1)->upgrade);
  CHECK(!old_fields_expect("Connection: upgrade\r\nUpgrade: websocket\r\n", 1)->upgrade);
}

static void expectation(void) {
  CHECK(!fields_expect("", 1)->expect_continue);
  CHECK(fields_expect("Expect: 100-continue\r\n", 1)->expect_continue);
  CHECK(fields_expect("Expect: 100-Continue\r\nContent-Length: 3\r\n", 1)->expect_continue);
  CHECK(fields_expect("Expect: 100-continue, 100-continue\r\n", 1)->expect_continue);
  CHECK(!fields_expect("Expect:\r\n", 1)->expect_continue);
  fields_expect("Expect: 200-ok\r\n", FC_UNKNOWN_EXPECTATION);
  fields_expect("Expect: 100-continue, x\r\n", FC_UNKNOWN_EXPECTATION);
  fields_expect("Expect: 100-continue;a=b\r\n", FC_UNKNOWN_EXPECTATION);
  fields_expect("Expect: x\r\nContent-Length: a\r\n", FC_BAD_CONTENT_LENGTH);
  fields_expect("Expect: x\r\nTransfer-Encoding: gzip\r\n", FC_UNKNOWN_CODING);
  CHECK(!old_fields_expect("Expect: 100-continue\r\n", 1)->expect_continue);
  old_fields_expect("Expect: x\r\n", 1);
}

static void te(void) {
  CHECK(!fields_expect("", 1)->te_trailers);
  CHECK(fields_expect("TE: trailers\r\n", 1)->te_trailers);
  CHECK(fields_expect("te: gzip;q=0.5, Trailers\r\n", 1)->te_trailers);
  CHECK(fields_expect("TE: gzip\r\nTE: trailers;q=1\r\n", 1)->te_trailers);
  CHECK(!fields_expect("TE: trailersx, xtrailers, gzip\r\n", 1)->te_trailers);
  CHECK(!fields_expect("TE:\r\n", 1)->te_trailers);
}

void test_framing(void) {
  host();
  content_length();
  transfer_encoding();
  persistence();
  upgrade();
  expectation();
  te();
}
