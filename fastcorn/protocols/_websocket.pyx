# SPDX-License-Identifier: MIT
"""NativeCodec: the WebSocket protocol (RFC 6455) on the server's side, with permessage-deflate (RFC 7692).

WebSocketConnection feeds it bytes and asks for events (`_codec.pxd`); csrc/frame.c, mask.c and utf8.c do the work on
bytes. A message that comes in one frame, whole, is unmasked into the str or bytes that the application gets; any other
is collected in a buffer that grows with what has come, not with what a header claims.
"""

import zlib

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.memoryview cimport PyMemoryView_FromMemory
from libc.stdint cimport int32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memset

from fastcorn.errors import MessageError

from fastcorn.protocols._codec cimport (
    CODEC_BINARY, CODEC_CLOSE, CODEC_FAILED, CODEC_NOTHING, CODEC_PING, CODEC_PONG, CODEC_TEXT, WebSocketCodec,
)
from fastcorn.protocols._output cimport Output, output_append, output_reserve


cdef extern from "Python.h":
    int PyBUF_READ
    object PyUnicode_New(Py_ssize_t size, Py_UCS4 maxchar)
    void *PyUnicode_1BYTE_DATA(object text)
    object PyUnicode_DecodeUTF8(const char *data, Py_ssize_t size, const char *errors)
    const char *PyUnicode_AsUTF8AndSize(object text, Py_ssize_t *size) except NULL
    bint PyUnicode_CheckExact(object value)
    bint PyUnicode_Check(object value)


cdef enum:
    # From here on a payload is written from where it is instead of being copied behind its header.
    GATHER_BYTES = 16 * 1024
    # A message buffer that has grown beyond this is given back after its message.
    KEEP_BYTES = 4 * 1024

# What a message that was compressed ends with, less these bytes (RFC 7692 section 7.2.1).
cdef bytes TAIL = b"\x00\x00\xff\xff"


@cython.final
cdef class NativeCodec(WebSocketCodec):
    """The compiled engine.

    Args:
        settings: has websocket_max_message_size (bytes, after inflating) and websocket_max_fragments.
        deflate: what permessage-deflate was agreed with (permessage_deflate.DeflateParameters), or None.
    """

    def __init__(self, settings, deflate):
        self.max_message = settings.websocket_max_message_size
        self.max_fragments = settings.websocket_max_fragments
        self.deflate = deflate
        self.buf = b""

    def __dealloc__(self):
        free(self.message.data)

    # ---- bytes to events -------------------------------------------------------------------------------------------

    cdef int feed(self, bytes data) except -1:
        if self.ended:
            return 0
        if self.pos == PyBytes_GET_SIZE(self.buf):
            self.buf = data
        else:
            self.buf = self.buf[self.pos:] + data
        self.pos = 0
        return 0

    cdef int next_event(self) except -1:
        cdef Py_ssize_t left
        cdef const char *data
        cdef int32_t used
        cdef int event
        while not self.ended:
            data = PyBytes_AS_STRING(self.buf) + self.pos
            left = PyBytes_GET_SIZE(self.buf) - self.pos
            if not self.in_frame:
                used = fc_frame_parse(data, left, self.deflate is not None, &self.frame)
                if used < 0:
                    return self.fail(1002, fc_frame_reason(used).decode("ascii"))
                if used == 0:
                    break
                self.pos += used
                self.in_frame = True
                self.taken = 0
                event = self.begin_frame()
                if event != CODEC_NOTHING:
                    return event
                continue
            if <uint64_t>left > self.frame.len - self.taken:
                left = <Py_ssize_t>(self.frame.len - self.taken)
            elif left == 0 and self.taken < self.frame.len:
                break
            self.pos += left
            if self.frame.opcode >= FC_OPCODE_CLOSE:
                event = self.take_control(data, left)
            else:
                event = self.take_data(data, left)
            if event != CODEC_NOTHING:
                return event
        if self.pos and self.pos == PyBytes_GET_SIZE(self.buf):
            self.buf = b""
            self.pos = 0
        return CODEC_NOTHING

    cdef int begin_frame(self) except -1:
        """A header has come: whether the frame may be here, and whether its message may become so long."""
        if self.frame.opcode >= FC_OPCODE_CLOSE:
            return CODEC_NOTHING
        if self.frame.opcode == FC_OPCODE_CONTINUATION:
            if self.opcode == 0:
                return self.fail(1002, "a continuation without a message")
            if self.frame.rsv1:
                return self.fail(1002, "a reserved bit is set")     # RFC 7692 section 6.1: in the first frame only
        else:
            if self.opcode != 0:
                return self.fail(1002, "a new message within a fragmented one")
            self.opcode = self.frame.opcode
            self.compressed = self.frame.rsv1
            self.fragments = 0
        self.fragments += 1
        if self.fragments > self.max_fragments:
            return self.fail(1008, "too many fragments")
        if self.frame.len + (0 if self.compressed else self.message.len) > self.max_message:
            return self.fail(1009, "the message is too long")
        return CODEC_NOTHING

    cdef int take_control(self, const char *data, Py_ssize_t len) except -1:
        fc_mask_copy(self.control + self.taken, data, len, self.frame.mask, self.taken)
        self.taken += len
        if self.taken < self.frame.len:
            return CODEC_NOTHING
        self.in_frame = False
        if self.frame.opcode == FC_OPCODE_CLOSE:
            return self.take_close()
        self.data = PyBytes_FromStringAndSize(self.control, self.frame.len)
        return CODEC_PING if self.frame.opcode == FC_OPCODE_PING else CODEC_PONG

    cdef int take_close(self) except -1:
        """The close frame: a code and a reason, or nothing (RFC 6455 sections 5.5.1 and 7.4)."""
        cdef fc_utf8 utf8
        cdef Py_ssize_t len = self.frame.len
        cdef int code
        if len == 0:
            self.code = 1005
            self.reason = ""
        elif len == 1:
            return self.fail(1002, "a close frame of one byte")
        else:
            code = <unsigned char>self.control[0] << 8 | <unsigned char>self.control[1]
            if not is_close_code(code):
                return self.fail(1002, "a close code that must not be sent")
            memset(&utf8, 0, sizeof(utf8))
            if not fc_utf8_check(&utf8, self.control + 2, len - 2) or utf8.more:
                return self.fail(1007, "the reason of a close frame is not UTF-8")
            self.code = code
            self.reason = PyUnicode_DecodeUTF8(self.control + 2, len - 2, NULL)
        self.ended = True
        self.drop_message()
        return CODEC_CLOSE

    cdef int take_data(self, const char *data, Py_ssize_t len) except -1:
        cdef Output *message = &self.message
        cdef uint64_t phase = self.taken
        self.taken += len
        if self.taken == self.frame.len:
            self.in_frame = False
            if self.frame.fin and phase == 0 and self.fragments == 1 and not self.compressed:
                return self.take_whole(data, len)
        if self.compressed:
            unmasked = PyBytes_FromStringAndSize(NULL, len)
            fc_mask_copy(PyBytes_AS_STRING(unmasked), data, len, self.frame.mask, phase)
            if len and self.inflate(PyBytes_AS_STRING(unmasked), len) != CODEC_NOTHING:
                return CODEC_FAILED
        else:
            output_reserve(message, len)
            fc_mask_copy(message.data + message.len, data, len, self.frame.mask, phase)
            if self.opcode == FC_OPCODE_TEXT and not fc_utf8_check(&self.utf8, message.data + message.len, len):
                return self.fail(1007, "a text is not UTF-8")
            message.len += len
        self.held_bytes = message.len
        if self.in_frame or not self.frame.fin:
            return CODEC_NOTHING
        return self.finish_message()

    cdef int take_whole(self, const char *data, Py_ssize_t len) except -1:
        """A message in one frame that is all there: unmask it into what the application gets."""
        cdef char *text
        cdef uint8_t opcode = self.opcode
        self.opcode = 0
        if opcode == FC_OPCODE_BINARY:
            self.data = PyBytes_FromStringAndSize(NULL, len)
            fc_mask_copy(PyBytes_AS_STRING(self.data), data, len, self.frame.mask, 0)
            return CODEC_BINARY
        if len == 0:
            self.data = ""
            return CODEC_TEXT
        # Most texts are ASCII, and then this one is finished. Nobody has seen it, so it may be anything until then.
        ascii = PyUnicode_New(len, 127)
        text = <char *>PyUnicode_1BYTE_DATA(ascii)
        fc_mask_copy(text, data, len, self.frame.mask, 0)
        if fc_ascii_prefix(text, len) == <size_t>len:
            self.data = ascii
            return CODEC_TEXT
        try:
            self.data = PyUnicode_DecodeUTF8(text, len, NULL)
        except UnicodeDecodeError:
            return self.fail(1007, "a text is not UTF-8")
        finally:
            memset(text, 0, len)    # a debug build of Python checks that an ASCII str is ASCII
        return CODEC_TEXT

    cdef int finish_message(self) except -1:
        """The last byte of a message has come."""
        cdef int event
        if self.compressed:
            if self.inflate(PyBytes_AS_STRING(TAIL), 4) != CODEC_NOTHING:
                return CODEC_FAILED
            if not self.deflate.receive_takeover:
                self.inflater = None
        if self.opcode == FC_OPCODE_TEXT:
            if self.utf8.more:
                return self.fail(1007, "a text ends within a character")
            self.data = PyUnicode_DecodeUTF8(self.message.data, self.message.len, NULL) if self.message.len else ""
            event = CODEC_TEXT
        else:
            self.data = PyBytes_FromStringAndSize(self.message.data, self.message.len)
            event = CODEC_BINARY
        self.drop_message()
        return event

    cdef int inflate(self, const char *data, Py_ssize_t len) except -1:
        """Inflate a piece of a message, up to the limit: what would be longer costs no more than that."""
        cdef uint64_t room = self.max_message - self.message.len
        cdef bytes inflated, rest
        if self.inflater is None:
            # zlib cannot inflate raw data of a window of 8 bits as such; a larger window reads it.
            self.inflater = zlib.decompressobj(-max(self.deflate.receive_bits, 9))
        try:
            inflated = self.inflater.decompress(PyMemoryView_FromMemory(<char *>data, len, PyBUF_READ), room + 1)
        except zlib.error:
            return self.fail(1007, "compressed data is wrong")
        if <uint64_t>PyBytes_GET_SIZE(inflated) > room or self.inflater.unconsumed_tail:
            return self.fail(1009, "the message is too long")
        if self.keep(PyBytes_AS_STRING(inflated), PyBytes_GET_SIZE(inflated)) != CODEC_NOTHING:
            return CODEC_FAILED
        if self.inflater.eof:
            # A final block ends the stream; what follows begins a new one (RFC 7692 section 7.2.3.4).
            rest = self.inflater.unused_data
            self.inflater = None
            if rest:
                return self.inflate(PyBytes_AS_STRING(rest), PyBytes_GET_SIZE(rest))
        return CODEC_NOTHING

    cdef int keep(self, const char *data, Py_ssize_t len) except -1:
        if self.opcode == FC_OPCODE_TEXT and not fc_utf8_check(&self.utf8, data, len):
            return self.fail(1007, "a text is not UTF-8")
        output_append(&self.message, data, len)
        return CODEC_NOTHING

    cdef int fail(self, int code, str reason) except -1:
        self.ended = True
        self.code = code
        self.reason = reason
        self.drop_message()
        return CODEC_FAILED

    cdef int drop_message(self) except -1:
        self.opcode = 0
        self.message.len = 0
        self.held_bytes = 0
        memset(&self.utf8, 0, sizeof(self.utf8))
        if self.message.capacity > KEEP_BYTES or self.ended:
            free(self.message.data)
            self.message.data = NULL
            self.message.capacity = 0
        if self.ended:
            self.buf = b""
            self.pos = 0
            self.inflater = None
        return 0

    # ---- messages to bytes -----------------------------------------------------------------------------------------

    cdef bytes append_message(self, Output *out, object message):
        cdef const char *text
        cdef Py_ssize_t len
        if PyUnicode_Check(message):
            try:
                text = PyUnicode_AsUTF8AndSize(message, &len)
            except UnicodeEncodeError as error:
                raise MessageError(f"'text' of 'websocket.send' cannot be sent as UTF-8: {error.reason}") from None
            return self.append_data(out, FC_OPCODE_TEXT, text, len, None)
        return self.append_data(out, FC_OPCODE_BINARY, PyBytes_AS_STRING(message), PyBytes_GET_SIZE(message), message)

    cdef bytes append_data(self, Output *out, fc_opcode opcode, const char *data, Py_ssize_t len, bytes owner):
        cdef bint compressed = self.deflate is not None and len >= self.deflate.threshold
        if compressed:
            owner = self.compress(data, len)
            data = PyBytes_AS_STRING(owner)
            len = PyBytes_GET_SIZE(owner)
        output_reserve(out, 10)
        out.len += fc_frame_write(out.data + out.len, opcode, compressed, len)
        if owner is not None and len >= GATHER_BYTES:
            return owner
        output_append(out, data, len)
        return None

    cdef bytes compress(self, const char *data, Py_ssize_t len):
        cdef bytes made
        if self.compressor is None:
            # zlib has no raw window of 8 bits for compressing; with 9 it never looks back further than 250 bytes.
            self.compressor = zlib.compressobj(
                self.deflate.level, zlib.DEFLATED, -max(self.deflate.send_bits, 9), self.deflate.memory_level
            )
        made = self.compressor.compress(PyMemoryView_FromMemory(<char *>data, len, PyBUF_READ))
        made += self.compressor.flush(zlib.Z_SYNC_FLUSH)
        if not self.deflate.send_takeover:
            self.compressor = None
        return made[:PyBytes_GET_SIZE(made) - 4]    # less TAIL

    cdef int append_ping(self, Output *out, bytes data) except -1:
        self.append_control(out, FC_OPCODE_PING, data)
        return 0

    cdef int append_pong(self, Output *out, bytes data) except -1:
        self.append_control(out, FC_OPCODE_PONG, data)
        return 0

    cdef int append_close(self, Output *out, int code, str reason) except -1:
        cdef bytes payload = b""
        if code != 1005:
            payload = bytes((code >> 8, code & 0xFF)) + shortened(reason, CONTROL_BYTES - 2)
        self.append_control(out, FC_OPCODE_CLOSE, payload)
        return 0

    cdef int append_control(self, Output *out, fc_opcode opcode, bytes payload) except -1:
        cdef Py_ssize_t len = PyBytes_GET_SIZE(payload)
        if len > CONTROL_BYTES:
            raise ValueError("a control frame has at most 125 bytes")
        output_reserve(out, 2 + len)
        out.len += fc_frame_write(out.data + out.len, opcode, False, len)
        return output_append(out, PyBytes_AS_STRING(payload), len)


cdef bint is_close_code(int code) noexcept:
    """Whether a peer may send it (RFC 6455 section 7.4, and the codes registered since: 1012 to 1014)."""
    return 1000 <= code <= 1003 or 1007 <= code <= 1014 or 3000 <= code <= 4999


cdef bytes shortened(str reason, Py_ssize_t most):
    """A reason as UTF-8, cut between two characters to what a close frame holds."""
    cdef bytes encoded = reason.encode("utf-8", "replace")
    if PyBytes_GET_SIZE(encoded) <= most:
        return encoded
    return encoded[:most].decode("utf-8", "ignore").encode("utf-8")


def unmask(bytes data not None, bytes mask not None, uint64_t phase=0):
    """The payload of a masked frame; for tests and benchmarks."""
    cdef bytes made = PyBytes_FromStringAndSize(NULL, PyBytes_GET_SIZE(data))
    if PyBytes_GET_SIZE(mask) != 4:
        raise ValueError("a mask has four bytes")
    fc_mask_copy(
        PyBytes_AS_STRING(made), PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data),
        <const unsigned char *>PyBytes_AS_STRING(mask), phase,
    )
    return made
