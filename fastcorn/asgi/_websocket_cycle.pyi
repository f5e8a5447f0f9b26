# SPDX-License-Identifier: MIT
"""Types of the compiled module: one WebSocket as ASGI sees it. Connections make cycles; applications get `receive` and
`send` of one."""

from collections.abc import Coroutine
from typing import Any, Self, final

from fastcorn.asgi._context import Context
from fastcorn.asgi._run import Cycle
from fastcorn.asgi._stream import Stream

@final
class WebSocketReceive:
    """What `receive()` returns. It takes a message only when it is awaited, so one that is cancelled loses none."""

    def __await__(self) -> Self: ...
    def __iter__(self) -> Self: ...
    def __next__(self) -> Any: ...
    def send(self, value: Any) -> Any: ...
    def throw(self, type: Any, value: Any = None, traceback: Any = None) -> Any: ...
    def close(self) -> None: ...

@final
class WebSocketCycle(Cycle):
    """One WebSocket as ASGI sees it (ASGI WebSocket 2.5)."""

    @property
    def queued_bytes(self) -> int:
        """Bytes of messages that have come and were not received yet."""
    @property
    def gone(self) -> bool:
        """Nothing can be sent any more."""
    def run(self) -> None:
        """Call the application and run it in a task."""
    def receive(self) -> Coroutine[Any, None, dict[str, Any]]:
        """The ASGI `receive`: an awaitable of the next event."""
    def send(self, message: dict[str, Any]) -> Coroutine[Any, None, None]:
        """The ASGI `send`: takes effect at once; what it returns is awaited only when the client is slow.

        Raises:
            MessageError: the message is malformed or out of order.
            ClientDisconnected: the WebSocket is closed.
        """
    def wake_later(self) -> None:
        """Wake receive() calls; as a callback of the loop."""

def new_websocket_cycle(context: Context, stream: Stream, scope: dict[str, Any]) -> WebSocketCycle:
    """A cycle for a request to become a WebSocket.

    Args:
        context: the worker's context.
        stream: what carries the exchange.
        scope: the scope, with `subprotocols`.
    """

__test__: dict[str, str]
