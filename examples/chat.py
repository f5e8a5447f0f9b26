# SPDX-License-Identifier: MIT
"""A chat for everyone who has the page open: one WebSocket for each page, each message sent to all. No framework.

Run it with `fastcorn examples/chat.py:app` and open http://127.0.0.1:8000 in two windows. It is a plain ASGI
application; the page is examples/chat.html. It keeps its members in memory, so run it with one worker.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

PAGE = Path(__file__).with_name("chat.html").read_bytes()
LONGEST_NAME, LONGEST_TEXT = 40, 2000
MOST_WAITING = 256
"""Messages that may wait for one member. Who reads no faster is disconnected, so that nobody waits for them."""
POLICY_VIOLATION, TRY_AGAIN_LATER = 1008, 1013


class Member:
    """One open page, and what is still to be sent to it."""

    def __init__(self) -> None:
        self.waiting: asyncio.Queue[str | None] = asyncio.Queue(MOST_WAITING)
        self.dropped = False

    def put(self, text: str) -> None:
        """Queues a message; a member who is too far behind is told to go."""
        if self.waiting.full():
            self.dropped = True
            while not self.waiting.empty():
                self.waiting.get_nowait()
            self.waiting.put_nowait(None)
        elif not self.dropped:
            self.waiting.put_nowait(text)


members: set[Member] = set()


def tell_all(**event: Any) -> None:
    """Queues one event for every member; it is encoded once."""
    text = json.dumps(event, ensure_ascii=False)
    for member in members:
        member.put(text)


async def deliver(member: Member, send: Send) -> None:
    """Sends what is queued for a member; slow members make only this wait."""
    try:
        while (text := await member.waiting.get()) is not None:
            await send({"type": "websocket.send", "text": text})
        await send({"type": "websocket.close", "code": TRY_AGAIN_LATER, "reason": "too slow"})
    except OSError:
        pass  # the member has gone; chat() hears of it from receive()


def read_message(text: str | None) -> tuple[str, str] | None:
    """The name and the text of what a page sent; None when it is not what the page sends."""
    try:
        content = json.loads(text or "")
        name, said = content["name"].strip(), content["text"].strip()
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    return (name or "somebody", said) if said and len(name) <= LONGEST_NAME and len(said) <= LONGEST_TEXT else None


async def chat(receive: Receive, send: Send) -> None:
    """One member, from joining to leaving."""
    await receive()
    await send({"type": "websocket.accept"})
    member = Member()
    members.add(member)
    delivery = asyncio.create_task(deliver(member, send))
    tell_all(online=len(members))
    try:
        while (message := await receive())["type"] == "websocket.receive":
            said = read_message(message.get("text"))
            if said is None:
                await send({"type": "websocket.close", "code": POLICY_VIOLATION, "reason": "not a message of the chat"})
                break
            tell_all(name=said[0], text=said[1])
    finally:
        members.discard(member)
        delivery.cancel()
        tell_all(online=len(members))


async def answer(send: Send, status: int, kind: bytes, body: bytes) -> None:
    headers = [(b"content-type", kind), (b"content-length", b"%d" % len(body)), (b"cache-control", b"no-cache")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def app(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
    """GET / is the page, the WebSocket /chat is the chat."""
    if scope["type"] == "lifespan":
        while True:
            kind = (await receive())["type"]
            await send({"type": f"{kind}.complete"})
            if kind == "lifespan.shutdown":
                return
    elif scope["type"] == "websocket":
        if scope["path"] == "/chat":
            await chat(receive, send)
        else:
            await send({"type": "websocket.close"})
    elif scope["path"] == "/":
        await answer(send, 200, b"text/html; charset=utf-8", PAGE)
    else:
        await answer(send, 404, b"text/plain; charset=utf-8", b"There is only / here.\n")
