/* SPDX-License-Identifier: MIT
 *
 * The form of a host with an optional port (RFC 3986 section 3.2.2, RFC 9110 section 7.2): reg-name, IPv4 or [IPv6].
 *
 * Called by request_line.c for the authority of a target and by framing.c for the Host field.
 */
#ifndef FC_HOST_H
#define FC_HOST_H

#include <stddef.h>

/* Checks [src, src+len): no user information, no path, no list; an empty port ("a:") is allowed, an empty host is not.
 *
 * Returns the number of bytes of the host without ":port", or -1 when it is malformed. */
int fc_host_check(const char *src, size_t len);

#endif
