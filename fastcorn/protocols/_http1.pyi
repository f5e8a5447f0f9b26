# SPDX-License-Identifier: MIT
"""Types of the compiled module: one socket that speaks HTTP/1.0 and 1.1 (RFC 9112)."""

import asyncio
from typing import Any

from typing_extensions import disjoint_base

from fastcorn.asgi._context import Context
from fastcorn.asgi._stream import Stream

@disjoint_base
class H1Connection(Stream):
    """One HTTP/1 connection; an asyncio protocol, so `lambda: H1Connection(context)` is a protocol factory.

    Args:
        context: the `Context` of this worker.
    """

    def __init__(self, context: Context) -> None: ...
    def connection_made(self, transport: asyncio.BaseTransport) -> None: ...
    def connection_lost(self, error: Exception | None) -> None: ...
    def data_received(self, data: bytes) -> None: ...
    def eof_received(self) -> bool | None:
        """The client has shut its side: after a complete request that is no reason not to answer it."""
    def pause_writing(self) -> None: ...
    def resume_writing(self) -> None: ...
    def check_deadlines(self) -> None:
        """Close or answer what is late; `Context.tick()` calls it."""
    def begin_drain(self) -> None:
        """Close an idle connection; a busy one closes after the response it is at."""
    def cut(self) -> None:
        """Close at once, dropping what was not written."""
    def advance(self) -> None:
        """Go on with requests that are in the buffer already."""
    def begin_file(self, count: int | None) -> int:
        """Finish the head for a file that is the rest of the body.

        Args:
            count: its length in bytes; None = unknown.

        Returns:
            The socket's descriptor when the kernel may copy the file to it, else -1.
        """
    def write_part(self, data: bytes, end: bool) -> None:
        """Write a part of the body; `end` ends it."""
    def hold_writes(self, hold: bool) -> None:
        """While held, a write counts as slow until the transport has nothing queued."""
    def writable(self) -> asyncio.Future[Any] | None:
        """None, or a Future that is done when the transport takes more, or when the connection is lost."""
    def flush_later(self) -> None: ...
    @property
    def lost(self) -> bool:
        """The connection is gone."""

__test__: dict[str, str]
