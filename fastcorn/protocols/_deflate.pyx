# SPDX-License-Identifier: MIT
"""MessageDeflate: the compression of one WebSocket's messages (permessage-deflate, RFC 7692 section 7.2).

Both engines call it; it calls Python's zlib, so that no header of zlib is needed to build. zlib's states are most of a
WebSocket's memory (some 11 KiB to read and 33 KiB to write with the defaults): each is made by the first message
that needs it, and kept from one message to the next only where that was agreed.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE

import zlib

# What a sender takes from the end of a compressed message and a receiver puts back (sections 7.2.1 and 7.2.2).
cdef bytes TAIL = b"\x00\x00\xff\xff"

cdef enum:
    # Blocks marked as final in one message; each costs a new state, and no sender writes more than one.
    FINAL_BLOCKS_MAX = 8


@cython.final
cdef class MessageDeflate:
    """The compression of one WebSocket's messages.

    Args:
        parameters: what was agreed (fastcorn.protocols.permessage_deflate.DeflateParameters).
    """

    def __init__(self, parameters):
        self.parameters = parameters
        self.threshold = max(1, parameters.threshold)   # nothing is no shorter

    cpdef bytes inflate(self, bytes data, Py_ssize_t most, bint end):
        """Part of a message as it was before it was compressed.

        Args:
            data: the next compressed bytes of the message.
            most: bytes that may come out; a longer result means that there are more, and ends the use of this object.
            end: the message ends with data.

        Raises:
            zlib.error: data is not compressed by deflate.
        """
        cdef bytes out
        if end and not (self.inflater_is_new and PyBytes_GET_SIZE(data) == 0):
            data += TAIL
        out = self.inflate_more(data, most)
        if end:
            self.final_blocks = 0
            self.inflater_is_new = False
            if self.parameters.client_no_context_takeover:
                self.inflater = None
        return out

    cdef bytes inflate_more(self, bytes data, Py_ssize_t most):
        cdef bytes out = b""
        while data:
            if self.inflater is None:
                self.inflater = zlib.decompressobj(-self.parameters.client_window_bits)
            out += self.inflater.decompress(data, most + 1 - PyBytes_GET_SIZE(out))
            self.inflater_is_new = False
            if PyBytes_GET_SIZE(out) > most or not self.inflater.eof:
                break
            # A final block (section 7.2.3.4): what follows begins anew, and what follows may be no more than the tail.
            self.final_blocks += 1
            if self.final_blocks > FINAL_BLOCKS_MAX:
                raise zlib.error("too many final blocks")
            data = self.inflater.unused_data
            self.inflater = None
            self.inflater_is_new = True
            if data == TAIL:
                break
        return out

    cpdef bytes deflate(self, object message):
        """A compressed message, or None when it is to be sent as it is.

        With context takeover a message that does not shrink is sent compressed all the same, a few bytes longer: the
        window already holds it, and the client's must agree.

        Args:
            message: bytes or a view of bytes, at least one byte.
        """
        cdef bytes payload
        if not self.parameters.level:
            return None
        if self.deflater is None:
            self.deflater = zlib.compressobj(
                self.parameters.level, zlib.DEFLATED, -self.parameters.server_window_bits, self.parameters.memory_level
            )
        payload = self.deflater.compress(message)
        payload += self.deflater.flush(zlib.Z_SYNC_FLUSH)
        payload = PyBytes_FromStringAndSize(PyBytes_AS_STRING(payload), PyBytes_GET_SIZE(payload) - 4)  # less TAIL
        if self.parameters.server_no_context_takeover:
            self.deflater = None
            if PyBytes_GET_SIZE(payload) >= len(message):
                return None
        return payload
