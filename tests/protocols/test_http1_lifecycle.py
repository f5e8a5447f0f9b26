# SPDX-License-Identifier: MIT
"""A connection from its first byte to its last: half-close, loss, graceful and hard stop, counters, access records."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.applications import Recorder, answering, body, sending, start
from tests.exchanges import Receive, Scope, Send
from tests.serving import Serve

GET = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\n"
DISCONNECT = {"type": "http.disconnect"}


# The client's end of the connection.


def test_half_close_after_a_request_is_no_disconnect(serve: Serve) -> None:
    """P8: the application goes on, its answer arrives, then the connection ends."""
    gate = asyncio.Event()
    app = Recorder(gate=gate)
    client = serve(app).connect()
    client.send(GET)
    client.finish()
    assert not client.closed
    gate.set()
    client.driver.settle()
    assert client.answers[0].body == b"ok"
    assert client.ended
    assert app.raised == []


def test_half_close_is_not_told_to_the_application(serve: Serve) -> None:
    """P8: receive() waits on."""
    gate = asyncio.Event()
    pending: list[bool] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        listener = asyncio.ensure_future(receive())
        await gate.wait()
        pending.append(not listener.done())
        listener.cancel()
        await answering(b"x")(scope, receive, send)

    client = serve(app).connect()
    client.send(GET)
    client.finish()
    gate.set()
    client.driver.settle()
    assert pending == [True]
    assert client.answers[0].body == b"x"


def test_half_close_serves_the_pipeline_first(serve: Serve) -> None:
    """P8, P2: every request that came whole."""
    gate = asyncio.Event()
    client = serve(Recorder(gate=gate)).connect()
    client.send(GET * 3)
    client.finish()
    gate.set()
    client.driver.settle()
    assert [answer.status for answer in client.answers] == [200] * 3
    assert client.ended


def test_half_close_when_idle_closes(serve: Serve) -> None:
    """P8: before the first request and between two."""
    for requests in (b"", GET):
        client = serve(answering(b"x")).connect()
        if requests:
            client.send(requests)
        client.finish()
        assert client.closed
        assert len(client.answers) == (1 if requests else 0)


def test_end_inside_a_head_closes(serve: Serve) -> None:
    """P8: 400 or nothing, no call."""
    app = Recorder()
    client = serve(app).connect()
    client.send(GET[:20])
    client.finish()
    assert client.ended
    assert app.scopes == []
    assert [answer.status for answer in client.answers] in ([], [400])


@pytest.mark.parametrize(
    "request_bytes", [POST + b"hel", b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nhel\r\n"]
)
def test_end_inside_a_body_is_a_disconnect(serve: Serve, request_bytes: bytes) -> None:
    """P8, R6: the body will never be whole."""
    events: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        while not events or events[-1] != DISCONNECT:
            events.append(await receive())

    client = serve(app).connect()
    client.send(request_bytes)
    client.finish()
    assert events[0]["body"] == b"hel"
    assert events[-1] == DISCONNECT
    assert client.ended


@pytest.mark.parametrize("error", [None, ConnectionResetError(), TimeoutError(), OSError(113, "no route")])
def test_lost_connection_is_a_disconnect(serve: Serve, error: Exception | None) -> None:
    """R6, R5: whatever lost it; nothing is logged as an error."""
    events: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        events.append(await receive())
        await send(start())
        await send(body(b"x"))

    served = serve(app)
    client = served.connect()
    client.send(GET)
    client.vanish(error)
    assert events == [DISCONNECT]
    assert served.take_errors() == []
    assert not served.context.connections


def test_connection_lost_in_a_pipeline_drops_the_rest(serve: Serve) -> None:
    """P2: requests that wait are not begun."""
    gate = asyncio.Event()
    app = Recorder(gate=gate)
    client = serve(app).connect()
    client.send(GET * 3)
    client.vanish()
    gate.set()
    client.driver.settle()
    assert len(app.scopes) == 1


def test_bytes_after_the_end_are_ignored(serve: Serve) -> None:
    """P6: a client that goes on after it was told that the connection closes."""
    app = Recorder()
    client = serve(app).connect()
    client.send(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
    client.send(GET)
    client.driver.call(client.connection.data_received, GET)
    client.driver.settle()
    assert len(app.scopes) == 1


def test_transport_events_after_the_loss_do_no_harm(serve: Serve) -> None:
    """P8: uvloop and TLS transports may call late."""
    gate = asyncio.Event()
    client = serve(Recorder(gate=gate)).connect()
    client.send(GET)
    client.vanish()
    connection = client.connection
    for function, arguments in (
        (connection.pause_writing, ()),
        (connection.resume_writing, ()),
        (connection.eof_received, ()),
        (connection.data_received, (GET,)),
        (connection.connection_lost, (None,)),
    ):
        client.driver.call(function, *arguments)
    gate.set()
    client.driver.settle()
    assert not client.served.context.connections


# The server's end.


def test_drain_closes_idle_connections(serve: Serve) -> None:
    """S1: a kept one at once, a new one after a moment in which its first request may arrive."""
    served = serve(answering(b"x"))
    fresh, kept = served.connect(), served.connect()
    kept.send(GET)
    idle: list[bool] = []
    served.context.when_idle = lambda: idle.append(True)
    served.driver.call(served.context.begin_drain)
    served.driver.settle()
    assert kept.closed
    served.tick(3)
    assert fresh.closed
    assert idle == [True]
    assert served.context.draining is True


def test_announced_drain_answers_the_request_that_is_on_its_way(serve: Serve) -> None:
    """S1: a client that was just answered may have sent the next request; closing now would cross it."""
    served = serve(answering(b"x"))
    busy, quiet = served.connect(), served.connect()
    busy.send(GET)
    quiet.send(GET)
    idle: list[bool] = []
    served.context.when_idle = lambda: idle.append(True)
    served.driver.call(served.context.announce_drain)
    served.driver.settle()
    assert not busy.ended
    busy.send(GET)
    assert [answer.header(b"connection") for answer in busy.answers] == [None, b"close"]
    assert busy.ended
    assert not quiet.ended
    served.driver.call(served.context.begin_drain)
    served.driver.settle()
    assert quiet.ended
    busy.finish()
    quiet.finish()
    assert idle == [True]


def test_announced_drain_when_nothing_lives_is_idle_at_once(serve: Serve) -> None:
    """L5: a drain that was announced ends like one that was not."""
    served = serve(answering(b"x"))
    idle: list[bool] = []
    served.context.when_idle = lambda: idle.append(True)
    served.driver.call(served.context.announce_drain)
    assert idle == [True]


def test_drain_lets_requests_finish(serve: Serve) -> None:
    """S1: with `connection: close`; then when_idle is called, once."""
    gate = asyncio.Event()
    idle: list[bool] = []
    served = serve(Recorder(gate=gate))
    client = served.connect()
    client.send(GET)
    served.context.when_idle = lambda: idle.append(True)
    served.driver.call(served.context.begin_drain)
    served.driver.settle()
    assert not client.ended
    assert idle == []
    gate.set()
    served.driver.settle()
    assert client.answers[0].header(b"connection") == b"close"
    assert client.ended
    client.finish()
    assert idle == [True]


def test_drain_lets_an_answer_that_began_finish(serve: Serve) -> None:
    """S1: its head has left, so the end of the connection has to do."""
    gate = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start())
        await send(body(b"first", True))
        await gate.wait()
        await send(body(b"last"))

    served = serve(app)
    client = served.connect()
    client.send(GET)
    served.driver.call(served.context.begin_drain)
    gate.set()
    served.driver.settle()
    assert (client.answers[0].body, client.answers[0].complete) == (b"firstlast", True)
    assert client.ended


def test_drain_when_nothing_lives_is_idle_at_once(serve: Serve) -> None:
    """S1."""
    served = serve(answering(b"x"))
    idle: list[bool] = []
    served.context.when_idle = lambda: idle.append(True)
    served.driver.call(served.context.begin_drain)
    served.driver.settle()
    assert idle == [True]


def test_connection_made_while_draining_is_served_once(serve: Serve) -> None:
    """S1: it was accepted before the stop was known; its request is answered, then it closes."""
    served = serve(answering(b"x"))
    served.driver.call(served.context.begin_drain)
    client = served.connect()
    client.send(GET)
    assert [answer.header(b"connection") for answer in client.answers] == [b"close"]
    assert client.ended


def test_drain_answers_a_head_that_is_coming_in(serve: Serve) -> None:
    """S1: a request that has begun is not thrown away."""
    served = serve(answering(b"x"))
    client = served.connect()
    client.send(GET[:12])
    served.driver.call(served.context.begin_drain)
    served.driver.settle()
    if not client.ended:
        client.send(GET[12:])
        assert client.answers[0].header(b"connection") == b"close"
    assert client.ended


def test_abort_all_ends_every_connection(serve: Serve) -> None:
    """S2: applications learn of it as of a lost client."""
    events: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        events.append(await receive())

    served = serve(app)
    clients = [served.connect() for _ in range(3)]
    clients[0].send(GET)
    clients[1].send(GET[:5])
    served.driver.call(served.context.abort_all)
    served.driver.settle()
    assert all(client.closed for client in clients)
    assert events == [DISCONNECT]
    assert not served.context.connections


def test_cancel_all_cancels_the_applications(serve: Serve) -> None:
    """S2: their clients are answered or cut; nothing is logged as a mistake of the application."""
    ends: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            ends.append("cancelled")
            raise

    served = serve(app)
    clients = [served.connect() for _ in range(3)]
    for client in clients:
        client.send(GET)
    served.driver.call(served.context.cancel_all)
    served.driver.settle()
    assert ends == ["cancelled"] * 3
    for client in clients:
        assert client.ended or client.answers
    assert served.context.active_requests == 0
    assert served.take_errors() == []


def test_application_that_survives_cancellation_may_answer(serve: Serve) -> None:
    """S2: it was asked to stop and did so in order."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await answering(b"stopped", 503)(scope, receive, send)

    served = serve(app)
    client = served.connect()
    client.send(GET)
    served.driver.call(served.context.cancel_all)
    served.driver.settle()
    assert client.answers[0].body == b"stopped"


# Counters.


def test_counters(serve: Serve) -> None:
    """S3: connections and requests, living and in all, and errors."""
    gate = asyncio.Event()
    app = Recorder(gate=gate)
    served = serve(app)
    context = served.context
    client = served.connect()
    other = served.connect()
    assert len(context.connections) == 2
    client.send(GET * 2)
    assert (context.active_requests, context.requests_total, context.connections_total) == (1, 1, 2)
    gate.set()
    client.driver.settle()
    assert (context.active_requests, context.requests_total) == (0, 2)
    other.vanish()
    assert len(context.connections) == 1
    assert context.connections_total == 2
    assert context.errors_total == 0


def test_errors_are_counted(serve: Serve) -> None:
    """S3."""
    served = serve(sending({"type": "made.up"}))
    served.request()
    assert served.context.errors_total == 1
    served.take_errors()


# Access records.


def test_access_record_of_an_answer(serve: Serve) -> None:
    """S4: scope, status, the application's headers, body bytes, seconds; once."""
    app = Recorder(b"hello")
    served = serve(app, access=True)
    served.request("POST", "/a?b", body=b"x")
    ((scope, status, headers, size, seconds),) = served.accesses
    assert scope is app.scope
    assert status == 200
    assert (b"content-length", b"5") in [tuple(pair) for pair in headers]
    assert size == 5
    assert isinstance(seconds, float)
    assert seconds >= 0


def test_access_record_of_a_pipeline(serve: Serve) -> None:
    """S4: one each, in order."""
    served = serve(Recorder(), access=True)
    served.connect().send(*[b"GET /%d HTTP/1.1\r\nhost: a\r\n\r\n" % n for n in range(5)])
    assert [record[0]["path"] for record in served.accesses] == [f"/{n}" for n in range(5)]


def test_access_record_of_a_failure(serve: Serve) -> None:
    """S4: the status that the client got."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise ValueError

    served = serve(app, access=True)
    served.request()
    served.take_errors()
    assert [record[1] for record in served.accesses] == [500]


def test_access_record_of_a_cut_answer(serve: Serve) -> None:
    """S4: what had been said and sent."""
    served = serve(sending(start(200, [(b"content-length", b"9")]), body(b"four", True)), access=True)
    served.request()
    served.take_errors()
    assert [(record[1], record[3]) for record in served.accesses] == [(200, 4)]


def test_access_record_of_a_client_that_left(serve: Serve) -> None:
    """S4: no status when none was sent; one record, though the application ends later."""
    gate = asyncio.Event()
    served = serve(Recorder(gate=gate), access=True)
    served.request().disconnect()
    gate.set()
    served.driver.settle()
    assert [record[1] for record in served.accesses] == [None]


def test_access_record_of_a_head_request(serve: Serve) -> None:
    """S4: no body byte was sent."""
    served = serve(Recorder(b"hello"), access=True)
    served.request("HEAD")
    assert [(record[1], record[3]) for record in served.accesses] == [(200, 0)]


def test_access_record_of_refused_requests(serve: Serve) -> None:
    """S4: requests that were understood and not passed on leave a record too."""
    served = serve(Recorder(), access=True, max_request_body_size=1)
    served.request("POST", body=b"xx")
    assert [record[1] for record in served.accesses] == [413]


def test_access_record_of_a_refused_head_request(serve: Serve) -> None:
    """S4, R7: no body byte was sent."""
    served = serve(Recorder(), access=True, server_names=["other"])
    served.request("HEAD")
    assert [(record[1], record[3]) for record in served.accesses] == [(404, 0)]


@pytest.mark.parametrize(("server_names", "status"), [([], 200), (["other"], 404)])
def test_failing_access_log_does_not_break_the_answer(
    serve: Serve, driver: Any, server_names: list[str], status: int
) -> None:
    """S4: a broken formatter is the operator's mistake, not the client's; also when no application is called."""
    served = serve(Recorder(), access=True, server_names=server_names)

    def broken(*record: Any) -> None:
        served.accesses.append(record)
        raise ValueError("broken format")

    served._record_access = broken  # type: ignore[method-assign]
    client = served.connect()
    client.send(GET)
    assert client.answers[0].status == status
    driver.errors.clear()
    served.take_errors()
