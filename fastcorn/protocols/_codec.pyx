# SPDX-License-Identifier: MIT
"""WebSocketCodec, the interface of a WebSocket engine, and PyCodec, its bridge to Python subclasses.

The connection calls it through a C vtable: NativeCodec (`_websocket`) implements it compiled, WsprotoCodec
(`websocket_fallback`) in Python. read_events() and write_frames() drive any engine from Python, without a socket.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdlib cimport free
from libc.string cimport memset

from fastcorn.protocols._output cimport Output, output_append

from fastcorn.errors import MessageError


cdef extern from "frame.h":
    int FC_FRAME_CONTROL_MAX
    int fc_close_code_valid(unsigned code) noexcept


cdef enum:
    NO_CODE = 1005

# The events as Python sees them.
NOTHING = CODEC_NOTHING
TEXT = CODEC_TEXT
BINARY = CODEC_BINARY
PING = CODEC_PING
PONG = CODEC_PONG
CLOSE = CODEC_CLOSE
FAILED = CODEC_FAILED


cdef class WebSocketCodec:
    """A WebSocket engine (see `_codec.pxd`)."""

    cdef int feed(self, bytes data) except -1:
        raise NotImplementedError

    cdef int next_event(self) except -1:
        raise NotImplementedError

    cdef bytes append_message(self, Output *out, object message):
        raise NotImplementedError

    cdef int append_ping(self, Output *out, bytes data) except -1:
        raise NotImplementedError

    cdef int append_pong(self, Output *out, bytes data) except -1:
        raise NotImplementedError

    cdef int append_close(self, Output *out, int code, str reason) except -1:
        raise NotImplementedError


cdef int check_control(bytes data) except -1:
    """A ping or pong can carry the data."""
    if PyBytes_GET_SIZE(data) > FC_FRAME_CONTROL_MAX:
        raise MessageError(
            f"the payload of a ping or pong has at most {FC_FRAME_CONTROL_MAX} bytes, not {PyBytes_GET_SIZE(data)}"
        )
    return 0


cdef int check_close_code(int code) except -1:
    """A close frame can carry the code, or is to be empty."""
    if code != NO_CODE and (code < 0 or not fc_close_code_valid(code)):
        raise MessageError(
            f"close code {code} cannot be sent: it is 1000 to 1003, 1007 to 1014 (RFC 6455 section 7.4), or an "
            "application's own, 3000 to 4999"
        )
    return 0


cdef object surrogate_error(str text, object error):
    """What to raise for a UnicodeEncodeError."""
    return MessageError(
        f"the text has a lone surrogate, U+{ord(text[error.start]):04X} at index {error.start}, which UTF-8 cannot "
        "carry; send bytes, or replace it"
    )


cdef class PyCodec(WebSocketCodec):
    """An engine whose methods are Python methods of a subclass, named `on_` and the name in the vtable.

    `on_next_event` returns (kind, data, code, reason, held_bytes); the `on_append_` methods return the bytes to send.
    """

    cdef int feed(self, bytes data) except -1:
        self.on_feed(data)
        return 0

    cdef int next_event(self) except -1:
        kind, self.data, self.code, self.reason, self.held_bytes = self.on_next_event()
        return kind

    cdef int put(self, Output *out, object data) except -1:
        cdef bytes exact = data
        return output_append(out, PyBytes_AS_STRING(exact), PyBytes_GET_SIZE(exact))

    cdef bytes append_message(self, Output *out, object message):
        if not isinstance(message, (str, bytes)):
            raise MessageError(f"a message is str or bytes, not {type(message).__name__}")
        try:
            self.put(out, self.on_append_message(message))
        except UnicodeEncodeError as error:
            raise surrogate_error(message, error) from None
        return None

    cdef int append_ping(self, Output *out, bytes data) except -1:
        check_control(data)
        return self.put(out, self.on_append_ping(data))

    cdef int append_pong(self, Output *out, bytes data) except -1:
        check_control(data)
        return self.put(out, self.on_append_pong(data))

    cdef int append_close(self, Output *out, int code, str reason) except -1:
        check_close_code(code)
        try:
            return self.put(out, self.on_append_close(code, reason))
        except UnicodeEncodeError as error:
            raise surrogate_error(reason, error) from None


def read_events(WebSocketCodec codec not None, bytes data not None, most=None):
    """Feed bytes to an engine and take the events they complete.

    Args:
        codec: the engine.
        data: from the client; may be empty, to take events that an earlier call has left.
        most: take at most so many; None takes all.

    Returns:
        (kind, data, code, reason) of each event; kind is one of this module's constants.
    """
    events = []
    if data:
        codec.feed(data)
    while most is None or len(events) < most:
        kind = codec.next_event()
        if kind == CODEC_NOTHING:
            break
        events.append((kind, codec.data, codec.code, codec.reason))
    return events


def write_frames(WebSocketCodec codec not None, int kind, object payload, int code=1005):
    """The bytes that an engine sends for a message, a ping, a pong or a close frame.

    Args:
        codec: the engine.
        kind: one of this module's constants; TEXT and BINARY are one, the type of the payload decides.
        payload: str or bytes of a message, bytes of a ping or pong, str (the reason) of a close frame.
        code: of a close frame.

    Raises:
        MessageError: it cannot be sent; the text says why.
    """
    cdef Output out
    cdef bytes rest = None
    memset(&out, 0, sizeof(out))
    try:
        if kind == CODEC_PING:
            codec.append_ping(&out, payload)
        elif kind == CODEC_PONG:
            codec.append_pong(&out, payload)
        elif kind == CODEC_CLOSE:
            codec.append_close(&out, code, payload)
        else:
            rest = codec.append_message(&out, payload)
        written = PyBytes_FromStringAndSize(out.data, out.len)
        return written if rest is None else written + rest
    finally:
        free(out.data)
