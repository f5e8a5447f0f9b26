/* SPDX-License-Identifier: MIT
 *
 * Request methods that get an interned str (RFC 9110 section 9). Methods are case-sensitive: "get" is another one.
 *
 * Called by request_line.c for HTTP/1 and by request_fields.c for the pseudo-field of later versions.
 */
#ifndef FC_METHOD_H
#define FC_METHOD_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "head.h"

#define FC_METHOD_MAX 64 /* bytes of a method; the longest registered one (UPDATEREDIRECTREF) has 17 */

/* The enum fc_method of a name, FC_METHOD_OTHER when it is none of them. */
static inline uint8_t fc_method_id(const char *name, size_t len) {
  switch (len) {
  case 3:
    if (memcmp(name, "GET", 3) == 0) return FC_METHOD_GET;
    return memcmp(name, "PUT", 3) == 0 ? FC_METHOD_PUT : FC_METHOD_OTHER;
  case 4:
    if (memcmp(name, "POST", 4) == 0) return FC_METHOD_POST;
    return memcmp(name, "HEAD", 4) == 0 ? FC_METHOD_HEAD : FC_METHOD_OTHER;
  case 5:
    if (memcmp(name, "PATCH", 5) == 0) return FC_METHOD_PATCH;
    return memcmp(name, "TRACE", 5) == 0 ? FC_METHOD_TRACE : FC_METHOD_OTHER;
  case 6: return memcmp(name, "DELETE", 6) == 0 ? FC_METHOD_DELETE : FC_METHOD_OTHER;
  case 7:
    if (memcmp(name, "OPTIONS", 7) == 0) return FC_METHOD_OPTIONS;
    return memcmp(name, "CONNECT", 7) == 0 ? FC_METHOD_CONNECT : FC_METHOD_OTHER;
  default: return FC_METHOD_OTHER;
  }
}

#endif
