/* SPDX-License-Identifier: MIT
 *
 * One request head through fc_head_parse whole, byte by byte, and with bytes after it: the verdict must be the same.
 */
#ifndef FC_TEST_HEAD_CASE_H
#define FC_TEST_HEAD_CASE_H

#include "../head.h"
#include "check.h"

#define HEAD_FIELDS 64

typedef struct {
  fc_head head;
  fc_field fields[HEAD_FIELDS];
  const char *buf; /* what the spans point into, until the next case */
  int32_t result;
} head_case;

/* 8 KiB target, 16 KiB field, 64 KiB head, HEAD_FIELDS fields. */
extern const fc_head_limits head_limits;

/* Parses in all three ways with these limits and checks the result: the length of the head, FC_PARTIAL, or an error. */
void head_check(head_case *out, const char *bytes, size_t len, const fc_head_limits *limits, int32_t expected);

/* The same with head_limits; expected is an error, FC_PARTIAL, or any number above 0 for "all of it". */
void head_expect(head_case *out, const char *bytes, size_t len, int32_t expected);

/* Whether the bytes of a span are this text. */
int span_is(const head_case *parsed, fc_span span, const char *text);

#endif
