# SPDX-License-Identifier: MIT
"""Raw ASGI applications that every server runs alike, loaded by the servers as `bench.apps:NAME`; imports little.

Each answers the lifespan protocol and one path, `/`. Bodies are copied where one server is known to reuse its buffer.
"""

import asyncio
import zlib
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

Scope = Mapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

HELLO = b"Hello, world!"
TEN_KIB = b"0123456789abcdef" * 640
PIECE = bytes(range(256)) * 256
"""64 KiB that `download` sends again and again."""


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        kind = (await receive())["type"]
        await send({"type": f"{kind}.complete"})
        if kind == "lifespan.shutdown":
            return


def _start(length: int | None = None) -> Message:
    headers = [(b"content-type", b"text/plain; charset=utf-8")]
    if length is not None:
        headers.append((b"content-length", b"%d" % length))
    return {"type": "http.response.start", "status": 200, "headers": headers}


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers 13 bytes."""
    if scope["type"] == "lifespan":
        return await _lifespan(receive, send)
    await send(_start(len(HELLO)))
    await send({"type": "http.response.body", "body": HELLO})


async def ten_kib(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers 10,240 bytes."""
    if scope["type"] == "lifespan":
        return await _lifespan(receive, send)
    await send(_start(len(TEN_KIB)))
    await send({"type": "http.response.body", "body": TEN_KIB})


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Sends each piece of the request body back as it arrives; the length is that of the request."""
    if scope["type"] == "lifespan":
        return await _lifespan(receive, send)
    length = dict(scope["headers"]).get(b"content-length")
    await send(_start(None if length is None else int(length)))
    more = True
    while more:
        message = await receive()
        more = message.get("more_body", False)
        # fastpysgi 0.6 overwrites the piece with the next one while it waits to be sent: only a copy arrives intact.
        piece = bytes(memoryview(message.get("body", b"")))
        await send({"type": "http.response.body", "body": piece, "more_body": more})


async def sleep(scope: Scope, receive: Receive, send: Send) -> None:
    """Waits 10 ms, as for a database, then answers 13 bytes."""
    if scope["type"] == "lifespan":
        return await _lifespan(receive, send)
    await asyncio.sleep(0.01)
    await send(_start(len(HELLO)))
    await send({"type": "http.response.body", "body": HELLO})


async def slow_reader(scope: Scope, receive: Receive, send: Send) -> None:
    """Reads the body with a pause of 2 ms before each piece; answers its size and CRC-32 as text: `123 89abcdef`."""
    if scope["type"] == "lifespan":
        return await _lifespan(receive, send)
    size = crc = 0
    more = True
    while more:
        await asyncio.sleep(0.002)
        message = await receive()
        body = message.get("body", b"")
        size, crc = size + len(body), zlib.crc32(body, crc)
        more = message.get("more_body", False)
    answer = b"%d %08x" % (size, crc)
    await send(_start(len(answer)))
    await send({"type": "http.response.body", "body": answer})


async def download(scope: Scope, receive: Receive, send: Send) -> None:
    """Sends as many bytes as the path says (`/1073741824`) in pieces of 64 KiB; `/` answers 13 bytes."""
    if scope["type"] == "lifespan":
        return await _lifespan(receive, send)
    digits = scope["path"].strip("/")
    if not digits:
        return await hello(scope, receive, send)
    left = int(digits)
    await send(_start(left))
    while left > 0:
        piece = PIECE[:left]
        left -= len(piece)
        await send({"type": "http.response.body", "body": piece, "more_body": left > 0})


async def upload(scope: Scope, receive: Receive, send: Send) -> None:
    """Takes a body; answers 200 if it is as long as the path says (`/1073741824`), else 400. `/` answers 13 bytes."""
    if scope["type"] == "lifespan":
        return await _lifespan(receive, send)
    digits = scope["path"].strip("/")
    if not digits:
        return await hello(scope, receive, send)
    left = int(digits)
    more = True
    while more:
        message = await receive()
        left -= len(message.get("body", b""))
        more = message.get("more_body", False)
    await send({"type": "http.response.start", "status": 400 if left else 200, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body"})


async def attacked(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers 13 bytes; `/large` 1 MiB, and `/wait` never: it goes on until its client has gone."""
    if scope["type"] == "lifespan" or scope["path"] == "/":
        return await hello(scope, receive, send)
    if scope["path"] == "/large":
        return await download({**scope, "path": "/1048576"}, receive, send)
    while (await receive())["type"] != "http.disconnect":
        pass
