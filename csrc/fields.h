/* SPDX-License-Identifier: MIT
 *
 * Copying field names and values with the check that their kind asks for (RFC 9110 section 5): used for response heads,
 * where a mistake is the application's, and for lower-casing request field names.
 */
#ifndef FC_FIELDS_H
#define FC_FIELDS_H

#include <stddef.h>

/* Copies a token and lower-cases it. Returns 0, or -1 when src is empty or has a byte that no token may have. */
int fc_name_copy_lower(char *dst, const char *src, size_t len);

/* Lower-cases ASCII letters while copying; checks nothing (the parser already has). */
void fc_lower_copy(char *dst, const char *src, size_t len);

/* Copies a field value. Returns 0, or -1 when it holds CR, LF or NUL. */
int fc_value_copy(char *dst, const char *src, size_t len);

/* Not 0 when src holds CR, LF or NUL. */
int fc_value_has_break(const char *src, size_t len);

/* 1 when src is a token with at least one byte, else 0. */
int fc_is_token(const char *src, size_t len);

#endif
