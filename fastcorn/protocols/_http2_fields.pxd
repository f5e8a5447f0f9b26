# SPDX-License-Identifier: MIT
# Field lists of HTTP/2 in both directions: a request's list to a scope, an application's list to a checked one.

from libc.stdint cimport int64_t

from fastcorn.asgi._context cimport Context
from fastcorn.protocols._headers cimport HeadFacts


# What the application's fields decide; `close` is noted although the field is left out.
ctypedef HeadFacts ResponseFacts


cdef class RequestHead:
    cdef readonly dict scope            # None when there is an error
    cdef readonly bytes method          # as it came; None = missing or malformed
    cdef readonly bytes authority       # the effective host, from :authority or Host
    cdef readonly bytes protocol        # of an extended CONNECT (RFC 8441); None = none
    cdef readonly bytes priority        # the value of the field, several joined; None = none
    cdef readonly int64_t content_length    # -1 = none given
    cdef readonly bint head_request     # the method is HEAD; set with an error too, where the method is known
    cdef readonly bint te_trailers
    cdef readonly bint expect_continue
    cdef readonly bint connect          # CONNECT: with an error, or with a protocol
    cdef readonly str error             # None = valid
    cdef readonly int status            # what answers the error; 0 = reset the stream with PROTOCOL_ERROR


cdef RequestHead read_request(Context context, list fields, bint secure)
cdef dict copy_scope(dict known)
cpdef str check_trailers(list fields)
cdef list response_fields(object headers, int status, ResponseFacts *facts)
cpdef list push_fields(object headers)
