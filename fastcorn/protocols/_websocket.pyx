# SPDX-License-Identifier: MIT
"""NativeCodec: the compiled WebSocket engine (RFC 6455 sections 5 to 7, RFC 7692).

The connection feeds it and asks for events (`_codec.pxd`); it calls csrc/ for headers, masks and UTF-8, and
MessageDeflate. A message that is whole in the bytes fed is unmasked straight into the str or bytes that the application
gets; one that comes in pieces is unmasked into a buffer that grows with what has come, not with what its header claims.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_Check, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.object cimport PyObject
from cpython.unicode cimport PyUnicode_Check, PyUnicode_DecodeUTF8
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

import zlib
from collections import deque

from fastcorn.protocols._codec cimport (
    CODEC_BINARY, CODEC_CLOSE, CODEC_FAILED, CODEC_NOTHING, CODEC_PING, CODEC_PONG, CODEC_TEXT, WebSocketCodec,
    check_close_code, check_control, surrogate_error,
)
from fastcorn.protocols._deflate cimport MessageDeflate
from fastcorn.protocols._output cimport Output, output_reserve

from fastcorn.errors import MessageError


cdef extern from "Python.h":
    object PyUnicode_New(Py_ssize_t size, Py_UCS4 maximum)
    void *PyUnicode_DATA(object text)
    const char *PyUnicode_AsUTF8AndSize(object text, Py_ssize_t *size) except NULL
    object PyMemoryView_FromMemory(char *data, Py_ssize_t size, int flags)
    int PyBUF_READ
    # `buffer` is a pointer, since _PyBytes_Resize wants the only reference.
    PyObject *bytes_new "PyBytes_FromStringAndSize" (const char *data, Py_ssize_t size) except NULL
    char *bytes_data "PyBytes_AS_STRING" (PyObject *data) noexcept
    int bytes_resize "_PyBytes_Resize" (PyObject **data, Py_ssize_t size) except -1
    void Py_XDECREF(PyObject *data) noexcept


cdef extern from "mask.h":
    int fc_mask(uint8_t *dst, const uint8_t *src, size_t len, uint32_t key) noexcept
    uint32_t fc_mask_rotate(uint32_t key, size_t seen) noexcept


cdef enum:
    # An internal result of the steps of next_event(): nothing to tell yet, go on.
    GO_ON = 100

    # Close codes (RFC 6455 section 7.4.1).
    PROTOCOL_ERROR = 1002
    NO_CODE = 1005
    INVALID_DATA = 1007
    POLICY_VIOLATION = 1008
    TOO_BIG = 1009

    # From here on a payload is written from where it is instead of being copied behind its header.
    GATHER_BYTES = 16 * 1024
    BUFFER_LEAST = 256
    CLOSE_REASON_MAX = 123


cdef const char *utf8_of(str text, Py_ssize_t *size) except NULL:
    """The bytes of a text, which the text keeps."""
    try:
        return PyUnicode_AsUTF8AndSize(text, size)
    except UnicodeEncodeError as error:
        raise surrogate_error(text, error) from None


@cython.final
cdef class NativeCodec(WebSocketCodec):
    """The compiled WebSocket engine.

    Args:
        settings: the worker's: websocket_max_message_size, websocket_max_fragments.
        parameters: of permessage-deflate as negotiated, or None.
    """

    def __init__(self, settings, parameters):
        self.max_message_size = settings.websocket_max_message_size
        self.max_fragments = settings.websocket_max_fragments
        self.deflate = None if parameters is None else MessageDeflate(parameters)

    def __dealloc__(self):
        Py_XDECREF(self.buffer)

    # ---- in: bytes to events -----------------------------------------------------------------------------------------

    cdef int feed(self, bytes data) except -1:
        if self.state == OVER or PyBytes_GET_SIZE(data) == 0:
            return 0
        if self.chunk is None:
            self.chunk = data
            self.position = 0
        elif self.chunks is None:
            self.chunks = deque((data,))
        else:
            self.chunks.append(data)
        return 0

    cdef int next_event(self) except -1:
        cdef int event = GO_ON
        self.data = None
        while event == GO_ON:
            if self.state == HEADER:
                event = self.read_header()
            elif self.state == DATA:
                event = self.read_data()
            elif self.state == CONTROL:
                event = self.read_control()
            else:
                return CODEC_NOTHING
        return event

    cdef Py_ssize_t available(self) except -1:
        """Bytes at here(): those of a chunk that are left, or of the next one; 0 = all was read."""
        if self.chunk is None:
            return 0
        if self.position == PyBytes_GET_SIZE(self.chunk):
            self.position = 0
            self.chunk = self.chunks.popleft() if self.chunks else None
            if self.chunk is None:
                return 0
        return PyBytes_GET_SIZE(self.chunk) - self.position

    cdef const uint8_t *here(self) noexcept:
        return <const uint8_t *>PyBytes_AS_STRING(self.chunk) + self.position

    cdef int read_header(self) except -1:
        cdef Py_ssize_t size = self.available()
        cdef unsigned context = (FC_IN_MESSAGE if self.opcode else 0) | (0 if self.deflate is None else FC_DEFLATE)
        cdef int used
        cdef int taken
        if size == 0:
            return CODEC_NOTHING
        if self.header_len == 0:
            used = fc_frame_parse(self.here(), size, context, &self.frame)
            if used > 0:
                self.position += used
                return self.begin_frame()
        taken = min(size, FC_FRAME_HEADER_MAX - self.header_len)
        memcpy(self.header + self.header_len, self.here(), taken)
        used = fc_frame_parse(self.header, self.header_len + taken, context, &self.frame)
        if used < 0:
            return self.fail(PROTOCOL_ERROR, fc_frame_reason(used).decode())
        if used == FC_FRAME_PARTIAL:
            self.position += taken
            self.header_len += taken
            return GO_ON
        self.position += used - self.header_len
        self.header_len = 0
        return self.begin_frame()

    cdef int begin_frame(self) except -1:
        self.left = self.frame.length
        if self.frame.control:
            self.control_len = 0
            self.state = CONTROL
            return GO_ON
        if self.frame.opcode != FC_OP_CONTINUATION:
            self.opcode = self.frame.opcode
            self.compressed = self.frame.compressed
            self.fragments = 0
            memset(&self.utf8, 0, sizeof(self.utf8))
        self.fragments += 1
        if self.fragments > self.max_fragments:
            return self.fail(POLICY_VIOLATION, "message of too many fragments")
        # A compressed message is counted as it is inflated.
        if not self.compressed and self.left > <uint64_t>(self.max_message_size - self.held_bytes):
            return self.fail(TOO_BIG, "message too large")
        self.state = DATA
        return GO_ON

    cdef int read_control(self) except -1:
        cdef int taken = min(<uint64_t>self.available(), self.left)
        cdef int opcode = self.frame.opcode
        cdef uint32_t key
        if taken:
            key = fc_mask_rotate(self.frame.key, self.control_len)
            fc_mask(self.control + self.control_len, self.here(), taken, key)
            self.position += taken
            self.control_len += taken
            self.left -= taken
        if self.left:
            return CODEC_NOTHING if self.available() == 0 else GO_ON
        self.state = HEADER
        if opcode == FC_OP_CLOSE:
            return self.read_close()
        self.data = PyBytes_FromStringAndSize(<char *>self.control, self.control_len)
        return CODEC_PING if opcode == FC_OP_PING else CODEC_PONG

    cdef int read_close(self) except -1:
        """Code and reason of the peer's close frame (RFC 6455 section 5.5.1)."""
        cdef int code = NO_CODE
        cdef str reason = ""
        if self.control_len == 1:
            return self.fail(PROTOCOL_ERROR, "close frame of one byte")
        if self.control_len:
            code = self.control[0] << 8 | self.control[1]
            if not fc_close_code_valid(code):
                return self.fail(PROTOCOL_ERROR, f"close code {code} is not allowed")
            try:
                reason = PyUnicode_DecodeUTF8(<char *>self.control + 2, self.control_len - 2, NULL)
            except UnicodeDecodeError:
                return self.fail(INVALID_DATA, "invalid UTF-8 in a close reason")
        self.end_reading()
        self.code = code
        self.reason = reason
        return CODEC_CLOSE

    cdef int read_data(self) except -1:
        """What has come of the payload of a data frame."""
        cdef Py_ssize_t size = self.available()
        cdef bint end
        cdef int event = GO_ON
        if <uint64_t>size >= self.left:
            size = self.left
            if self.frame.fin and self.fragments == 1 and not self.compressed and self.left == self.frame.length:
                return self.take_whole(size)
        elif size == 0:
            return CODEC_NOTHING
        end = self.frame.fin and <uint64_t>size == self.left
        if self.compressed:
            if size or end:
                event = self.take_compressed(size, end)
        elif size:
            event = self.take_plain(size)
        if event != GO_ON:
            return event
        self.left -= size
        if self.left:
            self.frame.key = fc_mask_rotate(self.frame.key, size)
            return GO_ON
        self.state = HEADER
        return self.end_message() if end else GO_ON

    cdef int take_whole(self, Py_ssize_t size) except -1:
        """The message is the next `size` bytes of the chunk: one pass from there to the application's object."""
        cdef const uint8_t *src
        cdef object data
        cdef uint8_t *dst
        if size == 0:
            return self.emit("" if self.opcode == FC_OP_TEXT else b"")
        src = self.here()
        self.position += size
        if self.opcode == FC_OP_BINARY:
            data = PyBytes_FromStringAndSize(NULL, size)
            fc_mask(<uint8_t *>PyBytes_AS_STRING(data), src, size, self.frame.key)
            return self.emit(data)
        data = PyUnicode_New(size, 127)
        dst = <uint8_t *>PyUnicode_DATA(data)
        if fc_mask(dst, src, size, self.frame.key) or size == 1:
            # Not ASCII: what was written is a buffer only, decoded to another str (or one character, which is shared).
            return self.decode_whole(<char *>dst, size)
        return self.emit(data)

    cdef int decode_whole(self, const char *data, Py_ssize_t size) except -1:
        cdef object text
        try:
            text = PyUnicode_DecodeUTF8(data, size, NULL)
        except UnicodeDecodeError:
            return self.fail(INVALID_DATA, "invalid UTF-8 in a text message")
        return self.emit(text)

    cdef int take_plain(self, Py_ssize_t size) except -1:
        """Part of a message: into the buffer. Invalid UTF-8 is refused with the byte that makes it so."""
        cdef uint8_t *dst
        cdef bint high
        self.reserve(size)
        dst = <uint8_t *>bytes_data(self.buffer) + self.held_bytes
        high = fc_mask(dst, self.here(), size, self.frame.key)
        self.position += size
        self.held_bytes += size
        if self.opcode == FC_OP_TEXT and (high or self.utf8.need) and not fc_utf8_check(&self.utf8, dst, size):
            return self.fail(INVALID_DATA, "invalid UTF-8 in a text message")
        return GO_ON

    cdef int take_compressed(self, Py_ssize_t size, bint end) except -1:
        """Part of a compressed message: inflated no further than one byte beyond the limit."""
        cdef bytes data = PyBytes_FromStringAndSize(NULL, size)
        cdef int64_t most = self.max_message_size - self.held_bytes
        cdef uint8_t *inflated
        if size:
            fc_mask(<uint8_t *>PyBytes_AS_STRING(data), self.here(), size, self.frame.key)
            self.position += size
        try:
            data = self.deflate.inflate(data, most, end)
        except zlib.error:
            return self.fail(INVALID_DATA, "message is not compressed by deflate")
        size = PyBytes_GET_SIZE(data)
        inflated = <uint8_t *>PyBytes_AS_STRING(data)
        if size > most:
            return self.fail(TOO_BIG, "message too large after inflating")
        if end and self.held_bytes == 0:
            return self.decode_whole(<char *>inflated, size) if self.opcode == FC_OP_TEXT else self.emit(data)
        if self.opcode == FC_OP_TEXT and not fc_utf8_check(&self.utf8, inflated, size):
            return self.fail(INVALID_DATA, "invalid UTF-8 in a text message")
        if size:
            self.reserve(size)
            memcpy(bytes_data(self.buffer) + self.held_bytes, inflated, size)
            self.held_bytes += size
        return GO_ON

    cdef int end_message(self) except -1:
        """The message is what the buffer holds."""
        cdef object data
        if self.opcode == FC_OP_TEXT:
            if self.utf8.need:
                return self.fail(INVALID_DATA, "text message ends inside a character")
            data = PyUnicode_DecodeUTF8(bytes_data(self.buffer), self.held_bytes, NULL) if self.held_bytes else ""
            return self.emit(data)
        if self.held_bytes == 0:
            return self.emit(b"")
        bytes_resize(&self.buffer, self.held_bytes)
        data = <object>self.buffer
        return self.emit(data)

    cdef int emit(self, object data) except -1:
        """A message is complete."""
        cdef bint text = self.opcode == FC_OP_TEXT
        self.drop_buffer()
        self.opcode = 0
        self.state = HEADER
        self.data = data
        return CODEC_TEXT if text else CODEC_BINARY

    cdef int reserve(self, Py_ssize_t more) except -1:
        """Room for more bytes: twice as much as before, but no more than the frame can fill."""
        cdef Py_ssize_t need = self.held_bytes + more
        cdef Py_ssize_t capacity = max(need, 2 * self.capacity, BUFFER_LEAST)
        if need <= self.capacity:
            return 0
        if self.frame.fin and not self.compressed:
            capacity = max(need, min(capacity, self.held_bytes + <Py_ssize_t>self.left))
        if self.buffer is NULL:
            self.buffer = bytes_new(NULL, capacity)
        else:
            self.capacity = 0       # should there be no memory, _PyBytes_Resize frees the buffer
            bytes_resize(&self.buffer, capacity)
        self.capacity = capacity
        return 0

    cdef int drop_buffer(self) except -1:
        Py_XDECREF(self.buffer)
        self.buffer = NULL
        self.capacity = 0
        self.held_bytes = 0
        return 0

    cdef int fail(self, int code, str reason) except -1:
        self.end_reading()
        self.data = None
        self.code = code
        self.reason = reason
        return CODEC_FAILED

    cdef int end_reading(self) except -1:
        """What comes now is not read, and what was held is not needed (RFC 6455 section 7.1.7)."""
        self.state = OVER
        self.chunk = None
        self.chunks = None
        return self.drop_buffer()

    # ---- out: messages to bytes --------------------------------------------------------------------------------------

    cdef bytes append_message(self, Output *out, object message):
        cdef const char *data
        cdef Py_ssize_t size
        cdef unsigned opcode = FC_OP_BINARY
        cdef bytes payload = None
        if PyUnicode_Check(message):
            opcode = FC_OP_TEXT
            data = utf8_of(message, &size)
        elif PyBytes_Check(message):
            data = PyBytes_AS_STRING(message)
            size = PyBytes_GET_SIZE(message)
            payload = message
        else:
            raise MessageError(f"a message is str or bytes, not {type(message).__name__}")
        if self.deflate is not None and size >= self.deflate.threshold:
            compressed = self.deflate.deflate(PyMemoryView_FromMemory(<char *>data, size, PyBUF_READ))
            if compressed is not None:
                payload = compressed
                return append_frame(out, opcode, True, PyBytes_AS_STRING(payload), PyBytes_GET_SIZE(payload), payload)
        return append_frame(out, opcode, False, data, size, payload)

    cdef int append_ping(self, Output *out, bytes data) except -1:
        check_control(data)
        return append_control(out, FC_OP_PING, PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))

    cdef int append_pong(self, Output *out, bytes data) except -1:
        check_control(data)
        return append_control(out, FC_OP_PONG, PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))

    cdef int append_close(self, Output *out, int code, str reason) except -1:
        cdef const char *data
        cdef Py_ssize_t size
        cdef uint8_t payload[125]
        if code == NO_CODE:
            return append_control(out, FC_OP_CLOSE, NULL, 0)
        check_close_code(code)
        data = utf8_of(reason, &size)
        if size > CLOSE_REASON_MAX:
            size = CLOSE_REASON_MAX
            while size and (data[size] & 0xc0) == 0x80:     # not inside a character
                size -= 1
        payload[0] = code >> 8
        payload[1] = code & 0xff
        memcpy(payload + 2, data, size)
        return append_control(out, FC_OP_CLOSE, <char *>payload, size + 2)


cdef int append_control(Output *out, unsigned opcode, const char *data, size_t size) except -1:
    append_frame(out, opcode, False, data, size, None)
    return 0


cdef bytes append_frame(Output *out, unsigned opcode, bint compressed, const char *data, size_t size, bytes whole):
    """A frame. A large payload is returned instead of appended: `whole`, if the data are those of a bytes object."""
    output_reserve(out, FC_FRAME_HEADER_MAX + (size if size < GATHER_BYTES else 0))
    out.len += fc_frame_write(<uint8_t *>out.data + out.len, opcode, compressed, size)
    if size >= GATHER_BYTES:
        return PyBytes_FromStringAndSize(data, size) if whole is None else whole
    if size:    # a close frame without a code has no data at all
        memcpy(out.data + out.len, data, size)
        out.len += size
    return None
