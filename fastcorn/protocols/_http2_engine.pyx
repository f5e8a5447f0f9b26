# SPDX-License-Identifier: MIT
"""HTTP2Engine, the interface of an HTTP/2 engine, and PyHTTP2Engine, its bridge to Python subclasses.

H2Connection calls it through a C vtable with whole frames that csrc/frame2.c has found right; H2Engine in
`http2_fallback` implements it in Python on the package h2. Here is what every engine needs: the server's SETTINGS, the
client's, which streams are idle, and which frames a header block may have (RFC 9113 section 4.3). `_http2_driver`
drives any engine from Python.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport int64_t, uint8_t, uint32_t

from fastcorn.protocols._output cimport Output, output_append, output_reserve


# The events as Python sees them.
NOTHING = ENGINE_NOTHING
REQUEST = ENGINE_REQUEST
DATA = ENGINE_DATA
TRAILERS = ENGINE_TRAILERS
RESET = ENGINE_RESET
STREAM_ERROR = ENGINE_STREAM_ERROR
WINDOW = ENGINE_WINDOW
SETTINGS = ENGINE_SETTINGS
SETTINGS_ACK = ENGINE_SETTINGS_ACK
CONNECTION_ERROR = ENGINE_CONNECTION_ERROR


cdef class HTTP2Engine:
    """An HTTP/2 engine (see `_http2_engine.pxd`).

    Args:
        settings: the worker's: h2_max_concurrent_streams, h2_max_header_list_size, h2_max_inbound_frame_size,
            h2_initial_stream_window, h2_initial_connection_window.
    """

    def __cinit__(self, *arguments, **named):
        self.peer_frame_size = FC_FRAME2_SIZE_MIN
        self.peer_push = True
        self.peer_max_streams = FC_WINDOW2_MAX

    def __init__(self, settings):
        self.max_streams = settings.h2_max_concurrent_streams
        self.frame_size = settings.h2_max_inbound_frame_size
        self.stream_window = settings.h2_initial_stream_window
        self.connection_window = max(DEFAULT_WINDOW, settings.h2_initial_connection_window)
        self.header_list_size = settings.h2_max_header_list_size
        self.most_fields = max(BOMB_FACTOR * settings.max_header_fields, LEAST_FIELDS)

    cdef int check_block(self, const fc_frame2 *facts) except -1:
        """RFC 9113 sections 4.3 and 6.10. The block is bounded before anything keeps or decodes it."""
        if self.continuing:
            if facts.type != FC_FRAME2_CONTINUATION or facts.stream_id != self.continuing:
                return self.fail(FC_H2_PROTOCOL_ERROR, "another frame within a header block")
        elif facts.type == FC_FRAME2_CONTINUATION:
            return self.fail(FC_H2_PROTOCOL_ERROR, "CONTINUATION without HEADERS")
        elif facts.type != FC_FRAME2_HEADERS:
            return 0
        elif facts.stream_id & 1 == 0:
            return self.fail(FC_H2_PROTOCOL_ERROR, "a client's streams have odd numbers")
        else:
            self.block_bytes = 0
            self.block_frames = 0
        self.block_bytes += facts.size
        self.block_frames += 1
        # Huffman coding may lengthen a string; more than twice the list is no honest block.
        if self.block_bytes > 2 * self.header_list_size + 1024 or self.block_frames > BLOCK_FRAMES:
            return self.fail(FC_H2_ENHANCE_YOUR_CALM, "the header block is too large")
        self.continuing = 0 if facts.flags & FC_FLAG2_END_HEADERS else facts.stream_id
        return 0

    cdef int receive(self, const char *frame, const fc_frame2 *facts, Output *out) except -1:
        raise NotImplementedError

    cdef int start(self, Output *out) except -1:
        raise NotImplementedError

    cdef int start_upgraded(self, Output *out, bytes settings) except -1:
        raise NotImplementedError

    cdef int append_headers(self, Output *out, uint32_t stream_id, list fields, bint end) except -1:
        raise NotImplementedError

    cdef int append_data(self, Output *out, uint32_t stream_id, const char *data, size_t len, bint end) except -1:
        raise NotImplementedError

    cdef int64_t append_push(self, Output *out, uint32_t stream_id, list fields) except -1:
        raise NotImplementedError

    cdef int append_reset(self, Output *out, uint32_t stream_id, uint32_t code) except -1:
        raise NotImplementedError

    cdef int append_window(self, Output *out, uint32_t stream_id, uint32_t increment) except -1:
        raise NotImplementedError

    cdef int64_t window(self, uint32_t stream_id) except? -1:
        raise NotImplementedError

    cdef int forget(self, uint32_t stream_id) except -1:
        raise NotImplementedError

    cdef int begin_event(self, const fc_frame2 *facts) except -1:
        """Nothing of the last event is left."""
        self.stream_id = facts.stream_id
        self.code = 0
        self.end = False
        self.too_large = False
        self.repeated = False
        self.data = None
        self.headers = None
        self.credit = 0
        self.reason = None
        return 0

    cdef int fail(self, uint32_t code, str reason) except -1:
        """The event of a mistake that ends the connection."""
        self.over = True
        self.code = code
        self.reason = reason
        return ENGINE_CONNECTION_ERROR

    cdef bint is_idle(self, uint32_t stream_id) noexcept:
        """Whether nobody has opened the stream, so that HEADERS alone may come on it (RFC 9113 section 5.1)."""
        return stream_id > (self.last_stream_id if stream_id % 2 else self.last_promised_id)

    cdef int read_settings(self, const char *payload, size_t len) except -1:
        """Keep the client's settings that are used here; they are valid."""
        cdef size_t pos = 0
        cdef uint32_t identifier, value
        while pos + SETTING_BYTES <= len:
            identifier = <uint32_t><uint8_t>payload[pos] << 8 | <uint8_t>payload[pos + 1]
            value = fc_frame2_read32(payload + pos + 2)
            if identifier == FC_SETTING2_MAX_FRAME_SIZE:
                self.peer_frame_size = value
            elif identifier == FC_SETTING2_ENABLE_PUSH:
                self.peer_push = value != 0
            elif identifier == FC_SETTING2_MAX_CONCURRENT_STREAMS:
                self.peer_max_streams = value
            pos += SETTING_BYTES
        return 0

    cdef int append_start(self, Output *out) except -1:
        """The server's SETTINGS (RFC 9113 section 3.4), and the connection's window, which no setting changes."""
        cdef uint32_t[14] settings = [
            FC_SETTING2_HEADER_TABLE_SIZE, HEADER_TABLE_BYTES,
            FC_SETTING2_MAX_CONCURRENT_STREAMS, self.max_streams,
            FC_SETTING2_INITIAL_WINDOW_SIZE, self.stream_window,
            FC_SETTING2_MAX_FRAME_SIZE, self.frame_size,
            FC_SETTING2_MAX_HEADER_LIST_SIZE, <uint32_t>self.header_list_size,
            FC_SETTING2_ENABLE_CONNECT_PROTOCOL, 1,
            FC_SETTING2_NO_RFC7540_PRIORITIES, 1,
        ]
        cdef int index
        cdef char *at
        output_reserve(out, FC_FRAME2_HEADER + 7 * SETTING_BYTES + FC_FRAME2_HEADER + 4)
        at = out.data + out.len
        at += fc_frame2_write_header(at, 7 * SETTING_BYTES, FC_FRAME2_SETTINGS, 0, 0)
        for index in range(0, 14, 2):
            at[0] = 0
            at[1] = <char>settings[index]
            fc_frame2_write32(at + 2, settings[index + 1])
            at += SETTING_BYTES
        if self.connection_window > DEFAULT_WINDOW:
            at += fc_frame2_write_header(at, 4, FC_FRAME2_WINDOW_UPDATE, 0, 0)
            fc_frame2_write32(at, self.connection_window - DEFAULT_WINDOW)
            at += 4
        out.len = at - out.data
        return 0


cdef class PyHTTP2Engine(HTTP2Engine):
    """An engine whose methods are Python methods of a subclass.

    `on_start(settings)` begins; settings are the bytes of the client's HTTP2-Settings, or None. `on_headers(stream_id,
    block, end)` takes a whole header block and `on_frame(kind, stream_id, frame)` a frame of RST_STREAM, SETTINGS or
    WINDOW_UPDATE; both return (event, code, reason, fields, out), out being bytes to answer or None.
    `on_table_size(size)` comes before the frame that has the setting. Those named `on_append_` return bytes or None,
    `on_append_push` (promised stream, bytes), `on_window` an int.

    Bodies do not go through Python: frames of DATA are read and written here, and what may come is counted here. Of
    what comes, on_frame() gets an empty frame when a request ends and when its stream is closed; of what leaves,
    `on_append_data(stream_id, size, end)` hears before, and returns whether it may.
    """

    def __init__(self, settings):
        super().__init__(settings)
        self.uploads = {}
        self.room = self.connection_window

    cdef int put(self, Output *out, object data) except -1:
        cdef bytes exact = data
        if exact is None:
            return 0
        return output_append(out, PyBytes_AS_STRING(exact), PyBytes_GET_SIZE(exact))

    cdef int receive(self, const char *frame, const fc_frame2 *facts, Output *out) except -1:
        self.begin_event(facts)
        if facts.type == FC_FRAME2_CONTINUATION or facts.type == FC_FRAME2_HEADERS:
            return self.take_fragment(frame, facts, out)
        if facts.stream_id and self.is_idle(facts.stream_id):
            return self.fail(FC_H2_PROTOCOL_ERROR, "frame on an idle stream")
        if facts.type == FC_FRAME2_DATA:
            return self.take_data(frame, facts, out)
        if facts.type == FC_FRAME2_RST_STREAM:
            self.code = facts.value
        elif facts.type == FC_FRAME2_SETTINGS and facts.flags & FC_FLAG2_ACK:
            self.take_settings_ack()
        elif facts.type == FC_FRAME2_SETTINGS:
            self.read_settings(frame + facts.start, facts.size)
            kept = self.take_settings(frame + facts.start, facts.size)
            header = b"\0\0" + bytes((len(kept), FC_FRAME2_SETTINGS)) + b"\0\0\0\0\0"
            return self.answer(self.on_frame(FC_FRAME2_SETTINGS, 0, header + kept), out)
        whole = PyBytes_FromStringAndSize(frame, FC_FRAME2_HEADER + facts.length)
        if facts.type == FC_FRAME2_WINDOW_UPDATE:   # without the reserved bit, which means nothing (section 6.9)
            whole = whole[:FC_FRAME2_HEADER] + facts.value.to_bytes(4, "big")
        return self.answer(self.on_frame(facts.type, facts.stream_id, whole), out)

    cdef int take_data(self, const char *frame, const fc_frame2 *facts, Output *out) except -1:
        """A piece of a body; its padding counts (RFC 9113 section 6.9.1)."""
        cdef uint32_t stream_id = facts.stream_id
        cdef object found = self.uploads.get(stream_id)
        cdef int64_t room = 0 if found is None else found
        cdef int event = ENGINE_DATA
        self.room -= facts.length
        if self.room < 0 or found is not None and room < facts.length:
            return self.fail(FC_H2_FLOW_CONTROL_ERROR, "more DATA than the window allows")
        self.data = PyBytes_FromStringAndSize(frame + facts.start, facts.size)
        self.credit = facts.length
        self.end = facts.flags & FC_FLAG2_END_STREAM
        if found is None:
            event = self.answer(self.on_frame(FC_FRAME2_DATA, stream_id, empty_data(stream_id, False)), out)
            self.take_stray(facts.length, out)
        elif self.end:
            del self.uploads[stream_id]
            event = self.answer(self.on_frame(FC_FRAME2_DATA, stream_id, empty_data(stream_id, True)), out)
        else:
            self.uploads[stream_id] = room - facts.length
        return event

    cdef int take_stray(self, uint32_t len, Output *out) except -1:
        """DATA of a closed stream counts on the connection all the same, and nobody will use it up."""
        self.stray += len
        if 2 * self.stray >= self.connection_window and not self.over:
            self.room += self.stray
            self.put_window(out, 0, <uint32_t>self.stray)
            self.stray = 0
        return 0

    cdef int take_settings_ack(self) except -1:
        """The client knows the server's settings: its windows are what they say from here on (section 6.9.2)."""
        if not self.settings_acknowledged:
            self.settings_acknowledged = True
            for stream_id in self.uploads:
                self.uploads[stream_id] += <int64_t>self.stream_window - DEFAULT_WINDOW
        return 0

    cdef bytes take_settings(self, const char *payload, size_t len):
        """The settings that the subclass is to have: of windows and frames. It hears of each size of the table at once.

        What is unknown means nothing (RFC 9113 section 6.5.2), and would only be remembered.
        """
        cdef size_t pos = 0
        cdef int identifier
        cdef bytes window = b""
        cdef bytes frame_size = b""
        while pos + SETTING_BYTES <= len:
            identifier = <uint8_t>payload[pos] << 8 | <uint8_t>payload[pos + 1]
            if identifier == FC_SETTING2_HEADER_TABLE_SIZE:
                self.on_table_size(fc_frame2_read32(payload + pos + 2))
            elif identifier == FC_SETTING2_INITIAL_WINDOW_SIZE:
                window = PyBytes_FromStringAndSize(payload + pos, SETTING_BYTES)
            elif identifier == FC_SETTING2_MAX_FRAME_SIZE:
                frame_size = PyBytes_FromStringAndSize(payload + pos, SETTING_BYTES)
            pos += SETTING_BYTES
        return window + frame_size

    cdef int answer(self, tuple result, Output *out) except -1:
        """Keep what a method of the subclass has found."""
        event, code, self.reason, self.headers, output = result
        if code is not None:
            self.code = code
        if event == ENGINE_CONNECTION_ERROR:
            self.over = True
        self.put(out, output)
        return event

    cdef int take_fragment(self, const char *frame, const fc_frame2 *facts, Output *out) except -1:
        """A piece of a header block, or a whole one: without padding and priority, which mean nothing here."""
        cdef bytes piece = PyBytes_FromStringAndSize(frame + facts.start, facts.size)
        cdef bint last = facts.flags & FC_FLAG2_END_HEADERS
        if facts.type == FC_FRAME2_CONTINUATION:
            self.fragments.append(piece)
            if not last:
                return ENGINE_NOTHING
            piece = b"".join(self.fragments)
            self.fragments = None
            return self.read_block(piece, self.fragment_end, out)
        if last:
            return self.read_block(piece, facts.flags & FC_FLAG2_END_STREAM, out)
        self.fragments = [piece]
        self.fragment_end = facts.flags & FC_FLAG2_END_STREAM
        return ENGINE_NOTHING

    cdef int read_block(self, bytes block, bint end, Output *out) except -1:
        """A whole header block: of a new request, or trailers."""
        cdef Py_ssize_t size = 0
        cdef int event = self.answer(self.on_headers(self.stream_id, block, end), out)
        if event != ENGINE_CONNECTION_ERROR and self.stream_id > self.last_stream_id:
            self.last_stream_id = self.stream_id
        self.end = end
        if event == ENGINE_TRAILERS:
            del self.uploads[self.stream_id]
        elif event == ENGINE_REQUEST and not end:
            self.uploads[self.stream_id] = self.stream_window if self.settings_acknowledged else DEFAULT_WINDOW
        if self.headers is not None:
            for name, value in self.headers:
                size += PyBytes_GET_SIZE(name) + PyBytes_GET_SIZE(value) + FIELD_OVERHEAD
            self.too_large = size > self.header_list_size
        return event

    cdef int start(self, Output *out) except -1:
        self.on_start(None)
        return self.append_start(out)

    cdef int start_upgraded(self, Output *out, bytes settings) except -1:
        self.read_settings(PyBytes_AS_STRING(settings), PyBytes_GET_SIZE(settings))
        kept = self.take_settings(PyBytes_AS_STRING(settings), PyBytes_GET_SIZE(settings))
        self.on_start(kept)
        self.last_stream_id = 1
        return self.append_start(out)

    cdef int append_headers(self, Output *out, uint32_t stream_id, list fields, bint end) except -1:
        return self.put(out, self.on_append_headers(stream_id, fields, end))

    cdef int append_data(self, Output *out, uint32_t stream_id, const char *data, size_t len, bint end) except -1:
        cdef size_t size
        cdef bint last
        cdef uint8_t flags
        if self.over or not self.on_append_data(stream_id, len, end):
            return 0
        while True:
            size = min(len, <size_t>self.peer_frame_size)
            last = size == len
            output_reserve(out, FC_FRAME2_HEADER + size)
            flags = FC_FLAG2_END_STREAM if end and last else 0
            out.len += fc_frame2_write_header(out.data + out.len, <uint32_t>size, FC_FRAME2_DATA, flags, stream_id)
            output_append(out, data, size)
            if last:
                return 0
            data += size
            len -= size

    cdef int64_t append_push(self, Output *out, uint32_t stream_id, list fields) except -1:
        if not self.peer_push:
            return 0
        promised, data = self.on_append_push(stream_id, fields)
        if promised:
            self.last_promised_id = promised
        self.put(out, data)
        return promised

    cdef int append_reset(self, Output *out, uint32_t stream_id, uint32_t code) except -1:
        return self.put(out, self.on_append_reset(stream_id, code))

    cdef int append_window(self, Output *out, uint32_t stream_id, uint32_t increment) except -1:
        if self.over:
            return 0
        if stream_id == 0:
            self.room += increment
        elif stream_id in self.uploads:
            self.uploads[stream_id] += increment
        else:
            return 0
        return self.put_window(out, stream_id, increment)

    cdef int put_window(self, Output *out, uint32_t stream_id, uint32_t increment) except -1:
        output_reserve(out, FC_FRAME2_HEADER + 4)
        out.len += fc_frame2_write_header(out.data + out.len, 4, FC_FRAME2_WINDOW_UPDATE, 0, stream_id)
        fc_frame2_write32(out.data + out.len, increment)
        out.len += 4
        return 0

    cdef int64_t window(self, uint32_t stream_id) except? -1:
        return self.on_window(stream_id)

    cdef int forget(self, uint32_t stream_id) except -1:
        self.uploads.pop(stream_id, None)
        return 0


cdef bytes empty_data(uint32_t stream_id, bint end):
    """A frame of DATA that has none."""
    cdef char[9] header
    fc_frame2_write_header(header, 0, FC_FRAME2_DATA, FC_FLAG2_END_STREAM if end else 0, stream_id)
    return PyBytes_FromStringAndSize(header, FC_FRAME2_HEADER)
