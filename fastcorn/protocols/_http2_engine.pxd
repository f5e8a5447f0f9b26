# SPDX-License-Identifier: MIT
# HTTP2Engine: the interface of an HTTP/2 engine, which keeps header compression, stream states and flow control.

from libc.stdint cimport int64_t, uint8_t, uint32_t

from fastcorn.protocols._output cimport Output


cdef extern from "frame2.h":
    enum:
        FC_FRAME2_DATA
        FC_FRAME2_HEADERS
        FC_FRAME2_PRIORITY
        FC_FRAME2_RST_STREAM
        FC_FRAME2_SETTINGS
        FC_FRAME2_PUSH_PROMISE
        FC_FRAME2_PING
        FC_FRAME2_GOAWAY
        FC_FRAME2_WINDOW_UPDATE
        FC_FRAME2_CONTINUATION
        FC_FRAME2_PRIORITY_UPDATE
    enum:
        FC_FLAG2_END_STREAM
        FC_FLAG2_ACK
        FC_FLAG2_END_HEADERS
        FC_FLAG2_PADDED
        FC_FLAG2_PRIORITY
    enum:
        FC_H2_NO_ERROR
        FC_H2_PROTOCOL_ERROR
        FC_H2_INTERNAL_ERROR
        FC_H2_FLOW_CONTROL_ERROR
        FC_H2_SETTINGS_TIMEOUT
        FC_H2_STREAM_CLOSED
        FC_H2_FRAME_SIZE_ERROR
        FC_H2_REFUSED_STREAM
        FC_H2_CANCEL
        FC_H2_COMPRESSION_ERROR
        FC_H2_CONNECT_ERROR
        FC_H2_ENHANCE_YOUR_CALM
        FC_H2_INADEQUATE_SECURITY
        FC_H2_HTTP_1_1_REQUIRED
    enum:
        FC_SETTING2_HEADER_TABLE_SIZE
        FC_SETTING2_ENABLE_PUSH
        FC_SETTING2_MAX_CONCURRENT_STREAMS
        FC_SETTING2_INITIAL_WINDOW_SIZE
        FC_SETTING2_MAX_FRAME_SIZE
        FC_SETTING2_MAX_HEADER_LIST_SIZE
        FC_SETTING2_ENABLE_CONNECT_PROTOCOL
        FC_SETTING2_NO_RFC7540_PRIORITIES
    enum:
        FC_FRAME2_HEADER
        FC_FRAME2_SIZE_MIN
        FC_FRAME2_SIZE_MAX
        FC_WINDOW2_MAX
    enum:
        FC_FRAME2_OK
        FC_FRAME2_PARTIAL
        FC_FRAME2_STREAM_ERROR
        FC_FRAME2_CONNECTION_ERROR
    ctypedef struct fc_frame2:
        uint32_t length
        uint8_t type
        uint8_t flags
        uint32_t stream_id
        uint32_t start
        uint32_t size
        uint32_t value
        uint32_t last_stream_id
        uint32_t error
        const char *reason
    int fc_frame2_parse(const char *buf, size_t len, uint32_t max_frame_size, fc_frame2 *frame) noexcept
    uint32_t fc_frame2_read32(const char *bytes) noexcept
    void fc_frame2_write32(char *bytes, uint32_t value) noexcept
    size_t fc_frame2_write_header(char *out, uint32_t length, uint8_t type, uint8_t flags, uint32_t stream_id) noexcept


cdef enum:
    DEFAULT_WINDOW = 65535          # of a connection and of streams (RFC 9113 section 6.9.2)
    SETTING_BYTES = 6
    HEADER_TABLE_BYTES = 4096       # the default, sent all the same: some clients use none before they have seen it
    BLOCK_FRAMES = 64               # of one header block; h2 takes no more either, nghttp2 and Go count too
    BOMB_FACTOR = 4                 # a list of up to so many times the setting is read, to answer 431
    LEAST_FIELDS = 400              # and fields, however low the setting: browsers send each of 180 cookies as a field
    FIELD_OVERHEAD = 32             # what a field counts beside its bytes (RFC 9113 section 6.5.2)


cdef enum EngineEvent:
    ENGINE_NOTHING = 0          # answered or without meaning
    # stream_id, headers [(bytes, bytes)] with pseudo-fields, end; too_large: more than the setting allows (431). The
    # list is not to be changed.
    ENGINE_REQUEST
    ENGINE_DATA                 # stream_id, data, credit (flow-controlled bytes, with padding), end
    ENGINE_TRAILERS             # stream_id, headers; the request has ended
    ENGINE_RESET                # stream_id, code: by the client
    ENGINE_STREAM_ERROR         # stream_id, code, reason: a rule broken; RST_STREAM is in `out`
    ENGINE_WINDOW               # stream_id, 0 = the connection: more may be sent
    ENGINE_SETTINGS             # the client's settings changed, and with them all windows; the ACK is in `out`
    ENGINE_SETTINGS_ACK
    ENGINE_CONNECTION_ERROR     # code, reason: the connection sends GOAWAY and closes


cdef class HTTP2Engine:
    # Of the event that receive() has just returned.
    cdef readonly uint32_t stream_id
    cdef readonly uint32_t code
    cdef readonly bint end
    cdef readonly bint too_large
    cdef readonly bint repeated     # `headers` may be given again, as this very list, for requests that repeat this one
    cdef readonly bytes data
    cdef readonly list headers
    cdef readonly Py_ssize_t credit
    cdef readonly str reason
    cdef readonly bint over                     # a mistake has ended the connection: nothing more is sent

    # What the client has set.
    cdef readonly uint32_t peer_frame_size
    cdef readonly bint peer_push
    cdef readonly uint32_t peer_max_streams

    # The stream whose header block waits for CONTINUATION; 0 = none. Until it has come every other frame is a
    # connection error PROTOCOL_ERROR, also those that the connection handles itself (check_block()).
    cdef readonly uint32_t continuing
    cdef Py_ssize_t block_bytes                 # of the header block that came last, so far
    cdef int block_frames
    cdef readonly uint32_t last_stream_id       # the highest that the client has opened
    cdef readonly uint32_t last_promised_id     # the highest that the server has promised

    # Settings.
    cdef uint32_t max_streams
    cdef uint32_t frame_size
    cdef uint32_t stream_window
    cdef uint32_t connection_window
    cdef Py_ssize_t header_list_size
    cdef Py_ssize_t most_fields     # of a list that is read, to answer 431

    # In, of every frame that has come whole: does it belong to the header block before it, does it begin one, is that
    # too large? 0 = receive() may have it; else the event of fail().
    cdef int check_block(self, const fc_frame2 *facts) except -1
    # In: a whole frame that fc_frame2_parse and check_block() found right: HEADERS, CONTINUATION, DATA, RST_STREAM,
    # SETTINGS, WINDOW_UPDATE. One event at most, an EngineEvent. What is to be answered is appended to out.
    cdef int receive(self, const char *frame, const fc_frame2 *facts, Output *out) except -1

    # Out. A stream that the client has closed or reset meanwhile takes what is appended and sends nothing.
    cdef int start(self, Output *out) except -1
    # After 101: stream 1 is half-closed by the client; settings = the decoded HTTP2-Settings, valid.
    cdef int start_upgraded(self, Output *out, bytes settings) except -1
    cdef int append_headers(self, Output *out, uint32_t stream_id, list fields, bint end) except -1
    # At most window() bytes; cut into frames of peer_frame_size.
    cdef int append_data(self, Output *out, uint32_t stream_id, const char *data, size_t len, bint end) except -1
    # Returns the promised stream; 0 = the client takes none, or the list is too large.
    cdef int64_t append_push(self, Output *out, uint32_t stream_id, list fields) except -1
    cdef int append_reset(self, Output *out, uint32_t stream_id, uint32_t code) except -1
    # The client may send so much more; stream_id 0: on the connection. What came on a stream that is closed the engine
    # gives back itself.
    cdef int append_window(self, Output *out, uint32_t stream_id, uint32_t increment) except -1
    # DATA bytes that may leave now on the stream: the least of its window and the connection's; 0 or less = none.
    # stream_id 0: of the connection alone.
    cdef int64_t window(self, uint32_t stream_id) except? -1
    cdef int forget(self, uint32_t stream_id) except -1

    # What engines share.
    cdef int begin_event(self, const fc_frame2 *facts) except -1
    cdef int fail(self, uint32_t code, str reason) except -1
    cdef bint is_idle(self, uint32_t stream_id) noexcept
    cdef int read_settings(self, const char *payload, size_t len) except -1
    cdef int append_start(self, Output *out) except -1


cdef class PyHTTP2Engine(HTTP2Engine):
    cdef list fragments             # of the header block that is not complete
    cdef bint fragment_end          # its HEADERS had END_STREAM
    cdef readonly dict uploads      # streams whose request has not ended -> bytes that may still come, on each
    cdef int64_t room               # and on the connection
    cdef int64_t stray              # bytes for streams that are closed, not given back yet
    cdef bint settings_acknowledged

    cdef int put(self, Output *out, object data) except -1
    cdef int take_data(self, const char *frame, const fc_frame2 *facts, Output *out) except -1
    cdef int take_stray(self, uint32_t len, Output *out) except -1
    cdef int take_settings_ack(self) except -1
    cdef int put_window(self, Output *out, uint32_t stream_id, uint32_t increment) except -1
    cdef int answer(self, tuple result, Output *out) except -1
    cdef bytes take_settings(self, const char *payload, size_t len)
    cdef int take_fragment(self, const char *frame, const fc_frame2 *facts, Output *out) except -1
    cdef int read_block(self, bytes block, bint end, Output *out) except -1
