/* SPDX-License-Identifier: MIT
 *
 * What every test needs: CHECK, and a copy of the input that ends where readable memory ends.
 *
 * A byte read or written beyond an input placed by guard_place() stops the program, whatever the sanitizer sees.
 */
#ifndef FC_TEST_CHECK_H
#define FC_TEST_CHECK_H

#include <stddef.h>
#include <stdint.h>

#define CHECK(condition)           check_that((condition) != 0, #condition, __FILE__, __LINE__)
#define CHECK_EQ(actual, expected) check_equal((int64_t)(actual), (int64_t)(expected), #actual, __FILE__, __LINE__)

/* A string literal with its length, NUL bytes included. */
#define BYTES(literal) (literal), (sizeof(literal) - 1)

#define GUARD_CAPACITY (256u * 1024u)
enum guard_slot { GUARD_INPUT, GUARD_OUTPUT, GUARD_SLOTS };

void check_that(int holds, const char *text, const char *file, int line);
void check_equal(int64_t actual, int64_t expected, const char *text, const char *file, int line);

/* Names the case in the messages of the checks that follow. */
void check_case(const char *name);

/* Copies len bytes so that the byte after the last one is not accessible. */
char *guard_place(enum guard_slot slot, const char *bytes, size_t len);

/* The same without bytes to copy: len bytes of 0xee. */
char *guard_reserve(enum guard_slot slot, size_t len);

/* A fixed sequence of numbers: the same in every run. */
uint32_t random_next(uint32_t *state);

void test_chars(void);
void test_scan(void);
void test_names(void);
void test_fields(void);
void test_path(void);
void test_host(void);
void test_errors(void);
void test_request_line(void);
void test_head(void);
void test_limits(void);
void test_framing(void);
void test_chunked(void);
void test_frame(void);
void test_frame2(void);
void test_mask(void);
void test_utf8(void);
void test_request_fields(void);
void test_priority(void);
void test_huffman(void);
void test_hpack(void);

#endif
