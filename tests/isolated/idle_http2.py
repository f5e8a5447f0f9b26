# SPDX-License-Identifier: MIT
"""What an idle HTTP/2 connection holds: after one request, after a hundred of a browser, after a hundred at once.

Run with PYTHONMALLOC=malloc, so that malloc counts everything. The bounds are about half as much again as is needed.
"""

import sys
from collections.abc import Callable

import hpack

from tests.fakes import FakeTransport
from tests.http2_frames import PREFACE, raw_frame
from tests.isolated.growth import sample
from tests.isolated.served import Worker, echo

CONNECTIONS = 4
HEADERS, DATA, SETTINGS, WINDOW_UPDATE, CONTINUATION = 1, 0, 4, 8, 9
END_STREAM, END_HEADERS = 1, 4
FIELDS = [(b":method", b"POST"), (b":scheme", b"http"), (b":authority", b"localhost")]
BROWSER = [
    (b"user-agent", b"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0"),
    (b"accept", b"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"),
    (b"accept-encoding", b"gzip, deflate, br"),
    (b"accept-language", b"en-US,en;q=0.9"),
    (b"sec-fetch-mode", b"navigate"),
]

worker = Worker(echo)


def send(client: FakeTransport, *frames: bytes) -> None:
    client.deliver(b"".join(frames))
    worker.driver.settle()


def one(client: FakeTransport) -> None:
    """A request without anything."""
    send(client, raw_frame(HEADERS, hpack.Encoder().encode([*FIELDS, (b":path", b"/")]), flags=5, stream_id=1))


def browser(client: FakeTransport) -> None:
    """A hundred, one after the other, each with a path of its own."""
    encoder = hpack.Encoder()
    for number in range(100):
        block = encoder.encode([*FIELDS, (b":path", b"/path?number=%d" % number), *BROWSER])
        send(client, raw_frame(HEADERS, block, flags=5, stream_id=1 + 2 * number))


def crowd(client: FakeTransport) -> None:
    """A hundred at once, with a long field each and bodies for which the windows are too small."""
    encoder = hpack.Encoder()
    encoder.header_table_size = 0
    frames = []
    for stream_id in range(1, 201, 2):
        block = encoder.encode([*FIELDS, (b":path", b"/"), (b"x-long", b"~" * 3000)])
        frames.append(raw_frame(HEADERS, block[:100], stream_id=stream_id))
        frames.append(raw_frame(CONTINUATION, block[100:], flags=END_HEADERS, stream_id=stream_id))
    send(client, *frames)
    send(client, *(raw_frame(DATA, b"x" * 600, flags=END_STREAM, stream_id=number) for number in range(1, 201, 2)))
    send(client, raw_frame(SETTINGS, b"\0\4\0\1\0\0"), raw_frame(WINDOW_UPDATE, b"\0\1\0\0"))


def cost(work: Callable[[FakeTransport], None], settings: bytes) -> int:
    """Bytes that a connection holds after some work, with those of its transport here."""
    clients: list[FakeTransport] = []
    for _ in range(2):  # what the process keeps for all is there at the second time
        for client in clients:
            client.close()
        clients.clear()
        worker.driver.settle()
        before = sample().malloc
        for _ in range(CONNECTIONS):
            clients.append(worker.connect())
            send(clients[-1], PREFACE, raw_frame(SETTINGS, settings), raw_frame(SETTINGS, flags=1))
            work(clients[-1])
        worker.tick()
        assert not any(client.closing for client in clients), "a connection ended early"
        found = (sample().malloc - before) // CONNECTIONS
    return found


failed = False
for work, settings, most in ((one, b"", 6000), (browser, b"", 20000), (crowd, b"\0\4\0\0\2\0", 9000)):
    found = cost(work, settings)
    print(f"after {work.__name__} it holds {found} bytes; at most {most}")
    failed = failed or found > most
if failed:
    sys.exit("an idle connection holds too much")
