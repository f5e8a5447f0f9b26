# SPDX-License-Identifier: MIT
# WebSocketCycle: one WebSocket as ASGI sees it. It knows no HTTP version and no frames; its Stream does.

from libc.stdint cimport int64_t

from fastcorn.asgi._run cimport Cycle
from fastcorn.asgi._stream cimport Stream


# CONNECTING -> OPEN -> OVER                 the application accepts; either side closes
# CONNECTING -> DENYING -> OVER              the application answers with an HTTP response of its own
# CONNECTING -> OVER                         refused
# A client that leaves makes `gone` true in any of them.
cdef enum WebSocketState:
    CONNECTING
    ENCODING        # fields are being read, which may run code of the application: it can send nothing meanwhile
    OPEN
    DENYING
    OVER


cdef class WebSocketCycle(Cycle):
    cdef Stream stream              # None once the connection has let go
    cdef WebSocketState state
    cdef bint connect_received      # websocket.connect was
    cdef tuple subprotocols         # that the client offers
    cdef bint accepted

    # Messages that have come and were not received yet: queue[queue_head:], of str and bytes.
    cdef list queue
    cdef Py_ssize_t queue_head
    cdef readonly Py_ssize_t queued_bytes
    cdef bint held_back             # the stream has more for when there is room
    cdef Py_ssize_t max_queue_bytes
    cdef Py_ssize_t max_queue_messages
    cdef list other_waiters         # futures of receive() calls at the same time as another; None = none

    # The end.
    cdef bint let_go                # client_left() was called
    cdef readonly bint gone         # nothing can be sent any more
    cdef int close_code             # what websocket.disconnect says; 0 = it is not due
    cdef str close_reason

    # The denial, and what the access log wants.
    cdef int accepting_status       # what accepts: 101, or 200 where a stream carries the WebSocket (RFC 8441)
    cdef int status                 # 0 = none sent
    cdef int64_t expected           # the content-length, or -1
    cdef int64_t sent               # bytes of messages, or of the denial's body
    cdef list response_headers
    cdef double started_at
    cdef bint logged
    cdef bint denied                # by the application

    # Up: what a connection tells its cycle. After messages and a close it calls wake(), once for all.
    cdef int feed_message(self, object message) except -1
    cdef int feed_close(self, int code, str reason) except -1
    cdef int client_left(self) except -1
    cdef int wake(self) except -1
    cdef int wake_soon(self) except -1
    cdef bint has_messages(self) noexcept
    cdef bint is_full(self) noexcept

    # What the awaitables need.
    cdef object take_message(self)
    cdef object next_event(self)
    cdef object wait_for_message(self)

    # The messages of send().
    cdef object send_message(self, object text, object data)
    cdef object send_rare(self, object kind, dict message)
    cdef object accept(self, dict message)
    cdef object close(self, dict message)
    cdef object start_denial(self, dict message)
    cdef object send_denial_body(self, dict message)
    cdef object after_send(self, Stream stream, Py_ssize_t length)

    cdef int check_open(self, str kind) except -1
    cdef int encode_head(self, int status, object headers) except -1
    cdef int refuse(self, int status, str text) except -1
    cdef int end_denial(self) except -1
    cdef int close_stream(self, int code, str reason) except -1
    cdef int cut(self) except -1
    cdef int log_access(self) except -1
    cdef int log_error(self, str text, object error=*) except -1
