/* SPDX-License-Identifier: MIT
 *
 * Chunked bodies whole, byte by byte, in pieces and in place: data, what is left over, and each error.
 */
#include "../chunked.h"

#include <stdio.h>
#include <string.h>

#include "../chars.h"
#include "check.h"

#define BODY_MAX (200u * 1024u)

typedef struct {
  char body[BODY_MAX];
  size_t body_len;
  ptrdiff_t used; /* bytes of the input that belong to the body, or an error */
  int done;
} decoded;

static decoded out;

/* Decodes in pieces of at most step bytes, the input at the guard page and the output too, or in place. */
static void decode(const char *bytes, size_t len, size_t step, int in_place) {
  fc_chunked decoder;
  memset(&decoder, 0, sizeof decoder);
  out.body_len = 0;
  out.used = 0;
  out.done = 0;
  while ((size_t)out.used < len && !decoder.done) {
    size_t piece = len - (size_t)out.used < step ? len - (size_t)out.used : step;
    size_t written = 0;
    char *src = guard_place(GUARD_INPUT, bytes + out.used, piece);
    char *dst = in_place ? src : guard_reserve(GUARD_OUTPUT, piece);
    ptrdiff_t result = fc_chunked_decode(&decoder, src, piece, dst, &written);
    CHECK(written <= piece);
    memcpy(out.body + out.body_len, dst, written);
    out.body_len += written;
    if (result < 0) {
      out.used = result;
      return;
    }
    CHECK(decoder.done ? result <= (ptrdiff_t)piece : result == (ptrdiff_t)piece);
    out.used += result;
  }
  out.done = decoder.done;
}

static void check_result(ptrdiff_t used, const char *body, size_t body_len, int done) {
  CHECK_EQ(out.used, used);
  if (used < 0) return; /* how much was decoded before an error depends on the pieces */
  CHECK_EQ(out.done, done);
  CHECK_EQ(out.body_len, body_len);
  CHECK(memcmp(out.body, body, body_len) == 0);
}

static void chunked_expect(const char *bytes, size_t len, ptrdiff_t used, const char *body, size_t body_len, int done) {
  static const size_t steps[] = {SIZE_MAX, 1, 2, 3, 7};
  check_case(bytes);
  for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
    decode(bytes, len, steps[i], 0);
    check_result(used, body, body_len, done);
    decode(bytes, len, steps[i], 1);
    check_result(used, body, body_len, done);
  }
}

/* The whole text is a body with this content; bytes after it are left over. */
static void body_is(const char *text, const char *body) {
  char joined[1024];
  int len = snprintf(joined, sizeof joined, "%sGET / HTTP/1.1\r\n", text);
  chunked_expect(text, strlen(text), (ptrdiff_t)strlen(text), body, strlen(body), 1);
  chunked_expect(joined, (size_t)len, (ptrdiff_t)strlen(text), body, strlen(body), 1);
  for (size_t part = 0; part < strlen(text); part++) {
    decode(text, part, SIZE_MAX, 0);
    CHECK_EQ(out.used, part);
    CHECK_EQ(out.done, 0);
  }
}

static void error_is(const char *text, size_t len, ptrdiff_t error) {
  char joined[1024];
  memcpy(joined, text, len);
  memcpy(joined + len, "\r\n0\r\n\r\n", 7);
  chunked_expect(text, len, error, "", 0, 0);
  chunked_expect(joined, len + 7, error, "", 0, 0);
}

static void bodies(void) {
  body_is("0\r\n\r\n", "");
  body_is("5\r\nhello\r\n0\r\n\r\n", "hello");
  body_is("5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "hello world");
  body_is("000\r\n\r\n", "");
  body_is("0000000000000005\r\nhello\r\n0\r\n\r\n", "hello");
  body_is("a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n", "01234567890123456789");
  body_is("1A\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\n\r\n", "abcdefghijklmnopqrstuvwxyz");
  body_is("4\r\n\r\n\r\n\r\n0\r\n\r\n", "\r\n\r\n");
  body_is("5;x\r\nhello\r\n0;y=z\r\n\r\n", "hello");
  body_is("5 ; x = \"a;b\"\t\r\nhello\r\n0\r\n\r\n", "hello");
  body_is("5;\x80\xff\r\nhello\r\n0\r\n\r\n", "hello");
  body_is("0\r\nA: b\r\nLonger-Name:\t c d \r\nE:\r\n\r\n", "");
}

static void sizes(void) {
  static const char *const malformed[] = {"\r\n",
                                          ";x\r\n",
                                          " 5\r\n",
                                          "-5\r\n",
                                          "+5\r\n",
                                          "0x5\r\n",
                                          "g\r\n",
                                          "5g\r\n",
                                          "5 5\r\n",
                                          "5 \r\n",
                                          "5\t\r\n",
                                          "5,\r\n",
                                          "\"5\"\r\n",
                                          "8000000000000000\r\n",
                                          "ffffffffffffffff\r\n",
                                          "10000000000000000\r\n",
                                          "00000000000000005\r\n"};
  for (size_t i = 0; i < sizeof malformed / sizeof malformed[0]; i++) {
    error_is(malformed[i], strlen(malformed[i]), FC_BAD_CHUNK_SIZE);
    char second[64];
    int len = snprintf(second, sizeof second, "1\r\na\r\n%s", malformed[i]);
    error_is(second, (size_t)len, FC_BAD_CHUNK_SIZE);
  }
  decode(BYTES("7fffffffffffffff\r\nhello"), SIZE_MAX, 0);
  check_result(23, "hello", 5, 0);
}

/* Each byte after a digit, within an extension, after data, after the data's CR, and within trailers. */
static void each_byte_is_judged(void) {
  for (int c = 0; c < 256; c++) {
    char byte = (char)(unsigned char)c;
    char text[32];
    int len = snprintf(text, sizeof text, "5;_") - 1;
    text[len] = byte;
    ptrdiff_t expected = fc_is(byte, FC_VALUE) || c == '\r' ? len + 1
                         : c == '\n'                        ? FC_BAD_CHUNK_END
                                                            : FC_BAD_CHUNK_EXTENSION;
    decode(text, (size_t)len + 1, 1, 0);
    CHECK_EQ(out.used, expected);
    decode(memcpy(text, "1\r\na", 4), 4, 1, 0);
    text[4] = byte;
    decode(text, 5, 5, 0);
    CHECK_EQ(out.used, c == '\r' ? 5 : FC_BAD_CHUNK_END);
    text[4] = '\r';
    text[5] = byte;
    decode(text, 6, 6, 0);
    CHECK_EQ(out.used, c == '\n' ? 6 : FC_BAD_CHUNK_END);
    memcpy(text, "5\r", 2);
    text[2] = byte;
    decode(text, 3, 3, 0);
    CHECK_EQ(out.used, c == '\n' ? 3 : FC_BAD_CHUNK_END);
    memcpy(text, "0\r\n", 3);
    text[3] = byte;
    decode(text, 4, 4, 0);
    CHECK_EQ(out.used, fc_is(byte, FC_TOKEN) || c == '\r' ? 4 : FC_BAD_TRAILER);
    memcpy(text, "0\r\nN", 4);
    text[4] = byte;
    decode(text, 5, 5, 0);
    CHECK_EQ(out.used, fc_is(byte, FC_TOKEN) || c == ':' ? 5 : FC_BAD_TRAILER);
    memcpy(text, "0\r\nN:", 5);
    text[5] = byte;
    decode(text, 6, 6, 0);
    CHECK_EQ(out.used, fc_is(byte, FC_VALUE) || c == '\r' ? 6 : FC_BAD_TRAILER);
  }
}

static void errors(void) {
  error_is(BYTES("5\nhello\r\n"), FC_BAD_CHUNK_END);
  error_is(BYTES("5\rhello\r\n"), FC_BAD_CHUNK_END);
  error_is(BYTES("5;x\nhello\r\n"), FC_BAD_CHUNK_END);
  error_is(BYTES("5\r\nhello\n"), FC_BAD_CHUNK_END);
  error_is(BYTES("5\r\nhello6\r\n"), FC_BAD_CHUNK_END);
  error_is(BYTES("5\r\nhello\r6"), FC_BAD_CHUNK_END);
  error_is(BYTES("5\r\nhell\r\n0\r\n\r\n"), FC_BAD_CHUNK_END);
  error_is(BYTES("5;\0\r\nhello\r\n"), FC_BAD_CHUNK_EXTENSION);
  error_is(BYTES("5;\x7f\r\nhello\r\n"), FC_BAD_CHUNK_EXTENSION);
  error_is(BYTES("0\r\nno colon\r\n\r\n"), FC_BAD_TRAILER);
  error_is(BYTES("0\r\nA : b\r\n\r\n"), FC_BAD_TRAILER);
  error_is(BYTES("0\r\n: b\r\n\r\n"), FC_BAD_TRAILER);
  error_is(BYTES("0\r\nA: b\r\n c\r\n\r\n"), FC_BAD_TRAILER);
  error_is(BYTES("0\r\nA: b\n\r\n"), FC_BAD_TRAILER);
  error_is(BYTES("0\r\nA: b\rC: d\r\n\r\n"), FC_BAD_TRAILER);
  error_is(BYTES("0\r\nA: \0\r\n\r\n"), FC_BAD_TRAILER);
  error_is(BYTES("0\r\n\n"), FC_BAD_TRAILER);
  error_is(BYTES("0\r\n\rX"), FC_BAD_TRAILER);
}

/* Data earns back what its framing has cost: a byte for a byte. */
static void overhead_is_bounded(void) {
  static char text[BODY_MAX];
  check_case("overhead");
  memset(text, 'x', sizeof text);
  memcpy(text, "1;", 2);
  decode(text, 16 * 1024, SIZE_MAX, 0);
  CHECK_EQ(out.used, 16 * 1024);
  decode(text, 16 * 1024 + 1, 100, 0);
  CHECK_EQ(out.used, FC_CHUNK_OVERHEAD);
  size_t len = 0;
  for (int i = 0; i < 20000; i++) len += (size_t)snprintf(text + len, sizeof text - len, "1\r\na\r\n");
  decode(text, len, 1000, 1);
  CHECK_EQ(out.used, len); /* one size digit for one byte of data */
  CHECK_EQ(out.body_len, 20000);
  len = 0;
  for (int i = 0; i < 6000; i++) len += (size_t)snprintf(text + len, sizeof text - len, "1;ext\r\na\r\n");
  decode(text, len, 1000, 0);
  CHECK_EQ(out.used, FC_CHUNK_OVERHEAD);
  len = 0;
  for (int i = 0; i < 1000; i++)
    len += (size_t)snprintf(text + len, sizeof text - len, "%x;s=%060d\r\n%0128d\r\n", 128, 1, 2);
  decode(text, len, 1000, 0);
  CHECK_EQ(out.used, len);
}

static void trailers_are_bounded(void) {
  static char text[BODY_MAX];
  check_case("trailers");
  size_t len = (size_t)snprintf(text, sizeof text, "0\r\n");
  for (int i = 0; i < 100; i++) len += (size_t)snprintf(text + len, sizeof text - len, "A: b\r\n");
  size_t end = len + (size_t)snprintf(text + len, sizeof text - len, "\r\n");
  decode(text, end, SIZE_MAX, 0);
  CHECK(out.done && out.used == (ptrdiff_t)end);
  end = len + (size_t)snprintf(text + len, sizeof text - len, "A: b\r\n\r\n");
  decode(text, end, SIZE_MAX, 0);
  CHECK_EQ(out.used, FC_TRAILER_TOO_LONG);
  memset(text, 'v', sizeof text);
  memcpy(text, "0\r\nA:", 5);
  decode(text, 3 + 16 * 1024, SIZE_MAX, 0);
  CHECK_EQ(out.used, 3 + 16 * 1024);
  decode(text, 3 + 16 * 1024 + 1, 7, 0);
  CHECK_EQ(out.used, FC_TRAILER_TOO_LONG);
}

/* Bytes changed at random: the verdict and the body do not depend on the pieces. */
static void random_changes_have_one_verdict(void) {
  static const char whole[] = "5;a=b\r\nhello\r\n10\r\n0123456789abcdef\r\n0\r\nA: b\r\n\r\n";
  static const char bytes[] = "\r\n\r\n ;:\t\0\x7f\x80"
                              "0123afAFgx";
  uint32_t state = 11u;
  for (int round = 0; round < 3000; round++) {
    char input[sizeof whole];
    memcpy(input, whole, sizeof whole);
    for (uint32_t changes = 1 + random_next(&state) % 3; changes > 0; changes--) {
      uint32_t place = random_next(&state) % (sizeof whole - 1);
      input[place] = bytes[random_next(&state) % (sizeof bytes - 1)];
    }
    decode(input, sizeof whole - 1, SIZE_MAX, 0);
    char body[sizeof whole];
    ptrdiff_t used = out.used;
    size_t body_len = out.body_len;
    memcpy(body, out.body, body_len);
    chunked_expect(input, sizeof whole - 1, used, body, body_len, out.done);
  }
}

void test_chunked(void) {
  bodies();
  sizes();
  each_byte_is_judged();
  errors();
  overhead_is_bounded();
  trailers_are_bounded();
  random_changes_have_one_verdict();
}
