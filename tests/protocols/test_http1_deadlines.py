# SPDX-License-Identifier: MIT
"""Deadlines, found by the sweep that the worker makes once a second. The clock is the test's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from tests.applications import Recorder, answering, body, read_body, start
from tests.exchanges import Http1Client, Http1Exchange, Receive, Scope, Send, Served
from tests.serving import Serve

GET = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"
SLACK = 2  # seconds by which a sweep once a second may be late


def seconds_until_end(client: Http1Client, most: float, each: Callable[[], None] = lambda: None) -> float:
    """Lets time pass until the server ends the connection; `each` happens every second. Fails after `most`."""
    passed = 0.0
    while not client.ended and not client.transport.closing:
        assert passed <= most, "the connection is still open"
        each()
        client.served.tick(1)
        passed += 1
    return passed


def slow_reader(served: Served) -> Http1Client:
    """A client that has asked and does not read."""
    client = served.connect()
    client.transport.stop_client()
    client.send(GET)
    return client


def test_unfinished_head_is_408(serve: Serve) -> None:
    """D1: after header_read_timeout."""
    client = serve(Recorder()).connect()
    client.send(b"GET / HTTP/1.1\r\n")
    assert 10 <= seconds_until_end(client, 12) <= 10 + SLACK
    (answer,) = client.answers
    assert (answer.status, answer.header(b"connection")) == (408, b"close")


def test_head_that_drips_is_408(serve: Serve) -> None:
    """D1: the deadline is absolute; more bytes do not move it."""
    client = serve(Recorder(), header_read_timeout=5.0).connect()
    client.send(b"GET / HTTP/1.1\r\nx: ")
    assert 5 <= seconds_until_end(client, 7, lambda: client.send(b"y")) <= 5 + SLACK
    assert client.answers[0].status == 408


def test_silent_connection_is_closed(serve: Serve) -> None:
    """D1: not one byte came; there is no request to answer."""
    client = serve(Recorder(), header_read_timeout=4.0, keep_alive_timeout=4.0).connect()
    assert 4 <= seconds_until_end(client, 6) <= 4 + SLACK


def test_head_in_time_is_served(serve: Serve) -> None:
    """D1: and its deadline is forgotten."""
    gate = asyncio.Event()
    served = serve(Recorder(gate=gate), header_read_timeout=5.0)
    client = served.connect()
    client.send(GET[:10])
    served.tick(4)
    client.send(GET[10:])
    served.tick(60)
    gate.set()
    client.driver.settle()
    assert client.answers[0].status == 200


def test_idle_connection_is_closed(serve: Serve) -> None:
    """D2: keep_alive_timeout after the answer, without a word."""
    client = serve(answering(b"x")).connect()
    client.send(GET)
    assert 5 <= seconds_until_end(client, 7) <= 5 + SLACK
    assert len(client.answers) == 1


def test_idle_time_begins_anew_after_each_answer(serve: Serve) -> None:
    """D2."""
    served = serve(answering(b"x"))
    client = served.connect()
    for _ in range(5):
        served.tick(4)
        client.send(GET)
    assert len(client.answers) == 5
    assert not client.closed


def test_second_head_has_the_deadline_of_a_head(serve: Serve) -> None:
    """D1, D2: once it began."""
    served = serve(answering(b"x"), keep_alive_timeout=3.0, header_read_timeout=8.0)
    client = served.connect()
    client.send(GET)
    served.tick(1)
    client.send(GET[:10])
    assert 8 <= seconds_until_end(client, 10) <= 8 + SLACK
    assert [answer.status for answer in client.answers] == [200, 408]


def test_application_has_no_deadline(serve: Serve) -> None:
    """D1, D2: a long poll is as long as it likes."""
    gate = asyncio.Event()
    served = serve(Recorder(gate=gate))
    client = served.connect()
    client.send(GET)
    served.tick(300)
    gate.set()
    client.driver.settle()
    assert client.answers[0].status == 200


def test_body_has_no_deadline_by_default(serve: Serve) -> None:
    """D3: off."""
    served = serve(Recorder())
    exchange = served.request("POST", body=b"a", end=False)
    served.tick(300)
    exchange.send_body(b"b", end=True)
    assert exchange.answer.status == 200


def test_body_over_its_deadline(serve: Serve) -> None:
    """D3: absolute; dripping does not move it. The application learns of it; 408 when nothing was answered."""
    app = Recorder()
    served = serve(app, body_timeout=6.0)
    exchange = served.request("POST", body=b"a", end=False)
    assert isinstance(exchange, Http1Exchange)
    passed = seconds_until_end(exchange.client, 8, lambda: exchange.send_body(b"b"))
    assert 6 <= passed <= 6 + SLACK
    assert app.events[-1]["type"] == "http.disconnect"
    assert exchange.answer.status in (0, 408)


def test_body_in_time_is_served(serve: Serve) -> None:
    """D3: the deadline ends with the body."""
    gate = asyncio.Event()
    served = serve(Recorder(gate=gate), body_timeout=6.0)
    exchange = served.request("POST", body=b"a", end=False)
    served.tick(5)
    exchange.send_body(b"b", end=True)
    served.tick(60)
    gate.set()
    exchange.driver.settle()
    assert exchange.answer.status == 200


def test_slow_application_is_not_taken_for_a_slow_client(serve: Serve) -> None:
    """D3, D4: while the server has stopped reading, the client cannot be late."""
    gate = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await gate.wait()
        data = await read_body(receive)
        await answering(b"%d" % len(data))(scope, receive, send)

    served = serve(app, body_min_rate=1000)
    exchange = served.request("POST", body=b"x" * 1_000_000)
    served.tick(120)
    gate.set()
    exchange.driver.settle()
    assert exchange.answer.body == b"1000000"


def test_body_slower_than_the_minimum_rate(serve: Serve) -> None:
    """D4: bytes a second, after a grace of five seconds."""
    app = Recorder()
    served = serve(app, body_min_rate=100)
    exchange = served.request("POST", body=b"a", end=False)
    assert isinstance(exchange, Http1Exchange)
    passed = seconds_until_end(exchange.client, 12, lambda: exchange.send_body(b"b" * 10))
    assert passed >= 5
    assert app.events[-1]["type"] == "http.disconnect"


def test_body_faster_than_the_minimum_rate(serve: Serve) -> None:
    """D4: is served to its end."""
    served = serve(Recorder(), body_min_rate=100)
    exchange = served.request("POST", body=b"a", end=False)
    for _ in range(30):
        exchange.send_body(b"b" * 200)
        served.tick(1)
    exchange.send_body(b"", end=True)
    assert exchange.answer.status == 200


# A client that does not read.


async def large(scope: Scope, receive: Receive, send: Send) -> None:
    await send(start())
    for _ in range(100):
        await send(body(b"x" * 16384, True))
    await send(body())


def test_client_that_does_not_read_is_cut(serve: Serve) -> None:
    """D5: write_timeout after the last progress; the connection is aborted, for nobody reads a farewell."""
    client = slow_reader(serve(large))
    assert 60 <= seconds_until_end(client, 64) <= 60 + SLACK
    assert client.transport.aborted
    assert not client.served.context.connections


def test_client_that_reads_slowly_is_not_cut(serve: Serve) -> None:
    """D5: any progress counts."""
    served = serve(large, write_timeout=10.0)
    client = slow_reader(served)
    for _ in range(30):
        served.tick(6)
        client.transport.resume_client(1000)
    assert not client.closed
    client.transport.resume_client()
    client.driver.settle()
    assert client.answers[0].complete


def test_client_that_does_not_read_a_small_answer_is_cut(serve: Serve) -> None:
    """D5, D2: a kept connection whose answer is not taken does not stay for ever."""
    client = slow_reader(serve(answering(b"x" * 1000), write_timeout=10.0))
    assert seconds_until_end(client, 30) <= 30
    assert not client.transport.received


def test_no_write_deadline_when_it_is_off(serve: Serve) -> None:
    """D5: None."""
    served = serve(large, write_timeout=None)
    client = slow_reader(served)
    served.tick(300)
    assert not client.closed
    client.transport.resume_client()
    client.driver.settle()
    assert client.answers[0].complete


def test_slow_application_does_not_trip_the_write_deadline(serve: Serve) -> None:
    """D5: nothing waits to be written."""
    gate = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start())
        await send(body(b"first", True))
        await gate.wait()
        await send(body(b"last"))

    served = serve(app)
    client = served.connect()
    client.send(GET)
    served.tick(300)
    gate.set()
    client.driver.settle()
    assert client.answers[0].body == b"firstlast"


def test_closing_connection_is_not_kept_for_ever(serve: Serve) -> None:
    """D6: the server has said all; a client that keeps its half open and goes on sending is cut in the end."""
    client = serve(Recorder()).connect()
    client.send(b"BAD\r\n\r\n")
    passed = 0
    while not client.closed:
        assert passed < 120, "the connection is still open"
        if not client.transport.closing:
            client.send(b"more")
        client.served.tick(1)
        passed += 1
    assert client.answers[0].status == 400


def test_date_is_refreshed(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """D7: once a second, by the tick."""
    served = serve(answering(b"x"))
    dates = []
    for now in (0, 1, 86400):
        monkeypatch.setattr("time.time", lambda now=now: float(now))
        served.tick(1)
        dates.append(served.request().answer.header(b"date"))
    assert dates == [
        b"Thu, 01 Jan 1970 00:00:00 GMT",
        b"Thu, 01 Jan 1970 00:00:01 GMT",
        b"Fri, 02 Jan 1970 00:00:00 GMT",
    ]
