# SPDX-License-Identifier: MIT
# Output: a growing buffer of bytes to be written. Zero-filled is empty.

from libc.stdlib cimport free, realloc
from libc.string cimport memcpy


cdef struct Output:
    char *data
    size_t len
    size_t capacity


cdef inline void output_free(Output *out) noexcept:
    """Empty it, and give its memory back."""
    free(out.data)
    out.data = NULL
    out.len = out.capacity = 0


cdef inline int output_reserve(Output *out, size_t more) except -1:
    """Make room for `more` bytes after `len`."""
    cdef size_t capacity
    cdef char *data
    if out.capacity - out.len >= more:
        return 0
    capacity = out.capacity * 2 if out.capacity else 4096
    while capacity - out.len < more:
        capacity *= 2
    data = <char *>realloc(out.data, capacity)
    if data is NULL:
        raise MemoryError
    out.data = data
    out.capacity = capacity
    return 0


cdef inline int output_append(Output *out, const char *data, size_t len) except -1:
    if len == 0:    # memcpy() must not be given NULL, which an empty buffer is
        return 0
    output_reserve(out, len)
    memcpy(out.data + out.len, data, len)
    out.len += len
    return 0
