# SPDX-License-Identifier: MIT
"""The client end of a WebSocket for tests: it makes and reads frames itself, so that it can also send wrong ones.

`open_websocket(served)` sends the handshake and lets the application run until it waits, over the version of HTTP that
`served` has exchanges of (`Http2WebSocketClient` is in tests/http2_websockets.py). The frames of the server are read
by a few lines that share nothing with the engines under test.
"""

from __future__ import annotations

import base64
import hashlib
import struct
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from tests.exchanges import Answer, Headers, Http1Client, Served, read_answers
from tests.fakes import FakeTransport

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
MASK = b"\x37\xfa\x21\x3d"


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True, masked: bool = True, rsv: int = 0) -> bytes:
    """The bytes of a frame."""
    head = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
    bit = 0x80 if masked else 0
    if len(payload) < 126:
        head += bytes([bit | len(payload)])
    elif len(payload) < 65536:
        head += struct.pack("!BH", bit | 126, len(payload))
    else:
        head += struct.pack("!BQ", bit | 127, len(payload))
    if not masked:
        return head + payload
    key = (MASK * (len(payload) // 4 + 1))[: len(payload)]
    data = int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")
    return head + MASK + data.to_bytes(len(payload), "big")


def text(message: str) -> bytes:
    """The bytes of a text message."""
    return frame(TEXT, message.encode())


def close(code: int | None = None, reason: str = "") -> bytes:
    """The bytes of a close frame; None = without a code."""
    return frame(CLOSE, b"" if code is None else struct.pack("!H", code) + reason.encode())


@dataclass(frozen=True)
class Frame:
    """A frame of the server."""

    opcode: int
    payload: bytes
    fin: bool = True
    rsv: int = 0

    @property
    def close(self) -> tuple[int | None, str]:
        """The code and the reason of a close frame."""
        if not self.payload:
            return None, ""
        return struct.unpack("!H", self.payload[:2])[0], self.payload[2:].decode()


def read_frames(data: bytes) -> list[Frame]:
    """Reads the whole frames in `data`; the server's are not masked."""
    frames = []
    while len(data) >= 2:
        size, start = data[1], 2
        assert size < 128, "a server must not mask"
        if size == 126:
            size, start = int.from_bytes(data[2:4], "big"), 4
        elif size == 127:
            size, start = int.from_bytes(data[2:10], "big"), 10
        if len(data) < start + size:
            break
        frames.append(Frame(data[0] & 15, data[start : start + size], data[0] >= 128, data[0] >> 4 & 7))
        data = data[start + size :]
    return frames


def handshake(
    target: str = "/",
    headers: Iterable[tuple[str, str]] = (),
    *,
    without: Sequence[str] = (),
    method: str = "GET",
    version: str = "1.1",
) -> bytes:
    """The bytes of an opening handshake.

    Args:
        headers: more fields; one with the name of a usual one takes its place.
        without: names of fields that are left out.
    """
    fields = {
        "host": "testserver",
        "upgrade": "websocket",
        "connection": "Upgrade",
        "sec-websocket-key": KEY.decode(),
        "sec-websocket-version": "13",
    }
    more = list(headers)
    gone = {name.lower() for name, _ in more} | set(without)
    lines = [f"{name}: {value}" for name, value in fields.items() if name not in gone]
    lines += [f"{name}: {value}" for name, value in more]
    return "\r\n".join([f"{method} {target} HTTP/{version}", *lines, "", ""]).encode("latin-1")


class WebSocketClient(ABC):
    """The client end of one WebSocket, or of the attempt to have one, over whichever version of HTTP.

    Attributes:
        transport: of the connection.
        upgraded: the status that accepts.
        window: bytes that the client may send although the server takes no more of them, at most.
        answers_end: when the server has ended its side, the client ends its own.
    """

    http_version: str
    upgraded: int
    window: int
    transport: FakeTransport
    answers_end = True

    def __init__(self, served: Served) -> None:
        self.served = served
        self.driver = served.driver

    @abstractmethod
    def open(
        self,
        target: str = "/",
        headers: Iterable[tuple[str, str]] = (),
        *,
        without: Sequence[str] = (),
        data: bytes = b"",
    ) -> None:
        """Sends the handshake, with data in the same piece, and lets the application run until it waits.

        Args:
            headers: more fields; one with the name of a usual one takes its place.
            without: names of fields that are left out.
        """

    @abstractmethod
    def send(self, *frames: bytes) -> None:
        """Sends bytes in one piece and lets the application run until it waits."""

    @abstractmethod
    def send_in_one_turn(self, *frames: bytes) -> None:
        """Sends bytes in one piece, which arrive; nothing else happens."""

    @abstractmethod
    def enqueue(self, *frames: bytes) -> None:
        """Sends bytes in one piece, which arrive in the next turn of the loop."""

    def close(self, code: int | None = None, reason: str = "") -> None:
        """Sends a close frame."""
        self.send(close(code, reason))

    @abstractmethod
    def finish(self) -> None:
        """The client ends its side."""

    @abstractmethod
    def vanish(self, error: Exception | None = None) -> None:
        """The client has gone; with an error, its connection has."""

    @abstractmethod
    def stop_reading(self) -> None:
        """From now on the client takes nothing."""

    @abstractmethod
    def resume_reading(self) -> None:
        """The client takes all that waits and all that comes."""

    @property
    @abstractmethod
    def head(self) -> tuple[int, Headers]:
        """The status and the fields of the answer to the handshake; 0 while there is none."""

    def header(self, name: bytes) -> bytes | None:
        """The value of a field of that answer; None without one."""
        values = [value for key, value in self.head[1] if key == name]
        assert len(values) <= 1
        return values[0] if values else None

    @property
    def accepted(self) -> bool:
        """The handshake is done as its version says."""
        if self.head[0] != self.upgraded:
            return False
        self.check_accept()
        return True

    @abstractmethod
    def check_accept(self) -> None:
        """Fails unless the answer that accepts is right."""

    @property
    @abstractmethod
    def answer(self) -> Answer:
        """The HTTP response that refused the handshake."""

    @property
    @abstractmethod
    def received(self) -> bytes:
        """What the client has read after the head of the answer."""

    @property
    def frames(self) -> list[Frame]:
        """What the server has sent since it accepted."""
        return read_frames(self.received)

    @property
    def messages(self) -> list[str | bytes]:
        """The messages of the server."""
        assert all(frame.fin for frame in self.frames)
        return [
            frame.payload.decode() if frame.opcode == TEXT else frame.payload
            for frame in self.frames
            if frame.opcode in (TEXT, BINARY)
        ]

    @property
    def closed_with(self) -> tuple[int | None, str] | None:
        """The code and the reason of the server's close frame; None while there is none. It is the last frame."""
        found = [frame.close for frame in self.frames if frame.opcode == CLOSE]
        assert not found or (len(found) == 1 and self.frames[-1].opcode == CLOSE)
        return found[0] if found else None

    @property
    @abstractmethod
    def ended(self) -> bool:
        """The server sends no more: the client has read the end of its side."""

    @property
    @abstractmethod
    def over(self) -> bool:
        """Both sides have ended."""

    @property
    @abstractmethod
    def aborted(self) -> bool:
        """The server has cut it off."""

    @property
    @abstractmethod
    def unsent(self) -> int:
        """The most bytes that the client did not take and that have left the server's hands."""

    @property
    @abstractmethod
    def upload_paused(self) -> bool | None:
        """The server takes nothing more of the client for now; None = the client cannot tell."""

    @property
    def taken(self) -> int:
        """Bytes that the server has taken from the client's connection."""
        return self.transport.bytes_delivered


class Http1WebSocketClient(WebSocketClient):
    """A WebSocket over HTTP/1.1; `extra` overrides what its transport tells of itself."""

    http_version = "1.1"
    upgraded = 101
    window = 0

    def __init__(self, served: Served, **extra: Any) -> None:
        super().__init__(served)
        self.client: Http1Client = served.connect(**extra)
        self.transport = self.client.transport

    def open(
        self,
        target: str = "/",
        headers: Iterable[tuple[str, str]] = (),
        *,
        without: Sequence[str] = (),
        data: bytes = b"",
    ) -> None:
        self.send(handshake(target, headers, without=without) + data)

    def send(self, *frames: bytes) -> None:
        self.transport.deliver(b"".join(frames))
        self.driver.settle()

    def send_in_one_turn(self, *frames: bytes) -> None:
        self.transport.deliver(b"".join(frames))

    def enqueue(self, *frames: bytes) -> None:
        self.transport.enqueue(b"".join(frames))

    def finish(self) -> None:
        self.client.finish()

    def vanish(self, error: Exception | None = None) -> None:
        self.client.vanish(error)

    def stop_reading(self) -> None:
        self.transport.stop_client()

    def resume_reading(self) -> None:
        self.transport.resume_client()
        self.driver.settle()

    @property
    def head(self) -> tuple[int, Headers]:
        head, end, _ = bytes(self.transport.received).partition(b"\r\n\r\n")
        if not end:
            return 0, []
        first, *lines = head.split(b"\r\n")
        fields = [line.partition(b": ") for line in lines]
        return int(first.split(b" ")[1]), [(name, value) for name, _, value in fields]

    def check_accept(self) -> None:
        """RFC 6455 section 4.2.2."""
        digest = hashlib.sha1(KEY + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
        assert self.header(b"sec-websocket-accept") == base64.b64encode(digest)
        assert (self.header(b"upgrade"), self.header(b"connection")) == (b"websocket", b"Upgrade")

    @property
    def answer(self) -> Answer:
        answers = read_answers(bytes(self.transport.received), ["GET"], self.client.ended)
        return answers[0] if answers else Answer(truncated=self.client.ended)

    @property
    def received(self) -> bytes:
        return bytes(self.transport.received).partition(b"\r\n\r\n")[2]

    @property
    def ended(self) -> bool:
        return self.client.ended

    @property
    def over(self) -> bool:
        return self.client.closed

    @property
    def aborted(self) -> bool:
        return self.transport.aborted

    @property
    def unsent(self) -> int:
        return self.transport.high_water

    @property
    def upload_paused(self) -> bool:
        return self.transport.reading_paused


def new_client(served: Served, **extra: Any) -> WebSocketClient:
    """A client on a connection of its own, over the version of HTTP that `served` has exchanges of."""
    if served.opener is None:
        return Http1WebSocketClient(served, **extra)
    from tests.http2_websockets import Http2WebSocketClient

    return Http2WebSocketClient(served, **extra)


def open_websocket(
    served: Served,
    target: str = "/",
    headers: Iterable[tuple[str, str]] = (),
    *,
    without: Sequence[str] = (),
    data: bytes = b"",
) -> WebSocketClient:
    """A client that has sent its handshake; arguments as of `WebSocketClient.open`."""
    client = new_client(served)
    client.open(target, headers, without=without, data=data)
    return client
