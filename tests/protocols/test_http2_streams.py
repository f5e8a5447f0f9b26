# SPDX-License-Identifier: MIT
"""Streams of one HTTP/2 connection do not touch one another: many at once, resets, mistakes, failing applications."""

from __future__ import annotations

import asyncio
import weakref
from typing import Any

import pytest
from h2.errors import ErrorCodes
from hyperframe.frame import RstStreamFrame, WindowUpdateFrame

from tests.applications import Recorder, answering, body, echo, path_echo, read_body, start
from tests.exchanges import Event, Headers, Receive, Scope, Send
from tests.http2_client import Http2Client
from tests.http2_frames import REQUEST, FrameClient
from tests.serving import Serve

DISCONNECT = {"type": "http.disconnect"}
RST_STREAM, GOAWAY = 3, 7


class Thing:
    """What a request has of its own."""


def test_many_streams_at_once(serve: Serve) -> None:
    """H2, C1: each has a scope and an application of its own, and answers in any order."""
    gates = [asyncio.Event() for _ in range(50)]

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await gates[int(scope["path"][1:])].wait()
        await path_echo(scope, receive, send)

    client = Http2Client(serve(app))
    exchanges = [client.request("GET", f"/{number}") for number in range(50)]
    assert client.served.context.active_requests == 50
    for number in reversed(range(50)):
        gates[number].set()
        client.settle()
        assert exchanges[number].answer.body == b"/%d" % number
        assert client.served.context.active_requests == number


def test_requests_of_one_read_are_all_begun(serve: Serve) -> None:
    """P2, H2: a read that brings many requests; their answers are few writes."""
    client = FrameClient(serve(path_echo))
    client.transport.writes.clear()
    client.send(*(client.headers(1 + 2 * n, [*REQUEST[:3], (b":path", b"/%d" % n)]) for n in range(40)))
    assert [client.body(1 + 2 * n) for n in range(40)] == [b"/%d" % n for n in range(40)]
    assert len(client.transport.writes) <= 3


def test_streams_over_the_limit_are_refused(serve: Serve) -> None:
    """N5: with REFUSED_STREAM, which a client may repeat safely; when one has ended, the next is served."""
    gate = asyncio.Event()
    app = Recorder(gate=gate)
    client = FrameClient(serve(app, h2_max_concurrent_streams=3))
    assert client.settings[3] == 3
    client.acknowledge()
    client.send(*(client.headers(stream_id) for stream_id in (1, 3, 5, 7, 9)))
    assert client.resets == {7: ErrorCodes.REFUSED_STREAM, 9: ErrorCodes.REFUSED_STREAM}
    assert len(app.scopes) == 3
    gate.set()
    client.driver.settle()
    client.send(client.headers(11))
    assert [client.status(stream_id) for stream_id in (1, 3, 5, 11)] == [200] * 4


def test_refused_stream_leaves_the_field_table_right(serve: Serve) -> None:
    """N3: HPACK has one state for all streams, so what is refused is decoded."""
    gate = asyncio.Event()
    app = Recorder(gate=gate)
    client = FrameClient(serve(app, h2_max_concurrent_streams=1))
    client.acknowledge()
    client.send(client.headers(1))
    client.send(client.headers(3, [*REQUEST, (b"x-of-the-refused", b"value")]))
    gate.set()
    client.driver.settle()
    client.send(client.headers(5, [*REQUEST, (b"x-of-the-refused", b"value")]))
    assert client.status(5) == 200
    assert (b"x-of-the-refused", b"value") in [tuple(pair) for pair in app.scopes[1]["headers"]]


# The client resets.


def test_reset_is_a_disconnect_of_that_stream(serve: Serve) -> None:
    """N3, R6: while the application waits; the others go on."""
    events: dict[str, Event] = {}

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        events[scope["path"]] = await receive()

    served = serve(app)
    client = Http2Client(served)
    exchanges = {path: client.request("GET", path) for path in ("/a", "/b", "/c")}
    exchanges["/b"].reset()
    assert events == {"/b": DISCONNECT}
    assert served.context.active_requests == 2
    assert not client.ended


def test_nothing_is_kept_of_requests_that_were_reset(serve: Serve) -> None:
    """N3: once their applications have ended, however few streams the client opens after them."""
    gate = asyncio.Event()
    things: list[weakref.ref[Thing]] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scope["thing"] = Thing()
        things.append(weakref.ref(scope["thing"]))
        await gate.wait()

    served = serve(app)
    client = Http2Client(served)
    for exchange in [client.request() for _ in range(10)]:
        exchange.reset()
    gate.set()
    client.settle()
    assert len(things) == 10
    served.tick(2)
    assert [thing() for thing in things] == [None] * 10


def test_reset_in_an_upload(serve: Serve) -> None:
    """N3, R6: what came is delivered, then the disconnect."""
    events: list[Event] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/other":
            await echo(scope, receive, send)
            return
        while not events or events[-1] != DISCONNECT:
            events.append(await receive())

    client = Http2Client(serve(app))
    upload, other = client.request("POST", "/", body=b"part", end=False), client.request("POST", "/other", end=False)
    upload.reset(ErrorCodes.INTERNAL_ERROR)
    assert events == [{"type": "http.request", "body": b"part", "more_body": True}, DISCONNECT]
    other.send_body(b"whole", end=True)
    assert other.answer.body == b"whole"


def test_reset_while_an_answer_waits_for_windows(serve: Serve) -> None:
    """N3, R5: send() raises OSError, nothing is logged, the other answers arrive whole."""
    raised: list[BaseException] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start())
        try:
            for _ in range(40):
                await send(body(b"x" * 16_384, True))
        except OSError as error:
            raised.append(error)
            raise
        await send(body())

    client = Http2Client(serve(app))
    stopped = client.exchange()
    stopped.stop_reading()
    stopped.begin()
    other = client.request()
    assert len(other.answer.body) == 40 * 16_384
    stopped.reset()
    assert len(raised) == 1
    assert client.request().answer.complete


def test_reset_at_once_after_the_request(serve: Serve) -> None:
    """N3: in one read; the application may have answered already, or learns of it."""
    app = Recorder(after=1)
    served = serve(app)
    client = FrameClient(served)
    client.send(client.headers(1), RstStreamFrame(1, error_code=8), client.headers(3))
    assert client.status(3) == 200
    assert client.goaway is None
    assert served.context.active_requests == 0


def test_late_frames_of_ended_streams_are_ignored(serve: Serve) -> None:
    """N3: WINDOW_UPDATE and RST_STREAM cross the end of a stream on their way (RFC 9113 section 5.1)."""
    client = FrameClient(serve(answering(b"ok")))
    client.send(client.headers(1))
    client.send(WindowUpdateFrame(1, window_increment=100), RstStreamFrame(1, error_code=8))
    client.send(client.headers(3))
    assert client.status(3) == 200
    assert client.goaway is None


def test_data_of_a_stream_that_the_server_has_reset_is_ignored(serve: Serve) -> None:
    """N3: it was on its way; the connection lives."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "POST":
            await send(start())
            raise ValueError("a failing view")
        await answering(b"ok")(scope, receive, send)

    served = serve(app)
    client = FrameClient(served)
    client.send(client.headers(1, [(b":method", b"POST"), *REQUEST[1:]], end=False))
    served.take_errors()
    assert 1 in client.resets
    client.send(client.data(1, b"late"), client.data(1, b"later", end=True), client.headers(3))
    assert client.status(3) == 200
    assert client.goaway is None


# The client's mistakes.

GOOD: Headers = list(REQUEST)
MALFORMED: dict[str, Headers] = {
    "upper-case name": [*GOOD, (b"X-Upper", b"1")],
    "empty name": [*GOOD, (b"", b"1")],
    "name with a space": [*GOOD, (b"x y", b"1")],
    "value with a line break": [*GOOD, (b"x", b"a\r\nb")],
    "value with NUL": [*GOOD, (b"x", b"a\0b")],
    "value with a leading space": [*GOOD, (b"x", b" a")],
    "pseudo-field after a field": [(b"x", b"1"), *GOOD],
    "pseudo-field twice": [GOOD[0], *GOOD],
    "unknown pseudo-field": [*GOOD[:1], (b":unknown", b"1"), *GOOD[1:]],
    "pseudo-field of an answer": [(b":status", b"200"), *GOOD],
    "no method": GOOD[1:],
    "no scheme": [GOOD[0], *GOOD[2:]],
    "no path": GOOD[:3],
    "empty path": [*GOOD[:3], (b":path", b"")],
    "path without a slash": [*GOOD[:3], (b":path", b"a")],
    "connection": [*GOOD, (b"connection", b"close")],
    "keep-alive": [*GOOD, (b"keep-alive", b"1")],
    "proxy-connection": [*GOOD, (b"proxy-connection", b"close")],
    "transfer-encoding": [*GOOD, (b"transfer-encoding", b"chunked")],
    "upgrade": [*GOOD, (b"upgrade", b"h2c")],
    "te other than trailers": [*GOOD, (b"te", b"gzip")],
    "content-length that is no number": [*GOOD, (b"content-length", b"x")],
    "two content-lengths": [*GOOD, (b"content-length", b"1"), (b"content-length", b"2")],
    "content-length without a body": [*GOOD, (b"content-length", b"5")],
    "authority with user information": [*GOOD[:2], (b":authority", b"u@testserver"), GOOD[3]],
    "host that is not the authority": [*GOOD, (b"host", b"other")],
    "two hosts": [*GOOD, (b"host", b"testserver"), (b"host", b"other")],
}


@pytest.mark.parametrize("fields", MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed_request_is_an_error_of_its_stream(serve: Serve, fields: Headers) -> None:
    """N8, L1: reset or refused, the application is not called; others go on, with the field table intact."""
    gate = asyncio.Event()
    app = Recorder(gate=gate)
    served = serve(app)
    client = FrameClient(served)
    client.send(client.headers(1, [*GOOD, (b"x-table", b"one")]))
    client.send(client.headers(3, [*fields, (b"x-table", b"two")]))
    assert client.resets.get(3) == ErrorCodes.PROTOCOL_ERROR or 400 <= client.status(3) < 500
    client.send(client.headers(5, [*GOOD, (b"x-table", b"two")]))
    gate.set()
    client.driver.settle()
    assert [client.status(1), client.status(5)] == [200, 200]
    assert [dict(scope["headers"])[b"x-table"] for scope in app.scopes] == [b"one", b"two"]
    assert client.goaway is None
    assert served.take_errors() == []


@pytest.mark.parametrize(
    ("length", "sent", "ends"), [(5, b"abc", True), (5, b"abcdefg", True), (5, b"abcdefg", False), (0, b"a", False)]
)
def test_body_that_is_not_as_long_as_it_says(serve: Serve, length: int, sent: bytes, ends: bool) -> None:
    """N8, R6: PROTOCOL_ERROR on its stream (RFC 9113 section 8.1.1); the application learns that it is not whole."""
    events: list[Event] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "GET":
            await answering(b"ok")(scope, receive, send)
            return
        while not events or events[-1] != DISCONNECT:
            events.append(await receive())

    served = serve(app)
    client = FrameClient(served)
    fields = [(b":method", b"POST"), *GOOD[1:], (b"content-length", b"%d" % length)]
    client.send(client.headers(1, fields, end=False))
    client.send(client.data(1, sent, end=ends))
    assert client.resets == {1: ErrorCodes.PROTOCOL_ERROR}
    assert events[-1] == DISCONNECT
    assert len(b"".join(event.get("body", b"") for event in events)) <= length
    client.send(client.headers(3))
    assert client.status(3) == 200
    assert client.goaway is None
    assert served.take_errors() == []


@pytest.mark.parametrize(
    "fields",
    [[(b":path", b"/x")], [(b"X-Upper", b"1")], [(b"x", b"a\r\nb")], [(b"", b"1")], [(b"connection", b"close")]],
)
def test_malformed_trailers_are_an_error_of_their_stream(serve: Serve, fields: Headers) -> None:
    """N8: the application does not take the body for whole."""
    events: list[Event] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "GET":
            await answering(b"ok")(scope, receive, send)
            return
        while not events or events[-1] != DISCONNECT:
            events.append(await receive())

    client = FrameClient(serve(app))
    client.send(client.headers(1, [(b":method", b"POST"), *GOOD[1:]], end=False), client.data(1, b"data"))
    client.send(client.headers(1, fields))
    assert 1 in client.resets
    assert all(event.get("more_body", True) for event in events)
    client.send(client.headers(3))
    assert client.status(3) == 200
    assert client.goaway is None


def test_data_after_the_end_is_an_error_of_its_stream(serve: Serve) -> None:
    """N3: STREAM_CLOSED (RFC 9113 section 5.1); the answer may still come, the others do."""
    gate = asyncio.Event()
    app = Recorder(gate=gate)
    client = FrameClient(serve(app))
    client.send(client.headers(1), client.headers(3))
    client.send(client.data(1, b"more"))
    assert client.resets == {1: ErrorCodes.STREAM_CLOSED}
    gate.set()
    client.driver.settle()
    assert client.status(3) == 200
    assert client.goaway is None


# The application's mistakes.


@pytest.mark.parametrize(
    "when", ["at once", "after the start", "in the body", "without an answer", "short of its length"]
)
def test_failing_application_touches_only_its_stream(serve: Serve, when: str) -> None:
    """N3, C7, C14, R9: 500 or INTERNAL_ERROR; the others answer."""
    gate = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await gate.wait()
        if scope["path"] == "/good":
            await answering(b"good")(scope, receive, send)
            return
        if when == "without an answer":
            return
        if when != "at once":
            await send(start(200, [(b"content-length", b"9")]))
        if when in ("in the body", "short of its length"):
            await send(body(b"part", when == "in the body"))
        if when != "short of its length":
            raise ValueError(when)

    served = serve(app)
    client = Http2Client(served)
    good, bad, also_good = (client.request("GET", path) for path in ("/good", "/bad", "/good"))
    gate.set()
    client.settle()
    assert len(served.take_errors()) == 1
    assert [good.answer.body, also_good.answer.body] == [b"good", b"good"]
    if when in ("at once", "without an answer"):
        assert (bad.answer.status, bad.answer.complete) == (500, True)
    else:
        assert bad.stream.reset == ErrorCodes.INTERNAL_ERROR
        assert bad.answer.truncated
    assert client.request("GET", "/good").answer.body == b"good"
    assert not client.goaways


def test_answer_before_the_body_has_come_ends_the_upload(serve: Serve) -> None:
    """R3, N3: whole, then RST_STREAM with NO_ERROR, which asks the client to stop sending (RFC 9113 section 8.1)."""
    client = Http2Client(serve(answering(b"early")))
    exchange = client.request("POST", "/", body=b"x" * 2_000_000, end=False)
    assert (exchange.answer.status, exchange.answer.body, exchange.answer.complete) == (200, b"early", True)
    assert exchange.stream.reset == ErrorCodes.NO_ERROR
    assert client.request().answer.body == b"early"


def test_lost_connection_is_a_disconnect_of_all_streams(serve: Serve) -> None:
    """P8, R6: applications that wait, that read and that write."""
    ends: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/writes":
            try:
                await send(start())
                while True:
                    await send(body(b"x" * 65_536, True))
            except OSError as error:
                ends.append(error)
                raise
        if scope["path"] == "/reads":
            try:
                await read_body(receive)
            except AssertionError:
                ends.append("not whole")
            return
        await receive()
        ends.append(await receive())

    served = serve(app)
    client = Http2Client(served)
    client.request("GET", "/waits")
    client.request("POST", "/reads", body=b"part", end=False)
    exchange = client.exchange()
    exchange.stop_reading()
    exchange.begin("GET", "/writes")
    client.settle()
    assert ends == []
    client.vanish(ConnectionResetError())
    assert len(ends) == 3
    assert served.context.active_requests == 0
    assert served.take_errors() == []


def test_head_that_another_request_s_application_sends(serve: Serve) -> None:
    """C1: it leaves at the end of that one's turn, though no body follows."""
    sends: list[Send] = []
    gate = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        sends.append(send)
        if len(sends) > 1:
            await sends[0](start(201))
        await gate.wait()

    client = Http2Client(serve(app))
    exchanges = [client.request(), client.request()]
    assert exchanges[0].answer.status == 201
    for exchange in exchanges:
        exchange.reset()
    gate.set()
    client.settle()
