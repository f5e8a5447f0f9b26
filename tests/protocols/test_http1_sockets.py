# SPDX-License-Identifier: MIT
"""Connections on true sockets: past the transport's back, sendfile, slow readers; on asyncio and on uvloop.

A socket pair takes the place of a listener. The client's end is non-blocking and belongs to the same loop.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import random
import socket
import warnings
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest

from fastcorn.asgi._context import Context
from fastcorn.config import Config
from fastcorn.protocols._http1 import H1Connection
from tests.applications import Recorder, answering, body, echo, path_echo, start
from tests.exchanges import App, Receive, Scope, Send, read_answers

GET = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"
PATIENCE = 30.0

try:
    import uvloop
except ImportError:  # not on Windows
    LOOPS: list[Callable[[], asyncio.AbstractEventLoop]] = [asyncio.new_event_loop]
else:
    LOOPS = [asyncio.new_event_loop, uvloop.new_event_loop]


class Link:
    """The client's end of a socket pair whose other end a connection serves."""

    def __init__(self, loop: asyncio.AbstractEventLoop, context: Context, send_buffer: int = 0) -> None:
        self.loop = loop
        self.context = context
        self.server_socket, self.socket = socket.socketpair()
        if send_buffer:
            self.server_socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)
        self.server_socket.setblocking(False)
        self.socket.setblocking(False)
        self.received = bytearray()

    async def open(self) -> None:
        connection: Any = H1Connection(self.context)  # a protocol by its methods, not by its class
        await self.loop.connect_accepted_socket(lambda: connection, self.server_socket)

    async def send(self, data: bytes) -> None:
        await asyncio.wait_for(self.loop.sock_sendall(self.socket, data), PATIENCE)

    async def read(self, size: int = 1 << 20) -> bytes:
        """What comes next; b"" is the end."""
        try:
            data = await asyncio.wait_for(self.loop.sock_recv(self.socket, size), PATIENCE)
        except ConnectionResetError:
            return b""
        self.received += data
        return data

    async def read_until(self, enough: Callable[[bytes], bool]) -> None:
        while not enough(bytes(self.received)):
            assert await self.read(), bytes(self.received[-200:])

    async def read_to_end(self) -> None:
        while await self.read():
            pass

    def close(self) -> None:
        self.socket.close()


class Run(Protocol):
    def __call__(self, app: App, client: Callable[[Link], Awaitable[None]], send_buffer: int = 0) -> None: ...


@pytest.fixture(params=LOOPS, ids=lambda make: str(make.__module__).partition(".")[0])
def run(request: pytest.FixtureRequest) -> Iterator[Run]:
    """`run(app, client)`: serves app on a socket pair while client(link) runs; fails on anything logged or left."""
    loop = request.param()
    faults: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _loop, context: faults.append(context))

    def serve(app: App, client: Callable[[Link], Awaitable[None]], send_buffer: int = 0) -> None:
        async def main() -> None:
            records: list[logging.LogRecord] = []
            logger = logging.Logger("fastcorn.error", logging.ERROR)
            logger.addFilter(lambda record: records.append(record) or False)
            context = Context(app, Config().freeze(), loop, error_log=logger)
            link = Link(loop, context, send_buffer)
            await link.open()
            await asyncio.wait_for(client(link), PATIENCE)
            link.close()
            gone = loop.create_future()
            context.when_idle = lambda: gone.set_result(None)
            context.begin_drain()
            context.abort_all()
            await asyncio.wait_for(gone, PATIENCE)
            assert [record.getMessage() for record in records] == []

        loop.run_until_complete(main())

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield serve
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
        gc.collect()
    assert faults == []


def complete(count: int) -> Callable[[bytes], bool]:
    """Enough, when count answers are complete."""

    def enough(data: bytes) -> bool:
        answers = read_answers(bytes(data), ["GET"] * count, False)
        return len(answers) == count and answers[-1].complete

    return enough


def test_answer_on_a_socket(run: Run) -> None:
    """P1: and the connection is kept."""

    async def client(link: Link) -> None:
        for count in (1, 2, 3):
            await link.send(GET)
            await link.read_until(complete(count))

    run(answering(b"hello"), client)


def test_pipeline_on_a_socket(run: Run) -> None:
    """P2: in order."""

    async def client(link: Link) -> None:
        await link.send(b"".join(b"GET /%d HTTP/1.1\r\nhost: a\r\n\r\n" % n for n in range(500)))
        await link.read_until(lambda data: data.count(b"HTTP/1.1 200") == 500 and data.endswith(b"/499"))
        answers = read_answers(bytes(link.received), ["GET"] * 500, False)
        assert [answer.body for answer in answers] == [b"/%d" % n for n in range(500)]

    run(path_echo, client)


def test_large_echo_on_a_socket(run: Run) -> None:
    """P10: sending and reading at once; partial writes keep their order."""
    data = bytes(range(251)) * 20_000

    async def client(link: Link) -> None:
        head = b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: %d\r\n\r\n" % len(data)
        sending = asyncio.ensure_future(link.send(head + data))
        await link.read_until(lambda received: len(received) > len(data) and complete(1)(received))
        await sending
        assert read_answers(bytes(link.received), ["POST"], False)[0].body == data

    run(echo, client)


def test_nothing_is_logged_of_a_client_that_leaves(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    """P10, R4: asyncio's transport would warn of each write that comes after a failed one in the same turn."""
    links: list[Link] = []
    finished = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start())
        links[0].close()
        try:
            for _ in range(20):
                await send(body(bytes(100_000), True))
        except OSError:
            pass
        finished.set()

    async def client(link: Link) -> None:
        links.append(link)
        await link.send(GET)
        await asyncio.wait_for(finished.wait(), PATIENCE)

    run(app, client)
    assert caplog.messages == []


def test_slow_reader_on_a_socket(run: Run) -> None:
    """P10: the application waits while the client does not read, and everything arrives in the end."""
    piece = bytes(range(256)) * 64
    sent = 0

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal sent
        await send(start())
        for _ in range(512):
            await send(body(piece, True))
            sent += 1
        await send(body())

    async def client(link: Link) -> None:
        await link.send(GET)
        await link.read(1)
        for _ in range(100):
            await asyncio.sleep(0)
        assert sent < 512
        await link.read_until(lambda data: data.endswith(b"0\r\n\r\n"))
        assert read_answers(bytes(link.received), ["GET"], False)[0].body == piece * 512

    run(app, client)


@pytest.mark.parametrize("length", [True, False])
def test_partial_writes_keep_their_order(run: Run, length: bool) -> None:
    """P10: a socket that takes little at once, pieces of all sizes, a client that reads in odd portions."""
    random_ = random.Random(7)
    sizes = [1, 100, 5000, 16_383, 16_384, 16_385, 70_000, 200_000]
    pieces = [random_.randbytes(random_.choice(sizes)) for _ in range(60)]
    data = b"".join(pieces)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start(200, [(b"content-length", b"%d" % len(data))] if length else []))
        for piece in pieces:
            await send(body(piece, True))
        await send(body())

    async def client(link: Link) -> None:
        await link.send(GET + GET.replace(b"host", b"connection: close\r\nhost"))
        while await link.read(random_.choice([1, 1000, 65_536])):
            pass
        answers = read_answers(bytes(link.received), ["GET"] * 2, True)
        assert [answer.body == data for answer in answers] == [True, True]

    run(app, client, send_buffer=8192)


@pytest.mark.parametrize("kind", ["pathsend", "zerocopysend"])
@pytest.mark.parametrize("length", [True, False])
def test_file_on_a_socket(run: Run, tmp_path: Path, kind: str, length: bool) -> None:
    """X3, X4: larger than every buffer between; the next request is answered after it."""
    path = tmp_path / "data.bin"
    path.write_bytes(bytes(range(250)) * 12_000)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start(200, [(b"content-length", b"%d" % path.stat().st_size)] if length else []))
        if kind == "pathsend":
            await send({"type": "http.response.pathsend", "path": str(path)})
            return
        with path.open("rb") as file:
            await send({"type": "http.response.zerocopysend", "file": file, "count": 2_000_000, "more_body": True})
            await send({"type": "http.response.zerocopysend", "file": file, "offset": 2_000_000})

    async def client(link: Link) -> None:
        await link.send(GET * 2)
        await link.read_until(lambda data: len(data) > 6_000_000 and complete(2)(data))
        answers = read_answers(bytes(link.received), ["GET"] * 2, False)
        assert [answer.body == path.read_bytes() for answer in answers] == [True, True]

    run(app, client)


def test_client_that_leaves_during_a_file(run: Run, tmp_path: Path) -> None:
    """X4, R5: send() returns or raises OSError, the next one raises; the descriptor is closed."""
    path = tmp_path / "data.bin"
    path.write_bytes(bytes(8_000_000))
    outcomes: list[BaseException | None] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start())
        try:
            await send({"type": "http.response.pathsend", "path": str(path)})
            await asyncio.sleep(0)
            await send(body())
        except OSError as error:
            outcomes.append(error)
            raise
        outcomes.append(None)

    async def client(link: Link) -> None:
        await link.send(GET)
        await link.read(1)
        link.close()
        for _ in range(10_000):
            if outcomes:
                break
            await asyncio.sleep(0)

    run(app, client)
    assert isinstance(outcomes[0], OSError)


def test_client_that_leaves_before_the_answer(run: Run) -> None:
    """R5, R6: found by reading, or by writing into a closed socket."""
    gate = asyncio.Event()
    app = Recorder(gate=gate)

    async def client(link: Link) -> None:
        await link.send(GET)
        for _ in range(20):
            await asyncio.sleep(0)
        link.close()
        gate.set()
        for _ in range(20):
            await asyncio.sleep(0)

    run(app, client)
    assert len(app.scopes) == 1


def test_half_close_on_a_socket(run: Run) -> None:
    """P8: the answer comes after the client has shut its side, then the end."""
    gate = asyncio.Event()

    async def client(link: Link) -> None:
        await link.send(GET)
        link.socket.shutdown(socket.SHUT_WR)
        for _ in range(20):
            await asyncio.sleep(0)
        gate.set()
        await link.read_to_end()
        assert read_answers(bytes(link.received), ["GET"], True)[0].body == b"ok"

    run(Recorder(gate=gate), client)


def test_refusal_reaches_a_client_that_still_sends(run: Run) -> None:
    """P7: a close with unread input would reset the connection and destroy the answer."""

    async def client(link: Link) -> None:
        request = b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"
        await link.send(request + b"x" * 100_000)
        await link.read_to_end()
        assert read_answers(bytes(link.received), ["POST"], True)[0].status == 400

    run(Recorder(), client)


def test_error_in_an_answer_is_visible_on_a_socket(run: Run) -> None:
    """P9: the end comes before the announced length."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start(200, [(b"content-length", b"100")]))
        await send(body(b"part", True))
        await asyncio.sleep(0)
        raise asyncio.CancelledError

    async def client(link: Link) -> None:
        await link.send(GET)
        await link.read_to_end()
        assert not read_answers(bytes(link.received), ["GET"], True)[0].complete

    run(app, client)
