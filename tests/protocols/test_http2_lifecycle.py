# SPDX-License-Identifier: MIT
"""An HTTP/2 connection from its first byte to its last: pings, deadlines, graceful and hard stop, counters, records."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from h2.errors import ErrorCodes
from h2.settings import SettingCodes
from hyperframe.frame import GoAwayFrame, PingFrame

from tests.applications import Recorder, answering, body, echo, read_body, start
from tests.exchanges import Receive, Scope, Send, Served
from tests.http2_client import Http2Client
from tests.http2_frames import PREFACE, FrameClient, raw_frame
from tests.serving import Serve

DISCONNECT = {"type": "http.disconnect"}
ALL_STREAMS = 2**31 - 1
PING = 6
SLACK = 2  # seconds by which a sweep once a second may be late


def seconds_until_end(
    client: Http2Client | FrameClient, most: float, each: Callable[[], object] = lambda: None
) -> float:
    """Lets time pass until the server ends the connection; `each` happens every second. Fails after `most`."""
    passed = 0.0
    while not client.ended and not client.transport.closing:
        assert passed <= most, "the connection is still open"
        each()
        client.served.tick(1)
        passed += 1
    return passed


# Pings.


def test_ping_is_answered(serve: Serve) -> None:
    """N7: with its own eight bytes, at once, also while a request runs."""
    client = FrameClient(serve(Recorder(gate=asyncio.Event())))
    client.send(client.headers(1))
    client.send(PingFrame(0, b"abcdefgh"), PingFrame(0, b"12345678"))
    assert [(frame.opaque_data, set(frame.flags)) for frame in client.pings] == [
        (b"abcdefgh", {"ACK"}),
        (b"12345678", {"ACK"}),
    ]


def test_silent_client_with_a_request_is_asked_whether_it_lives(serve: Serve) -> None:
    """N7: after h2_ping_interval without a frame; its answer is enough, again and again."""
    gate = asyncio.Event()
    served = serve(Recorder(gate=gate))
    client = Http2Client(served)
    exchange = client.request()
    served.tick(200)
    assert 5 <= len(client.frames_of(PING)) <= 7
    gate.set()
    client.settle()
    assert exchange.answer.status == 200


def test_client_that_does_not_answer_a_ping_is_closed(serve: Serve) -> None:
    """N7, R6: h2_ping_timeout later; the application learns that its client is gone."""
    events: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        events.append(await receive())

    served = serve(app, h2_ping_interval=10.0, h2_ping_timeout=5.0)
    client = FrameClient(served)
    client.acknowledge()
    client.send(client.headers(1))
    assert 15 <= seconds_until_end(client, 25) <= 15 + 2 * SLACK
    assert [frame for frame in client.pings if "ACK" not in frame.flags]
    assert events == [DISCONNECT]


def test_client_that_is_busy_is_not_asked(serve: Serve) -> None:
    """N7: any frame shows that it lives."""
    served = serve(Recorder(), h2_ping_interval=10.0)
    client = FrameClient(served)
    client.acknowledge()
    client.send(client.headers(1, [(b":method", b"POST"), *_rest()], end=False))
    for _ in range(30):
        client.send(client.data(1, b"x"))
        served.tick(5)
    assert client.pings == []
    assert not client.ended


def _rest() -> list[tuple[bytes, bytes]]:
    return [(b":scheme", b"http"), (b":authority", b"testserver"), (b":path", b"/")]


def test_no_pings_when_they_are_off(serve: Serve) -> None:
    """N8."""
    served = serve(Recorder(gate=asyncio.Event()), h2_ping_interval=None)
    client = Http2Client(served)
    client.request()
    served.tick(300)
    assert client.frames_of(PING) == []
    assert not client.ended


# Deadlines.


@pytest.mark.parametrize("sent", [0, 10, 24])
def test_preface_that_never_ends(serve: Serve, sent: int) -> None:
    """D1: is a head that never ends."""
    client = FrameClient(serve(Recorder(), keep_alive_timeout=5.0, header_read_timeout=5.0), preface=False)
    client.send(PREFACE[:sent])
    assert 5 <= seconds_until_end(client, 12) <= 5 + SLACK


def test_field_block_that_never_ends(serve: Serve) -> None:
    """D1: HEADERS without END_HEADERS, and nothing or little after it."""
    client = FrameClient(serve(Recorder(), header_read_timeout=5.0))
    client.acknowledge()
    client.send(raw_frame(1, b"\x82\x86", flags=1, stream_id=1))
    passed = seconds_until_end(client, 12, lambda: client.send(raw_frame(9, b"\x84", stream_id=1)))
    assert passed <= 5 + SLACK


def test_idle_connection_is_closed(serve: Serve) -> None:
    """D2: keep_alive_timeout after the last answer, with GOAWAY that says what was done."""
    client = Http2Client(serve(answering(b"x")))
    client.request()
    client.request()
    assert 5 <= seconds_until_end(client, 9) <= 5 + 2 * SLACK
    client.read()
    assert client.goaways[-1][:2] == (ErrorCodes.NO_ERROR, 3)


def test_connection_without_a_request_is_closed(serve: Serve) -> None:
    """D2: pings and settings do not keep it."""
    client = Http2Client(serve(answering(b"x")))
    assert seconds_until_end(client, 12, client.ping) <= 12


def test_running_request_keeps_the_connection(serve: Serve) -> None:
    """D2: as long as it takes."""
    gate = asyncio.Event()
    served = serve(Recorder(gate=gate))
    client = Http2Client(served)
    exchange = client.request()
    served.tick(300)
    gate.set()
    client.settle()
    assert exchange.answer.status == 200
    assert not client.ended


def test_body_over_its_deadline(serve: Serve) -> None:
    """D3: its stream ends, 408 when nothing was answered; the others go on."""
    app = Recorder()
    served = serve(app, body_timeout=6.0)
    client = Http2Client(served)
    late, whole = client.request("POST", body=b"a", end=False), client.request("POST", body=b"b", end=False)
    served.tick(3)
    whole.send_body(end=True)
    assert whole.answer.status == 200
    for _ in range(6):
        served.tick(1)
        if not late.ended:
            late.send_body(b"c")
    assert late.ended
    assert late.answer.status in (0, 408)
    assert app.events[-1] == DISCONNECT
    assert client.request().answer.status == 200


def test_body_slower_than_the_minimum_rate(serve: Serve) -> None:
    """D4: its stream ends; one that is fast enough goes on."""
    app = Recorder()
    served = serve(app, body_min_rate=100)
    client = Http2Client(served)
    slow, quick = client.request("POST", body=b"a", end=False), client.request("POST", body=b"b", end=False)
    for _ in range(15):
        if not slow.ended:
            slow.send_body(b"c" * 10)
        quick.send_body(b"d" * 300)
        served.tick(1)
    assert slow.ended
    assert app.events[-1] == DISCONNECT or DISCONNECT in app.events
    quick.send_body(end=True)
    assert quick.answer.status == 200


def test_slow_application_is_not_taken_for_a_slow_client(serve: Serve) -> None:
    """D4: a client without a window cannot send."""
    gate = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await gate.wait()
        await answering(b"%d" % len(await read_body(receive)))(scope, receive, send)

    served = serve(app, body_min_rate=1000)
    client = Http2Client(served)
    exchange = client.request("POST", body=b"x" * 1_000_000)
    served.tick(120)
    gate.set()
    client.settle()
    assert exchange.answer.body == b"1000000"


def test_stream_whose_client_gives_no_window_is_reset(serve: Serve) -> None:
    """D5: write_timeout after the last progress; the others go on."""
    served = serve(answering(b"x" * 10_000), write_timeout=10.0)
    client = Http2Client(served, settings={SettingCodes.INITIAL_WINDOW_SIZE: 5_000})
    stalled = client.exchange()
    stalled.stop_reading()
    stalled.begin()
    client.settle()
    for _ in range(14):
        assert len(client.request().answer.body) == 10_000
        served.tick(1)
    assert stalled.ended
    assert not client.ended
    assert len(client.request().answer.body) == 10_000


def test_stream_whose_client_credits_a_little_is_not_reset(serve: Serve) -> None:
    """D5: 64 bytes a second are progress enough."""
    served = serve(answering(b"x" * 10_000), write_timeout=10.0)
    client = Http2Client(served, settings={SettingCodes.INITIAL_WINDOW_SIZE: 400})
    slow = client.exchange()
    slow.stop_reading()
    slow.begin()
    client.settle()
    for _ in range(20):
        served.tick(6)
        slow.resume_reading(400)
    assert not slow.ended
    slow.resume_reading()
    assert len(slow.answer.body) == 10_000


def test_client_that_reads_nothing_from_its_socket_is_cut(serve: Serve) -> None:
    """D5: the whole connection, for nothing can be told to it."""
    served = serve(answering(b"x" * 60_000), write_timeout=10.0, h2_ping_interval=None)
    client = Http2Client(served)
    client.transport.stop_client()
    for _ in range(3):
        client.request()
    assert 9 <= seconds_until_end(client, 16) <= 10 + 2 * SLACK
    served.driver.settle()
    assert not served.context.connections


# Limits of the connection.


def test_requests_per_connection(serve: Serve) -> None:
    """L5, N6: the last ones are answered, and GOAWAY tells the client to open another connection."""
    app = Recorder()
    served = serve(app, keep_alive_max_requests=5)
    client = Http2Client(served)
    exchanges = [client.request() for _ in range(5)]
    assert [exchange.answer.status for exchange in exchanges] == [200] * 5
    served.tick(3)
    assert client.ended
    client.read()
    assert client.goaways
    assert {code for code, _, _ in client.goaways} == {ErrorCodes.NO_ERROR}
    assert client.goaways[-1][1] == 9
    assert len(app.scopes) == 5


def test_requests_over_the_limit_are_503(serve: Serve) -> None:
    """L4: those of other streams count; with Retry-After."""
    gate = asyncio.Event()
    app = Recorder(gate=gate)
    client = Http2Client(serve(app, max_concurrent_requests=2))
    busy = [client.request(), client.request()]
    answer = client.request().answer
    assert (answer.status, answer.header(b"retry-after"), answer.complete) == (503, b"1", True)
    gate.set()
    client.settle()
    assert [exchange.answer.status for exchange in busy] == [200, 200]
    assert client.request().answer.status == 200


def test_connections_are_counted(serve: Serve) -> None:
    """L6, S3: one, however many streams it has."""
    served = serve(Recorder(gate=asyncio.Event()))
    client = Http2Client(served)
    client.request()
    client.request()
    assert (len(served.context.connections), served.context.connections_total) == (1, 1)
    assert (served.context.active_requests, served.context.requests_total) == (2, 2)
    client.vanish()
    assert (len(served.context.connections), served.context.connections_total) == (0, 1)


# Stopping.


def drain(served: Served) -> list[bool]:
    """Begins a graceful stop; the list says when the worker was told that nothing lives any more."""
    idle: list[bool] = []
    served.context.when_idle = lambda: idle.append(True)
    served.driver.call(served.context.begin_drain)
    served.driver.settle()
    return idle


def test_stop_is_announced_before_it_is_final(serve: Serve) -> None:
    """N6, S1: GOAWAY of all streams, a round trip, GOAWAY of those that came (RFC 9113 section 6.8)."""
    gate = asyncio.Event()
    app = Recorder(gate=gate)
    served = serve(app)
    client = FrameClient(served)
    client.acknowledge()
    client.send(client.headers(1))
    idle = drain(served)
    (goaway,) = client.frames_of(GoAwayFrame)
    assert (goaway.error_code, goaway.last_stream_id) == (ErrorCodes.NO_ERROR, ALL_STREAMS)
    (ping,) = client.pings
    client.send(client.headers(3))
    answer = PingFrame(0, ping.opaque_data)
    answer.flags.add("ACK")
    client.send(answer)
    last = client.frames_of(GoAwayFrame)[-1]
    assert (last.error_code, last.last_stream_id) == (ErrorCodes.NO_ERROR, 3)
    client.send(client.headers(5))
    gate.set()
    served.driver.settle()
    assert [client.status(stream_id) for stream_id in (1, 3, 5)] == [200, 200, 0]
    assert len(app.scopes) == 2
    assert client.ended
    client.vanish()
    assert idle == [True]


def test_idle_connection_ends_at_a_stop(serve: Serve) -> None:
    """N6, S1: after the round trip; a client that does not answer is not waited for."""
    for answers in (True, False):
        served = serve(answering(b"x"))
        client = Http2Client(served) if answers else FrameClient(served)
        idle = drain(served)
        served.tick(0 if answers else 5)
        assert client.ended
        client.vanish()
        assert idle == [True]


def test_stop_lets_bodies_finish_both_ways(serve: Serve) -> None:
    """S1: an upload that goes on, and a download that waits for windows."""
    served = serve(echo)
    client = Http2Client(served)
    upload = client.request("POST", body=b"first", end=False)
    slow = client.exchange()
    slow.stop_reading()
    slow.begin("POST", "/", body=b"y" * 200_000)
    client.settle()
    drain(served)
    assert not client.ended
    upload.send_body(b"second", end=True)
    assert upload.answer.body == b"firstsecond"
    assert not client.ended
    slow.resume_reading()
    assert len(slow.answer.body) == 200_000
    assert client.ended


def test_stop_keeps_the_deadline_of_a_connection_that_has_failed(serve: Serve) -> None:
    """S1, D6: one that failed before its first SETTINGS frame, and whose client does not close."""
    client = FrameClient(serve(Recorder()), preface=False)
    client.send(PREFACE, raw_frame(PING, b"12345678"))
    client.driver.call(client.served.context.begin_drain)
    assert not client.closed
    client.served.tick(5 + SLACK)
    assert client.closed


def test_client_has_time_for_the_rest_of_an_answer(serve: Serve) -> None:
    """N6, D6: as long as it takes what is left, and a moment after that; then the connection is cut."""
    served = serve(answering(b"x" * 50_000), keep_alive_max_requests=1)
    client = Http2Client(served)
    client.transport.stop_client()
    client.request()
    client.transport.resume_client(1000)
    client.ping()
    assert client.transport.eof_sent
    for _ in range(6):
        served.tick(4)
        client.transport.resume_client(5000)
        assert not client.closed
    client.transport.resume_client()
    served.tick(1)
    assert not client.closed
    served.tick(SLACK)
    assert client.closed
    assert len(client.streams[1].body) == 50_000


@pytest.mark.parametrize("write_timeout", [20, 0])
def test_client_that_pauses_has_the_rest_of_an_answer(serve: Serve, write_timeout: int) -> None:
    """N6, D6: it may take nothing for write_timeout, as while the answer was written."""
    served = serve(answering(b"x" * 50_000), keep_alive_max_requests=1, write_timeout=write_timeout)
    client = Http2Client(served)
    client.transport.stop_client()
    client.request()
    client.transport.resume_client(1000)
    client.ping()
    for _ in range(2):
        served.tick(15)
        client.transport.resume_client(1000)
        assert not client.closed
    client.transport.resume_client()
    served.tick(1 + SLACK)
    assert client.closed
    assert len(client.streams[1].body) == 50_000


def test_client_that_takes_no_more_of_an_answer_is_cut(serve: Serve) -> None:
    """N6, D6: after write_timeout."""
    served = serve(answering(b"x" * 50_000), keep_alive_max_requests=1, write_timeout=20)
    client = Http2Client(served)
    client.transport.stop_client()
    client.request()
    client.transport.resume_client(1000)
    client.ping()
    served.tick(20 + SLACK)
    assert client.transport.aborted


def test_announced_stop_serves_what_comes(serve: Serve) -> None:
    """S1, N6: new requests until the final GOAWAY."""
    served = serve(answering(b"x"))
    client = Http2Client(served)
    client.request()
    served.driver.call(served.context.announce_drain)
    if not client.ended:
        assert client.request().answer.body == b"x" or client.goaways
    drain(served)
    served.tick(5)
    assert client.ended


def test_connection_made_while_stopping(serve: Serve) -> None:
    """S1: what it asks at once is answered, then it ends."""
    served = serve(answering(b"x"))
    drain(served)
    client = FrameClient(served, preface=False)
    client.send(PREFACE, raw_frame(4), client.headers(1))
    assert client.status(1) == 200
    served.tick(5)
    assert client.ended
    assert client.goaway is not None


def test_abort_all(serve: Serve) -> None:
    """S2: at once; all applications learn of it."""
    events: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        events.append(await receive())

    served = serve(app)
    client = Http2Client(served)
    client.request()
    client.request()
    served.driver.call(served.context.abort_all)
    served.driver.settle()
    assert client.closed
    assert events == [DISCONNECT] * 2
    assert not served.context.connections


def test_cancel_all(serve: Serve) -> None:
    """S2: each stream is answered or reset; nothing is logged as a mistake of the application."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/begun":
            await send(start())
            await send(body(b"part", True))
        await asyncio.Event().wait()

    served = serve(app)
    client = Http2Client(served)
    exchanges = [client.request("GET", path) for path in ("/", "/begun")]
    served.driver.call(served.context.cancel_all)
    served.driver.settle()
    assert served.context.active_requests == 0
    assert all(exchange.answer.complete or exchange.answer.truncated for exchange in exchanges)
    assert served.take_errors() == []


# The client's end.


def test_goaway_of_the_client_lets_its_requests_finish(serve: Serve) -> None:
    """P8: it opens no more streams; the connection ends after the last answer, or with the client."""
    gate = asyncio.Event()
    client = FrameClient(serve(Recorder(gate=gate)))
    client.send(client.headers(1), GoAwayFrame(0, last_stream_id=0, error_code=0))
    assert not client.ended
    gate.set()
    client.driver.settle()
    assert client.status(1) == 200
    assert client.complete(1)


def test_half_close_after_requests_answers_them(serve: Serve) -> None:
    """P8: as in HTTP/1.1."""
    gate = asyncio.Event()
    app = Recorder(gate=gate)
    client = FrameClient(serve(app))
    client.send(client.headers(1), client.headers(3))
    client.transport.deliver_eof()
    client.driver.settle()
    gate.set()
    client.driver.settle()
    if not app.raised:
        assert [client.status(1), client.status(3)] == [200, 200]
    assert client.ended


def test_end_inside_a_frame_is_no_error_in_the_log(serve: Serve) -> None:
    """P8: in the preface, in a header, in a payload."""
    for count in (5, 24, 28, 36, 40):
        served = serve(Recorder())
        client = FrameClient(served, preface=False)
        client.send((PREFACE + raw_frame(4) + client.headers(1, end=False))[:count])
        client.transport.deliver_eof()
        client.driver.settle()
        served.tick(1)
        assert client.ended
        assert served.take_errors() == []


def test_transport_events_after_the_loss_do_no_harm(serve: Serve) -> None:
    """P8: uvloop and TLS transports may call late."""
    gate = asyncio.Event()
    client = Http2Client(serve(Recorder(gate=gate)))
    client.request()
    client.vanish()
    protocol = client.transport.protocol
    for function, arguments in (
        (protocol.pause_writing, ()),
        (protocol.resume_writing, ()),
        (protocol.eof_received, ()),
        (protocol.data_received, (raw_frame(6, b"12345678"),)),
        (protocol.connection_lost, (None,)),
    ):
        client.driver.call(function, *arguments)
    gate.set()
    client.settle()
    assert not client.served.context.connections


# Access records.


def test_access_records_of_streams(serve: Serve) -> None:
    """S4: one for each whose scope could be made; the status is None when the client left first."""
    gate = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/waits":
            await gate.wait()
        await answering(b"hello")(scope, receive, send)

    served = serve(app, access=True, max_request_body_size=100)
    client = Http2Client(served)
    client.request("GET", "/waits").reset()
    client.request("POST", "/a", body=b"x")
    client.request("POST", "/large", [("content-length", "200")], end=False)
    gate.set()
    client.settle()
    seen = {
        scope.get("path", ""): (scope["http_version"], status, size) for scope, status, _, size, _ in served.accesses
    }
    assert seen["/waits"] == ("2", None, 0)
    assert seen["/a"] == ("2", 200, 5)
    assert seen["/large"][:2] == ("2", 413)
    assert len(served.accesses) == 3


def test_access_record_of_a_body_that_becomes_too_large(serve: Serve) -> None:
    """S4, L3: one, though an application runs and the server answers in its place."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    served = serve(app, access=True, max_request_body_size=100)
    exchange = Http2Client(served).request("POST", "/", body=b"x" * 60, end=False)
    exchange.send_body(b"x" * 60)
    assert exchange.answer.status == 413
    assert [status for _, status, *_ in served.accesses] == [413]
    assert served.context.errors_total == 1
