# SPDX-License-Identifier: MIT
"""FieldDecoder and FieldEncoder: header compression (RFC 7541) by the package hpack, bounded and with a memory.

Called by H2Engine in `http2_fallback`; calls hpack. Blocks and field lists that come again are not worked through
again, as long as the dynamic table is the same: only then do the same bytes mean the same fields.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any

from hpack import Decoder, Encoder, HPACKError, OversizedHeaderListError
from hpack.table import HeaderTable

__all__ = ["BombError", "FieldDecoder", "FieldEncoder", "HPACKError"]

Fields = list[tuple[bytes, bytes]]

# The dynamic table of either side. It does not grow when the client allows more: hpack searches it in order.
TABLE_BYTES = 4096
# A list of up to so many times the limit is read, so that it can be answered.
BOMB_FACTOR = 4
# And so many fields, however low the setting, for browsers send each cookie as a field; hpack needs 10 us for each, so
# 4,000 would hold everybody up.
LEAST_FIELDS = 400
# How many blocks or lists are kept, and the longest.
KEPT = 64
KEPT_BYTES = 1024
# The longest value that is Huffman coded: hpack's time grows with the square of the length, to seconds for 100 KiB.
HUFFMAN_BYTES = 256
SIZE_UPDATE, SIZE_UPDATE_MASK = 0x20, 0xE0  # section 6.3

# Fields whose values change from answer to answer, or are secret: in the table they would only push out others. nghttp2
# leaves out the same.
UNINDEXED = frozenset(
    [b"age", b"content-length", b"content-range", b"etag", b"last-modified", b"location", b"set-cookie", b":path"]
)


class BombError(Exception):
    """A header list much larger than what is allowed."""


def state_of(table: HeaderTable) -> tuple[int, Any]:
    """Changes when the dynamic table does: a new entry is a new object in front, a lost one makes it shorter."""
    entries: deque[tuple[bytes, bytes]] = table.dynamic_entries
    return (len(entries), entries[0]) if entries else (0, None)


def has_more_fields(block: bytes, most: int) -> bool:
    """Whether a block has more than `most` fields and size updates (RFC 7541 section 6), without decoding it."""
    at, size = 0, len(block)
    if size <= most:  # each takes a byte
        return False
    for _ in range(most):
        first = block[at]
        bits = 7 if first >= 0x80 else 6 if first >= 0x40 else 5 if first >= SIZE_UPDATE else 4
        index, at = read_number(block, at, bits)
        if not SIZE_UPDATE <= first < 0x40 and first < 0x80:  # a literal: a name without an index, and a value
            for _string in range(1 if index else 2):
                if at < size:
                    length, at = read_number(block, at, 7)
                    at += length
        if at >= size:
            return False
    return True


def read_number(block: bytes, at: int, bits: int) -> tuple[int, int]:
    """An integer of section 5.1, and where the next byte is; beyond the block, when it is cut short or too large."""
    most = (1 << bits) - 1
    value = block[at] & most
    at += 1
    if value < most:
        return value, at
    for shift in range(0, 35, 7):
        if at >= len(block):
            break
        value += (block[at] & 0x7F) << shift
        at += 1
        if block[at - 1] < 0x80:
            return value, at
    return value, len(block)


def is_same(before: tuple[int, Any], after: tuple[int, Any]) -> bool:
    return before[0] == after[0] and before[1] is after[1]


class FieldDecoder:
    """Header blocks to fields.

    Args:
        limit: bytes of a field list; one of up to four times as many is decoded all the same.
        most: fields of a list that is decoded.
    """

    def __init__(self, limit: int, most: int = LEAST_FIELDS) -> None:
        self.limit = limit
        self.most = most
        self.decoder = Decoder(max_header_list_size=BOMB_FACTOR * limit)
        self.kept: dict[bytes, Fields] = {}

    def decode(self, block: bytes) -> Fields:
        """The fields of a whole block.

        Returns:
            A list that others may have got too.

        Raises:
            HPACKError: the block is not valid.
            BombError: the list is too large to be answered.
        """
        fields = self.kept.get(block)
        if fields is not None:
            return fields
        if has_more_fields(block, self.most):
            raise BombError(f"header list of more than {self.most} fields")
        table = self.decoder.header_table
        before = state_of(table)
        try:
            fields = [tuple(field) for field in self.decoder.decode(block, raw=True)]  # type: ignore[misc]
        except OversizedHeaderListError:
            raise BombError(f"header list of more than {BOMB_FACTOR} x {self.limit} bytes") from None
        if not is_same(before, state_of(table)):
            self.kept.clear()
        elif 0 < len(block) <= KEPT_BYTES and block[0] & SIZE_UPDATE_MASK != SIZE_UPDATE:
            if len(self.kept) == KEPT:
                self.kept.clear()
            self.kept[block] = fields
        return fields


class FieldEncoder(Encoder):
    """Fields to header blocks, for H2Engine; to h2 it is an encoder that already has the block.

    Attributes:
        block: what h2 gets when it encodes.
    """

    def __init__(self) -> None:
        super().__init__()
        self.block = b""
        self.kept: dict[tuple[tuple[bytes, bytes], ...], bytes] = {}

    def encode(self, headers: Any, huffman: bool = True) -> bytes:
        return self.block

    @property
    def header_table_size(self) -> int:
        return int(self.header_table.maxsize)

    @header_table_size.setter
    def header_table_size(self, value: int) -> None:
        size = min(value, TABLE_BYTES)
        if size == self.header_table.maxsize:
            return
        self.kept.clear()
        self.header_table.maxsize = size
        # The client is told the smallest that it was meanwhile, and the last (section 4.2).
        smallest = min([size, *self.table_size_changes])
        self.table_size_changes = [size] if smallest == size else [smallest, size]
        self.header_table.resized = True

    def encode_fields(self, fields: Fields) -> bytes:
        """The block of a field list; every one that is made has to be sent, in this order."""
        key = tuple(fields)
        block = self.kept.get(key)
        if block is not None:
            return block
        resized = self.header_table.resized
        before = state_of(self.header_table)
        block = super().encode(with_secrets(fields), huffman=max(map(len_of_value, fields), default=0) <= HUFFMAN_BYTES)
        if resized or not is_same(before, state_of(self.header_table)):
            self.kept.clear()
        elif len(block) <= KEPT_BYTES:
            if len(self.kept) == KEPT:
                self.kept.clear()
            self.kept[key] = block
        return block


def with_secrets(fields: Fields) -> Iterable[tuple[bytes, bytes, bool]]:
    """The fields as hpack takes them: with whether they are to be kept out of the table."""
    return [(name, value, name in UNINDEXED) for name, value in fields]


def len_of_value(field: tuple[bytes, bytes]) -> int:
    return len(field[1])
