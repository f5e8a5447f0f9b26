# SPDX-License-Identifier: MIT
# Writer: what a connection has to write, and how it leaves.

from libc.stdint cimport int64_t

from fastcorn.asgi._context cimport Context
from fastcorn.protocols._output cimport Output


cdef class Writer:
    cdef Context context
    cdef object transport           # None when the connection is lost
    cdef int fd                     # the socket, to send past the transport; -1 = only the transport writes
    cdef int socket                 # the socket, to ask the kernel about it; -1 = it is closing or there is none
    cdef bint transport_busy        # the transport had something queued when we last looked
    cdef bint paused                # the transport has more queued than its high-water mark
    cdef Output out                 # encoded and not yet written
    cdef list waiters               # futures of drain(); None = none
    cdef Py_ssize_t queued_bytes    # of the transport, at the last tick
    cdef double progress            # when queued_bytes last changed, on the clock of the context

    cdef int begin(self) except -1
    cdef int append(self, bytes data) except -1
    cdef int append_length(self, int64_t length) except -1
    cdef int append_chunk_size(self, Py_ssize_t len) except -1
    cdef int flush(self) except -1
    cdef int flush_with(self, bytes data) except -1
    cdef int write(self, bytes data) except -1
    cdef object drain(self)
    cdef int resume(self) except -1
    cdef bint stalled(self) except -1
    cdef Py_ssize_t unsent(self) except -1
    cdef int close(self) except -1
    cdef int shut(self, bint reading_paused) except -1
    cdef int abort(self) except -1
    cdef int drop(self) except -1
    cdef int lost(self) except -1

    cdef bint can_send(self) except -1
    cdef int hand_over(self, object data) except -1
    cdef int release(self) except -1


cdef Writer new_writer(Context context)


cdef enum:
    # Output that is collected before it is written: the default high-water mark of asyncio's transports.
    FLUSH_BYTES = 64 * 1024
