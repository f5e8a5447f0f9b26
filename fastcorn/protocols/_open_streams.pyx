# SPDX-License-Identifier: MIT
"""OpenStreams: the streams of an HTTP/2 connection by their ids.

Used by H2Connection, once to open a stream, once for each frame on it and once to close it. A dict would make a number
object each time and cost four times as much.
"""

cimport cython
from cpython.list cimport PyList_GET_ITEM, PyList_GET_SIZE
from libc.stdint cimport uint32_t

from fastcorn.protocols._http2_stream cimport H2Stream


cdef enum:
    SMALLEST = 8        # slots, a power of two
    LARGEST_EMPTY = 32  # that are kept when the last stream has gone


cdef inline uint32_t home_of(uint32_t id, uint32_t mask) noexcept:
    # A client's ids follow one another, and are odd; the server's are even.
    return (id >> 1) * <uint32_t>2654435769 >> 7 & mask


@cython.final
cdef class OpenStreams:
    """The streams of a connection that are open."""

    def __cinit__(self):
        self.slots = [None] * SMALLEST
        self.mask = SMALLEST - 1

    def __len__(self):
        return self.count

    cdef H2Stream find(self, uint32_t id):
        cdef uint32_t slot = home_of(id, self.mask)
        while True:
            stream = <object>PyList_GET_ITEM(self.slots, slot)
            if stream is None or (<H2Stream>stream).id == id:
                return <H2Stream>stream
            slot = (slot + 1) & self.mask

    cdef int add(self, H2Stream stream) except -1:
        """Add a stream that is not there."""
        if 4 * (self.count + 1) > 3 * PyList_GET_SIZE(self.slots):
            self.resize(2 * PyList_GET_SIZE(self.slots))
        self.count += 1
        return self.insert(stream)

    cdef int insert(self, H2Stream stream) except -1:
        cdef uint32_t slot = home_of(stream.id, self.mask)
        while <object>PyList_GET_ITEM(self.slots, slot) is not None:
            slot = (slot + 1) & self.mask
        self.slots[slot] = stream
        return 0

    cdef int remove(self, uint32_t id) except -1:
        """Take a stream out, if it is there, and move those up that would not be found any more."""
        cdef uint32_t hole = home_of(id, self.mask)
        cdef uint32_t slot
        while True:
            stream = <object>PyList_GET_ITEM(self.slots, hole)
            if stream is None:
                return 0
            if (<H2Stream>stream).id == id:
                break
            hole = (hole + 1) & self.mask
        slot = hole
        while True:
            slot = (slot + 1) & self.mask
            stream = <object>PyList_GET_ITEM(self.slots, slot)
            if stream is None:
                break
            if ((slot - home_of((<H2Stream>stream).id, self.mask)) & self.mask) >= ((slot - hole) & self.mask):
                self.slots[hole] = stream
                hole = slot
        self.slots[hole] = None
        self.count -= 1
        if self.count == 0 and self.mask >= LARGEST_EMPTY:
            self.resize(SMALLEST)
        return 0

    cdef int resize(self, Py_ssize_t size) except -1:
        slots, self.slots = self.slots, [None] * size
        self.mask = <uint32_t>size - 1
        for stream in slots:
            if stream is not None:
                self.insert(<H2Stream>stream)
        return 0

    cdef list all(self):
        cdef list streams = [stream for stream in self.slots if stream is not None]
        streams.sort(key=id_of)
        return streams


def id_of(stream):
    return (<H2Stream>stream).id


# ---- for tests -----------------------------------------------------------------------------------------------------

def check_against_a_dict(steps):
    """Open (id > 0) and close (id < 0) streams of these ids; the ids that are open at the end, each found by its own."""
    cdef OpenStreams streams = OpenStreams()
    cdef H2Stream stream
    for step in steps:
        if step < 0:
            streams.remove(-step)
            continue
        stream = H2Stream.__new__(H2Stream)
        stream.id = step
        streams.add(stream)
    for found in streams.all():
        assert streams.find((<H2Stream>found).id) is found
    assert streams.find(0) is None and len(streams) == len(streams.all())
    return [(<H2Stream>found).id for found in streams.all()]
