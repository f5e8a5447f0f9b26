# SPDX-License-Identifier: MIT
"""Responses instead of a WebSocket: the ASGI extension websocket.http.response, streamed or whole."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fastcorn.errors import ClientDisconnected, MessageError
from tests.exchanges import App, Receive, Scope, Send
from tests.serving import Serve
from tests.websockets import TEXT, frame, new_client, open_websocket, text

Event = dict[str, Any]


def start(status: int = 401, headers: Any = (), **more: Any) -> Event:
    return {"type": "websocket.http.response.start", "status": status, "headers": list(headers), **more}


def body(data: bytes = b"", more: bool = False) -> Event:
    return {"type": "websocket.http.response.body", "body": data, "more_body": more}


def denying(*events: Event) -> App:
    """An application that receives connect and then sends these messages."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["extensions"] == {"websocket.http.response": {}}
        await receive()
        for event in events:
            await send(event)

    return app


@pytest.mark.parametrize("headers", [[(b"content-length", b"6")], []])
def test_whole_response(serve: Serve, headers: Any) -> None:
    """X1: status, headers and body; the connection is closed after it."""
    served = serve(denying(start(401, [(b"www-authenticate", b"Basic"), *headers]), body(b"denied")))
    client = new_client(served)
    client.transport.writes.clear()
    client.open()
    answer = client.answer
    assert (answer.status, answer.body, answer.complete) == (401, b"denied", True)
    assert answer.header(b"www-authenticate") == b"Basic"
    assert answer.header(b"content-length") == b"6"
    assert answer.header(b"connection") == (b"close" if client.http_version == "1.1" else None)
    assert client.ended
    assert len(client.transport.writes) == 1


def test_streamed_response(serve: Serve) -> None:
    """X1: each part leaves when it is sent; receive() tells the end."""
    gate = asyncio.Event()
    events: list[Event] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send(start(503))
        await send(body(b"one ", True))
        await gate.wait()
        await send(body(b"two", False))
        events.append(await receive())

    served = serve(app)
    client = open_websocket(served)
    assert (client.answer.status, client.answer.body, client.answer.complete) == (503, b"one ", False)
    served.driver.call(gate.set)
    served.driver.settle()
    assert (client.answer.body, client.answer.complete) == (b"one two", True)
    assert events == [{"type": "websocket.disconnect", "code": 1006, "reason": ""}]
    assert client.ended


@pytest.mark.parametrize("status", [204, 304])
def test_response_without_body(serve: Serve, status: int) -> None:
    """X1: statuses without a body have none."""
    client = open_websocket(serve(denying(start(status), body(b"dropped"))))
    assert (client.answer.status, client.answer.body, client.answer.complete) == (status, b"", True)


def test_early_messages_do_not_disturb(serve: Serve) -> None:
    """X1: a client that has sent messages already reads the whole answer."""
    client = open_websocket(serve(denying(start(401), body(b"denied"))), data=text("early"))
    assert (client.answer.status, client.answer.body) == (401, b"denied")
    client.send(text("late"))
    client.finish()
    assert client.over


@pytest.mark.parametrize(
    ("event", "says"),
    [
        (start("401"), "needs an int"),  # type: ignore[arg-type]
        (start(True), "needs an int"),
        (start(101), "200 to 999"),
        (start(1000), "200 to 999"),
        ({"type": "websocket.http.response.start"}, "needs an int"),
        (start(401, [(b"x y", b"")]), "not a token"),
        (start(401, [(b"content-length", b"x")]), "not a number"),
        (body(b"x"), "without"),
    ],
)
def test_bad_messages(serve: Serve, event: Event, says: str) -> None:
    """X1, C5: a wrong message raises and says why; a right one may follow."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        with pytest.raises(MessageError, match=says):
            await send(event)
        await send(start(403))
        with pytest.raises(MessageError, match="needs bytes"):
            await send(body("text"))  # type: ignore[arg-type]
        await send(body())

    assert open_websocket(serve(app)).answer.status == 403


@pytest.mark.parametrize(
    "event",
    [
        {"type": "websocket.accept"},
        {"type": "websocket.send", "text": "x"},
        {"type": "websocket.close"},
        start(),
    ],
)
@pytest.mark.parametrize("complete", [True, False])
def test_no_other_message_may_follow(serve: Serve, event: Event, complete: bool) -> None:
    """X1: during and after the response, the messages of a WebSocket raise."""
    raised: list[Exception] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send(start())
        if complete:
            await send(body())
        try:
            await send(event)
        except MessageError as error:
            raised.append(error)
        if not complete:
            await send(body())

    client = open_websocket(serve(app))
    assert len(raised) == 1
    assert (client.answer.status, client.answer.complete) == (401, True)


@pytest.mark.parametrize("data", [b"short", b"much too long"])
def test_content_length_mismatch(serve: Serve, data: bytes) -> None:
    """X1, R8: a body that is not as long as was said is cut, so that the client sees it."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send(start(401, [(b"content-length", b"8")]))
        with pytest.raises(MessageError, match="content-length is 8"):
            await send(body(data))

    client = open_websocket(serve(app))
    assert client.ended
    assert not client.answer.complete


@pytest.mark.parametrize("raises", [True, False])
def test_incomplete_response_is_cut(serve: Serve, raises: bool) -> None:
    """X1, R9: an application that ends in the middle of its response."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send(start(500))
        await send(body(b"part", True))
        await asyncio.sleep(0)
        if raises:
            raise ValueError

    served = serve(app)
    client = open_websocket(served)
    assert client.answer.truncated
    assert len(served.take_errors()) == 1


def test_client_leaves_during_the_response(serve: Serve) -> None:
    """X1, W10: send() raises and nothing is logged."""
    gate = asyncio.Event()
    raised: list[BaseException] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send(start())
        await send(body(b"x", True))
        await gate.wait()
        try:
            await send(body())
        except ClientDisconnected as error:
            raised.append(error)
            raise

    served = serve(app)
    client = open_websocket(served)
    client.vanish()
    served.driver.call(gate.set)
    served.driver.settle()
    assert len(raised) == 1


def test_slow_client_is_felt(serve: Serve) -> None:
    """X1, C11: send() waits for a client that does not read the response."""
    sent: list[int] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send(start())
        for number in range(50):
            await send(body(b"x" * 10_000, number < 49))
            sent.append(number)

    client = new_client(serve(app))
    client.stop_reading()
    client.open()
    assert len(sent) < 20
    client.resume_reading()
    assert len(sent) == 50
    assert client.answer.complete


def test_access_log(serve: Serve) -> None:
    """S4: one record for each attempt, with the status that the client has seen."""

    async def accepting(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept", "headers": [(b"x-a", b"b")]})
        await receive()
        await send({"type": "websocket.send", "text": "12345"})

    async def refusing(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "websocket.close"})

    async def waiting(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await receive()

    for app, status, size in ((accepting, 0, 5), (refusing, 403, None), (denying(start(418), body(b"tea")), 418, 3)):
        served = serve(app, access=True)
        client = open_websocket(served)
        client.send(frame(TEXT, b"x"))
        client.vanish()
        ((scope, logged, _headers, sent, duration),) = served.accesses
        assert (scope["type"], logged) == ("websocket", status or client.upgraded)
        assert size is None or sent == size
        assert duration >= 0
    served = serve(waiting, access=True)
    open_websocket(served).vanish()
    client = open_websocket(served, headers=[("sec-websocket-version", "8")])
    assert [record[1] for record in served.accesses] == [None, client.answer.status]


def test_counters(serve: Serve) -> None:
    """S3: a WebSocket is one request; its end leaves nothing counted."""
    served = serve(denying({"type": "websocket.accept"}))
    client = open_websocket(served)
    client.close(1000)
    assert served.context.requests_total == 1
    assert served.context.connections_total == 1
    assert served.context.active_requests == 0
    assert served.context.websockets == 0
    assert len(served.context.connections) == (0 if client.http_version == "1.1" else 1)
