# SPDX-License-Identifier: MIT
"""Field compression of HTTP/2 (RFC 7541): HPACKDecoder and HPACKEncoder, one of each for a connection.

Called by HTTP/2 engines, from C or with the methods of the hpack package's classes; calls csrc/hpack_*.c. Names and
pairs are shared: a field that the client repeats by its index is the tuple of the time before, and makes no object. An
idle connection holds what its tables hold: their memory grows with their entries.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.list cimport PyList_Append, PyList_GET_ITEM, PyList_GET_SIZE
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from cpython.tuple cimport PyTuple_GET_ITEM
from libc.stdint cimport uint8_t, uint32_t
from libc.stdlib cimport free
from libc.string cimport memset

from fastcorn.protocols._headers cimport NAMES
from fastcorn.protocols._output cimport Output, output_reserve


cdef extern from "Python.h":
    Py_ssize_t PY_SSIZE_T_MAX


cdef extern from "huffman.h":
    size_t fc_huffman_bound(size_t len)


cdef extern from "hpack.h":
    int FC_HPACK_STATICS
    int FC_HPACK_OVERHEAD
    int FC_HPACK_UPDATES_MAX
    int FC_HPACK_FIELD
    int FC_HPACK_GROW

    ctypedef struct fc_hpack_static:
        const char *name
        const char *value
        uint8_t name_len
        uint8_t value_len

    enum fc_hpack_mode:
        FC_HPACK_IF_REPEATED
        FC_HPACK_PLAIN
        FC_HPACK_NEVER

    uint32_t fc_hpack_entries(uint32_t capacity)
    size_t fc_hpack_table_bytes(const fc_hpack_table *table)
    void fc_hpack_table_grow(fc_hpack_table *table, void *memory)
    const fc_hpack_static *fc_hpack_static_entry(unsigned index)
    void fc_hpack_decoder_init(fc_hpack_decoder *decoder, uint32_t most)
    int fc_hpack_decode_field(
        fc_hpack_decoder *decoder, const char *block, size_t len, size_t *pos, char *room, fc_hpack_field *field
    )
    void fc_hpack_decode_entry(fc_hpack_decoder *decoder, fc_hpack_field *field)
    const char *fc_hpack_reason(int error)
    void fc_hpack_encoder_init(fc_hpack_encoder *encoder, uint32_t most)
    void fc_hpack_encoder_limit(fc_hpack_encoder *encoder, uint32_t limit)
    size_t fc_hpack_encode_start(fc_hpack_encoder *encoder, char *dst)
    size_t fc_hpack_field_bound(size_t name_len, size_t value_len)
    size_t fc_hpack_encode_field(
        fc_hpack_encoder *encoder, char *dst, const char *name, size_t name_len, const char *value, size_t value_len,
        fc_hpack_mode mode
    )


cdef extern from "names.h":
    int fc_name_id(const char *name, size_t len)


cdef list make_statics():
    """The static table: (name, value) by index, with the names that scopes share."""
    pairs = [None]
    for index in range(1, FC_HPACK_STATICS + 1):
        entry = fc_hpack_static_entry(index)
        id = fc_name_id(entry.name, entry.name_len)
        name = NAMES[id] if id else entry.name[:entry.name_len]
        if pairs[index - 1] is not None and pairs[index - 1][0] == name:
            name = pairs[index - 1][0]
        pairs.append((name, entry.value[:entry.value_len]))
    return pairs


cdef list STATICS = make_statics()


cdef bytes exact(object text):
    if not isinstance(text, bytes):
        raise TypeError(f"names and values are bytes, not {type(text).__name__}")
    return bytes(text)


cdef bint grow_table(fc_hpack_table *table) noexcept:
    """Give a table the memory that it wants; False = there is none, and the table is as it was."""
    cdef void *memory = PyMem_Malloc(fc_hpack_table_bytes(table))
    cdef void *before = table.entries
    if memory is NULL:
        return False
    fc_hpack_table_grow(table, memory)
    PyMem_Free(before)
    return True


# ---- decoding ------------------------------------------------------------------------------------------------------

@cython.final
cdef class HPACKDecoder:
    """Decodes the field blocks of one connection, in the order in which they come.

    Its table has 4096 bytes, the size that both sides begin with (RFC 9113 section 6.5.2). What is malformed makes it
    useless, and the connection with it.
    """

    def __cinit__(self):
        fc_hpack_decoder_init(&self.decoder, FC_HPACK_DEFAULT)
        self.oldest = 1

    def __dealloc__(self):
        PyMem_Free(self.decoder.table.entries)

    cdef int grow(self) except -1:
        """Make room for the entry that comes: an error leaves the table as it was, so behind what the client thinks."""
        cdef fc_hpack_table *table = &self.decoder.table
        cdef uint32_t room = fc_hpack_entries(table.wanted)
        cdef list pairs = [None] * room
        cdef uint64_t number = table.inserted - table.count
        while number < table.inserted:
            number += 1
            pairs[number & (room - 1)] = <object>PyList_GET_ITEM(self.pairs, number & table.entry_mask)
        if not grow_table(table):
            raise MemoryError
        self.pairs = pairs
        self.oldest = table.inserted - table.count + 1
        return 0

    cdef list decode_block(self, const char *block, size_t len, Py_ssize_t most, Py_ssize_t most_fields):
        cdef char small[2048]
        cdef char *room = small
        cdef list fields = []
        cdef fc_hpack_field field
        cdef size_t pos = 0
        cdef int result
        self.error = None
        self.list_size = 0
        if fc_huffman_bound(len) > sizeof(small):
            room = <char *>PyMem_Malloc(fc_huffman_bound(len))
            if room is NULL:
                raise MemoryError
        try:
            while True:
                result = fc_hpack_decode_field(&self.decoder, block, len, &pos, room, &field)
                if result != FC_HPACK_FIELD:
                    if result != FC_HPACK_GROW:
                        break
                    self.grow()
                    fc_hpack_decode_entry(&self.decoder, &field)
                pair = self.pair_of(&field)
                self.list_size += field.name_len + field.value_len + FC_HPACK_OVERHEAD
                if self.list_size > most or PyList_GET_SIZE(fields) == most_fields:
                    self.list_size = max(self.list_size, most + 1)
                    break
                PyList_Append(fields, pair)
        finally:
            if room is not small:
                PyMem_Free(room)
        if result < 0:
            self.error = fc_hpack_reason(result).decode("ascii")
            return None
        self.forget_evicted()
        return fields

    cdef tuple pair_of(self, fc_hpack_field *field):
        """The field as a tuple; that of a table's entry where it is one, which is kept where it becomes one."""
        cdef object name
        cdef tuple pair
        if not field.literal:
            if field.number:
                return <tuple>PyList_GET_ITEM(self.pairs, field.number & self.decoder.table.entry_mask)
            return <tuple>PyList_GET_ITEM(STATICS, field.static_index)
        if field.known:
            name = <object>PyList_GET_ITEM(NAMES, field.known)
        elif field.static_index:
            name = <object>PyTuple_GET_ITEM(<object>PyList_GET_ITEM(STATICS, field.static_index), 0)
        elif field.name_number:
            # Its entry may be evicted by this very field: the tuple is there until forget_evicted().
            name = <object>PyTuple_GET_ITEM(
                <object>PyList_GET_ITEM(self.pairs, field.name_number & self.decoder.table.entry_mask), 0
            )
        else:
            name = PyBytes_FromStringAndSize(field.name, field.name_len)
        pair = (name, PyBytes_FromStringAndSize(field.value, field.value_len))
        if field.number:
            self.pairs[field.number & self.decoder.table.entry_mask] = pair
            self.forget_evicted()
        return pair

    cdef int forget_evicted(self) except -1:
        """Drop the tuples of entries that are gone: what a client has evicted must not take memory."""
        cdef fc_hpack_table *table = &self.decoder.table
        while self.oldest + table.count <= table.inserted:
            # A slot may be that of a newer entry already.
            if table.inserted - self.oldest <= table.entry_mask:
                self.pairs[self.oldest & table.entry_mask] = None
            self.oldest += 1
        return 0

    # ---- the names of hpack.Decoder, for the h2 package ------------------------------------------------------------

    def decode(self, bytes data not None, bint raw=True, most=None):
        """A block as a list of (name, value), or the first of it, when it is above so many bytes (see `list_size`).

        Raises:
            ValueError: it is malformed.
        """
        cdef Py_ssize_t limit = PY_SSIZE_T_MAX if most is None else most
        fields = self.decode_block(PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data), limit, PY_SSIZE_T_MAX)
        if fields is None:
            raise ValueError(self.error)
        return fields

    @property
    def table_size(self):
        """Bytes that the entries of the dynamic table count."""
        return self.decoder.table.size


# ---- encoding ------------------------------------------------------------------------------------------------------

@cython.final
cdef class HPACKEncoder:
    """Encodes the field blocks of one connection, in the order in which they leave.

    A field that comes again is put into the table, of at most 4096 bytes; credentials never are.
    """

    def __cinit__(self):
        fc_hpack_encoder_init(&self.encoder, FC_HPACK_DEFAULT)

    def __dealloc__(self):
        PyMem_Free(self.encoder.table.entries)

    cdef int limit_table(self, uint32_t size) except -1:
        fc_hpack_encoder_limit(&self.encoder, size)
        return 0

    cdef int append_block(self, Output *out, list fields) except -1:
        cdef Py_ssize_t index
        cdef object pair
        output_reserve(out, FC_HPACK_UPDATES_MAX)
        out.len += fc_hpack_encode_start(&self.encoder, out.data + out.len)
        for index in range(PyList_GET_SIZE(fields)):
            pair = <object>PyList_GET_ITEM(fields, index)
            self.append_field(out, <bytes>PyTuple_GET_ITEM(pair, 0), <bytes>PyTuple_GET_ITEM(pair, 1), False)
        return 0

    cdef int append_field(self, Output *out, bytes name, bytes value, bint secret) except -1:
        cdef size_t name_len = PyBytes_GET_SIZE(name)
        cdef size_t value_len = PyBytes_GET_SIZE(value)
        cdef size_t written
        cdef fc_hpack_mode mode = FC_HPACK_NEVER if secret else FC_HPACK_IF_REPEATED
        output_reserve(out, fc_hpack_field_bound(name_len, value_len))
        while True:
            written = fc_hpack_encode_field(
                &self.encoder, out.data + out.len, PyBytes_AS_STRING(name), name_len, PyBytes_AS_STRING(value),
                value_len, mode
            )
            if written:
                break
            if not grow_table(&self.encoder.table):
                mode = FC_HPACK_PLAIN   # what there is no memory for is not indexed
        out.len += written
        return 0

    # ---- the names of hpack.Encoder, for the h2 package ------------------------------------------------------------

    def encode(self, headers, bint huffman=True):
        """The block of pairs of bytes, names in lower case; those whose `indexable` is false are never indexed."""
        cdef Output out
        memset(&out, 0, sizeof(Output))
        self.encoder.huffman = huffman
        try:
            self.append_block(&out, [])
            for pair in headers:
                self.append_field(&out, exact(pair[0]), exact(pair[1]), not getattr(pair, "indexable", True))
            return PyBytes_FromStringAndSize(out.data, out.len)
        finally:
            self.encoder.huffman = True
            free(out.data)

    @property
    def header_table_size(self):
        """The peer's SETTINGS_HEADER_TABLE_SIZE as far as it is used: at most 4096 bytes."""
        return self.encoder.table.max_size

    @header_table_size.setter
    def header_table_size(self, size):
        self.limit_table(min(size, FC_HPACK_DEFAULT))

    @property
    def table_size(self):
        """Bytes that the entries of the dynamic table count."""
        return self.encoder.table.size
