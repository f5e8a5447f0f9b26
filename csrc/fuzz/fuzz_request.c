/* SPDX-License-Identifier: MIT
 *
 * libFuzzer target for request_fields.h and priority.h. The input is a list of fields: "name NUL value NUL ...".
 *
 * Invariants: what is accepted has a method, one valid host, a path that begins with '/' or is '*', and names in lower
 * case; a field is as good as a trailer where it is good in the list; a priority is in its range.
 */
#include <stdlib.h>
#include <string.h>

#include "../chars.h"
#include "../head.h"
#include "../host.h"
#include "../names.h"
#include "../priority.h"
#include "../request_fields.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int holds) {
  if (!holds) abort();
}

static void require_field(int id, const char *name, size_t name_len, const char *value, size_t value_len) {
  require(id == FC_FIELD_PSEUDO || (id >= 0 && id < fc_name_count()));
  if (id == FC_FIELD_PSEUDO) {
    require(name[0] == ':' && fc_trailer_check(name, name_len, value, value_len) == FC_REQUEST_LATE_PSEUDO);
    return;
  }
  require(name_len > 0 && fc_trailer_check(name, name_len, value, value_len) == 0);
  for (size_t i = 0; i < name_len; i++) {
    require(fc_is(name[i], FC_TOKEN) && fc_lower_byte((unsigned char)name[i]) == (unsigned char)name[i]);
  }
  for (size_t i = 0; i < value_len; i++) require(fc_is(value[i], FC_VALUE));
  require(value_len == 0 || (!fc_is_space(value[0]) && !fc_is_space(value[value_len - 1])));
}

static void require_request(const fc_request *request) {
  require(request->method.len > 0 && request->scheme.len > 0 && request->path.len > 0);
  require(fc_host_check(request->host.data, request->host.len) > 0);
  require(!request->authority.data || request->host.data == request->authority.data);
  require(request->path.data[0] == '/' || (request->path.len == 1 && request->method_id == FC_METHOD_OPTIONS));
  require(request->path_len <= request->path.len);
  require(request->path_len == request->path.len || request->path.data[request->path_len] == '?');
  require((request->method_id == FC_METHOD_CONNECT) == (request->protocol.data != NULL));
  require(request->content_length >= -1);
}

static void check_priority(const char *src, size_t len) {
  fc_priority priority;
  int result = fc_priority_parse(src, len, &priority);
  require(priority.urgency >= 0 && priority.urgency <= FC_URGENCY_MAX);
  require(priority.incremental == 0 || priority.incremental == 1);
  require(result == 0 || (result == -1 && priority.urgency == FC_URGENCY_DEFAULT && !priority.incremental));
}

/* The text up to the next NUL, and the position behind it. */
static const char *next_text(const char **p, const char *end, size_t *len) {
  const char *start = *p;
  const char *stop = start < end ? (const char *)memchr(start, 0, (size_t)(end - start)) : NULL;
  *len = (size_t)((stop ? stop : end) - start);
  *p = stop ? stop + 1 : end;
  return start;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char *copy = (char *)malloc(size + !size);
  require(copy != NULL);
  if (size) memcpy(copy, data, size);
  check_priority(copy, size);
  const char *p = copy;
  const char *end = copy + size;
  fc_request request;
  fc_request_init(&request, 200, 100, 10);
  int result = 0;
  while (result >= 0 && p < end) {
    size_t name_len, value_len;
    const char *name = next_text(&p, end, &name_len);
    const char *value = next_text(&p, end, &value_len);
    result = fc_request_field(&request, name, name_len, value, value_len);
    if (result >= 0) require_field(result, name, name_len, value, value_len);
  }
  if (result >= 0) result = fc_request_finish(&request);
  require(result <= 0 && result >= FC_REQUEST_CONNECT);
  if (result == 0) require_request(&request);
  require(fc_request_reason(result) != NULL && (result > FC_REQUEST_TARGET_TOO_LONG) == !fc_request_status(result));
  free(copy);
  return 0;
}
