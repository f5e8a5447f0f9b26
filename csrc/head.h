/* SPDX-License-Identifier: MIT
 *
 * HTTP/1.x request head: bytes -> spans and a framing verdict (RFC 9112, RFC 9110).
 *
 * A head is stateless: the buffer is parsed from its start, again only when another line has arrived or a limit may be
 * passed, so a client that sends byte by byte costs one parse per line. What is wrong is refused at once, before the
 * blank line. Called by H1Connection; calls request_line.c, names.c, framing.c; allocates nothing.
 */
#ifndef FC_HEAD_H
#define FC_HEAD_H

#include <stddef.h>
#include <stdint.h>

/* Offsets into the buffer that was parsed, so that they survive a moved buffer. */
typedef struct {
  uint32_t start;
  uint32_t len;
} fc_span;

typedef struct {
  fc_span name;
  fc_span value; /* without leading and trailing white space */
  uint8_t known; /* id of names.h, 0 = not a known name */
  uint8_t lower; /* 1 = the name has no upper-case letter */
} fc_field;

typedef struct {
  uint32_t target; /* bytes of the request target; more -> 414 */
  uint32_t field;  /* bytes of one field line; more -> 431 */
  uint32_t head;   /* bytes of the whole head; more -> 431 (414 while the request line is unfinished) */
  uint32_t fields; /* number of field lines, at most the capacity of fc_head.fields; more -> 431 */
} fc_head_limits;

enum fc_framing { FC_BODY_NONE = 0, FC_BODY_LENGTH = 1, FC_BODY_CHUNKED = 2 };

enum fc_form { FC_FORM_ORIGIN = 0, FC_FORM_ABSOLUTE = 1, FC_FORM_AUTHORITY = 2, FC_FORM_ASTERISK = 3 };

/* Request methods that get an interned str; 0 = any other token. */
enum fc_method {
  FC_METHOD_OTHER = 0,
  FC_METHOD_GET,
  FC_METHOD_HEAD,
  FC_METHOD_POST,
  FC_METHOD_PUT,
  FC_METHOD_DELETE,
  FC_METHOD_CONNECT,
  FC_METHOD_OPTIONS,
  FC_METHOD_TRACE,
  FC_METHOD_PATCH
};

typedef struct {
  /* in: storage of the caller for the fields */
  fc_field *fields;
  uint32_t field_capacity;
  /* out */
  uint32_t field_count;
  fc_span method;
  fc_span target;
  fc_span path;            /* before the first '?', percent-encoded; empty when an absolute-form has none */
  fc_span query;           /* after the first '?' */
  fc_span scheme;          /* absolute-form only */
  fc_span host;            /* the effective host: the authority of an absolute-form, else the Host field; the value
                           * of the Host field is made to agree */
  uint64_t content_length; /* with FC_BODY_LENGTH (0 is possible: "Content-Length: 0") */
  uint8_t method_id;       /* enum fc_method */
  uint8_t form;            /* enum fc_form */
  uint8_t minor_version;   /* 0 or 1 */
  uint8_t framing;         /* enum fc_framing */
  uint8_t keep_alive;      /* the client lets the connection be used again */
  uint8_t expect_continue;
  uint8_t upgrade;      /* Upgrade is there and named in Connection */
  uint8_t te_trailers;  /* TE lists trailers (RFC 9110 10.1.4) */
  uint8_t path_escaped; /* the path has a '%' */
} fc_head;

/* Results below zero: why there is no head (yet). */
enum fc_head_result {
  FC_PARTIAL = 0,                 /* no blank line yet and nothing wrong so far */
  FC_BAD_REQUEST_LINE = -1,       /* 400 */
  FC_BAD_METHOD = -2,             /* 400 */
  FC_BAD_TARGET = -3,             /* 400 */
  FC_BAD_VERSION = -4,            /* 400 no HTTP-version at all */
  FC_BAD_LINE_END = -5,           /* 400 bare CR or bare LF */
  FC_BAD_FIELD_NAME = -6,         /* 400 not a token, white space before the colon, no colon */
  FC_BAD_FIELD_VALUE = -7,        /* 400 NUL or another control character */
  FC_BAD_FOLDING = -8,            /* 400 obs-fold */
  FC_BAD_CONTENT_LENGTH = -9,     /* 400 not digits, overflow, or differing values */
  FC_BAD_TRANSFER_ENCODING = -10, /* 400 chunked not last or not once, beside Content-Length, or in HTTP/1.0 */
  FC_BAD_HOST = -11,              /* 400 none in 1.1, several, or malformed */
  FC_BAD_EMPTY_LINES = -12,       /* 400 more than two empty lines before the request line */
  FC_TARGET_TOO_LONG = -13,       /* 414 */
  FC_FIELD_TOO_LONG = -14,        /* 431 */
  FC_HEAD_TOO_LONG = -15,         /* 431 */
  FC_TOO_MANY_FIELDS = -16,       /* 431 */
  FC_UNKNOWN_CODING = -17,        /* 501 */
  FC_UNKNOWN_EXPECTATION = -18,   /* 417 */
  FC_UNKNOWN_VERSION = -19,       /* 505 */
  FC_HTTP2_PREFACE = -20          /* the buffer begins with the whole HTTP/2 connection preface line "PRI * HTTP/2.0" */
};

/* Parses the head at the start of buf.
 *
 * seen is the number of bytes that an earlier call on the same head found to be partial (0 the first time).
 * Returns the number of bytes of the head (> 0; includes empty lines before it), FC_PARTIAL, or an error < 0.
 * Spans always lie within [0, returned length). */
int32_t fc_head_parse(const char *buf, size_t len, size_t seen, const fc_head_limits *limits, fc_head *head);

/* The status code that answers an error of fc_head_parse or fc_chunked_decode (400, 414, 417, 431, 501, 505). */
int fc_error_status(int32_t error);

/* One lower-case phrase for the log that names the mistake; never NULL. */
const char *fc_error_reason(int32_t error);

#endif
