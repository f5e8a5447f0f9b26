# SPDX-License-Identifier: MIT
"""The deadlines of a WebSocket, and how a stopping server closes it. The clock is the test's."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.exchanges import Receive, Scope, Send
from tests.serving import Serve
from tests.websockets import CLOSE, PING, PONG, TEXT, Frame, frame, handshake, open_websocket, text

ACCEPT = {"type": "websocket.accept"}


@pytest.fixture(params=["native", "wsproto"])
def engine(request: pytest.FixtureRequest) -> str:
    if request.param == "wsproto":
        pytest.importorskip("wsproto")
    return str(request.param)


class Listening:
    """Accepts and receives until the end."""

    def __init__(self) -> None:
        self.ends: list[tuple[int, str]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send(ACCEPT)
        while (event := await receive())["type"] == "websocket.receive":
            pass
        self.ends.append((event["code"], event["reason"]))


def pings(frames: list[Frame]) -> int:
    return sum(frame.opcode == PING for frame in frames)


def test_pings(serve: Serve, engine: str) -> None:
    """M7: a ping in each interval; a client that answers is kept for ever."""
    served = serve(Listening(), websocket_engine=engine, websocket_ping_interval=20, websocket_ping_timeout=20)
    client = open_websocket(served)
    served.tick(14)
    assert pings(client.frames) == 0
    served.tick(8)
    assert pings(client.frames) == 1
    for number in range(2, 8):
        client.send(frame(PONG))
        served.tick(20)
        assert pings(client.frames) == number
    assert client.closed_with is None


def test_no_answer_to_a_ping(serve: Serve, engine: str) -> None:
    """M7: 1011 after the timeout; then the connection is cut, as nobody answers the close either."""
    app = Listening()
    served = serve(app, websocket_engine=engine, websocket_ping_interval=10, websocket_ping_timeout=15)
    client = open_websocket(served)
    served.tick(21)
    assert client.closed_with is None
    served.tick(5)
    assert client.closed_with is not None
    assert client.closed_with[0] == 1011
    assert app.ends == [(1011, "no answer to a ping")]
    assert not client.ended
    served.tick(7)
    assert client.aborted
    assert served.context.websockets == 0


@pytest.mark.parametrize("data", [frame(PONG, b"unasked"), frame(PING), text("alive"), b"\x81"])
def test_any_bytes_show_that_the_client_lives(serve: Serve, engine: str, data: bytes) -> None:
    """M7: a client that is busy sending something long is not cut for a late pong."""
    served = serve(Listening(), websocket_engine=engine, websocket_ping_interval=10, websocket_ping_timeout=10)
    client = open_websocket(served)
    served.tick(12)
    assert pings(client.frames) == 1
    client.send(data)
    served.tick(8)
    assert client.closed_with is None


def test_pings_can_be_switched_off(serve: Serve, engine: str) -> None:
    """M7: no interval, no pings; no timeout, no end."""
    quiet = open_websocket(serve(Listening(), websocket_engine=engine, websocket_ping_interval=None))
    quiet.served.tick(100)
    assert not quiet.frames
    patient = open_websocket(serve(Listening(), websocket_engine=engine, websocket_ping_timeout=None))
    patient.served.tick(100)
    assert pings(patient.frames) >= 4
    assert patient.closed_with is None


def test_paused_reading_is_no_missing_pong(serve: Serve, engine: str) -> None:
    """M7: a client is not blamed for an application that does not receive."""
    gate = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send(ACCEPT)
        await gate.wait()
        while (await receive())["type"] == "websocket.receive":
            pass

    served = serve(app, websocket_engine=engine, websocket_queue_messages=2)
    client = open_websocket(served)
    client.send(text("x") * 5)
    assert client.upload_paused is not False
    served.tick(100)
    assert client.closed_with is None
    served.driver.call(gate.set)
    served.driver.settle()
    client.send(frame(PONG))
    served.tick(5)
    assert client.closed_with is None


def test_pings_are_spread(serve: Serve) -> None:
    """M7: clients that came at once are not pinged in the same second."""
    served = serve(Listening(), websocket_ping_interval=40)
    clients = [open_websocket(served) for _ in range(50)]
    seen = []
    for _ in range(42):
        served.tick(1)
        seen.append(sum(pings(client.frames) for client in clients))
    assert seen[28] == 0
    assert seen[-1] == 50
    assert len(set(seen)) >= 4


def test_idle_timeout(serve: Serve, engine: str) -> None:
    """M7: 1001 after a time without a message in either direction; pings do not count."""
    app = Listening()
    served = serve(app, websocket_engine=engine, websocket_idle_timeout=30, websocket_ping_interval=5)
    client = open_websocket(served)
    for _ in range(5):
        served.tick(5)
        client.send(frame(PONG))
    client.send(text("x"))
    for _ in range(5):
        served.tick(5)
        client.send(frame(PONG))
    assert client.closed_with is None
    for _ in range(2):
        served.tick(5)
        client.send(frame(PONG))
    assert client.closed_with == (1001, "idle for too long")
    assert app.ends == [(1001, "idle for too long")]
    client.close(1001)
    assert client.ended


def test_sending_is_not_idle(serve: Serve) -> None:
    """M7: messages of the application count as well."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send(ACCEPT)
        while True:
            await asyncio.sleep(5)
            await send({"type": "websocket.send", "text": "tick"})

    served = serve(app, websocket_idle_timeout=10, websocket_ping_interval=None)
    client = open_websocket(served)
    served.tick(40)
    assert client.closed_with is None
    assert len(client.messages) >= 7


@pytest.mark.parametrize("seconds", [0, 5, 30])
def test_close_timeout(serve: Serve, engine: str, seconds: int) -> None:
    """M8: a client that does not answer the close frame is cut; data it still sends does not help it."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send(ACCEPT)

    served = serve(app, websocket_engine=engine, websocket_close_timeout=seconds)
    client = open_websocket(served)
    assert client.closed_with == (1000, "")
    for _ in range(seconds):
        served.tick(1)
        assert not client.ended
        client.send(text("more"))
    served.tick(3)
    assert client.aborted


@pytest.mark.parametrize("data", [frame(3), frame(CLOSE, b"a")])
def test_failed_connection_does_not_linger_for_ever(serve: Serve, engine: str, data: bytes) -> None:
    """M8: after a protocol error the client has the same time to close."""
    served = serve(Listening(), websocket_engine=engine, websocket_close_timeout=5)
    client = open_websocket(served)
    client.answers_end = False
    client.send(data)
    for _ in range(4):
        client.send(text("more"))
        served.tick(1)
    assert not client.over
    served.tick(4)
    assert client.over


def test_close_frame_to_a_client_that_does_not_read(serve: Serve, engine: str) -> None:
    """M8: what is still to be written does not keep the connection beyond the timeout."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send(ACCEPT)
        await receive()
        for _ in range(5):
            await send({"type": "websocket.send", "bytes": b"x" * 10_000})

    served = serve(app, websocket_engine=engine, websocket_close_timeout=5)
    client = open_websocket(served)
    client.stop_reading()
    client.send(text("go"))
    client.close(1000)
    served.tick(7)
    assert client.over


def test_write_timeout(serve: Serve, engine: str) -> None:
    """M8, D5: a client that takes nothing for write_timeout is cut; the application is told."""
    raised: list[BaseException] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send(ACCEPT)
        await receive()
        try:
            while True:
                await send({"type": "websocket.send", "bytes": b"x" * 10_000})
        except OSError as error:
            raised.append(error)
            raise

    served = serve(app, websocket_engine=engine, write_timeout=10, websocket_ping_interval=None)
    client = open_websocket(served)
    client.stop_reading()
    client.send(text("go"))
    served.tick(8)
    assert not client.over
    served.tick(5)
    assert client.aborted
    assert len(raised) == 1


def test_http_deadlines_do_not_apply(serve: Serve) -> None:
    """M8: a WebSocket is no idle HTTP connection."""
    served = serve(Listening(), keep_alive_timeout=2, header_read_timeout=2, body_timeout=2)
    client = open_websocket(served)
    served.tick(15)
    assert client.closed_with is None
    assert not client.over


def test_drain_closes_with_1012(serve: Serve, engine: str) -> None:
    """M9, S1: spread over 10 ms for each; the closing handshake is waited for, then the server is idle."""
    app = Listening()
    idle: list[int] = []
    served = serve(app, websocket_engine=engine, graceful_timeout=30)
    clients = [open_websocket(served) for _ in range(100)]
    served.context.when_idle = lambda: idle.append(1)
    served.driver.call(served.context.begin_drain)
    served.driver.settle()
    early = sum(client.closed_with is not None for client in clients)
    served.driver.advance(0.5)
    middle = sum(client.closed_with is not None for client in clients)
    served.driver.advance(0.51)
    assert early < middle < 100
    assert [client.closed_with for client in clients] == [(1012, "the server restarts")] * 100
    assert app.ends == [(1012, "the server restarts")] * 100
    assert not idle
    for client in clients:
        client.close(1012)
        assert client.ended
    served.tick(3)  # a client of HTTP/2 that leaves its socket open is waited for that long
    assert idle == [1]


def test_drain_takes_at_most_half_of_the_graceful_timeout(serve: Serve) -> None:
    """M9: with many WebSockets the spread is bounded."""
    served = serve(Listening(), graceful_timeout=1)
    clients = [open_websocket(served) for _ in range(100)]
    served.driver.call(served.context.begin_drain)
    served.driver.call(served.context.begin_drain)
    served.driver.advance(0.501)
    assert all(client.closed_with for client in clients)


def test_drain_does_not_wait_for_a_client_that_does_not_answer(serve: Serve, engine: str) -> None:
    """M9, M8: the close timeout ends it."""
    served = serve(Listening(), websocket_engine=engine)
    client = open_websocket(served)
    served.driver.call(served.context.begin_drain)
    served.tick(1)
    assert client.closed_with is not None
    served.tick(7)
    assert client.aborted


@pytest.mark.protocol("1.1")
def test_drain_refuses_handshakes(serve: Serve) -> None:
    """M9: a handshake that waits, and one that comes on a kept connection, get 503."""
    events: list[Any] = []
    gate = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        if scope["type"] == "http":
            await gate.wait()
            await send({"type": "http.response.start", "status": 204})
            await send({"type": "http.response.body"})
            return
        events.append(await receive())
        await send(ACCEPT)

    served = serve(app)
    waiting = open_websocket(served)
    busy = served.connect()
    busy.send(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
    served.driver.call(served.context.begin_drain)
    served.driver.settle()
    assert waiting.answer.status == 503
    assert waiting.ended
    assert events == [{"type": "websocket.disconnect", "code": 1012, "reason": ""}]
    busy.send(handshake())
    served.driver.call(gate.set)
    served.driver.settle()
    assert [answer.status for answer in busy.answers] == [204, 503]


def test_abort_all(serve: Serve, engine: str) -> None:
    """S2: WebSockets are cut at once."""
    app = Listening()
    served = serve(app, websocket_engine=engine)
    client = open_websocket(served)
    served.driver.call(served.context.abort_all)
    served.driver.settle()
    assert client.aborted
    assert app.ends == [(1006, "")]
    assert served.context.websockets == 0


def test_cancel_all_while_draining(serve: Serve, engine: str) -> None:
    """S2, M9: applications that do not end are cancelled; those that had not closed yet close with 1012."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send(ACCEPT)
        await asyncio.get_running_loop().create_future()

    served = serve(app, websocket_engine=engine, graceful_timeout=60)
    clients = [open_websocket(served) for _ in range(20)]
    served.driver.call(served.context.begin_drain)
    served.driver.call(served.context.cancel_all)
    served.driver.settle()
    assert all(client.closed_with and client.closed_with[0] == 1012 for client in clients)
    assert served.context.active_requests == 0


def test_messages_of_a_client_are_binary_or_text(serve: Serve) -> None:
    """M6: frames of the server are whole and carry no reserved bits without an extension."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send(ACCEPT)
        await send({"type": "websocket.send", "text": "x"})
        await receive()

    (answer,) = open_websocket(serve(app)).frames
    assert answer == Frame(TEXT, b"x")
