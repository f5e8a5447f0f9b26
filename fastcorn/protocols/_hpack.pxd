# SPDX-License-Identifier: MIT
# Field compression of HTTP/2 (RFC 7541): blocks of bytes <-> lists of (name, value). Tables are as large as they must
# be.

from libc.stdint cimport uint8_t, uint32_t, uint64_t

from fastcorn.protocols._output cimport Output


cdef extern from "hpack.h":
    int FC_HPACK_DEFAULT

    ctypedef struct fc_hpack_entry:
        pass

    ctypedef struct fc_hpack_table:
        fc_hpack_entry *entries
        uint32_t entry_mask
        uint32_t wanted
        uint32_t max_size
        uint32_t size
        uint32_t count
        uint64_t inserted

    ctypedef struct fc_hpack_decoder:
        fc_hpack_table table
        uint32_t limit

    ctypedef struct fc_hpack_field:
        const char *name
        const char *value
        size_t name_len
        size_t value_len
        uint64_t number
        uint64_t name_number
        uint8_t static_index
        uint8_t literal
        uint8_t known

    ctypedef struct fc_hpack_encoder:
        fc_hpack_table table
        uint8_t huffman


cdef class HPACKDecoder:
    cdef fc_hpack_decoder decoder
    cdef list pairs                 # the tuple of each dynamic entry, by its number modulo the length; None = no table
    cdef uint64_t oldest            # number of the oldest entry that `pairs` holds
    cdef readonly str error         # of the last block; None = none
    cdef readonly Py_ssize_t list_size  # of the last block, as SETTINGS_MAX_HEADER_LIST_SIZE counts (RFC 9113 6.5.2)

    # A whole block to a list of (name, value), or None with an error (COMPRESSION_ERROR). Where the list has more than
    # `most` bytes (see list_size) or `most_fields` fields it is cut, and the decoder behind the client's: then the
    # connection must end.
    cdef list decode_block(self, const char *block, size_t len, Py_ssize_t most, Py_ssize_t most_fields)
    cdef int grow(self) except -1
    cdef tuple pair_of(self, fc_hpack_field *field)
    cdef int forget_evicted(self) except -1


cdef class HPACKEncoder:
    cdef fc_hpack_encoder encoder

    # Append the block of a list of pairs of exact bytes, names in lower case.
    cdef int append_block(self, Output *out, list fields) except -1
    # The peer's SETTINGS_HEADER_TABLE_SIZE; of more than 4096 bytes no use is made.
    cdef int limit_table(self, uint32_t size) except -1
    cdef int append_field(self, Output *out, bytes name, bytes value, bint secret) except -1
