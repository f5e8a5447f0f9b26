/* SPDX-License-Identifier: MIT
 *
 * The priority of a response as its client wants it (RFC 9218): the value of the Priority field and of PRIORITY_UPDATE.
 *
 * Called by _priority.pyx.
 */
#ifndef FC_PRIORITY_H
#define FC_PRIORITY_H

#include <stddef.h>

#define FC_URGENCY_DEFAULT 3
#define FC_URGENCY_MAX     7 /* the least urgent */

typedef struct {
  int urgency;     /* 0 to 7, lower first */
  int incremental; /* parts of it are of use, so responses may share the bandwidth */
} fc_priority;

/* Parses a dictionary (RFC 9651 section 3.2) and fills *priority.
 *
 * Unknown members, values of another type and urgencies out of range are ignored (RFC 9218 section 4). Returns 0, or -1
 * when it is no dictionary; then the priority is the default one. */
int fc_priority_parse(const char *src, size_t len, fc_priority *priority);

#endif
