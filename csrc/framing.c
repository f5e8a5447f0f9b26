/* SPDX-License-Identifier: MIT
 *
 * The verdict on a whole head (framing.h). Whatever two readers could frame differently is refused, never repaired,
 * except for equal Content-Length values, which RFC 9110 section 8.6 lets a recipient collapse.
 */
#include "framing.h"

#include "chars.h"
#include "host.h"
#include "names.h"

typedef struct {
  unsigned hosts;
  unsigned lengths; /* Content-Length values seen */
  unsigned codings; /* transfer codings seen */
  unsigned chunked; /* times chunked was named */
  int chunked_last;
  int coding_malformed;
  int close;
  int persistent; /* Connection: keep-alive */
  int upgrade_named;
  int upgrade_field;
  int expects;
  int trailers;
} fc_facts;

/* The next element of a comma-separated list without white space around it; 0 when there are no more. */
static int element_next(const char **p, const char *end, const char **element, size_t *len) {
  if (*p > end) return 0;
  const char *comma = *p < end ? (const char *)memchr(*p, ',', (size_t)(end - *p)) : NULL;
  const char *stop = comma ? comma : end;
  const char *start = *p;
  *p = stop + 1;
  while (start < stop && fc_is_space(*start)) start++;
  while (stop > start && fc_is_space(stop[-1])) stop--;
  *element = start;
  *len = (size_t)(stop - start);
  return 1;
}

static int equals(const char *src, size_t len, const char *lower) {
  if (strlen(lower) != len) return 0;
  for (size_t i = 0; i < len; i++) {
    if (fc_lower_byte((unsigned char)src[i]) != (unsigned char)lower[i]) return 0;
  }
  return 1;
}

/* 1*DIGIT up to 2^63-1 (RFC 9110 section 8.6). */
static int length_parse(const char *src, size_t len, uint64_t *number) {
  *number = 0;
  if (len == 0) return -1;
  for (size_t i = 0; i < len; i++) {
    unsigned digit = (unsigned char)src[i] - (unsigned)'0';
    if (digit > 9 || *number > ((uint64_t)INT64_MAX - digit) / 10) return -1;
    *number = *number * 10 + digit;
  }
  return 0;
}

static int32_t content_length_read(const char *p, const char *end, fc_facts *facts, fc_head *head) {
  const char *element;
  size_t len;
  while (element_next(&p, end, &element, &len)) {
    uint64_t number;
    if (length_parse(element, len, &number) < 0) return FC_BAD_CONTENT_LENGTH;
    if (facts->lengths++ && number != head->content_length) return FC_BAD_CONTENT_LENGTH;
    head->content_length = number;
  }
  return 0;
}

static void transfer_encoding_read(const char *p, const char *end, fc_facts *facts) {
  const char *element;
  size_t len;
  while (element_next(&p, end, &element, &len)) {
    size_t name = 0;
    while (name < len && fc_is(element[name], FC_TOKEN)) name++;
    int is_chunked = equals(element, name, "chunked");
    /* a coding may have parameters, chunked has none (RFC 9112 section 7) */
    facts->coding_malformed |=
        name == 0 || (name < len && (is_chunked || (element[name] != ';' && !fc_is_space(element[name]))));
    facts->codings++;
    facts->chunked += (unsigned)is_chunked;
    facts->chunked_last = is_chunked;
  }
}

static void connection_read(const char *p, const char *end, fc_facts *facts) {
  const char *element;
  size_t len;
  while (element_next(&p, end, &element, &len)) {
    facts->close |= equals(element, len, "close");
    facts->persistent |= equals(element, len, "keep-alive");
    facts->upgrade_named |= equals(element, len, "upgrade");
  }
}

static int32_t expect_read(const char *p, const char *end, fc_facts *facts) {
  const char *element;
  size_t len;
  while (element_next(&p, end, &element, &len)) {
    if (len == 0) continue;
    if (!equals(element, len, "100-continue")) return FC_UNKNOWN_EXPECTATION;
    facts->expects = 1;
  }
  return 0;
}

static void te_read(const char *p, const char *end, fc_facts *facts) {
  const char *element;
  size_t len;
  while (element_next(&p, end, &element, &len)) {
    size_t name = 0;
    while (name < len && fc_is(element[name], FC_TOKEN)) name++;
    facts->trailers |= equals(element, name, "trailers");
  }
}

static int32_t host_read(const char *buf, fc_field *field, fc_facts *facts, fc_head *head) {
  if (facts->hosts++) return FC_BAD_HOST;
  /* RFC 9110 section 7.2: empty when the target has no authority, which only the client can know */
  if (field->value.len && fc_host_check(buf + field->value.start, field->value.len) < 0) return FC_BAD_HOST;
  if (head->form == FC_FORM_ABSOLUTE) {
    field->value = head->host; /* RFC 9112 section 3.2.2: the target's authority replaces the field */
  } else {
    head->host = field->value;
  }
  return 0;
}

static int32_t field_read(const char *buf, fc_field *field, fc_facts *facts, fc_head *head) {
  const char *p = buf + field->value.start;
  const char *end = p + field->value.len;
  switch (field->known) {
  case FC_NAME_HOST: return host_read(buf, field, facts, head);
  case FC_NAME_CONTENT_LENGTH: return content_length_read(p, end, facts, head);
  case FC_NAME_TRANSFER_ENCODING: transfer_encoding_read(p, end, facts); return 0;
  case FC_NAME_CONNECTION: connection_read(p, end, facts); return 0;
  case FC_NAME_EXPECT:
    /* RFC 9110 section 10.1.1: an expectation in HTTP/1.0 is ignored */
    return head->minor_version ? expect_read(p, end, facts) : 0;
  case FC_NAME_UPGRADE: facts->upgrade_field |= p < end; return 0;
  case FC_NAME_TE: te_read(p, end, facts); return 0;
  default: return 0;
  }
}

/* RFC 9112 section 6.3: how long the body is. */
static int32_t framing_of(const fc_facts *facts, fc_head *head) {
  if (!facts->codings) {
    head->framing = facts->lengths ? FC_BODY_LENGTH : FC_BODY_NONE; /* items 6 and 7 */
    return 0;
  }
  /* section 6.1: in HTTP/1.0 or beside Content-Length it is faulty or an attempt at smuggling */
  if (!head->minor_version || facts->lengths || facts->coding_malformed) return FC_BAD_TRANSFER_ENCODING;
  /* section 6.1: chunked once at most, and last */
  if (facts->chunked > 1 || (facts->chunked && !facts->chunked_last)) return FC_BAD_TRANSFER_ENCODING;
  if (facts->codings > 1 || !facts->chunked) return FC_UNKNOWN_CODING; /* section 6.1: 501 */
  head->framing = FC_BODY_CHUNKED;                                     /* item 4 */
  return 0;
}

int32_t fc_framing_decide(const char *buf, fc_head *head) {
  fc_facts facts = {0};
  head->content_length = 0;
  int32_t first = 0;
  for (uint32_t i = 0; i < head->field_count; i++) {
    fc_field *field = &head->fields[i];
    if (field->known == FC_NAME_UNKNOWN || field->known > FC_NAME_TE) continue;
    int32_t error = field_read(buf, field, &facts, head);
    /* a malformed field (400) decides before an expectation (417) */
    if (error < 0 && (first == 0 || first == FC_UNKNOWN_EXPECTATION)) first = error;
  }
  if (first == 0 && facts.hosts == 0 && head->minor_version) first = FC_BAD_HOST; /* RFC 9112 section 3.2 */
  if (first < 0 && first != FC_UNKNOWN_EXPECTATION) return first;
  int32_t error = framing_of(&facts, head);
  if (error < 0) return error;
  /* RFC 9112 section 9.3; close wins over keep-alive */
  head->keep_alive = !facts.close && (head->minor_version || facts.persistent);
  head->expect_continue = facts.expects != 0;
  head->te_trailers = facts.trailers != 0;
  /* RFC 9110 section 7.8: only when Connection names it, and not in HTTP/1.0 */
  head->upgrade = head->minor_version && facts.upgrade_named && facts.upgrade_field;
  return first;
}
