# SPDX-License-Identifier: MIT
# StreamTable: the streams of a connection that are not closed, by id, and ClosedStreams: how the last ones were closed.
# Zero-filled is empty. A pointer into the table is good until the next stream is added or removed.

from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset


cdef enum:
    SMALLEST_TABLE = 8      # slots, a power of two
    LARGEST_EMPTY = 32      # slots that are kept when the last stream has gone
    CLOSED_STREAMS = 256    # that are remembered: frames for them may be on the way
    SMALLEST_RING = 16      # of these, before there were so many; a power of two


# A stream that neither side, or only one of them, has ended.
cdef struct StreamState:
    uint32_t id             # 0 = the slot is free
    uint8_t remote_ended    # END_STREAM has come
    uint8_t local_ended     # END_STREAM has left
    int64_t send_window     # below 0 after SETTINGS that made it smaller (RFC 9113 section 6.9.2)
    int64_t room            # DATA bytes that may come


# Open addressing: a stream is in the first free slot from that of its hash on.
cdef struct StreamTable:
    StreamState *slots
    uint32_t count
    uint32_t capacity       # a power of two, at most three quarters full


cdef enum Closing:
    NEVER_OPEN = 0          # or forgotten
    ENDED_BOTH
    RESET_BY_CLIENT
    RESET_BY_SERVER
    RESET_AFTER_END     # both sides had ended it, and then came DATA
    RESET_UNOPENED      # DATA came on a stream that was passed over, or is forgotten


cdef struct ClosedStreams:
    uint32_t *ids           # when it has its full length, a ring: the newest is before `next`
    uint8_t *closings
    uint32_t next
    uint32_t capacity


cdef inline uint32_t slot_of(const StreamTable *table, uint32_t id) noexcept:
    return (id * <uint32_t>2654435769) >> 7 & (table.capacity - 1)


cdef inline StreamState *find_stream(const StreamTable *table, uint32_t id) noexcept:
    """NULL = there is none."""
    cdef uint32_t slot
    if table.count == 0:
        return NULL
    slot = slot_of(table, id)
    while table.slots[slot].id:
        if table.slots[slot].id == id:
            return &table.slots[slot]
        slot = (slot + 1) & (table.capacity - 1)
    return NULL


cdef inline StreamState *free_slot(StreamTable *table, uint32_t id) noexcept:
    cdef uint32_t slot = slot_of(table, id)
    while table.slots[slot].id:
        slot = (slot + 1) & (table.capacity - 1)
    return &table.slots[slot]


cdef inline int resize_table(StreamTable *table, uint32_t capacity) except -1:
    cdef StreamTable larger
    cdef uint32_t slot
    larger.capacity = capacity
    larger.count = table.count
    larger.slots = <StreamState *>calloc(capacity, sizeof(StreamState))
    if larger.slots is NULL:
        raise MemoryError
    for slot in range(table.capacity):
        if table.slots[slot].id:
            free_slot(&larger, table.slots[slot].id)[0] = table.slots[slot]
    free(table.slots)
    table[0] = larger
    return 0


cdef inline StreamState *add_stream(StreamTable *table, uint32_t id) except NULL:
    """A new stream, that is not in the table."""
    cdef StreamState *stream
    if 4 * (table.count + 1) > 3 * table.capacity:
        resize_table(table, max(table.capacity * 2, <uint32_t>SMALLEST_TABLE))
    stream = free_slot(table, id)
    memset(stream, 0, sizeof(StreamState))
    stream.id = id
    table.count += 1
    return stream


cdef inline int remove_stream(StreamTable *table, StreamState *stream) except -1:
    """Take a stream out, and move those up that would not be found any more."""
    cdef uint32_t mask = table.capacity - 1
    cdef uint32_t hole = <uint32_t>(stream - table.slots)
    cdef uint32_t slot = hole
    cdef uint32_t home
    while True:
        slot = (slot + 1) & mask
        if table.slots[slot].id == 0:
            break
        home = slot_of(table, table.slots[slot].id)
        if ((slot - home) & mask) >= ((slot - hole) & mask):
            table.slots[hole] = table.slots[slot]
            hole = slot
    table.slots[hole].id = 0
    table.count -= 1
    if table.count == 0 and table.capacity > LARGEST_EMPTY:
        free(table.slots)
        table.slots = NULL
        table.capacity = 0
    return 0


cdef inline int lengthen_ring(ClosedStreams *closed) except -1:
    cdef uint32_t capacity = max(closed.capacity * 2, <uint32_t>SMALLEST_RING)
    cdef uint32_t *ids = <uint32_t *>calloc(capacity, sizeof(uint32_t) + sizeof(uint8_t))
    cdef uint8_t *closings = <uint8_t *>(ids + capacity)
    if ids is NULL:
        raise MemoryError
    if closed.capacity:
        memcpy(ids, closed.ids, closed.capacity * sizeof(uint32_t))
        memcpy(closings, closed.closings, closed.capacity)
    free(closed.ids)
    closed.ids = ids
    closed.closings = closings
    closed.capacity = capacity
    return 0


cdef inline int note_closed(ClosedStreams *closed, uint32_t id, Closing how) except -1:
    """Remember how a stream was closed, in place of the oldest."""
    if closed.next == closed.capacity:
        if closed.capacity < CLOSED_STREAMS:
            lengthen_ring(closed)
        else:
            closed.next = 0
    closed.ids[closed.next] = id
    closed.closings[closed.next] = how
    closed.next += 1
    return 0


cdef inline uint8_t *find_closing(const ClosedStreams *closed, uint32_t id) noexcept:
    """Where it is kept how a stream was closed; NULL = it was not, or that is forgotten."""
    cdef uint32_t index
    for index in range(closed.capacity):
        if closed.ids[index] == id:
            return &closed.closings[index]
    return NULL
