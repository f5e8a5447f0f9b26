# SPDX-License-Identifier: MIT
"""HTTP/2 attacks that cost the attacker little: floods, resets, and header blocks that grow.

Each ends its connection with GOAWAY and the right code, after a bounded number of frames; few applications run at a
time; memory stays bounded; and a bystander on another connection of the same worker is answered all along. The plain
floods are those of `python -m bench attacks`, which says what they cost. Slow clients are in test_http2_stalls.py.
"""

from __future__ import annotations

import asyncio
import functools
import struct
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, count, islice

import pytest

from bench.attack_frames import ATTACKS, GET, POST, Attack, frame, honest_request, number
from tests.exchanges import Receive, Scope, Send
from tests.http2_frames import ENGINES, FrameClient
from tests.serving import Serve

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
PRIORITY_UPDATE = 16
END_STREAM, ACK, END_HEADERS, PADDED, PRIORITY_FLAG = 0x01, 0x01, 0x04, 0x08, 0x20
PROTOCOL_ERROR, FLOW_CONTROL_ERROR, STREAM_CLOSED, REFUSED_STREAM, CANCEL = 1, 3, 5, 7, 8
COMPRESSION_ERROR, ENHANCE_YOUR_CALM = 9, 11

BUDGET = 1000  # the default of h2_max_overhead_frames
MIB = 2**20


@pytest.fixture(name="engine", params=ENGINES)
def fixture_engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(name="serve")
def fixture_serve(engine: str, serve: Serve) -> Serve:
    """Every test runs on each engine."""
    return functools.partial(serve, http2_engine=engine)


class Counted:
    """Answers; with a gate it waits for that first, whatever becomes of its client.

    Attributes:
        most: the most calls that ever ran at a time.
    """

    def __init__(self, *, gated: bool = False) -> None:
        self.gate = asyncio.Event() if gated else None
        self.running = self.most = self.calls = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.running += 1
        self.calls += 1
        self.most = max(self.most, self.running)
        try:
            if self.gate is not None and scope["path"] != "/bystander":
                await self.gate.wait()
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"hello"})
        finally:
            self.running -= 1


class Bystander:
    """An honest client on a connection of its own, which must be answered whatever others do."""

    def __init__(self, served: object) -> None:
        self.client = FrameClient(served)  # type: ignore[arg-type]
        self.stream = -1

    def ask(self) -> None:
        """A request, answered in the same breath."""
        self.stream += 2
        fields = [(b":method", b"GET"), (b":scheme", b"http"), (b":authority", b"b"), (b":path", b"/bystander")]
        self.client.send(self.client.headers(self.stream, fields))
        assert self.client.status(self.stream) == 200
        assert self.client.complete(self.stream)


def flood(client: FrameClient, pieces: Iterable[bytes], bystander: Bystander | None = None, at_once: int = 50) -> int:
    """Sends pieces until the server ends the connection; returns how many it was sent."""
    sent, pieces = 0, iter(pieces)
    while not client.ended and (batch := list(islice(pieces, at_once))):
        client.send(*batch)
        sent += len(batch)
        if bystander is not None:
            bystander.ask()
    return sent


def assert_ended(client: FrameClient, *codes: int) -> None:
    """The connection has ended with GOAWAY and one of the codes, and nothing is left of it."""
    assert client.goaway is not None, "there is no GOAWAY"
    assert client.goaway.error_code in codes, client.goaway
    assert client.ended
    served = client.served
    client.transport.deliver_eof()  # the client has read that it is over
    served.driver.settle()
    assert client.transport.closed
    assert client.transport.protocol not in served.context.connections


# ---- plain floods --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_attack_ends_its_connection(serve: Serve, attack: Attack) -> None:
    app = Counted(gated=True)
    served = serve(app)
    bystander, client = Bystander(served), FrameClient(served)
    client.send(attack.opening)
    at_once = max(min(50, 2**15 // len(attack.piece(1))), 1)
    pieces = map(attack.piece, range(attack.pieces))
    tracemalloc.start()
    try:
        sent = flood(client, pieces, bystander, at_once)
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert_ended(client, *attack.codes)
    assert sent * attack.frames <= 2 * BUDGET + 3 * at_once
    assert app.most <= 101  # and the bystander's
    assert peak < 8 * MIB
    bystander.ask()


def _with_stream(*pieces: bytes) -> Iterator[bytes]:
    """A stream that was reset, then pieces without end."""
    yield frame(HEADERS, END_HEADERS, 1, POST) + frame(RST_STREAM, 0, 1, struct.pack("!I", CANCEL))
    while True:
        yield from pieces


FLOODS: dict[str, Callable[[], Iterable[bytes]]] = {
    "zero windows of a closed stream": lambda: _with_stream(frame(WINDOW_UPDATE, 0, 1, bytes(4))),
    "windows of the connection": lambda: (frame(WINDOW_UPDATE, 0, 0, struct.pack("!I", 1)) for _ in count()),
    "PRIORITY of wrong length": lambda: _with_stream(frame(PRIORITY, 0, 1, b"x")),
}


@pytest.mark.parametrize("name", FLOODS)
def test_flood_ends_its_connection(serve: Serve, name: str) -> None:
    app = Counted(gated=True)
    served = serve(app)
    bystander, client = Bystander(served), FrameClient(served)
    tracemalloc.start()
    try:
        sent = flood(client, islice(FLOODS[name](), 5 * BUDGET), bystander, 20)
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert_ended(client, ENHANCE_YOUR_CALM)
    assert sent <= BUDGET + 3 * 20
    assert peak < 4 * MIB
    bystander.ask()


# ---- resets --------------------------------------------------------------------------------------------------------

Reset = Callable[[int], bytes]


def post(stream: int, block: bytes = b"") -> bytes:
    return frame(HEADERS, END_HEADERS, stream, POST + block)


def field(name: bytes, value: bytes) -> bytes:
    return b"\x00" + number(0, 7, len(name)) + name + number(0, 7, len(value)) + value


# What a client can do so that the server resets a stream whose application runs (CVE-2025-8671), and the server's code.
RESETS: dict[str, tuple[Reset, int | None]] = {
    "by the client": (
        lambda stream: honest_request(stream) + frame(RST_STREAM, 0, stream, struct.pack("!I", CANCEL)),
        None,
    ),
    "increment of 0": (lambda stream: post(stream) + frame(WINDOW_UPDATE, 0, stream, bytes(4)), PROTOCOL_ERROR),
    "window overflow": (
        lambda stream: post(stream) + frame(WINDOW_UPDATE, 0, stream, struct.pack("!I", 2**31 - 1)),
        FLOW_CONTROL_ERROR,
    ),
    "data after the end": (lambda stream: honest_request(stream) + frame(DATA, 0, stream, b"x"), STREAM_CLOSED),
    "head after the end": (
        lambda stream: honest_request(stream) + frame(HEADERS, END_HEADERS | END_STREAM, stream, field(b"a", b"b")),
        STREAM_CLOSED,
    ),
    "trailers without an end": (
        lambda stream: post(stream) + frame(HEADERS, END_HEADERS, stream, field(b"a", b"b")),
        PROTOCOL_ERROR,
    ),
    "pseudo-field in trailers": (
        lambda stream: post(stream) + frame(HEADERS, END_HEADERS | END_STREAM, stream, field(b":path", b"/")),
        PROTOCOL_ERROR,
    ),
    "more than content-length": (
        lambda stream: post(stream, field(b"content-length", b"1")) + frame(DATA, 0, stream, b"xx"),
        PROTOCOL_ERROR,
    ),
    "less than content-length": (
        lambda stream: post(stream, field(b"content-length", b"9")) + frame(DATA, END_STREAM, stream, b"x"),
        PROTOCOL_ERROR,
    ),
    "PRIORITY of 4 bytes": (lambda stream: post(stream) + frame(PRIORITY, 0, stream, bytes(4)), 6),
    "malformed request": (
        lambda stream: frame(HEADERS, END_HEADERS | END_STREAM, stream, GET + field(b"A", b"b")),
        PROTOCOL_ERROR,
    ),
    "connection field": (
        lambda stream: frame(HEADERS, END_HEADERS | END_STREAM, stream, GET + field(b"connection", b"close")),
        PROTOCOL_ERROR,
    ),
}


def pair(name: str, index: int) -> bytes:
    return RESETS[name][0](2 * index + 1)


@pytest.mark.parametrize("name", RESETS)
def test_one_reset_is_a_stream_error(serve: Serve, name: str) -> None:
    """The connection goes on, and the next request is answered."""
    served = serve(Counted(gated=True))
    client = FrameClient(served)
    client.send(pair(name, 0))
    code = RESETS[name][1]
    assert client.resets == ({} if code is None else {1: code})
    fields = [(b":method", b"GET"), (b":scheme", b"http"), (b":authority", b"b"), (b":path", b"/bystander")]
    client.send(client.headers(3, fields))
    assert client.status(3) == 200
    assert client.goaway is None


@pytest.mark.parametrize("together", [True, False], ids=["in one read", "in two reads"])
@pytest.mark.parametrize("name", RESETS)
def test_resets_end_the_connection(serve: Serve, name: str, together: bool) -> None:
    """CVE-2023-44487, CVE-2025-8671: applications that go on after a reset still count as streams."""
    app = Counted(gated=True)
    served = serve(app, h2_max_concurrent_streams=20)
    bystander, client = Bystander(served), FrameClient(served)
    index = 0
    while not client.ended and index < 5 * BUDGET:
        pieces = [pair(name, index + step) for step in range(20)]
        if together:
            client.send(*pieces)
        else:
            for piece in pieces:
                first = 9 + int.from_bytes(piece[:3], "big")
                client.send(piece[:first])
                client.send(piece[first:])
        index += 20
        bystander.ask()
        assert app.running <= 20
    assert_ended(client, ENHANCE_YOUR_CALM)
    assert index <= BUDGET + 40
    assert app.most <= 21  # and the bystander's
    assert app.gate is not None
    served.driver.call(app.gate.set)
    served.driver.settle()
    assert app.running == 0


@pytest.mark.parametrize("begun", [False, True], ids=["413", "reset"])
def test_bodies_that_are_refused_end_the_connection(serve: Serve, begun: bool) -> None:
    """An application that goes on after its request was refused counts as a stream, too."""
    running = most = 0
    gate = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        if begun:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"x", "more_body": True})
        await gate.wait()
        running -= 1

    served = serve(app, max_request_body_size=10, h2_max_concurrent_streams=20)
    client = FrameClient(served)
    heads = ((post(2 * index + 1), frame(DATA, 0, 2 * index + 1, b"x" * 20)) for index in range(5 * BUDGET))
    assert flood(client, chain.from_iterable(heads), at_once=1) <= 2 * (BUDGET + 40)
    assert client.status(1) == (200 if begun else 413)
    assert client.resets[1] == (CANCEL if begun else 0)
    assert most <= 20
    assert_ended(client, ENHANCE_YOUR_CALM)
    served.driver.call(gate.set)
    served.driver.settle()
    assert running == 0


def test_trailers_of_many_fields_end_the_connection(serve: Serve) -> None:
    served = serve(Counted(gated=True))
    client = FrameClient(served)
    trailers = b"".join(field(b"a%d" % index, b"b") for index in range(100))
    pieces = (
        post(2 * index + 1) + frame(HEADERS, END_HEADERS | END_STREAM, 2 * index + 1, trailers) for index in range(500)
    )
    assert flood(client, pieces, at_once=5) <= 150
    assert_ended(client, ENHANCE_YOUR_CALM)


def test_a_reset_with_its_request_costs_no_call(serve: Serve) -> None:
    """What came in one read is used up before applications start."""
    app = Counted()
    served = serve(app)
    client = FrameClient(served)
    client.send(*(pair("by the client", index) for index in range(200)))
    assert app.calls == 0
    client.send(honest_request(401))
    assert client.status(401) == 200


def test_more_streams_than_allowed_are_refused(serve: Serve) -> None:
    """RFC 9113 section 5.1.2: each with REFUSED_STREAM; the others go on."""
    app = Counted(gated=True)
    served = serve(app, h2_max_concurrent_streams=5)
    client = FrameClient(served)
    client.send(*(honest_request(2 * index + 1) for index in range(8)))
    assert client.settings[3] == 5
    assert client.resets == {11: REFUSED_STREAM, 13: REFUSED_STREAM, 15: REFUSED_STREAM}
    assert app.running == 5
    assert app.gate is not None
    served.driver.call(app.gate.set)
    served.driver.settle()
    assert [client.status(stream) for stream in (1, 3, 5, 7, 9)] == [200] * 5
    client.send(honest_request(17))
    assert client.status(17) == 200
    assert client.goaway is None


# ---- header blocks -------------------------------------------------------------------------------------------------


def continued(*fragments: bytes, stream: int = 1) -> bytes:
    """A header block in HEADERS and CONTINUATION frames."""
    frames = [frame(HEADERS, END_STREAM, stream, fragments[0])]
    frames += [frame(CONTINUATION, 0, stream, fragment) for fragment in fragments[1:-1]]
    return b"".join([*frames, frame(CONTINUATION, END_HEADERS, stream, fragments[-1])])


def test_a_list_that_is_too_large_is_431(serve: Serve) -> None:
    """The connection goes on."""
    served = serve(Counted(), h2_max_header_list_size=10_000)
    client = FrameClient(served)
    wide = field(b"x" * 20, b"y" * 180)
    client.send(continued(GET, *[wide] * 60))
    assert client.status(1) == 431
    client.send(continued(GET, *[wide] * 20, stream=3))
    assert client.status(3) == 200
    assert client.goaway is None


@pytest.mark.parametrize("size", [1, 100, 1000, 10_000])
def test_continuation_without_end(serve: Serve, size: int) -> None:
    """CVE-2024-27316 and its like: the block is given up on before it is decoded, however it is cut."""
    app = Counted()
    served = serve(app)
    bystander, client = Bystander(served), FrameClient(served)
    fragment = (field(b"a", b"b" * 90) * (size // 95 + 1))[:size]
    client.send(frame(HEADERS, END_STREAM, 1, GET))
    sent = flood(client, (frame(CONTINUATION, 0, 1, fragment) for _ in range(5 * BUDGET)), bystander, 10)
    assert_ended(client, ENHANCE_YOUR_CALM, COMPRESSION_ERROR)
    assert sent * size <= 2 * MIB
    assert sent <= BUDGET
    assert app.calls == (bystander.stream + 1) // 2


BLOCKS = {
    "index beyond the table": b"\xff\xff\x7f",
    "index of 0": b"\x80",
    "number without end": b"\xff" + b"\xff" * 200,
    "string longer than the block": b"\x00\x7f\xff\x7f",
    "table larger than allowed": b"\x3f\xe2\x1f",
    "Huffman padding": b"\x00\x81\x00\x00",
}


@pytest.mark.parametrize("name", BLOCKS)
def test_a_broken_block_is_a_compression_error(serve: Serve, name: str) -> None:
    """RFC 7541 section 5 and 6; RFC 9113 section 4.3: the table cannot be trusted any more."""
    served = serve(Counted())
    client = FrameClient(served)
    block = BLOCKS[name] + GET if name.startswith("table") else GET + BLOCKS[name]
    client.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, block))
    assert_ended(client, COMPRESSION_ERROR)


@pytest.mark.parametrize("fields", [300, 3000, 16_000])
def test_a_field_named_many_times(serve: Serve, fields: int) -> None:
    """A bomb: each byte of the block stands for 4,000 of the list. It is refused without being built."""
    app = Counted()
    served = serve(app)
    client = FrameClient(served)
    stored = b"\x40\x01x" + number(0, 7, 3900) + b"a" * 3900
    client.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, GET + stored))
    assert client.status(1) == 200
    tracemalloc.start()
    try:
        client.send(frame(HEADERS, END_HEADERS | END_STREAM, 3, GET + b"\xbe" * fields))
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2 * MIB
    assert app.calls == 1
    assert_ended(client, ENHANCE_YOUR_CALM)


def test_table_size_updates_without_end(serve: Serve) -> None:
    """RFC 7541 section 4.2: they may only open a block; many of them are answered or refused, and cost no memory."""
    served = serve(Counted())
    bystander, client = Bystander(served), FrameClient(served)
    client.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\x20" * 10_000 + GET))
    bystander.ask()
    assert client.status(1) == 200 or client.goaway is not None


# ---- priorities ----------------------------------------------------------------------------------------------------


def test_dependencies_mean_nothing(serve: Serve) -> None:
    """RFC 9113 section 5.3.2: streams that depend on themselves and in a ring are answered like all others."""
    served = serve(Counted())
    client = FrameClient(served)

    def depends(stream: int, parent: int, exclusive: bool = False) -> bytes:
        return struct.pack("!IB", parent | exclusive << 31, 255)

    ring = [frame(PRIORITY, 0, stream, depends(stream, (stream + 2) % 10, stream == 3)) for stream in range(1, 10, 2)]
    itself = frame(HEADERS, END_HEADERS | END_STREAM | PRIORITY_FLAG, 1, depends(1, 1) + GET)
    client.send(*ring, frame(PRIORITY, 0, 1, depends(1, 1)), itself)
    others = [
        frame(HEADERS, END_HEADERS | END_STREAM | PRIORITY_FLAG, stream, depends(stream, 9 - stream) + GET)
        for stream in (3, 5, 7)
    ]
    client.send(*others, *ring)
    assert [client.status(stream) for stream in (1, 3, 5, 7)] == [200] * 4
    assert client.goaway is None
    assert client.resets == {}


def test_priorities_of_streams_that_never_come(serve: Serve) -> None:
    """They are forgotten, so that those of later streams count; what is kept is bounded."""
    order = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        order.append(scope["path"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    def update(stream: int, urgency: int) -> bytes:
        return frame(PRIORITY_UPDATE, 0, 0, struct.pack("!I", stream) + b"u=%d" % urgency)

    client = FrameClient(serve(app))
    client.send(*(update(2 * index + 1, 7) for index in range(500)))
    client.send(honest_request(1001))
    assert order == ["/"]
    fields = [(b":method", b"GET"), (b":scheme", b"http"), (b":authority", b"a")]
    client.send(
        *(update(1003 + 2 * index, 7 - index) for index in range(8)),
        *(client.headers(1003 + 2 * index, [*fields, (b":path", b"/%d" % index)]) for index in range(8)),
    )
    assert order[1:] == [f"/{index}" for index in reversed(range(8))]


# ---- what honest clients do ----------------------------------------------------------------------------------------


def test_requests_pay_for_the_frames_around_them(serve: Serve) -> None:
    """Clients send a PING and two WINDOW_UPDATE around a request, for hours."""
    app = Counted()
    served = serve(app)
    client = FrameClient(served)
    update = struct.pack("!I", 100)
    for index in range(300):
        stream = 2 * index + 1
        client.send(honest_request(stream), frame(WINDOW_UPDATE, 0, 0, update))
        if index % 4 == 0:
            client.send(frame(PING, 0, 0, bytes(8)))
    assert client.goaway is None
    assert app.calls == 300


def test_the_budget_comes_back_with_time(serve: Serve) -> None:
    """A tenth of it each second."""
    served = serve(Counted(gated=True))
    client = FrameClient(served)
    client.send(honest_request(1))
    for _ in range(4):
        client.send(*(frame(PING, 0, 0, bytes(8)) for _ in range(BUDGET - 200)))
        assert client.goaway is None
        for _ in range(8):
            served.tick(1)
            client.send(frame(PING, ACK, 0, b"liveness"))
    client.send(*(frame(PING, 0, 0, bytes(8)) for _ in range(BUDGET + 10)))
    assert_ended(client, ENHANCE_YOUR_CALM)


@pytest.mark.parametrize("budget", [16, 100, 5000])
def test_the_budget_is_a_setting(serve: Serve, budget: int) -> None:
    served = serve(Counted(gated=True), h2_max_overhead_frames=budget)
    client = FrameClient(served)
    client.send(honest_request(1))
    sent = flood(client, (frame(PING, 0, 0, bytes(8)) for _ in range(6000)), at_once=1)
    assert_ended(client, ENHANCE_YOUR_CALM)
    assert budget - 10 <= sent <= budget + 10


def test_an_upload_pays_for_small_frames(serve: Serve) -> None:
    """DATA frames of 100 bytes with a PING now and then are an upload, not a flood."""
    received = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        more = True
        while more:
            event = await receive()
            received.append(event.get("body", b""))
            more = event.get("more_body", False)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"%d" % sum(map(len, received))})

    served = serve(app)
    client = FrameClient(served)
    client.acknowledge()
    client.send(frame(HEADERS, END_HEADERS, 1, POST))
    for index in range(2000):
        client.send(frame(DATA, 0, 1, b"x" * 100), *([frame(PING, 0, 0, bytes(8))] if index % 20 == 0 else []))
    client.send(frame(DATA, END_STREAM, 1, b""))
    assert client.body(1) == b"200000"
    assert client.goaway is None
