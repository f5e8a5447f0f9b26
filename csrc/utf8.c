/* SPDX-License-Identifier: MIT
 *
 * UTF-8 as it comes in; see utf8.h. Called by fastcorn/protocols/_websocket.pyx.
 *
 * Section 4 of RFC 3629: the second byte of some characters has bounds of its own, which keep out overlong forms (c0, c1,
 * e0 80..9f, f0 80..8f), surrogates (ed a0..bf) and what lies beyond U+10FFFF (f4 90.., f5..ff).
 */
#include "utf8.h"

#include <string.h>

#define HIGH_BITS UINT64_C(0x8080808080808080)

size_t fc_ascii_prefix(const char *buf, size_t len) {
  size_t done = 0;
  for (; len - done >= 32; done += 32) {
    uint64_t words[4];
    memcpy(words, buf + done, 32);
    if ((words[0] | words[1] | words[2] | words[3]) & HIGH_BITS) break;
  }
  while (done < len && (uint8_t)buf[done] < 0x80) done++;
  return done;
}

/* A byte at which a character of several bytes begins. */
static int begin(struct fc_utf8 *state, uint8_t byte) {
  if (byte < 0xc2 || byte > 0xf4) return 0;
  state->more = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
  state->low = byte == 0xe0 ? 0xa0 : byte == 0xf0 ? 0x90 : 0;
  state->high = byte == 0xed ? 0x9f : byte == 0xf4 ? 0x8f : 0;
  return 1;
}

int fc_utf8_check(struct fc_utf8 *state, const char *buf, size_t len) {
  size_t pos = 0;
  while (pos < len) {
    uint8_t byte = (uint8_t)buf[pos];
    if (state->more == 0) {
      if (byte < 0x80) {
        pos += fc_ascii_prefix(buf + pos, len - pos);
        continue;
      }
      if (!begin(state, byte)) return 0;
    } else {
      if (byte < (state->low ? state->low : 0x80) || byte > (state->high ? state->high : 0xbf)) return 0;
      state->low = state->high = 0;
      state->more--;
    }
    pos++;
  }
  return 1;
}
