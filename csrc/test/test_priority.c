/* SPDX-License-Identifier: MIT
 *
 * Priorities: valid dictionaries, broken ones, and each prefix of both at a guard page.
 */
#include "../priority.h"

#include <string.h>

#include "check.h"

static int parse(const char *text, size_t len, fc_priority *priority) {
  int result = fc_priority_parse(guard_place(GUARD_INPUT, text, len), len, priority);
  CHECK(priority->urgency >= 0 && priority->urgency <= FC_URGENCY_MAX);
  CHECK(priority->incremental == 0 || priority->incremental == 1);
  CHECK(result == 0 || (priority->urgency == FC_URGENCY_DEFAULT && !priority->incremental));
  return result;
}

static void dictionaries(void) {
  static const struct {
    const char *text;
    int urgency; /* -1 = no dictionary */
    int incremental;
  } cases[] = {
      {"", 3, 0},
      {"u=1", 1, 0},
      {"u=7, i", 7, 1},
      {" i=?1,\tu=0 ", 0, 1},
      {"u=8", 3, 0},
      {"u=-0;a=1, i=?0", 0, 0},
      {"u=1, u=?1", 3, 0},
      {"a=(1 2.5;x \"t\\\"\" tok/:*), b=:aGk=:, c=@-9, d=%\"%c3\", u=2", 2, 0},
      {"*k_-.*1=\"\", i;p;q=?0", 3, 1},
      {"u=1,", -1, 0},
      {"u=1 i", -1, 0},
      {"U=1", -1, 0},
      {"a=@1.5", -1, 0},
      {"a=\"\x80\"", -1, 0},
      {"a=%\"%C3\"", -1, 0},
      {"a=(1\"b\")", -1, 0},
      {"a=1234567890123456", -1, 0},
      {"a=1234567890123.5", -1, 0},
      {"a=1.2345", -1, 0},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    fc_priority priority;
    check_case(cases[i].text);
    CHECK_EQ(parse(cases[i].text, strlen(cases[i].text), &priority), cases[i].urgency < 0 ? -1 : 0);
    CHECK_EQ(priority.urgency, cases[i].urgency < 0 ? FC_URGENCY_DEFAULT : cases[i].urgency);
    CHECK_EQ(priority.incremental, cases[i].incremental);
    for (size_t len = 0; len < strlen(cases[i].text); len++) parse(cases[i].text, len, &priority);
  }
}

static void any_bytes(void) {
  static const char alphabet[] = "ui=?01,; \t\"\\:(@%.-*a)x/\x80";
  uint32_t state = 9218;
  check_case("any bytes");
  for (int round = 0; round < 100000; round++) {
    char text[24];
    fc_priority priority;
    size_t len = random_next(&state) % sizeof text;
    for (size_t i = 0; i < len; i++) text[i] = alphabet[random_next(&state) % (sizeof alphabet - 1)];
    parse(text, len, &priority);
  }
}

void test_priority(void) {
  dictionaries();
  any_bytes();
}
