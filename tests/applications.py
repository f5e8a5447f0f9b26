# SPDX-License-Identifier: MIT
"""Small applications that several suites serve, and `Recorder`, which notes what an application was given."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from tests.exchanges import App, Event, Receive, Scope, Send


def start(status: int = 200, headers: Iterable[Any] = (), **more: Any) -> Event:
    """A `http.response.start` message."""
    return {"type": "http.response.start", "status": status, "headers": list(headers), **more}


def body(data: bytes = b"", more: bool = False) -> Event:
    """A `http.response.body` message."""
    return {"type": "http.response.body", "body": data, "more_body": more}


def answering(data: bytes = b"", status: int = 200, headers: Iterable[Any] = ()) -> App:
    """An application that answers at once, with a length, and reads nothing."""
    fields = [*headers, (b"content-length", b"%d" % len(data))]

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start(status, fields))
        await send(body(data))

    return app


def sending(*events: Event) -> App:
    """An application that sends these messages and reads nothing."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        for event in events:
            await send(event)

    return app


async def read_body(receive: Receive) -> bytes:
    """The whole request body; fails when the client leaves before its end."""
    parts = []
    while True:
        event = await receive()
        assert event["type"] == "http.request", event
        parts.append(event.get("body", b""))
        if not event.get("more_body", False):
            return b"".join(parts)


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with the body it was sent."""
    data = await read_body(receive)
    await send(start(200, [(b"content-length", b"%d" % len(data))]))
    await send(body(data))


async def path_echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with the path it was asked for."""
    data = scope["raw_path"]
    await send(start(200, [(b"content-length", b"%d" % len(data))]))
    await send(body(data))


class Recorder:
    """An application that notes scope and events, and hands over to the test where that wants it.

    It reads until the body ends (`reads=True`), waits for `gate` when there is one, answers 200 with `data`, then reads
    `after` more events.

    Attributes:
        scopes: the scope of each call.
        events: what receive() returned, of all calls.
        raised: exceptions that receive() or send() raised.
    """

    def __init__(
        self, data: bytes = b"ok", *, reads: bool = True, gate: asyncio.Event | None = None, after: int = 0
    ) -> None:
        self.data = data
        self.reads = reads
        self.gate = gate
        self.after = after
        self.scopes: list[Scope] = []
        self.events: list[Event] = []
        self.raised: list[BaseException] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scopes.append(scope)
        try:
            while self.reads:
                event = await receive()
                self.events.append(event)
                if event["type"] != "http.request" or not event.get("more_body", False):
                    break
            if self.gate is not None:
                await self.gate.wait()
            await send(start(200, [(b"content-length", b"%d" % len(self.data))]))
            await send(body(self.data))
            for _ in range(self.after):
                self.events.append(await receive())
        except BaseException as error:
            self.raised.append(error)
            raise

    @property
    def scope(self) -> Scope:
        """The scope of the only call."""
        assert len(self.scopes) == 1
        return self.scopes[0]

    @property
    def body(self) -> bytes:
        """The request body of all calls."""
        return b"".join(event.get("body", b"") for event in self.events if event["type"] == "http.request")
