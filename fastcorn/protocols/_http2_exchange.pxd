# SPDX-License-Identifier: MIT
# What becomes of a valid request over HTTP/2: an exchange with an application, or an answer without one.

from fastcorn.protocols._http2_stream cimport H2Stream, StreamHost


cdef int open_exchange(StreamHost host, H2Stream stream) except -1
