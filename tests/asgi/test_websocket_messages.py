# SPDX-License-Identifier: MIT
"""The events of a WebSocket: connect, accept, receive, send, disconnect and close (ASGI WebSocket 2.5).

Every test runs on both engines.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fastcorn.errors import ClientDisconnected, MessageError
from tests.exchanges import Receive, Scope, Send, Served
from tests.serving import Serve
from tests.websockets import BINARY, CONTINUATION, PING, PONG, TEXT, close, frame, open_websocket, text

Event = dict[str, Any]
ACCEPT: Event = {"type": "websocket.accept"}


@pytest.fixture(params=["native", "wsproto"])
def engine(request: pytest.FixtureRequest) -> str:
    if request.param == "wsproto":
        pytest.importorskip("wsproto")
    return str(request.param)


class Recorder:
    """Accepts, and records each event until the end; `reply` is what it sends for a message."""

    def __init__(self, *, echo: bool = False) -> None:
        self.echo = echo
        self.events: list[Event] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.events.append(await receive())
        await send(ACCEPT)
        while True:
            event = await receive()
            self.events.append(event)
            if event["type"] == "websocket.disconnect":
                return
            if self.echo:
                await send({**event, "type": "websocket.send"})

    @property
    def messages(self) -> list[str | bytes]:
        """The messages received."""
        assert self.events[0] == {"type": "websocket.connect"}
        return [event["text"] if event["bytes"] is None else event["bytes"] for event in self.events
                if event["type"] == "websocket.receive"]  # fmt: skip

    @property
    def end(self) -> tuple[int, str]:
        """The code and the reason of the disconnect, which is the last event."""
        event = self.events[-1]
        assert set(event) == {"type", "code", "reason"}
        assert event["type"] == "websocket.disconnect"
        return event["code"], event["reason"]


def test_handshake_waits_for_the_application(serve: Serve, engine: str) -> None:
    """W2: nothing is answered before the application accepts."""
    gate = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        assert await receive() == {"type": "websocket.connect"}
        await gate.wait()
        await send(ACCEPT)
        await receive()

    served = serve(app, websocket_engine=engine)
    client = open_websocket(served)
    assert client.head == (0, [])
    served.driver.call(gate.set)
    served.driver.settle()
    assert client.accepted
    assert served.context.websockets == 1


def test_accept_with_headers_and_subprotocol(serve: Serve, engine: str) -> None:
    """W3: headers in their order, the subprotocol in its field."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({**ACCEPT, "subprotocol": "b", "headers": [(b"x-one", b"1"), [b"X-Two", b"2"], (b"x-one", b"3")]})
        await receive()

    client = open_websocket(serve(app, websocket_engine=engine), headers=[("sec-websocket-protocol", "a, b")])
    assert client.accepted
    assert client.header(b"sec-websocket-protocol") == b"b"
    fields = [(name, value) for name, value in client.head[1] if name.startswith(b"x-")]
    assert fields == [(b"x-one", b"1"), (b"x-two", b"2"), (b"x-one", b"3")]
    assert client.header(b"connection") in (b"Upgrade", None)
    assert client.header(b"content-length") is None
    assert client.header(b"date") is not None


@pytest.mark.parametrize(
    ("message", "says"),
    [
        ({"headers": [(b"sec-websocket-protocol", b"a")]}, "server's to send"),
        ({"headers": [(b"Sec-WebSocket-Accept", b"a")]}, "server's to send"),
        ({"headers": [(b"sec-websocket-extensions", b"a")]}, "server's to send"),
        ({"headers": [(b":status", b"a")]}, "not a token"),
        ({"headers": [(b"x", b"a\r\nb: c")]}, "CR, LF or NUL"),
        ({"headers": [("x", b"a")]}, "encode it"),
        ({"headers": "x"}, "list of"),
        ({"headers": [1]}, "list of"),
        ({"subprotocol": "z"}, "the client offers"),
        ({"subprotocol": b"a"}, "needs a str"),
    ],
)
def test_bad_accept(serve: Serve, message: Event, says: str) -> None:
    """W3, C5: a wrong accept raises, says why, and nothing of it is sent; a right one may follow."""
    caught: list[Exception] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        with pytest.raises(MessageError, match=says):
            await send({**ACCEPT, **message})
        caught.append(MessageError())
        await send(ACCEPT)
        await receive()

    client = open_websocket(serve(app), headers=[("sec-websocket-protocol", "a")])
    assert caught
    assert client.accepted
    assert client.frames == []


def test_messages_both_ways(serve: Serve, engine: str) -> None:
    """W4, W5: text and bytes, exactly one of them not None; empty ones too."""
    app = Recorder(echo=True)
    client = open_websocket(serve(app, websocket_engine=engine))
    client.send(text("gr\u00fc\u00df"), frame(BINARY, b"\0\xff"), text(""), frame(BINARY, b""))
    assert app.messages == ["gr\u00fc\u00df", b"\0\xff", "", b""]
    assert client.messages == ["gr\u00fc\u00df", b"\0\xff", "", b""]
    for event in app.events[1:]:
        assert set(event) == {"type", "text", "bytes"}


@pytest.mark.parametrize("size", [125, 126, 65535, 65536, 300_000])
def test_sizes(serve: Serve, engine: str, size: int) -> None:
    """W4: messages of each form of length, whole."""
    app = Recorder(echo=True)
    client = open_websocket(serve(app, websocket_engine=engine))
    data = bytes(index % 251 for index in range(size))
    client.send(frame(BINARY, data))
    assert app.messages == [data]
    assert client.messages == [data]


@pytest.mark.parametrize(
    ("message", "says"),
    [
        ({}, "neither"),
        ({"text": "a", "bytes": b"a"}, "both"),
        ({"text": None, "bytes": None}, "neither"),
        ({"text": b"a"}, "needs a str"),
        ({"bytes": "a"}, "needs bytes"),
        ({"text": "\ud800"}, ""),
    ],
)
def test_bad_send(serve: Serve, engine: str, message: Event, says: str) -> None:
    """W5, C5: a wrong message raises and nothing of it is sent."""
    raised: list[Exception] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send(ACCEPT)
        try:
            await send({"type": "websocket.send", **message})
        except MessageError as error:
            raised.append(error)
        await send({"type": "websocket.send", "text": "after"})
        await receive()

    client = open_websocket(serve(app, websocket_engine=engine))
    assert len(raised) == 1
    assert says in str(raised[0])
    assert client.messages == ["after"]


def test_bytes_like_messages(serve: Serve, engine: str) -> None:
    """W5: bytearray and memoryview are taken for bytes; extra keys and other mappings do no harm (C6)."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send(ACCEPT)
        await send({"type": "websocket.send", "bytes": bytearray(b"one"), "extra": 1})
        await send({"type": "websocket.send", "bytes": memoryview(b"two"), "text": None})
        await receive()

    assert open_websocket(serve(app, websocket_engine=engine)).messages == [b"one", b"two"]


def test_order_of_messages(serve: Serve) -> None:
    """W5, C5: messages out of order raise and say what is wrong."""
    said: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        async def wrong(**message: Any) -> None:
            with pytest.raises(MessageError) as raised:
                await send(message)
            said.append(str(raised.value))

        await wrong(type="websocket.send", text="early")
        await wrong(type="websocket.http.response.body", body=b"")
        await wrong(type="http.response.start", status=200)
        await wrong(text="x")
        with pytest.raises(MessageError, match="takes a dict"):
            await send(["websocket.accept"])  # type: ignore[arg-type]
        await send(ACCEPT)
        await wrong(**ACCEPT)
        await wrong(type="websocket.http.response.start", status=200)
        await wrong(type="websocket.close", code=99)
        await wrong(type="websocket.close", code=1005)
        await wrong(type="websocket.close", code="1000")
        await wrong(type="websocket.close", reason=b"x")
        await wrong(type="websocket.close", reason="x" * 124)
        await send({"type": "websocket.close", "code": 4999, "reason": "x" * 123})

    client = open_websocket(serve(app))
    assert len(said) == 11
    assert client.closed_with == (4999, "x" * 123)


def test_fragments_and_control_frames_between(serve: Serve, engine: str) -> None:
    """W6: fragments are one message; a ping between them is answered."""
    app = Recorder()
    client = open_websocket(serve(app, websocket_engine=engine))
    client.send(
        frame(TEXT, b"one ", fin=False), frame(PING, b"p"), frame(CONTINUATION, b"two", fin=False), frame(CONTINUATION)
    )
    assert app.messages == ["one two"]
    assert [(answer.opcode, answer.payload) for answer in client.frames] == [(PONG, b"p")]


@pytest.mark.parametrize(
    ("code", "reason", "expected"),
    [
        (1000, "", (1000, "")),
        (1001, "going", (1001, "going")),
        (4321, "gr\u00fc\u00df", (4321, "gr\u00fc\u00df")),
        (None, "", (1005, "")),
        (1011, "x" * 123, (1011, "x" * 123)),
    ],
)
def test_close_by_the_client(
    serve: Serve, engine: str, code: int | None, reason: str, expected: tuple[int, str]
) -> None:
    """W7: the code and the reason of the client, exactly; its close frame is answered."""
    app = Recorder()
    client = open_websocket(serve(app, websocket_engine=engine))
    client.send(text("last"), close(code, reason))
    assert app.messages == ["last"]
    assert app.end == expected
    assert client.closed_with is not None
    assert client.closed_with[0] == code
    assert client.ended


@pytest.mark.parametrize("error", [None, ConnectionResetError()])
def test_lost_connection_is_1006(serve: Serve, engine: str, error: Exception | None) -> None:
    """W7, W9: a connection that ends without a close frame."""
    app = Recorder()
    served = serve(app, websocket_engine=engine)
    client = open_websocket(served)
    client.send(text("last"))
    client.vanish(error)
    assert app.messages == ["last"]
    assert app.end == (1006, "")
    assert served.context.websockets == 0
    assert served.context.active_requests == 0


def test_half_closed_connection_is_1006(serve: Serve, engine: str) -> None:
    """W7: a client that shuts its side without a close frame."""
    app = Recorder()
    client = open_websocket(serve(app, websocket_engine=engine))
    client.finish()
    assert app.end == (1006, "")
    assert client.ended


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (frame(3), 1002),
        (frame(TEXT, b"a", masked=False), 1002),
        (frame(TEXT, b"a", rsv=1), 1002),
        (frame(CONTINUATION, b"a"), 1002),
        (frame(PING, b"a", fin=False), 1002),
        (frame(8, b"a"), 1002),
        (close(1005), 1002),
        (frame(TEXT, b"\xff"), 1007),
        (frame(BINARY, b"x" * 2000), 1009),
    ],
    ids=["opcode", "unmasked", "rsv", "continuation", "control", "close-1-byte", "close-1005", "utf8", "size"],
)
def test_protocol_errors(serve: Serve, engine: str, data: bytes, code: int) -> None:
    """W7, W12: the code that a broken protocol is closed with is what the application gets; nothing is logged."""
    app = Recorder()
    served = serve(app, websocket_engine=engine, websocket_max_message_size=1024)
    client = open_websocket(served)
    client.send(text("before"), data)
    assert app.messages == ["before"]
    assert app.end[0] == code
    assert client.closed_with is not None
    assert client.closed_with[0] == code
    assert client.ended
    client.send(text("after"))
    client.finish()
    assert client.over


def test_close_before_accept_is_403(serve: Serve) -> None:
    """W8: the handshake is refused; receive() tells that it is over."""
    events: list[Event] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.close", "code": 4000, "reason": [{"as FastAPI": "has it"}]})
        events.append(await receive())

    client = open_websocket(serve(app))
    assert (client.answer.status, client.answer.complete) == (403, True)
    assert client.answer.header(b"connection") == (b"close" if client.http_version == "1.1" else None)
    assert client.ended
    assert events == [{"type": "websocket.disconnect", "code": 1006, "reason": ""}]


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({}, (1000, "")),
        ({"code": 1001, "reason": "later"}, (1001, "later")),
        ({"code": None, "reason": None}, (1000, "")),
        ({"code": 3000, "reason": ""}, (3000, "")),
    ],
)
def test_close_by_the_application(serve: Serve, engine: str, message: Event, expected: tuple[int, str]) -> None:
    """W8: a close frame with code and reason; the client's answer ends the connection."""
    events: list[Event] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send(ACCEPT)
        await send({"type": "websocket.send", "text": "bye"})
        await send({"type": "websocket.close", **message})
        events.append(await receive())
        events.append(await receive())

    client = open_websocket(serve(app, websocket_engine=engine))
    assert client.messages == ["bye"]
    assert client.closed_with == expected
    assert not client.ended
    assert events == [{"type": "websocket.disconnect", "code": expected[0], "reason": expected[1]}] * 2
    client.send(text("crossed on the way"))
    assert not client.ended
    client.close(expected[0])
    assert client.ended


def test_return_closes_with_1000(serve: Serve, engine: str) -> None:
    """W9: the application returns."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send(ACCEPT)

    client = open_websocket(serve(app, websocket_engine=engine))
    assert client.accepted
    assert client.closed_with == (1000, "")


def test_error_closes_with_1011(serve: Serve, engine: str) -> None:
    """W9, C7: the application raises: the client gets 1011, the log the traceback."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send(ACCEPT)
        await receive()
        raise ValueError("on purpose")

    served = serve(app, websocket_engine=engine)
    client = open_websocket(served, "/chat")
    client.send(text("x"))
    assert client.closed_with == (1011, "")
    (record,) = served.take_errors()
    assert "/chat" in record.getMessage()
    assert record.exc_info
    assert served.context.errors_total == 1


def test_return_or_error_before_accept_is_500(serve: Serve) -> None:
    """W9: without an answer the handshake fails, and the log says why."""

    async def silent(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()

    async def raising(scope: Scope, receive: Receive, send: Send) -> None:
        raise ValueError("on purpose")

    for app in (silent, raising):
        served = serve(app)
        client = open_websocket(served)
        assert (client.answer.status, client.answer.complete) == (500, True)
        assert len(served.take_errors()) == 1


def test_cancelled_application(serve: Serve, engine: str) -> None:
    """W9, S2: applications that are cancelled close with 1011; when the server stops, with 1012."""
    served = serve(Recorder(), websocket_engine=engine)
    client = open_websocket(served)
    served.driver.call(served.context.cancel_all)
    served.driver.settle()
    assert client.closed_with == (1011, "")


class Sending:
    """Accepts, waits for the gate, then sends once and keeps what send() raised."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.raised: BaseException | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send(ACCEPT)
        await self.gate.wait()
        try:
            await send({"type": "websocket.send", "text": "late"})
        except BaseException as error:
            self.raised = error
            raise


@pytest.mark.parametrize("how", ["close", "lost", "failed"])
def test_send_after_the_end(serve: Serve, engine: str, how: str) -> None:
    """W10: send() on a closed WebSocket raises a subclass of OSError, which is not logged."""
    app = Sending()
    served = serve(app, websocket_engine=engine)
    client = open_websocket(served)
    if how == "lost":
        client.vanish()
    else:
        client.send(close(1000) if how == "close" else frame(3))
    served.driver.call(app.gate.set)
    served.driver.settle()
    assert isinstance(app.raised, OSError)
    assert isinstance(app.raised, ClientDisconnected)
    assert not served.take_errors()
    assert served.context.active_requests == 0


def test_send_after_own_close(serve: Serve, engine: str) -> None:
    """W10: also after the application's own close; accept and close too."""
    raised: list[BaseException] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send(ACCEPT)
        await send({"type": "websocket.close"})
        for message in ({"type": "websocket.send", "text": "x"}, {"type": "websocket.close"}, ACCEPT):
            try:
                await send(message)
            except ClientDisconnected as error:
                raised.append(error)

    client = open_websocket(serve(app, websocket_engine=engine))
    assert len(raised) == 3
    assert client.closed_with == (1000, "")


def test_error_about_the_disconnect_is_not_logged(serve: Serve) -> None:
    """W10: nor is what a framework raises for it, by name or by cause."""

    class WebSocketDisconnect(Exception):
        pass

    async def named(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send(ACCEPT)
        await receive()
        raise WebSocketDisconnect

    async def caused(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send(ACCEPT)
        await receive()
        try:
            await send({"type": "websocket.send", "text": "x"})
        except OSError as error:
            raise RuntimeError from error

    for app in (named, caused):
        served = serve(app)
        open_websocket(served).close(1001)
        assert not served.take_errors()
        assert served.context.errors_total == 0


@pytest.mark.parametrize("together", [True, False])
def test_early_data_is_held(serve: Serve, engine: str, together: bool) -> None:
    """W11: what comes with the handshake, or before accept, is received after it."""
    gate = asyncio.Event()
    recorder = Recorder(echo=True)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await gate.wait()
        await recorder(scope, receive, send)

    served = serve(app, websocket_engine=engine)
    if together:
        client = open_websocket(served, data=text("early") + text("bird"))
    else:
        client = open_websocket(served)
        client.send(text("early"))
        client.send(text("bird"))
    served.driver.call(gate.set)
    served.driver.settle()
    assert recorder.messages == ["early", "bird"]
    assert client.messages == ["early", "bird"]


def test_early_data_is_bounded(serve: Serve) -> None:
    """W11, P10: before accept, reading is paused; after it nothing is missing."""
    gate = asyncio.Event()
    recorder = Recorder()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await gate.wait()
        await recorder(scope, receive, send)

    served = serve(app)
    client = open_websocket(served)
    message = frame(BINARY, b"x" * 50_000)
    for _ in range(20):
        client.send(message)
    assert client.upload_paused is not False
    assert client.taken < 500_000
    served.driver.call(gate.set)
    served.driver.settle()
    assert len(recorder.messages) == 20
    assert not client.upload_paused


def test_early_close(serve: Serve, engine: str) -> None:
    """W11, W7: a client that closes before it is accepted."""
    app = Recorder()
    client = open_websocket(serve(app, websocket_engine=engine), data=text("only") + close(4001, "quick"))
    assert client.accepted
    assert app.messages == ["only"]
    assert app.end == (4001, "quick")
    assert client.ended


def lost(served: Served, gate: asyncio.Event, finish: bool) -> None:
    client = open_websocket(served)
    if finish:
        client.finish()
    else:
        client.vanish()
    served.driver.call(gate.set)
    served.driver.settle()


@pytest.mark.parametrize("finish", [True, False])
def test_lost_before_accept(serve: Serve, finish: bool) -> None:
    """W9, W10: the client leaves before the application answers: accept raises, receive tells."""
    gate = asyncio.Event()
    raised: list[BaseException] = []
    events: list[Event] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await gate.wait()
        try:
            await send(ACCEPT)
        except OSError as error:
            raised.append(error)
        events.append(await receive())
        await send(ACCEPT)

    served = serve(app)
    lost(served, gate, finish)
    assert len(raised) == 1
    assert events == [{"type": "websocket.disconnect", "code": 1006, "reason": ""}]


def test_receive_repeats_disconnect(serve: Serve, engine: str) -> None:
    """W7: receive() after the end gives the same again, never waits."""
    events: list[Event] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send(ACCEPT)
        for _ in range(3):
            events.append(await receive())

    open_websocket(serve(app, websocket_engine=engine)).close(1001, "x")
    assert events == [{"type": "websocket.disconnect", "code": 1001, "reason": "x"}] * 3


class Text(str):
    """As markupsafe.Markup is: a str, but not exactly one."""


def test_subclasses_of_str_are_texts(serve: Serve, engine: str) -> None:
    """W3, W5, W8: what is a str for the application is one here."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept", "subprotocol": Text(scope["subprotocols"][0])})
        await send({"type": "websocket.send", "text": Text("markup")})
        await send({"type": "websocket.close", "code": 4000, "reason": Text("done")})

    client = open_websocket(serve(app, websocket_engine=engine), headers=[("Sec-WebSocket-Protocol", "chat")])
    assert client.messages == ["markup"]
    assert client.closed_with == (4000, "done")


def test_group_of_disconnects_is_not_logged(serve: Serve) -> None:
    """W10: a task group wraps what its tasks raise when the client has gone."""
    gate = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send(ACCEPT)
        await gate.wait()

        async def tell() -> None:
            await send({"type": "websocket.send", "text": "x"})

        async with asyncio.TaskGroup() as group:
            group.create_task(tell())

    served = serve(app)
    client = open_websocket(served)
    client.vanish()
    served.driver.call(gate.set)
    served.driver.settle()
    assert not served.take_errors()


def test_task_that_receives_gets_early_data(serve: Serve) -> None:
    """W11: also when it waits in receive() while another task accepts."""
    events: list[Event] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        events.append(await receive())

        async def listen() -> None:
            events.append(await receive())

        listener = asyncio.create_task(listen())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await send(ACCEPT)
        await listener

    served = serve(app)
    open_websocket(served, data=text("early"))
    assert [event["type"] for event in events] == ["websocket.connect", "websocket.receive"]
