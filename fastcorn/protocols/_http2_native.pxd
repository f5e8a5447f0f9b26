# SPDX-License-Identifier: MIT
# NativeEngine: the compiled HTTP/2 engine.

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from fastcorn.protocols._hpack cimport HPACKDecoder, HPACKEncoder
from fastcorn.protocols._http2_engine cimport HTTP2Engine, fc_frame2
from fastcorn.protocols._http2_streams cimport ClosedStreams, Closing, StreamState, StreamTable
from fastcorn.protocols._output cimport Output


cdef enum:
    REPEATED_BYTES = 64


cdef class NativeEngine(HTTP2Engine):
    cdef HPACKDecoder decoder
    cdef HPACKEncoder encoder
    cdef StreamTable streams
    cdef ClosedStreams closed
    cdef Output fragments           # of the header block that is not complete
    cdef bint fragment_end          # its HEADERS had END_STREAM
    cdef int64_t send_window        # of the connection
    cdef int64_t initial_window     # of new streams, as the client has set it
    cdef int64_t room               # DATA bytes that may come on the connection
    cdef int64_t stray              # bytes for streams that are closed, not given back yet
    cdef bint settings_acknowledged

    # The last header block, and the encoder's last one, where they are short and have left the tables as they were:
    # the same bytes, or the same list, come to the same again as long as the tables stay so.
    cdef char[REPEATED_BYTES] block
    cdef size_t block_len
    cdef uint64_t block_inserted    # what the decoder's table had, and
    cdef uint32_t block_count
    cdef list block_fields          # what the block says, from the second time on
    cdef char[REPEATED_BYTES] written
    cdef size_t written_len
    cdef uint64_t written_inserted
    cdef uint32_t written_count
    cdef list written_fields        # the list that `written` encodes; None = none

    # In.
    cdef int take_headers(self, const char *frame, const fc_frame2 *facts, Output *out) except -1
    cdef int take_continuation(self, const char *frame, const fc_frame2 *facts, Output *out) except -1
    cdef bint is_repeated(self, const char *block, size_t len) noexcept
    cdef int decode(self, const char *block, size_t len) except -1
    cdef int read_block(self, const char *block, size_t len, bint end, Output *out) except -1
    cdef int open_stream(self, bint end) except -1
    cdef int take_closed_headers(self, Output *out) except -1
    cdef int take_data(self, const char *frame, const fc_frame2 *facts, Output *out) except -1
    cdef int take_closed_data(self, Output *out) except -1
    cdef int take_stray(self, uint32_t len, Output *out) except -1
    cdef int take_reset(self, uint32_t code) except -1
    cdef int take_settings(self, const char *payload, size_t len, Output *out) except -1
    cdef int take_settings_ack(self) except -1
    cdef int apply_settings(self, const char *payload, size_t len) except -2
    cdef int change_windows(self, int64_t initial) except -2
    cdef int take_window(self, uint32_t increment, Output *out) except -1

    # Out.
    cdef StreamState *writable(self, uint32_t stream_id) noexcept
    cdef int break_stream(self, Output *out, uint32_t code, str reason) except -1
    cdef int end_locally(self, StreamState *stream) except -1
    cdef int close(self, StreamState *stream, Closing how) except -1
    cdef int encode(self, Output *out, list fields) except -1
    cdef int append_number(self, Output *out, uint8_t kind, uint32_t stream_id, uint32_t number) except -1
    cdef int append_block(
        self, Output *out, uint8_t kind, uint8_t flags, uint32_t stream_id, uint32_t promised, list fields
    ) except -1
