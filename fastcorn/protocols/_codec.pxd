# SPDX-License-Identifier: MIT
# WebSocketCodec: the interface of a WebSocket engine, which turns bytes into messages and back and knows no socket.

from fastcorn.protocols._output cimport Output


cdef enum CodecEvent:
    CODEC_NOTHING = 0   # more bytes are needed
    CODEC_TEXT          # a whole message: data is str
    CODEC_BINARY        # a whole message: data is bytes
    CODEC_PING          # data is bytes
    CODEC_PONG
    CODEC_CLOSE         # the peer's close frame: code (1005 = none given), reason; nothing follows
    CODEC_FAILED        # protocol error: code to close with (1002, 1007, 1008, 1009) and the reason; nothing follows


cdef class WebSocketCodec:
    # Of the event that next_event() has just returned; the next call clears data.
    cdef readonly object data
    cdef readonly int code
    cdef readonly str reason
    cdef readonly Py_ssize_t held_bytes     # of a message that is not complete

    # In. feed() never parses; next_event() is called until CODEC_NOTHING, or stopped, and keeps what was not taken.
    cdef int feed(self, bytes data) except -1
    cdef int next_event(self) except -1

    # Out. An error that is the application's (MessageError) leaves nothing half-written. append_message() takes str or
    # bytes and returns None, or a large payload that is to be written after `out`, so that it is not copied.
    cdef bytes append_message(self, Output *out, object message)
    cdef int append_ping(self, Output *out, bytes data) except -1
    cdef int append_pong(self, Output *out, bytes data) except -1
    cdef int append_close(self, Output *out, int code, str reason) except -1    # code 1005 = an empty close frame


# What every engine refuses to send (MessageError).
cdef int check_control(bytes data) except -1
cdef int check_close_code(int code) except -1
cdef object surrogate_error(str text, object error)


cdef class PyCodec(WebSocketCodec):
    cdef int put(self, Output *out, object data) except -1
