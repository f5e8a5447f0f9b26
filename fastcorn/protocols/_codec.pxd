# SPDX-License-Identifier: MIT
# WebSocketCodec: the interface of an engine, which turns bytes into messages and back and knows no socket.

from fastcorn.protocols._output cimport Output


cdef enum CodecEvent:
    CODEC_NOTHING = 0   # more bytes are needed, or the codec has ended
    CODEC_TEXT          # a whole message: data is str
    CODEC_BINARY        # a whole message: data is bytes
    CODEC_PING          # data is bytes
    CODEC_PONG          # data is bytes
    CODEC_CLOSE         # the peer's close frame: code (1005 = it gave none) and reason; nothing follows
    CODEC_FAILED        # the peer broke the protocol: the code to close with, the reason for the log; nothing follows


cdef class WebSocketCodec:
    # Of the last event.
    cdef readonly object data
    cdef readonly int code
    cdef readonly str reason

    cdef readonly Py_ssize_t held_bytes     # of a message that is not complete

    # Bytes from the peer, then events until CODEC_NOTHING; one who stops asking before loses nothing.
    cdef int feed(self, bytes data) except -1
    cdef int next_event(self) except -1

    # Frames to the peer. append_message takes str or exact bytes, and returns None, or a payload that is to be written
    # after what was appended, so that a long one is not copied.
    cdef bytes append_message(self, Output *out, object message)
    cdef int append_ping(self, Output *out, bytes data) except -1
    cdef int append_pong(self, Output *out, bytes data) except -1
    cdef int append_close(self, Output *out, int code, str reason) except -1


cdef class PyCodec(WebSocketCodec):
    cdef int put(self, Output *out, bytes data) except -1
