/* SPDX-License-Identifier: MIT
 *
 * Host syntax (host.h). A ',' is refused although a reg-name may have one: it only comes from two Host fields that an
 * intermediary has joined, and then two readers of the request may choose different ones.
 */
#include "host.h"

#include <limits.h>

#include "chars.h"

#define IPV6_GROUPS 8

/* Four decimal numbers up to 255 (RFC 3986 dec-octet: no leading zero) that fill [p, end). */
static int is_ipv4(const char *p, const char *end) {
  for (int part = 0; part < 4; part++) {
    if (part && (p == end || *p++ != '.')) return 0;
    const char *start = p;
    int number = 0;
    while (p < end && p - start < 3 && fc_is(*p, FC_DIGIT)) number = number * 10 + (*p++ - '0');
    if (p == start || number > 255 || (p - start > 1 && *start == '0')) return 0;
  }
  return p == end;
}

/* Hex groups with at most one "::", the last two perhaps as IPv4, that fill [p, end). */
static int is_ipv6(const char *p, const char *end) {
  int groups = 0;
  int gap = 0;
  if (end - p >= 2 && p[0] == ':') {
    if (p[1] != ':') return 0;
    gap = 1;
    p += 2;
  }
  while (p < end) {
    const char *start = p;
    while (p < end && p - start < 4 && fc_is(*p, FC_HEX)) p++;
    if (p < end && *p == '.') {
      groups += 2;
      return is_ipv4(start, end) && (gap ? groups < IPV6_GROUPS : groups == IPV6_GROUPS);
    }
    if (p == start || ++groups > IPV6_GROUPS) return 0;
    if (p == end) break;
    if (*p++ != ':' || p == end) return 0;
    if (*p != ':') continue;
    if (gap) return 0;
    gap = 1;
    p++;
  }
  return gap ? groups < IPV6_GROUPS : groups == IPV6_GROUPS;
}

/* The end of a reg-name (an IPv4 address is one): unreserved, sub-delims, and '%' with two hex digits; else NULL. */
static const char *reg_name_end(const char *p, const char *end) {
  for (; p < end && *p != ':'; p++) {
    if (fc_is(*p, FC_HOST)) continue;
    if (*p != '%' || end - p < 3 || !fc_is(p[1], FC_HEX) || !fc_is(p[2], FC_HEX)) return NULL;
    p += 2;
  }
  return p;
}

int fc_host_check(const char *src, size_t len) {
  if (len == 0 || len > INT_MAX) return -1;
  const char *end = src + len;
  const char *p;
  if (*src == '[') {
    const char *close = (const char *)memchr(src, ']', len);
    if (!close || !is_ipv6(src + 1, close)) return -1;
    p = close + 1;
  } else {
    p = reg_name_end(src, end);
    if (!p || p == src) return -1;
  }
  int host_len = (int)(p - src);
  if (p < end && *p++ != ':') return -1;
  while (p < end) {
    if (!fc_is(*p++, FC_DIGIT)) return -1;
  }
  return host_len;
}
