# SPDX-License-Identifier: MIT
"""Server push: promised requests run the application anew, and only where client and operator want it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from h2.settings import SettingCodes

from tests.applications import answering, body, start
from tests.exchanges import Event, Receive, Scope, Send
from tests.http2_client import Http2Client
from tests.http2_frames import FrameClient
from tests.serving import Serve

PUSH_PROMISE = 5


def push(path: Any = "/pushed", headers: Any = ()) -> Event:
    return {"type": "http.response.push", "path": path, "headers": headers}


class Pushing:
    """An application that pushes on `/` and notes what it was called with; `raised`: what send() raised."""

    def __init__(self, *events: Event, gate: asyncio.Event | None = None) -> None:
        self.events = events
        self.gate = gate
        self.scopes: list[Scope] = []
        self.raised: list[BaseException] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scopes.append(scope)
        if scope["path"] != "/":
            if self.gate is not None:
                await self.gate.wait()
            await answering(b"content of " + scope["raw_path"])(scope, receive, send)
            return
        await send(start(200, [(b"content-length", b"4")]))
        for event in self.events:
            try:
                await send(event)
            except Exception as error:
                self.raised.append(error)
        await send(body(b"page"))


def test_push_is_promised_and_answered(serve: Serve) -> None:
    """X2: a promise on the request's stream before its body, an application of its own, an answer on the new stream."""
    app = Pushing(push("/style.css?v=1", [(b"accept", b"text/css")]))
    client = Http2Client(serve(app))
    exchange = client.request("GET", "/", [("host", "example.com:8000")])
    ((promised, (parent, fields)),) = client.pushes.items()
    assert promised % 2 == 0
    assert parent == exchange.stream_id
    assert fields == [
        (b":method", b"GET"),
        (b":scheme", b"http"),
        (b":authority", b"example.com:8000"),
        (b":path", b"/style.css?v=1"),
        (b"accept", b"text/css"),
    ]
    assert exchange.answer.body == b"page"
    stream = client.streams[promised]
    assert (stream.answer.status, bytes(stream.body), stream.ended) == (200, b"content of /style.css", True)
    scope = app.scopes[-1] if app.scopes[-1]["path"] != "/" else app.scopes[0]
    assert (scope["method"], scope["path"], scope["query_string"]) == ("GET", "/style.css", b"v=1")
    assert [tuple(pair) for pair in scope["headers"]] == [(b"host", b"example.com:8000"), (b"accept", b"text/css")]
    promise, *_ = (frame for frame in client.frames if frame.stream_id == parent)
    assert promise.type in (1, PUSH_PROMISE)


def test_push_is_offered(serve: Serve) -> None:
    """X2, C9: to requests; not to what is pushed, for a promise belongs to a client's stream."""
    app = Pushing(push())
    Http2Client(serve(app)).request()
    offers = {scope["path"]: scope["extensions"].get("http.response.push") for scope in app.scopes}
    assert offers == {"/": {}, "/pushed": None}


def test_several_pushes(serve: Serve) -> None:
    """X2: each with a stream of its own, in order; bodies of all are whole under flow control."""
    app = Pushing(*(push(f"/{n}") for n in range(5)))
    client = Http2Client(serve(app))
    client.request()
    assert [dict(fields)[b":path"] for _, fields in client.pushes.values()] == [b"/%d" % n for n in range(5)]
    assert [bytes(client.streams[promised].body) for promised in sorted(client.pushes)] == [
        b"content of /%d" % n for n in range(5)
    ]


def test_push_to_a_client_that_takes_none(serve: Serve) -> None:
    """X2: SETTINGS_ENABLE_PUSH 0; ignored without an error, so that applications need not know."""
    app = Pushing(push())
    client = Http2Client(serve(app), settings={SettingCodes.ENABLE_PUSH: 0})
    assert client.request().answer.body == b"page"
    assert client.pushes == {}
    assert app.raised == []
    assert len(app.scopes) == 1


def test_push_that_the_operator_has_switched_off(serve: Serve) -> None:
    """X2, N5: h2_push; it is not offered."""
    app = Pushing(push())
    client = Http2Client(serve(app, h2_push=False))
    assert client.request().answer.body == b"page"
    assert client.pushes == {}
    assert "http.response.push" not in app.scopes[0]["extensions"]


def test_pushes_are_as_many_as_the_client_allows(serve: Serve) -> None:
    """X2, N5: SETTINGS_MAX_CONCURRENT_STREAMS of the client counts promised streams that answer."""
    gate = asyncio.Event()
    app = Pushing(*(push(f"/{n}") for n in range(6)), gate=gate)
    client = Http2Client(serve(app), settings={SettingCodes.MAX_CONCURRENT_STREAMS: 2})
    assert client.request().answer.body == b"page"
    assert len(client.pushes) <= 2
    gate.set()
    client.settle()
    assert all(client.streams[promised].ended for promised in client.pushes)


@pytest.mark.parametrize(
    "event",
    [
        {"type": "http.response.push"},
        push(7),
        push(None),
        push(""),
        push("relative"),
        push("/with space"),
        push("/line\r\nbreak"),
        push("/snow☃"),
        push("/", [("x", "y")]),
        push("/", [(b":path", b"/x")]),
        push("/", [(b"x y", b"z")]),
        push("/", [(b"x", b"a\r\nb")]),
        push("/", 7),
    ],
)
def test_malformed_push_is_refused(serve: Serve, event: Event) -> None:
    """X2, C5: the application is told, nothing is promised, the answer goes on."""
    app = Pushing(event)
    client = Http2Client(serve(app))
    assert client.request().answer.body == b"page"
    assert client.pushes == {}
    assert isinstance(app.raised[0], (RuntimeError, TypeError, ValueError, KeyError))


def test_push_before_the_start_and_after_the_end(serve: Serve) -> None:
    """X2, R4, C8: before the start, as Starlette pushes, is a promise; too late is nothing."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] != "/":
            await answering(b"pushed")(scope, receive, send)
            return
        await send(push("/early"))
        await answering(b"page")(scope, receive, send)
        await send(push("/late"))

    client = Http2Client(serve(app))
    assert client.request().answer.body == b"page"
    assert [dict(fields)[b":path"] for _, fields in client.pushes.values()] == [b"/early"]
    assert [bytes(client.streams[promised].body) for promised in client.pushes] == [b"pushed"]


def test_push_in_the_way_of_starlette(serve: Serve) -> None:
    """X2, R4: its promise comes before the response begins."""
    pytest.importorskip("starlette")
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    async def page(request: Request) -> PlainTextResponse:
        await request.send_push_promise("/style.css")
        return PlainTextResponse("page")

    async def style(request: Request) -> PlainTextResponse:
        return PlainTextResponse("style")

    app = Starlette(routes=[Route("/", page), Route("/style.css", style)])
    client = Http2Client(serve(app))
    assert client.request("GET", "/", [("host", "testserver"), ("accept-language", "nl")]).answer.body == b"page"
    ((promised, (_, fields)),) = client.pushes.items()
    assert (b"accept-language", b"nl") in fields
    assert bytes(client.streams[promised].body) == b"style"


def test_pushed_stream_that_the_client_resets(serve: Serve) -> None:
    """X2, R6: it has the resource already; its application learns of it, the page goes on."""
    gate = asyncio.Event()
    ends: list[BaseException] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/":
            await send(start())
            await send(push())
            await gate.wait()
            await send(body(b"page"))
            return
        await receive()
        assert (await receive())["type"] == "http.disconnect"
        try:
            await send(start())
            await send(body(b"x"))
        except OSError as error:
            ends.append(error)
            raise

    client = Http2Client(serve(app))
    exchange = client.request()
    (promised,) = client.pushes
    client.h2.reset_stream(promised, 8)
    client.flush()
    client.settle()
    assert len(ends) == 1
    gate.set()
    client.settle()
    assert exchange.answer.body == b"page"


def test_push_counts_no_request_of_the_client(serve: Serve) -> None:
    """X2, L5: keep_alive_max_requests counts what the client asks."""
    client = Http2Client(serve(Pushing(push("/a"), push("/b")), keep_alive_max_requests=3))
    for _ in range(2):
        assert client.request().answer.body == b"page"
    assert client.goaways == []


def test_request_with_a_body_may_be_pushed_to(serve: Serve) -> None:
    """X2: while its body comes."""
    app = Pushing(push())
    client = FrameClient(serve(app))
    post = [(b":method", b"POST"), (b":scheme", b"http"), (b":authority", b"a"), (b":path", b"/")]
    client.send(client.headers(1, post, end=False))
    assert client.body(2) == b"content of /pushed"
    assert client.body(1) == b"page"
