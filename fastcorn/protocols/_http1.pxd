# SPDX-License-Identifier: MIT
# H1Connection: one socket that speaks HTTP/1.

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

from fastcorn.asgi._context cimport Context
from fastcorn.asgi._cycle cimport HTTPCycle
from fastcorn.asgi._run cimport Cycle
from fastcorn.asgi._stream cimport Stream
from fastcorn.protocols._headers cimport fc_field, fc_span
from fastcorn.protocols._writer cimport Writer


cdef extern from "head.h":
    ctypedef struct fc_head_limits:
        uint32_t target
        uint32_t field
        uint32_t head
        uint32_t fields

    ctypedef struct fc_head:
        fc_field *fields
        uint32_t field_capacity
        uint32_t field_count
        fc_span method
        fc_span target
        fc_span path
        fc_span query
        fc_span host
        uint64_t content_length
        uint8_t method_id
        uint8_t form
        uint8_t minor_version
        uint8_t framing
        uint8_t keep_alive
        uint8_t expect_continue
        uint8_t upgrade
        uint8_t te_trailers
        uint8_t path_escaped

    int FC_PARTIAL
    int FC_BODY_NONE
    int FC_BODY_LENGTH
    int FC_BODY_CHUNKED
    int FC_FORM_AUTHORITY
    int FC_FORM_ASTERISK
    int FC_METHOD_OTHER
    int FC_METHOD_GET
    int FC_METHOD_HEAD
    int FC_METHOD_CONNECT
    int FC_HTTP2_PREFACE
    int32_t fc_head_parse(const char *buf, size_t len, size_t seen, const fc_head_limits *limits, fc_head *head)
    int fc_error_status(int32_t error)
    const char *fc_error_reason(int32_t error)


cdef extern from "chunked.h":
    ctypedef struct fc_chunked:
        uint8_t done
    ptrdiff_t fc_chunked_decode(fc_chunked *decoder, const char *src, size_t len, char *dst, size_t *dst_len)


# The request's way:   READ_HEAD -> (READ_BODY ->) AWAIT_RESPONSE -> READ_HEAD, when the connection is kept
# Any state            -> LINGER, when the response has left and the client still sends; -> CLOSED
cdef enum RequestState:
    READ_HEAD           # between requests, or a head is coming in
    READ_BODY           # a body is coming in; without a cycle it is thrown away
    AWAIT_RESPONSE      # the request is complete, its response is not
    LINGER              # our side is shut; what still comes is thrown away, so that the client can read its answer
    CLOSED


# What `deadline` is for.
cdef enum Deadline:
    NO_DEADLINE
    HEAD_DEADLINE
    IDLE_DEADLINE
    BODY_DEADLINE
    LINGER_DEADLINE


cdef class H1Connection(Stream):
    cdef Context context
    cdef object transport
    cdef Writer writer
    cdef tuple client               # [host, port] of the peer as the scope wants it, or None
    cdef tuple server
    cdef bint tls
    cdef dict tls_extension         # what scopes tell of the TLS; made at the first request; None = not yet

    # Input that is not parsed yet: buf[pos:]. `seen` bytes of it are known to hold no whole head.
    cdef bytes buf
    cdef Py_ssize_t pos
    cdef size_t seen
    cdef bint reading_paused
    cdef bint eof                   # the client has shut its side
    cdef bint processing            # process() is on the stack
    cdef bint advance_scheduled

    # The request.
    cdef RequestState state
    cdef Cycle cycle                # the exchange that is being answered, or None
    cdef bint responding            # an exchange whose response is not complete
    cdef bint http10
    cdef bint head_request
    cdef bint client_keep_alive
    cdef bint te_trailers
    cdef bint expect_continue       # 100 Continue is owed when the application asks for the body
    cdef bint chunked_body
    cdef uint64_t body_left         # with a content-length
    cdef int64_t body_received
    cdef fc_chunked decoder
    cdef Py_ssize_t requests_served
    cdef object handshake           # of a request to become a WebSocket: its cycle is a WebSocketCycle; else None

    # The response.
    cdef size_t head_start          # where the held head begins in writer.out
    cdef bint head_held             # encoded but for its framing fields
    cdef bint flush_scheduled
    cdef bint bodiless              # HEAD, 204, 304
    cdef bint chunked_response
    cdef bint announced_trailers
    cdef bint keep_alive
    cdef bint close_requested       # the application sent Connection: close
    cdef bint has_date
    cdef bint has_server

    # Deadlines, on the clock of the context.
    cdef Deadline deadline_kind
    cdef double deadline
    cdef double rate_started         # body_min_rate is measured from here,
    cdef int64_t rate_base           # where this many body bytes had come

    cdef int process(self) except -1
    cdef bint read_head(self) except -1
    cdef int start_exchange(self, fc_head *head, const char *data, Py_ssize_t head_len) except -1
    cdef bint become_http2(self, bytes data) except -1
    cdef bint start_upgrade(self, dict scope, bytes host) except -1
    cdef object hand_over(self, object connection)
    cdef int begin_body(self, fc_head *head) except -1
    cdef dict make_scope(self, fc_head *head, const char *data)
    cdef bint start_websocket(self, fc_head *head, dict scope) except -1
    cdef bint refused(self, fc_head *head, dict scope, const char *data) except -1
    cdef bint redirected(self, fc_head *head, dict scope, const char *data) except -1
    cdef bint serves(self, bytes host) except -1
    cdef bint read_body(self) except -1
    cdef bint deliver(self, bytes data, bint end) except -1
    cdef int refuse(self, int status, str text, bytes fields, dict scope=*) except -1
    cdef int refuse_body(self, int status, str text) except -1
    cdef int finish_exchange(self) except -1
    cdef int schedule_advance(self) except -1
    cdef int update_reading(self) except -1

    cdef int set_deadline(self, Deadline kind, double seconds) except -1
    cdef int deadline_passed(self) except -1
    cdef int check_rate(self, double now) except -1

    cdef int finish_head(self, int64_t length) except -1
    cdef bint may_keep_alive(self) except -1
    cdef bint body_untouched(self) except -1
    cdef int append_common_fields(self) except -1
    cdef int move_before_head(self, size_t mark, size_t len) except -1

    cdef int flush(self) except -1

    cdef int close(self) except -1
    cdef int linger(self) except -1
    cdef int abort_transport(self) except -1
