# SPDX-License-Identifier: MIT
"""A small blocking HTTP/1.1 client that sees every byte: requests written as given, answers read whole.

Called by `process` (is it ready?), `answers` (is it right?), `idle`, `endurance` and `backpressure`. It trusts the
server's framing no further than it must: an answer that is cut short or malformed raises `ExchangeError`.
"""

import socket
import ssl
from dataclasses import dataclass
from types import TracebackType
from typing import Self

READ_BYTES = 65536


class ExchangeError(Exception):
    """The server closed too early or sent something that is not HTTP/1.1."""


@dataclass(frozen=True)
class Answer:
    """A whole response.

    Attributes:
        status: status code.
        headers: field names in lower case, the last value of each.
        body: the body, with the chunked coding undone.
    """

    status: int
    headers: dict[str, str]
    body: bytes


class Exchange:
    """One connection to 127.0.0.1; use it as a context manager.

    Args:
        port: TCP port.
        timeout: seconds that any single read, write or connect may take.
        source: local address to connect from, such as "127.0.0.2"; any when empty.
        trusting: for TLS; None = plain.
    """

    def __init__(
        self, port: int, *, timeout: float = 10.0, source: str = "", trusting: ssl.SSLContext | None = None
    ) -> None:
        self.socket = connect(port, timeout=timeout, source=source, trusting=trusting)
        self._buffer = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.socket.close()

    def get(self, path: str = "/") -> Answer:
        """Sends a GET without a body and reads the answer."""
        return self.ask(request("GET", path))

    def ask(self, data: bytes) -> Answer:
        """Sends bytes as they are and reads one answer."""
        self.socket.sendall(data)
        return self.read_answer()

    def read_answer(self) -> Answer:
        """Reads one answer; what follows it stays for the next call.

        Raises:
            ExchangeError: the connection ended inside the answer, or the answer is malformed.
            OSError: the socket failed or timed out.
        """
        while True:
            status, headers = parse_head(self._take_until(b"\r\n\r\n"))
            if status >= 200:
                return Answer(status, headers, self._read_body(headers))

    def _read_body(self, headers: dict[str, str]) -> bytes:
        if headers.get("transfer-encoding", "").lower() == "chunked":
            return self._read_chunks()
        if "content-length" in headers:
            return self._take(_number(headers["content-length"], 10))
        pieces = [self._buffer]
        self._buffer = b""
        while piece := self.socket.recv(READ_BYTES):
            pieces.append(piece)
        return b"".join(pieces)

    def _read_chunks(self) -> bytes:
        pieces = []
        while size := _number(self._take_until(b"\r\n").decode("latin-1").partition(";")[0], 16):
            pieces.append(self._take(size))
            if self._take(2) != b"\r\n":
                raise ExchangeError("a chunk does not end with CRLF")
        while self._take_until(b"\r\n"):
            pass
        return b"".join(pieces)

    def _take_until(self, mark: bytes) -> bytes:
        while (end := self._buffer.find(mark)) < 0:
            self._buffer += self._receive()
        taken, self._buffer = self._buffer[:end], self._buffer[end + len(mark) :]
        return taken

    def _take(self, count: int) -> bytes:
        pieces, missing = [self._buffer], count - len(self._buffer)
        while missing > 0:
            pieces.append(self._receive())
            missing -= len(pieces[-1])
        data = b"".join(pieces)
        self._buffer = data[count:]
        return data[:count]

    def _receive(self) -> bytes:
        piece = self.socket.recv(READ_BYTES)
        if not piece:
            raise ExchangeError("the connection was closed inside an answer")
        return piece


def connect(
    port: int, *, timeout: float | None = 10.0, source: str = "", trusting: ssl.SSLContext | None = None
) -> socket.socket:
    """A connected socket without Nagle's delay, over TLS with a context that is `trusting`.

    `source` spreads many over several local addresses.
    """
    connection = socket.socket()
    try:
        connection.settimeout(timeout)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if source:
            # Chooses the local port at connect(), where a port may serve several peers: more than 28,000 connections.
            connection.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
            connection.bind((source, 0))
        connection.connect(("127.0.0.1", port))
        if trusting is not None:
            connection = trusting.wrap_socket(connection, server_hostname="127.0.0.1")
    except BaseException:
        connection.close()
        raise
    return connection


IP_BIND_ADDRESS_NO_PORT = 24
"""linux/in.h; the socket module names it from Python 3.12 on."""


def request(method: str, path: str, *, body: bytes = b"", headers: str = "") -> bytes:
    """The bytes of a request with a Host field and, when there is a body, its length."""
    length = f"Content-Length: {len(body)}\r\n" if body else ""
    return f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{length}{headers}\r\n".encode("latin-1") + body


def parse_head(head: bytes) -> tuple[int, dict[str, str]]:
    """Status and fields of a response head without its blank line.

    Raises:
        ExchangeError: it is no HTTP/1.x response head.
    """
    first, *lines = head.decode("latin-1").split("\r\n")
    words = first.split(" ", 2)
    if len(words) < 2 or not words[0].startswith("HTTP/1.") or not words[1].isdigit():
        raise ExchangeError(f"not a status line: {first[:60]!r}")
    fields = (line.partition(":") for line in lines)
    return int(words[1]), {name.strip().lower(): value.strip() for name, _, value in fields}


def _number(text: str, base: int) -> int:
    try:
        return int(text, base)
    except ValueError:
        raise ExchangeError(f"not a length: {text[:30]!r}") from None
