# SPDX-License-Identifier: MIT
# MessageDeflate: the compression of one WebSocket's messages (permessage-deflate, RFC 7692).

cimport cython


@cython.final
cdef class MessageDeflate:
    cdef readonly object parameters     # DeflateParameters
    cdef readonly Py_ssize_t threshold
    # zlib's objects; None until the first message, and between messages when no context is taken over.
    cdef object inflater
    cdef object deflater
    cdef bint inflater_is_new           # nothing was read since a final block
    cdef int final_blocks               # of the message that is being inflated

    cpdef bytes inflate(self, bytes data, Py_ssize_t most, bint end)
    cpdef bytes deflate(self, object message)
    cdef bytes inflate_more(self, bytes data, Py_ssize_t most)
