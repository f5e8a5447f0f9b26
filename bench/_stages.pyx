# SPDX-License-Identifier: MIT
"""Runs single stages of fastcorn in a C loop, so that their time is not that of a Python call.

Compiled by `stage_build` against the headers of the fastcorn that is measured; called by `stages`. Each function does
its stage `loops` times and returns nothing; the caller holds the clock.
"""

from libc.stdint cimport int32_t, uint8_t, uint32_t
from libc.stdlib cimport free
from libc.string cimport memcpy, memset

from fastcorn.protocols._headers cimport HeadFacts, encode_fields, fc_field
from fastcorn.protocols._http1 cimport (
    H1Connection,
    fc_chunked,
    fc_chunked_decode,
    fc_head,
    fc_head_limits,
    fc_head_parse,
)
from fastcorn.protocols._output cimport Output
from fastcorn.protocols._websocket cimport fc_utf8, fc_utf8_check


cdef extern from "mask.h":
    int fc_mask(uint8_t *dst, const uint8_t *src, size_t len, uint32_t key) noexcept


cdef int32_t parse_once(bytes data, fc_field *fields, fc_head *head) except? -1000:
    cdef fc_head_limits limits
    limits.target, limits.field, limits.head, limits.fields = 8192, 16384, 65536, 100
    head.fields = fields
    head.field_capacity = 100
    return fc_head_parse(data, len(data), 0, &limits, head)


def parse(bytes data not None, Py_ssize_t loops):
    """Request head to spans and framing verdict (csrc/head.c).

    Raises:
        ValueError: the head is not whole or not right.
    """
    cdef fc_field fields[100]
    cdef fc_head head
    cdef Py_ssize_t _i
    cdef int32_t result = 0
    for _i in range(loops):
        result = parse_once(data, fields, &head)
    if result <= 0:
        raise ValueError(f"the head was refused with {result}")


def decode_chunks(bytes data not None, Py_ssize_t loops):
    """A whole chunked body to its bytes (csrc/chunked.c); at most 64 KiB.

    Raises:
        ValueError: the body is not whole or not right.
    """
    cdef fc_chunked decoder
    cdef char body[65536]
    cdef size_t written = 0
    cdef Py_ssize_t _i, result = 0
    if len(data) > sizeof(body):
        raise ValueError("the body is longer than 64 KiB")
    for _i in range(loops):
        memset(&decoder, 0, sizeof(decoder))
        result = fc_chunked_decode(&decoder, data, len(data), body, &written)
    if result < 0 or not decoder.done:
        raise ValueError(f"the body was refused with {result}")


def build_scope(H1Connection connection not None, bytes data not None, Py_ssize_t loops):
    """Spans to the scope of a request, its list of headers included; the parse is done once, before.

    Raises:
        ValueError: the head is not whole or not right.
    """
    cdef fc_field fields[100]
    cdef fc_head head
    cdef Py_ssize_t _i
    if parse_once(data, fields, &head) <= 0:
        raise ValueError("the head was refused")
    for _i in range(loops):
        connection.make_scope(&head, data)


def encode(list headers not None, Py_ssize_t loops):
    """The application's header fields to checked bytes of a response head."""
    cdef Output out
    cdef HeadFacts facts
    cdef Py_ssize_t _i
    memset(&out, 0, sizeof(out))
    try:
        for _i in range(loops):
            out.len = 0
            memset(&facts, 0, sizeof(facts))
            encode_fields(&out, headers, False, &facts)
    finally:
        free(out.data)


def unmask(bytes data not None, Py_ssize_t loops):
    """A WebSocket payload of at most 64 KiB unmasked into another buffer (csrc/mask.c)."""
    cdef uint8_t out[65536]
    cdef Py_ssize_t i
    cdef size_t size = min(len(data), sizeof(out))
    cdef uint32_t high = 0
    for i in range(loops):
        high |= fc_mask(out, <const uint8_t *><const char *>data, size, 0x12345678 + <uint32_t>i)
    return high


def copy(bytes data not None, Py_ssize_t loops):
    """The same by memcpy, which is the measure of it."""
    cdef uint8_t out[65536]
    cdef Py_ssize_t _i
    cdef size_t size = min(len(data), sizeof(out))
    cdef volatile uint8_t seen = 0
    for _i in range(loops):
        memcpy(out, <const char *>data, size)
        seen = out[_i % size]
    return seen


def check_utf8(bytes data not None, Py_ssize_t loops):
    """A text checked (csrc/utf8.c).

    Raises:
        ValueError: it is no valid text.
    """
    cdef fc_utf8 state
    cdef Py_ssize_t _i
    cdef int valid = 1
    for _i in range(loops):
        memset(&state, 0, sizeof(state))
        valid &= fc_utf8_check(&state, <const uint8_t *><const char *>data, len(data))
    if not valid:
        raise ValueError("the text is not valid UTF-8")
