# SPDX-License-Identifier: MIT
"""Stream, the interface between a cycle and its connection, and PyStream, its bridge to Python subclasses.

HTTPCycle calls it through a C vtable. HTTP/1 implements it compiled; protocols written in Python subclass PyStream and
pay for a Python call only there.
"""


cdef class Stream:
    """What a cycle may ask of the connection that carries its exchange (see `_stream.pxd`)."""

    cdef int send_head(self, int status, object headers, bint trailers) except -1:
        raise NotImplementedError

    cdef int send_body(self, bytes data, bint end) except -1:
        raise NotImplementedError

    cdef int send_trailers(self, object headers, bint end) except -1:
        raise NotImplementedError

    cdef int send_info(self, int status, object headers) except -1:
        raise NotImplementedError

    cdef object send_file(self, object file, object offset, object count, bint end):
        raise NotImplementedError

    cdef int send_push(self, str path, object headers) except -1:
        raise NotImplementedError

    cdef int want_body(self) except -1:
        raise NotImplementedError

    cdef object accept_websocket(self, str subprotocol, list headers):
        raise NotImplementedError

    cdef int send_message(self, object message) except -1:
        raise NotImplementedError

    cdef int close_websocket(self, int code, str reason) except -1:
        raise NotImplementedError

    cdef object drain(self):
        raise NotImplementedError

    cdef int step_ended(self) except -1:
        raise NotImplementedError

    cdef int exchange_ended(self) except -1:
        raise NotImplementedError

    cdef int abort(self) except -1:
        raise NotImplementedError


cdef class PyStream(Stream):
    """A Stream whose methods are Python methods of a subclass, named `on_` and the name in the vtable.

    `on_send_head` returns the application's content-length as an int, or None when it gave none.
    """

    cdef int send_head(self, int status, object headers, bint trailers) except -1:
        length = self.on_send_head(status, headers, trailers)
        self.response_length = -1 if length is None else length
        return 0

    cdef int send_body(self, bytes data, bint end) except -1:
        self.on_send_body(data, end)
        return 0

    cdef int send_trailers(self, object headers, bint end) except -1:
        self.on_send_trailers(headers, end)
        return 0

    cdef int send_info(self, int status, object headers) except -1:
        self.on_send_info(status, headers)
        return 0

    cdef object send_file(self, object file, object offset, object count, bint end):
        return self.on_send_file(file, offset, count, end)

    cdef int send_push(self, str path, object headers) except -1:
        self.on_send_push(path, headers)
        return 0

    cdef int want_body(self) except -1:
        self.on_want_body()
        return 0

    cdef object accept_websocket(self, str subprotocol, list headers):
        return self.on_accept_websocket(subprotocol, headers)

    cdef int send_message(self, object message) except -1:
        self.on_send_message(message)
        return 0

    cdef int close_websocket(self, int code, str reason) except -1:
        self.on_close_websocket(code, reason)
        return 0

    cdef object drain(self):
        return self.on_drain()

    cdef int step_ended(self) except -1:
        self.on_step_ended()
        return 0

    cdef int exchange_ended(self) except -1:
        self.on_exchange_ended()
        return 0

    cdef int abort(self) except -1:
        self.on_abort()
        return 0
