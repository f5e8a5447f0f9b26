/* SPDX-License-Identifier: MIT
 *
 * The three ways of head_case.h.
 */
#include "head_case.h"

#include <string.h>

const fc_head_limits head_limits = {8192, 16384, 65536, HEAD_FIELDS};

static void parse(head_case *out, const char *bytes, size_t len, size_t seen, const fc_head_limits *limits) {
  memset(&out->head, 0xa5, sizeof out->head);
  out->head.fields = out->fields;
  out->head.field_capacity = HEAD_FIELDS;
  out->buf = guard_place(GUARD_INPUT, bytes, len);
  out->result = fc_head_parse(out->buf, len, seen, limits, &out->head);
}

static void check_span(const head_case *parsed, fc_span span) {
  CHECK((int64_t)span.start + span.len <= parsed->result);
}

static void check_spans(const head_case *parsed) {
  const fc_head *head = &parsed->head;
  check_span(parsed, head->method);
  check_span(parsed, head->target);
  check_span(parsed, head->path);
  check_span(parsed, head->query);
  check_span(parsed, head->scheme);
  check_span(parsed, head->host);
  CHECK(head->field_count <= HEAD_FIELDS);
  for (uint32_t i = 0; i < head->field_count; i++) {
    check_span(parsed, head->fields[i].name);
    check_span(parsed, head->fields[i].value);
  }
}

/* Each prefix is partial until the verdict comes, and the verdict stays. */
static void check_growing(head_case *out, const char *bytes, size_t len, const fc_head_limits *limits,
                          int32_t expected) {
  size_t seen = 0;
  for (size_t n = 0; n <= len; n++) {
    parse(out, bytes, n, seen, limits);
    if (out->result == FC_PARTIAL) {
      seen = n;
      continue;
    }
    CHECK_EQ(out->result, expected);
    if (expected > 0) CHECK_EQ(n, expected);
    parse(out, bytes, n, 0, limits);
    CHECK_EQ(out->result, expected);
    return;
  }
  CHECK_EQ(expected, FC_PARTIAL);
}

static void check_with_tail(head_case *out, const char *bytes, size_t len, const fc_head_limits *limits,
                            int32_t expected) {
  static const char tail[] = "GET /tail HTTP/1.1\r\nHost: tail\r\n\r\n\x00\xff";
  char joined[GUARD_CAPACITY];
  memcpy(joined, bytes, len);
  memcpy(joined + len, tail, sizeof tail);
  parse(out, joined, len + sizeof tail, 0, limits);
  CHECK_EQ(out->result, expected);
}

void head_check(head_case *out, const char *bytes, size_t len, const fc_head_limits *limits, int32_t expected) {
  check_growing(out, bytes, len, limits, expected);
  if (expected != FC_PARTIAL) check_with_tail(out, bytes, len, limits, expected);
  parse(out, bytes, len, 0, limits);
  CHECK_EQ(out->result, expected);
  if (out->result > 0) check_spans(out);
}

void head_expect(head_case *out, const char *bytes, size_t len, int32_t expected) {
  check_case(bytes);
  head_check(out, bytes, len, &head_limits, expected > 0 ? (int32_t)len : expected);
}

int span_is(const head_case *parsed, fc_span span, const char *text) {
  return span.len == strlen(text) && memcmp(parsed->buf + span.start, text, span.len) == 0;
}
