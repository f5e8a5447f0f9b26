/* SPDX-License-Identifier: MIT
 *
 * Request lines: methods, the four forms of targets, versions, and what comes before the line.
 */
#include <stdio.h>
#include <string.h>

#include "../chars.h"
#include "../method.h"
#include "../request_line.h"
#include "check.h"
#include "head_case.h"

static head_case parsed;

/* The line with the head that HTTP/1.1 needs after it. */
static void line_expect(const char *line, int32_t expected) {
  char bytes[1024];
  int len = snprintf(bytes, sizeof bytes, "%s\r\nHost: h\r\n\r\n", line);
  head_expect(&parsed, bytes, (size_t)len, expected);
}

static void methods_have_ids(void) {
  static const char *const names[] = {"BREW",   "GET",     "HEAD",    "POST",  "PUT",
                                      "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"};
  for (int id = 0; id <= FC_METHOD_PATCH; id++) {
    char line[64];
    snprintf(line, sizeof line, "%s %s HTTP/1.1", names[id], id == FC_METHOD_CONNECT ? "a:1" : "/");
    line_expect(line, 1);
    CHECK_EQ(parsed.head.method_id, id);
    CHECK(span_is(&parsed, parsed.head.method, names[id]));
  }
  line_expect("get / HTTP/1.1", 1);
  CHECK_EQ(parsed.head.method_id, FC_METHOD_OTHER);
  line_expect("GETS / HTTP/1.1", 1);
  CHECK_EQ(parsed.head.method_id, FC_METHOD_OTHER);
}

/* Each byte as the whole method, and after a letter. */
static void a_method_is_a_token(void) {
  for (int c = 0; c < 256; c++) {
    char bytes[] = "_X / HTTP/1.1\r\nHost: h\r\n\r\n";
    int token = fc_is((char)(unsigned char)c, FC_TOKEN);
    int32_t first = c == '\n' || c == '\r' ? FC_BAD_LINE_END : c == ' ' ? FC_BAD_REQUEST_LINE : FC_BAD_METHOD;
    int32_t later = c == '\n' || c == '\r' ? FC_BAD_LINE_END : c == ' ' ? FC_BAD_TARGET : FC_BAD_METHOD;
    bytes[0] = (char)(unsigned char)c;
    head_expect(&parsed, BYTES(bytes), token ? 1 : first);
    bytes[0] = 'X';
    bytes[1] = (char)(unsigned char)c;
    if (c == ' ') continue; /* "X  /": the empty target is tested below */
    head_expect(&parsed, BYTES(bytes), token ? 1 : later);
  }
}

static void a_method_has_a_length(void) {
  char line[FC_METHOD_MAX + 32];
  for (size_t len = FC_METHOD_MAX - 1; len <= FC_METHOD_MAX + 2; len++) {
    memset(line, 'M', len);
    head_expect(&parsed, line, len, len > FC_METHOD_MAX ? FC_BAD_METHOD : FC_PARTIAL);
    strcpy(line + len, " / HTTP/1.1");
    line_expect(line, len > FC_METHOD_MAX ? FC_BAD_METHOD : 1);
  }
}

static void what_is_not_http_is_refused_at_once(void) {
  head_expect(&parsed, BYTES("\x16"), FC_BAD_METHOD);
  head_expect(&parsed, BYTES("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"), FC_BAD_METHOD);
  head_expect(&parsed, BYTES("\0"), FC_BAD_METHOD);
  head_expect(&parsed, BYTES("\x80\x2e\x01"), FC_BAD_METHOD);
  head_expect(&parsed, BYTES("\xff"), FC_BAD_METHOD);
  head_expect(&parsed, BYTES("("), FC_BAD_METHOD);
  head_expect(&parsed, BYTES(" "), FC_BAD_REQUEST_LINE);
  head_expect(&parsed, BYTES("SSH-2.0-OpenSSH_9.2\r\n"), FC_BAD_REQUEST_LINE);
  head_expect(&parsed, BYTES("GET\r\n"), FC_BAD_REQUEST_LINE);
  head_expect(&parsed, BYTES("GET \r\n"), FC_BAD_REQUEST_LINE);
  head_expect(&parsed, BYTES("GET /\r\n"), FC_BAD_VERSION); /* HTTP/0.9 */
  head_expect(&parsed, BYTES("GET /\n"), FC_BAD_LINE_END);
  head_expect(&parsed, BYTES("GET\tx"), FC_BAD_METHOD);
}

static void empty_lines_may_come_first(void) {
  head_expect(&parsed, BYTES(""), FC_PARTIAL);
  head_expect(&parsed, BYTES("\r"), FC_PARTIAL);
  head_expect(&parsed, BYTES("\r\n\r\n"), FC_PARTIAL);
  head_expect(&parsed, BYTES("\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"), 1);
  head_expect(&parsed, BYTES("\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"), 1);
  CHECK(span_is(&parsed, parsed.head.method, "GET"));
  head_expect(&parsed, BYTES("\r\n\r\n\r"), FC_BAD_EMPTY_LINES);
  head_expect(&parsed, BYTES("\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"), FC_BAD_EMPTY_LINES);
  head_expect(&parsed, BYTES("\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"), FC_BAD_LINE_END);
  head_expect(&parsed, BYTES("\rGET / HTTP/1.1\r\nHost: h\r\n\r\n"), FC_BAD_LINE_END);
  head_expect(&parsed, BYTES("\r\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"), FC_BAD_LINE_END);
  head_expect(&parsed, BYTES(" \r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"), FC_BAD_REQUEST_LINE);
}

/* Each byte within a target. */
static void a_target_has_visible_bytes(void) {
  for (int c = 0; c < 256; c++) {
    char bytes[] = "GET /_x HTTP/1.1\r\nHost: h\r\n\r\n";
    int32_t expected = fc_is((char)(unsigned char)c, FC_TARGET) ? 1 : FC_BAD_TARGET;
    if (c == '\r' || c == '\n') expected = FC_BAD_LINE_END;
    if (c == ' ') expected = FC_BAD_VERSION;
    bytes[5] = (char)(unsigned char)c;
    head_expect(&parsed, BYTES(bytes), expected);
  }
}

static void one_space_between_the_parts(void) {
  line_expect("GET  / HTTP/1.1", FC_BAD_REQUEST_LINE);
  line_expect("GET /  HTTP/1.1", FC_BAD_REQUEST_LINE);
  line_expect("GET / HTTP/1.1 ", FC_BAD_REQUEST_LINE);
  line_expect(" GET / HTTP/1.1", FC_BAD_REQUEST_LINE);
  line_expect("GET\t/ HTTP/1.1", FC_BAD_METHOD);
  line_expect("GET /\tHTTP/1.1", FC_BAD_TARGET);
  line_expect("GET / HTTP/1.1\t", FC_BAD_VERSION);
  line_expect("GET / a HTTP/1.1", FC_BAD_VERSION);
}

static void versions(void) {
  static const struct {
    const char *text;
    int32_t expected;
  } cases[] = {
      {"HTTP/1.1", 1},
      {"HTTP/1.0", 1},
      {"HTTP/1.2", 1},
      {"HTTP/1.9", 1},
      {"HTTP/2.0", FC_UNKNOWN_VERSION},
      {"HTTP/0.9", FC_UNKNOWN_VERSION},
      {"HTTP/3.0", FC_UNKNOWN_VERSION},
      {"HTTP/9.9", FC_UNKNOWN_VERSION},
      {"HTTP/1", FC_BAD_VERSION},
      {"HTTP/1.", FC_BAD_VERSION},
      {"HTTP/11", FC_BAD_VERSION},
      {"HTTP/1.10", FC_BAD_VERSION},
      {"HTTP/1.1x", FC_BAD_VERSION},
      {"HTTP/a.1", FC_BAD_VERSION},
      {"HTTP/1.a", FC_BAD_VERSION},
      {"http/1.1", FC_BAD_VERSION},
      {"Http/1.1", FC_BAD_VERSION},
      {"HTTP 1.1", FC_BAD_REQUEST_LINE},
      {"HTTP/1,1", FC_BAD_VERSION},
      {"HTTP/-1.1", FC_BAD_VERSION},
      {"HTTP/ 1.1", FC_BAD_REQUEST_LINE},
      {"HTTPS/1.1", FC_BAD_VERSION},
      {"RTSP/1.0", FC_BAD_VERSION},
      {"", FC_BAD_VERSION},
      {"HTTP/2", FC_BAD_VERSION},
      {"HTTP/2.0 ", FC_BAD_REQUEST_LINE},
      {"\x7fTTP/1.1", FC_BAD_VERSION},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    char line[64];
    snprintf(line, sizeof line, "GET / %s", cases[i].text);
    line_expect(line, cases[i].expected);
    if (cases[i].expected > 0) CHECK_EQ(parsed.head.minor_version, strcmp(cases[i].text, "HTTP/1.0") != 0);
  }
}

static void the_http2_preface_is_recognised(void) {
  head_expect(&parsed, BYTES("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), FC_HTTP2_PREFACE);
  head_expect(&parsed, BYTES("PRI * HTTP/2.0\r\n"), FC_HTTP2_PREFACE);
  head_expect(&parsed, BYTES("PRI * HTTP/2.0\r"), FC_PARTIAL);
  head_expect(&parsed, BYTES("PRI * HTTP/1.1\r\nHost: h\r\n\r\n"), FC_BAD_TARGET);
  head_expect(&parsed, BYTES("PRI / HTTP/2.0\r\n"), FC_UNKNOWN_VERSION);
  head_expect(&parsed, BYTES("PRX * HTTP/2.0\r\n"), FC_UNKNOWN_VERSION);
  head_expect(&parsed, BYTES("\r\nPRI * HTTP/2.0\r\n"), FC_UNKNOWN_VERSION);
}

static void origin_form(void) {
  line_expect("GET /a/b%20c?x=1&y=%3f?z HTTP/1.1", 1);
  CHECK_EQ(parsed.head.form, FC_FORM_ORIGIN);
  CHECK(span_is(&parsed, parsed.head.target, "/a/b%20c?x=1&y=%3f?z"));
  CHECK(span_is(&parsed, parsed.head.path, "/a/b%20c"));
  CHECK(span_is(&parsed, parsed.head.query, "x=1&y=%3f?z"));
  CHECK(span_is(&parsed, parsed.head.scheme, "") && span_is(&parsed, parsed.head.host, "h"));
  CHECK_EQ(parsed.head.path_escaped, 1);
  line_expect("GET /?%41 HTTP/1.1", 1);
  CHECK(span_is(&parsed, parsed.head.path, "/") && span_is(&parsed, parsed.head.query, "%41"));
  CHECK_EQ(parsed.head.path_escaped, 0);
  line_expect("GET /? HTTP/1.1", 1);
  CHECK(span_is(&parsed, parsed.head.path, "/") && span_is(&parsed, parsed.head.query, ""));
  line_expect("GET //a//b HTTP/1.1", 1);
  CHECK(span_is(&parsed, parsed.head.path, "//a//b"));
  line_expect("OPTIONS / HTTP/1.1", 1);
  CHECK_EQ(parsed.head.form, FC_FORM_ORIGIN);
  line_expect("GET /[a]{b}|c\\d^e`f\"<g> HTTP/1.1", 1);
  line_expect("GET ?x HTTP/1.1", FC_BAD_TARGET);
  line_expect("GET a/b HTTP/1.1", FC_BAD_TARGET);
  line_expect("GET /a#b HTTP/1.1", FC_BAD_TARGET);
}

static void absolute_form(void) {
  line_expect("GET http://example.com:8080/a%20b?q HTTP/1.1", 1);
  CHECK_EQ(parsed.head.form, FC_FORM_ABSOLUTE);
  CHECK(span_is(&parsed, parsed.head.scheme, "http") && span_is(&parsed, parsed.head.host, "example.com:8080"));
  CHECK(span_is(&parsed, parsed.head.path, "/a%20b") && span_is(&parsed, parsed.head.query, "q"));
  CHECK_EQ(parsed.head.path_escaped, 1);
  CHECK(span_is(&parsed, parsed.head.fields[0].name, "Host"));
  CHECK(span_is(&parsed, parsed.head.fields[0].value, "example.com:8080"));
  line_expect("GET HTTPS://[::1] HTTP/1.1", 1);
  CHECK(span_is(&parsed, parsed.head.scheme, "HTTPS") && span_is(&parsed, parsed.head.host, "[::1]"));
  CHECK(span_is(&parsed, parsed.head.path, "") && span_is(&parsed, parsed.head.query, ""));
  line_expect("GET hTTp://a?q HTTP/1.1", 1);
  CHECK(span_is(&parsed, parsed.head.path, "") && span_is(&parsed, parsed.head.query, "q"));
  line_expect("OPTIONS http://a HTTP/1.1", 1);
  head_expect(&parsed, BYTES("GET http://a/ HTTP/1.0\r\n\r\n"), 1);
  CHECK(span_is(&parsed, parsed.head.host, "a"));
  head_expect(&parsed, BYTES("GET http://a/ HTTP/1.1\r\n\r\n"), FC_BAD_HOST);
  head_expect(&parsed, BYTES("GET http://a/ HTTP/1.1\r\nHost: b c\r\n\r\n"), FC_BAD_HOST);
  static const char *const malformed[] = {
      "http://",     "http:///",       "http://?q",         "http:/a",    "http:a",
      "http",        "https:/a/b",     "ftp://a/",          "ws://a/",    "file:///a",
      "httpx://a",   "http://user@a/", "http://user:pw@a/", "http://@a/", "http://:80/",
      "http://a:b/", "http://a,b/",    "http://[::1/",      "http://a%/", "://a/",
      "h",           "example.com",    "example.com:80",    "*",          "*/",
      "/*#",         "http//a",
  };
  for (size_t i = 0; i < sizeof malformed / sizeof malformed[0]; i++) {
    char line[64];
    snprintf(line, sizeof line, "GET %s HTTP/1.1", malformed[i]);
    line_expect(line, FC_BAD_TARGET);
  }
}

static void authority_form(void) {
  line_expect("CONNECT example.com:443 HTTP/1.1", 1);
  CHECK_EQ(parsed.head.form, FC_FORM_AUTHORITY);
  CHECK(span_is(&parsed, parsed.head.target, "example.com:443") && span_is(&parsed, parsed.head.path, ""));
  CHECK(span_is(&parsed, parsed.head.host, "h"));
  line_expect("CONNECT [::1]:443 HTTP/1.1", 1);
  line_expect("CONNECT example.com HTTP/1.1", FC_BAD_TARGET);
  line_expect("CONNECT example.com: HTTP/1.1", FC_BAD_TARGET);
  line_expect("CONNECT :443 HTTP/1.1", FC_BAD_TARGET);
  line_expect("CONNECT / HTTP/1.1", FC_BAD_TARGET);
  line_expect("CONNECT * HTTP/1.1", FC_BAD_TARGET);
  line_expect("CONNECT http://a:80/ HTTP/1.1", FC_BAD_TARGET);
  line_expect("CONNECT user@a:80 HTTP/1.1", FC_BAD_TARGET);
  line_expect("CONNECT a:80/x HTTP/1.1", FC_BAD_TARGET);
  line_expect("connect a:80 HTTP/1.1", FC_BAD_TARGET);
}

static void asterisk_form(void) {
  line_expect("OPTIONS * HTTP/1.1", 1);
  CHECK_EQ(parsed.head.form, FC_FORM_ASTERISK);
  CHECK(span_is(&parsed, parsed.head.path, "") && span_is(&parsed, parsed.head.target, "*"));
  line_expect("OPTIONS ** HTTP/1.1", FC_BAD_TARGET);
  line_expect("OPTIONS *?q HTTP/1.1", FC_BAD_TARGET);
  line_expect("GET * HTTP/1.1", FC_BAD_TARGET);
  line_expect("options * HTTP/1.1", FC_BAD_TARGET);
}

void test_request_line(void) {
  methods_have_ids();
  a_method_is_a_token();
  a_method_has_a_length();
  what_is_not_http_is_refused_at_once();
  empty_lines_may_come_first();
  a_target_has_visible_bytes();
  one_space_between_the_parts();
  versions();
  the_http2_preface_is_recognised();
  origin_form();
  absolute_form();
  authority_form();
  asterisk_form();
}
