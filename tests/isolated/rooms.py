# SPDX-License-Identifier: MIT
"""What the two scripts about WebSockets share: an application that ends in all ways, and how their clients end."""

from typing import Any

from tests.websockets import close, frame, text

ENDS = [b"", close(1000), close(4000, "bye"), frame(3), text("close"), text("raise"), text("return")]


async def room(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Echoes, or does what a message says."""
    await receive()
    if scope["path"] == "/refused":
        await send({"type": "websocket.close"})
        return
    await send({"type": "websocket.accept", "subprotocol": "chat", "headers": [(b"x-a", b"b")]})
    while (event := await receive())["type"] == "websocket.receive":
        if event["text"] == "close":
            await send({"type": "websocket.close", "code": 4001})
        elif event["text"] == "raise":
            raise RuntimeError("the application fails on purpose")
        elif event["text"] == "return":
            return
        else:
            await send({"type": "websocket.send", "text": event["text"]})
