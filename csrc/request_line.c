/* SPDX-License-Identifier: MIT
 *
 * The request line (request_line.h). Every error is found at the first byte that shows it, so that the verdict does not
 * depend on how the bytes were split, and what is not HTTP at all (a TLS ClientHello) is refused at its first byte.
 */
#include "request_line.h"

#include "chars.h"
#include "host.h"
#include "line.h"
#include "method.h"
#include "scan.h"

#define EMPTY_LINES_MAX 2 /* RFC 9112 section 2.2 asks for at least one */

static fc_span span(uint32_t start, uint32_t end) {
  fc_span result = {start, end - start};
  return result;
}

/* The start of the request line, or *result with FC_PARTIAL or an error. */
static uint32_t empty_lines_skip(const char *buf, uint32_t len, int32_t *result) {
  uint32_t pos = 0;
  *result = FC_PARTIAL;
  for (int lines = 0; pos < len && (buf[pos] == '\r' || buf[pos] == '\n'); lines++) {
    if (lines == EMPTY_LINES_MAX) {
      *result = FC_BAD_EMPTY_LINES;
      return pos;
    }
    *result = fc_line_end(buf, pos, len, FC_BAD_LINE_END);
    if (*result <= 0) return pos;
    pos = (uint32_t)*result;
  }
  *result = pos < len;
  return pos;
}

/* method SP; returns the position of the target. */
static int32_t method_parse(const char *buf, uint32_t start, uint32_t len, fc_head *head) {
  uint32_t stop = len - start > FC_METHOD_MAX + 1 ? start + FC_METHOD_MAX + 1 : len;
  uint32_t pos = start;
  while (pos < stop && fc_is(buf[pos], FC_TOKEN)) pos++;
  if (pos - start > FC_METHOD_MAX) return FC_BAD_METHOD;
  if (pos == len) return FC_PARTIAL;
  if (buf[pos] != ' ' || pos == start) {
    int32_t result = fc_line_end(buf, pos, len, buf[pos] == ' ' ? FC_BAD_REQUEST_LINE : FC_BAD_METHOD);
    return result > 0 ? FC_BAD_REQUEST_LINE : result;
  }
  head->method = span(start, pos);
  head->method_id = fc_method_id(buf + start, pos - start);
  return (int32_t)pos + 1;
}

/* target SP; returns the position of the version. */
static int32_t target_parse(const char *buf, uint32_t start, uint32_t len, uint32_t limit, fc_head *head) {
  uint32_t stop = len - start > limit ? start + limit + 1 : len;
  uint32_t pos = (uint32_t)(fc_scan_target(buf + start, buf + stop) - buf);
  if (pos - start > limit) return FC_TARGET_TOO_LONG;
  if (pos == len) return FC_PARTIAL;
  if (buf[pos] != ' ') {
    int32_t result = fc_line_end(buf, pos, len, FC_BAD_TARGET);
    return result > 0 ? (pos == start ? FC_BAD_REQUEST_LINE : FC_BAD_VERSION) : result;
  }
  if (pos == start) return FC_BAD_REQUEST_LINE;
  head->target = span(start, pos);
  return (int32_t)pos + 1;
}

/* "HTTP/" DIGIT "." DIGIT CR LF (RFC 9112 section 2.3), in any pieces; *major is set when the line is whole. */
static int32_t version_parse(const char *buf, uint32_t start, uint32_t len, int *major, fc_head *head) {
  static const char form[] = "HTTP/0.0"; /* 0 = any digit */
  for (uint32_t i = 0; i < 8; i++) {
    uint32_t pos = start + i;
    if (pos == len) return FC_PARTIAL;
    if (form[i] == '0' ? fc_is(buf[pos], FC_DIGIT) : buf[pos] == form[i]) continue;
    int32_t result = fc_line_end(buf, pos, len, buf[pos] == ' ' ? FC_BAD_REQUEST_LINE : FC_BAD_VERSION);
    return result > 0 ? FC_BAD_VERSION : result;
  }
  if (start + 8 == len) return FC_PARTIAL;
  *major = buf[start + 5] - '0';
  head->minor_version = buf[start + 7] != '0'; /* a higher minor version is answered as 1.1 (RFC 9110 section 2.5) */
  return fc_line_end(buf, start + 8, len, buf[start + 8] == ' ' ? FC_BAD_REQUEST_LINE : FC_BAD_VERSION);
}

static void path_split(const char *buf, uint32_t start, uint32_t end, fc_head *head) {
  uint32_t pos = start;
  head->path_escaped = 0;
  for (; pos < end && buf[pos] != '?'; pos++) head->path_escaped |= buf[pos] == '%';
  head->path = span(start, pos);
  head->query = pos < end ? span(pos + 1, end) : span(end, end);
}

static int32_t absolute_form(const char *buf, uint32_t start, uint32_t end, fc_head *head) {
  uint32_t scheme = 0;
  if (end - start >= 8) { /* "http://a" */
    char text[8];
    uint64_t lower = fc_lower8(fc_load8(buf + start));
    memcpy(text, &lower, 8);
    if (memcmp(text, "http://", 7) == 0) scheme = 4;
    if (memcmp(text, "https://", 8) == 0) scheme = 5;
  }
  if (!scheme) return FC_BAD_TARGET;
  uint32_t authority = start + scheme + 3;
  uint32_t pos = authority;
  while (pos < end && buf[pos] != '/' && buf[pos] != '?') pos++;
  if (fc_host_check(buf + authority, pos - authority) < 0) return FC_BAD_TARGET;
  head->form = FC_FORM_ABSOLUTE;
  head->scheme = span(start, start + scheme);
  head->host = span(authority, pos);
  path_split(buf, pos, end, head);
  return 0;
}

/* host ":" port, both of them given (RFC 9112 section 3.2.3). */
static int32_t authority_form(const char *buf, uint32_t start, uint32_t end, fc_head *head) {
  int host_len = fc_host_check(buf + start, end - start);
  if (host_len < 0 || (uint32_t)host_len + 1 >= end - start) return FC_BAD_TARGET;
  head->form = FC_FORM_AUTHORITY;
  return 0;
}

/* RFC 9112 section 3.2: which form, and whether this method may have it. */
static int32_t form_decide(const char *buf, fc_head *head) {
  uint32_t start = head->target.start;
  uint32_t end = start + head->target.len;
  head->path = head->query = span(end, end);
  head->scheme = head->host = span(0, 0);
  if (head->method_id == FC_METHOD_CONNECT) return authority_form(buf, start, end, head);
  if (buf[start] == '/') {
    head->form = FC_FORM_ORIGIN;
    path_split(buf, start, end, head);
    return 0;
  }
  if (buf[start] == '*' && head->target.len == 1 && head->method_id == FC_METHOD_OPTIONS) {
    head->form = FC_FORM_ASTERISK;
    return 0;
  }
  return absolute_form(buf, start, end, head);
}

static int is_preface(const char *buf, uint32_t line_end) {
  return line_end == 16 && memcmp(buf, "PRI * HTTP/2.0", 14) == 0;
}

int32_t fc_request_line_parse(const char *buf, uint32_t len, const fc_head_limits *limits, fc_head *head) {
  int32_t result;
  int major = 0;
  uint32_t start = empty_lines_skip(buf, len, &result);
  if (result <= 0) return result;
  result = method_parse(buf, start, len, head);
  if (result <= 0) return result;
  result = target_parse(buf, (uint32_t)result, len, limits->target, head);
  if (result <= 0) return result;
  result = version_parse(buf, (uint32_t)result, len, &major, head);
  if (result <= 0) return result;
  if (major != 1) return is_preface(buf, (uint32_t)result) ? FC_HTTP2_PREFACE : FC_UNKNOWN_VERSION;
  int32_t error = form_decide(buf, head);
  return error < 0 ? error : result;
}
