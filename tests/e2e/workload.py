# SPDX-License-Identifier: MIT
"""The application of the tests of processes, which copy it into a folder of their own as main.py and serve it there.

Every answer names the process that gave it in x-worker. The lifespan writes a line when it starts and when it ends; it
refuses to start while there is a file named refuse.
"""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Any

MESSAGE = "version one"


def tell(line: str) -> None:
    print(f"{line} in process {os.getpid()}", file=sys.stderr, flush=True)


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
    elif scope["type"] == "websocket":
        await websocket(receive, send)
    else:
        await request(scope, receive, send)


async def lifespan(receive: Any, send: Any) -> None:
    await receive()
    if os.path.exists("refuse"):
        await send({"type": "lifespan.startup.failed", "message": "the database is away"})
        return
    tell("application has started")
    await send({"type": "lifespan.startup.complete"})
    await receive()
    tell("application has shut down")
    await send({"type": "lifespan.shutdown.complete"})


async def websocket(receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    while (event := await receive())["type"] != "websocket.disconnect":
        pass
    tell(f"websocket has ended with {event['code']}")


async def request(scope: Any, receive: Any, send: Any) -> None:
    path = scope["path"]
    target = scope["raw_path"] + b"?" + scope["query_string"]
    if path == "/endless":
        await endless(receive, send)
    elif path == "/echo":
        await respond(send, await body_of(receive))
    elif path == "/message":
        await respond(send, MESSAGE.encode())
    elif path == "/block":
        tell("blocking")
        while not os.path.exists("unblock"):
            pass
        await respond(send, target)
    else:
        if path.startswith("/wait/"):
            await asyncio.sleep(float(path.removeprefix("/wait/")))
        while path == "/gate" and not os.path.exists("gate"):
            await asyncio.sleep(0.01)
        await respond(send, target)


async def body_of(receive: Any) -> bytes:
    body, more = b"", True
    while more:
        event = await receive()
        if event["type"] == "http.disconnect":
            return body
        body += event.get("body", b"")
        more = event.get("more_body", False)
    return body


async def respond(send: Any, body: bytes) -> None:
    fields = [(b"content-length", b"%d" % len(body)), (b"x-worker", b"%d" % os.getpid())]
    await send({"type": "http.response.start", "status": 200, "headers": fields})
    await send({"type": "http.response.body", "body": body})


async def endless(receive: Any, send: Any) -> None:
    """Server-sent events until the client or the server has had enough."""
    fields = [(b"content-type", b"text/event-stream"), (b"x-worker", b"%d" % os.getpid())]
    await send({"type": "http.response.start", "status": 200, "headers": fields})
    try:
        while True:
            await send({"type": "http.response.body", "body": b"data: tick\n\n", "more_body": True})
            await asyncio.sleep(0.05)
    except asyncio.CancelledError:
        tell("stream was cancelled")
        raise
