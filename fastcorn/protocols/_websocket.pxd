# SPDX-License-Identifier: MIT
# NativeCodec: the WebSocket protocol on the server's side, in compiled code.

from libc.stdint cimport int32_t, uint8_t, uint64_t

from fastcorn.protocols._codec cimport WebSocketCodec
from fastcorn.protocols._output cimport Output


cdef extern from "frame.h":
    enum fc_opcode:
        FC_OPCODE_CONTINUATION
        FC_OPCODE_TEXT
        FC_OPCODE_BINARY
        FC_OPCODE_CLOSE
        FC_OPCODE_PING
        FC_OPCODE_PONG

    ctypedef struct fc_frame "struct fc_frame":
        uint64_t len
        uint8_t opcode
        uint8_t fin
        uint8_t rsv1
        uint8_t mask[4]

    int32_t fc_frame_parse(const char *buf, size_t len, int rsv1_allowed, fc_frame *frame)
    size_t fc_frame_write(char *buf, fc_opcode opcode, int rsv1, uint64_t len)
    const char *fc_frame_reason(int32_t error)


cdef extern from "mask.h":
    void fc_mask_copy(char *dst, const char *src, size_t len, const uint8_t *mask, uint64_t phase)


cdef extern from "utf8.h":
    ctypedef struct fc_utf8 "struct fc_utf8":
        uint8_t more

    int fc_utf8_check(fc_utf8 *state, const char *buf, size_t len)
    size_t fc_ascii_prefix(const char *buf, size_t len)


cdef enum:
    CONTROL_BYTES = 125


cdef class NativeCodec(WebSocketCodec):
    # Input that was not looked at yet: buf[pos:].
    cdef bytes buf
    cdef Py_ssize_t pos
    cdef bint ended                 # a close frame or an error came: nothing more is read

    # The frame that comes in.
    cdef fc_frame frame
    cdef bint in_frame
    cdef uint64_t taken             # bytes of its payload that were taken
    cdef char control[CONTROL_BYTES]

    # The message that comes in.
    cdef uint8_t opcode             # text or binary; 0 = no message has begun
    cdef bint compressed
    cdef Output message
    cdef fc_utf8 utf8
    cdef Py_ssize_t fragments

    cdef uint64_t max_message
    cdef Py_ssize_t max_fragments

    # permessage-deflate; parameters are None without it.
    cdef object deflate
    cdef object inflater            # zlib objects; None until needed, and again after a message without takeover
    cdef object compressor

    cdef int begin_frame(self) except -1
    cdef int take_control(self, const char *data, Py_ssize_t len) except -1
    cdef int take_close(self) except -1
    cdef int take_data(self, const char *data, Py_ssize_t len) except -1
    cdef int take_whole(self, const char *data, Py_ssize_t len) except -1
    cdef int finish_message(self) except -1
    cdef int inflate(self, const char *data, Py_ssize_t len) except -1
    cdef int keep(self, const char *data, Py_ssize_t len) except -1
    cdef int fail(self, int code, str reason) except -1
    cdef int drop_message(self) except -1
    cdef bytes append_data(self, Output *out, fc_opcode opcode, const char *data, Py_ssize_t len, bytes owner)
    cdef int append_control(self, Output *out, fc_opcode opcode, bytes payload) except -1
    cdef bytes compress(self, const char *data, Py_ssize_t len)
