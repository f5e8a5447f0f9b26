/* SPDX-License-Identifier: MIT
 *
 * Runs every test of the C sources and counts the checks; exits with 1 when one failed. Built by csrc/Makefile.
 */
#define _DEFAULT_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"

#define FAILURES_SHOWN 20

static const char *case_name = "";
static unsigned long checks;
static unsigned long failures;

static int fail(const char *file, int line) {
  if (++failures > FAILURES_SHOWN) return 0;
  fprintf(stderr, "%s:%d: [%s] ", file, line, case_name);
  return 1;
}

void check_that(int holds, const char *text, const char *file, int line) {
  checks++;
  if (!holds && fail(file, line)) fprintf(stderr, "does not hold: %s\n", text);
}

void check_equal(int64_t actual, int64_t expected, const char *text, const char *file, int line) {
  checks++;
  if (actual != expected && fail(file, line)) {
    fprintf(stderr, "%s is %lld, not %lld\n", text, (long long)actual, (long long)expected);
  }
}

void check_case(const char *name) {
  case_name = name;
}

/* The end of GUARD_CAPACITY readable bytes: the page after it is not accessible. */
static char *guard_end(enum guard_slot slot) {
  static char *ends[GUARD_SLOTS];
  if (!ends[slot]) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *pages = (char *)mmap(NULL, GUARD_CAPACITY + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED || mprotect(pages + GUARD_CAPACITY, page, PROT_NONE) != 0) {
      perror("guard page");
      exit(1);
    }
    ends[slot] = pages + GUARD_CAPACITY;
  }
  return ends[slot];
}

char *guard_reserve(enum guard_slot slot, size_t len) {
  if (len > GUARD_CAPACITY) {
    fprintf(stderr, "[%s] needs %zu bytes before the guard page\n", case_name, len);
    exit(1);
  }
  return (char *)memset(guard_end(slot) - len, 0xee, len);
}

char *guard_place(enum guard_slot slot, const char *bytes, size_t len) {
  char *start = guard_reserve(slot, len);
  if (len) memcpy(start, bytes, len);
  return start;
}

/* xorshift32 */
uint32_t random_next(uint32_t *state) {
  *state ^= *state << 13;
  *state ^= *state >> 17;
  *state ^= *state << 5;
  return *state;
}

static const struct {
  const char *name;
  void (*run)(void);
} tests[] = {
    {"chars", test_chars},
    {"scan", test_scan},
    {"names", test_names},
    {"fields", test_fields},
    {"path", test_path},
    {"host", test_host},
    {"errors", test_errors},
    {"request_line", test_request_line},
    {"head", test_head},
    {"limits", test_limits},
    {"framing", test_framing},
    {"chunked", test_chunked},
    {"frame", test_frame},
    {"frame2", test_frame2},
    {"mask", test_mask},
    {"utf8", test_utf8},
    {"request_fields", test_request_fields},
    {"priority", test_priority},
    {"huffman", test_huffman},
    {"hpack", test_hpack},
};

int main(void) {
  for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++) {
    unsigned long before = checks;
    check_case(tests[i].name);
    tests[i].run();
    printf("%-14s %8lu checks\n", tests[i].name, checks - before);
  }
  printf("%lu checks, %lu failed\n", checks, failures);
  return failures != 0;
}
