# SPDX-License-Identifier: MIT
# ResponseHead: an application's response head, checked, and the list that leaves for it.

from libc.stdint cimport int64_t, uint64_t

from fastcorn.asgi._context cimport Context
from fastcorn.protocols._http2_fields cimport ResponseFacts


cdef enum:
    KEPT_HEADS = 64


cdef class ResponseHead:
    cdef int status
    cdef list fields                # the application's, checked
    cdef ResponseFacts facts
    cdef tuple source               # what the application gave, where the head is kept; else None

    # What left last, with the fields that the server adds: for this body length, these default fields, with TLS or not.
    cdef list complete
    cdef int64_t added_length
    cdef tuple defaults
    cdef bint tls

    # The whole field list, the status first; `added_length` is that of the Content-Length to add, -1 = none. It is not
    # changed afterwards: who gets the same list again has the same fields before him.
    cdef list complete_fields(self, Context context, int64_t added_length, bint tls)
    cdef bint is_of(self, list headers, int status)


cdef class ResponseHeads:
    cdef uint64_t[KEPT_HEADS] seen  # the fingerprint that came last, by some of its bits
    cdef list heads                 # and its ResponseHead, from the second time on

    cdef ResponseHead find(self, list headers, int status, uint64_t fingerprint)


cdef ResponseHead response_head(Context context, object headers, int status)
cdef tuple status_pair(int status)
cdef tuple length_pair(int64_t length)
