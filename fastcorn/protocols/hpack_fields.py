# SPDX-License-Identifier: MIT
"""FieldDecoder and FieldEncoder: header compression (RFC 7541) for H2Engine in `http2_fallback`.

Calls `_hpack`. The package hpack, which h2 has for it, needs 100 us for a browser's request and, for long values, time
that grows with the square of their length.
"""

from __future__ import annotations

from typing import Any

from fastcorn.protocols._hpack import HPACKDecoder, HPACKEncoder

Fields = list[tuple[bytes, bytes]]

# A list of up to so many times the limit is read, so that it can be answered.
BOMB_FACTOR = 4


class HPACKError(Exception):
    """A header block that is malformed; the text says how."""


class BombError(Exception):
    """A header list much larger than what is allowed."""


class FieldDecoder:
    """Header blocks to fields.

    Args:
        limit: bytes of a field list; one of up to four times as many is decoded all the same.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.decoder = HPACKDecoder()

    def decode(self, block: bytes) -> Fields:
        """The fields of a whole block.

        Raises:
            HPACKError: the block is not valid.
            BombError: the list is too large to be answered.
        """
        most = BOMB_FACTOR * self.limit
        try:
            fields = self.decoder.decode(block, most=most)
        except ValueError as error:
            raise HPACKError(str(error)) from None
        if self.decoder.list_size > most:
            raise BombError(f"header list of more than {BOMB_FACTOR} x {self.limit} bytes")
        return fields


class FieldEncoder:
    """Fields to header blocks, for H2Engine; to h2 it is an encoder that already has the block.

    Attributes:
        block: what h2 gets when it encodes.
    """

    def __init__(self) -> None:
        self.encoder = HPACKEncoder()
        self.block = b""

    def encode(self, headers: Any, huffman: bool = True) -> bytes:
        """The block, whatever the headers are."""
        return self.block

    @property
    def header_table_size(self) -> int:
        """The client's SETTINGS_HEADER_TABLE_SIZE, of which at most 4096 bytes are used."""
        return self.encoder.header_table_size

    @header_table_size.setter
    def header_table_size(self, value: int) -> None:
        self.encoder.header_table_size = value

    def encode_fields(self, fields: Fields) -> bytes:
        """The block of a field list; every one that is made has to be sent, in this order."""
        return self.encoder.encode(fields)
