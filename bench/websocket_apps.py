# SPDX-License-Identifier: MIT
"""ASGI applications for WebSockets that every server runs alike, loaded by the servers as `bench.websocket_apps:NAME`.

Each answers GET with 200, by which the harness sees that the server is ready, and takes any path.
"""

import asyncio
from collections.abc import Awaitable, Callable

from bench.apps import Message, Receive, Scope, Send, hello

PIECE = bytes(range(256)) * 256
"""64 KiB, one message of `talker`."""
TALK_MESSAGES = 4096
"""Messages of `talker`: 256 MiB, far more than sockets hold."""

_members: set[Callable[[Message], Awaitable[None]]] = set()


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Returns each message as it came."""
    if scope["type"] != "websocket":
        return await hello(scope, receive, send)
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        text = message.get("text")
        if text is not None:
            await send({"type": "websocket.send", "text": text})
        else:
            await send({"type": "websocket.send", "bytes": message["bytes"]})


async def broadcast(scope: Scope, receive: Receive, send: Send) -> None:
    """Sends each message to everyone who is connected, one after the other."""
    if scope["type"] != "websocket":
        return await hello(scope, receive, send)
    await receive()
    _members.add(send)
    await send({"type": "websocket.accept"})
    try:
        while (message := await receive())["type"] == "websocket.receive":
            event = {"type": "websocket.send", "text": message["text"]}
            for member in list(_members):
                await member(event)
    finally:
        _members.discard(send)


async def deaf(scope: Scope, receive: Receive, send: Send) -> None:
    """Accepts and never receives; it answers HTTP, which shows that the server is alive."""
    if scope["type"] != "websocket":
        return await hello(scope, receive, send)
    await receive()
    await send({"type": "websocket.accept"})
    await asyncio.sleep(3600)


async def talker(scope: Scope, receive: Receive, send: Send) -> None:
    """Sends 256 MiB in messages of 64 KiB as fast as `send` lets it."""
    if scope["type"] != "websocket":
        return await hello(scope, receive, send)
    await receive()
    await send({"type": "websocket.accept"})
    for _ in range(TALK_MESSAGES):
        await send({"type": "websocket.send", "bytes": PIECE})
