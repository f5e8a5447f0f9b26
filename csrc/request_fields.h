/* SPDX-License-Identifier: MIT
 *
 * A request that comes as a list of fields (RFC 9113 sections 8.2, 8.3 and 8.5; RFC 9114 sections 4.2 and 4.3 say the
 * same): pseudo-fields, then fields in lower case. The list is given field by field and judged at its end.
 *
 * Called by _http2_fields.pyx. Texts are borrowed from the caller until fc_request_finish() has returned.
 */
#ifndef FC_REQUEST_FIELDS_H
#define FC_REQUEST_FIELDS_H

#include <stddef.h>
#include <stdint.h>

#define FC_FIELD_PSEUDO 256 /* result of fc_request_field(): no field that an application sees */

typedef struct {
  const char *data; /* NULL = not there */
  size_t len;
} fc_text;

typedef struct {
  uint32_t target; /* bytes of :path; more -> 414 */
  uint32_t field;  /* bytes of a name, ": " and a value; more -> 431 */
  uint32_t fields; /* number of fields, all cookies counting as one (RFC 9113 section 8.2.3); more -> 431 */
} fc_request_limits;

typedef struct {
  fc_request_limits limits; /* in */
  fc_text method, scheme, authority, path, protocol;
  fc_text host;           /* the Host field; after fc_request_finish() the effective host */
  int64_t content_length; /* -1 = none given */
  size_t path_len;        /* bytes of :path before the first '?' */
  uint32_t field_count;   /* as limits.fields counts them */
  int refusal;            /* what is wrong with it though it is well-formed; 0 = nothing */
  uint8_t method_id;      /* enum fc_method */
  uint8_t path_escaped;   /* the path has a '%' */
  uint8_t regular_seen;   /* a field that is not a pseudo-field has come */
  uint8_t cookie_seen;
  uint8_t te_trailers; /* TE: trailers */
  uint8_t expect_continue;
} fc_request;

/* Results below zero. Those to FC_REQUEST_LAST_MALFORMED make the request malformed (RFC 9113 section 8.1.1). */
enum fc_request_error {
  FC_REQUEST_BAD_NAME = -1,       /* not a token in lower case */
  FC_REQUEST_BAD_VALUE = -2,      /* a control character, or white space at an end */
  FC_REQUEST_UNKNOWN_PSEUDO = -3, /* or one of a response */
  FC_REQUEST_REPEATED_PSEUDO = -4,
  FC_REQUEST_LATE_PSEUDO = -5,      /* after a field, or in trailers */
  FC_REQUEST_CONNECTION_FIELD = -6, /* Connection, Transfer-Encoding and their like (section 8.2.2) */
  FC_REQUEST_BAD_TE = -7,           /* TE with anything but "trailers" */
  FC_REQUEST_BAD_LENGTH = -8,       /* Content-Length that is no number below 2^63, or a second one */
  FC_REQUEST_NO_METHOD = -9,
  FC_REQUEST_BAD_METHOD = -10,
  FC_REQUEST_NO_SCHEME = -11,
  FC_REQUEST_BAD_SCHEME = -12,
  FC_REQUEST_NO_PATH = -13,
  FC_REQUEST_BAD_PATH = -14,
  FC_REQUEST_NO_HOST = -15,        /* neither :authority nor Host, or an empty one */
  FC_REQUEST_BAD_HOST = -16,       /* malformed, with user information, or a second Host */
  FC_REQUEST_DIFFERENT_HOST = -17, /* Host is not what :authority is */
  FC_REQUEST_CONNECT_FORM = -18,   /* CONNECT with :scheme or :path, or without a port (section 8.5) */
  FC_REQUEST_BAD_PROTOCOL = -19,   /* :protocol without CONNECT, or not a token (RFC 8441 section 4) */
  FC_REQUEST_LAST_MALFORMED = -19,
  FC_REQUEST_TARGET_TOO_LONG = -20, /* 414 */
  FC_REQUEST_FIELD_TOO_LONG = -21,  /* 431 */
  FC_REQUEST_TOO_MANY_FIELDS = -22, /* 431 */
  FC_REQUEST_EXPECTATION = -23,     /* 417: an expectation that is not 100-continue */
  FC_REQUEST_SCHEME = -24,          /* 400: a scheme that is neither http nor https */
  FC_REQUEST_CONNECT = -25          /* 501: a tunnel that is no WebSocket's */
};

/* Begins a request: everything empty, with these limits. */
void fc_request_init(fc_request *request, uint32_t target, uint32_t field, uint32_t fields);

/* Takes the next field of the list.
 *
 * Returns the id of its name (names.h, 0 = unknown), FC_FIELD_PSEUDO, or an error that makes the request malformed. What
 * is well-formed but refused is found by fc_request_finish(). */
int fc_request_field(fc_request *request, const char *name, size_t name_len, const char *value, size_t value_len);

/* Judges the whole list. Returns 0, or an error. */
int fc_request_finish(fc_request *request);

/* A field of the trailers, which have no pseudo-fields (section 8.1). Returns 0, or an error. */
int fc_trailer_check(const char *name, size_t name_len, const char *value, size_t value_len);

/* The status that answers an error; 0 = malformed: the stream is reset with PROTOCOL_ERROR. */
int fc_request_status(int error);

/* One lower-case phrase for the log that names the mistake; never NULL. */
const char *fc_request_reason(int error);

#endif
