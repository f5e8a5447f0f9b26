/* SPDX-License-Identifier: MIT
 *
 * Requests as lists of fields: each error once, each byte of names and values, texts that end at a guard page.
 */
#include "../request_fields.h"

#include <stdio.h>
#include <string.h>

#include "../chars.h"
#include "../head.h"
#include "../names.h"
#include "check.h"

/* One field: "name=value". */
static int give(fc_request *request, const char *text) {
  const char *equals = strchr(text, '=');
  size_t name_len = (size_t)(equals - text);
  size_t len = strlen(text);
  /* the value ends at the guard page of one slot, the name at that of the other; the value must outlive the call */
  const char *name = guard_place(GUARD_OUTPUT, text, name_len);
  return fc_request_field(request, name, name_len, equals + 1, len - name_len - 1);
}

/* A request written as "field field ...", each "name=value": its first error, or what the end of the list says. */
static int judge(fc_request *request, const char *list) {
  static char room[1024];
  check_case(list);
  fc_request_init(request, 100, 100, 10);
  snprintf(room, sizeof room, "%s", list);
  for (char *p = strtok(room, " "); p; p = strtok(NULL, " ")) {
    int result = give(request, p);
    if (result < 0) return result;
  }
  return fc_request_finish(request);
}

#define GET ":method=GET :scheme=https :authority=a:1 :path=/"

static void verdicts(void) {
  static const struct {
    const char *list;
    int result;
  } cases[] = {
      {GET, 0},
      {GET " accept=*/* x-own=1 cookie=a cookie=b", 0},
      {":method=GET :scheme=http :path=/ host=a", 0},
      {GET " host=A:1", 0},
      {":method=OPTIONS :scheme=http :authority=a :path=*", 0},
      {":method=CONNECT :protocol=websocket :scheme=https :authority=a :path=/", 0},
      {GET " Accept=x", FC_REQUEST_BAD_NAME},
      {GET " a(b=x", FC_REQUEST_BAD_NAME},
      {GET " =x", FC_REQUEST_BAD_NAME},
      {GET " a=\tx", FC_REQUEST_BAD_VALUE},
      {GET " a=x\t", FC_REQUEST_BAD_VALUE},
      {GET " a=x\ry", FC_REQUEST_BAD_VALUE},
      {":status=200", FC_REQUEST_UNKNOWN_PSEUDO},
      {GET " :path=/", FC_REQUEST_REPEATED_PSEUDO},
      {":method=GET a=b :path=/", FC_REQUEST_LATE_PSEUDO},
      {GET " connection=close", FC_REQUEST_CONNECTION_FIELD},
      {GET " proxy-connection=close", FC_REQUEST_CONNECTION_FIELD},
      {GET " te=gzip", FC_REQUEST_BAD_TE},
      {GET " content-length=1x", FC_REQUEST_BAD_LENGTH},
      {GET " content-length=1 content-length=1", FC_REQUEST_BAD_LENGTH},
      {":scheme=https :authority=a :path=/", FC_REQUEST_NO_METHOD},
      {":method=G/T :scheme=https :authority=a :path=/", FC_REQUEST_BAD_METHOD},
      {":method=GET :authority=a :path=/", FC_REQUEST_NO_SCHEME},
      {":method=GET :scheme=1 :authority=a :path=/", FC_REQUEST_BAD_SCHEME},
      {":method=GET :scheme=https :authority=a", FC_REQUEST_NO_PATH},
      {":method=GET :scheme=https :authority=a :path=*", FC_REQUEST_BAD_PATH},
      {":method=GET :scheme=https :path=/", FC_REQUEST_NO_HOST},
      {":method=GET :scheme=https :authority=u@a :path=/", FC_REQUEST_BAD_HOST},
      {GET " host=a:1 host=a:1", FC_REQUEST_BAD_HOST},
      {GET " host=a:2", FC_REQUEST_DIFFERENT_HOST},
      {GET " host=a", FC_REQUEST_DIFFERENT_HOST},
      {":method=CONNECT :authority=a", FC_REQUEST_CONNECT_FORM},
      {":method=GET :protocol=x :scheme=https :authority=a :path=/", FC_REQUEST_BAD_PROTOCOL},
      {GET " expect=x te=x", FC_REQUEST_BAD_TE},
      {GET " expect=x", FC_REQUEST_EXPECTATION},
      {":method=GET :scheme=ftp :authority=a :path=/", FC_REQUEST_SCHEME},
      {":method=CONNECT :authority=a:1", FC_REQUEST_CONNECT},
      {GET " a=1 a=1 a=1 a=1 a=1 a=1 a=1 a=1 a=1 a=1", 0},
      {GET " a=1 a=1 a=1 a=1 a=1 a=1 a=1 a=1 a=1 a=1 a=1", FC_REQUEST_TOO_MANY_FIELDS},
      {GET " a=1 a=1 a=1 a=1 a=1 a=1 a=1 a=1 a=1 cookie=1 cookie=1 cookie=1", 0},
  };
  fc_request request;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    CHECK_EQ(judge(&request, cases[i].list), cases[i].result);
    CHECK((fc_request_status(cases[i].result) == 0) == (cases[i].result >= FC_REQUEST_LAST_MALFORMED));
  }
}

static void what_is_found(void) {
  fc_request request;
  CHECK_EQ(judge(&request,
                 ":method=HEAD :scheme=https :authority=a:1 :path=/%41?b%41 te=trailers content-length=12 host=a:1"),
           0);
  CHECK(request.method_id == FC_METHOD_HEAD && request.path_len == 4 && request.path_escaped);
  CHECK(request.te_trailers && request.content_length == 12 && !request.expect_continue);
  CHECK(request.host.data == request.authority.data && request.host.len == 3);
  CHECK_EQ(judge(&request, ":method=GET :scheme=https :path=/?%41 host=a:1 expect=100-Continue"), 0);
  CHECK(request.path_len == 1 && !request.path_escaped && request.expect_continue && request.content_length == -1);
  CHECK(request.host.len == 3 && request.authority.data == NULL);
}

static void limits(void) {
  fc_request request;
  char path[128];
  for (size_t len = 99; len <= 102; len++) {
    memset(path, '/', sizeof path);
    fc_request_init(&request, 100, 100, 10);
    CHECK_EQ(give(&request, ":method=GET"), FC_FIELD_PSEUDO);
    CHECK_EQ(give(&request, ":scheme=http"), FC_FIELD_PSEUDO);
    CHECK_EQ(give(&request, ":authority=a"), FC_FIELD_PSEUDO);
    const char *value = guard_place(GUARD_INPUT, path, len);
    CHECK_EQ(fc_request_field(&request, BYTES(":path"), value, len), FC_FIELD_PSEUDO);
    CHECK_EQ(fc_request_finish(&request), len > 100 ? FC_REQUEST_TARGET_TOO_LONG : 0);
    memset(path, 'v', sizeof path);
    fc_request_init(&request, 100, 100, 10);
    CHECK_EQ(fc_request_field(&request, BYTES("x"), guard_place(GUARD_INPUT, path, len - 3), len - 3), FC_NAME_UNKNOWN);
    CHECK_EQ(request.refusal, len > 100 ? FC_REQUEST_FIELD_TOO_LONG : 0);
  }
}

static void each_byte_of_names_and_values(void) {
  fc_request request;
  char text[20];
  for (size_t len = 1; len <= sizeof text; len++) {
    for (int c = 0; c < 256; c++) {
      char byte = (char)(unsigned char)c;
      int lower_token = fc_is(byte, FC_TOKEN) && (c < 'A' || c > 'Z');
      for (size_t place = 0; place < len; place++) {
        fc_request_init(&request, 100, 100, 10);
        memset(text, 'q', len);
        text[place] = byte;
        char *src = guard_place(GUARD_INPUT, text, len);
        if (place || byte != ':') {
          CHECK_EQ(fc_request_field(&request, src, len, "v", 1), lower_token ? FC_NAME_UNKNOWN : FC_REQUEST_BAD_NAME);
          CHECK_EQ(fc_trailer_check(src, len, "v", 1), lower_token ? 0 : FC_REQUEST_BAD_NAME);
        }
        int outer = place == 0 || place == len - 1;
        int value = fc_is(byte, FC_VALUE) && !(outer && fc_is_space(byte));
        CHECK_EQ(fc_request_field(&request, "x", 1, src, len), value ? FC_NAME_UNKNOWN : FC_REQUEST_BAD_VALUE);
      }
    }
  }
}

static void each_error_has_a_reason(void) {
  for (int error = FC_REQUEST_CONNECT; error < 0; error++) {
    CHECK(strcmp(fc_request_reason(error), "malformed request") != 0);
  }
  CHECK(strcmp(fc_request_reason(-99), "malformed request") == 0);
}

void test_request_fields(void) {
  verdicts();
  what_is_found();
  limits();
  each_byte_of_names_and_values();
  each_error_has_a_reason();
}
