# SPDX-License-Identifier: MIT
"""Types of the compiled module: one exchange of an HTTP/2 connection."""

import asyncio
from typing import final

from typing_extensions import disjoint_base

from fastcorn.protocols._http2_websocket import StreamCarrier

@disjoint_base
class StreamHost:
    """What an H2Stream asks of its connection; its methods are C functions (`_http2_stream.pxd`)."""

@final
class H2Stream(StreamCarrier):
    """One exchange of an H2Connection, as the cycle sees it."""

    @property
    def id(self) -> int:
        """The number of the stream."""
    @property
    def lost(self) -> bool:
        """The stream is over, or the connection is lost."""
    def begin_file(self, count: int | None) -> int:
        """Finish the head for a file that is the rest of the body.

        Args:
            count: its length in bytes; None = unknown.

        Returns:
            -1: the kernel cannot copy a file into frames.
        """
    def write_part(self, data: bytes, end: bool) -> None:
        """Write a part of the body; `end` ends it. Nothing is written once the stream is over."""
    def hold_writes(self, hold: bool) -> None:
        """What is pending is bounded by writable() already."""
    def writable(self) -> asyncio.Future[None] | None:
        """None, or a Future that is done when more may be written; or when the stream is over."""

__test__: dict[str, str]
__pyx_capi__: dict[str, object]
