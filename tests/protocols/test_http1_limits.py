# SPDX-License-Identifier: MIT
"""Limits: sizes of head and body, requests at once, requests per connection, connections, names of the server."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.applications import Recorder, answering, body, read_body, start
from tests.exchanges import Receive, Scope, Send
from tests.serving import Serve

GET = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"


def refused(serve: Serve, request: bytes, **settings: Any) -> int:
    """The status of the only answer, after which the connection ends; the application is not called."""
    app = Recorder()
    client = serve(app, **settings).connect()
    client.send(request)
    assert app.scopes == []
    (answer,) = client.answers
    assert answer.complete
    assert answer.header(b"connection") == b"close"
    assert client.ended
    return answer.status


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET /\r\n\r\n", 400),
        (b"GET  / HTTP/1.1\r\nhost: a\r\n\r\n", 400),
        (b"GET / HTTP/1.1\nhost: a\n\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nhost : a\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nhost: a\r\nx: a\0b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip, chunked\r\n\r\n", 501),
        (b"GET / HTTP/1.1\r\nhost: a\r\nexpect: miracles\r\n\r\n", 417),
        (b"CONNECT a:443 HTTP/1.1\r\nhost: a:443\r\n\r\n", 501),
        (b"GET / HTTP/3.0\r\nhost: a\r\n\r\n", 505),
        (b"\x16\x03\x01\x02\x00\x01\x00", 400),
        (b"\0" * 10, 400),
    ],
)
def test_bad_request_is_answered_with_its_status(serve: Serve, request_bytes: bytes, status: int) -> None:
    """L1: and a whole answer; no traceback, no error in the log."""
    assert refused(serve, request_bytes) == status


def test_http2_preface_is_answered_or_closed(serve: Serve) -> None:
    """L1: without HTTP/2 there is nobody to hand it to."""
    client = serve(Recorder(), h2c=False).connect()
    client.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    assert client.ended
    assert [answer.status for answer in client.answers] in ([], [505])


def test_head_over_its_limit_is_431(serve: Serve) -> None:
    """L2: also when its end never comes."""
    request = b"GET / HTTP/1.1\r\nhost: a\r\n" + b"x-%d: y\r\n" * 20 % tuple(range(20)) + b"\r\n"
    assert refused(serve, request, h11_max_incomplete_size=100) == 431
    assert refused(serve, request[:-2], h11_max_incomplete_size=100) == 431


def test_field_over_its_limit_is_431(serve: Serve) -> None:
    """L2."""
    request = b"GET / HTTP/1.1\r\nhost: a\r\nx: " + b"y" * 500 + b"\r\n\r\n"
    assert refused(serve, request, max_field_size=400) == 431


def test_fields_over_their_limit_are_431(serve: Serve) -> None:
    """L2."""
    fields = b"".join(b"x-%d: y\r\n" % n for n in range(10))
    assert refused(serve, b"GET / HTTP/1.1\r\nhost: a\r\n" + fields + b"\r\n", max_header_fields=10) == 431


def test_target_over_its_limit_is_414(serve: Serve) -> None:
    """L2: also when its end never comes."""
    request = b"GET /" + b"x" * 100 + b" HTTP/1.1\r\nhost: a\r\n\r\n"
    assert refused(serve, request, max_target_size=100) == 414
    assert refused(serve, request[:104], max_target_size=50) == 414


def test_default_limits(serve: Serve) -> None:
    """L2: 64 KiB of head, 100 fields, 8 KiB of target are served; more is not."""
    long_target = b"GET /" + b"x" * 8191 + b" HTTP/1.1\r\nhost: a\r\n\r\n"
    many_fields = b"GET / HTTP/1.1\r\nhost: a\r\n" + b"x: y\r\n" * 99 + b"\r\n"
    for request in (long_target, many_fields):
        client = serve(answering(b"x")).connect()
        client.send(request)
        assert client.answers[0].status == 200
    assert refused(serve, b"GET /" + b"x" * 8192 + b" HTTP/1.1\r\nhost: a\r\n\r\n") == 414
    assert refused(serve, b"GET / HTTP/1.1\r\nhost: a\r\n" + b"x: y\r\n" * 100 + b"\r\n") == 431
    assert refused(serve, b"GET / HTTP/1.1\r\nhost: a\r\n" + b"x: " + b"y" * 70_000 + b"\r\n\r\n") == 431


# Bodies.


def test_body_with_a_length_over_the_limit_is_413(serve: Serve) -> None:
    """L3: before a byte of it is read and before the application is called."""
    request = b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 101\r\n\r\n"
    assert refused(serve, request, max_request_body_size=100) == 413
    assert refused(serve, request[:-2] + b"expect: 100-continue\r\n\r\n", max_request_body_size=100) == 413


def test_body_at_the_limit_is_served(serve: Serve) -> None:
    """L3: with a length and in chunks."""
    app = Recorder()
    served = serve(app, max_request_body_size=100)
    assert served.request("POST", body=b"x" * 100).answer.status == 200
    exchange = served.request("POST", body=b"x" * 50, end=False)
    exchange.send_body(b"x" * 50, end=True)
    assert exchange.answer.status == 200
    assert len(app.body) == 200


def test_chunked_body_over_the_limit_is_413(serve: Serve) -> None:
    """L3: the application learns that the body is not whole; the client gets 413 when nothing was answered yet."""
    app = Recorder()
    served = serve(app, max_request_body_size=100)
    exchange = served.request("POST", body=b"x" * 60, end=False)
    exchange.send_body(b"x" * 60)
    assert exchange.ended
    assert exchange.answer.status == 413
    assert app.events[-1]["type"] == "http.disconnect"
    assert len(app.body) <= 100


def test_chunked_body_over_the_limit_cuts_an_answer_that_began(serve: Serve) -> None:
    """L3: 413 can no longer be said."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start())
        await send(body(b"part", True))
        while (await receive())["type"] != "http.disconnect":
            pass

    exchange = serve(app, max_request_body_size=100).request("POST", body=b"x" * 60, end=False)
    exchange.send_body(b"x" * 60)
    assert exchange.answer.truncated
    assert exchange.answer.status == 200


# How much at once.


def test_requests_over_the_limit_are_503(serve: Serve) -> None:
    """L4: with Retry-After; when one is over, the next is served."""
    gate = asyncio.Event()
    app = Recorder(gate=gate)
    served = serve(app, max_concurrent_requests=2)
    busy = [served.request(), served.request()]
    refused_answer = served.request().answer
    assert (refused_answer.status, refused_answer.header(b"retry-after")) == (503, b"1")
    assert refused_answer.complete
    assert len(app.scopes) == 2
    gate.set()
    served.driver.settle()
    assert [exchange.answer.status for exchange in busy] == [200, 200]
    assert served.request().answer.status == 200


def test_requests_that_never_wait_are_not_counted_against_the_limit(serve: Serve) -> None:
    """L4: one after another is not at once."""
    client = serve(answering(b"x"), max_concurrent_requests=1).connect()
    client.send(GET * 5)
    assert [answer.status for answer in client.answers] == [200] * 5


def test_requests_per_connection(serve: Serve) -> None:
    """L5: the last one is told."""
    client = serve(answering(b"x"), keep_alive_max_requests=3).connect()
    client.send(GET)
    client.send(GET * 3)
    assert [answer.header(b"connection") for answer in client.answers] == [None, None, b"close"]
    assert client.ended


def test_requests_per_connection_are_unlimited_by_default(serve: Serve) -> None:
    """L5."""
    client = serve(answering(b"x")).connect()
    for _ in range(20):
        client.send(GET * 100)
    assert client.received.count(b"HTTP/1.1 200") == 2000
    assert not client.closed


def test_connections_over_the_limit_pause_accepting(serve: Serve) -> None:
    """L6: the worker is told when to stop and when to go on."""
    told: list[bool] = []
    served = serve(answering(b"x"), max_connections=2)
    served.context.accept_hook = told.append
    first = served.connect()
    assert told == []
    second = served.connect()
    assert told == [True]
    second.send(GET)
    assert told == [True]
    first.vanish()
    assert told == [True, False]
    served.connect()
    assert told == [True, False, True]


def test_host_that_is_not_ours_is_404(serve: Serve) -> None:
    """L7: the names of the server, when there are any."""
    app = Recorder()
    served = serve(app, server_names=["example.com", "example.com:8000"])
    for host, status in (
        ("example.com", 200),
        ("EXAMPLE.com:8000", 200),
        ("evil.test", 404),
        ("example.com.evil", 404),
    ):
        assert served.request("GET", "/", [("host", host)]).answer.status == status
    assert len(app.scopes) == 2


def test_every_host_is_ours_by_default(serve: Serve) -> None:
    """L7."""
    assert serve(Recorder()).request("GET", "/", [("host", "anything.test:1")]).answer.status == 200


def test_application_that_reads_after_413_is_not_left_waiting(serve: Serve) -> None:
    """L3: receive() says http.disconnect again and again."""
    events: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await read_body(receive)
        except AssertionError:
            for _ in range(2):
                events.append((await receive())["type"])

    exchange = serve(app, max_request_body_size=10).request("POST", body=b"x" * 8, end=False)
    exchange.send_body(b"x" * 8)
    assert events == ["http.disconnect"] * 2
