# SPDX-License-Identifier: MIT
"""`Http2Link`: a blocking HTTP/2 connection to a real server, each step of which the test decides.

For stops and uploads, where a client that does all by itself would hide the moment. Spoken by the h2 package; each wait
is bounded by LIMIT_SECONDS. Used by tests/e2e/test_http2.py.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from typing import Any

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, ResponseReceived, StreamEnded, StreamReset

from tests.loops import LIMIT_SECONDS

HEADER_SIZE = 9
GOAWAY = 7


class Http2Link:
    """One connection.

    Args:
        address: of the server.
        tls: a client's context with ALPN h2; None = clear text, by prior knowledge.

    Attributes:
        statuses, bodies: by stream id; `complete`: the streams that ended whole; `resets`: error codes by stream id.
        goaways: (error code, last stream id) of each GOAWAY, which h2 does not see: it knows no more after the first.
    """

    def __init__(self, address: tuple[str, int], tls: ssl.SSLContext | None = None) -> None:
        self._sock: socket.socket = socket.create_connection(address, timeout=LIMIT_SECONDS)
        if tls is not None:
            self._sock = tls.wrap_socket(self._sock, server_hostname=address[0])
        self._scheme = "http" if tls is None else "https"
        self._h2 = H2Connection(H2Configuration(client_side=True, header_encoding=None))
        self._buffer = bytearray()
        self.statuses: dict[int, int] = {}
        self.bodies: dict[int, bytearray] = {}
        self.complete: set[int] = set()
        self.resets: dict[int, int] = {}
        self.goaways: list[tuple[int, int]] = []
        self.ended = False
        self._h2.initiate_connection()
        self._flush()

    def request(self, path: str = "/", method: str = "GET", *, end: bool = True) -> int:
        """Begins a request; returns its stream id."""
        stream_id = self._h2.get_next_available_stream_id()
        fields = [(":method", method), (":scheme", self._scheme), (":authority", "test"), (":path", path)]
        self._h2.send_headers(stream_id, fields, end_stream=end)
        self.bodies[stream_id] = bytearray()
        self._flush()
        return stream_id

    def send_body(self, stream_id: int, data: bytes, *, end: bool = False) -> None:
        """Sends part of a request's body, which the windows must have room for."""
        self._h2.send_data(stream_id, data, end_stream=end)
        self._flush()

    def read_until(self, reached: Callable[[], bool]) -> None:
        """Reads until something is so; fails when the server ends the connection before it."""
        while not reached():
            assert not self.ended, f"the connection ended: {self.goaways}, {self.statuses}, {self.resets}"
            self._read()

    def read_to_end(self) -> None:
        """Reads until the server ends the connection."""
        while not self.ended:
            self._read()

    def answer(self, stream_id: int) -> tuple[int, bytes]:
        """Waits for the end of an answer; returns its status and body."""
        self.read_until(lambda: stream_id in self.complete)
        return self.statuses[stream_id], bytes(self.bodies[stream_id])

    def close(self) -> None:
        self._sock.close()

    def _flush(self) -> None:
        if data := self._h2.data_to_send():
            self._sock.sendall(data)

    def _read(self) -> None:
        try:
            data = self._sock.recv(65536)
        except ConnectionResetError:
            data = b""
        self.ended = not data
        self._buffer += data
        while len(self._buffer) >= HEADER_SIZE:
            size = HEADER_SIZE + int.from_bytes(self._buffer[:3], "big")
            if len(self._buffer) < size:
                break
            frame = bytes(self._buffer[:size])
            del self._buffer[:size]
            if frame[3] == GOAWAY:
                last, code = int.from_bytes(frame[9:13], "big"), int.from_bytes(frame[13:17], "big")
                self.goaways.append((code, last & 0x7FFFFFFF))
                continue
            for event in self._h2.receive_data(frame):
                self._handle(event)
        if not self.ended:
            self._flush()

    def _handle(self, event: Any) -> None:
        if isinstance(event, ResponseReceived):
            assert event.stream_id is not None
            self.statuses[event.stream_id] = int(
                next(value for name, value in event.headers or () if name == b":status")
            )
        elif isinstance(event, DataReceived):
            assert event.stream_id is not None
            self.bodies[event.stream_id] += event.data or b""
            if event.flow_controlled_length:
                self._h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, StreamEnded):
            assert event.stream_id is not None
            self.complete.add(event.stream_id)
        elif isinstance(event, StreamReset):
            assert event.stream_id is not None
            self.resets[event.stream_id] = int(event.error_code or 0)
