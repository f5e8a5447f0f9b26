# SPDX-License-Identifier: MIT
"""Streams on an HTTP/2 connection, by each engine: answered, reset, refused; what they held is given back."""

import hpack

from tests.http2_frames import ENGINES, PREFACE, raw_frame
from tests.isolated.growth import check
from tests.isolated.served import Worker, echo

DATA, HEADERS, RST_STREAM, SETTINGS, WINDOW_UPDATE = 0, 1, 3, 4, 8
END_STREAM, END_HEADERS = 1, 4
BLOCK = hpack.Encoder().encode(
    [
        (b":method", b"POST"),
        (b":scheme", b"http"),
        (b":authority", b"localhost"),
        (b":path", b"/path?query=1"),
        (b"x-unknown", b"value"),
    ]
)
STREAMS = 1_000
CREDIT = raw_frame(WINDOW_UPDATE, (1000).to_bytes(4, "big"))


class Client:
    """A connection to a worker of its own."""

    def __init__(self, engine: str) -> None:
        limits = {"h2_max_concurrent_streams": 10, "h2_max_overhead_frames": 10**6}
        self.worker = Worker(echo, http2_engine=engine, keep_alive_max_requests=10**6, **limits)
        self.transport = self.worker.connect()
        self.streams = 0
        self.send(PREFACE, raw_frame(SETTINGS))

    def send(self, *frames: bytes) -> None:
        self.transport.deliver(b"".join(frames))
        self.worker.driver.settle()

    def stream(self, *frames: tuple[int, int, bytes], flags: int = END_HEADERS) -> bytes:
        """HEADERS and more frames (type, flags, payload) of a new stream."""
        stream_id = 2 * self.streams + 1
        self.streams += 1
        parts = [raw_frame(HEADERS, BLOCK, flags=flags, stream_id=stream_id)]
        parts += [raw_frame(kind, payload, flags=flags, stream_id=stream_id) for kind, flags, payload in frames]
        return b"".join(parts)

    def work(self) -> None:
        data, reset = (DATA, 0, b"x" * 100), (RST_STREAM, 0, bytes(4))
        for number in range(0, STREAMS, 5):
            self.send(
                self.stream(flags=END_HEADERS | END_STREAM),
                self.stream(data, (DATA, END_STREAM, b"y" * 100)),
                self.stream(data, reset),
                self.stream(reset),
                self.stream(data, (HEADERS, END_HEADERS | END_STREAM, b"")),
                CREDIT,
            )
            if number % 500 == 0:
                first = 2 * self.streams + 1
                self.send(*(self.stream() for _ in range(20)))
                self.send(*(raw_frame(RST_STREAM, bytes(4), stream_id=first + 2 * n) for n in range(20)))
        self.worker.tick()


for engine in ENGINES:
    client = Client(engine)
    check(client.work)
    assert not client.transport.closing, "the connection ended early"
    assert client.worker.context.requests_total > 0.5 * client.streams, "the streams were not served"
    client.worker.driver.close()
