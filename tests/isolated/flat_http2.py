# SPDX-License-Identifier: MIT
"""100,000 requests on one HTTP/2 connection: what the process holds after the first 10,000 it holds at the end."""

import sys

import hpack

from tests.isolated.growth import sample
from tests.isolated.served import Worker, hello

BATCH = 100
FIELDS = [(b":method", b"GET"), (b":scheme", b"http"), (b":authority", b"localhost"), (b":path", b"/path?query=1")]
HEADERS = 1
TOLERATED_BLOCKS = 500
TOLERATED_BYTES = 64 * 1024


def resident() -> int:
    """Bytes of this process in memory."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096


worker = Worker(hello, keep_alive_max_requests=10**6)
client = worker.connect()
encoder = hpack.Encoder()
client.deliver(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0")


def ask(first: int) -> None:
    """A batch of requests from a stream on, and the window that their answers use up."""
    frames = []
    for stream_id in range(first, first + 2 * BATCH, 2):
        block = encoder.encode(FIELDS)
        frames.append(len(block).to_bytes(3, "big") + bytes([HEADERS, 5]) + stream_id.to_bytes(4, "big") + block)
    credit = b"\0\0\4\x08\0\0\0\0\0" + (5 * BATCH).to_bytes(4, "big")
    client.deliver(b"".join(frames) + credit)
    worker.driver.settle()


before = sample()
size = 0
for number in range(100_000 // BATCH):
    ask(1 + 2 * number * BATCH)
    if number % 10 == 0:
        worker.tick()
    if (number + 1) * BATCH == 10_000:
        before, size = sample(), resident()
after = sample()
print(f"grown by {after.blocks - before.blocks} blocks, {after.malloc - before.malloc} and {resident() - size} bytes")
assert worker.context.requests_total == 100_000, worker.context.requests_total
assert not client.closing, "the connection ended early"
if after.blocks - before.blocks > TOLERATED_BLOCKS or after.malloc - before.malloc > TOLERATED_BYTES:
    sys.exit("memory grows with the streams")
if resident() - size > 4 * 1024 * 1024:
    sys.exit("the process grows with the streams")
