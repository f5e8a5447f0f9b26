# SPDX-License-Identifier: MIT
"""WebSocketCodec, the interface of a WebSocket engine, and PyCodec, its bridge to engines in Python.

WebSocketConnection calls it through a C vtable. The native engine (`_websocket`) implements it compiled; one that is
carried by a library subclasses PyCodec and pays for a Python call only there.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdlib cimport free

from fastcorn.protocols._output cimport Output, output_append


cdef class WebSocketCodec:
    """Bytes to messages and back, for one WebSocket on the server's side (see `_codec.pxd`)."""

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


cdef class PyCodec(WebSocketCodec):
    """A codec whose methods are Python methods of a subclass, named `on_` and the name in the vtable.

    `on_next_event` returns (event, data, code, reason) with the numbers of EVENTS, the others the bytes of a frame.
    """

    cdef int feed(self, bytes data) except -1:
        self.on_feed(data)
        return 0

    cdef int next_event(self) except -1:
        event, self.data, self.code, self.reason = self.on_next_event()
        return event

    cdef bytes append_message(self, Output *out, object message):
        self.put(out, self.on_append_message(message))

    cdef int append_ping(self, Output *out, bytes data) except -1:
        return self.put(out, self.on_append_ping(data))

    cdef int append_pong(self, Output *out, bytes data) except -1:
        return self.put(out, self.on_append_pong(data))

    cdef int append_close(self, Output *out, int code, str reason) except -1:
        return self.put(out, self.on_append_close(code, reason))

    cdef int put(self, Output *out, bytes data) except -1:
        return output_append(out, PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))


# The numbers of the events, for engines in Python and for tests.
EVENTS = {
    "nothing": CODEC_NOTHING,
    "text": CODEC_TEXT,
    "binary": CODEC_BINARY,
    "ping": CODEC_PING,
    "pong": CODEC_PONG,
    "close": CODEC_CLOSE,
    "failed": CODEC_FAILED,
}


def decode(WebSocketCodec codec not None, bytes data not None):
    """Feed bytes to any codec and return its events as a list of (name, data, code, reason); for tests and fuzzing."""
    cdef int event
    names = {number: name for name, number in EVENTS.items()}
    events = []
    codec.feed(data)
    while True:
        event = codec.next_event()
        if event == CODEC_NOTHING:
            return events
        events.append((
            names[event],
            codec.data if event < CODEC_CLOSE else None,
            codec.code if event >= CODEC_CLOSE else 0,
            codec.reason if event >= CODEC_CLOSE else None,
        ))


def encode(WebSocketCodec codec not None, str kind not None, data=b"", int code=0):
    """The frame that any codec makes: of kind message, ping, pong, or close with `data` as its reason; for tests."""
    cdef Output out
    cdef bytes rest = None
    out.data = NULL
    out.len = out.capacity = 0
    try:
        if kind == "message":
            rest = codec.append_message(&out, data)
        elif kind == "ping":
            codec.append_ping(&out, data)
        elif kind == "pong":
            codec.append_pong(&out, data)
        else:
            codec.append_close(&out, code, data)
        return out.data[:out.len] + (b"" if rest is None else rest)
    finally:
        free(out.data)
