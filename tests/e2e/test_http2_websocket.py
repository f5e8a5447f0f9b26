# SPDX-License-Identifier: MIT
"""WebSockets over HTTP/2 on real sockets: a client on the h2 package, with TLS and without, and a real browser."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, ResponseReceived, StreamEnded, StreamReset

from fastcorn.testing import serve
from tests.certificates import authority, localhost
from tests.e2e.chromium import chromium
from tests.e2e.command import running
from tests.http2_websockets import handshake_fields
from tests.loops import LIMIT_SECONDS, LOOPS
from tests.websockets import BINARY, CLOSE, TEXT, Frame, close, frame, read_frames, text

QUIET = logging.getLogger("test.http2.websocket")
ENGINES = ["native", "wsproto"]
GOAWAY = 7


class Stream:
    """What has come on a stream."""

    def __init__(self) -> None:
        self.status = 0
        self.data = bytearray()
        self.ended = False
        self.reset: int | None = None

    @property
    def frames(self) -> list[Frame]:
        return read_frames(bytes(self.data))


class Client:
    """A connection; it reads whenever it waits for something."""

    def __init__(self, host: str, port: int, context: ssl.SSLContext | None) -> None:
        self.socket = socket.create_connection((host, port), LIMIT_SECONDS)
        self.scheme = "http"
        if context is not None:
            self.socket = context.wrap_socket(self.socket, server_hostname=host)
            assert self.socket.selected_alpn_protocol() == "h2"
            self.scheme = "https"
        self.h2 = H2Connection(H2Configuration(client_side=True, header_encoding=None))
        self.h2.initiate_connection()
        self.h2.increment_flow_control_window(2**24)
        self.streams: dict[int, Stream] = {}
        self._buffer = bytearray()
        self.flush()

    def open(self, target: str = "/") -> int:
        """Asks for a WebSocket and returns its stream."""
        self.read_until(lambda: self.h2.remote_settings.enable_connect_protocol == 1)
        stream_id = self.h2.get_next_available_stream_id()
        self.streams[stream_id] = Stream()
        self.h2.send_headers(stream_id, handshake_fields(target, scheme=self.scheme))
        self.flush()
        return stream_id

    def send(self, stream_id: int, data: bytes) -> None:
        """Sends data as the windows let it out."""
        while data:
            self.read_until(lambda: self.h2.local_flow_control_window(stream_id) > 0)
            size = min(len(data), self.h2.local_flow_control_window(stream_id), self.h2.max_outbound_frame_size)
            self.h2.send_data(stream_id, data[:size])
            self.flush()
            data = data[size:]

    def end(self, stream_id: int) -> None:
        self.h2.end_stream(stream_id)
        self.flush()

    def flush(self) -> None:
        self.socket.sendall(self.h2.data_to_send())

    def read_until(self, reached: Callable[[], bool]) -> None:
        while not reached():
            data = self.socket.recv(65536)
            assert data, "the server has ended the connection"
            self._buffer += data
            while frame_bytes := self._next_frame():
                # h2 takes no frame after the first GOAWAY; of a graceful end there are two, and streams go on.
                if frame_bytes[3] != GOAWAY:
                    for event in self.h2.receive_data(frame_bytes):
                        self._handle(event)
            self.flush()

    def _next_frame(self) -> bytes:
        """The next whole frame that has come; empty without one."""
        size = 9 + int.from_bytes(self._buffer[:3], "big")
        if len(self._buffer) < max(size, 9):
            return b""
        found = bytes(self._buffer[:size])
        del self._buffer[:size]
        return found

    def wait_for_frames(self, stream_id: int, count: int) -> list[Frame]:
        """The first so many frames of a stream."""
        stream = self.streams[stream_id]
        self.read_until(lambda: len(stream.frames) >= count or stream.ended or stream.reset is not None)
        return stream.frames[:count]

    def _handle(self, event: Any) -> None:
        stream = self.streams.get(getattr(event, "stream_id", None) or 0)
        if stream is None:
            return
        if isinstance(event, ResponseReceived):
            stream.status = int(dict(event.headers)[b":status"])
        elif isinstance(event, DataReceived):
            stream.data += event.data
            if event.flow_controlled_length and not stream.ended:
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, StreamEnded):
            stream.ended = True
        elif isinstance(event, StreamReset):
            stream.reset = int(event.error_code)


@contextlib.contextmanager
def client_of(url: str, context: ssl.SSLContext | None = None) -> Iterator[Client]:
    host, _, port = url.partition("://")[2].partition(":")
    client = Client(host, int(port), context)
    try:
        yield client
    finally:
        client.socket.close()


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Echoes, and closes when it is told to; / over HTTP is a page."""
    if scope["type"] == "lifespan":
        for stage in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{stage}.complete"})
        return
    if scope["type"] == "http":
        headers = [(b"content-type", b"text/html; charset=utf-8")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": PAGE})
        return
    await receive()
    if scope["path"] == "/refused":
        await send({"type": "websocket.close"})
        return
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send", "text": f"{scope['scheme']} {scope['http_version']}"})
    while (event := await receive())["type"] == "websocket.receive":
        if event["text"] == "close":
            await send({"type": "websocket.close", "code": 4001, "reason": "as you like"})
            return
        await send({"type": "websocket.send", "text": event["text"], "bytes": event["bytes"]})


PAGE = b"""<!doctype html><title>echo</title><script>
window.got = [];
window.ends = [];
window.start = () => {
  window.sockets = [1, 2, 3].map(() => {
    const socket = new WebSocket(location.origin.replace("http", "ws") + "/");
    socket.onmessage = event => got.push(event.data);
    socket.onclose = event => ends.push(event.code + " " + event.wasClean);
    return socket;
  });
};
</script>"""


@pytest.mark.parametrize("secure", [True, False], ids=["tls", "clear"])
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("loop_name", LOOPS)
def test_echo(tmp_path: Path, loop_name: str, engine: str, secure: bool) -> None:
    """Messages of all sizes on three streams of one connection, then both ways to close."""
    files: dict[str, Any] = dict(localhost().write(tmp_path)) if secure else {}
    context = authority().trust(["h2"]) if secure else None
    with (
        serve(echo, worker_class=loop_name, websocket_engine=engine, errorlog=QUIET, **files) as server,
        client_of(server.url, context) as client,
    ):
        first, second, third = (client.open() for _ in range(3))
        for stream_id in (first, second, third):
            (hello,) = client.wait_for_frames(stream_id, 1)
            assert hello.payload == (b"wss 2" if secure else b"ws 2")
            assert client.streams[stream_id].status == 200
        messages = [b"", b"x" * 125, b"y" * 70_000, b"z" * 3_000_000]
        for message in messages:
            client.send(second, frame(BINARY, message))
            client.send(first, text("between"))
        assert [answer.payload for answer in client.wait_for_frames(second, 5)[1:]] == messages
        assert [answer.payload for answer in client.wait_for_frames(first, 5)[1:]] == [b"between"] * 4
        client.send(first, close(4000, "bye"))
        client.read_until(lambda: client.streams[first].ended)
        assert client.streams[first].frames[-1].close == (4000, "")
        client.end(first)
        client.end(second)
        client.read_until(lambda: client.streams[second].ended)
        refused = client.open("/refused")
        client.read_until(lambda: client.streams[refused].ended)
        assert client.streams[refused].status == 403
        client.send(third, text("still there"))
        assert client.wait_for_frames(third, 2)[1] == Frame(TEXT, b"still there")


MAIN = """
import sys

async def app(scope, receive, send):
    if scope["type"] != "websocket":
        raise RuntimeError
    await receive()
    await send({"type": "websocket.accept"})
    while (event := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": event["text"]})
    sys.stderr.write(f"code {event['code']}\\n")  # one write: two processes share the pipe
"""


def test_stop_closes_with_1012(tmp_path: Path) -> None:
    """SIGTERM: every WebSocket of a connection is told, and the process ends well when they have ended."""
    (tmp_path / "main.py").write_text(MAIN)
    arguments = ["main:app", "--bind", "127.0.0.1:0", "--graceful-timeout", "20"]
    with running(arguments, tmp_path) as command, client_of(command.url()) as client:
        streams = [client.open() for _ in range(6)]
        for stream_id in streams:
            client.send(stream_id, text("x"))
            assert client.wait_for_frames(stream_id, 1) == [Frame(TEXT, b"x")]
        command.signal(signal.SIGTERM)
        for stream_id in streams:
            assert client.wait_for_frames(stream_id, 2)[1].close == (1012, "the server restarts")
            client.send(stream_id, close(1012))
        for stream_id in streams:
            client.read_until(lambda: client.streams[stream_id].ended)  # noqa: B023
            client.end(stream_id)
        assert command.wait() == 0
        assert command.err.count("code 1012") == 6
        assert "Traceback" not in command.err


def test_stop_of_a_client_that_does_not_answer(tmp_path: Path) -> None:
    """SIGTERM: after websocket_close_timeout its streams are reset, and the process ends well."""
    (tmp_path / "main.py").write_text(MAIN)
    arguments = ["main:app", "--bind", "127.0.0.1:0", "--websocket-close-timeout", "0", "--graceful-timeout", "20"]
    with running(arguments, tmp_path) as command, client_of(command.url()) as client:
        stream_id = client.open()
        client.send(stream_id, text("x"))
        client.wait_for_frames(stream_id, 1)
        command.signal(signal.SIGTERM)
        assert [answer.opcode for answer in client.wait_for_frames(stream_id, 2)] == [TEXT, CLOSE]
        assert command.wait() == 0


@pytest.mark.program("chromium")
def test_browser(tmp_path: Path) -> None:
    """A page's WebSockets take the HTTP/2 connection that has brought the page; closes of both sides are clean."""
    files: dict[str, Any] = dict(localhost().write(tmp_path))
    with (
        serve(echo, errorlog=QUIET, **files) as server,
        chromium(tmp_path, "--ignore-certificate-errors") as browser,
    ):
        page = browser.open(server.url)
        page.evaluate("start()")
        page.wait_for("got.length == 3")
        assert page.evaluate("got") == ["wss 2"] * 3
        page.evaluate("sockets.forEach(socket => socket.send('x'.repeat(100000)))")
        page.wait_for("got.length == 6")
        assert page.evaluate("got[5].length") == 100_000
        page.evaluate("sockets[0].close(4000, 'bye')")
        page.wait_for("ends.length == 1")
        assert page.evaluate("ends") == ["4000 true"]
        page.evaluate("sockets[1].send('still there')")
        page.wait_for("got.length == 7")
        assert page.evaluate("got[6]") == "still there"
        page.evaluate("sockets[1].send('close')")
        page.wait_for("ends.length == 2")
        page.evaluate("sockets[2].send('x')")
        page.wait_for("got.length == 8")
        server.server.request_stop()
        page.wait_for("ends.length == 3")
        assert page.evaluate("ends") == ["4000 true", "4001 true", "1012 true"]


def test_starlette_and_anyio(tmp_path: Path) -> None:
    """A framework's WebSocket route on a stream, with a task of its own that sends."""
    from starlette.applications import Starlette
    from starlette.routing import WebSocketRoute
    from starlette.websockets import WebSocket

    async def view(websocket: WebSocket) -> None:
        await websocket.accept()

        async def tell() -> None:
            for number in range(3):
                await websocket.send_text(str(number))

        telling = asyncio.create_task(tell())
        await websocket.send_json({"got": await websocket.receive_json()})
        await telling
        await websocket.close(3001, "enough")

    app = Starlette(routes=[WebSocketRoute("/ws", view)])
    with serve(app, errorlog=QUIET) as server, client_of(server.url) as client:
        stream_id = client.open("/ws")
        client.send(stream_id, text('{"a": 1}'))
        frames = client.wait_for_frames(stream_id, 5)
        assert {answer.payload for answer in frames[:4]} == {b"0", b"1", b"2", b'{"got":{"a":1}}'}
        assert frames[4].close == (3001, "enough")
