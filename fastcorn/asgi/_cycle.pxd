# SPDX-License-Identifier: MIT
# HTTPCycle: one HTTP exchange as ASGI sees it. It knows no HTTP version; its Stream does.

from libc.stdint cimport int64_t

from fastcorn.asgi._context cimport Context
from fastcorn.asgi._run cimport Cycle
from fastcorn.asgi._stream cimport Stream


# The response's way:   NOT_STARTED -> BODY -> (TRAILERS ->) ENDED
# A client that leaves makes `disconnected` true in any of them; an abort goes to ENDED.
cdef enum ResponseState:
    NOT_STARTED
    ENCODING        # fields are being read, which may run code of the application: it can send nothing meanwhile
    BODY
    TRAILERS
    ENDED


cdef class HTTPCycle(Cycle):
    cdef Stream stream              # None once the connection has let go

    # Request body: what has arrived and was not received yet.
    cdef list chunks
    cdef readonly Py_ssize_t buffered
    cdef bint body_ended            # the last byte has arrived
    cdef bint body_delivered        # the message with more_body False has been received
    cdef readonly bint disconnected
    cdef list waiters               # futures of receive() calls that wait; None = none

    # Response.
    cdef ResponseState state
    cdef int status                 # 0 = none sent
    cdef bint head_request          # the method is HEAD
    cdef bint no_body               # HEAD, 204, 304: body bytes are counted and not sent
    cdef bint trailers              # http.response.start announced trailers
    cdef int64_t expected           # the content-length, or -1
    cdef int64_t sent               # body bytes that the application has sent

    # For the access log only.
    cdef list response_headers
    cdef double started_at

    # Up: what a connection tells its cycle.
    cdef int feed_body(self, bytes data, bint end) except -1

    # What the awaitables need.
    cdef object take_message(self)
    cdef object take_body(self)
    cdef object wait_for_message(self)
    cdef int wake(self) except -1

    # The messages of send().
    cdef object start_response(self, object status, object headers, bint trailers)
    cdef object send_response_body(self, object body, bint more_body)
    cdef object after_send(self, Stream stream)
    cdef object send_rare(self, object kind, dict message)
    cdef object send_early_hint(self, dict message)
    cdef object send_push(self, dict message)
    cdef object begin_file(self, str kind)
    cdef object send_response_trailers(self, dict message)
    cdef int body_sent(self) except -1
    cdef int check_open(self, str kind) except -1
    cdef int end_response(self) except -1
    cdef int cut(self) except -1
    cdef int log_access(self) except -1
    cdef int log_error(self, str text, object error=*) except -1


cdef HTTPCycle new_cycle(Context context, Stream stream, dict scope, bint head_request)
