/* SPDX-License-Identifier: MIT
 *
 * Every known name is found in every case, nothing else is, and no two names share a slot of the hash.
 */
#include "../names.h"

#include <stdio.h>
#include <string.h>

#include "../chars.h"
#include "check.h"

static void each_name_is_found_in_any_case(void) {
  CHECK(fc_name_count() > FC_NAME_LAST_SPECIAL && fc_name_count() <= 255);
  for (int id = 1; id < fc_name_count(); id++) {
    size_t len;
    const char *text = fc_name_text(id, &len);
    check_case(text);
    CHECK_EQ(strlen(text), len);
    char *name = guard_place(GUARD_INPUT, text, len);
    CHECK_EQ(fc_name_id(name, len), id); /* a slot taken by another name shows here */
    for (size_t i = 0; i < len; i++) {
      CHECK(fc_is(name[i], FC_TOKEN) && fc_lower_byte((unsigned char)name[i]) == (unsigned char)name[i]);
      if (name[i] >= 'a' && name[i] <= 'z') name[i] = (char)(name[i] - 32);
      CHECK_EQ(fc_name_id(name, len), id);
    }
  }
}

/* One byte changed, added or taken away gives another known name or none. */
static void each_neighbour_is_compared_whole(void) {
  for (int id = 1; id < fc_name_count(); id++) {
    size_t len;
    const char *text = fc_name_text(id, &len);
    check_case(text);
    char *name = guard_place(GUARD_INPUT, text, len);
    for (size_t i = 0; i < len; i++) {
      for (int c = 0; c < 256; c++) {
        name[i] = (char)(unsigned char)c;
        int same = fc_lower_byte((unsigned char)c) == (unsigned char)text[i];
        CHECK((fc_name_id(name, len) == id) == same);
      }
      name[i] = text[i];
    }
    CHECK(fc_name_id(name, len - 1) != id);
    CHECK(fc_name_id(name + 1, len - 1) != id);
  }
}

static void the_special_names_have_their_ids(void) {
  static const struct {
    int id;
    const char *text;
  } special[] = {
      {FC_NAME_HOST, "host"},
      {FC_NAME_CONTENT_LENGTH, "content-length"},
      {FC_NAME_TRANSFER_ENCODING, "transfer-encoding"},
      {FC_NAME_CONNECTION, "connection"},
      {FC_NAME_EXPECT, "expect"},
      {FC_NAME_UPGRADE, "upgrade"},
      {FC_NAME_TE, "te"},
      {FC_NAME_DATE, "date"},
      {FC_NAME_SERVER, "server"},
      {FC_NAME_TRAILER, "trailer"},
      {FC_NAME_KEEP_ALIVE, "keep-alive"},
      {FC_NAME_ALT_SVC, "alt-svc"},
      {FC_NAME_COOKIE, "cookie"},
      {FC_NAME_PRIORITY, "priority"},
      {FC_NAME_PROXY_CONNECTION, "proxy-connection"},
  };
  for (size_t i = 0; i < sizeof special / sizeof special[0]; i++) {
    check_case(special[i].text);
    CHECK_EQ(fc_name_id(special[i].text, strlen(special[i].text)), special[i].id);
  }
}

static void other_names_are_unknown(void) {
  check_case("unknown names");
  CHECK_EQ(fc_name_id(BYTES("")), FC_NAME_UNKNOWN);
  CHECK_EQ(fc_name_id(BYTES("x")), FC_NAME_UNKNOWN);
  CHECK_EQ(fc_name_id(BYTES("x-unknown")), FC_NAME_UNKNOWN);
  CHECK_EQ(fc_name_id(BYTES("host ")), FC_NAME_UNKNOWN);
  CHECK_EQ(fc_name_id(BYTES("content_length")), FC_NAME_UNKNOWN);
  CHECK_EQ(fc_name_id(BYTES("content\rlength")), FC_NAME_UNKNOWN);
  for (size_t len = 0; len < 300; len++) {
    char *name = guard_reserve(GUARD_INPUT, len);
    memset(name, 'a', len);
    CHECK_EQ(fc_name_id(name, len), FC_NAME_UNKNOWN);
  }
}

void test_names(void) {
  each_name_is_found_in_any_case();
  each_neighbour_is_compared_whole();
  the_special_names_have_their_ids();
  other_names_are_unknown();
}
