# SPDX-License-Identifier: MIT
"""Types of the compiled module: field compression of HTTP/2 (RFC 7541)."""

from collections.abc import Iterable
from typing import final

_Fields = list[tuple[bytes, bytes]]

@final
class HPACKDecoder:
    """Decodes the field blocks of one connection, in the order in which they come.

    Its table has 4096 bytes, the size that both sides begin with (RFC 9113 section 6.5.2). What is malformed makes it
    useless, and the connection with it.
    """

    def decode(self, data: bytes, raw: bool = True, most: int | None = None) -> _Fields:
        """A block as a list of (name, value).

        Args:
            data: a whole block.
            raw: nothing; fields are always bytes.
            most: bytes of the list, as `list_size` counts them; None = without limit. The block is read no further,
                which ends its connection.

        Raises:
            ValueError: it is malformed; the text says how.
        """

    @property
    def error(self) -> str | None:
        """What was wrong with the last block."""
    @property
    def list_size(self) -> int:
        """Of the last block, as far as it was read: bytes and 32 for each field (RFC 9113 section 6.5.2)."""
    @property
    def table_size(self) -> int:
        """Bytes that the entries of the dynamic table count."""

@final
class HPACKEncoder:
    """Encodes the field blocks of one connection, in the order in which they leave.

    A field that comes again is put into the table, of at most 4096 bytes; credentials never are.
    """

    def encode(self, headers: Iterable[tuple[bytes, bytes]], huffman: bool = True) -> bytes:
        """The block of pairs of bytes, names in lower case; those whose `indexable` is false are never indexed."""

    @property
    def header_table_size(self) -> int:
        """The peer's SETTINGS_HEADER_TABLE_SIZE as far as it is used: at most 4096 bytes."""
    @header_table_size.setter
    def header_table_size(self, size: int) -> None: ...
    @property
    def table_size(self) -> int:
        """Bytes that the entries of the dynamic table count."""

__test__: dict[str, str]
