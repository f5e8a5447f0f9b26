# SPDX-License-Identifier: MIT
"""EngineDriver: an HTTP/2 engine without a connection, driven from Python.

For tests and for whoever wants to see what an engine does: takes whole frames and keeps the events, and returns the
bytes that the engine writes. Calls HTTP2Engine as H2Connection does.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport uint32_t
from libc.stdlib cimport free

from fastcorn.protocols._http2_engine cimport (
    ENGINE_CONNECTION_ERROR, ENGINE_DATA, ENGINE_NOTHING, ENGINE_REQUEST, ENGINE_RESET, ENGINE_STREAM_ERROR,
    ENGINE_TRAILERS, FC_FRAME2_CONNECTION_ERROR, FC_FRAME2_HEADER, FC_FRAME2_OK, FC_FRAME2_PARTIAL, HTTP2Engine,
    fc_frame2, fc_frame2_parse,
)


cdef class EngineDriver:
    """An engine without a connection, for whoever wants to see what it does: each method returns the bytes to send.

    Args:
        engine: the engine.

    Attributes:
        events: of receive(), as (kind, fields of the event).
    """

    def __init__(self, HTTP2Engine engine not None):
        self.engine = engine
        self.events = []

    def __dealloc__(self):
        free(self.out.data)

    cdef bytes take(self):
        data = PyBytes_FromStringAndSize(self.out.data, self.out.len)
        self.out.len = 0
        return data

    def receive(self, bytes data not None):
        """Give it whole frames as a client sends them, up to one that ends the connection.

        A frame that is wrong by itself is an event CONNECTION_ERROR or STREAM_ERROR too, which NOTHING is not.

        Raises:
            ValueError: the data ends within a frame.
        """
        cdef fc_frame2 facts
        cdef const char *buf = PyBytes_AS_STRING(data)
        cdef size_t pos = 0
        cdef size_t len = PyBytes_GET_SIZE(data)
        cdef int event = ENGINE_NOTHING
        cdef int result
        while pos < len and event != ENGINE_CONNECTION_ERROR:
            result = fc_frame2_parse(buf + pos, len - pos, self.engine.frame_size, &facts)
            if result == FC_FRAME2_PARTIAL:
                raise ValueError("the data ends within a frame")
            if result == FC_FRAME2_OK:
                event = self.engine.check_block(&facts)
                if event == ENGINE_NOTHING:
                    event = self.engine.receive(buf + pos, &facts, &self.out)
            else:
                event = ENGINE_CONNECTION_ERROR if result == FC_FRAME2_CONNECTION_ERROR else ENGINE_STREAM_ERROR
                self.engine.begin_event(&facts)
                self.engine.code = facts.error
                self.engine.reason = facts.reason.decode()
            if event != ENGINE_NOTHING:
                self.events.append((event, describe(self.engine, event)))
            pos += FC_FRAME2_HEADER + facts.length
        return self.take()

    def start(self, bytes settings=None):
        """Begin the connection; settings are those of an upgrade."""
        if settings is None:
            self.engine.start(&self.out)
        else:
            self.engine.start_upgraded(&self.out, settings)
        return self.take()

    def headers(self, uint32_t stream_id, list fields not None, bint end=False):
        self.engine.append_headers(&self.out, stream_id, fields, end)
        return self.take()

    def data(self, uint32_t stream_id, bytes data not None, bint end=False):
        self.engine.append_data(&self.out, stream_id, PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data), end)
        return self.take()

    def push(self, uint32_t stream_id, list fields not None):
        self.engine.append_push(&self.out, stream_id, fields)
        return self.take()

    def reset(self, uint32_t stream_id, uint32_t code):
        self.engine.append_reset(&self.out, stream_id, code)
        return self.take()

    def open_window(self, uint32_t stream_id, uint32_t increment):
        self.engine.append_window(&self.out, stream_id, increment)
        return self.take()

    def window(self, uint32_t stream_id):
        """DATA bytes that may leave now."""
        return self.engine.window(stream_id)

    def forget(self, uint32_t stream_id):
        self.engine.forget(stream_id)


cdef dict describe(HTTP2Engine engine, int event):
    """The fields that an event has."""
    if event == ENGINE_CONNECTION_ERROR:
        return {"code": engine.code, "reason": engine.reason}
    found = {"stream_id": engine.stream_id}
    if event == ENGINE_REQUEST or event == ENGINE_TRAILERS:
        found.update(headers=engine.headers, end=engine.end, too_large=engine.too_large)
    elif event == ENGINE_DATA:
        found.update(data=engine.data, credit=engine.credit, end=engine.end)
    elif event == ENGINE_RESET:
        found.update(code=engine.code)
    elif event == ENGINE_STREAM_ERROR:
        found.update(code=engine.code, reason=engine.reason)
    return found
