# SPDX-License-Identifier: MIT
"""The application under the testsuite: sends each message back as it came.

Loaded by the server that `__main__` starts, as `conformance.application:echo`; calls nothing.
"""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]


async def echo(
    scope: Mapping[str, Any], receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
) -> None:
    """Accepts each WebSocket and returns each of its messages, text as text and bytes as bytes."""
    if scope["type"] != "websocket":
        raise RuntimeError("only WebSockets are answered here")  # so the server takes the lifespan as unsupported
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        text = message.get("text")
        payload = {"bytes": message["bytes"]} if text is None else {"text": text}
        await send({"type": "websocket.send", **payload})
