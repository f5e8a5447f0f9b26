/* SPDX-License-Identifier: MIT
 *
 * The request head (head.h): request line, then one field line after the other in a single pass, then the verdict.
 *
 * A limit is passed at the first byte beyond it, an error found at the first byte that shows it, and the earlier one is
 * the verdict: the same for a whole buffer and for one that grows byte by byte. Calls request_line.c, names.c, framing.c.
 */
#include "head.h"

#include "chars.h"
#include "framing.h"
#include "line.h"
#include "names.h"
#include "request_line.h"
#include "scan.h"

/* Where a line that starts at p has passed the limit by one byte, or the end of the buffer. */
static const char *line_stop(const char *p, const char *end, uint32_t limit) {
  return (size_t)(end - p) > limit ? p + limit + 1 : end;
}

/* The ':' after a name that has no ':' among its first 16 bytes or is not known, or an error at *result. */
static const char *name_end(const char *buf, const char *start, const char *end, uint32_t limit, int32_t *result) {
  const char *stop = line_stop(start, end, limit);
  const char *p = start;
  while (p < stop && fc_is(*p, FC_TOKEN)) p++;
  if (p < stop && *p == ':' && p > start) return p;
  if (p == stop) {
    *result = (size_t)(p - start) > limit ? FC_FIELD_TOO_LONG : FC_PARTIAL;
    return NULL;
  }
  *result = fc_line_end(buf, (uint32_t)(p - buf), (uint32_t)(end - buf), FC_BAD_FIELD_NAME);
  if (*result > 0) *result = FC_BAD_FIELD_NAME; /* a line without ':' */
  return NULL;
}

static int has_upper(const char *p, size_t len) {
  size_t i = 0;
  for (; i + 8 <= len; i += 8) {
    if (fc_upper8(fc_load8(p + i))) return 1;
  }
  for (; i < len; i++) {
    if ((unsigned char)(p[i] - 'A') < 26) return 1;
  }
  return 0;
}

static fc_span span(const char *buf, const char *start, const char *end) {
  fc_span result = {(uint32_t)(start - buf), (uint32_t)(end - start)};
  return result;
}

/* One field line at p; returns the position after its CR LF, FC_PARTIAL, or an error. */
static int32_t field_parse(const char *buf, const char *p, const char *end, uint32_t limit, fc_field *field) {
  const char *start = p;
  const char *stop = line_stop(p, end, limit);
  int32_t result = FC_PARTIAL;
  const char *colon = fc_find_colon(p, stop);
  field->known = colon ? (uint8_t)fc_name_id(p, (size_t)(colon - p)) : FC_NAME_UNKNOWN;
  if (!field->known) {
    colon = name_end(buf, start, end, limit, &result);
    if (!colon) return result;
    field->known = (uint8_t)fc_name_id(p, (size_t)(colon - p));
  }
  field->name = span(buf, start, colon);
  field->lower = !has_upper(start, field->name.len);
  p = colon + 1;
  while (p < stop && fc_is_space(*p)) p++;
  const char *value = p;
  p = fc_scan_value(p, stop);
  if ((size_t)(p - start) > limit) return FC_FIELD_TOO_LONG;
  if (p == end) return FC_PARTIAL;
  result = fc_line_end(buf, (uint32_t)(p - buf), (uint32_t)(end - buf), FC_BAD_FIELD_VALUE);
  if (result <= 0) return result;
  while (p > value && fc_is_space(p[-1])) p--;
  field->value = span(buf, value, p);
  return result;
}

/* The field lines from pos to the blank line. */
static int32_t fields_parse(const char *buf, uint32_t pos, uint32_t len, const fc_head_limits *limits, fc_head *head) {
  uint32_t most = limits->fields < head->field_capacity ? limits->fields : head->field_capacity;
  for (;;) {
    if (pos == len) return FC_PARTIAL;
    if (buf[pos] == '\r' || buf[pos] == '\n') return fc_line_end(buf, pos, len, FC_BAD_LINE_END);
    if (fc_is_space(buf[pos])) return FC_BAD_FOLDING;
    if (head->field_count == most) return FC_TOO_MANY_FIELDS;
    int32_t result = field_parse(buf, buf + pos, buf + len, limits->field, &head->fields[head->field_count]);
    if (result <= 0) return result;
    head->field_count++;
    pos = (uint32_t)result;
  }
}

#define WHOLE 1

/* The bytes since seen alone, when they only lengthen a field line: a client that sends byte by byte then costs the
 * search of one line per call and the parse of the whole head per line.
 *
 * Returns FC_PARTIAL or an error that the whole head would have too, or WHOLE: parse from the start. */
static int32_t line_resume(const char *buf, size_t len, size_t seen, const fc_head_limits *limits) {
  if (seen == 0 || seen > len || len > limits->head || len > INT32_MAX) return WHOLE;
  if (memchr(buf + seen, '\n', len - seen)) return WHOLE;
  size_t line = seen;
  while (line > 0 && buf[line - 1] != '\n') line--;
  /* the request line, perhaps after two empty lines; or a first byte, which may be one field too many */
  if (line <= 4 || line == seen || buf[line] == '\r') return WHOLE;
  fc_field field;
  return field_parse(buf, buf + line, buf + len, limits->field, &field);
}

int32_t fc_head_parse(const char *buf, size_t len, size_t seen, const fc_head_limits *limits, fc_head *head) {
  int32_t line = line_resume(buf, len, seen, limits);
  if (line != WHOLE) return line;
  /* one byte beyond the limit is enough to know that it is passed, and keeps every position within 31 bits */
  uint32_t limit = limits->head < INT32_MAX - 1 ? limits->head : INT32_MAX - 1;
  uint32_t most = len > limit ? limit + 1 : (uint32_t)len;
  head->field_count = 0;
  line = fc_request_line_parse(buf, most, limits, head);
  if (line == FC_PARTIAL && most > limit) return FC_TARGET_TOO_LONG;
  if (line <= 0) return line;
  int32_t end = fields_parse(buf, (uint32_t)line, most, limits, head);
  if (end == FC_PARTIAL && most <= limit) return FC_PARTIAL;
  if (end == FC_PARTIAL || end > (int32_t)limit) return FC_HEAD_TOO_LONG;
  if (end < 0) return end;
  int32_t error = fc_framing_decide(buf, head);
  return error < 0 ? error : end;
}
