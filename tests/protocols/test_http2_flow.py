# SPDX-License-Identifier: MIT
"""Flow control of HTTP/2, both ways: no byte beyond a window, a slow stream blocks nobody, and windows that grow."""

from __future__ import annotations

import asyncio

import pytest
from h2.settings import SettingCodes

from tests.applications import Recorder, answering, body, read_body, start
from tests.exchanges import Receive, Scope, Send
from tests.http2_client import Http2Client, Http2Exchange
from tests.serving import Serve

KIB, MIB = 1024, 1024 * 1024
DATA, WINDOW_UPDATE = 0, 8
DEFAULT_WINDOW = 65535  # RFC 9113 section 6.9.2


def halted(client: Http2Client, target: str = "/") -> Http2Exchange:
    """An exchange whose client credits nothing of its answer."""
    exchange = client.exchange()
    exchange.stop_reading()
    exchange.begin("GET", target)
    client.settle()
    return exchange


# Downloads.


@pytest.mark.parametrize("window", [0, 1, 1000, 16384, 16385, 40_000])
def test_answer_fills_the_stream_s_window_and_no_more(serve: Serve, window: int) -> None:
    """N2: the client's SETTINGS_INITIAL_WINDOW_SIZE; what it credits later is used up too."""
    client = Http2Client(serve(answering(b"x" * 50_000)), settings={SettingCodes.INITIAL_WINDOW_SIZE: window})
    exchange = halted(client)
    assert (exchange.answer.status, exchange.unread) == (200, window)
    client.credit(exchange.stream_id, 10)
    client.flush()
    client.settle()
    assert exchange.unread == window + 10
    client.credit(exchange.stream_id, 50_000)
    exchange.resume_reading()
    assert (len(exchange.answer.body), exchange.answer.complete) == (50_000, True)


def test_answer_without_body_needs_no_window(serve: Serve) -> None:
    """N2: END_STREAM does not count."""
    client = Http2Client(serve(answering(b"")), settings={SettingCodes.INITIAL_WINDOW_SIZE: 0})
    assert halted(client).answer.complete


def test_end_that_comes_later_needs_no_window(serve: Serve) -> None:
    """N2: an empty DATA frame is sent though the window is used up (RFC 9113 section 6.9)."""
    gate = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start())
        await send(body(b"x" * 100, True))
        await gate.wait()
        await send(body())

    client = Http2Client(serve(app), settings={SettingCodes.INITIAL_WINDOW_SIZE: 100})
    exchange = halted(client)
    assert exchange.unread == 100
    gate.set()
    client.settle()
    assert exchange.stream.ended


def test_answers_share_the_connection_s_window(serve: Serve) -> None:
    """N2: together no more than it lets out; a credit of the connection sets them going again."""
    client = Http2Client(serve(answering(b"x" * 50_000)), settings={SettingCodes.INITIAL_WINDOW_SIZE: MIB})
    client.credits = False
    exchanges = [client.request() for _ in range(4)]
    assert sum(len(exchange.answer.body) for exchange in exchanges) == DEFAULT_WINDOW
    client.h2.increment_flow_control_window(4 * 50_000)
    client.flush()
    client.settle()
    assert [(len(exchange.answer.body), exchange.answer.complete) for exchange in exchanges] == [(50_000, True)] * 4


def test_small_answer_beside_a_used_up_window_of_a_stream(serve: Serve) -> None:
    """N2, P12: a client that reads one answer slowly gets the others at once."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await answering(b"y" * (200_000 if scope["path"] == "/large" else 2))(scope, receive, send)

    client = Http2Client(serve(app))
    slow = [halted(client, "/large") for _ in range(5)]
    assert [exchange.unread for exchange in slow] == [DEFAULT_WINDOW] * 5
    for _ in range(20):
        assert client.request("GET", "/small").answer.body == b"yy"
    for exchange in slow:
        exchange.resume_reading()
        assert len(exchange.answer.body) == 200_000


def test_window_that_the_client_enlarges_sets_streams_going(serve: Serve) -> None:
    """N2: SETTINGS_INITIAL_WINDOW_SIZE changes the windows of open streams too (RFC 9113 section 6.9.2)."""
    client = Http2Client(serve(answering(b"x" * 30_000)), settings={SettingCodes.INITIAL_WINDOW_SIZE: 0})
    exchanges = [halted(client) for _ in range(3)]
    assert [exchange.unread for exchange in exchanges] == [0, 0, 0]
    client.h2.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 10_000})
    client.flush()
    client.settle()
    assert [exchange.unread for exchange in exchanges] == [10_000] * 3


def test_window_that_the_client_makes_negative_is_paid_back_first(serve: Serve) -> None:
    """N2: (RFC 9113 section 6.9.2)."""
    client = Http2Client(serve(answering(b"x" * 50_000)), settings={SettingCodes.INITIAL_WINDOW_SIZE: 20_000})
    exchange = halted(client)
    assert exchange.unread == 20_000
    client.h2.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 5_000})
    client.flush()
    client.settle()
    for credit, unread in ((15_000, 20_000), (1, 20_001), (999, 21_000)):
        client.credit(exchange.stream_id, credit)
        client.flush()
        client.settle()
        assert exchange.unread == unread


def test_frames_are_as_large_as_the_client_takes(serve: Serve) -> None:
    """N2, N5: 16,384 bytes by default, more when it says so; never more than it says."""
    settings: dict[int, int] = {SettingCodes.INITIAL_WINDOW_SIZE: MIB}
    client = Http2Client(serve(answering(b"x" * 60_000)), settings=settings)
    client.request()
    assert max(len(frame.payload) for frame in client.frames_of(DATA)) <= 16_384
    client = Http2Client(serve(answering(b"x" * 60_000)), settings={**settings, SettingCodes.MAX_FRAME_SIZE: 50_000})
    assert len(client.request().answer.body) == 60_000
    assert max(len(frame.payload) for frame in client.frames_of(DATA)) <= 50_000


def test_what_waits_for_windows_is_bounded(serve: Serve) -> None:
    """P10, C11: an application that sends without end waits in send()."""
    sent: list[int] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start())
        for _ in range(1000):
            await send(body(b"x" * 16_384, True))
            sent.append(1)

    served = serve(app)
    client = Http2Client(served)
    halted(client)
    assert 0 < len(sent) * 16_384 <= MIB


def test_stream_that_is_reset_gives_its_share_to_others(serve: Serve) -> None:
    """N2: what waited for it is dropped, and the connection's window is the others'."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await answering(b"z" * 60_000)(scope, receive, send)

    client = Http2Client(serve(app))
    client.credits = False
    first, second = client.request(), client.request()
    assert len(first.answer.body) + len(second.answer.body) == DEFAULT_WINDOW
    unfinished = second if first.answer.complete else first
    unfinished.reset()
    third = client.request()
    client.credits = True
    client.h2.increment_flow_control_window(MIB)
    client.flush()
    client.settle()
    assert (len(third.answer.body), third.answer.complete) == (60_000, True)


def test_client_that_drips_credits_gets_the_whole_answer(serve: Serve) -> None:
    """N2: byte by byte, with each byte the same."""
    data = bytes(range(200))
    client = Http2Client(serve(answering(data)), settings={SettingCodes.INITIAL_WINDOW_SIZE: 0})
    exchange = halted(client)
    for _ in range(len(data)):
        client.credit(exchange.stream_id, 1)
        client.flush()
        client.settle()
    exchange.resume_reading()
    assert (exchange.answer.body, exchange.answer.complete) == (data, True)


@pytest.mark.parametrize("size", [1, 100])
def test_client_that_credits_every_message(serve: Serve, size: int) -> None:
    """N2: both windows after each small part of an answer, as HAProxy does; nothing is wrong with that."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start())
        for _ in range(500):
            await send(body(b"x" * size, True))
            await asyncio.sleep(0)
        await send(body())

    client = Http2Client(serve(app, h2_max_overhead_frames=100))
    assert client.request().answer.body == b"x" * 500 * size
    assert len(client.frames_of(DATA)) > 400
    assert client.goaways == []


# Uploads.


def test_windows_are_the_settings(serve: Serve) -> None:
    """N5, N2: of a stream in SETTINGS, of the connection in WINDOW_UPDATE."""
    client = Http2Client(serve(Recorder(), h2_initial_stream_window=100_000, h2_initial_connection_window=300_000))
    exchange = client.request("POST", "/", end=False)
    assert client.h2.remote_settings.initial_window_size == 100_000
    assert client.h2.outbound_flow_control_window == 300_000
    assert client.h2.local_flow_control_window(exchange.stream_id) == 100_000
    exchange.send_body(end=True)


def test_upload_that_is_not_read_is_paused_at_the_stream_s_window(serve: Serve) -> None:
    """N2, C11: and goes on when the application reads."""
    gate = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await gate.wait()
        await answering(b"%d" % len(await read_body(receive)))(scope, receive, send)

    client = Http2Client(serve(app, h2_initial_stream_window=50_000))
    exchange = client.request("POST", "/", body=b"x" * MIB)
    assert len(exchange.stream.outbox) == MIB - 50_000
    gate.set()
    client.settle()
    assert exchange.answer.body == b"%d" % MIB


def test_uploads_that_are_not_read_block_nobody(serve: Serve) -> None:
    """N2, P12: more of them than the connection's window would hold."""
    gate = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/slow":
            await gate.wait()
        await answering(b"%d" % len(await read_body(receive)))(scope, receive, send)

    client = Http2Client(serve(app))
    slow = [client.request("POST", "/slow", body=b"s" * MIB) for _ in range(8)]
    for _ in range(3):
        assert client.request("POST", "/fast", body=b"f" * (2 * MIB)).answer.body == b"%d" % (2 * MIB)
    gate.set()
    client.settle()
    assert [exchange.answer.body for exchange in slow] == [b"%d" % MIB] * 8


def test_windows_grow_while_the_application_keeps_up(serve: Serve) -> None:
    """N2: so that an upload over a long way runs at line speed; to h2_max_window at most."""
    client = Http2Client(serve(Recorder(), h2_max_window=MIB, h2_initial_stream_window=64 * KIB))
    exchange = client.request("POST", "/", body=b"x" * (8 * MIB), end=False)
    stream, connection = (
        client.h2.local_flow_control_window(exchange.stream_id),
        client.h2.outbound_flow_control_window,
    )
    assert not exchange.stream.outbox
    assert 64 * KIB < stream <= MIB
    assert connection <= MIB
    exchange.send_body(end=True)
    assert exchange.answer.status == 200


def test_windows_do_not_grow_beyond_the_setting(serve: Serve) -> None:
    """N2, N5: nor at all when that is what is set."""
    settings = {"h2_initial_stream_window": 64 * KIB, "h2_initial_connection_window": 64 * KIB}
    client = Http2Client(serve(Recorder(), h2_max_window=64 * KIB, **settings))
    exchange = client.request("POST", "/", body=b"x" * (2 * MIB), end=False)
    assert not exchange.stream.outbox
    assert client.h2.local_flow_control_window(exchange.stream_id) <= 64 * KIB


def test_padding_is_credited(serve: Serve) -> None:
    """N2: it counts against the windows as the data does (RFC 9113 section 6.9)."""
    app = Recorder()
    client = Http2Client(serve(app, h2_max_window=64 * KIB, h2_initial_connection_window=64 * KIB))
    exchange = client.request("POST", "/", end=False)
    for _ in range(2000):
        client.h2.send_data(exchange.stream_id, b"x", pad_length=255)
        client.flush()
        client.settle()
    exchange.send_body(end=True)
    assert app.body == b"x" * 2000
    assert exchange.answer.status == 200


def test_body_that_nobody_reads_is_credited_to_the_connection(serve: Serve) -> None:
    """N2: early answers and resets; else the connection would end up with no window."""
    client = Http2Client(serve(answering(b"early"), h2_initial_connection_window=128 * KIB, h2_max_window=128 * KIB))
    for number in range(30):
        exchange = client.request("POST", "/", body=b"x" * 60_000, end=False)
        assert exchange.answer.body == b"early"
        if number % 2 and exchange.stream.reset is None:
            exchange.reset()
    client.settle()
    assert client.h2.outbound_flow_control_window >= 64 * KIB


def test_body_of_a_reset_stream_is_credited_to_the_connection(serve: Serve) -> None:
    """N2: what had come and was never read."""
    gate = asyncio.Event()
    client = Http2Client(serve(Recorder(gate=gate, reads=False), h2_initial_stream_window=50_000))
    for _ in range(50):
        client.request("POST", "/", body=b"x" * 50_000, end=False).reset()
    assert client.h2.outbound_flow_control_window > 500_000
    gate.set()
    client.settle()


@pytest.mark.parametrize("end", ["client", "application"])
def test_window_that_unread_bodies_hold_back_comes_with_their_end(serve: Serve, end: str) -> None:
    """N2: nothing else would ever open it, for the client can send no DATA."""
    gate = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/waits":
            await gate.wait()
            raise ValueError("no answer")
        await answering(await read_body(receive))(scope, receive, send)

    served = serve(app, **dict.fromkeys(("h2_initial_connection_window", "h2_max_window"), DEFAULT_WINDOW))
    client = Http2Client(served)
    waiting = [client.request("POST", "/waits", body=b"x" * 60_000, end=False) for _ in range(3)]
    if end == "client":
        for exchange in waiting:
            exchange.reset()
    gate.set()
    client.settle()
    assert len(served.take_errors()) == 3
    assert client.request("POST", "/", body=b"y" * 60_000).answer.body == b"y" * 60_000


def test_large_bodies_both_ways_at_once(serve: Serve) -> None:
    """N2: nothing is lost or mixed up."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start())
        more = True
        while more:
            event = await receive()
            more = event["more_body"]
            await send(body(event["body"], more))

    client = Http2Client(serve(app))
    bodies = [bytes([number]) * (600_000 + number) for number in range(6)]
    exchanges = []
    for data in bodies:
        exchanges.append(client.exchange())
        exchanges[-1].begin("POST", "/", body=data)
    client.settle()
    assert [exchange.answer.body for exchange in exchanges] == bodies
