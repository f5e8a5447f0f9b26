# SPDX-License-Identifier: MIT
"""WebSockets on real sockets with clients that are not ours: websockets, wsproto by way of its frames, httpx."""

from __future__ import annotations

import contextlib
import logging
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from fastcorn.testing import serve
from tests.e2e.command import running
from tests.loops import LIMIT_SECONDS, LOOPS
from tests.websockets import handshake, read_frames

QUIET = logging.getLogger("test.websocket")
ENGINES = ["native", "wsproto"]
HEADERS = {
    "upgrade": "websocket",
    "connection": "upgrade",
    "sec-websocket-version": "13",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
}


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Echoes; refuses /refused; answers /denied by a response of two parts; closes /closed at once."""
    if scope["type"] != "websocket":
        assert scope["type"] == "lifespan"
        for stage in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{stage}.complete"})
        return
    assert (await receive())["type"] == "websocket.connect"
    path = scope["path"]
    if path == "/refused":
        await send({"type": "websocket.close"})
        return
    if path == "/denied":
        await send({"type": "websocket.http.response.start", "status": 401, "headers": [(b"x-why", b"because")]})
        await send({"type": "websocket.http.response.body", "body": b"one ", "more_body": True})
        await send({"type": "websocket.http.response.body", "body": b"two"})
        return
    chosen = scope["subprotocols"][-1] if scope["subprotocols"] else None
    await send({"type": "websocket.accept", "subprotocol": chosen, "headers": [(b"x-hello", b"there")]})
    if path == "/closed":
        await send({"type": "websocket.close", "code": 4001, "reason": "not today"})
        return
    while (event := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": event["text"], "bytes": event["bytes"]})


@contextlib.contextmanager
def client_of(url: str, path: str = "/", **options: Any) -> Iterator[ClientConnection]:
    with connect(
        url.replace("http", "ws", 1) + path,
        proxy=None,
        open_timeout=LIMIT_SECONDS,
        close_timeout=LIMIT_SECONDS,
        max_size=None,
        **options,
    ) as client:
        yield client


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("loop_name", LOOPS)
def test_echo(loop_name: str, engine: str) -> None:
    """Messages of all sizes, with compression and without, alone and in flight together."""
    with serve(echo, worker_class=loop_name, websocket_engine=engine, errorlog=QUIET) as server:
        for compression in ("deflate", None):
            with client_of(server.url, compression=compression, subprotocols=["a", "b"]) as client:
                assert client.subprotocol == "b"
                assert client.response is not None
                assert client.response.headers["x-hello"] == "there"
                for message in ("", "gr\u00fc\u00df", "x" * 70_000, b"", bytes(range(256)) * 4, b"\xff" * 3_000_000):
                    client.send(message)
                    assert client.recv(LIMIT_SECONDS) == message
                for number in range(200):
                    client.send(f"message {number} " * 20)
                for number in range(200):
                    assert client.recv(LIMIT_SECONDS) == f"message {number} " * 20
                client.send(["frag", "men", "ted"])
                assert client.recv(LIMIT_SECONDS) == "fragmented"
                assert client.ping().wait(LIMIT_SECONDS)
                client.close(4000, "bye")
                assert client.close_code == 4000


@pytest.mark.parametrize("loop_name", LOOPS)
def test_ends(loop_name: str) -> None:
    """A close by the application, and connections that are refused."""
    with serve(echo, worker_class=loop_name, errorlog=QUIET) as server:
        with client_of(server.url, "/closed") as client:
            with pytest.raises(ConnectionClosed):
                client.recv(LIMIT_SECONDS)
            assert (client.close_code, client.close_reason) == (4001, "not today")
        for path, status in (("/refused", 403), ("/denied", 401)):
            with pytest.raises(InvalidStatus) as refused, client_of(server.url, path):
                pass
            assert refused.value.response.status_code == status


def test_denial_is_an_http_response() -> None:
    """An HTTP client reads it whole."""
    with serve(echo, errorlog=QUIET) as server, httpx.Client(base_url=server.url, timeout=LIMIT_SECONDS) as client:
        answer = client.get("/denied", headers=HEADERS)
        assert (answer.status_code, answer.text, answer.headers["x-why"]) == (401, "one two", "because")
        assert client.get("/refused", headers=HEADERS).status_code == 403
        assert client.get("/", headers={**HEADERS, "sec-websocket-version": "8"}).status_code == 426
        assert client.get("/", headers={**HEADERS, "sec-websocket-key": "short"}).status_code == 400


@pytest.mark.parametrize("loop_name", LOOPS)
def test_protocol_error_reaches_a_client_that_still_sends(loop_name: str) -> None:
    """The close frame with 1002 is read whole, though much is on its way the other way."""
    with (
        serve(echo, worker_class=loop_name, errorlog=QUIET) as server,
        socket.create_connection((server.host, server.port), LIMIT_SECONDS) as sock,
    ):
        sock.sendall(handshake() + b"\x83\x80mask" + b"x" * 300_000)
        received = b""
        while block := sock.recv(65536):
            received += block
        frames = read_frames(received.partition(b"\r\n\r\n")[2])
        assert [answer.close[0] for answer in frames] == [1002]


@pytest.mark.parametrize("engine", ENGINES)
def test_starlette(engine: str, caplog: pytest.LogCaptureFixture) -> None:
    """A framework's WebSocket routes; a client that leaves is no error, whatever the view makes of it."""
    from starlette.applications import Starlette
    from starlette.routing import WebSocketRoute

    async def view(websocket: WebSocket) -> None:
        await websocket.accept()
        while True:
            data = await websocket.receive_json()
            await websocket.send_json({"got": data})

    async def refuse(websocket: WebSocket) -> None:
        await websocket.close(4003)

    app = Starlette(routes=[WebSocketRoute("/ws", view), WebSocketRoute("/refuse", refuse)])
    with caplog.at_level(logging.WARNING), serve(app, errorlog=QUIET, websocket_engine=engine) as server:
        with client_of(server.url, "/ws") as client:
            for number in range(3):
                client.send(f'{{"number": {number}}}')
                assert client.recv(LIMIT_SECONDS) == f'{{"got":{{"number":{number}}}}}'
        with pytest.raises(InvalidStatus), client_of(server.url, "/refuse"):
            pass
        with pytest.raises(InvalidStatus), client_of(server.url, "/nowhere"):
            pass
    assert not [record for record in caplog.records if record.name == QUIET.name]


def test_fastapi_broadcast(caplog: pytest.LogCaptureFixture) -> None:
    """What a view sends to other clients arrives; one that has gone does not stop it."""
    app = FastAPI()
    clients: list[WebSocket] = []

    @app.websocket("/chat")
    async def chat(websocket: WebSocket) -> None:
        await websocket.accept()
        clients.append(websocket)
        try:
            while True:
                message = await websocket.receive_text()
                for client in list(clients):
                    await client.send_text(message)
        except WebSocketDisconnect:
            clients.remove(websocket)

    with caplog.at_level(logging.WARNING), serve(app, errorlog=QUIET) as server, contextlib.ExitStack() as stack:
        open_clients = [stack.enter_context(client_of(server.url, "/chat")) for _ in range(5)]
        for client in open_clients:
            client.send("hello")
            for other in open_clients:
                assert other.recv(LIMIT_SECONDS) == "hello"
        open_clients.pop().close()
        open_clients[0].send("still here")
        for other in open_clients:
            assert other.recv(LIMIT_SECONDS) == "still here"
    assert not [record for record in caplog.records if record.name == QUIET.name]


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


@pytest.mark.parametrize("workers", ["1", "2"])
def test_stop_closes_with_1012(tmp_path: Path, workers: str) -> None:
    """SIGTERM: every client is told, the applications too, and the process ends well."""
    (tmp_path / "main.py").write_text(MAIN)
    arguments = ["main:app", "--bind", "127.0.0.1:0", "--workers", workers, "--graceful-timeout", "20"]
    with running(arguments, tmp_path) as command, contextlib.ExitStack() as stack:
        url = command.url()
        clients = [stack.enter_context(client_of(url)) for _ in range(6)]
        for client in clients:
            client.send("x")
            assert client.recv(LIMIT_SECONDS) == "x"
        command.signal(signal.SIGTERM)
        for client in clients:
            with pytest.raises(ConnectionClosed):
                client.recv(LIMIT_SECONDS)
            assert (client.close_code, client.close_reason) == (1012, "the server restarts")
        assert command.wait() == 0
        assert command.err.count("code 1012") == 6
        assert "Traceback" not in command.err
