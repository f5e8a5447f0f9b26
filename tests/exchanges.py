# SPDX-License-Identifier: MIT
"""Applications under test, and the exchanges that a client has with them.

`Served` is one worker's context with an application; `Served.request()` begins an exchange on a fresh connection, and
`Exchange.answer` is what the client has read so far. The suites in tests/asgi use only `Served` and `Exchange`, so they
run on each protocol that has an adapter: `Http1Exchange` here, `Http2Exchange` in tests/http2_client.py.
tests/protocols uses `Http1Client`, which speaks bytes. Answers are read by h11, an implementation that is not ours.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import h11

from fastcorn.asgi._context import Context
from fastcorn.config import Config
from fastcorn.protocols._http1 import H1Connection
from fastcorn.protocols.handshake import open_handshake
from fastcorn.protocols.http2 import open_http2, open_upgrade
from tests.fakes import Driver, FakeTransport

Scope = dict[str, Any]
Event = dict[str, Any]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]


@dataclass
class Answer:
    """One answer as its client sees it.

    `complete`: its end has been read. `truncated`: the connection ended before that, and the client can tell.
    `interim`: the informational answers before it. `status` is 0 while there is no head.
    """

    status: int = 0
    headers: Headers = field(default_factory=list)
    body: bytes = b""
    trailers: Headers = field(default_factory=list)
    interim: list[tuple[int, Headers]] = field(default_factory=list)
    complete: bool = False
    truncated: bool = False

    def header(self, name: bytes) -> bytes | None:
        """The value of a field, None without one, values joined by a comma when there are several."""
        values = [value for key, value in self.headers if key == name]
        return b", ".join(values) if values else None


class Client(Protocol):
    """The client end of a connection, of whatever protocol."""

    transport: FakeTransport

    def vanish(self, error: Exception | None = None) -> None: ...


class Exchange(Protocol):
    """One request and its answer, of whatever protocol; the adapters document what each part means there."""

    http_version: str
    driver: Driver

    def begin(
        self,
        method: str = "GET",
        target: str = "/",
        headers: Sequence[tuple[str, str]] = (),
        body: bytes = b"",
        *,
        end: bool = True,
        version: str = "1.1",
    ) -> None: ...
    def follow(self, method: str = "GET", target: str = "/", headers: Sequence[tuple[str, str]] = ()) -> Exchange: ...
    def send_body(self, data: bytes = b"", *, end: bool = False) -> None: ...
    def disconnect(self) -> None: ...
    def stop_reading(self) -> None: ...
    def resume_reading(self, count: int | None = None) -> None: ...
    def discard(self) -> None: ...
    @property
    def taken(self) -> int: ...
    @property
    def unread(self) -> int: ...
    @property
    def upload_paused(self) -> bool: ...
    @property
    def ended(self) -> bool: ...
    @property
    def answer(self) -> Answer: ...


def _fields(headers: Any) -> Headers:
    return [(bytes(name), bytes(value)) for name, value in headers]


def _read_answer(conn: h11.Connection, method: str) -> Answer:
    answer = Answer()
    conn.send(h11.Request(method=method, target="/", headers=[("host", "testserver")]))
    conn.send(h11.EndOfMessage())
    body: list[bytes] = []
    try:
        while True:
            event = conn.next_event()
            if event is h11.NEED_DATA or event is h11.PAUSED or isinstance(event, h11.ConnectionClosed):
                break
            if isinstance(event, h11.InformationalResponse):
                answer.interim.append((event.status_code, _fields(event.headers)))
            elif isinstance(event, h11.Response):
                answer.status, answer.headers = event.status_code, _fields(event.headers)
            elif isinstance(event, h11.Data):
                body.append(bytes(event.data))
            elif isinstance(event, h11.EndOfMessage):
                answer.trailers = _fields(event.headers)
                answer.complete = True
                break
    except h11.RemoteProtocolError as error:
        # the end came in the body ("peer …"), or in place of a head ("ConnectionClosed"); all else is a bad answer
        if not any(cause in str(error) for cause in ("peer closed", "peer unexpectedly closed", "ConnectionClosed")):
            raise
        answer.truncated = True
    answer.body = b"".join(body)
    return answer


def read_answers(data: bytes, methods: Sequence[str], ended: bool) -> list[Answer]:
    """Reads the answers to requests with these methods, as far as they have come.

    Args:
        data: what the server wrote.
        methods: one for each request that the client sent.
        ended: the server has closed the connection.
    Raises:
        h11.RemoteProtocolError: the bytes are no HTTP/1.1 answer.
        AssertionError: there are bytes after the last answer.
    """
    conn = h11.Connection(h11.CLIENT)
    conn.receive_data(data)
    if ended:
        conn.receive_data(b"")
    answers = []
    for method in methods:
        answers.append(_read_answer(conn, method))
        if conn.our_state is not h11.DONE or conn.their_state is not h11.DONE:
            break
        conn.start_next_cycle()
    surplus = conn.trailing_data[0] if answers and answers[-1].complete else b""
    assert not surplus, f"bytes after the last answer: {surplus[:80]!r}"
    return [answer for answer in answers if answer.status or answer.interim]


class Served:
    """An application behind one context, with what it logged.

    Args:
        app: the application.
        driver: whose loop runs it.
        state: the lifespan state, None = there is none.
        extra: overrides of the transport's extra information.
        access: collect access records (they cost time, so the connection makes them only when asked).
        opener: makes an exchange on a fresh connection; HTTP/1.1 if None.
        settings: overrides of configuration values.
    """

    def __init__(
        self,
        app: Any,
        driver: Driver,
        *,
        state: dict[str, Any] | None = None,
        extra: dict[str, Any] | None = None,
        access: bool = False,
        opener: Callable[[Served], Exchange] | None = None,
        **settings: Any,
    ) -> None:
        config = Config()
        for name, value in settings.items():
            setattr(config, name, value)
        self.driver = driver
        self.extra = extra
        self.opener = opener
        self.records: list[logging.LogRecord] = []
        self.accesses: list[tuple[Scope, int | None, Headers, int, float]] = []
        self.clients: list[Client] = []
        logger = logging.Logger("fastcorn.error", logging.DEBUG)
        handler = logging.Handler()
        handler.emit = self.records.append  # type: ignore[method-assign,assignment]
        logger.addHandler(handler)
        self.context = Context(
            app,
            config.freeze(),
            driver.loop,
            state=state,
            access_log=(lambda *record: self._record_access(*record)) if access else None,
            error_log=logger,
        )
        self.context.websocket_factory = open_handshake
        self.context.http2_factory = open_http2
        self.context.h2c_factory = open_upgrade if config.h2c_upgrade else None

    def _record_access(self, *record: Any) -> None:
        self.accesses.append(record)

    def connect(self, **extra: Any) -> Http1Client:
        """A new HTTP/1.1 connection; extra overrides what its transport tells of itself."""
        client = Http1Client(self, {**(self.extra or {}), **extra})
        self.clients.append(client)
        return client

    def open(self) -> Exchange:
        """An exchange on a fresh connection that has not begun."""
        return self.opener(self) if self.opener is not None else Http1Exchange(self.connect())

    def request(
        self,
        method: str = "GET",
        target: str = "/",
        headers: Iterable[tuple[str, str]] = (),
        body: bytes = b"",
        *,
        end: bool = True,
        version: str = "1.1",
    ) -> Exchange:
        """Begins an exchange on a fresh connection and lets the application run until it waits.

        Args:
            end: False = more of the body comes later, by `Exchange.send_body`.
        """
        exchange = self.open()
        exchange.begin(method, target, list(headers), body, end=end, version=version)
        self.driver.settle()
        return exchange

    def tick(self, seconds: float = 1.0) -> None:
        """Lets time pass, with the sweep that a worker makes each second."""
        while seconds > 0:
            step = min(seconds, 1.0)
            seconds -= step
            self.driver.now += step
            self.driver.call(self.context.tick, self.driver.now)
            self.driver.settle()

    def take_errors(self) -> list[logging.LogRecord]:
        """The error records so far, which the test expects; unexpected ones fail it at its end."""
        taken = [record for record in self.records if record.levelno >= logging.ERROR]
        self.records = [record for record in self.records if record.levelno < logging.ERROR]
        return taken

    def check(self) -> None:
        """Ends every connection and asserts that nothing is left over or went wrong unseen."""
        for client in self.clients:
            if not client.transport.closed:
                client.vanish()
        self.driver.settle()
        logged = [record.getMessage() for record in self.take_errors()]
        faults = [fault for client in self.clients for fault in client.transport.faults]
        assert not logged, f"logged errors that the test did not take: {logged}"
        assert not faults, f"misuse of the transport: {faults}"
        assert not self.context.connections, "connections are left in the context"


class Http1Client:
    """The client end of one HTTP/1.1 connection."""

    def __init__(self, served: Served, extra: dict[str, Any]) -> None:
        self.served = served
        self.driver = served.driver
        self.connection = H1Connection(served.context)
        self.transport = FakeTransport(self.driver, self.connection, extra)
        self.methods: list[str] = []
        self.driver.call(self.connection.connection_made, self.transport)

    def send(self, *requests: bytes, methods: Sequence[str] = ()) -> None:
        """Sends bytes in one piece and lets the applications run until they wait.

        Args:
            methods: the methods of the requests, where they decide how an answer is read (HEAD).
        """
        self.methods += methods
        self.transport.deliver(b"".join(requests))
        self.driver.settle()

    def finish(self) -> None:
        """Closes the sending half."""
        self.transport.deliver_eof()
        self.driver.settle()

    def vanish(self, error: Exception | None = None) -> None:
        """The connection is lost."""
        self.transport.lose(error)
        self.driver.settle()

    @property
    def received(self) -> bytes:
        return bytes(self.transport.received)

    @property
    def closed(self) -> bool:
        """The connection is gone."""
        return self.transport.closed

    @property
    def ended(self) -> bool:
        """The client has read the end: the server sends no more, though it may still take what comes."""
        return self.transport.closed or (self.transport.eof_sent and not self.transport.pending)

    @property
    def answers(self) -> list[Answer]:
        """The answers so far; requests without a stated method count as GET."""
        methods = self.methods + ["GET"] * 64
        return read_answers(self.received, methods, self.ended)


class Http1Exchange:
    """One request and its answer: the adapter of the behavioural suite for HTTP/1.1."""

    http_version = "1.1"

    def __init__(self, client: Http1Client) -> None:
        self.client = client
        self.driver = client.driver
        self.position = 0
        self.chunked = False

    def begin(
        self,
        method: str = "GET",
        target: str = "/",
        headers: Sequence[tuple[str, str]] = (),
        body: bytes = b"",
        *,
        end: bool = True,
        version: str = "1.1",
    ) -> None:
        """Sends the request; the application runs one turn."""
        self.position = len(self.client.methods)
        names = {name.lower() for name, _ in headers}
        fields = list(headers)
        if "host" not in names:
            fields.insert(0, ("host", "testserver"))
        if not {"content-length", "transfer-encoding"} & names:
            if not end:
                fields.append(("transfer-encoding", "chunked"))
                names.add("transfer-encoding")
            elif body:
                fields.append(("content-length", str(len(body))))
        self.chunked = "transfer-encoding" in names
        head = f"{method} {target} HTTP/{version}\r\n" + "".join(f"{n}: {v}\r\n" for n, v in fields) + "\r\n"
        self.client.methods.append(method)
        self.client.transport.deliver(
            head.encode("latin-1") + (self._framed(body, end) if body or self.chunked else b"")
        )

    def _framed(self, data: bytes, end: bool) -> bytes:
        if not self.chunked:
            return data
        chunk = b"%x\r\n%b\r\n" % (len(data), data) if data else b""
        return chunk + (b"0\r\n\r\n" if end else b"")

    def follow(self, method: str = "GET", target: str = "/", headers: Sequence[tuple[str, str]] = ()) -> Http1Exchange:
        """A request of the same client, on the same connection, after this one."""
        exchange = Http1Exchange(self.client)
        exchange.begin(method, target, headers)
        self.driver.settle()
        return exchange

    def send_body(self, data: bytes = b"", *, end: bool = False) -> None:
        """The client sends more of the body."""
        self.client.send(self._framed(data, end))

    def disconnect(self) -> None:
        """The client goes away, with its connection or by resetting its stream."""
        self.client.vanish()

    def stop_reading(self) -> None:
        """From now on the client takes nothing of the answer."""
        self.client.transport.stop_client()

    def resume_reading(self, count: int | None = None) -> None:
        """The client takes count more bytes, or all from now on."""
        self.client.transport.resume_client(count)
        self.driver.settle()

    def discard(self) -> None:
        """The client reads as fast as it is sent to, and keeps nothing."""
        self.client.transport.keeps_bytes = False

    @property
    def taken(self) -> int:
        """Bytes that the server has taken from the client."""
        return self.client.transport.bytes_delivered

    @property
    def unread(self) -> int:
        """Bytes of the answer that wait for the client."""
        return len(self.client.transport.pending)

    @property
    def upload_paused(self) -> bool:
        """The server takes no more of the body for now."""
        return self.client.transport.reading_paused

    @property
    def ended(self) -> bool:
        """The server has ended the connection."""
        return self.client.ended

    @property
    def answer(self) -> Answer:
        """What the client has read of the answer."""
        answers = read_answers(self.client.received, self.client.methods, self.client.ended)
        return answers[self.position] if self.position < len(answers) else Answer(truncated=self.client.ended)
