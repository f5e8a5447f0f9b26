# SPDX-License-Identifier: MIT
"""The client end of a WebSocket over HTTP/2 (RFC 8441): beside `Http1WebSocketClient` of tests/websockets.py.

One stream of an `Http2Client`, with a connection of its own unless the test gives one. Imported by
`tests.websockets.new_client` when the exchanges of a test are of HTTP/2.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from h2.settings import SettingCodes

from tests.exchanges import Answer, Headers, Served
from tests.http2_client import Http2Client
from tests.websockets import WebSocketClient


def handshake_fields(
    target: str = "/",
    headers: Iterable[tuple[str, str]] = (),
    *,
    without: Sequence[str] = (),
    scheme: str = "http",
) -> Headers:
    """The fields of an extended CONNECT that asks for a WebSocket; a header takes the place of a usual one."""
    fields = {
        ":method": "CONNECT",
        ":protocol": "websocket",
        ":scheme": scheme,
        ":path": target,
        ":authority": "testserver",
        "sec-websocket-version": "13",
    }
    more = [(":authority" if name.lower() == "host" else name.lower(), value.strip()) for name, value in headers]
    gone = {name for name, _ in more} | set(without)
    found = [(name, value) for name, value in fields.items() if name not in gone] + more
    found.sort(key=lambda field: not field[0].startswith(":"))
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in found]


class AgreedOnHttp2:
    """The `ssl_object` of a TLS connection on which HTTP/2 was agreed on."""

    def selected_alpn_protocol(self) -> str:
        return "h2"


class Http2WebSocketClient(WebSocketClient):
    """A WebSocket on a stream of HTTP/2.

    Args:
        served: whose it is.
        client: the connection; None = a new one.
        extra: overrides of what the transport of a new connection tells of itself; with an `sslcontext` it is a TLS
            connection.
    """

    http_version = "2"
    upgraded = 200
    window = 256 * 1024

    def __init__(self, served: Served, client: Http2Client | None = None, **extra: Any) -> None:
        super().__init__(served)
        if "sslcontext" in extra:
            extra.setdefault("ssl_object", AgreedOnHttp2())
        self.client = Http2Client(served, extra) if client is None else client
        self.transport = self.client.transport
        self.exchange = self.client.exchange()
        self.stream = self.exchange.stream
        self.gone = False

    def open(
        self,
        target: str = "/",
        headers: Iterable[tuple[str, str]] = (),
        *,
        without: Sequence[str] = (),
        data: bytes = b"",
    ) -> None:
        self.client.read()
        assert self.client.h2.remote_settings[SettingCodes.ENABLE_CONNECT_PROTOCOL] == 1
        secure = self.transport.get_extra_info("sslcontext") is not None
        fields = handshake_fields(target, headers, without=without, scheme="https" if secure else "http")
        self.stream.answers_end = self.answers_end
        self.exchange.begin_fields(fields, data, end=False)
        self.driver.settle()

    def _put(self, frames: Sequence[bytes]) -> None:
        """Has frames leave with what the connection sends next; nothing leaves on a stream that has ended."""
        self.client.read()
        if self.over or self.stream.sent_end:
            return
        self.stream.answers_end = self.answers_end
        self.stream.outbox += b"".join(frames)
        self.client.feed(self.exchange.stream_id)

    def send(self, *frames: bytes) -> None:
        self._put(frames)
        self.client.flush()
        self.driver.settle()

    def send_in_one_turn(self, *frames: bytes) -> None:
        self._put(frames)
        self.client.deliver()

    def enqueue(self, *frames: bytes) -> None:
        self._put(frames)
        self.client.flush()

    def finish(self) -> None:
        if not self.over:
            self.exchange.send_body(end=True)

    def vanish(self, error: Exception | None = None) -> None:
        self.gone = True
        if error is None:
            self.exchange.disconnect()
        else:
            self.client.vanish(error)

    def stop_reading(self) -> None:
        self.exchange.stop_reading()

    def resume_reading(self) -> None:
        self.exchange.resume_reading()

    @property
    def head(self) -> tuple[int, Headers]:
        answer = self.exchange.answer
        return answer.status, answer.headers

    def check_accept(self) -> None:
        """RFC 8441 section 5: nothing of HTTP/1.1 is left in it."""
        for name in (b"sec-websocket-accept", b"upgrade", b"connection", b"content-length"):
            assert self.header(name) is None

    @property
    def answer(self) -> Answer:
        return self.exchange.answer

    @property
    def received(self) -> bytes:
        self.client.read()
        return bytes(self.stream.body)

    @property
    def ended(self) -> bool:
        self.client.read()
        return self.stream.ended or self.exchange.ended

    @property
    def over(self) -> bool:
        self.client.read()
        return self.gone or self.exchange.ended or (self.stream.ended and self.stream.sent_end)

    @property
    def aborted(self) -> bool:
        self.client.read()
        return self.stream.reset is not None or self.transport.aborted

    @property
    def unsent(self) -> int:
        return len(self.stream.unread)

    @property
    def upload_paused(self) -> bool | None:
        return True if self.exchange.upload_paused else None
