# SPDX-License-Identifier: MIT
"""NativeEngine: the compiled HTTP/2 engine (http2_engine native): header compression, stream states, flow control.

Called by H2Connection with whole frames that csrc/frame2.c has found right; calls `_hpack`. A frame makes no Python
object but the data or the field list that an event has. The rules are those of RFC 9113; what it says of a mistake is
also what H2Engine says, on which the same tests run.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.list cimport PyList_GET_SIZE
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcmp, memcpy, memmove

from fastcorn.protocols._hpack cimport HPACKDecoder, HPACKEncoder, fc_hpack_table
from fastcorn.protocols._http2_engine cimport (
    BOMB_FACTOR, DEFAULT_WINDOW, ENGINE_CONNECTION_ERROR, ENGINE_DATA, ENGINE_NOTHING, ENGINE_REQUEST, ENGINE_RESET,
    ENGINE_SETTINGS, ENGINE_SETTINGS_ACK, ENGINE_STREAM_ERROR, ENGINE_TRAILERS, ENGINE_WINDOW, FC_FLAG2_ACK,
    FC_FLAG2_END_HEADERS, FC_FLAG2_END_STREAM, FC_FRAME2_CONTINUATION, FC_FRAME2_DATA, FC_FRAME2_HEADER,
    FC_FRAME2_HEADERS, FC_FRAME2_PUSH_PROMISE, FC_FRAME2_RST_STREAM, FC_FRAME2_SETTINGS, FC_FRAME2_WINDOW_UPDATE,
    FC_H2_COMPRESSION_ERROR, FC_H2_ENHANCE_YOUR_CALM, FC_H2_FLOW_CONTROL_ERROR, FC_H2_PROTOCOL_ERROR,
    FC_H2_STREAM_CLOSED, FC_SETTING2_HEADER_TABLE_SIZE, FC_SETTING2_INITIAL_WINDOW_SIZE, FC_WINDOW2_MAX,
    SETTING_BYTES, HTTP2Engine, fc_frame2, fc_frame2_read32, fc_frame2_write32, fc_frame2_write_header,
)
from fastcorn.protocols._http2_streams cimport (
    ENDED_BOTH, RESET_AFTER_END, RESET_BY_CLIENT, RESET_BY_SERVER, RESET_UNOPENED, Closing, StreamState, add_stream,
    find_closing, find_stream, note_closed, remove_stream,
)
from fastcorn.protocols._output cimport Output, output_append, output_free, output_reserve


cdef enum:
    MAX_PUSH_BYTES = 8192           # of a promised request's fields; one that large is of no use


cdef class NativeEngine(HTTP2Engine):
    """The compiled HTTP/2 engine.

    Args:
        settings: see HTTP2Engine.
    """

    def __init__(self, settings):
        super().__init__(settings)
        self.decoder = HPACKDecoder()
        self.encoder = HPACKEncoder()
        self.send_window = self.initial_window = DEFAULT_WINDOW
        self.room = self.connection_window

    def __dealloc__(self):
        free(self.streams.slots)
        free(self.closed.ids)
        output_free(&self.fragments)

    # ---- in --------------------------------------------------------------------------------------------------------

    cdef int receive(self, const char *frame, const fc_frame2 *facts, Output *out) except -1:
        self.begin_event(facts)
        if facts.type == FC_FRAME2_HEADERS:
            return self.take_headers(frame, facts, out)
        if facts.type == FC_FRAME2_CONTINUATION:
            return self.take_continuation(frame, facts, out)
        if facts.stream_id and self.is_idle(facts.stream_id):
            return self.fail(FC_H2_PROTOCOL_ERROR, "frame on an idle stream")
        if facts.type == FC_FRAME2_DATA:
            return self.take_data(frame, facts, out)
        if facts.type == FC_FRAME2_WINDOW_UPDATE:
            return self.take_window(facts.value, out)
        if facts.type == FC_FRAME2_RST_STREAM:
            return self.take_reset(facts.value)
        if facts.type != FC_FRAME2_SETTINGS:
            return ENGINE_NOTHING
        if facts.flags & FC_FLAG2_ACK:
            return self.take_settings_ack()
        return self.take_settings(frame + facts.start, facts.size, out)

    cdef int take_headers(self, const char *frame, const fc_frame2 *facts, Output *out) except -1:
        if facts.flags & FC_FLAG2_END_HEADERS:
            return self.read_block(frame + facts.start, facts.size, facts.flags & FC_FLAG2_END_STREAM, out)
        self.fragment_end = facts.flags & FC_FLAG2_END_STREAM
        self.fragments.len = 0
        output_append(&self.fragments, frame + facts.start, facts.size)
        return ENGINE_NOTHING

    cdef int take_continuation(self, const char *frame, const fc_frame2 *facts, Output *out) except -1:
        cdef int event
        output_append(&self.fragments, frame + facts.start, facts.size)
        if not facts.flags & FC_FLAG2_END_HEADERS:
            return ENGINE_NOTHING
        event = self.read_block(self.fragments.data, self.fragments.len, self.fragment_end, out)
        output_free(&self.fragments)
        return event

    cdef int read_block(self, const char *block, size_t len, bint end, Output *out) except -1:
        """A whole header block: of a new request, or trailers. It is decoded whatever its stream is: for the table."""
        cdef StreamState *stream
        self.repeated = self.is_repeated(block, len)
        if self.repeated and self.block_fields is not None:
            self.headers = self.block_fields
        elif self.decode(block, len) != 0:
            return ENGINE_CONNECTION_ERROR
        self.end = end
        if self.stream_id > self.last_stream_id:
            return self.open_stream(end)
        stream = find_stream(&self.streams, self.stream_id)
        if stream is NULL:
            return self.take_closed_headers(out)
        if stream.remote_ended:
            return self.break_stream(out, FC_H2_STREAM_CLOSED, "HEADERS on a closed stream")
        if not end:     # RFC 9113 section 8.1: trailers end the request
            return self.break_stream(out, FC_H2_PROTOCOL_ERROR, "HEADERS within a body")
        stream.remote_ended = True
        if stream.local_ended:
            self.close(stream, ENDED_BOTH)
        return ENGINE_TRAILERS

    cdef bint is_repeated(self, const char *block, size_t len) noexcept:
        """Whether the block says what the last one has said."""
        cdef fc_hpack_table *table = &self.decoder.decoder.table
        return len == self.block_len and table.inserted == self.block_inserted and table.count == self.block_count and (
            memcmp(block, self.block, len) == 0
        )

    cdef int decode(self, const char *block, size_t len) except -1:
        """Set `headers` and `too_large`. Not 0 = the connection has failed."""
        cdef fc_hpack_table *table = &self.decoder.decoder.table
        cdef Py_ssize_t most = BOMB_FACTOR * self.header_list_size
        cdef uint64_t inserted = table.inserted
        self.headers = self.decoder.decode_block(block, len, most, self.most_fields)
        if self.headers is None:
            return self.fail(FC_H2_COMPRESSION_ERROR, self.decoder.error)
        if self.decoder.list_size > most:
            return self.fail(FC_H2_ENHANCE_YOUR_CALM, "header list of several times the limit")
        self.too_large = self.decoder.list_size > self.header_list_size
        self.repeated = self.repeated and not self.too_large
        self.block_fields = self.headers if self.repeated else None
        if len <= REPEATED_BYTES and table.inserted == inserted:
            memcpy(self.block, block, len)
            self.block_len = len
            self.block_inserted = inserted
            self.block_count = table.count
        else:
            self.block_len = 0
        return 0

    cdef int open_stream(self, bint end) except -1:
        cdef StreamState *stream = add_stream(&self.streams, self.stream_id)
        self.last_stream_id = self.stream_id
        stream.remote_ended = end
        stream.send_window = self.initial_window
        stream.room = self.stream_window if self.settings_acknowledged else DEFAULT_WINDOW
        return ENGINE_REQUEST

    cdef int take_closed_headers(self, Output *out) except -1:
        """HEADERS on a stream that is closed (RFC 9113 section 5.1), or that was passed over (section 5.1.1)."""
        cdef uint8_t *closing = find_closing(&self.closed, self.stream_id)
        self.headers = None
        if closing is NULL or closing[0] == RESET_UNOPENED:
            return self.fail(FC_H2_PROTOCOL_ERROR, "stream id below an earlier one")
        if closing[0] == RESET_BY_SERVER:
            return ENGINE_NOTHING   # the client may not have known
        if closing[0] == ENDED_BOTH or closing[0] == RESET_AFTER_END:
            return self.fail(FC_H2_STREAM_CLOSED, "HEADERS on a closed stream")
        return self.break_stream(out, FC_H2_STREAM_CLOSED, "HEADERS on a closed stream")

    cdef int take_data(self, const char *frame, const fc_frame2 *facts, Output *out) except -1:
        """A piece of a body; its padding counts (RFC 9113 section 6.9.1)."""
        cdef StreamState *stream = find_stream(&self.streams, self.stream_id)
        cdef bint is_open = stream is not NULL and not stream.remote_ended
        cdef int event
        self.room -= facts.length
        if self.room < 0 or (is_open and stream.room < facts.length):
            return self.fail(FC_H2_FLOW_CONTROL_ERROR, "more DATA than the window allows")
        if not is_open:
            event = self.take_closed_data(out)
            self.take_stray(facts.length, out)
            return event
        self.data = PyBytes_FromStringAndSize(frame + facts.start, facts.size)
        self.credit = facts.length
        self.end = facts.flags & FC_FLAG2_END_STREAM
        stream.room -= facts.length
        if self.end:
            stream.remote_ended = True
            if stream.local_ended:
                self.close(stream, ENDED_BOTH)
        return ENGINE_DATA

    cdef int take_closed_data(self, Output *out) except -1:
        cdef uint8_t *closing = find_closing(&self.closed, self.stream_id)
        if closing is not NULL and closing[0] >= RESET_BY_SERVER:
            return ENGINE_NOTHING   # the client may not have known
        return self.break_stream(out, FC_H2_STREAM_CLOSED, "DATA on a closed stream")

    cdef int take_stray(self, uint32_t len, Output *out) except -1:
        """DATA of a closed stream counts on the connection all the same, and nobody will use it up."""
        self.stray += len
        if 2 * self.stray >= self.connection_window:
            self.room += self.stray
            self.append_number(out, FC_FRAME2_WINDOW_UPDATE, 0, <uint32_t>self.stray)
            self.stray = 0
        return 0

    cdef int take_reset(self, uint32_t code) except -1:
        cdef StreamState *stream = find_stream(&self.streams, self.stream_id)
        if stream is NULL:
            return ENGINE_NOTHING
        self.code = code
        self.close(stream, RESET_BY_CLIENT)
        return ENGINE_RESET

    cdef int take_settings(self, const char *payload, size_t len, Output *out) except -1:
        if self.apply_settings(payload, len) < 0:
            return self.fail(FC_H2_FLOW_CONTROL_ERROR, "setting makes a window larger than 2^31 - 1")
        output_reserve(out, FC_FRAME2_HEADER)
        out.len += fc_frame2_write_header(out.data + out.len, 0, FC_FRAME2_SETTINGS, FC_FLAG2_ACK, 0)
        return ENGINE_SETTINGS

    cdef int apply_settings(self, const char *payload, size_t len) except -2:
        """The client's settings, which are valid by themselves. -1 = they make a window too large."""
        cdef size_t pos = 0
        cdef int64_t initial = self.initial_window
        cdef int identifier
        self.read_settings(payload, len)
        while pos + SETTING_BYTES <= len:
            identifier = <uint8_t>payload[pos] << 8 | <uint8_t>payload[pos + 1]
            if identifier == FC_SETTING2_HEADER_TABLE_SIZE:
                self.encoder.limit_table(fc_frame2_read32(payload + pos + 2))
                self.written_fields = None      # the next block has to begin with the new size
            elif identifier == FC_SETTING2_INITIAL_WINDOW_SIZE:
                initial = fc_frame2_read32(payload + pos + 2)
            pos += SETTING_BYTES
        return self.change_windows(initial)

    cdef int change_windows(self, int64_t initial) except -2:
        """The windows of all streams move with the initial one (RFC 9113 section 6.9.2); -1 = one is too large."""
        cdef int64_t change = initial - self.initial_window
        cdef uint32_t slot
        cdef StreamState *stream
        self.initial_window = initial
        if change == 0:
            return 0
        for slot in range(self.streams.capacity):
            stream = &self.streams.slots[slot]
            if stream.id:
                stream.send_window += change
                if stream.send_window > FC_WINDOW2_MAX:
                    return -1
        return 0

    cdef int take_settings_ack(self) except -1:
        """The client knows the server's settings: its windows are what they say from here on (section 6.9.2)."""
        cdef uint32_t slot
        if not self.settings_acknowledged:
            self.settings_acknowledged = True
            for slot in range(self.streams.capacity):
                self.streams.slots[slot].room += <int64_t>self.stream_window - DEFAULT_WINDOW
        return ENGINE_SETTINGS_ACK

    cdef int take_window(self, uint32_t increment, Output *out) except -1:
        cdef StreamState *stream
        if self.stream_id == 0:
            self.send_window += increment
            if self.send_window > FC_WINDOW2_MAX:
                return self.fail(FC_H2_FLOW_CONTROL_ERROR, "window beyond 2^31 - 1")
            return ENGINE_WINDOW
        stream = find_stream(&self.streams, self.stream_id)
        if stream is NULL:
            return ENGINE_NOTHING
        stream.send_window += increment
        if stream.send_window > FC_WINDOW2_MAX:
            return self.break_stream(out, FC_H2_FLOW_CONTROL_ERROR, "window beyond 2^31 - 1")
        return ENGINE_WINDOW

    # ---- out -------------------------------------------------------------------------------------------------------

    cdef int start(self, Output *out) except -1:
        return self.append_start(out)

    cdef int start_upgraded(self, Output *out, bytes settings) except -1:
        cdef StreamState *stream
        self.apply_settings(PyBytes_AS_STRING(settings), PyBytes_GET_SIZE(settings))
        stream = add_stream(&self.streams, 1)
        stream.remote_ended = True
        stream.send_window = self.initial_window
        self.last_stream_id = 1
        return self.append_start(out)

    cdef int append_headers(self, Output *out, uint32_t stream_id, list fields, bint end) except -1:
        cdef StreamState *stream = self.writable(stream_id)
        if stream is NULL:
            return 0
        if not fields:  # trailers may be none: then an empty DATA frame is the end
            return self.append_data(out, stream_id, NULL, 0, end)
        self.append_block(out, FC_FRAME2_HEADERS, FC_FLAG2_END_STREAM if end else 0, stream_id, 0, fields)
        return self.end_locally(stream) if end else 0

    cdef int append_data(self, Output *out, uint32_t stream_id, const char *data, size_t len, bint end) except -1:
        cdef StreamState *stream = self.writable(stream_id)
        cdef size_t size
        cdef bint last
        if stream is NULL:
            return 0
        stream.send_window -= len
        self.send_window -= len
        while True:
            size = min(len, <size_t>self.peer_frame_size)
            last = size == len
            output_reserve(out, FC_FRAME2_HEADER + size)
            out.len += fc_frame2_write_header(
                out.data + out.len, <uint32_t>size, FC_FRAME2_DATA, FC_FLAG2_END_STREAM if end and last else 0,
                stream_id
            )
            if size:
                output_append(out, data, size)
            if last:
                return self.end_locally(stream) if end else 0
            data += size
            len -= size

    cdef int64_t append_push(self, Output *out, uint32_t stream_id, list fields) except -1:
        cdef StreamState *stream
        cdef uint32_t promised = self.last_promised_id + 2
        cdef Py_ssize_t size = 0
        for name, value in fields:
            size += PyBytes_GET_SIZE(name) + PyBytes_GET_SIZE(value) + 8
        if not self.peer_push or self.writable(stream_id) is NULL or size > MAX_PUSH_BYTES or promised > FC_WINDOW2_MAX:
            return 0
        self.append_block(out, FC_FRAME2_PUSH_PROMISE, 0, stream_id, promised, fields)
        self.last_promised_id = promised
        stream = add_stream(&self.streams, promised)
        stream.remote_ended = True
        stream.send_window = self.initial_window
        return promised

    cdef int append_reset(self, Output *out, uint32_t stream_id, uint32_t code) except -1:
        cdef StreamState *stream = find_stream(&self.streams, stream_id)
        if stream is NULL or self.over:
            return 0
        self.close(stream, RESET_BY_SERVER)
        return self.append_number(out, FC_FRAME2_RST_STREAM, stream_id, code)

    cdef int append_window(self, Output *out, uint32_t stream_id, uint32_t increment) except -1:
        cdef StreamState *stream
        if self.over:
            return 0
        if stream_id == 0:
            self.room += increment
        else:
            stream = find_stream(&self.streams, stream_id)
            if stream is NULL or stream.remote_ended:
                return 0
            stream.room += increment
        return self.append_number(out, FC_FRAME2_WINDOW_UPDATE, stream_id, increment)

    cdef int64_t window(self, uint32_t stream_id) except? -1:
        cdef StreamState *stream
        if stream_id == 0:
            return self.send_window
        stream = self.writable(stream_id)
        return 0 if stream is NULL else min(stream.send_window, self.send_window)

    cdef int forget(self, uint32_t stream_id) except -1:
        cdef StreamState *stream = find_stream(&self.streams, stream_id)
        return 0 if stream is NULL else self.close(stream, ENDED_BOTH)

    # ---- streams ---------------------------------------------------------------------------------------------------

    cdef StreamState *writable(self, uint32_t stream_id) noexcept:
        """The stream, where something can be sent on it; else NULL."""
        cdef StreamState *stream = find_stream(&self.streams, stream_id)
        return NULL if stream is NULL or stream.local_ended or self.over else stream

    cdef int break_stream(self, Output *out, uint32_t code, str reason) except -1:
        """A mistake that ends the stream of this event: RST_STREAM, after which frames on it are ignored."""
        cdef StreamState *stream = find_stream(&self.streams, self.stream_id)
        cdef uint8_t *closing
        self.code = code
        self.reason = reason
        self.headers = None
        if stream is not NULL:
            self.close(stream, RESET_BY_SERVER)
        else:
            closing = find_closing(&self.closed, self.stream_id)
            if closing is not NULL:
                closing[0] = RESET_AFTER_END if closing[0] == ENDED_BOTH else RESET_BY_SERVER
            else:
                note_closed(&self.closed, self.stream_id, RESET_UNOPENED)
        self.append_number(out, FC_FRAME2_RST_STREAM, self.stream_id, code)
        return ENGINE_STREAM_ERROR

    cdef int end_locally(self, StreamState *stream) except -1:
        stream.local_ended = True
        return self.close(stream, ENDED_BOTH) if stream.remote_ended else 0

    cdef int close(self, StreamState *stream, Closing how) except -1:
        note_closed(&self.closed, stream.id, how)
        return remove_stream(&self.streams, stream)

    cdef int encode(self, Output *out, list fields) except -1:
        """Append the block of a list; one that is the list of the last time is encoded already."""
        cdef fc_hpack_table *table = &self.encoder.encoder.table
        cdef size_t start = out.len
        cdef size_t len
        if fields is self.written_fields and table.inserted == self.written_inserted and (
            table.count == self.written_count
        ):
            return output_append(out, self.written, self.written_len)
        self.encoder.append_block(out, fields)
        len = out.len - start
        # So short is a block only where the table has all of it. A field that it lacks may be put into it next time.
        if len == <size_t>PyList_GET_SIZE(fields) and len <= REPEATED_BYTES:
            memcpy(self.written, out.data + start, len)
            self.written_len = len
            self.written_inserted = table.inserted
            self.written_count = table.count
            self.written_fields = fields
        else:
            self.written_fields = None
        return 0

    # ---- frames ----------------------------------------------------------------------------------------------------

    cdef int append_number(self, Output *out, uint8_t kind, uint32_t stream_id, uint32_t number) except -1:
        """RST_STREAM or WINDOW_UPDATE."""
        output_reserve(out, FC_FRAME2_HEADER + 4)
        out.len += fc_frame2_write_header(out.data + out.len, 4, kind, 0, stream_id)
        fc_frame2_write32(out.data + out.len, number)
        out.len += 4
        return 0

    cdef int append_block(
        self, Output *out, uint8_t kind, uint8_t flags, uint32_t stream_id, uint32_t promised, list fields
    ) except -1:
        """A field list as HEADERS or PUSH_PROMISE (`promised` is not 0), and CONTINUATION where it is long."""
        cdef size_t start = out.len
        cdef size_t most = self.peer_frame_size
        cdef size_t len, pieces, size, piece
        cdef char *payload
        output_reserve(out, FC_FRAME2_HEADER + 4)
        out.len += FC_FRAME2_HEADER
        if promised:
            fc_frame2_write32(out.data + out.len, promised)
            out.len += 4
        self.encode(out, fields)
        len = out.len - start - FC_FRAME2_HEADER
        pieces = (len + most - 1) // most
        if pieces <= 1:
            fc_frame2_write_header(out.data + start, <uint32_t>len, kind, flags | FC_FLAG2_END_HEADERS, stream_id)
            return 0
        output_reserve(out, (pieces - 1) * FC_FRAME2_HEADER)
        out.len += (pieces - 1) * FC_FRAME2_HEADER
        # From the last piece on, each moves behind the headers of those before it.
        for piece in range(pieces - 1, 0, -1):
            size = min(most, len - piece * most)
            payload = out.data + start + FC_FRAME2_HEADER + piece * (most + FC_FRAME2_HEADER)
            memmove(payload, out.data + start + FC_FRAME2_HEADER + piece * most, size)
            fc_frame2_write_header(
                payload - FC_FRAME2_HEADER, <uint32_t>size, FC_FRAME2_CONTINUATION,
                FC_FLAG2_END_HEADERS if piece == pieces - 1 else 0, stream_id
            )
        fc_frame2_write_header(out.data + start, <uint32_t>most, kind, flags, stream_id)
        return 0
