# SPDX-License-Identifier: MIT
"""Types of the compiled module: TLS on a socket, between the loop's transport and a connection."""

import asyncio
import ssl
from collections.abc import Callable, Iterable
from typing import Any

from typing_extensions import disjoint_base

from fastcorn.asgi._context import Context

@disjoint_base
class TLSTransport:
    """One TLS socket; an asyncio.Protocol below, an asyncio.Transport above.

    Args:
        context: the `Context` of this worker; it has the deadline of the handshake (ssl_handshake_timeout).
        ssl_context: a server's `ssl.SSLContext`.
        make_connection: called with the context when the handshake has ended; returns the protocol of the connection.
    """

    def __init__(
        self, context: Context, ssl_context: ssl.SSLContext, make_connection: Callable[[Context], Any]
    ) -> None: ...
    def connection_made(self, transport: asyncio.BaseTransport) -> None: ...
    def connection_lost(self, error: Exception | None) -> None: ...
    def data_received(self, data: bytes) -> None: ...
    def eof_received(self) -> bool: ...
    def pause_writing(self) -> None: ...
    def resume_writing(self) -> None: ...
    def check_deadlines(self) -> None:
        """End a handshake that is late; `Context.tick()` calls it."""
    def begin_drain(self) -> None:
        """Who has begun a handshake will be served; who has sent nothing gets a moment."""
    def cut(self) -> None:
        """Close at once."""
    def log(self, reason: str) -> None:
        """A line for who debugs; a client's mistakes are no errors of the server."""
    def deliver_held(self) -> None:
        """Go on with what came while the connection had paused."""
    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Encrypt and send, or queue. Nothing happens once the connection is closing."""
    def writelines(self, parts: Iterable[bytes | bytearray | memoryview]) -> None:
        """Write several pieces as one."""
    def write_eof(self) -> None:
        """End our side after all that was written; the client may still send."""
    def can_write_eof(self) -> bool:
        """Whether write_eof() can be called: as on the socket."""
    def close(self) -> None:
        """Close after all that was written; connection_lost() comes then."""
    def abort(self) -> None:
        """Close at once, without the close_notify that tells a whole answer from a cut one."""
    def is_closing(self) -> bool:
        """Whether close() or abort() was called, or the socket is lost."""
    def pause_reading(self) -> None:
        """Give the connection nothing more until resume_reading()."""
    def resume_reading(self) -> None:
        """Read again."""
    def is_reading(self) -> bool:
        """Whether the connection is given what comes."""
    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """The marks, in bytes, at which the connection is told to pause and to resume."""
    def get_write_buffer_size(self) -> int:
        """Bytes that wait for the client, encrypted or not."""
    def set_protocol(self, protocol: Any) -> None:
        """Another connection takes over."""
    def get_protocol(self) -> Any:
        """The connection."""
    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """What is known of the connection, by asyncio's names."""

__test__: dict[str, str]
