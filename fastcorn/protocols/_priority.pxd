# SPDX-License-Identifier: MIT
# Priorities of responses (RFC 9218): what a client asks for, and the queue of streams that have something to write.

from cpython.object cimport PyObject
from libc.stdint cimport uint32_t, uint64_t


cpdef tuple parse_priority(bytes value)


# A binary heap of entries, smallest key first. The entries are borrowed: WriteQueue.entries keeps them alive.
cdef struct Heap:
    PyObject **items
    Py_ssize_t count
    Py_ssize_t capacity


cdef class QueueEntry:
    cdef uint32_t stream_id
    cdef object stream
    cdef bint incremental
    cdef uint64_t key           # urgency in the highest byte, then the order within it
    cdef Py_ssize_t place       # in its heap


cdef class WriteQueue:
    cdef dict entries           # by stream id
    cdef Heap ordered           # not incremental: by stream id
    cdef Heap shared            # incremental: by turn
    cdef uint64_t turns
    cdef bint shared_next       # of one urgency, both kinds take turns

    cpdef int add(self, uint32_t stream_id, object stream, int urgency, bint incremental) except -1
    cpdef int discard(self, uint32_t stream_id) except -1
    cpdef int update(self, uint32_t stream_id, int urgency, bint incremental) except -1
    cpdef object take(self)
    cdef int insert(self, QueueEntry entry, int urgency, bint incremental) except -1
    cdef int shrink(self, Heap *heap) except -1
    cdef Heap *heap_of(self, QueueEntry entry) noexcept
