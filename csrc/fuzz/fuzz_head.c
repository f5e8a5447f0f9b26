/* SPDX-License-Identifier: MIT
 *
 * libFuzzer target for fc_head_parse. The first byte chooses the limits, the second the size of the pieces.
 *
 * Invariants: a verdict is a documented one, spans lie within the head, and pieces have the verdict of the whole.
 */
#include <stdlib.h>
#include <string.h>

#include "../head.h"
#include "../names.h"

#define FIELDS 16

static const fc_head_limits all_limits[] = {
    {8192, 16384, 65536, FIELDS}, {8, 4096, 4096, FIELDS}, {4096, 12, 4096, FIELDS},
    {4096, 4096, 40, FIELDS},     {4096, 4096, 4096, 2},   {UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int holds) {
  if (!holds) abort();
}

static void require_span(fc_span span, int32_t result) {
  require((int64_t)span.start + span.len <= result);
}

static void require_head(const char *buf, const fc_head *head, int32_t result) {
  const fc_span spans[] = {head->method, head->target, head->path, head->query, head->scheme, head->host};
  for (size_t i = 0; i < sizeof spans / sizeof spans[0]; i++) require_span(spans[i], result);
  require(head->method.len > 0 && head->target.len > 0 && head->field_count <= FIELDS);
  require(head->framing <= FC_BODY_CHUNKED && head->form <= FC_FORM_ASTERISK && head->content_length <= INT64_MAX);
  require(memcmp(buf + result - 2, "\r\n", 2) == 0);
  for (uint32_t i = 0; i < head->field_count; i++) {
    require_span(head->fields[i].name, result);
    require_span(head->fields[i].value, result);
    require(head->fields[i].known < fc_name_count());
  }
}

static int32_t parse(const char *bytes, size_t len, size_t seen, const fc_head_limits *limits) {
  fc_field fields[FIELDS];
  fc_head head = {.fields = fields, .field_capacity = FIELDS};
  char *buf = (char *)malloc(len ? len : 1); /* of exactly this size, so that the sanitizer sees the byte beyond */
  require(buf != NULL);
  if (len) memcpy(buf, bytes, len);
  int32_t result = fc_head_parse(buf, len, seen, limits, &head);
  require(result >= FC_HTTP2_PREFACE && (result <= 0 || (size_t)result <= len));
  if (result > 0) require_head(buf, &head, result);
  free(buf);
  return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 2) return 0;
  const fc_head_limits *limits = &all_limits[data[0] % (sizeof all_limits / sizeof all_limits[0])];
  const char *bytes = (const char *)data + 2;
  size_t len = size - 2;
  size_t step = 1 + data[1] % 23;
  int32_t whole = parse(bytes, len, 0, limits);
  int32_t growing = FC_PARTIAL;
  size_t seen = 0;
  while (seen < len && growing == FC_PARTIAL) {
    size_t next = len - seen > step ? seen + step : len;
    growing = parse(bytes, next, seen, limits);
    seen = next;
  }
  require(growing == whole);
  return 0;
}
