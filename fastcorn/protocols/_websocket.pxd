# SPDX-License-Identifier: MIT
# NativeCodec: the compiled WebSocket engine.

cimport cython
from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from fastcorn.protocols._codec cimport WebSocketCodec
from fastcorn.protocols._deflate cimport MessageDeflate


cdef extern from "frame.h":
    int FC_FRAME_HEADER_MAX
    int FC_FRAME_PARTIAL
    unsigned FC_IN_MESSAGE
    unsigned FC_DEFLATE
    int FC_OP_CONTINUATION
    int FC_OP_TEXT
    int FC_OP_BINARY
    int FC_OP_CLOSE
    int FC_OP_PING
    int FC_OP_PONG
    ctypedef struct fc_frame:
        uint64_t length
        uint32_t key
        uint8_t opcode
        uint8_t fin
        uint8_t compressed
        uint8_t control
    int fc_frame_parse(const uint8_t *buf, size_t len, unsigned context, fc_frame *frame) noexcept
    size_t fc_frame_write(uint8_t *dst, unsigned opcode, int compressed, uint64_t length) noexcept
    const char *fc_frame_reason(int error) noexcept
    int fc_close_code_valid(unsigned code) noexcept


cdef extern from "utf8.h":
    ctypedef struct fc_utf8:
        uint8_t need
    int fc_utf8_check(fc_utf8 *state, const uint8_t *bytes, size_t len) noexcept


cdef enum CodecState:
    HEADER      # -> DATA, CONTROL, OVER
    DATA        # -> HEADER, OVER
    CONTROL     # -> HEADER, OVER
    OVER        # a close frame or a failure has come; nothing more is read


@cython.final
cdef class NativeCodec(WebSocketCodec):
    cdef int state
    cdef int64_t max_message_size
    cdef int64_t max_fragments
    cdef MessageDeflate deflate     # None = not negotiated

    # What was fed and not read: `chunk` from `position` on, then those of `chunks` (a deque, or None).
    cdef bytes chunk
    cdef Py_ssize_t position
    cdef object chunks

    # The frame that is being read. `header` holds the beginning of a header that came in pieces.
    cdef fc_frame frame
    cdef uint64_t left              # bytes of its payload that have not come
    cdef uint8_t header[14]
    cdef int header_len
    cdef uint8_t control[125]
    cdef int control_len

    # The message that is being read, held_bytes of it in `buffer`: a bytes object that nobody else has, or NULL.
    cdef int opcode                 # 0 = none
    cdef bint compressed
    cdef int64_t fragments
    cdef PyObject *buffer
    cdef Py_ssize_t capacity
    cdef fc_utf8 utf8

    cdef Py_ssize_t available(self) except -1
    cdef const uint8_t *here(self) noexcept
    cdef int fail(self, int code, str reason) except -1
    cdef int end_reading(self) except -1

    cdef int read_header(self) except -1
    cdef int begin_frame(self) except -1
    cdef int read_control(self) except -1
    cdef int read_close(self) except -1
    cdef int read_data(self) except -1
    cdef int take_plain(self, Py_ssize_t size) except -1
    cdef int take_compressed(self, Py_ssize_t size, bint end) except -1
    cdef int take_whole(self, Py_ssize_t size) except -1
    cdef int decode_whole(self, const char *data, Py_ssize_t size) except -1
    cdef int end_message(self) except -1
    cdef int emit(self, object data) except -1
    cdef int reserve(self, Py_ssize_t more) except -1
    cdef int drop_buffer(self) except -1
