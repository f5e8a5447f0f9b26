# SPDX-License-Identifier: MIT
# Header fields: parsed spans to the list of a scope; an application's list to checked bytes.

from libc.stdint cimport int64_t, int32_t, uint8_t, uint32_t, uint64_t

from fastcorn.protocols._output cimport Output


cdef extern from "head.h":
    ctypedef struct fc_span:
        uint32_t start
        uint32_t len

    ctypedef struct fc_field:
        fc_span name
        fc_span value
        uint8_t known
        uint8_t lower


# What the application's fields decide.
cdef struct HeadFacts:
    int64_t content_length      # -1 = none given
    bint close                  # Connection: close
    bint has_date
    bint has_server


cdef list build_headers(const char *buf, const fc_field *fields, uint32_t count, bint raw_names)
cdef int encode_fields(Output *out, object headers, bint bodiless, HeadFacts *facts) except -1
cdef bytes status_line(int status)
cdef str decode_path(const char *data, Py_ssize_t len)
cdef str ascii_text(const char *data, Py_ssize_t len)

# The names of csrc/names.h by id. The checks of an application's fields, which other protocols encode differently.
cdef list NAMES
cdef bint note_special(int id, const char *value, size_t len, bint bodiless, HeadFacts *facts) except -1
cdef list as_list(object headers)
cdef tuple as_pair(object field)
cdef bytes as_bytes(object value, str part, object field)
