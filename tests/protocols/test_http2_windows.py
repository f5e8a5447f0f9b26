# SPDX-License-Identifier: MIT
"""The windows of uploads over HTTP/2, update by update: when they open, how far they grow, and behind whom they do not.

Each test runs on both engines. The client counts as RFC 9113 section 6.9 has it; a round trip is a delivery and what
the server answers to it. For what windows mean to exchanges see test_http2_flow.py.
"""

from __future__ import annotations

import asyncio
import random

import pytest
from hyperframe.frame import RstStreamFrame, WindowUpdateFrame

from tests.exchanges import Receive, Scope, Send
from tests.http2_client import Http2Client
from tests.http2_frames import FrameClient, raw_frame
from tests.http2_websockets import Http2WebSocketClient
from tests.serving import Serve
from tests.websockets import BINARY, frame

KIB, MIB = 1024, 1024 * 1024
DATA, PADDED, END_STREAM = 0, 8, 1
DEFAULT_WINDOW = 65535  # RFC 9113 section 6.9.2
STREAM_WINDOW, CONNECTION_WINDOW, MAX_WINDOW = 256 * KIB, MIB, 8 * MIB  # the settings as they are by default
FRAME = 16_384
UPLOAD = 16 * MIB
POST = [(b":method", b"POST"), (b":scheme", b"http"), (b":authority", b"a"), (b":path", b"/")]


class Windows:
    """A client that uploads on some streams and knows its windows.

    Attributes:
        streams: stream id -> what may be sent on it.
        connection: what may be sent on all together.
        updates: (stream id, increment) of each WINDOW_UPDATE, in order.
    """

    def __init__(self, client: FrameClient) -> None:
        self.client = client
        self.streams: dict[int, int] = {}
        self.connection = DEFAULT_WINDOW
        self.updates: list[tuple[int, int]] = []
        client.acknowledge()
        self.read()

    def open(self, stream_id: int) -> None:
        self.streams[stream_id] = STREAM_WINDOW
        self.client.send(self.client.headers(stream_id, POST, end=False))
        self.read()

    def room(self, stream_id: int) -> int:
        return min(self.streams[stream_id], self.connection)

    def data(self, stream_id: int, size: int, padding: int = 0) -> bytes:
        """A frame of so many bytes of body, and of padding."""
        payload = bytes([padding]) + bytes(size + padding) if padding else bytes(size)
        self.streams[stream_id] -= len(payload)
        self.connection -= len(payload)
        assert self.room(stream_id) >= 0
        return raw_frame(DATA, payload, flags=PADDED if padding else 0, stream_id=stream_id)

    def send(self, stream_id: int, size: int) -> int:
        """Sends a body of that size, or what the windows let out of it, in one piece; returns how much it was."""
        size = min(size, self.room(stream_id))
        self.client.send(*(self.data(stream_id, min(FRAME, size - at)) for at in range(0, size, FRAME)))
        self.read()
        return size

    def read(self) -> None:
        for received in self.client.take_frames():
            assert not isinstance(received, RstStreamFrame)
            if isinstance(received, WindowUpdateFrame):
                self.updates.append((received.stream_id, received.window_increment))
                if received.stream_id:
                    self.streams[received.stream_id] += received.window_increment
                else:
                    self.connection += received.window_increment


class Taker:
    """Receives whatever comes, until the end; one step for each `step()` if it is `slow`.

    Attributes:
        size: bytes that it has received.
    """

    def __init__(self, slow: bool = False) -> None:
        self.slow = slow
        self.size = 0
        self._gate = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.accept"})
        while True:
            if self.slow:
                await self._gate.wait()
                self._gate.clear()
            event = await receive()
            self.size += len(event.get("body") or event.get("bytes") or b"")
            if event["type"].endswith("disconnect") or event.get("more_body") is False:
                return

    def step(self) -> None:
        self._gate.set()


def test_window_doubles_each_round_trip(serve: Serve) -> None:
    """N2: over a long way, where a round trip lets out one window, up to h2_max_window.

    A round trip has at least half of the window that doubles: the rest of it is not given back before it is much.
    """
    app = Taker()
    windows = Windows(FrameClient(serve(app)))
    windows.open(1)
    sizes = []
    for trip in range(8):
        sizes.append(windows.send(1, windows.room(1)))
        assert sizes[-1] >= min(STREAM_WINDOW << trip, MAX_WINDOW) // 2
    assert app.size == sum(sizes)


def test_window_stays_behind_a_slow_application(serve: Serve) -> None:
    """N2, P10: it is never ready when something comes, so more at a time would only be memory."""
    app = Taker(slow=True)
    client = FrameClient(serve(app))
    windows = Windows(client)
    windows.open(1)
    for _ in range(10):
        assert windows.send(1, MAX_WINDOW) == STREAM_WINDOW
        assert windows.streams[1] == 0
        client.driver.call(app.step)
        client.driver.settle()
        windows.read()
        assert windows.streams[1] == STREAM_WINDOW
    assert app.size == 10 * STREAM_WINDOW


def test_application_that_waits_has_half_a_window_open(serve: Serve) -> None:
    """N2: whatever comes in whatever pieces, the client never waits for a window while the application waits for it.

    Nor does it get small increments: each is at least half of what the window was.
    """
    numbers = random.Random(21)
    app = Taker()
    client = FrameClient(serve(app))
    windows = Windows(client)
    windows.open(1)
    largest = {0: CONNECTION_WINDOW, 1: STREAM_WINDOW}
    windows.updates.clear()
    sent = 0
    for _ in range(300):
        frames = b""
        for _ in range(numbers.choice((1, 1, 3, 40))):
            padding = numbers.choice((0, 0, 200))
            size = min(numbers.choice((1, 700, 5000, FRAME - 256)), windows.room(1) - padding - 1)
            if size > 0:
                frames += windows.data(1, size, padding)
                sent += size
        cut = numbers.randrange(len(frames) + 1)
        client.send(frames[:cut])
        client.send(frames[cut:])
        windows.read()
        for stream_id, increment in windows.updates:
            assert increment >= largest[stream_id] // 2
        windows.updates.clear()
        largest = {0: max(largest[0], windows.connection), 1: max(largest[1], windows.streams[1])}
        assert 2 * windows.streams[1] > largest[1]
        assert 2 * windows.connection > largest[0]
    assert app.size == sent
    assert STREAM_WINDOW < largest[1] <= MAX_WINDOW


def test_uploads_side_by_side_are_never_short_of_the_connection_s_window(serve: Serve) -> None:
    """N2, P12: ten that are read and ten that are not: those go on, each with its own window."""
    slow, fast = Taker(slow=True), Taker()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await (slow if (b"x-slow", b"1") in scope["headers"] else fast)(scope, receive, send)

    client = FrameClient(serve(app))
    windows = Windows(client)
    for stream_id in range(1, 21, 2):
        windows.streams[stream_id] = STREAM_WINDOW
        client.send(client.headers(stream_id, [*POST, (b"x-slow", b"1")], end=False))
        windows.read()
        assert windows.send(stream_id, MAX_WINDOW) == STREAM_WINDOW
    for stream_id in range(21, 41, 2):
        windows.open(stream_id)
    sent = 0
    for _ in range(4):
        for stream_id in range(21, 41, 2):
            assert windows.room(stream_id) >= STREAM_WINDOW // 2
            sent += windows.send(stream_id, STREAM_WINDOW)
    assert (slow.size, fast.size) == (0, sent)
    assert all(windows.streams[stream_id] == 0 for stream_id in range(1, 21, 2))


@pytest.mark.parametrize("slow", [False, True], ids=["that keeps up", "that is slow"])
def test_window_of_a_websocket(serve: Serve, slow: bool) -> None:
    """N2, M2: it grows while messages are received as they come, and stays when they are not."""
    app = Taker(slow)
    served = serve(app)
    client = Http2Client(served)
    websocket = Http2WebSocketClient(served, client)
    websocket.open()
    messages = b"".join(frame(BINARY, bytes(FRAME)) for _ in range(UPLOAD // FRAME))
    websocket.stream.outbox += messages
    client.read()
    client.settle()
    for _ in range(400):
        if slow:
            client.driver.call(app.step)
            client.settle()
        if not websocket.stream.outbox:
            break
    assert bool(websocket.stream.outbox) == slow
    window = client.h2.local_flow_control_window(websocket.exchange.stream_id)
    if slow:
        assert len(messages) - len(websocket.stream.outbox) - app.size <= 3 * MIB
    else:
        assert STREAM_WINDOW < window <= MAX_WINDOW
    websocket.vanish()
    client.driver.call(app.step)
    client.settle()
