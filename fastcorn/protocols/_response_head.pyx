# SPDX-License-Identifier: MIT
"""Heads of HTTP/2 responses: checked once, and once more only when they are others.

Called by H2Stream. Applications answer with the same few heads again and again, in new lists of new tuples. A head that
has come twice is kept with what its check has found and with the list that leaves for it: the third costs a comparison,
and an engine that gets the very list again may know how it is encoded. A worker keeps KEPT_HEADS of them, short ones;
a value that is another in each response (an id, a time) keeps none.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_CheckExact, PyBytes_GET_SIZE
from cpython.list cimport PyList_CheckExact, PyList_GET_ITEM, PyList_GET_SIZE
from cpython.tuple cimport PyTuple_CheckExact, PyTuple_GET_ITEM, PyTuple_GET_SIZE
from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memcmp, memcpy

from fastcorn.asgi._context cimport Context
from fastcorn.protocols._http2_fields cimport response_fields


cdef enum:
    # Of one head that is kept.
    KEPT_FIELDS = 16
    KEPT_BYTES = 1024

cdef uint64_t MIX = 0x9e3779b97f4a7c15      # 2^64 divided by the golden ratio
cdef list STATUSES = [(b":status", str(status).encode("ascii")) for status in range(1000)]
cdef list LENGTHS = [(b"content-length", str(length).encode("ascii")) for length in range(1024)]


cdef tuple status_pair(int status):
    return <tuple>PyList_GET_ITEM(STATUSES, status)


cdef tuple length_pair(int64_t length):
    return LENGTHS[length] if length < 1024 else (b"content-length", b"%d" % length)


cdef ResponseHead response_head(Context context, object headers, int status):
    """The application's fields of a final response, checked; see response_fields().

    Raises:
        MessageError: `headers` or one of them is malformed.
    """
    cdef uint64_t fingerprint
    if PyList_CheckExact(headers):
        fingerprint = fingerprint_of(headers, status)
        if fingerprint:
            if context.response_heads is None:
                context.response_heads = ResponseHeads()
            return (<ResponseHeads>context.response_heads).find(headers, status, fingerprint)
    return new_head(headers, status)


cdef ResponseHead new_head(object headers, int status):
    cdef ResponseHead head = ResponseHead.__new__(ResponseHead)
    head.status = status
    head.fields = response_fields(headers, status, &head.facts)
    return head


cdef uint64_t fingerprint_of(list headers, int status) noexcept:
    """A number that is the same for equal heads and hardly ever for others; 0 = this one is not for keeping."""
    cdef uint64_t mixed = <uint64_t>status
    cdef Py_ssize_t index, size
    cdef Py_ssize_t total = 0
    cdef object pair, name, value
    if PyList_GET_SIZE(headers) > KEPT_FIELDS:
        return 0
    for index in range(PyList_GET_SIZE(headers)):
        pair = <object>PyList_GET_ITEM(headers, index)
        if not PyTuple_CheckExact(pair) or PyTuple_GET_SIZE(pair) != 2:
            return 0
        name = <object>PyTuple_GET_ITEM(pair, 0)
        value = <object>PyTuple_GET_ITEM(pair, 1)
        if not PyBytes_CheckExact(name) or not PyBytes_CheckExact(value):
            return 0
        size = PyBytes_GET_SIZE(value)
        total += PyBytes_GET_SIZE(name) + size
        if total > KEPT_BYTES:
            return 0
        mixed = (mixed ^ <uint64_t>PyBytes_GET_SIZE(name)) * MIX ^ mixed >> 29
        mixed = (mixed ^ ends_of(PyBytes_AS_STRING(value), size)) * MIX ^ mixed >> 31
    return mixed | 1


cdef inline uint64_t ends_of(const char *value, Py_ssize_t size) noexcept:
    """The first and the last 8 bytes, as far as there are so many, and the length."""
    cdef uint64_t first = 0, last = 0
    if size >= 8:
        memcpy(&first, value, 8)
        memcpy(&last, value + size - 8, 8)
    else:
        memcpy(&first, value, size)
    return first + last * 31 + <uint64_t>size * 1021


@cython.final
cdef class ResponseHeads:
    """The heads that a worker keeps."""

    def __cinit__(self):
        self.heads = [None] * KEPT_HEADS

    cdef ResponseHead find(self, list headers, int status, uint64_t fingerprint):
        cdef Py_ssize_t slot = <Py_ssize_t>(fingerprint >> 32) % KEPT_HEADS
        cdef ResponseHead head = <ResponseHead>self.heads[slot]
        if self.seen[slot] != fingerprint:
            self.seen[slot] = fingerprint
            return new_head(headers, status)
        if head is not None and head.is_of(headers, status):
            return head
        head = new_head(headers, status)
        head.source = tuple(headers)
        self.heads[slot] = head
        return head


@cython.final
cdef class ResponseHead:
    """An application's response head; see the declaration."""

    cdef bint is_of(self, list headers, int status):
        """Whether these, which are pairs of exact bytes, are its fields."""
        cdef tuple source = self.source
        cdef Py_ssize_t index
        cdef object pair, known
        if status != self.status or PyTuple_GET_SIZE(source) != PyList_GET_SIZE(headers):
            return False
        for index in range(PyTuple_GET_SIZE(source)):
            pair = <object>PyList_GET_ITEM(headers, index)
            known = <object>PyTuple_GET_ITEM(source, index)
            if pair is not known and not (
                are_equal(<object>PyTuple_GET_ITEM(pair, 0), <object>PyTuple_GET_ITEM(known, 0))
                and are_equal(<object>PyTuple_GET_ITEM(pair, 1), <object>PyTuple_GET_ITEM(known, 1))
            ):
                return False
        return True

    cdef list complete_fields(self, Context context, int64_t added_length, bint tls):
        cdef list fields
        if self.complete is not None and self.added_length == added_length and self.tls == tls and (
            self.defaults is context.default_pairs      # made anew with each second's date
        ):
            return self.complete
        fields = [status_pair(self.status), *self.fields]
        if added_length >= 0:
            fields.append(length_pair(added_length))
        if not self.facts.has_date and not self.facts.has_server:
            fields += context.default_pairs
        else:
            if not self.facts.has_server:
                fields += context.server_pairs
            if not self.facts.has_date:
                fields += context.date_pairs
            fields += context.extra_pairs
        if tls:
            fields += context.hsts_pairs
        if self.source is not None:
            self.complete = fields
            self.added_length = added_length
            self.defaults = context.default_pairs
            self.tls = tls
        return fields


cdef inline bint are_equal(object one, object other) noexcept:
    return one is other or (
        PyBytes_GET_SIZE(one) == PyBytes_GET_SIZE(other)
        and memcmp(PyBytes_AS_STRING(one), PyBytes_AS_STRING(other), PyBytes_GET_SIZE(one)) == 0
    )
