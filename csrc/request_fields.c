/* SPDX-License-Identifier: MIT
 *
 * Requests as lists of fields (request_fields.h). What two readers could take for different requests is malformed,
 * never repaired: an intermediary that forwards it as HTTP/1 must find the same host, framing and target.
 */
#include "request_fields.h"

#include <string.h>

#include "chars.h"
#include "host.h"
#include "method.h"
#include "names.h"
#include "scan.h"

void fc_request_init(fc_request *request, uint32_t target, uint32_t field, uint32_t fields) {
  memset(request, 0, sizeof *request);
  request->limits.target = target;
  request->limits.field = field;
  request->limits.fields = fields;
  request->content_length = -1;
}

static int is_text(fc_text text, const char *lower) {
  if (strlen(lower) != text.len) return 0;
  for (size_t i = 0; i < text.len; i++) {
    if (fc_lower_byte((unsigned char)text.data[i]) != (unsigned char)lower[i]) return 0;
  }
  return 1;
}

static int is_token(fc_text text) {
  for (size_t i = 0; i < text.len; i++) {
    if (!fc_is(text.data[i], FC_TOKEN)) return 0;
  }
  return text.len != 0;
}

/* The id of a name in lower case, or FC_REQUEST_BAD_NAME. */
static int name_check(const char *name, size_t len) {
  int id = fc_name_id(name, len);
  if (id != FC_NAME_UNKNOWN) {
    size_t text_len;
    return memcmp(name, fc_name_text(id, &text_len), len) == 0 ? id : FC_REQUEST_BAD_NAME;
  }
  for (size_t i = 0; i < len; i++) {
    if (!fc_is(name[i], FC_TOKEN) || (unsigned char)(name[i] - 'A') < 26) return FC_REQUEST_BAD_NAME;
  }
  return len ? FC_NAME_UNKNOWN : FC_REQUEST_BAD_NAME;
}

/* RFC 9113 section 8.2.1 forbids CR, LF, NUL and white space at the ends; other control characters RFC 9110 does. */
static int value_check(const char *value, size_t len) {
  if (len == 0) return 0;
  if (fc_is_space(value[0]) || fc_is_space(value[len - 1])) return FC_REQUEST_BAD_VALUE;
  return fc_scan_value(value, value + len) == value + len ? 0 : FC_REQUEST_BAD_VALUE;
}

/* Where a pseudo-field of a request is kept; NULL = there is none of this name. */
static fc_text *pseudo_slot(fc_request *request, const char *name, size_t len) {
  switch (len) {
  case 5: return memcmp(name, ":path", 5) == 0 ? &request->path : NULL;
  case 7:
    if (memcmp(name, ":method", 7) == 0) return &request->method;
    return memcmp(name, ":scheme", 7) == 0 ? &request->scheme : NULL;
  case 9: return memcmp(name, ":protocol", 9) == 0 ? &request->protocol : NULL;
  case 10: return memcmp(name, ":authority", 10) == 0 ? &request->authority : NULL;
  default: return NULL;
  }
}

static int pseudo_read(fc_request *request, const char *name, size_t len, fc_text value) {
  fc_text *slot = pseudo_slot(request, name, len);
  if (!slot) return FC_REQUEST_UNKNOWN_PSEUDO;
  if (slot->data) return FC_REQUEST_REPEATED_PSEUDO;
  if (request->regular_seen) return FC_REQUEST_LATE_PSEUDO;
  *slot = value;
  return FC_FIELD_PSEUDO;
}

static void refuse(fc_request *request, int error) {
  if (!request->refusal) request->refusal = error;
}

/* 1*DIGIT up to 2^63-1 (RFC 9110 section 8.6). Equal values are not collapsed here: no client needs it. */
static int length_read(fc_request *request, fc_text value) {
  uint64_t number = 0;
  if (request->content_length >= 0 || value.len == 0) return FC_REQUEST_BAD_LENGTH;
  for (size_t i = 0; i < value.len; i++) {
    unsigned digit = (unsigned char)value.data[i] - (unsigned)'0';
    if (digit > 9 || number > ((uint64_t)INT64_MAX - digit) / 10) return FC_REQUEST_BAD_LENGTH;
    number = number * 10 + digit;
  }
  request->content_length = (int64_t)number;
  return FC_NAME_CONTENT_LENGTH;
}

static int special_read(fc_request *request, int id, fc_text value) {
  switch (id) {
  case FC_NAME_HOST:
    if (request->host.data) return FC_REQUEST_BAD_HOST;
    request->host = value;
    return id;
  case FC_NAME_CONTENT_LENGTH: return length_read(request, value);
  case FC_NAME_TRANSFER_ENCODING:
  case FC_NAME_CONNECTION:
  case FC_NAME_KEEP_ALIVE:
  case FC_NAME_UPGRADE:
  case FC_NAME_PROXY_CONNECTION: return FC_REQUEST_CONNECTION_FIELD;
  case FC_NAME_TE:
    if (!is_text(value, "trailers")) return FC_REQUEST_BAD_TE;
    request->te_trailers = 1;
    return id;
  case FC_NAME_EXPECT:
    if (!is_text(value, "100-continue")) refuse(request, FC_REQUEST_EXPECTATION);
    request->expect_continue = 1;
    return id;
  default: return id;
  }
}

int fc_request_field(fc_request *request, const char *name, size_t name_len, const char *value, size_t value_len) {
  fc_text text = {value, value_len};
  if (name_len && name[0] == ':') return pseudo_read(request, name, name_len, text);
  request->regular_seen = 1;
  int id = name_check(name, name_len);
  if (id < 0) return id;
  int error = value_check(value, value_len);
  if (error) return error;
  if (name_len + value_len + 2 > request->limits.field) refuse(request, FC_REQUEST_FIELD_TOO_LONG);
  if (id != FC_NAME_COOKIE || !request->cookie_seen) request->field_count++;
  request->cookie_seen |= id == FC_NAME_COOKIE;
  if (request->field_count > request->limits.fields) refuse(request, FC_REQUEST_TOO_MANY_FIELDS);
  return special_read(request, id, text);
}

int fc_trailer_check(const char *name, size_t name_len, const char *value, size_t value_len) {
  if (name_len && name[0] == ':') return FC_REQUEST_LATE_PSEUDO;
  int id = name_check(name, name_len);
  if (id < 0) return id;
  switch (id) {
  case FC_NAME_TRANSFER_ENCODING:
  case FC_NAME_CONNECTION:
  case FC_NAME_KEEP_ALIVE:
  case FC_NAME_UPGRADE:
  case FC_NAME_PROXY_CONNECTION: return FC_REQUEST_CONNECTION_FIELD;
  default: return value_check(value, value_len);
  }
}

/* ALPHA *( ALPHA / DIGIT / "+" / "-" / "." ) (RFC 3986 section 3.1); then http or https. */
static int scheme_check(fc_request *request) {
  fc_text scheme = request->scheme;
  if (scheme.len == 0 || fc_is(scheme.data[0], FC_DIGIT)) return FC_REQUEST_BAD_SCHEME;
  for (size_t i = 0; i < scheme.len; i++) {
    char c = scheme.data[i];
    int letter = (unsigned)(fc_lower_byte((unsigned char)c) - 'a') < 26u;
    if (!letter && !fc_is(c, FC_DIGIT) && (i == 0 || (c != '+' && c != '-' && c != '.'))) return FC_REQUEST_BAD_SCHEME;
  }
  /* Which of the two is not compared with the connection: a proxy that ends TLS rightly says https on a plain one. */
  if (!is_text(scheme, "https") && !is_text(scheme, "http")) refuse(request, FC_REQUEST_SCHEME);
  return 0;
}

/* An absolute path, or "*" with OPTIONS (section 8.3.1). */
static int path_check(fc_request *request) {
  fc_text path = request->path;
  if (path.len == 0) return FC_REQUEST_BAD_PATH;
  if (path.data[0] != '/' && !(path.len == 1 && path.data[0] == '*' && request->method_id == FC_METHOD_OPTIONS)) {
    return FC_REQUEST_BAD_PATH;
  }
  if (path.len > request->limits.target) refuse(request, FC_REQUEST_TARGET_TOO_LONG);
  const char *end = path.data + path.len;
  if (fc_scan_target(path.data, end) != end) return FC_REQUEST_BAD_PATH;
  const char *question = (const char *)memchr(path.data, '?', path.len);
  request->path_len = question ? (size_t)(question - path.data) : path.len;
  request->path_escaped = memchr(path.data, '%', request->path_len) != NULL;
  return 0;
}

/* The length of a host without its port, when the port is none, empty or the scheme's own; else of the whole. */
static size_t significant_len(fc_text host, int host_len, int https) {
  fc_text port = {host.data + host_len, host.len - (size_t)host_len};
  return port.len <= 1 || is_text(port, https ? ":443" : ":80") ? (size_t)host_len : host.len;
}

static int same_host(const fc_request *request, int authority_len, int host_len) {
  int https = is_text(request->scheme, "https");
  size_t len = significant_len(request->authority, authority_len, https);
  if (significant_len(request->host, host_len, https) != len) return 0;
  for (size_t i = 0; i < len; i++) {
    unsigned char a = (unsigned char)request->authority.data[i];
    if (fc_lower_byte(a) != fc_lower_byte((unsigned char)request->host.data[i])) return 0;
  }
  return 1;
}

/* One host, from :authority or else from Host (section 8.3.1); an http URI always has one (RFC 9110 section 4.2.1). */
static int host_check(fc_request *request) {
  fc_text authority = request->authority;
  int authority_len = 0;
  int host_len = 0;
  if (!authority.data && !request->host.data) return FC_REQUEST_NO_HOST;
  if (authority.data) {
    if (authority.len == 0) return FC_REQUEST_NO_HOST;
    authority_len = fc_host_check(authority.data, authority.len);
    if (authority_len < 0) return FC_REQUEST_BAD_HOST;
    if (authority.len + 6 > request->limits.field) refuse(request, FC_REQUEST_FIELD_TOO_LONG); /* as "host: " */
  }
  if (request->host.data) {
    if (request->host.len == 0) return FC_REQUEST_NO_HOST;
    host_len = fc_host_check(request->host.data, request->host.len);
    if (host_len < 0) return FC_REQUEST_BAD_HOST;
  }
  if (authority.data && request->host.data && !same_host(request, authority_len, host_len)) {
    return FC_REQUEST_DIFFERENT_HOST;
  }
  if (authority.data) request->host = authority;
  return 0;
}

/* A tunnel to host:port (RFC 9110 section 9.3.6), which has neither scheme nor path. */
static int connect_check(fc_request *request) {
  if (request->scheme.data || request->path.data || !request->authority.data) return FC_REQUEST_CONNECT_FORM;
  int error = host_check(request);
  if (error) return error;
  int host_len = fc_host_check(request->authority.data, request->authority.len);
  if ((size_t)host_len + 1 >= request->authority.len) return FC_REQUEST_CONNECT_FORM;
  refuse(request, FC_REQUEST_CONNECT);
  return request->refusal;
}

int fc_request_finish(fc_request *request) {
  if (!request->method.data) return FC_REQUEST_NO_METHOD;
  if (request->method.len > FC_METHOD_MAX || !is_token(request->method)) return FC_REQUEST_BAD_METHOD;
  request->method_id = fc_method_id(request->method.data, request->method.len);
  if (request->method_id == FC_METHOD_CONNECT && !request->protocol.data) return connect_check(request);
  if (request->protocol.data && (request->method_id != FC_METHOD_CONNECT || !is_token(request->protocol))) {
    return FC_REQUEST_BAD_PROTOCOL;
  }
  if (!request->scheme.data) return FC_REQUEST_NO_SCHEME;
  if (!request->path.data) return FC_REQUEST_NO_PATH;
  int error = scheme_check(request);
  if (!error) error = path_check(request);
  if (!error) error = host_check(request);
  return error ? error : request->refusal;
}

int fc_request_status(int error) {
  switch (error) {
  case FC_REQUEST_TARGET_TOO_LONG: return 414;
  case FC_REQUEST_FIELD_TOO_LONG:
  case FC_REQUEST_TOO_MANY_FIELDS: return 431;
  case FC_REQUEST_EXPECTATION: return 417;
  case FC_REQUEST_SCHEME: return 400;
  case FC_REQUEST_CONNECT: return 501;
  default: return 0;
  }
}

const char *fc_request_reason(int error) {
  switch (error) {
  case FC_REQUEST_BAD_NAME: return "field name is not a token in lower case";
  case FC_REQUEST_BAD_VALUE: return "control character or outer white space in a field value";
  case FC_REQUEST_UNKNOWN_PSEUDO: return "pseudo-field that no request has";
  case FC_REQUEST_REPEATED_PSEUDO: return "pseudo-field repeated";
  case FC_REQUEST_LATE_PSEUDO: return "pseudo-field after a field or in trailers";
  case FC_REQUEST_CONNECTION_FIELD: return "field that is for one connection only";
  case FC_REQUEST_BAD_TE: return "TE is not 'trailers'";
  case FC_REQUEST_BAD_LENGTH: return "malformed or repeated Content-Length";
  case FC_REQUEST_NO_METHOD: return "no :method";
  case FC_REQUEST_BAD_METHOD: return "method is not a token of at most 64 bytes";
  case FC_REQUEST_NO_SCHEME: return "no :scheme";
  case FC_REQUEST_BAD_SCHEME: return "malformed :scheme";
  case FC_REQUEST_NO_PATH: return "no :path";
  case FC_REQUEST_BAD_PATH: return "malformed :path";
  case FC_REQUEST_NO_HOST: return "no :authority and no Host, or an empty one";
  case FC_REQUEST_BAD_HOST: return ":authority or Host malformed or repeated";
  case FC_REQUEST_DIFFERENT_HOST: return "Host differs from :authority";
  case FC_REQUEST_CONNECT_FORM: return "CONNECT without host and port, or with :scheme or :path";
  case FC_REQUEST_BAD_PROTOCOL: return ":protocol without CONNECT, or not a token";
  case FC_REQUEST_TARGET_TOO_LONG: return "request target too long";
  case FC_REQUEST_FIELD_TOO_LONG: return "field too long";
  case FC_REQUEST_TOO_MANY_FIELDS: return "too many fields";
  case FC_REQUEST_EXPECTATION: return "unknown expectation";
  case FC_REQUEST_SCHEME: return "the scheme is neither http nor https";
  case FC_REQUEST_CONNECT: return "CONNECT is not supported";
  default: return "malformed request";
  }
}
