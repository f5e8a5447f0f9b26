# SPDX-License-Identifier: MIT
# Stream: what a cycle may ask of the connection that carries its exchange. One implementation for each HTTP version.

from libc.stdint cimport int64_t


cdef class Stream:
    # Facts that send_head() finds while it reads the application's fields, for the cycle to check the body against.
    cdef int64_t response_length        # the application's content-length, or -1

    # Response. `data` is exact bytes. An error that is the application's (MessageError) leaves nothing half-written.
    cdef int send_head(self, int status, object headers, bint trailers) except -1
    cdef int send_body(self, bytes data, bint end) except -1
    cdef int send_trailers(self, object headers, bint end) except -1
    cdef int send_info(self, int status, object headers) except -1
    cdef object send_file(self, object file, object offset, object count, bint end)   # an awaitable

    # A request of the server's own (http.response.push); where the client takes none, nothing happens.
    cdef int send_push(self, str path, object headers) except -1

    # Request.
    cdef int want_body(self) except -1  # the application waits for the body: resume reading, 100-continue

    # A WebSocket: the request is accepted, and what is returned is the Stream that carries it from then on; a whole
    # message (str or bytes); a close frame. want_body() also says that messages are wanted again.
    cdef object accept_websocket(self, str subprotocol, list headers)
    cdef int send_message(self, object message) except -1
    cdef int close_websocket(self, int code, str reason) except -1

    # All.
    cdef object drain(self)             # None, or a Future that is done when the peer reads again
    cdef int step_ended(self) except -1  # the application has suspended or ended: what is pending may leave
    cdef int exchange_ended(self) except -1   # the response is complete
    cdef int abort(self) except -1      # cut the exchange so that the peer sees the truncation
