# SPDX-License-Identifier: MIT
"""Types of the compiled module: a socket whose opening handshake is done, and which carries one WebSocket."""

from typing import Any

from typing_extensions import disjoint_base

from fastcorn.asgi._context import Context
from fastcorn.asgi._stream import Stream
from fastcorn.asgi._websocket_cycle import WebSocketCycle

@disjoint_base
class WebSocketConnection(Stream):
    """A socket that carries one WebSocket; an asyncio protocol.

    Args:
        context: the `Context` of this worker.
        codec: the engine, fresh.
    """

    def __init__(self, context: Context, codec: Any) -> None: ...
    def take_over(self, transport: Any, writer: Any, cycle: WebSocketCycle, data: bytes, reading_paused: bool) -> None:
        """Go on with a socket whose handshake has just been accepted."""
    def connection_made(self, transport: Any) -> None:
        """Not called: take_over() is."""
    def connection_lost(self, error: Exception | None) -> None: ...
    def data_received(self, data: bytes) -> None: ...
    def eof_received(self) -> bool:
        """The client has shut its side, which ends a WebSocket (RFC 6455 section 7.1.1)."""
    def pause_writing(self) -> None: ...
    def resume_writing(self) -> None: ...
    def check_deadlines(self) -> None:
        """Close what is late, ping what is due; once a second."""
    def begin_drain(self) -> None:
        """Close soon: the server stops, and the client may connect to another."""
    def drain_now(self) -> None: ...
    def cut(self) -> None:
        """Close at once, dropping what was not written."""
    def flush_collected(self) -> None:
        """Write what was collected outside of steps of the application."""
    def pump_later(self) -> None:
        """Go on with events that the codec holds."""

__test__: dict[str, str]
