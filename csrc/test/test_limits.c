/* SPDX-License-Identifier: MIT
 *
 * Limits of a head: exactly at them, one byte beyond, before the blank line, and small next to each other.
 */
#include <string.h>

#include "../head.h"
#include "check.h"
#include "head_case.h"

static head_case parsed;

static size_t append(char *bytes, size_t len, const char *text) {
  strcpy(bytes + len, text);
  return len + strlen(text);
}

static void limit_expect(const char *bytes, fc_head_limits limits, int32_t expected) {
  check_case(bytes);
  head_check(&parsed, bytes, strlen(bytes), &limits, expected > 0 ? (int32_t)strlen(bytes) : expected);
}

static void target_limit(void) {
  fc_head_limits limits = {10, 100, 1000, 8};
  limit_expect("GET /123456789 HTTP/1.1\r\nHost: h\r\n\r\n", limits, 1);
  limit_expect("GET /123456789a HTTP/1.1\r\nHost: h\r\n\r\n", limits, FC_TARGET_TOO_LONG);
  limit_expect("GET /123456789", limits, FC_PARTIAL);
  limit_expect("GET /123456789a", limits, FC_TARGET_TOO_LONG);
  limit_expect("GET /12345678\x01", limits, FC_BAD_TARGET);
  limit_expect("GET /123456789\x01", limits, FC_BAD_TARGET);
  limit_expect("GET /123456789a\x01", limits, FC_TARGET_TOO_LONG);
}

static void field_limit(void) {
  fc_head_limits limits = {100, 9, 1000, 8};
  limit_expect("GET / HTTP/1.1\r\nHost: h\r\nA: 345678\r\n\r\n", limits, 1);
  limit_expect("GET / HTTP/1.1\r\nHost: h\r\nA: 3456789\r\n\r\n", limits, FC_FIELD_TOO_LONG);
  limit_expect("GET / HTTP/1.1\r\nHost: h\r\nA: 345678", limits, FC_PARTIAL);
  limit_expect("GET / HTTP/1.1\r\nHost: h\r\nA: 345678\r", limits, FC_PARTIAL);
  limit_expect("GET / HTTP/1.1\r\nHost: h\r\nA: 3456789", limits, FC_FIELD_TOO_LONG);
  limit_expect("GET / HTTP/1.1\r\nHost: h\r\nABCDEFGHI", limits, FC_PARTIAL);
  limit_expect("GET / HTTP/1.1\r\nHost: h\r\nABCDEFGHIJ", limits, FC_FIELD_TOO_LONG);
  limit_expect("GET / HTTP/1.1\r\nHost: h\r\nABCDEFGH:\r\n\r\n", limits, 1);
  limit_expect("GET / HTTP/1.1\r\nHost: h\r\nABCDEFGHI:\r\n\r\n", limits, FC_FIELD_TOO_LONG);
  limit_expect("GET / HTTP/1.1\r\nHost: h\r\nA:        \r\n\r\n", limits, FC_FIELD_TOO_LONG);
  limit_expect("GET / HTTP/1.1\r\nHost: h\r\nA: 34567\x01", limits, FC_BAD_FIELD_VALUE);
  limit_expect("GET / HTTP/1.1\r\nHost: h\r\nABCDEFGH I: v\r\n\r\n", limits, FC_BAD_FIELD_NAME);
}

static void head_limit(void) {
  static const char whole[] = "GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n\r\n";
  fc_head_limits limits = {1000, 1000, sizeof whole - 1, 8};
  limit_expect(whole, limits, 1);
  limits.head--;
  limit_expect(whole, limits, FC_HEAD_TOO_LONG);
  limits.head = 20;
  limit_expect("GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n", limits, FC_HEAD_TOO_LONG);
  limit_expect("GET / HTTP/1.1\r\nHost", limits, FC_PARTIAL);
  limit_expect("GET / HTTP/1.1\r\nHost:", limits, FC_HEAD_TOO_LONG);
  limit_expect("GET /abcdefghijklmno", limits, FC_PARTIAL);
  limit_expect("GET /abcdefghijklmnop", limits, FC_TARGET_TOO_LONG);
  limits.head = 0;
  limit_expect("", limits, FC_PARTIAL);
  limit_expect("G", limits, FC_TARGET_TOO_LONG);
  limits.head = UINT32_MAX;
  limits.field = UINT32_MAX;
  limits.target = UINT32_MAX;
  limits.fields = UINT32_MAX;
  limit_expect(whole, limits, 1);
}

static void count_limit(void) {
  fc_head_limits limits = {100, 100, 1000, 2};
  limit_expect("GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n\r\n", limits, 1);
  limit_expect("GET / HTTP/1.1\r\nHost: h\r\nA: b\r\nC: d\r\n\r\n", limits, FC_TOO_MANY_FIELDS);
  limit_expect("GET / HTTP/1.1\r\nHost: h\r\nA: b\r\nC", limits, FC_TOO_MANY_FIELDS);
  limit_expect("GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n c", limits, FC_BAD_FOLDING);
  limits.fields = 0;
  limit_expect("GET / HTTP/1.0\r\n\r\n", limits, 1);
  limit_expect("GET / HTTP/1.0\r\nA", limits, FC_TOO_MANY_FIELDS);
}

/* The caller's storage bounds the count whatever the limit says. */
static void capacity_bounds_the_count(void) {
  char bytes[2048];
  size_t len = append(bytes, 0, "GET / HTTP/1.0\r\n");
  fc_head_limits limits = {100, 100, 60000, UINT32_MAX};
  for (int i = 0; i < HEAD_FIELDS; i++) len = append(bytes, len, "A: b\r\n");
  strcpy(bytes + len, "\r\n");
  limit_expect(bytes, limits, 1);
  strcpy(bytes + len, "A: b\r\n\r\n");
  limit_expect(bytes, limits, FC_TOO_MANY_FIELDS);
}

/* A long head in pieces of every size has the verdict of the whole. */
static void pieces_have_the_verdict_of_the_whole(void) {
  static char bytes[30000];
  size_t len = append(bytes, 0, "GET / HTTP/1.1\r\nHost: h\r\nX-Long: ");
  memset(bytes + len, 'v', 20000);
  len += 20000;
  len = append(bytes, len, "\r\nY: z\r\n\r\n");
  for (uint32_t field = 19000; field < 21001; field += 1000) {
    fc_head_limits limits = {8192, field, 65536, 8};
    for (size_t piece = 1; piece < 30000; piece = piece * 7 + 6) {
      size_t seen = 0;
      int32_t result = FC_PARTIAL;
      for (size_t n = piece < len ? piece : len; result == FC_PARTIAL; n = n + piece < len ? n + piece : len) {
        parsed.head.fields = parsed.fields;
        parsed.head.field_capacity = HEAD_FIELDS;
        result = fc_head_parse(bytes, n, seen, &limits, &parsed.head);
        seen = n;
        if (n == len) break;
      }
      CHECK_EQ(result, field < 20008 ? FC_FIELD_TOO_LONG : (int32_t)len);
    }
  }
}

void test_limits(void) {
  target_limit();
  field_limit();
  head_limit();
  count_limit();
  capacity_bounds_the_count();
  pieces_have_the_verdict_of_the_whole();
}
