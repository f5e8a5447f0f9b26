/* SPDX-License-Identifier: MIT
 *
 * Field names that are known beforehand: a name in any case -> a small id -> the lower-case name.
 *
 * The compiled side keeps one bytes object per id, so that a request with common fields allocates no names.
 */
#ifndef FC_NAMES_H
#define FC_NAMES_H

#include <stddef.h>
#include <stdint.h>

#define FC_NAME_UNKNOWN 0

/* The names that decide something in the server; those of HTTP/1 have ids below FC_NAME_LAST_SPECIAL. */
enum fc_name {
  FC_NAME_HOST = 1,
  FC_NAME_CONTENT_LENGTH,
  FC_NAME_TRANSFER_ENCODING,
  FC_NAME_CONNECTION,
  FC_NAME_EXPECT,
  FC_NAME_UPGRADE,
  FC_NAME_TE,
  FC_NAME_DATE,
  FC_NAME_SERVER,
  FC_NAME_TRAILER,
  FC_NAME_KEEP_ALIVE,
  FC_NAME_ALT_SVC,
  FC_NAME_LAST_SPECIAL,
  FC_NAME_COOKIE = 32,
  FC_NAME_PRIORITY = 46,
  FC_NAME_PROXY_CONNECTION = 48
};

/* The number of ids, unknown included: ids run from 1 to fc_name_count() - 1 (at most 255). */
int fc_name_count(void);

/* The id of a name in any case, or FC_NAME_UNKNOWN. */
int fc_name_id(const char *name, size_t len);

/* The lower-case name of an id in 1 .. fc_name_count() - 1; sets *len. */
const char *fc_name_text(int id, size_t *len);

#endif
