# SPDX-License-Identifier: MIT
"""HTTP/2 clients that are slow on purpose: windows that stay shut, sockets that are not read, bytes that drip.

Each is ended by the deadline that HTTP/1.1 has too, memory stays bounded, and other connections go on. The clock is the
test's. Floods are in test_http2_attacks.py.
"""

from __future__ import annotations

import functools
import struct
import tracemalloc
from collections.abc import Callable

import pytest

from bench.attack_frames import GET, POST, frame, honest_request
from tests.exchanges import Receive, Scope, Send
from tests.http2_frames import ENGINES, PREFACE, FrameClient
from tests.protocols.test_http2_attacks import (
    CANCEL,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    ENHANCE_YOUR_CALM,
    HEADERS,
    PING,
    PRIORITY,
    PROTOCOL_ERROR,
    SETTINGS,
    WINDOW_UPDATE,
    Bystander,
    Counted,
    assert_ended,
    flood,
)
from tests.serving import Serve

INITIAL_WINDOW_SIZE = 4
NO_ERROR = 0
PIECE = b"x" * 32_768
SLACK = 2  # seconds by which a sweep once a second may be late


@pytest.fixture(name="engine", params=ENGINES)
def fixture_engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(name="serve")
def fixture_serve(engine: str, serve: Serve) -> Serve:
    """Every test runs on each engine."""
    return functools.partial(serve, http2_engine=engine)


class Download:
    """Sends pieces without end, until its client is gone; a bystander gets a short answer.

    Attributes:
        sent: bytes that send() took, in all.
        ended: calls that have come to their end.
    """

    def __init__(self) -> None:
        self.sent = self.ended = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            more = scope["path"] != "/bystander"
            while more:
                await send({"type": "http.response.body", "body": PIECE, "more_body": True})
                self.sent += len(PIECE)
            await send({"type": "http.response.body", "body": b"done"})
        finally:
            self.ended += 1


async def upload(scope: Scope, receive: Receive, send: Send) -> None:
    """Receives all and says how much it was."""
    size, more = 0, True
    while more:
        event = await receive()
        if event["type"] == "http.disconnect":
            return
        size, more = size + len(event.get("body", b"")), event.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"%d" % size})


def seconds_until(client: FrameClient, reached: Callable[[], bool], most: float, bystander: Bystander) -> float:
    """Lets time pass, in which the client answers pings and the bystander asks. Fails after `most` seconds."""
    passed = 0.0
    while not reached():
        assert passed <= most, "nothing has ended"
        client.served.tick(1)
        passed += 1
        bystander.ask()
    return passed


# ---- what is not read ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shut", ["streams", "connection"])
def test_windows_that_stay_shut(serve: Serve, shut: str) -> None:
    """After write_timeout each stream is reset; the applications are told, and held up until then."""
    app = Download()
    served = serve(app, write_timeout=10.0, h2_ping_interval=None)
    bystander = Bystander(served)
    client = FrameClient(served, settings={INITIAL_WINDOW_SIZE: 0 if shut == "streams" else 2**20})
    tracemalloc.start()
    try:
        client.send(*(honest_request(2 * index + 1) for index in range(50)))
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert app.sent <= 50 * 5 * len(PIECE)
    assert peak < 50 * 6 * len(PIECE)
    assert client.resets == {}
    assert 10 <= seconds_until(client, lambda: len(client.resets) == 50, 12, bystander) <= 10 + SLACK
    assert set(client.resets.values()) == {CANCEL}
    served.driver.settle()
    assert app.ended == 50 + (bystander.stream + 1) // 2
    seconds_until(client, lambda: client.ended, 8, bystander)
    assert_ended(client, NO_ERROR)


def test_a_stream_that_waits_for_its_turn_is_no_stall(serve: Serve) -> None:
    """One that others keep from the connection's window is not reset while the client takes what they send."""
    served = serve(Download(), write_timeout=10.0, h2_ping_interval=None)
    client = FrameClient(served, settings={INITIAL_WINDOW_SIZE: 2**20})
    client.send(honest_request(1), honest_request(3))
    for _ in range(30):
        before = len(client.body(1)) + len(client.body(3))
        client.send(frame(WINDOW_UPDATE, 0, 0, struct.pack("!I", 4096)))
        assert len(client.body(1)) + len(client.body(3)) == before + 4096
        served.tick(1)
    assert client.resets == {}
    for _ in range(10 + SLACK):
        served.tick(1)
    assert set(client.resets) == {1, 3}


@pytest.mark.parametrize("on", [1, 0], ids=["a stream", "the connection"])
def test_windows_that_open_too_slowly(serve: Serve, on: int) -> None:
    """By less than 64 bytes a second: a byte now and then keeps no stream much longer than none."""
    app = Download()
    served = serve(app, write_timeout=10.0, h2_ping_interval=None)
    bystander = Bystander(served)
    client = FrameClient(served, settings={INITIAL_WINDOW_SIZE: 0 if on else 2**20})
    client.send(honest_request(1))
    begun = len(client.body(1))

    def reached() -> bool:
        client.send(frame(WINDOW_UPDATE, 0, on, struct.pack("!I", 1)))
        return 1 in client.resets

    passed = seconds_until(client, reached, 12, bystander)
    assert 10 <= passed <= 10 + SLACK
    assert passed <= len(client.body(1)) - begun <= passed + 1
    assert client.resets == {1: CANCEL}
    served.driver.settle()
    assert app.ended == 1 + (bystander.stream + 1) // 2
    assert client.goaway is None


def test_windows_that_open_slowly(serve: Serve) -> None:
    """A client that takes 64 bytes a second gets its answer, however it credits them."""
    served = serve(Download(), write_timeout=10.0, h2_ping_interval=None)
    client = FrameClient(served, settings={INITIAL_WINDOW_SIZE: 0})
    client.send(honest_request(1), honest_request(3))
    for second in range(1, 41):
        client.send(frame(WINDOW_UPDATE, 0, 1, struct.pack("!I", 66)))
        if second % 10 == 0:
            client.send(frame(WINDOW_UPDATE, 0, 3, struct.pack("!I", 660)))
        served.tick(1)
    assert client.resets == {}
    assert (len(client.body(1)), len(client.body(3))) == (2640, 2640)


def test_a_refusal_waits_for_the_window(serve: Serve) -> None:
    """The body of an answer of the server's own has write_timeout, as every other."""
    served = serve(Download(), server_names=["example.net"], write_timeout=10.0, h2_ping_interval=None)
    client = FrameClient(served, settings={INITIAL_WINDOW_SIZE: 0})
    client.send(honest_request(1))
    served.tick(3)
    assert client.status(1) == 404
    assert client.resets == {}
    client.send(frame(WINDOW_UPDATE, 0, 1, struct.pack("!I", 1000)))
    assert client.complete(1)


def test_one_stream_that_is_shut_holds_up_no_other(serve: Serve) -> None:
    served = serve(Download())
    client = FrameClient(served, settings={INITIAL_WINDOW_SIZE: 0})
    client.send(honest_request(1), frame(WINDOW_UPDATE, 0, 0, struct.pack("!I", 2**30)))
    client.send(honest_request(3), frame(WINDOW_UPDATE, 0, 3, struct.pack("!I", 100_000)))
    assert len(client.body(3)) == 100_000
    assert client.body(1) == b""


def test_windows_that_drip(serve: Serve) -> None:
    """A byte at a time: each WINDOW_UPDATE costs a frame that brings nothing, and gets one byte."""
    app = Download()
    served = serve(app)
    bystander, client = Bystander(served), FrameClient(served, settings={INITIAL_WINDOW_SIZE: 0})
    client.send(honest_request(1))
    drip = (frame(WINDOW_UPDATE, 0, 1, struct.pack("!I", 1)) for _ in range(5000))
    sent = flood(client, drip, bystander)
    assert_ended(client, ENHANCE_YOUR_CALM)
    assert 900 <= sent <= 1200
    assert len(client.body(1)) <= sent


def test_settings_that_open_and_shut(serve: Serve) -> None:
    """INITIAL_WINDOW_SIZE to and fro moves the windows of all streams, and soon ends the connection."""
    app = Download()
    served = serve(app)
    bystander, client = Bystander(served), FrameClient(served, settings={INITIAL_WINDOW_SIZE: 0})
    client.send(*(honest_request(2 * index + 1) for index in range(50)))
    sizes = (struct.pack("!HI", INITIAL_WINDOW_SIZE, index % 2) for index in range(5000))
    flood(client, (frame(SETTINGS, 0, 0, size) for size in sizes), bystander)
    assert_ended(client, ENHANCE_YOUR_CALM)
    assert app.sent <= 50 * 5 * len(PIECE)


@pytest.mark.parametrize("what", ["pings", "settings", "answers", "resets"])
def test_a_socket_that_is_not_read(serve: Serve, what: str) -> None:
    """The server stops to read, keeps little, and gives up after write_timeout."""
    app = Download()
    served = serve(app, write_timeout=10.0, keep_alive_timeout=60.0, h2_max_overhead_frames=10**6)
    bystander, client = Bystander(served), FrameClient(served)
    client.transport.stop_client()
    client.transport.set_write_buffer_limits(high=64 * 1024)
    pieces: dict[str, Callable[[int], bytes]] = {
        "pings": lambda index: frame(PING, 0, 0, struct.pack("!Q", index)),
        "settings": lambda _index: frame(SETTINGS, 0, 0),
        "answers": lambda index: honest_request(2 * index + 1),
        "resets": lambda index: frame(HEADERS, END_HEADERS, 2 * index + 1, POST + b"\x00\x01A\x01b"),
    }
    for start in range(0, 20_000, 500):
        client.send(*(pieces[what](index) for index in range(start, start + 500)))
        if client.transport.reading_paused:
            break
    assert client.transport.reading_paused
    assert client.transport.high_water < 256 * 1024
    assert app.sent < 100 * 5 * len(PIECE)
    assert 10 <= seconds_until(client, lambda: client.transport.closed, 13, bystander) <= 11 + SLACK
    assert client.transport.aborted


# ---- what drips ----------------------------------------------------------------------------------------------------


def test_small_parts_of_a_body_are_joined(serve: Serve) -> None:
    """DATA of two bytes, to an application that does not receive: an object for each would take 20 times the memory."""
    served = serve(Counted(gated=True))
    client = FrameClient(served)
    client.send(frame(HEADERS, END_HEADERS, 1, POST))
    parts = frame(DATA, 0, 1, b"xx") * 100
    tracemalloc.start()
    try:
        before, _peak = tracemalloc.get_traced_memory()
        for _ in range(50):
            client.send(parts)
        after, _peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 60_000
    assert client.goaway is None


HEAD = honest_request(1)

# What comes at once, what drips after it each second, and the code of GOAWAY.
DRIPS: dict[str, tuple[bytes, bytes, int]] = {
    "the preface": (PREFACE[:20], b"", PROTOCOL_ERROR),
    "no SETTINGS": (PREFACE, b"", PROTOCOL_ERROR),
    "a part of SETTINGS": (PREFACE + frame(SETTINGS, 0, 0, bytes(6))[:12], b"", PROTOCOL_ERROR),
    "a header block without end": (frame(HEADERS, 0, 1, GET), b"", ENHANCE_YOUR_CALM),
    "CONTINUATION": (frame(HEADERS, 0, 1, GET), frame(CONTINUATION, 0, 1, b"\x84"), ENHANCE_YOUR_CALM),
    "empty CONTINUATION": (frame(HEADERS, 0, 1, GET), frame(CONTINUATION, 0, 1), ENHANCE_YOUR_CALM),
    "a frame header": (HEAD[:5], b"", ENHANCE_YOUR_CALM),
    "a part of HEADERS": (HEAD[:-1], b"", ENHANCE_YOUR_CALM),
    "a long HEADERS": (frame(HEADERS, END_HEADERS, 1, b"\x84" * 16_000)[:100], b"\x84", ENHANCE_YOUR_CALM),
    "a long PING": (frame(PING, 0, 0, bytes(8))[:10], b"", ENHANCE_YOUR_CALM),
    "a long frame of no known type": (frame(0xEE, 0, 0, bytes(16_000))[:100], b"\0", ENHANCE_YOUR_CALM),
}


@pytest.mark.parametrize(
    ("name", "beside"),
    [(name, False) for name in DRIPS] + [(name, True) for name in DRIPS if not DRIPS[name][0].startswith(b"PRI")],
)
def test_bytes_that_drip(serve: Serve, name: str, beside: bool) -> None:
    """header_read_timeout is absolute: what drips in does not move it. A stream that is open does not hide it."""
    first, each, code = DRIPS[name]
    served = serve(Counted(gated=True), header_read_timeout=5.0, keep_alive_timeout=60.0)
    bystander = Bystander(served)
    client = FrameClient(served, preface=not first.startswith(b"PRI"))
    if beside:
        client.send(frame(HEADERS, END_HEADERS | END_STREAM, 99, GET))
        first, each = (part.replace(b"\0\0\0\1", b"\0\0\0\x65") for part in (first, each))
    client.send(first)
    passed = 0
    while not client.ended:
        assert passed <= 5 + SLACK, "it goes on"
        served.tick(1)
        passed += 1
        if not client.ended:
            client.send(each)
        bystander.ask()
    assert passed >= 5
    if first == PREFACE[:20]:
        assert client.transport.closing or client.ended  # of HTTP/1.1 still: there is no GOAWAY
    else:
        assert_ended(client, code)


@pytest.mark.parametrize("begun", [False, True], ids=["in frames", "in one frame"])
def test_an_upload_that_drips(serve: Serve, begun: bool) -> None:
    """body_min_rate: the stream is answered with 408 and reset, another one goes on."""
    served = serve(upload, body_min_rate=100, h2_ping_interval=None)
    bystander, client = Bystander(served), FrameClient(served)
    client.send(frame(HEADERS, END_HEADERS, 1, POST), frame(HEADERS, END_HEADERS, 3, POST))
    client.send(frame(DATA, 0, 1, bytes(5000))[:1000] if begun else b"")
    passed = 0
    while not client.status(1):
        assert passed <= 10, "it goes on"
        served.tick(1)
        passed += 1
        client.send(b"x" if begun else frame(DATA, 0, 1, b"x"))
        if not begun:
            client.send(frame(DATA, 0, 3, b"x" * 200))
        bystander.ask()
    assert client.status(1) == 408
    assert passed >= 5
    if not begun:
        client.send(frame(DATA, END_STREAM, 3))
        assert client.body(3) == b"%d" % (200 * passed)
        assert client.goaway is None


def test_body_timeout(serve: Serve) -> None:
    """Bytes that come fast enough, and for too long."""
    served = serve(upload, body_timeout=8.0)
    bystander, client = Bystander(served), FrameClient(served)
    client.send(frame(HEADERS, END_HEADERS, 1, POST))

    def reached() -> bool:
        client.send(frame(DATA, 0, 1, b"x" * 1000))
        return client.status(1) != 0

    assert 8 <= seconds_until(client, reached, 12, bystander) <= 8 + SLACK
    assert client.status(1) == 408


# ---- what does nothing ---------------------------------------------------------------------------------------------


IDLE = {
    "PING": frame(PING, 0, 0, bytes(8)),
    "PRIORITY": frame(PRIORITY, 0, 1, bytes(5)),
    "WINDOW_UPDATE": frame(WINDOW_UPDATE, 0, 0, struct.pack("!I", 1)),
    "SETTINGS": frame(SETTINGS, 0, 0),
    "unknown": frame(0xEE, 0, 0),
}


@pytest.mark.parametrize("each", IDLE.values(), ids=IDLE)
@pytest.mark.parametrize("asked", [False, True], ids=["no request", "after a request"])
def test_frames_without_a_request_keep_nothing_open(serve: Serve, each: bytes, asked: bool) -> None:
    """keep_alive_timeout after the last stream, whatever else comes."""
    served = serve(Counted(), keep_alive_timeout=5.0)
    bystander, client = Bystander(served), FrameClient(served)
    if asked:
        client.send(honest_request(1))

    def reached() -> bool:
        if not client.ended:
            client.send(each)
        return client.ended

    assert 5 <= seconds_until(client, reached, 8, bystander) <= 5 + SLACK
    assert_ended(client, NO_ERROR)


def test_streams_whose_client_is_gone(serve: Serve) -> None:
    """A client that says nothing is asked with PING, and given up when it does not answer."""
    app = Counted(gated=True)
    served = serve(app, h2_ping_interval=10.0, h2_ping_timeout=5.0)
    bystander, client = Bystander(served), FrameClient(served)
    client.send(honest_request(1))
    seconds = seconds_until(client, lambda: client.transport.closed, 20, bystander)
    assert 15 <= seconds <= 15 + 2 * SLACK
    assert len(client.pings) == 1
