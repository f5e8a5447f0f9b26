# SPDX-License-Identifier: MIT
"""Types of the compiled module: one HTTP exchange as ASGI sees it. Connections make cycles; applications get
`receive` and `send` of one."""

from collections.abc import Coroutine
from typing import Any, Self, final

from fastcorn.asgi._run import Cycle

@final
class Receive:
    """What `receive()` returns. It takes a message only when it is awaited, so one that is cancelled loses none."""

    def __await__(self) -> Self: ...
    def __iter__(self) -> Self: ...
    def __next__(self) -> Any: ...
    def send(self, value: Any) -> Any: ...
    def throw(self, type: Any, value: Any = None, traceback: Any = None) -> Any: ...
    def close(self) -> None: ...

@final
class HTTPCycle(Cycle):
    """One HTTP exchange as ASGI sees it (ASGI HTTP 2.5)."""

    @property
    def buffered(self) -> int:
        """Bytes of the body that have arrived and were not received yet."""
    @property
    def disconnected(self) -> bool:
        """The client has gone."""
    def receive(self) -> Coroutine[Any, None, dict[str, Any]]:
        """The ASGI `receive`: an awaitable of the next message."""
    def send(self, message: dict[str, Any]) -> Coroutine[Any, None, None]:
        """The ASGI `send`: takes effect at once; what it returns is awaited only when the client is slow.

        Raises:
            MessageError: the message is malformed or out of order.
            ClientDisconnected: the client has gone.
        """
    def send_path(self, message: dict[str, Any]) -> Coroutine[Any, Any, None]:
        """Start `http.response.pathsend`: the whole body is the file at an absolute path."""
    async def run_path(self, path: Any) -> None: ...
    def send_open_file(self, message: dict[str, Any]) -> Coroutine[Any, Any, None]:
        """Start `http.response.zerocopysend`: a part of the body is (a part of) an open file."""
    async def run_file(self, file: Any, offset: int | None, count: int | None, more_body: bool) -> None: ...

def open_without_waiting(path: Any, flags: int) -> int:
    """Open a file as `open()` asks, but a pipe without waiting for its writer."""

__test__: dict[str, str]
__pyx_capi__: dict[str, object]
