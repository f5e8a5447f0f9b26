# SPDX-License-Identifier: MIT
"""A small blocking HTTP/2 client on the h2 package that reads answers whole: is the server ready, is it right?

Called by `http2` and `transfer`, never while something is timed. Several requests are in flight at once, and flow
control is obeyed both ways. What breaks the protocol raises `ExchangeError`.
"""

import ssl
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import h2.config
import h2.connection
import h2.events
import h2.exceptions

from bench.exchange import READ_BYTES, Answer, ExchangeError, connect

WINDOW = 1 << 24


@dataclass(frozen=True)
class Request:
    """One request.

    Attributes:
        path: request target.
        body: sent with POST; None is a GET.
    """

    path: str = "/"
    body: bytes | None = None


@dataclass
class _Exchange:
    """One stream: what is left to send, and what has come."""

    unsent: memoryview
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    pieces: list[bytes] = field(default_factory=list)
    ended: bool = False


class Http2Exchange:
    """One connection to this machine; use it as a context manager.

    Args:
        port: TCP port on 127.0.0.1.
        trust: a context that offers h2 by ALPN; None speaks HTTP/2 in cleartext, by prior knowledge.
        timeout: seconds that any single read, write or connect may take.
        source: local address to connect from; any when empty.

    Raises:
        ExchangeError: the server did not agree to HTTP/2.
        OSError: it does not listen, or the TLS handshake failed.
    """

    def __init__(
        self, port: int, trust: ssl.SSLContext | None = None, *, timeout: float = 10.0, source: str = ""
    ) -> None:
        self.socket = connect(port, timeout=timeout, source=source)
        self.scheme = "http"
        if trust is not None:
            self.scheme = "https"
            plain = self.socket
            try:
                self.socket = trust.wrap_socket(plain, server_hostname="localhost")
            except BaseException:
                plain.close()
                raise
            if self.socket.selected_alpn_protocol() != "h2":
                self.socket.close()
                raise ExchangeError("the server did not agree to h2 by ALPN")
        self._connection = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="latin-1"))
        self._connection.initiate_connection()
        self._connection.increment_flow_control_window(WINDOW)
        self._streams: dict[int, _Exchange] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.socket.close()

    def ask(self, requests: Sequence[Request]) -> list[Answer]:
        """Sends requests at once and reads their answers, in the order of the requests.

        Raises:
            ExchangeError: a stream was reset, the connection ended, or the server broke the protocol.
            OSError: the socket failed or timed out.
        """
        try:
            streams = [self._send_head(request) for request in requests]
            waiting = deque(streams)
            while waiting:
                self._send_bodies()
                self._flush()
                self._receive()
                while waiting and self._streams[waiting[0]].ended:
                    waiting.popleft()
            self._flush()
        except h2.exceptions.H2Error as error:
            raise ExchangeError(f"not HTTP/2: {type(error).__name__} {error}".rstrip()) from None
        found = [self._streams.pop(stream) for stream in streams]
        return [Answer(one.status, one.headers, b"".join(one.pieces)) for one in found]

    def _send_head(self, request: Request) -> int:
        stream = self._connection.get_next_available_stream_id()
        fields = [
            (":method", "GET" if request.body is None else "POST"),
            (":scheme", self.scheme),
            (":authority", "localhost"),
            (":path", request.path),
        ]
        if request.body is not None:
            fields.append(("content-length", str(len(request.body))))
        self._connection.send_headers(stream, fields, end_stream=not request.body)
        self._streams[stream] = _Exchange(memoryview(request.body or b""))
        return stream

    def _send_bodies(self) -> None:
        for stream, exchange in self._streams.items():
            while exchange.unsent:
                room = min(self._connection.local_flow_control_window(stream), self._connection.max_outbound_frame_size)
                if room <= 0:
                    break
                piece, exchange.unsent = exchange.unsent[:room], exchange.unsent[room:]
                self._connection.send_data(stream, bytes(piece), end_stream=not exchange.unsent)

    def _flush(self) -> None:
        self.socket.sendall(self._connection.data_to_send())

    def _receive(self) -> None:
        data = self.socket.recv(READ_BYTES)
        if not data:
            raise ExchangeError("the connection was closed inside an answer")
        for event in self._connection.receive_data(data):
            if isinstance(event, h2.events.ResponseReceived):
                head = {str(name): str(value) for name, value in event.headers}
                self._streams[event.stream_id].status = int(head.pop(":status"))
                self._streams[event.stream_id].headers = head
            elif isinstance(event, h2.events.DataReceived):
                self._streams[event.stream_id].pieces.append(event.data)
                self._connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, h2.events.StreamEnded):
                self._streams[event.stream_id].ended = True
            elif isinstance(event, h2.events.StreamReset):
                raise ExchangeError(f"the server reset a stream with code {event.error_code}")
            elif isinstance(event, h2.events.ConnectionTerminated):
                raise ExchangeError(f"the server ended the connection with code {event.error_code}")
