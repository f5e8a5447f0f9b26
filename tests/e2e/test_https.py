# SPDX-License-Identifier: MIT
"""HTTP/1.1 and WebSockets over TLS on real sockets and both loops: large and slow transfers, ends, certificates."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.sync.client import connect

from fastcorn.testing import TestServer, serve
from tests.certificates import Authority, authority, localhost
from tests.exchanges import Receive, Scope, Send
from tests.loops import LIMIT_SECONDS, LOOPS

each_loop = pytest.mark.parametrize("loop_name", LOOPS)

PIECE = bytes(range(256)) * 256
PIECES = 256
GET = b"GET %b HTTP/1.1\r\nhost: localhost\r\n\r\n"


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers by path: /echo, /digest, /large, /file, /slow, /tls; echoes on WebSockets."""
    if scope["type"] == "websocket":
        return await echo_messages(receive, send)
    if scope["type"] != "http":
        return None
    path, data = scope["path"], scope["path"].encode()
    if path == "/slow":
        await asyncio.sleep(0.2)
    elif path == "/digest":
        digest, more = hashlib.sha256(), True
        while more:
            event = await receive()
            digest.update(event.get("body", b""))
            more = event.get("more_body", False)
        data = digest.hexdigest().encode()
    elif path == "/tls":
        tls = scope["extensions"]["tls"]
        data = "\n".join([str(tls["client_cert_name"]), *tls["client_cert_chain"]]).encode()
    length = PIECES * len(PIECE) if path in {"/large", "/file"} else len(data)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % length)]})
    if path == "/file":
        return await send({"type": "http.response.pathsend", "path": scope["query_string"].decode()})
    if path == "/large":
        for _ in range(PIECES - 1):
            await send({"type": "http.response.body", "body": PIECE, "more_body": True})
        data = PIECE
    await send({"type": "http.response.body", "body": data})
    return None


async def echo_messages(receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    while (event := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "bytes": event["bytes"], "text": event.get("text")})


@contextmanager
def serving(folder: Path, loop_name: str, **settings: Any) -> Iterator[TestServer]:
    files: dict[str, Any] = localhost().write(folder)
    log = logging.getLogger("test.https")
    with serve(app, worker_class=loop_name, lifespan="off", errorlog=log, **files, **settings) as server:
        yield server


class Link:
    """A TLS connection whose two halves end by themselves, which ssl.SSLSocket cannot."""

    def __init__(self, server: TestServer, context: ssl.SSLContext | None = None) -> None:
        self.socket = socket.create_connection((server.host, server.port), LIMIT_SECONDS)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        trusting = context or authority().trust()
        self.tls = trusting.wrap_bio(self.incoming, self.outgoing, server_hostname="localhost")
        while True:
            try:
                self.tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self.flush()
                self.incoming.write(self.socket.recv(65536))
        self.flush()

    def flush(self) -> None:
        self.socket.sendall(self.outgoing.read())

    def send(self, data: bytes) -> None:
        while data:
            data = data[self.tls.write(data) :]
        self.flush()

    def end(self) -> None:
        """Ends this side by close_notify, and leaves the socket as it is."""
        with pytest.raises(ssl.SSLWantReadError):
            self.tls.unwrap()
        self.flush()

    def read(self, size: int = 65536) -> bytes:
        """What comes next; b"" after the server's close_notify.

        Raises:
            EOFError: the socket has ended without one.
        """
        while True:
            try:
                return self.tls.read(size)
            except ssl.SSLZeroReturnError:
                return b""
            except ssl.SSLWantReadError:
                data = self.socket.recv(size)
                if not data:
                    raise EOFError from None
                self.incoming.write(data)

    def read_until(self, end: bytes) -> bytes:
        received = b""
        while not received.endswith(end):
            data = self.read()
            assert data, received[-200:]
            received += data
        return received


@contextmanager
def linked(server: TestServer, context: ssl.SSLContext | None = None) -> Iterator[Link]:
    link = Link(server, context)
    with link.socket:
        yield link


def client(context: ssl.SSLContext | None = None, **options: Any) -> httpx.Client:
    return httpx.Client(verify=context or authority().trust(), trust_env=False, timeout=LIMIT_SECONDS, **options)


@each_loop
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_keep_alive_and_pipelining(tmp_path: Path, loop_name: str, version: ssl.TLSVersion) -> None:
    context = authority().trust()
    context.minimum_version = context.maximum_version = version
    with serving(tmp_path, loop_name) as server, linked(server, context) as link:
        for number in range(3):
            link.send(GET % b"/%d" % number)
            assert link.read_until(b"/%d" % number).startswith(b"HTTP/1.1 200 OK\r\n")
        link.send(GET % b"/slow" + GET % b"/a" + GET % b"/z")
        answers = link.read_until(b"/z")
        assert answers.count(b"HTTP/1.1 200 OK\r\n") == 3
        assert answers.index(b"/slow") < answers.index(b"/a")


@each_loop
def test_large_transfers(tmp_path: Path, loop_name: str) -> None:
    wanted = hashlib.sha256(PIECE * PIECES)
    path = tmp_path / "file"
    path.write_bytes(PIECE * PIECES)
    with serving(tmp_path, loop_name) as server, client() as https:
        assert https.post(f"{server.url}/digest", content=PIECE * PIECES).text == wanted.hexdigest()
        for target in ("/large", f"/file?{path}"):
            assert hashlib.sha256(https.get(server.url + target).content).digest() == wanted.digest()


@each_loop
def test_a_client_that_reads_slowly(tmp_path: Path, loop_name: str) -> None:
    with serving(tmp_path, loop_name) as server, linked(server) as link:
        link.send(GET % b"/large")
        received = bytearray()
        while len(received) < PIECES * len(PIECE):
            received += link.read(5000)
        assert received.endswith(PIECE)
        link.send(GET % b"/next")
        link.read_until(b"/next")


@each_loop
def test_half_a_connection(tmp_path: Path, loop_name: str) -> None:
    """A request, close_notify, and then the answer, the server's close_notify and the end of its socket."""
    with serving(tmp_path, loop_name) as server, linked(server) as link:
        link.send(GET % b"/slow")
        link.end()
        assert link.read_until(b"/slow").startswith(b"HTTP/1.1 200")
        assert link.read() == b""
        assert link.socket.recv(1) == b""


@each_loop
def test_an_answer_before_the_upload_has_ended(tmp_path: Path, loop_name: str) -> None:
    """The rest of a body that nobody wants is taken, so that the answer is not lost by a reset."""
    with serving(tmp_path, loop_name) as server, linked(server) as link:
        link.send(b"POST /no HTTP/1.1\r\nhost: localhost\r\ncontent-length: 3000000\r\n\r\n" + PIECE)
        assert link.read_until(b"/no").startswith(b"HTTP/1.1 200")
        for _ in range(20):
            link.send(PIECE)
        assert link.read() == b""


@each_loop
def test_a_websocket(tmp_path: Path, loop_name: str) -> None:
    with serving(tmp_path, loop_name) as server:
        url = f"wss://{server.host}:{server.port}/"
        with connect(url, ssl=authority().trust(), max_size=None, proxy=None) as websocket:
            for message in ("text", PIECE * 32, b"", "x" * 100_000):
                websocket.send(message)
                assert websocket.recv(LIMIT_SECONDS) == message


@each_loop
def test_a_stop_says_goodbye(tmp_path: Path, loop_name: str) -> None:
    with serving(tmp_path, loop_name) as server:
        link = Link(server)
        link.send(GET % b"/idle")
        link.read_until(b"/idle")
    with link.socket:
        assert link.read() == b""


@each_loop
def test_a_chain_of_client_certificates(tmp_path: Path, loop_name: str) -> None:
    """X5: what the application learns of a client, on the first connection and on a resumed one."""
    root = Authority("tulips")
    middle = Authority("bulbs", parent=root)
    issued = middle.issue("zoe@example.org", common_name="Zoe, of Tulips")
    context = authority().trust(client=issued.write(tmp_path, "zoe"))
    settings: dict[str, Any] = {"ca_certs": root.write(tmp_path), "verify_mode": ssl.CERT_REQUIRED}
    pems = [part + "-----END CERTIFICATE-----\n" for part in issued.chain.decode().split("-----END CERTIFICATE-----\n")]
    with serving(tmp_path, loop_name, **settings) as server:
        with linked(server, context) as link:
            link.send(GET % b"/tls")
            head, _, body = link.read_until(b"-----END CERTIFICATE-----\n").partition(b"\r\n\r\n")
            while int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0]) > len(body):
                body += link.read_until(b"-----END CERTIFICATE-----\n")
        name, _, chain = body.decode().partition("\n")
        assert name.startswith("CN=Zoe\\, of Tulips,")
        assert chain.replace("\n\n", "\n") == "".join(pems[:2])
        with client() as anonymous, pytest.raises(httpx.TransportError):
            anonymous.get(f"{server.url}/tls")


@each_loop
def test_redirects_and_hsts(tmp_path: Path, loop_name: str) -> None:
    settings: dict[str, Any] = {"insecure_bind": "127.0.0.1:0", "redirect_to_https": True, "hsts": "365d"}
    with serving(tmp_path, loop_name, **settings) as server, client(follow_redirects=True) as browser:
        secure, plain = server.urls
        answer = browser.post(f"{plain}/digest?x=1", content=b"kept")
        assert answer.text == hashlib.sha256(b"kept").hexdigest()
        assert str(answer.url) == f"{secure}/digest?x=1"
        assert [previous.status_code for previous in answer.history] == [308]
        assert answer.headers["strict-transport-security"] == "max-age=31536000"
        assert "strict-transport-security" not in answer.history[0].headers
