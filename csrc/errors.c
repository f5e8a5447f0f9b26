/* SPDX-License-Identifier: MIT
 *
 * What each error of the parsers is answered with (head.h): a status code, and a phrase for the log.
 * Called by H1Connection, once for a connection that ends with an error.
 */
#include "chunked.h"
#include "head.h"

#define STATUS_BAD_REQUEST 400

int fc_error_status(int32_t error) {
  switch (error) {
  case FC_TARGET_TOO_LONG: return 414;
  case FC_UNKNOWN_EXPECTATION: return 417;
  case FC_FIELD_TOO_LONG:
  case FC_HEAD_TOO_LONG:
  case FC_TOO_MANY_FIELDS:
  case FC_TRAILER_TOO_LONG: return 431;
  case FC_UNKNOWN_CODING: return 501;
  case FC_UNKNOWN_VERSION:
  case FC_HTTP2_PREFACE: return 505; /* where HTTP/2 is off */
  default: return STATUS_BAD_REQUEST;
  }
}

const char *fc_error_reason(int32_t error) {
  switch (error) {
  case FC_BAD_REQUEST_LINE: return "malformed request line";
  case FC_BAD_METHOD: return "method is not a token of at most 64 bytes";
  case FC_BAD_TARGET: return "malformed request target";
  case FC_BAD_VERSION: return "malformed or missing HTTP version";
  case FC_BAD_LINE_END: return "bare CR or LF instead of CR LF";
  case FC_BAD_FIELD_NAME: return "field name is not a token followed by ':'";
  case FC_BAD_FIELD_VALUE: return "control character in a field value";
  case FC_BAD_FOLDING: return "folded field line";
  case FC_BAD_CONTENT_LENGTH: return "malformed or differing Content-Length";
  case FC_BAD_TRANSFER_ENCODING: return "Transfer-Encoding malformed, in HTTP/1.0, or beside Content-Length";
  case FC_BAD_HOST: return "Host missing, repeated or malformed";
  case FC_BAD_EMPTY_LINES: return "too many empty lines before the request line";
  case FC_TARGET_TOO_LONG: return "request target too long";
  case FC_FIELD_TOO_LONG: return "field line too long";
  case FC_HEAD_TOO_LONG: return "request head too long";
  case FC_TOO_MANY_FIELDS: return "too many field lines";
  case FC_UNKNOWN_CODING: return "transfer coding other than chunked";
  case FC_UNKNOWN_EXPECTATION: return "expectation other than 100-continue";
  case FC_UNKNOWN_VERSION: return "HTTP version other than 1.0 and 1.1";
  case FC_HTTP2_PREFACE: return "HTTP/2 connection preface";
  case FC_BAD_CHUNK_SIZE: return "malformed chunk size";
  case FC_BAD_CHUNK_EXTENSION: return "control character in a chunk extension";
  case FC_BAD_CHUNK_END: return "no CR LF at the end of a chunk or its size line";
  case FC_BAD_TRAILER: return "malformed trailer field";
  case FC_CHUNK_OVERHEAD: return "more bytes of chunk framing than the data may have";
  case FC_TRAILER_TOO_LONG: return "trailer section too long";
  default: return "malformed request";
  }
}
