# SPDX-License-Identifier: MIT
"""An HTTP/2 client in memory, for the behavioural suites and for what HTTP/2 has of its own.

`Http2Client` is one connection on a `FakeTransport`, spoken by the h2 package, an implementation that is not ours:
what the server writes against RFC 9113 is an exception in the test. It reads in turns of the loop, so it acknowledges,
credits and goes on with uploads as a client on a socket does. `Http2Exchange` is the adapter of tests/asgi, beside
`Http1Exchange`. Calls tests/exchanges.py and tests/fakes.py. For what h2 would not send see tests/http2_frames.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    DataReceived,
    Event,
    InformationalResponseReceived,
    PushedStreamReceived,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)
from h2.exceptions import StreamClosedError
from h2.settings import SettingCodes, Settings

from fastcorn.protocols._http1 import H1Connection
from tests.exchanges import Answer, Exchange, Headers, Served
from tests.fakes import FakeTransport

HEADER_SIZE = 9
GOAWAY = 7

# What many clients ask for and h2 does not by itself; a test may give other values.
DEFAULTS = {SettingCodes.MAX_CONCURRENT_STREAMS: 100, SettingCodes.MAX_HEADER_LIST_SIZE: 256 * 1024}


@dataclass(frozen=True)
class Frame:
    """A frame that the server wrote."""

    type: int
    flags: int
    stream_id: int
    payload: bytes


@dataclass
class ClientStream:
    """What the client knows of one stream.

    Attributes:
        unread: DATA that has come and that the client has not taken; it is not credited to the stream.
        reads, keeps: the client takes what comes; and remembers it.
        ended: END_STREAM has come.
        reset: the error code of the server's RST_STREAM, None without one.
        outbox: body bytes that wait for the server's windows; `outbox_ends`: the request ends after them.
        trailers: of the request, sent in place of the end.
        sent_end: END_STREAM has been sent.
        answers_end: the client ends its side when the server has ended its own, as an end of a socket does.
    """

    answer: Answer = field(default_factory=Answer)
    body: bytearray = field(default_factory=bytearray)
    unread: bytearray = field(default_factory=bytearray)
    reset: int | None = None
    reads: bool = True
    keeps: bool = True
    ended: bool = False
    outbox: bytearray = field(default_factory=bytearray)
    outbox_ends: bool = False
    trailers: Headers | None = None
    sent_end: bool = False
    answers_end: bool = False


class Http2Client:
    """The client end of one HTTP/2 connection, by prior knowledge in clear text unless `extra` says otherwise.

    Args:
        served: whose connection it is.
        extra: overrides of what the transport tells of itself (an `ssl_object`, names).
        settings: of the client, beside or in place of DEFAULTS; sent with the preface.
        transport: a connection that exists already and has become HTTP/2 (an upgrade); stream 1 is open then.
        position: where HTTP/2 begins in what that transport has received.

    Attributes:
        streams: by stream id, pushed ones too.
        pushes: promised stream id -> (the stream it belongs to, the fields of the promised request).
        frames: all that the server wrote, in order.
        goaways: (error code, last stream id, debug data) of each GOAWAY. h2 does not see them: it has no state between
            the first and the last one of a graceful stop.
        events: what h2 made of the frames.
        credits: False = the connection's window is never credited.
        secure: the connection is over TLS.
    """

    def __init__(
        self,
        served: Served,
        extra: dict[str, Any] | None = None,
        *,
        settings: Mapping[Any, int] | None = None,
        transport: FakeTransport | None = None,
        position: int = 0,
    ) -> None:

        self.served = served
        self.driver = served.driver
        self.streams: dict[int, ClientStream] = {}
        self.pushes: dict[int, tuple[int, Headers]] = {}
        self.frames: list[Frame] = []
        self.goaways: list[tuple[int, int, bytes]] = []
        self.events: list[Event] = []
        self.credits = True
        self.secure = bool(extra and extra.get("sslcontext"))
        self._buffer = bytearray()
        self._position = 0
        config = H2Configuration(
            client_side=True, header_encoding=None, validate_outbound_headers=False, normalize_outbound_headers=False
        )
        self.h2 = H2Connection(config)
        initial: dict[Any, int] = {**DEFAULTS, **(settings or {})}
        self.h2.local_settings = Settings(client=True, initial_values=initial)
        if transport is None:
            transport = self.transport = self.connect({**(served.extra or {}), **(extra or {})})
            served.clients.append(self)
            self.h2.initiate_connection()
        else:
            self._position = position
            self.h2.initiate_upgrade_connection()
            self.streams[1] = ClientStream(sent_end=True)
        self.transport = transport
        self.transport.reader = self.read
        self.flush()
        self.driver.settle()

    def connect(self, extra: dict[str, Any]) -> FakeTransport:
        """A fresh connection of the server; tests/secure.py makes it one with TLS."""
        transport = FakeTransport(self.driver, H1Connection(self.served.context), extra)
        self.driver.call(transport.protocol.connection_made, transport)
        return transport

    def received(self) -> bytes | bytearray:
        """All that the client has read."""
        return self.transport.received

    # What the client sends.

    def exchange(self) -> Http2Exchange:
        """An exchange that has not begun."""
        return Http2Exchange(self)

    def request(
        self,
        method: str = "GET",
        target: str = "/",
        headers: Iterable[tuple[str, str]] = (),
        body: bytes = b"",
        *,
        end: bool = True,
    ) -> Http2Exchange:
        """Begins an exchange and lets the applications run until they wait; arguments as of `Served.request`."""
        exchange = self.exchange()
        exchange.begin(method, target, list(headers), body, end=end)
        self.driver.settle()
        return exchange

    def request_fields(self, fields: Headers, body: bytes = b"", *, end: bool = True) -> Http2Exchange:
        """A request with exactly these fields, pseudo-fields and all, right or wrong."""
        exchange = self.exchange()
        exchange.begin_fields(fields, body, end=end)
        self.driver.settle()
        return exchange

    def send(self, *frames: bytes) -> None:
        """Sends bytes past h2, in one piece, and lets the applications run until they wait."""
        self.flush()
        self.transport.deliver(b"".join(frames))
        self.driver.settle()

    def flush(self) -> None:
        """What h2 has to send is on its way; it arrives in a later turn of the loop."""
        self.transport.enqueue(self.h2.data_to_send())

    def deliver(self) -> None:
        """What h2 has to send arrives, and nothing else happens in that turn."""
        self.transport.deliver(self.h2.data_to_send())

    def feed(self, stream_id: int) -> None:
        """Sends as much of the stream's body as the server's windows let out."""
        stream = self.streams[stream_id]
        try:
            while stream.outbox:
                size = min(
                    len(stream.outbox), self.h2.local_flow_control_window(stream_id), self.h2.max_outbound_frame_size
                )
                if size <= 0:
                    return
                data = bytes(stream.outbox[:size])
                del stream.outbox[:size]
                ends = stream.outbox_ends and not stream.outbox and stream.trailers is None
                self.h2.send_data(stream_id, data, end_stream=ends)
                stream.sent_end = ends
            if stream.outbox_ends and not stream.sent_end:
                stream.sent_end = True
                if stream.trailers is not None:
                    self.h2.send_headers(stream_id, stream.trailers, end_stream=True)
                else:
                    self.h2.end_stream(stream_id)
        except StreamClosedError:
            stream.outbox.clear()

    def ping(self, data: bytes = b"12345678") -> None:
        """Sends a PING and lets the server answer."""
        self.h2.ping(data)
        self.flush()
        self.driver.settle()

    def settle(self) -> None:
        """Lets everything run until nobody has anything to do."""
        self.driver.settle()

    def finish(self) -> None:
        """Closes the sending half of the socket."""
        self.transport.deliver_eof()
        self.driver.settle()

    def vanish(self, error: Exception | None = None) -> None:
        """The connection is lost."""
        self.transport.lose(error)
        self.driver.settle()

    # What the client reads.

    @property
    def closed(self) -> bool:
        """The connection is gone."""
        return self.transport.closed

    @property
    def ended(self) -> bool:
        """The server sends no more."""
        return self.transport.closed or (self.transport.eof_sent and not self.transport.pending)

    def frames_of(self, type: int, stream_id: int | None = None) -> list[Frame]:
        """The frames of a type, of all streams or of one."""
        self.read()
        return [
            frame for frame in self.frames if frame.type == type and (stream_id is None or frame.stream_id == stream_id)
        ]

    def read(self) -> None:
        """Reads what has come and queues the answers that the protocol asks for."""
        received = self.received()
        self._buffer += received[self._position :]
        self._position = len(received)
        while len(self._buffer) >= HEADER_SIZE:
            size = HEADER_SIZE + int.from_bytes(self._buffer[:3], "big")
            if len(self._buffer) < size:
                break
            data = bytes(self._buffer[:size])
            del self._buffer[:size]
            self._read_frame(data)
        for stream_id, stream in self.streams.items():
            if stream.outbox or (stream.outbox_ends and not stream.sent_end):
                self.feed(stream_id)
        self.flush()

    def _read_frame(self, data: bytes) -> None:
        frame = Frame(data[3], data[4], int.from_bytes(data[5:9], "big") & 0x7FFFFFFF, data[HEADER_SIZE:])
        self.frames.append(frame)
        if frame.type == GOAWAY:
            last, code = int.from_bytes(frame.payload[:4], "big"), int.from_bytes(frame.payload[4:8], "big")
            self.goaways.append((code, last & 0x7FFFFFFF, frame.payload[8:]))
            return
        for event in self.h2.receive_data(data):
            self.events.append(event)
            self._handle(event)

    def _handle(self, event: Event) -> None:
        if isinstance(event, PushedStreamReceived):
            assert event.pushed_stream_id is not None
            assert event.parent_stream_id is not None
            self.pushes[event.pushed_stream_id] = (event.parent_stream_id, _fields(event.headers))
            self.streams[event.pushed_stream_id] = ClientStream(sent_end=True)
            return
        stream_id: int = getattr(event, "stream_id", None) or 0
        stream = self.streams.get(stream_id)
        if stream is None:
            return
        answer = stream.answer
        if isinstance(event, InformationalResponseReceived):
            status, headers = _head(event.headers)
            answer.interim.append((status, headers))
        elif isinstance(event, ResponseReceived):
            answer.status, answer.headers = _head(event.headers)
        elif isinstance(event, DataReceived):
            self._handle_data(stream_id, stream, event)
        elif isinstance(event, TrailersReceived):
            answer.trailers = _fields(event.headers)
        elif isinstance(event, StreamEnded):
            stream.ended = True
            if stream.answers_end:
                stream.outbox.clear()
                stream.outbox_ends = True
        elif isinstance(event, StreamReset):
            stream.reset = int(event.error_code or 0)
            stream.outbox.clear()

    def _handle_data(self, stream_id: int, stream: ClientStream, event: DataReceived) -> None:
        data, length = event.data or b"", event.flow_controlled_length or 0
        if self.credits and length:
            self.h2.increment_flow_control_window(length)
        if stream.reads:
            if stream.keeps:
                stream.body += data
            self.credit(stream_id, length)
        else:
            stream.unread += data
            self.credit(stream_id, length - len(data))

    def credit(self, stream_id: int, count: int) -> None:
        """Lets the server send count more bytes on a stream that has not ended."""
        if count > 0:
            try:
                self.h2.increment_flow_control_window(count, stream_id)
            except StreamClosedError:
                return

    def take(self, stream_id: int, count: int) -> None:
        """The client takes count bytes that have come, and credits them."""
        stream = self.streams[stream_id]
        data = stream.unread[:count]
        del stream.unread[:count]
        if stream.keeps:
            stream.body += data
        self.credit(stream_id, len(data))


def _fields(headers: Any) -> Headers:
    return [(bytes(name), bytes(value)) for name, value in headers or ()]


def _head(headers: Any) -> tuple[int, Headers]:
    """The status, and the fields after it."""
    fields = _fields(headers)
    assert fields[0][0] == b":status", fields
    return int(fields[0][1]), fields[1:]


class Http2Exchange:
    """One request and its answer: the adapter of the behavioural suite for HTTP/2.

    `host` becomes `:authority`, names are sent in lower case and values without white space around them, as by every
    client of HTTP/2. A disconnect is RST_STREAM; a client that stops reading credits its stream no more.
    """

    http_version = "2"

    def __init__(self, client: Http2Client) -> None:
        self.client = client
        self.driver = client.driver
        self.stream = ClientStream()
        self.stream_id = 0

    def begin(
        self,
        method: str = "GET",
        target: str = "/",
        headers: Sequence[tuple[str, str]] = (),
        body: bytes = b"",
        *,
        end: bool = True,
        version: str = "2",
    ) -> None:
        """Sends the request; the application runs one turn. The version is what the connection speaks."""
        fields = [(name.lower().encode("latin-1"), value.strip(" \t").encode("latin-1")) for name, value in headers]
        authority = next((value for name, value in fields if name == b"host"), b"testserver")
        scheme = b"https" if self.client.secure else b"http"
        pseudo = [
            (b":method", method.encode("latin-1")),
            (b":scheme", scheme),
            (b":authority", authority),
            (b":path", target.encode("latin-1")),
        ]
        self.begin_fields(pseudo + [(name, value) for name, value in fields if name != b"host"], body, end=end)

    def begin_fields(self, fields: Headers, body: bytes = b"", *, end: bool = True) -> None:
        """Sends a request with exactly these fields; the application runs one turn."""
        client = self.client
        self.stream_id = client.h2.get_next_available_stream_id()
        client.streams[self.stream_id] = self.stream
        self.stream.sent_end = end and not body
        client.h2.send_headers(self.stream_id, fields, end_stream=self.stream.sent_end)
        self.stream.outbox += body
        self.stream.outbox_ends = end
        if body:
            client.feed(self.stream_id)
        client.deliver()

    def follow(self, method: str = "GET", target: str = "/", headers: Sequence[tuple[str, str]] = ()) -> Http2Exchange:
        """A request of the same client, on the same connection, after this one."""
        return self.client.request(method, target, headers)

    def send_body(self, data: bytes = b"", *, end: bool = False) -> None:
        """The client sends more of the body, as far as the server's windows let it."""
        self.stream.outbox += data
        self.stream.outbox_ends = end
        self.client.feed(self.stream_id)
        self.client.flush()
        self.driver.settle()

    def send_trailers(self, fields: Headers) -> None:
        """The request ends with trailers."""
        self.stream.trailers = fields
        self.send_body(end=True)

    def reset(self, code: int = ErrorCodes.CANCEL) -> None:
        """The client resets the stream."""
        self.stream.outbox.clear()
        self.stream.outbox_ends = False
        self.client.h2.reset_stream(self.stream_id, code)
        self.client.flush()
        self.driver.settle()

    def disconnect(self) -> None:
        """The client goes away: it resets the stream, or, when that has ended, closes the connection."""
        self.client.read()
        try:
            self.reset()
        except StreamClosedError:
            self.client.vanish()

    def stop_reading(self) -> None:
        """From now on the client takes nothing of the answer: its stream gets no credit."""
        self.stream.reads = False

    def resume_reading(self, count: int | None = None) -> None:
        """The client takes count more bytes, or all from now on."""
        self.client.read()
        if count is None:
            self.stream.reads = True
            count = len(self.stream.unread)
        self.client.take(self.stream_id, count)
        self.client.flush()
        self.driver.settle()

    def discard(self) -> None:
        """The client reads as fast as it is sent to, and keeps nothing."""
        self.stream.keeps = False

    @property
    def taken(self) -> int:
        """Bytes that the server has taken from the client."""
        return self.client.transport.bytes_delivered

    @property
    def unread(self) -> int:
        """Bytes of the answer that have come and that the client has not taken."""
        self.client.read()
        return len(self.stream.unread) + len(self.client.transport.pending)

    @property
    def upload_paused(self) -> bool:
        """The server takes no more of the body for now: its windows are used up, or it does not read."""
        return bool(self.stream.outbox) or self.client.transport.reading_paused

    @property
    def ended(self) -> bool:
        """The server has reset the stream or ended the connection."""
        self.client.read()
        return self.stream.reset is not None or self.client.ended

    @property
    def answer(self) -> Answer:
        """What the client has read of the answer."""
        self.client.read()
        answer = self.stream.answer
        answer.body = bytes(self.stream.body)
        answer.complete = self.stream.ended and not self.stream.unread
        answer.truncated = not self.stream.ended and (self.stream.reset is not None or self.client.ended)
        return answer


def open_exchange(served: Served) -> Exchange:
    """An exchange over HTTP/2 on a fresh connection, for `Served(opener=...)`."""
    return Http2Exchange(Http2Client(served))
