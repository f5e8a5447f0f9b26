/* SPDX-License-Identifier: MIT
 *
 * The known field names (names.h) and their perfect hash: first, last and three-quarter byte and the length, multiplied.
 *
 * A new name goes at the end of texts[]; if test_names then finds two names in one slot, FC_NAME_FACTOR needs another
 * odd number and slots[] another filling: the test prints both. Called by head.c and the compiled side.
 */
#include "names.h"

#include "chars.h"

#define FC_NAME_FACTOR 0x7a415783u

typedef struct {
  uint8_t len;
  char text[31];
} fc_name_entry;

static const fc_name_entry texts[] = {
    {0, ""},
    {4, "host"},
    {14, "content-length"},
    {17, "transfer-encoding"},
    {10, "connection"},
    {6, "expect"},
    {7, "upgrade"},
    {2, "te"},
    {4, "date"},
    {6, "server"},
    {7, "trailer"},
    {10, "keep-alive"},
    {7, "alt-svc"},
    {14, "http2-settings"},
    {6, "accept"},
    {14, "accept-charset"},
    {15, "accept-encoding"},
    {15, "accept-language"},
    {30, "access-control-request-headers"},
    {29, "access-control-request-method"},
    {13, "authorization"},
    {2, "b3"},
    {7, "baggage"},
    {13, "cache-control"},
    {8, "cdn-loop"},
    {16, "cf-connecting-ip"},
    {12, "cf-ipcountry"},
    {6, "cf-ray"},
    {19, "content-disposition"},
    {16, "content-encoding"},
    {16, "content-language"},
    {12, "content-type"},
    {6, "cookie"},
    {3, "dnt"},
    {9, "forwarded"},
    {4, "from"},
    {15, "idempotency-key"},
    {8, "if-match"},
    {17, "if-modified-since"},
    {13, "if-none-match"},
    {8, "if-range"},
    {19, "if-unmodified-since"},
    {13, "last-event-id"},
    {12, "max-forwards"},
    {6, "origin"},
    {6, "pragma"},
    {8, "priority"},
    {19, "proxy-authorization"},
    {16, "proxy-connection"},
    {5, "range"},
    {7, "referer"},
    {9, "save-data"},
    {9, "sec-ch-ua"},
    {16, "sec-ch-ua-mobile"},
    {18, "sec-ch-ua-platform"},
    {14, "sec-fetch-dest"},
    {14, "sec-fetch-mode"},
    {14, "sec-fetch-site"},
    {14, "sec-fetch-user"},
    {7, "sec-gpc"},
    {11, "sec-purpose"},
    {24, "sec-websocket-extensions"},
    {17, "sec-websocket-key"},
    {22, "sec-websocket-protocol"},
    {21, "sec-websocket-version"},
    {11, "traceparent"},
    {10, "tracestate"},
    {14, "true-client-ip"},
    {25, "upgrade-insecure-requests"},
    {10, "user-agent"},
    {3, "via"},
    {15, "x-amzn-trace-id"},
    {9, "x-api-key"},
    {12, "x-b3-sampled"},
    {11, "x-b3-spanid"},
    {12, "x-b3-traceid"},
    {16, "x-correlation-id"},
    {12, "x-csrf-token"},
    {11, "x-csrftoken"},
    {15, "x-forwarded-for"},
    {16, "x-forwarded-host"},
    {16, "x-forwarded-port"},
    {18, "x-forwarded-prefix"},
    {17, "x-forwarded-proto"},
    {9, "x-real-ip"},
    {12, "x-request-id"},
    {16, "x-requested-with"},
    {8, "x-scheme"},
};

static const uint8_t slots[512] = {
    0,  0,  0,  0,  0,  0,  0,  0,  0, 0, 0,  32, 34, 0,  0,  0,  71, 0,  0,  0,  0,  0,  0,  0,  0,  44, 0,  0,  0,
    59, 0,  0,  74, 15, 0,  0,  0,  0, 0, 13, 0,  0,  0,  0,  36, 0,  0,  0,  0,  0,  0,  77, 0,  0,  0,  8,  0,  0,
    0,  82, 46, 0,  0,  56, 69, 0,  0, 0, 0,  0,  0,  0,  0,  0,  0,  0,  0,  23, 0,  61, 62, 65, 0,  0,  0,  0,  0,
    0,  0,  57, 58, 0,  0,  0,  0,  0, 0, 0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,
    40, 0,  0,  0,  0,  0,  0,  30, 0, 0, 0,  0,  0,  0,  0,  0,  0,  0,  25, 0,  0,  64, 0,  60, 0,  21, 0,  0,  0,
    0,  0,  14, 0,  0,  0,  0,  0,  0, 0, 0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  3,  0,  0,  0,  0,
    19, 0,  0,  0,  0,  0,  0,  85, 0, 0, 0,  0,  0,  4,  0,  0,  22, 72, 0,  0,  0,  0,  0,  0,  53, 81, 27, 0,  0,
    0,  0,  0,  0,  48, 42, 0,  18, 0, 0, 0,  0,  6,  0,  0,  0,  0,  0,  0,  0,  0,  0,  87, 51, 47, 0,  0,  0,  66,
    0,  0,  0,  0,  0,  79, 0,  0,  0, 0, 16, 0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  75, 39, 0,  0,  0,  0,  0,
    12, 0,  0,  43, 0,  0,  0,  0,  0, 0, 0,  0,  0,  0,  0,  0,  0,  0,  68, 0,  0,  0,  33, 0,  0,  0,  31, 0,  0,
    0,  0,  0,  0,  0,  45, 0,  0,  0, 0, 0,  78, 2,  0,  0,  0,  0,  0,  10, 54, 0,  0,  0,  0,  9,  0,  0,  0,  76,
    83, 37, 0,  0,  0,  0,  0,  0,  0, 0, 0,  0,  50, 0,  0,  0,  80, 0,  0,  0,  0,  0,  52, 0,  0,  0,  0,  0,  0,
    0,  0,  0,  0,  63, 0,  0,  0,  0, 0, 0,  0,  0,  20, 0,  0,  0,  0,  0,  0,  86, 0,  0,  7,  0,  0,  0,  0,  0,
    0,  0,  0,  0,  0,  0,  0,  0,  0, 5, 0,  0,  0,  0,  0,  0,  0,  0,  0,  17, 0,  0,  0,  0,  0,  0,  0,  0,  0,
    0,  0,  0,  0,  67, 70, 0,  0,  0, 0, 0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  35, 0,  0,  0,  0,
    0,  0,  0,  0,  0,  0,  0,  0,  0, 0, 0,  0,  0,  55, 0,  0,  84, 0,  0,  0,  11, 73, 0,  0,  0,  0,  0,  24, 0,
    0,  0,  0,  0,  0,  0,  0,  0,  0, 0, 0,  0,  0,  0,  38, 0,  0,  29, 0,  0,  0,  0,  0,  0,  0,  26, 41, 0,  0,
    0,  0,  0,  0,  28, 0,  1,  0,  0, 0, 0,  0,  0,  49, 0,  0,  0,  0,  0,
};

int fc_name_count(void) {
  return (int)(sizeof texts / sizeof texts[0]);
}

const char *fc_name_text(int id, size_t *len) {
  *len = texts[id].len;
  return texts[id].text;
}

/* Bytes are folded with | 0x20, which moves letters only among letters of a name: the comparison decides. */
static uint32_t slot_of(const unsigned char *name, size_t len) {
  uint32_t key =
      (name[0] | 0x20u) | (name[len - 1] | 0x20u) << 8 | (name[len * 3 / 4] | 0x20u) << 16 | (uint32_t)len << 24;
  return (uint32_t)(key * FC_NAME_FACTOR) >> 23;
}

static uint64_t load4(const char *p) {
  uint32_t word;
  memcpy(&word, p, 4);
  return word;
}

/* Compares 1 to 31 bytes of a name in any case with lower-case text, by words that overlap at the end. */
static int equal_folded(const char *name, const char *text, size_t len) {
  size_t i = 0;
  if (len >= 8) {
    for (; i + 8 < len; i += 8) {
      if (fc_lower8(fc_load8(name + i)) != fc_load8(text + i)) return 0;
    }
    return fc_lower8(fc_load8(name + len - 8)) == fc_load8(text + len - 8);
  }
  if (len >= 4) {
    return fc_lower8(load4(name) | load4(name + len - 4) << 32) == (load4(text) | load4(text + len - 4) << 32);
  }
  for (; i < len; i++) {
    if (fc_lower_byte((unsigned char)name[i]) != (unsigned char)text[i]) return 0;
  }
  return 1;
}

int fc_name_id(const char *name, size_t len) {
  if (len == 0 || len > sizeof texts[0].text - 1) return FC_NAME_UNKNOWN;
  int id = slots[slot_of((const unsigned char *)name, len)];
  if (texts[id].len != len || !equal_folded(name, texts[id].text, len)) return FC_NAME_UNKNOWN;
  return id;
}
