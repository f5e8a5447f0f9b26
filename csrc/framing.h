/* SPDX-License-Identifier: MIT
 *
 * What the fields of a head decide: Host, body framing, persistence, expectation (RFC 9112 sections 3.2, 6, 9).
 * Called by head.c once the blank line has arrived.
 */
#ifndef FC_FRAMING_H
#define FC_FRAMING_H

#include "head.h"

/* Collapses equal Content-Length fields into one. Fills host, framing, content_length, keep_alive, expect_continue, upgrade, te_trailers. Returns 0 or an error < 0. */
int32_t fc_framing_decide(const char *buf, fc_head *head);

#endif
