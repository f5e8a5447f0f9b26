# SPDX-License-Identifier: MIT
"""Priorities of responses (RFC 9218): parse_priority() reads what a client asks for, WriteQueue says who writes next.

Called by H2Connection, which adds a stream when it has something to write that the windows let out, takes one, writes
a part of it and adds it again while there is more. Calls csrc/priority.c.
"""

cimport cython
from cpython.object cimport PyObject
from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport free, realloc


cdef extern from "priority.h":
    int FC_URGENCY_DEFAULT
    int FC_URGENCY_MAX

    ctypedef struct fc_priority:
        int urgency
        int incremental

    int fc_priority_parse(const char *src, size_t len, fc_priority *priority)


cdef enum:
    URGENCY_SHIFT = 56      # above 2^56 turns, which no connection lives to see
    SMALLEST_HEAP = 8
    LARGEST_EMPTY = 32      # streams that there is room for when none is left


cpdef tuple parse_priority(bytes value):
    """(urgency, incremental) of a Priority field or a PRIORITY_UPDATE frame: 0 to 7, lower first, and a bool.

    What is wrong or unknown is ignored (RFC 9218 section 4): of nothing at all the answer is (3, False).
    """
    cdef fc_priority priority
    fc_priority_parse(value, len(value), &priority)
    return priority.urgency, priority.incremental != 0


# ---- the heap ------------------------------------------------------------------------------------------------------

cdef inline uint64_t key_at(const Heap *heap, Py_ssize_t place) noexcept:
    return (<QueueEntry>heap.items[place]).key


cdef inline void put_at(Heap *heap, Py_ssize_t place, PyObject *item) noexcept:
    heap.items[place] = item
    (<QueueEntry>item).place = place


cdef void move_up(Heap *heap, Py_ssize_t place) noexcept:
    cdef PyObject *item = heap.items[place]
    cdef uint64_t key = (<QueueEntry>item).key
    cdef Py_ssize_t parent
    while place > 0:
        parent = (place - 1) // 2
        if key_at(heap, parent) <= key:
            break
        put_at(heap, place, heap.items[parent])
        place = parent
    put_at(heap, place, item)


cdef void move_down(Heap *heap, Py_ssize_t place) noexcept:
    cdef PyObject *item = heap.items[place]
    cdef uint64_t key = (<QueueEntry>item).key
    cdef Py_ssize_t child = 2 * place + 1
    while child < heap.count:
        if child + 1 < heap.count and key_at(heap, child + 1) < key_at(heap, child):
            child += 1
        if key <= key_at(heap, child):
            break
        put_at(heap, place, heap.items[child])
        place = child
        child = 2 * place + 1
    put_at(heap, place, item)


cdef int heap_add(Heap *heap, QueueEntry entry) except -1:
    cdef Py_ssize_t capacity
    cdef PyObject **items
    if heap.count == heap.capacity:
        capacity = max(heap.capacity * 2, SMALLEST_HEAP)
        items = <PyObject **>realloc(heap.items, capacity * sizeof(PyObject *))
        if items is NULL:
            raise MemoryError
        heap.items = items
        heap.capacity = capacity
    heap.items[heap.count] = <PyObject *>entry
    heap.count += 1
    move_up(heap, heap.count - 1)
    return 0


cdef void heap_remove(Heap *heap, Py_ssize_t place) noexcept:
    heap.count -= 1
    if place < heap.count:
        put_at(heap, place, heap.items[heap.count])
        move_down(heap, place)
        move_up(heap, place)


# ---- the queue -----------------------------------------------------------------------------------------------------

@cython.final
@cython.freelist(64)
cdef class QueueEntry:
    """A stream that waits to write."""


@cython.final
cdef class WriteQueue:
    """The streams of one connection that have something to write; the most urgent is taken first.

    Among equals (RFC 9218 section 10) those that are not incremental are taken in the order of their ids, each until it
    is done, and incremental ones one after another. Where there are both, the two kinds take turns, so that neither
    waits for the end of the other. Every operation takes O(log n).
    """

    def __cinit__(self):
        self.entries = {}

    def __dealloc__(self):
        free(self.ordered.items)
        free(self.shared.items)

    def __len__(self):
        return len(self.entries)

    cpdef int add(self, uint32_t stream_id, object stream, int urgency, bint incremental) except -1:
        """Queue a stream; one that is queued already keeps its turn and gets this priority."""
        cdef QueueEntry entry = self.entries.get(stream_id)
        if entry is not None:
            entry.stream = stream
            return self.update(stream_id, urgency, incremental)
        entry = QueueEntry.__new__(QueueEntry)
        entry.stream_id = stream_id
        entry.stream = stream
        self.entries[stream_id] = entry
        return self.insert(entry, urgency, incremental)

    cpdef int discard(self, uint32_t stream_id) except -1:
        """Take a stream out, if it is there."""
        cdef QueueEntry entry = self.entries.get(stream_id)
        if entry is not None:
            heap_remove(self.heap_of(entry), entry.place)
            del self.entries[stream_id]
            self.shrink(self.heap_of(entry))
        return 0

    cpdef int update(self, uint32_t stream_id, int urgency, bint incremental) except -1:
        """Give a stream another priority, if it is there; an incremental one keeps its turn among its new equals."""
        cdef QueueEntry entry = self.entries.get(stream_id)
        cdef Heap *heap
        if entry is None:
            return 0
        heap = self.heap_of(entry)
        if entry.incremental != incremental:
            heap_remove(heap, entry.place)
            return self.insert(entry, urgency, incremental)
        entry.key = <uint64_t>clamped(urgency) << URGENCY_SHIFT | entry.key & ((<uint64_t>1 << URGENCY_SHIFT) - 1)
        move_down(heap, entry.place)
        move_up(heap, entry.place)
        return 0

    cpdef object take(self):
        """Take out the stream that is to write next; None = there is none."""
        cdef Heap *heap = &self.ordered
        cdef QueueEntry entry
        cdef uint64_t ordered, shared
        if self.shared.count:
            if self.ordered.count == 0:
                heap = &self.shared
            else:
                ordered = key_at(&self.ordered, 0) >> URGENCY_SHIFT
                shared = key_at(&self.shared, 0) >> URGENCY_SHIFT
                if shared < ordered or (shared == ordered and self.shared_next):
                    heap = &self.shared
                self.shared_next = heap == &self.ordered
        elif self.ordered.count == 0:
            return None
        entry = <QueueEntry>heap.items[0]
        heap_remove(heap, 0)
        del self.entries[entry.stream_id]
        self.shrink(heap)
        return entry.stream

    cdef int insert(self, QueueEntry entry, int urgency, bint incremental) except -1:
        entry.incremental = incremental
        if incremental:
            self.turns += 1
            entry.key = self.turns
        else:
            entry.key = entry.stream_id
        entry.key |= <uint64_t>clamped(urgency) << URGENCY_SHIFT
        return heap_add(self.heap_of(entry), entry)

    cdef int shrink(self, Heap *heap) except -1:
        """Give back what a crowd has left: neither a heap nor a dict shrinks by itself."""
        if heap.count == 0 and heap.capacity > LARGEST_EMPTY:
            free(heap.items)
            heap.items = NULL
            heap.capacity = 0
            if not self.entries:
                self.entries.clear()
        return 0

    cdef Heap *heap_of(self, QueueEntry entry) noexcept:
        return &self.shared if entry.incremental else &self.ordered


cdef inline int clamped(int urgency) noexcept:
    return min(max(urgency, 0), FC_URGENCY_MAX)
