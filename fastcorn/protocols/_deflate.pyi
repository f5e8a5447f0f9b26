# SPDX-License-Identifier: MIT
"""Types of the compiled module: the compression of one WebSocket's messages."""

from typing import final

from fastcorn.protocols.permessage_deflate import DeflateParameters

@final
class MessageDeflate:
    """The compression of one WebSocket's messages (permessage-deflate, RFC 7692).

    Args:
        parameters: what was agreed.
    """

    def __init__(self, parameters: DeflateParameters) -> None: ...
    @property
    def parameters(self) -> DeflateParameters:
        """What was agreed."""
    @property
    def threshold(self) -> int:
        """Bytes from which a message is to be compressed; at least 1."""
    def inflate(self, data: bytes, most: int, end: bool) -> bytes:
        """Part of a message as it was before it was compressed; longer than `most` means that there is more.

        Raises:
            zlib.error: data is not compressed by deflate.
        """
    def deflate(self, message: bytes | memoryview) -> bytes | None:
        """A compressed message, or None when it is to be sent as it is."""

__test__: dict[str, str]
