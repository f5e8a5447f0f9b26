# SPDX-License-Identifier: MIT
"""What receive() gives: body messages, their order and types, and the disconnect message."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.applications import Recorder, answering, body, echo, start
from tests.exchanges import Event, Receive, Scope, Send
from tests.serving import Serve

DISCONNECT = {"type": "http.disconnect"}


def test_request_without_body_is_one_empty_message(serve: Serve) -> None:
    """R1, C3: body is bytes, more_body is bool, and nothing else is there."""
    app = Recorder()
    serve(app).request()
    assert app.events == [{"type": "http.request", "body": b"", "more_body": False}]
    assert type(app.events[0]) is dict
    assert type(app.events[0]["body"]) is bytes
    assert app.events[0]["more_body"] is False


def test_body_that_is_there_comes_whole(serve: Serve) -> None:
    """R1: one message, with the end."""
    app = Recorder()
    serve(app).request("POST", "/", body=b"hello")
    assert app.events == [{"type": "http.request", "body": b"hello", "more_body": False}]


def test_body_in_pieces_comes_in_order(serve: Serve) -> None:
    """R1, H16: the framing of the pieces is not seen; the last message says so."""
    app = Recorder()
    exchange = serve(app).request("POST", "/", body=b"one", end=False)
    exchange.send_body(b"two")
    exchange.send_body(b"three", end=True)
    assert exchange.answer.status == 200
    assert app.body == b"onetwothree"
    assert [event["more_body"] for event in app.events][-1] is False
    assert all(event["more_body"] for event in app.events[:-1])
    assert {type(event["body"]) for event in app.events} == {bytes}


def test_empty_pieces_do_not_end_the_body(serve: Serve) -> None:
    """R1: an end that comes without data still ends the body."""
    app = Recorder()
    exchange = serve(app).request("POST", "/", body=b"data", end=False)
    assert exchange.answer.status == 0
    exchange.send_body(b"", end=True)
    assert exchange.answer.status == 200
    assert app.body == b"data"


def test_body_that_came_before_it_was_asked_for_is_kept(serve: Serve) -> None:
    """R1: an application may read late."""
    gate = asyncio.Event()
    got: list[bytes] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await gate.wait()
        await start_and_echo(receive, send, got)

    exchange = serve(app).request("POST", "/", body=b"a", end=False)
    exchange.send_body(b"b")
    exchange.send_body(b"c", end=True)
    gate.set()
    exchange.driver.settle()
    assert b"".join(got) == b"abc"
    assert exchange.answer.body == b"abc"


async def start_and_echo(receive: Receive, send: Send, got: list[bytes]) -> None:
    await send(start())
    more = True
    while more:
        event = await receive()
        got.append(event["body"])
        more = event["more_body"]
        await send(body(event["body"], more))


def test_body_is_echoed_while_it_comes(serve: Serve) -> None:
    """R1, R3: full duplex, message by message."""
    got: list[bytes] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await start_and_echo(receive, send, got)

    exchange = serve(app).request("POST", "/", body=b"one", end=False)
    assert exchange.answer.body == b"one"
    exchange.send_body(b"two")
    assert exchange.answer.body == b"onetwo"
    exchange.send_body(b"", end=True)
    assert exchange.answer.complete


def test_disconnect_follows_the_answer_and_repeats(serve: Serve) -> None:
    """R6: after the response was sent, each receive() says so."""
    app = Recorder(after=3)
    serve(app).request()
    assert app.events[1:] == [DISCONNECT] * 3
    assert app.raised == []


def test_disconnect_when_the_client_goes_in_the_body(serve: Serve) -> None:
    """R6: what was sent is delivered first."""
    events: list[Event] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        while not events or events[-1]["type"] != "http.disconnect":
            events.append(await receive())
        events.append(await receive())

    exchange = serve(app).request("POST", "/", body=b"part", end=False)
    exchange.disconnect()
    assert events[0] == {"type": "http.request", "body": b"part", "more_body": True}
    assert events[-2:] == [DISCONNECT, DISCONNECT]


def test_disconnect_while_the_application_waits_for_it(serve: Serve) -> None:
    """R6: the whole body was read, the application listens for the end."""
    events: list[Event] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        events.append(await receive())

    exchange = serve(app).request()
    assert events == []
    exchange.disconnect()
    assert events == [DISCONNECT]


def test_no_disconnect_while_the_client_is_there(serve: Serve) -> None:
    """R6: a second receive() waits; it neither repeats the body nor ends."""
    gate = asyncio.Event()
    seen: list[str] = []

    async def wait_and_answer(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        waiting = asyncio.ensure_future(receive())
        await gate.wait()
        seen.append("pending" if not waiting.done() else "done")
        waiting.cancel()
        await answering(b"x")(scope, receive, send)

    exchange = serve(wait_and_answer).request()
    exchange.driver.settle()
    gate.set()
    exchange.driver.settle()
    assert seen == ["pending"]
    assert exchange.answer.body == b"x"


def test_queued_disconnect_is_returned_without_yielding(serve: Serve) -> None:
    """R6: Starlette polls for a disconnect inside a scope that is cancelled already."""
    polled: list[Any] = []
    gate = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await gate.wait()
        awaitable = receive().__await__()
        try:
            next(awaitable)
        except StopIteration as stop:
            polled.append(stop.value)
        else:
            polled.append("yielded")

    exchange = serve(app).request()
    exchange.disconnect()
    gate.set()
    exchange.driver.settle()
    assert polled == [DISCONNECT]


def test_queued_body_is_returned_without_yielding(serve: Serve) -> None:
    """R6, R1: the same holds for a body message that is there."""
    polled: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            next(receive().__await__())
        except StopIteration as stop:
            polled.append(stop.value)
        await answering()(scope, receive, send)

    serve(app).request("POST", "/", body=b"x")
    assert polled == [{"type": "http.request", "body": b"x", "more_body": False}]


@pytest.mark.parametrize("size", [0, 1, 65535, 65536, 65537, 300_000])
@pytest.mark.parametrize("chunked", [False, True])
def test_bodies_of_all_sizes_come_back(serve: Serve, size: int, chunked: bool) -> None:
    """R1, R3, H16: with a length and in chunks."""
    data = bytes(range(256)) * (size // 256 + 1)
    data = data[:size]
    served = serve(echo)
    if chunked:
        exchange = served.request("POST", "/", body=data[: size // 2], end=False)
        exchange.send_body(data[size // 2 :], end=True)
    else:
        exchange = served.request("POST", "/", body=data)
    assert exchange.answer.complete
    assert exchange.answer.body == data


def test_application_may_answer_before_the_body_has_come(serve: Serve) -> None:
    """R3, R6: an early answer is delivered although the request is unfinished; then there is nothing to read."""
    app = Recorder(b"early", reads=False, after=1)
    exchange = serve(app).request("POST", "/", body=b"part", end=False)
    assert exchange.answer.status == 200
    assert exchange.answer.body == b"early"
    assert app.events == [DISCONNECT]


def test_received_messages_are_the_application_s_own(serve: Serve) -> None:
    """C3: a message that the application changes does not come back changed."""
    events: list[Event] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        event = await receive()
        event["body"] = b"changed"
        event["more"] = 1
        await answering()(scope, receive, send)
        for _ in range(2):
            event = await receive()
            events.append(dict(event))
            event["type"] = "changed"

    serve(app).request()
    assert events == [DISCONNECT, DISCONNECT]
    other = Recorder(after=1)
    serve(other).request()
    assert other.events == [{"type": "http.request", "body": b"", "more_body": False}, DISCONNECT]
