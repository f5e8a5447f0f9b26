# SPDX-License-Identifier: MIT
"""A client that sends any HTTP/2 frames, right or wrong, and reads what the server answers.

`FrameClient` is one connection on a `FakeTransport`. It sends only what it is told to and acknowledges nothing, so
that a test has each byte in its hand; hyperframe and hpack, which are not ours, write and read frames and field lists.
Used by tests of rules and attacks in tests/protocols. For a client that behaves see tests/http2_client.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import hpack
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    PushPromiseFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from fastcorn.protocols._http1 import H1Connection
from fastcorn.protocols._http2_engine import HTTP2Engine
from fastcorn.protocols._http2_native import NativeEngine
from tests.exchanges import Headers, Served
from tests.fakes import FakeTransport

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEADER_SIZE = 9

# What the setting http2_engine may be; tests of rules run on each.
ENGINES = ("native", "h2")

REQUEST: Headers = [(b":method", b"GET"), (b":scheme", b"http"), (b":authority", b"testserver"), (b":path", b"/")]


def raw_frame(
    type: int, payload: bytes = b"", *, flags: int = 0, stream_id: int = 0, length: int | None = None
) -> bytes:
    """Any frame; `length` = another one than the payload's."""
    size = len(payload) if length is None else length
    return size.to_bytes(3, "big") + bytes([type, flags]) + stream_id.to_bytes(4, "big") + payload


def new_engine(name: str, settings: Any) -> HTTP2Engine:
    """An engine of a name of ENGINES that has not begun."""
    if name == "native":
        return NativeEngine(settings)
    from fastcorn.protocols.http2_fallback import H2Engine

    return H2Engine(settings)


class FrameClient:
    """The client end of one connection, frame by frame.

    Args:
        served: whose connection it is.
        extra: overrides of what the transport tells of itself.
        preface: send the preface with a SETTINGS frame; False = nothing is sent.
        settings: of that SETTINGS frame.

    Attributes:
        frames: what the server wrote, without what `take_frames` took.
        heads: stream id -> the field lists that came on it (informational, head, trailers; a promised request).
        encoder: HPACK state of what the client sends.
        decoder: HPACK state of what the server sends.
    """

    def __init__(
        self,
        served: Served,
        extra: dict[str, Any] | None = None,
        *,
        preface: bool = True,
        settings: Mapping[int, int] | None = None,
    ) -> None:

        self.served = served
        self.driver = served.driver
        self.encoder = hpack.Encoder()
        self.decoder = hpack.Decoder()
        self.heads: dict[int, list[Headers]] = {}
        self._frames: list[Frame] = []
        self._buffer = bytearray()
        self._position = 0
        self._block = bytearray()
        connection = H1Connection(served.context)
        self.transport = FakeTransport(self.driver, connection, {**(served.extra or {}), **(extra or {})})
        served.clients.append(self)
        self.driver.call(connection.connection_made, self.transport)
        if preface:
            self.send(PREFACE, SettingsFrame(0, settings=dict(settings or {})))

    # What the client sends.

    def send(self, *parts: bytes | Frame) -> None:
        """Sends frames or bytes in one piece and lets the applications run until they wait."""
        if not self.transport.closed:
            self.transport.deliver(b"".join(part if isinstance(part, bytes) else part.serialize() for part in parts))
        self.driver.settle()

    def block(self, fields: Headers) -> bytes:
        """A field list as the connection's encoder writes it; to be sent, in this order."""
        encoded: bytes = self.encoder.encode(fields)
        return encoded

    def headers(self, stream_id: int, fields: Headers | None = None, *, end: bool = True) -> bytes:
        """A HEADERS frame; without fields a GET of `/`."""
        frame = HeadersFrame(stream_id, self.block(REQUEST if fields is None else fields))
        frame.flags.add("END_HEADERS")
        if end:
            frame.flags.add("END_STREAM")
        return bytes(frame.serialize())

    def data(self, stream_id: int, data: bytes = b"", *, end: bool = False) -> bytes:
        """A DATA frame."""
        frame = DataFrame(stream_id, data)
        if end:
            frame.flags.add("END_STREAM")
        return bytes(frame.serialize())

    def acknowledge(self) -> None:
        """Acknowledges the server's SETTINGS."""
        frame = SettingsFrame(0)
        frame.flags.add("ACK")
        self.send(frame)

    def vanish(self, error: Exception | None = None) -> None:
        """The connection is lost."""
        self.transport.lose(error)
        self.driver.settle()

    # What the server answered.

    @property
    def closed(self) -> bool:
        """The connection is gone."""
        return self.transport.closed

    @property
    def ended(self) -> bool:
        """The server sends no more."""
        return self.transport.closed or (self.transport.eof_sent and not self.transport.pending)

    @property
    def frames(self) -> list[Frame]:
        self._read()
        return self._frames

    def take_frames(self) -> list[Frame]:
        """The frames so far; they are not seen again."""
        taken, self._frames = self.frames, []
        return taken

    def frames_of(self, kind: type[Any], stream_id: int | None = None) -> list[Any]:
        """The frames of a class of hyperframe, of all streams or of one."""
        return [
            frame
            for frame in self.frames
            if isinstance(frame, kind) and (stream_id is None or frame.stream_id == stream_id)
        ]

    @property
    def goaway(self) -> GoAwayFrame | None:
        """The last GOAWAY, None without one."""
        found = self.frames_of(GoAwayFrame)
        return found[-1] if found else None

    @property
    def resets(self) -> dict[int, int]:
        """Stream id -> the error code of its RST_STREAM."""
        return {frame.stream_id: frame.error_code for frame in self.frames_of(RstStreamFrame)}

    @property
    def settings(self) -> dict[int, int]:
        """The server's settings: the first SETTINGS frame that is no acknowledgement."""
        first = next(frame for frame in self.frames_of(SettingsFrame) if "ACK" not in frame.flags)
        return dict(first.settings)

    @property
    def pings(self) -> list[PingFrame]:
        return self.frames_of(PingFrame)

    def credit(self, stream_id: int) -> int:
        """What the server's WINDOW_UPDATE frames for a stream (0: the connection) add up to."""
        return sum(frame.window_increment for frame in self.frames_of(WindowUpdateFrame, stream_id))

    def status(self, stream_id: int) -> int:
        """The status of the answer on a stream, 0 while there is none."""
        self._read()
        statuses = [int(dict(head)[b":status"]) for head in self.heads.get(stream_id, []) if b":status" in dict(head)]
        return next((status for status in statuses if status >= 200), 0)

    def body(self, stream_id: int) -> bytes:
        """The DATA that came on a stream."""
        return b"".join(frame.data for frame in self.frames_of(DataFrame, stream_id))

    def complete(self, stream_id: int) -> bool:
        """The server has ended the stream."""
        return any("END_STREAM" in frame.flags for frame in self.frames if frame.stream_id == stream_id)

    def _read(self) -> None:
        self._buffer += self.transport.received[self._position :]
        self._position = len(self.transport.received)
        while len(self._buffer) >= HEADER_SIZE:
            frame, length = Frame.parse_frame_header(memoryview(bytes(self._buffer[:HEADER_SIZE])))
            if len(self._buffer) < HEADER_SIZE + length:
                return
            frame.parse_body(memoryview(bytes(self._buffer[HEADER_SIZE : HEADER_SIZE + length])))
            del self._buffer[: HEADER_SIZE + length]
            self._frames.append(frame)
            if isinstance(frame, (HeadersFrame, PushPromiseFrame, ContinuationFrame)):
                self._read_block(frame)

    def _read_block(self, frame: HeadersFrame | PushPromiseFrame | ContinuationFrame) -> None:
        self._block += frame.data
        if "END_HEADERS" in frame.flags:
            fields = self.decoder.decode(bytes(self._block), raw=True)
            self._block.clear()
            stream_id = frame.promised_stream_id if isinstance(frame, PushPromiseFrame) else frame.stream_id
            self.heads.setdefault(stream_id, []).append([(bytes(name), bytes(value)) for name, value in fields])
