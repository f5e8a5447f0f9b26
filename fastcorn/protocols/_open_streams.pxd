# SPDX-License-Identifier: MIT
# OpenStreams: the streams of an HTTP/2 connection by their ids.

from libc.stdint cimport uint32_t

from fastcorn.protocols._http2_stream cimport H2Stream


cdef class OpenStreams:
    cdef list slots         # H2Stream or None, by open addressing: in the first free slot from that of the id on
    cdef uint32_t mask      # one less than their number, a power of two; more than a quarter is free
    cdef Py_ssize_t count

    cdef H2Stream find(self, uint32_t id)       # None = it is not open
    cdef int add(self, H2Stream stream) except -1
    cdef int remove(self, uint32_t id) except -1
    cdef list all(self)                         # in a list of their own, in the order of their ids
    cdef int insert(self, H2Stream stream) except -1
    cdef int resize(self, Py_ssize_t size) except -1
