# SPDX-License-Identifier: MIT
"""Many streams on one HTTP/2 connection: answered, with bodies, reset, refused; what each held is given back."""

import hpack

from tests.isolated.growth import check
from tests.isolated.served import Worker, echo

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
BLOCK = hpack.Encoder().encode(
    [
        (b":method", b"POST"),
        (b":scheme", b"http"),
        (b":authority", b"localhost"),
        (b":path", b"/path?query=1"),
        hpack.NeverIndexedHeaderTuple(b"x-unknown", b"value"),
    ]
)
STREAMS = 1_000

worker = Worker(echo, keep_alive_max_requests=10**6, h2_max_concurrent_streams=10, h2_max_overhead_frames=10**6)
client = worker.connect()
next_stream = 1


def frame(type: int, flags: int, stream_id: int, payload: bytes = b"") -> bytes:
    return len(payload).to_bytes(3, "big") + bytes([type, flags]) + stream_id.to_bytes(4, "big") + payload


def opened(flags: int = 4) -> tuple[int, bytes]:
    global next_stream
    stream_id, next_stream = next_stream, next_stream + 2
    return stream_id, frame(1, flags, stream_id, BLOCK)


def credit(*stream_ids: int) -> bytes:
    return b"".join(frame(8, 0, stream_id, (1000).to_bytes(4, "big")) for stream_id in stream_ids)


def work() -> None:
    for number in range(0, STREAMS, 5):
        stream_id, head = opened(5)
        parts = [head]
        stream_id, head = opened()
        parts += [head, frame(0, 0, stream_id, b"x" * 100), frame(0, 1, stream_id, b"y" * 100)]
        stream_id, head = opened()
        parts += [head, frame(0, 0, stream_id, b"x" * 100), frame(3, 0, stream_id, bytes(4))]
        stream_id, head = opened()
        parts += [head, frame(3, 0, stream_id, bytes(4))]
        stream_id, head = opened()
        parts += [head, frame(0, 0, stream_id, b"x" * 100), frame(1, 5, stream_id, b"")]
        client.deliver(b"".join(parts) + credit(0))
        worker.driver.settle()
        if number % 500 == 0:
            client.deliver(b"".join(opened()[1] for _ in range(20)))
            worker.driver.settle()
            client.deliver(b"".join(frame(3, 0, next_stream - 2 * n, bytes(4)) for n in range(1, 21)))
            worker.driver.settle()
    worker.tick()


client.deliver(PREFACE + frame(4, 0, 0))
check(work)
assert not client.closing, "the connection ended early"
assert worker.context.requests_total > 0.25 * next_stream, "the streams were not served"
