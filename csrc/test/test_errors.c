/* SPDX-License-Identifier: MIT
 *
 * Every error has a status of its table and a phrase of its own.
 */
#include <string.h>

#include "../chunked.h"
#include "../head.h"
#include "check.h"

static int status_by_table(int32_t error) {
  switch (error) {
  case FC_TARGET_TOO_LONG: return 414;
  case FC_UNKNOWN_EXPECTATION: return 417;
  case FC_FIELD_TOO_LONG:
  case FC_HEAD_TOO_LONG:
  case FC_TOO_MANY_FIELDS:
  case FC_TRAILER_TOO_LONG: return 431;
  case FC_UNKNOWN_CODING: return 501;
  case FC_UNKNOWN_VERSION:
  case FC_HTTP2_PREFACE: return 505;
  default: return 400;
  }
}

void test_errors(void) {
  const char *unknown = fc_error_reason(-1000);
  for (int32_t error = FC_TRAILER_TOO_LONG; error < 0; error++) {
    if (error < FC_HTTP2_PREFACE && error > FC_BAD_CHUNK_SIZE) continue;
    const char *reason = fc_error_reason(error);
    check_case(reason);
    CHECK_EQ(fc_error_status(error), status_by_table(error));
    CHECK(strlen(reason) > 8 && strcmp(reason, unknown) != 0);
    for (int32_t other = error + 1; other < 0; other++) CHECK(strcmp(reason, fc_error_reason(other)) != 0);
  }
  CHECK_EQ(fc_error_status(-1000), 400);
  CHECK(strlen(unknown) > 0);
}
