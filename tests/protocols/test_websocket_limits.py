# SPDX-License-Identifier: MIT
"""WebSockets against floods and slow sides: bounded queues, back-pressure, fairness, and how often anybody wakes.

Every test runs on both engines.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import pytest

from tests.exchanges import Receive, Scope, Send
from tests.serving import Serve
from tests.websockets import BINARY, PING, PONG, TEXT, close, frame, new_client, open_websocket, text

ACCEPT = {"type": "websocket.accept"}


@pytest.fixture(params=["native", "wsproto"])
def engine(request: pytest.FixtureRequest) -> str:
    if request.param == "wsproto":
        pytest.importorskip("wsproto")
    return str(request.param)


class Gated:
    """Accepts, receives nothing until the gate opens, then all until the end."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.messages: list[str | bytes] = []
        self.end: dict[str, Any] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send(ACCEPT)
        await self.gate.wait()
        while (event := await receive())["type"] == "websocket.receive":
            self.messages.append(event["text"] if event["bytes"] is None else event["bytes"])
        self.end = event


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    await send(ACCEPT)
    while (event := await receive())["type"] == "websocket.receive":
        await send({**event, "type": "websocket.send"})


def test_queue_is_bounded_in_bytes(serve: Serve, engine: str) -> None:
    """M2: an application that does not receive stops the reading; afterwards nothing is missing, order included."""
    app = Gated()
    served = serve(app, websocket_engine=engine, websocket_queue_size=100_000)
    client = open_websocket(served)
    for number in range(100):
        client.send(frame(BINARY, b"%02d" % number + b"x" * 20_000))
    assert client.upload_paused is not False
    assert client.taken < 100_000 + 2 * 20_020 + 500 + client.window
    served.driver.call(app.gate.set)
    served.driver.settle()
    assert [message[:2] for message in app.messages] == [b"%02d" % number for number in range(100)]
    assert not client.upload_paused
    client.close(1000)
    assert app.end == {"type": "websocket.disconnect", "code": 1000, "reason": ""}


def test_queue_is_bounded_in_messages(serve: Serve, engine: str) -> None:
    """M2: also with many messages in one read, and with a close behind them."""
    app = Gated()
    served = serve(app, websocket_engine=engine, websocket_queue_messages=5)
    client = open_websocket(served)
    client.send(*[text(str(number)) for number in range(50)], close(1001, "done"))
    assert client.upload_paused is not False
    assert client.closed_with is None
    served.driver.call(app.gate.set)
    served.driver.settle()
    assert app.messages == [str(number) for number in range(50)]
    assert app.end == {"type": "websocket.disconnect", "code": 1001, "reason": "done"}
    assert client.closed_with == (1001, "")


@pytest.mark.parametrize("how", ["finish", "reset"])
def test_nothing_is_lost_at_the_end(serve: Serve, engine: str, how: str) -> None:
    """M2, W7: what came before the connection ended is received, then the end."""
    app = Gated()
    served = serve(app, websocket_engine=engine, websocket_queue_messages=5)
    client = open_websocket(served)
    client.send(*[text(str(number)) for number in range(12)])
    if how == "finish":
        client.finish()
    else:
        client.vanish(ConnectionResetError())
        assert not served.context.connections
    served.driver.call(app.gate.set)
    served.driver.settle()
    assert app.messages == [str(number) for number in range(12)]
    assert app.end == {"type": "websocket.disconnect", "code": 1006, "reason": ""}
    assert client.ended


def test_one_message_may_exceed_the_queue(serve: Serve, engine: str) -> None:
    """M2: a message that is allowed gets through, whatever the queue holds."""
    app = Gated()
    served = serve(app, websocket_engine=engine, websocket_queue_size=1024)
    client = open_websocket(served)
    client.send(frame(BINARY, b"x" * 400_000), text("next"))
    served.driver.call(app.gate.set)
    served.driver.settle()
    assert app.messages == [b"x" * 400_000, "next"]


def test_many_frames_are_one_wake_up(serve: Serve, engine: str) -> None:
    """M3: what one read brings is one step of the application and one write."""
    served = serve(echo, websocket_engine=engine)
    client = open_websocket(served)
    client.send(text("first"))
    client.transport.writes.clear()
    client.send(*[text(str(number)) for number in range(30)])
    assert client.messages[1:] == [str(number) for number in range(30)]
    assert len(client.transport.writes) == 1


@pytest.mark.skipif(sys.version_info < (3, 12), reason="a task does not tell its context before Python 3.12")
def test_a_message_is_answered_within_the_read(serve: Serve, engine: str) -> None:
    """M3: an application that waits for a message runs when it comes, not a turn of the loop later."""
    client = open_websocket(serve(echo, websocket_engine=engine))
    client.send(text("a"))
    client.send_in_one_turn(text("b"))
    assert client.messages == ["a", "b"]


def test_flood_of_messages_is_fair(serve: Serve, engine: str) -> None:
    """M4, P12: thousands of messages in one read do not hold up other connections."""
    served = serve(echo, websocket_engine=engine)
    flooding, other = open_websocket(served), open_websocket(served)
    flooding.send(text("x"))
    other.send(text("x"))
    flooding.enqueue(text("") * 20_000)
    other.enqueue(text("me too"))
    served.driver.step()
    served.driver.step()
    assert other.messages == ["x", "me too"]
    assert len(flooding.messages) < 2_000
    assert flooding.upload_paused is not False
    served.driver.settle()
    assert len(flooding.messages) == 20_001
    assert not flooding.upload_paused


def test_flood_of_control_frames_is_fair(serve: Serve, engine: str) -> None:
    """M4: pings are bounded in a turn too; each is answered, in their order."""
    served = serve(echo, websocket_engine=engine)
    client = open_websocket(served)
    client.send_in_one_turn(*[frame(PING, b"%d" % number) for number in range(5000)])
    assert client.upload_paused is not False
    served.driver.settle()
    assert [answer.payload for answer in client.frames if answer.opcode == PONG] == [b"%d" % n for n in range(5000)]


def test_pongs_to_a_client_that_does_not_read(serve: Serve, engine: str) -> None:
    """M5: they are coalesced; what waits stays small. The last one is sent when the client reads again."""
    served = serve(echo, websocket_engine=engine)
    client = open_websocket(served)
    client.stop_reading()
    payload = b"x" * 120
    for number in range(3000):
        client.send(frame(PING, payload + b"%04d" % number))
    assert client.unsent < 70_000
    client.resume_reading()
    assert client.frames[-1].payload == payload + b"2999"


def test_client_that_does_not_read_is_felt(serve: Serve, engine: str) -> None:
    """M5, C11: send() waits; what waits in the server is bounded."""
    sent: list[int] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send(ACCEPT)
        for number in range(200):
            await send({"type": "websocket.send", "bytes": b"x" * 10_000})
            sent.append(number)

    served = serve(app, websocket_engine=engine)
    client = new_client(served)
    client.stop_reading()
    client.open()
    assert len(sent) < 20
    assert client.unsent < 150_000
    client.resume_reading()
    assert len(client.messages) == 200
    assert client.closed_with == (1000, "")


def test_echo_to_a_client_that_does_not_read(serve: Serve, engine: str) -> None:
    """M5: the application waits in send(), its queue fills, the reading stops: memory is bounded."""
    served = serve(echo, websocket_engine=engine)
    client = open_websocket(served)
    client.stop_reading()
    for _ in range(200):
        client.send(frame(BINARY, b"x" * 20_000))
    assert client.upload_paused is not False
    assert client.unsent < 200_000
    assert client.taken < 1_000_000 + 2 * client.window
    client.resume_reading()
    assert len(client.messages) == 200


def test_large_download_lets_others_run(serve: Serve, engine: str) -> None:
    """M4: an application that sends without end lets other tasks run in between."""
    turns: list[int] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send(ACCEPT)
        asyncio.get_running_loop().call_soon(turns.append, 1)
        for _ in range(100):
            await send({"type": "websocket.send", "bytes": b"x" * 65536})
            if turns:
                break
        else:
            pytest.fail("nobody else could run")

    served = serve(app, websocket_engine=engine)
    open_websocket(served)
    assert turns


def test_early_flood_goes_on_after_accept(serve: Serve, engine: str) -> None:
    """M2, W11: a flood before accept is received as far as the queue goes, then the rest."""
    app = Gated()
    served = serve(app, websocket_engine=engine, websocket_queue_messages=4)
    client = open_websocket(served, data=text("x") * 1000)
    served.driver.call(app.gate.set)
    served.driver.settle()
    assert len(app.messages) == 1000
    assert not client.upload_paused


BAD = frame(3)


@pytest.mark.parametrize(("end", "code"), [(close(1000), 1000), (close(4321, "why"), 4321), (BAD, 1002)])
def test_answers_leave_before_the_close(serve: Serve, engine: str, end: bytes, code: int) -> None:
    """M6: messages that came in one read with the end are answered, in the same write as the close frame."""
    served = serve(echo, websocket_engine=engine)
    client = open_websocket(served)
    client.transport.writes.clear()
    client.send(text("a"), text("b"), end)
    assert client.messages == ["a", "b"]
    assert client.closed_with is not None
    assert client.closed_with[0] == code
    assert client.ended
    assert served.context.active_requests == 0


@pytest.mark.parametrize("end", [close(4000, "why"), BAD])
@pytest.mark.parametrize("then", ["timeout", "lost", "half", "return", "close"])
def test_the_close_does_not_wait_for_ever(serve: Serve, engine: str, end: bytes, then: str) -> None:
    """M6, M8: an application that does not take the messages holds up the close frame for websocket_close_timeout."""
    gate = asyncio.Event()
    events: list[dict[str, Any]] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send(ACCEPT)
        await gate.wait()
        if then == "close":
            await send({"type": "websocket.close", "code": 3000})
        elif then != "return":
            events.append(await receive())
            events.append(await receive())

    served = serve(app, websocket_engine=engine)
    client = open_websocket(served)
    client.send(text("a"), end, text("ignored"))
    served.tick(4)
    assert client.closed_with is None
    if then == "lost":
        client.vanish()
    elif then == "half":
        client.finish()
        assert not client.over
    elif then == "timeout":
        served.tick(3)
        assert client.closed_with is not None
    served.driver.call(gate.set)
    served.driver.settle()
    code = 4000 if end is not BAD else 1002
    if then in ("timeout", "lost", "half"):
        assert events[0]["text"] == "a"
        assert (events[1]["type"], events[1]["code"]) == ("websocket.disconnect", code)
    if then != "lost":
        assert client.closed_with is not None
        assert client.closed_with[0] == code
        assert client.ended
    assert served.context.active_requests == 0


def test_messages_after_the_close_are_ignored(serve: Serve, engine: str) -> None:
    """M6: nothing that follows a close frame is read."""
    app = Gated()
    served = serve(app, websocket_engine=engine)
    served.driver.call(app.gate.set)
    client = open_websocket(served)
    client.send(text("a"), close(1000), text("b"), frame(TEXT, b"\xff"))
    assert app.messages == ["a"]
    assert client.closed_with == (1000, "")
