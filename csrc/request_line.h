/* SPDX-License-Identifier: MIT
 *
 * The request line (RFC 9112 section 3): method, target in one of its four forms, version. Called by head.c.
 */
#ifndef FC_REQUEST_LINE_H
#define FC_REQUEST_LINE_H

#include "head.h"

/* Skips up to two empty lines and parses the line after them out of [buf, buf+len).
 *
 * Fills method, method_id, target, path, query, scheme, host (absolute-form only), form, minor_version, path_escaped.
 * Returns the position after the line, FC_PARTIAL, or an error < 0. */
int32_t fc_request_line_parse(const char *buf, uint32_t len, const fc_head_limits *limits, fc_head *head);

#endif
