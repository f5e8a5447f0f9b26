# SPDX-License-Identifier: MIT
"""Times the stages of one exchange inside one process and prints them as JSON; run by `micro` in its own interpreter.

Stages: the parse of a head, the scope of a request, the encoding of a response, the unmasking and checking of WebSocket
payloads, and whole exchanges through H1Connection on a transport that only counts. httptools parses the same heads
beside it, when it is installed.
"""

import asyncio
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from bench import apps, stage_build
from bench.errors import BenchError
from bench.exchange import request
from fastcorn.asgi._context import Context
from fastcorn.config import Config
from fastcorn.protocols._http1 import H1Connection

ROUND_SECONDS = 0.1
SHORT = request("GET", "/")
BROWSER_FIELDS = (
    "Connection: keep-alive\r\nCache-Control: max-age=0\r\nUpgrade-Insecure-Requests: 1\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0\r\n"
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n"
    "Accept-Language: en-GB,en;q=0.7,de;q=0.3\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n"
    "Referer: http://127.0.0.1/catalogue/index.html?page=2\r\n"
    "Cookie: session=3f9c2a71d8e64b0fa5c7e1029d3b4f68; theme=dark; consent=1\r\nPriority: u=0, i\r\n"
)
BROWSER = request("GET", "/", headers=BROWSER_FIELDS)
CHUNKED_BODY = (b"400\r\n" + b"x" * 1024 + b"\r\n") * 10 + b"0\r\n\r\n"
FEW_FIELDS = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"13")]
MANY_FIELDS = [
    *FEW_FIELDS,
    (b"cache-control", b"private, max-age=0, must-revalidate"),
    (b"etag", b'"5d8c72a5edda8d6a:0"'),
    (b"vary", b"accept-encoding, cookie"),
    (b"x-content-type-options", b"nosniff"),
    (b"set-cookie", b"session=3f9c2a71d8e64b0fa5c7e1029d3b4f68; Path=/; HttpOnly; SameSite=Lax"),
    (b"x-request-id", b"0194d2f2-7c1b-7a55-8ad6-1f3b0f8a3c11"),
]

Loop = Callable[[int], object]
"""Does a stage that many times."""


class CountingTransport(asyncio.Transport):
    """Takes everything at once and counts the writes."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 50000), "sockname": ("127.0.0.1", 8000)})
        self.writes = 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.writes += 1

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return False

    def pause_reading(self) -> None:
        raise BenchError("the connection paused reading in a micro benchmark")


def connect(app: Any) -> tuple[H1Connection, CountingTransport]:
    """A connection on a transport that only counts; call it inside a running event loop."""
    context = Context(app, Config().freeze(), asyncio.get_running_loop())
    connection = H1Connection(context)
    transport = CountingTransport()
    connection.connection_made(transport)
    return connection, transport


async def exchanges(data: bytes, loops: int) -> None:
    """`loops` requests of 13-byte answers, one after the other."""
    connection, transport = connect(apps.hello)
    for number in range(1, loops + 1):
        connection.data_received(data)
        for _ in range(100):
            if transport.writes >= number:
                break
            await asyncio.sleep(0)  # before 3.12 a task begins in the next turn of the loop
        else:
            raise BenchError("a request of a micro benchmark was not answered")
    connection.connection_lost(None)


async def scopes(stages: ModuleType, data: bytes, loops: int) -> None:
    stages.build_scope(connect(apps.hello)[0], data, loops)


def httptools_loop(data: bytes) -> Loop | None:
    """The parse by httptools with a callback for each field, as servers use it; None when it is not installed."""
    try:
        import httptools
    except ImportError:
        return None

    class Collector:
        def on_url(self, url: bytes) -> None:
            self.url = url

        def on_header(self, name: bytes, value: bytes) -> None:
            fields.append((name.lower(), value))

    fields: list[tuple[bytes, bytes]] = []

    def run(loops: int) -> None:
        parser = httptools.HttpRequestParser(Collector())
        for _ in range(loops):
            fields.clear()
            parser.feed_data(data)

    return run


def loops_of(stages: ModuleType) -> dict[str, Loop]:
    """Every stage by name."""
    found: dict[str, Loop | None] = {
        "parse, 1 field": lambda n: stages.parse(SHORT, n),
        "parse, 11 fields": lambda n: stages.parse(BROWSER, n),
        "parse, 1 field, httptools": httptools_loop(SHORT),
        "parse, 11 fields, httptools": httptools_loop(BROWSER),
        "decode 10 KiB in 10 chunks": lambda n: stages.decode_chunks(CHUNKED_BODY, n),
        "scope, 1 field": lambda n: asyncio.run(scopes(stages, SHORT, n)),
        "scope, 11 fields": lambda n: asyncio.run(scopes(stages, BROWSER, n)),
        "encode response, 2 fields": lambda n: stages.encode(FEW_FIELDS, n),
        "encode response, 8 fields": lambda n: stages.encode(MANY_FIELDS, n),
        "unmask 64 bytes": lambda n: stages.unmask(bytes(64), n),
        "unmask 16 KiB": lambda n: stages.unmask(bytes(16384), n),
        "copy 16 KiB (memcpy)": lambda n: stages.copy(bytes(16384), n),
        "check 16 KiB of ASCII": lambda n: stages.check_utf8(b"a" * 16384, n),
        "check 16 KiB of UTF-8": lambda n: stages.check_utf8("é€".encode() * 3276, n),
        "exchange, 1 field, 13-byte answer": lambda n: asyncio.run(exchanges(SHORT, n)),
        "exchange, 11 fields, 13-byte answer": lambda n: asyncio.run(exchanges(BROWSER, n)),
    }
    return {name: loop for name, loop in found.items() if loop is not None}


def nanoseconds(loop: Loop, rounds: int) -> float:
    """The fastest of some rounds of about a tenth of a second: time of one, in nanoseconds."""
    loops, seconds = 64, 0.0
    while seconds < ROUND_SECONDS / 4:
        loops *= 4
        seconds = _time(loop, loops)
    loops = max(int(loops * ROUND_SECONDS / seconds), 1)
    return min(_time(loop, loops) for _ in range(rounds)) / loops * 1e9


def _time(loop: Loop, loops: int) -> float:
    started = time.perf_counter()
    loop(loops)
    return time.perf_counter() - started


def main() -> None:
    folder, rounds = Path(sys.argv[1]), int(sys.argv[2])
    try:
        stages = stage_build.load(folder)
        print(json.dumps({name: nanoseconds(loop, rounds) for name, loop in loops_of(stages).items()}))
    except BenchError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
