/* SPDX-License-Identifier: MIT
 *
 * Hosts that are well formed, with the length of the part before ":port", and hosts that are not.
 */
#include "../host.h"

#include <string.h>

#include "check.h"

static int check_host(const char *text) {
  size_t len = strlen(text);
  check_case(text);
  return fc_host_check(guard_place(GUARD_INPUT, text, len), len);
}

static void well_formed_hosts(void) {
  static const struct {
    const char *text;
    int host;
  } cases[] = {
      {"a", 1},
      {"example.com", 11},
      {"EXAMPLE.com:8080", 11},
      {"example.com:", 11},
      {"127.0.0.1", 9},
      {"127.0.0.1:80", 9},
      {"a_b-c.d~e", 9},
      {"%41b", 4},
      {"x%2c", 4},
      {"a!$&'()*+;=", 11},
      {"xn--bcher-kva.example", 21},
      {"256.1.1.1", 9},
      {"a:0", 1},
      {"a:999999", 1},
      {"[::]", 4},
      {"[::1]", 5},
      {"[::1]:80", 5},
      {"[::1]:", 5},
      {"[1:2:3:4:5:6:7:8]", 17},
      {"[2001:DB8::ff00:42:8329]:443", 24},
      {"[1::]", 5},
      {"[::1:2:3:4:5:6:7]", 17},
      {"[1:2:3:4:5:6:7::]", 17},
      {"[::ffff:192.0.2.1]", 18},
      {"[1:2:3:4:5:6:1.2.3.4]", 21},
      {"[::255.255.255.255]", 19},
      {"[1::2:1.2.3.4]:9", 14},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) CHECK_EQ(check_host(cases[i].text), cases[i].host);
}

static void malformed_hosts(void) {
  static const char *const cases[] = {
      "",
      ":",
      ":80",
      "a b",
      " a",
      "a ",
      "a\tb",
      "a,b",
      "a, b",
      "user@a",
      "a/b",
      "a?b",
      "a#b",
      "a\\b",
      "a:b",
      "a:80b",
      "a:80:80",
      "a:-1",
      "a:+1",
      "a: 80",
      "a%",
      "a%4",
      "a%4g",
      "a%zz",
      "a\"",
      "<a>",
      "{a}",
      "a|b",
      "a^b",
      "a`b",
      "a\x7f",
      "caf\xc3\xa9",
      "[",
      "]",
      "[]",
      "[:]",
      "[:::]",
      "[1]",
      "[1:2]",
      "[1:2:3:4:5:6:7]",
      "[1:2:3:4:5:6:7:8:9]",
      "[::1::]",
      "[1:2:3:4:5:6:7:8::]",
      "[::1:2:3:4:5:6:7:8]",
      "[12345::]",
      "[g::]",
      "[::1",
      "::1",
      "[::1]a",
      "[::1]:a",
      "[:1::2]",
      "[1::2:]",
      "[::1.2.3]",
      "[::1.2.3.4.5]",
      "[::1.2.3.256]",
      "[::01.2.3.4]",
      "[::1.2.3.4:5]",
      "[1.2.3.4]",
      "[::1%eth0]",
      "[::1%25eth0]",
      "[v1.a]",
      "[1:2:3:4:5:6:7:1.2.3.4]",
      "[::.1.2.3]",
      "[::1..2.3]",
      "a[::1]",
      "[[::1]]",
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) CHECK_EQ(check_host(cases[i]), -1);
  CHECK_EQ(fc_host_check("a\0b", 3), -1);
}

void test_host(void) {
  well_formed_hosts();
  malformed_hosts();
}
