# SPDX-License-Identifier: MIT
"""WebSockets against random clients and random applications, on both engines and over each version of HTTP.

Everything comes from seeded generators, so a case that fails once fails each time: its number is in the test's name.
Whatever comes in, and whatever the application does, the server sends well-formed frames with at most one close frame
at their end, logs no error, gives the application whole messages in their order and one kind of end, and leaves nothing
behind.
"""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from fastcorn.errors import MessageError
from tests.exchanges import Receive, Scope, Send
from tests.serving import PROTOCOLS, Serve
from tests.websockets import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    WebSocketClient,
    close,
    frame,
    open_websocket,
)

SEEDS = 8
CASES = 15  # in one test, on one context


class Wild:
    """An application that does what its generator says."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.calls = 0
        self.received: dict[str, list[bytes]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.calls += 1
        random_ = random.Random(f"{self.seed} {scope['path']}")
        received = self.received[scope["path"]] = []
        await receive()
        if random_.random() < 0.1:
            await asyncio.sleep(0)
        how = random_.random()
        if how < 0.05:
            await send({"type": "websocket.close"})
            return
        if how < 0.1:
            await send({"type": "websocket.http.response.start", "status": 401})
            await send({"type": "websocket.http.response.body", "body": b"no"})
            return
        await send({"type": "websocket.accept"})
        limit = random_.choice([0, 1, 5, 1000, 1000, 1000])
        for _ in range(limit):
            event = await self.take(random_, receive)
            if event["type"] == "websocket.disconnect":
                assert await receive() == event
                return
            data = event["bytes"] if event["text"] is None else event["text"].encode()
            received.append(data)
            await self.act(random_, send, data)
        if random_.random() < 0.5:
            await send({"type": "websocket.close", "code": random_.choice([1000, 1001, 3000, 4999])})
            assert (await receive())["type"] == "websocket.disconnect"

    async def take(self, random_: random.Random, receive: Receive) -> Any:
        how = random_.random()
        if how < 0.1:
            return await asyncio.ensure_future(receive())
        if how < 0.2:
            return await asyncio.wait_for(receive(), 1000)
        return await receive()

    async def act(self, random_: random.Random, send: Send, data: bytes) -> None:
        how = random_.random()
        if how < 0.5:
            await send({"type": "websocket.send", "bytes": data})
        elif how < 0.6:
            await asyncio.sleep(0)
        elif how < 0.65:
            await send({"type": "websocket.send", "bytes": random_.randbytes(random_.choice([0, 200, 70_000]))})
        elif how < 0.7:
            await asyncio.create_task(send({"type": "websocket.send", "text": "task"}))  # type: ignore[arg-type]
        elif how < 0.75:
            with pytest.raises((MessageError, OSError)):
                await send({"type": "websocket.send"})


def message(random_: random.Random, messages: list[bytes]) -> bytes:
    """A valid message, whole or in fragments with control frames between them; notes its data."""
    opcode = random_.choice([TEXT, BINARY])
    size = random_.choice([0, 1, 5, 125, 126, 1000, 66_000])
    data = random_.randbytes(size) if opcode == BINARY else bytes(random_.choices(b"abc \n", k=size))
    messages.append(data)
    if random_.random() < 0.7:
        return frame(opcode, data)
    made = b""
    while data and random_.random() < 0.7:
        cut = random_.randint(0, len(data))
        made += frame(opcode, data[:cut], fin=False)
        opcode, data = CONTINUATION, data[cut:]
        if random_.random() < 0.3:
            made += frame(random_.choice([PING, PONG]), random_.randbytes(random_.choice([0, 1, 125])))
    return made + frame(opcode, data)


def broken(random_: random.Random) -> bytes:
    """A frame that is wrong, or random bytes."""
    return random_.choice(
        [
            frame(random_.choice([3, 7, 11, 15])),
            frame(TEXT, b"\xff"),
            frame(TEXT, b"x", masked=False),
            frame(BINARY, b"x", rsv=random_.randint(1, 7)),
            frame(CONTINUATION, b"x"),
            frame(PING, b"x" * 126),
            frame(CLOSE, random_.randbytes(random_.choice([1, 2, 30]))),
            random_.randbytes(random_.randint(1, 100)),
        ]
    )


def behave(random_: random.Random, client: WebSocketClient, messages: list[bytes]) -> bool:
    """Lets a client act; returns whether all that it sent was right."""
    data = b"".join(message(random_, messages) for _ in range(random_.choice([0, 1, 3, 40])))
    right = random_.random() < 0.6
    if not right:
        data += broken(random_) + random_.randbytes(random_.choice([0, 0, 50]))
    elif random_.random() < 0.5:
        data += close(random_.choice([1000, 4000]), random_.choice(["", "why"]))
    if random_.random() < 0.3:
        client.stop_reading()
    pieces = random_.choice([1, 1, 2, 10])
    for _ in range(pieces):
        cut = random_.randint(0, len(data))
        client.send(data[:cut])
        data = data[cut:]
        if random_.random() < 0.1:
            client.served.tick()
    client.send(data)
    how = random_.random()
    if how < 0.2:
        client.finish()
    elif how < 0.4:
        client.vanish(random_.choice([None, ConnectionResetError()]))
    client.resume_reading()
    return right


def check_frames(client: WebSocketClient) -> None:
    assert client.closed_with is None or client.closed_with[0] != 1006
    for answer in client.frames:
        assert answer.fin
        assert answer.rsv == 0
        assert answer.opcode in (TEXT, BINARY, CLOSE, PING, PONG)


@pytest.mark.parametrize("serve", PROTOCOLS, indirect=True)
@pytest.mark.parametrize("engine", ["native", "wsproto"])
@pytest.mark.parametrize("seed", range(SEEDS))
def test_random_clients_and_applications(serve: Serve, seed: int, engine: str) -> None:
    """F1: see the module."""
    if engine == "wsproto":
        pytest.importorskip("wsproto")
    random_ = random.Random(seed)
    app = Wild(seed)
    served = serve(
        app,
        websocket_engine=engine,
        websocket_queue_messages=random_.choice([1, 3, 32]),
        websocket_queue_size=random_.choice([1024, 100_000]),
        websocket_max_message_size=100_000,
    )
    for number in range(CASES):
        path = f"/{number}"
        client = open_websocket(served, path)
        messages: list[bytes] = []
        right = behave(random_, client, messages)
        received = app.received[path]
        assert received == messages[: len(received)] or not right
        if client.accepted:
            check_frames(client)
        if not client.over:
            served.tick(40)
            client.vanish()
        served.driver.settle()
        assert not served.context.websockets
        assert not served.context.active_requests
        assert not served.take_errors()
