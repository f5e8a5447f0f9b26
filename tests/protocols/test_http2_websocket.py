# SPDX-License-Identifier: MIT
"""WebSockets on streams of HTTP/2 (RFC 8441): what differs from a socket of one's own.

Each runs on both engines of HTTP/2. The behaviour that every WebSocket has is in test_websocket_*.py here and in
tests/asgi, which run over HTTP/2 too.
"""

from __future__ import annotations

import asyncio
import functools
import tracemalloc
from typing import Any

import pytest
from h2.errors import ErrorCodes
from h2.settings import SettingCodes

from fastcorn.protocols.handshake import open_stream_handshake
from tests.exchanges import Receive, Scope, Send, Served
from tests.frames import deflated
from tests.http2_client import Http2Client
from tests.http2_frames import ENGINES, raw_frame
from tests.http2_websockets import Http2WebSocketClient, handshake_fields
from tests.serving import Serve
from tests.websockets import BINARY, PING, PONG, close, frame, text

ACCEPT = {"type": "websocket.accept"}
DATA = 0
Event = dict[str, Any]


@pytest.fixture(name="serving", params=ENGINES)
def fixture_serving(request: pytest.FixtureRequest, serve: Serve) -> Serve:
    """`serve` with each engine of HTTP/2."""
    return functools.partial(serve, http2_engine=request.param)


class Rooms:
    """Echoes; keeps the events of each path. /gated waits for the gate before it receives, /late before it accepts."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.events: dict[str, list[Event]] = {}
        self.scopes: list[Scope] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self.upload(receive, send)
            return
        self.scopes.append(scope)
        events = self.events.setdefault(scope["path"], [])
        events.append(await receive())
        if scope["path"] == "/late":
            await self.gate.wait()
        await send({**ACCEPT, "headers": [(b"content-length", b"5"), (b"x-room", scope["raw_path"])]})
        if scope["path"] == "/gated":
            await self.gate.wait()
        while events[-1]["type"] != "websocket.disconnect":
            events.append(event := await receive())
            if event["type"] == "websocket.receive" and scope["path"] != "/gated":
                await send({**event, "type": "websocket.send"})

    async def upload(self, receive: Receive, send: Send) -> None:
        size = 0
        while (event := await receive())["type"] == "http.request":
            size += len(event["body"])
            if not event.get("more_body"):
                break
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": b"%d" % size})

    def end(self, path: str = "/") -> tuple[int, str]:
        """The code and the reason of the disconnect."""
        event = self.events[path][-1]
        assert event["type"] == "websocket.disconnect"
        return event["code"], event["reason"]

    def messages(self, path: str = "/") -> list[str | bytes]:
        received = [event for event in self.events[path] if event["type"] == "websocket.receive"]
        return [event["text"] if event["bytes"] is None else event["bytes"] for event in received]

    def open_gate(self, served: Served) -> None:
        served.driver.call(self.gate.set)
        served.driver.settle()


def open_on(client: Http2Client, *args: Any, data: bytes = b"", **kwargs: Any) -> Http2WebSocketClient:
    """A WebSocket on a connection that is there."""
    websocket = Http2WebSocketClient(client.served, client)
    websocket.open(*args, data=data, **kwargs)
    return websocket


# ---- the handshake ---------------------------------------------------------------------------------------------------


def test_offered_and_accepted(serving: Serve) -> None:
    """M1, W1, W3: SETTINGS say that it can be had; 200, the agreed fields, and none that frame a body."""
    app = Rooms()
    client = Http2Client(serving(app))
    assert client.h2.remote_settings[SettingCodes.ENABLE_CONNECT_PROTOCOL] == 1
    websocket = open_on(client, "/a%20b?c=d", [("x-one", "1"), ("host", "example.org")])
    assert websocket.accepted
    assert websocket.header(b"x-room") == b"/a%20b"
    (scope,) = app.scopes
    assert (scope["type"], scope["http_version"], scope["scheme"]) == ("websocket", "2", "ws")
    assert (scope["path"], scope["raw_path"], scope["query_string"]) == ("/a b", b"/a%20b", b"c=d")
    assert scope["headers"][0] == (b"host", b"example.org")
    assert (b"x-one", b"1") in scope["headers"]
    assert not [name for name, _ in scope["headers"] if name.startswith(b":")]
    assert "method" not in scope


def test_subprotocol_and_compression(serving: Serve) -> None:
    """M1, W3: what RFC 6455 and RFC 7692 agree on by fields is agreed on by the same ones."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({**ACCEPT, "subprotocol": scope["subprotocols"][1]})
        await send({"type": "websocket.send", "text": (await receive())["text"]})
        await receive()

    offers = [("sec-websocket-protocol", "a, b"), ("sec-websocket-extensions", "permessage-deflate")]
    websocket = open_on(Http2Client(serving(app)), headers=offers)
    assert websocket.header(b"sec-websocket-protocol") == b"b"
    extensions = websocket.header(b"sec-websocket-extensions")
    assert extensions is not None
    assert extensions.startswith(b"permessage-deflate")
    websocket.send(frame(1, deflated(b"x" * 10_000), rsv=4))
    (answer,) = websocket.frames
    assert answer.rsv == 4
    assert len(answer.payload) < 100


@pytest.mark.parametrize("version", ["8", "14", "13, 8", ""])
def test_wrong_version(serving: Serve, version: str) -> None:
    """M1: 400 that names the right one; Upgrade, which a 426 needs, is not allowed in HTTP/2."""
    app = Rooms()
    websocket = open_on(Http2Client(serving(app)), headers=[("sec-websocket-version", version)])
    assert (websocket.answer.status, websocket.answer.complete) == (400, True)
    assert websocket.answer.header(b"sec-websocket-version") == b"13"
    assert websocket.answer.header(b"upgrade") is None
    assert not app.scopes


def test_version_may_be_left_out_and_a_key_is_ignored(serving: Serve) -> None:
    """M1: RFC 8441 section 5 asks for neither."""
    client = Http2Client(serving(Rooms()))
    assert open_on(client, without=["sec-websocket-version"]).accepted
    assert open_on(client, headers=[("sec-websocket-key", "anything")]).accepted


def test_end_of_stream_with_the_request(serving: Serve) -> None:
    """M1: who ends the stream cannot send a frame."""
    app = Rooms()
    client = Http2Client(serving(app))
    exchange = client.request_fields(handshake_fields())
    assert (exchange.answer.status, exchange.answer.complete) == (400, True)
    assert b"leaves its stream open" in exchange.answer.body
    assert not app.scopes
    assert client.request().answer.status == 200


@pytest.mark.parametrize("protocol", ["connect-udp", "WEBSOCKET2", "h2c"])
def test_other_protocols_are_501(serving: Serve, protocol: str) -> None:
    """M1: RFC 8441 section 4 leaves it to the server which protocols it knows; RFC 9220 section 3 names 501."""
    app = Rooms()
    client = Http2Client(serving(app))
    websocket = open_on(client, headers=[(":protocol", protocol)])
    assert websocket.answer.status == 501
    assert not app.scopes
    assert client.request().answer.status == 200


@pytest.mark.parametrize("gone", [":scheme", ":path", ":authority"])
def test_fields_of_an_extended_connect(serving: Serve, gone: str) -> None:
    """M1: RFC 8441 section 4: without one of these the request is malformed, which ends its stream alone."""
    app = Rooms()
    client = Http2Client(serving(app))
    websocket = open_on(client, without=[gone])
    assert websocket.ended
    assert not websocket.accepted
    assert not app.scopes
    assert client.request().answer.status == 200


@pytest.mark.parametrize("field", [("upgrade", "websocket"), ("connection", "upgrade")])
def test_fields_of_http1_are_malformed(serving: Serve, field: tuple[str, str]) -> None:
    """M1: RFC 9113 section 8.2.2."""
    app = Rooms()
    client = Http2Client(serving(app))
    websocket = open_on(client, headers=[field])
    assert websocket.stream.reset == ErrorCodes.PROTOCOL_ERROR
    assert not app.scopes
    assert open_on(client).accepted


def test_no_get_becomes_a_websocket(serving: Serve) -> None:
    """M1: a GET with Sec-WebSocket fields is a GET."""
    app = Rooms()
    fields = [("sec-websocket-version", "13"), ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")]
    assert Http2Client(serving(app)).request(headers=fields).answer.status == 200
    assert not app.scopes


def test_handshake_reads_fields() -> None:
    """M1: several fields of offers are one list, in any case of their names."""
    headers = [
        (b"Sec-WebSocket-Protocol", b"a, b"),
        (b"sec-websocket-protocol", b"c"),
        (b"sec-websocket-extensions", b"x; y"),
        (b"sec-websocket-extensions", b"z"),
    ]
    handshake = open_stream_handshake(headers)
    assert handshake.error is None
    assert handshake.subprotocols == ["a", "b", "c"]
    assert handshake.extensions == [b"x; y", b"z"]
    assert open_stream_handshake([(b"sec-websocket-version", b"13")] * 2).error is not None
    assert open_stream_handshake([], ended=True).error is not None


# ---- many on one connection ------------------------------------------------------------------------------------------


def test_streams_are_apart(serving: Serve) -> None:
    """W4, W5: WebSockets and requests share a connection and nothing else."""
    app = Rooms()
    served = serving(app, max_connections=2)
    client = Http2Client(served)
    websockets = [open_on(client, f"/{number}") for number in range(20)]
    for number, websocket in enumerate(websockets):
        websocket.send(text(f"to {number}"))
        assert client.request(body=b"xyz").answer.body == b"3"
    assert [websocket.messages for websocket in websockets] == [[f"to {number}"] for number in range(20)]
    assert served.context.websockets == 20
    assert len(served.context.connections) == 1
    websockets[0].send(frame(3))
    websockets[1].vanish()
    websockets[2].close(4000, "bye")
    websockets[3].finish()
    assert [app.end(f"/{number}")[0] for number in range(4)] == [1002, 1006, 4000, 1006]
    for number, websocket in enumerate(websockets[4:]):
        websocket.send(text("again"))
        assert websocket.messages == [f"to {number + 4}", "again"]
    assert served.context.websockets == 16
    assert client.request().answer.status == 200


def test_lost_connection_ends_all(serving: Serve) -> None:
    """W7, W9: with what came before."""
    app = Rooms()
    served = serving(app)
    client = Http2Client(served)
    for number in range(5):
        open_on(client, f"/{number}", data=text("last"))
    client.vanish(ConnectionResetError())
    for number in range(5):
        assert app.messages(f"/{number}") == ["last"]
        assert app.end(f"/{number}") == (1006, "")
    assert served.context.websockets == 0
    assert served.context.active_requests == 0


def test_streams_are_freed(serving: Serve) -> None:
    """W9: more WebSockets one after the other than streams are allowed at once."""
    app = Rooms()
    served = serving(app, h2_max_concurrent_streams=3)
    client = Http2Client(served)
    for number in range(50):
        websocket = open_on(client, data=text("x"))
        assert websocket.messages == ["x"], number
        if number % 3 == 0:
            websocket.close(1000)
        elif number % 3 == 1:
            websocket.vanish()
        else:
            websocket.finish()
        assert websocket.over
        assert served.context.websockets == 0
    assert served.context.active_requests == 0


def test_message_in_many_frames(serving: Serve) -> None:
    """W6: DATA frames need not be frames of the WebSocket; empty and padded ones do no harm."""
    app = Rooms()
    client = Http2Client(serving(app))
    websocket = open_on(client)
    stream_id = websocket.exchange.stream_id
    for index, byte in enumerate(text("byte by byte") + frame(PING, b"p") + text("padded")):
        client.h2.send_data(stream_id, bytes([byte]), pad_length=index % 3 if index > 20 else None)
        if index % 7 == 0:
            client.h2.send_data(stream_id, b"")
    client.flush()
    client.settle()
    assert app.messages() == ["byte by byte", "padded"]
    assert websocket.messages == ["byte by byte", "padded"]


def test_padding_is_credited(serving: Serve) -> None:
    """M2: windows count padding (RFC 9113 section 6.1), so it comes back too."""
    app = Rooms()
    client = Http2Client(serving(app))
    websocket = open_on(client)
    message = frame(BINARY, b"x" * 1000)
    for _ in range(1200):  # windows for 256 KiB, and 1.5 MB of frames
        if client.h2.local_flow_control_window(websocket.exchange.stream_id) < 2000:
            client.settle()
        client.h2.send_data(websocket.exchange.stream_id, message, pad_length=250)
        client.flush()
    client.settle()
    assert len(app.messages()) == 1200


def test_applications_of_reset_websockets_count(serving: Serve) -> None:
    """M4: opening and resetting does not call more applications at once than there may be streams."""
    gate = asyncio.Event()
    calls: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        calls.append(scope["path"])
        await receive()
        if scope["path"] == "/accepting":
            await send(ACCEPT)
        await gate.wait()

    served = serving(app, h2_max_concurrent_streams=10)
    client = Http2Client(served)
    for number in range(40):
        websocket = open_on(client, "/accepting" if number % 2 else "/waiting")
        if websocket.stream.reset is None:
            websocket.vanish()
    assert len(calls) == 10
    assert served.context.active_requests == 10
    served.driver.call(gate.set)
    served.driver.settle()
    assert open_on(client, "/accepting").accepted


# ---- how it ends -----------------------------------------------------------------------------------------------------


def test_closing_handshake(serving: Serve) -> None:
    """W7, M6: close frames, then END_STREAM of both sides: no RST_STREAM in a good end."""
    app = Rooms()
    served = serving(app)
    client = Http2Client(served)
    websocket = open_on(client)
    websocket.close(4000, "done")
    assert app.end() == (4000, "done")
    assert websocket.closed_with == (4000, "")
    assert websocket.stream.ended
    assert websocket.stream.sent_end
    assert websocket.stream.reset is None
    assert served.context.websockets == 0


@pytest.mark.parametrize("data", [close(1000), frame(3)], ids=["closed", "failed"])
def test_client_that_does_not_end_its_side(serving: Serve, data: bytes) -> None:
    """M8: it has websocket_close_timeout; what it sends meanwhile is dropped. Then RST_STREAM, which blames nobody."""
    served = serving(Rooms(), websocket_close_timeout=5)
    client = Http2Client(served)
    websocket = open_on(client)
    websocket.answers_end = False
    websocket.send(data)
    assert websocket.stream.ended
    for _ in range(4):
        served.tick(1)
        websocket.send(frame(BINARY, b"x" * 50_000))
        assert not websocket.over
    assert not websocket.stream.outbox
    served.tick(4)
    assert websocket.stream.reset == ErrorCodes.NO_ERROR
    assert served.context.websockets == 0
    assert client.request().answer.status == 200


def test_end_of_the_clients_side(serving: Serve) -> None:
    """W7: END_STREAM is the end of a socket's side: what came before is received, then 1006."""
    app = Rooms()
    served = serving(app, websocket_queue_messages=2)
    websocket = open_on(Http2Client(served), "/gated")
    websocket.send(*[text(str(number)) for number in range(10)])
    websocket.finish()
    assert not websocket.ended
    app.open_gate(served)
    assert app.messages("/gated") == [str(number) for number in range(10)]
    assert app.end("/gated") == (1006, "")
    assert websocket.stream.ended
    assert websocket.stream.reset is None


@pytest.mark.parametrize("code", [ErrorCodes.CANCEL, ErrorCodes.NO_ERROR, ErrorCodes.PROTOCOL_ERROR])
def test_reset_by_the_client(serving: Serve, code: ErrorCodes) -> None:
    """W7, M2: RST_STREAM is a lost connection, 1006; what came before is received."""
    app = Rooms()
    served = serving(app, websocket_queue_messages=2)
    client = Http2Client(served)
    websocket = open_on(client, "/gated")
    websocket.send(*[frame(BINARY, b"%d" % number * 10_000) for number in range(10)])
    websocket.exchange.reset(code)
    assert served.context.websockets == 0
    app.open_gate(served)
    assert app.messages("/gated") == [b"%d" % number * 10_000 for number in range(10)]
    assert app.end("/gated") == (1006, "")
    assert client.request().answer.status == 200


def test_frames_after_a_reset(serving: Serve) -> None:
    """W10: what crosses a reset is nobody's; the connection goes on."""
    app = Rooms()
    served = serving(app, websocket_close_timeout=1, websocket_ping_interval=None)
    client = Http2Client(served)
    websocket = open_on(client)
    websocket.answers_end = False
    websocket.send(close(1000))
    client.transport.reader = None  # the client has not read the reset yet
    served.tick(4)
    client.h2.send_data(websocket.exchange.stream_id, text("late"))
    client.flush()
    client.settle()
    client.transport.reader = client.read
    client.read()
    client.settle()
    assert websocket.stream.reset is not None
    assert not client.goaways
    assert client.request().answer.status == 200


def test_cut_denial_is_a_reset(serving: Serve) -> None:
    """X1, R9: a refusal that is cut short is visible as such, and the connection goes on."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 204})
            await send({"type": "http.response.body"})
            return
        await receive()
        await send({"type": "websocket.http.response.start", "status": 401})
        await send({"type": "websocket.http.response.body", "body": b"part", "more_body": True})

    served = serving(app)
    client = Http2Client(served)
    websocket = open_on(client, data=text("early"))
    assert websocket.answer.status == 401
    assert websocket.answer.truncated
    assert websocket.stream.reset is not None
    assert len(served.take_errors()) == 1
    assert client.request().answer.status == 204


def test_denial_keeps_the_connection(serving: Serve) -> None:
    """X1, W8: a refusal is an ordinary response of the stream, whole or streamed, to a client that has ended or not."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        if scope["path"] == "/close":
            await send({"type": "websocket.close"})
            return
        headers = [(b"content-length", b"7")] if scope["path"] == "/length" else []
        await send({"type": "websocket.http.response.start", "status": 401, "headers": headers})
        await send({"type": "websocket.http.response.body", "body": b"den", "more_body": True})
        await asyncio.sleep(0)
        await send({"type": "websocket.http.response.body", "body": b"ied!"})

    served = serving(app)
    client = Http2Client(served)
    for path, status in (("/close", 403), ("/length", 401), ("/", 401)):
        for data in (b"", text("early")):
            websocket = open_on(client, path, data=data)
            assert (websocket.answer.status, websocket.answer.complete) == (status, True)
            assert status == 403 or websocket.answer.body == b"denied!"
            websocket.finish()
    assert not client.ended
    assert served.context.active_requests == 0


# ---- before the application accepts ----------------------------------------------------------------------------------


def test_early_data_is_held(serving: Serve) -> None:
    """W11: as much as the window lets in; nothing is missing afterwards, and other streams go on."""
    app = Rooms()
    served = serving(app)
    client = Http2Client(served)
    websocket = open_on(client, "/late")
    for number in range(40):
        websocket.send(frame(BINARY, b"%02d" % number + b"x" * 50_000))
    assert websocket.upload_paused
    assert client.request("POST", body=b"x" * 3_000_000).answer.body == b"3000000"
    app.open_gate(served)
    assert [message[:2] for message in app.messages("/late")] == [b"%02d" % number for number in range(40)]
    assert not websocket.stream.outbox


@pytest.mark.parametrize("how", ["end", "reset", "lost"])
def test_client_that_leaves_before_it_is_accepted(serving: Serve, how: str) -> None:
    """W9, W11: accept raises, receive() tells; the stream is over."""
    app = Rooms()
    raised: list[OSError] = []

    async def late(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await app(scope, receive, send)
        except OSError as error:
            raised.append(error)
            app.events["/late"].append(await receive())

    served = serving(late)
    client = Http2Client(served)
    websocket = open_on(client, "/late", data=text("early"))
    if how == "end":
        websocket.finish()
        assert websocket.stream.reset == ErrorCodes.CANCEL
    else:
        websocket.vanish(None if how == "reset" else ConnectionResetError())
    app.open_gate(served)
    assert len(raised) == 1
    assert app.end("/late") == (1006, "")
    assert served.context.active_requests == 0
    assert how == "lost" or client.request().answer.status == 200


def test_early_frames_of_two_bytes_cost_no_more(serving: Serve) -> None:
    """W11, M2: a window full of the smallest frames takes the memory of their bytes, not of an object for each."""
    app = Rooms()
    served = serving(app)
    client = Http2Client(served)
    websocket = open_on(client, "/late")
    flood = raw_frame(DATA, b"\x89\x80", stream_id=websocket.exchange.stream_id) * 1000
    client.send(flood)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(20):
            client.send(flood)
            client.frames.clear()
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert grown < 300_000  # 40,000 bytes in 20,000 frames
    assert not client.goaways


# ---- back-pressure ---------------------------------------------------------------------------------------------------


def test_websocket_that_is_not_received_blocks_no_other_stream(serving: Serve) -> None:
    """M2: its own window holds its client back; uploads and messages of others go on beyond the connection's window."""
    app = Rooms()
    served = serving(app, h2_initial_connection_window=65535 * 4)
    client = Http2Client(served)
    full = [open_on(client, "/gated") for _ in range(8)]
    for websocket in full:
        websocket.send(*[frame(BINARY, b"x" * 10_000)] * 100)
        assert websocket.upload_paused
    other = open_on(client, "/other")
    for _ in range(20):
        other.send(frame(BINARY, b"y" * 100_000))
    assert len(other.messages) == 20
    assert client.request("POST", body=b"z" * 2_000_000).answer.body == b"2000000"
    app.open_gate(served)
    assert len(app.messages("/gated")) == 800
    assert not any(websocket.stream.outbox for websocket in full)


def test_client_that_does_not_read_blocks_no_other_stream(serving: Serve) -> None:
    """M5: its application waits in send(); the rest of the connection is as quick as ever."""
    sent: list[int] = []
    rooms = Rooms()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] != "/flood":
            await rooms(scope, receive, send)
            return
        await receive()
        await send(ACCEPT)
        for number in range(100):
            await send({"type": "websocket.send", "bytes": b"x" * 10_000})
            sent.append(number)

    served = serving(app)
    client = Http2Client(served)
    slow = Http2WebSocketClient(served, client)
    slow.stop_reading()
    slow.open("/flood")
    assert len(sent) < 20
    other = open_on(client, "/other")
    other.send(frame(BINARY, b"y" * 300_000))
    assert other.messages == [b"y" * 300_000]
    slow.resume_reading()
    assert len(slow.messages) == 100
    assert slow.closed_with == (1000, "")


def test_stalled_stream_is_cut_alone(serving: Serve) -> None:
    """M8, D5: a WebSocket whose client gives no window for write_timeout is reset; others live."""
    raised: list[BaseException] = []
    rooms = Rooms()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] != "/flood":
            await rooms(scope, receive, send)
            return
        await receive()
        await send(ACCEPT)
        try:
            while True:
                await send({"type": "websocket.send", "bytes": b"x" * 10_000})
        except OSError as error:
            raised.append(error)

    served = serving(app, write_timeout=10, websocket_ping_interval=None, h2_ping_interval=None)
    client = Http2Client(served)
    slow = Http2WebSocketClient(served, client)
    slow.stop_reading()
    slow.open("/flood")
    other = open_on(client, "/other")
    served.tick(14)
    assert slow.stream.reset == ErrorCodes.CANCEL
    assert len(raised) == 1
    other.send(text("alive"))
    assert other.messages == ["alive"]


def test_one_write_a_turn(serving: Serve) -> None:
    """M3: what many WebSockets of a connection are sent in one turn leaves together."""
    app = Rooms()
    client = Http2Client(serving(app))
    websockets = [open_on(client, f"/{number}") for number in range(10)]
    for websocket in websockets:
        websocket.send(text("first"))
    client.transport.writes.clear()
    for websocket in websockets:
        websocket._put([text("a"), frame(PING, b"p"), text("b")])
    client.deliver()
    assert len(client.transport.writes) == 1
    client.settle()
    for websocket in websockets:
        assert sorted(answer.opcode for answer in websocket.frames) == [1, 1, 1, PONG]


# ---- deadlines and the end of the server -----------------------------------------------------------------------------


def test_deadlines_end_the_stream_alone(serving: Serve) -> None:
    """M7, M8: no pong: 1011, then a reset; the others answer and stay."""
    app = Rooms()
    served = serving(app, websocket_ping_interval=10, websocket_ping_timeout=10, h2_ping_interval=None)
    client = Http2Client(served)
    silent, other = open_on(client, "/silent"), open_on(client, "/other")
    for _ in range(40):
        served.tick(1)
        other.send(frame(PONG))
    assert app.end("/silent") == (1011, "no answer to a ping")
    assert silent.stream.reset is not None
    assert other.closed_with is None
    other.send(text("alive"))
    assert other.messages == ["alive"]
    assert served.context.websockets == 1


def test_connection_with_websockets_is_not_idle(serving: Serve) -> None:
    """M8, D2: the deadlines of HTTP do not end it."""
    served = serving(
        Rooms(), keep_alive_timeout=2, header_read_timeout=2, body_timeout=2, body_min_rate=1000, h2_ping_interval=None
    )
    client = Http2Client(served)
    websocket = open_on(client)
    for _ in range(6):
        served.tick(5)
        websocket.send(frame(PONG))
    assert not client.ended
    assert websocket.closed_with is None


def test_graceful_stop(serving: Serve) -> None:
    """M9, S1: GOAWAY, 1012 to each WebSocket, 503 to who waits for accept; when all have ended, the connection ends."""
    app = Rooms()
    served = serving(app, graceful_timeout=30)
    client = Http2Client(served)
    websockets = [open_on(client, f"/{number}") for number in range(5)]
    waiting = open_on(client, "/late")
    idle: list[int] = []
    served.context.when_idle = lambda: idle.append(1)
    served.driver.call(served.context.announce_drain)
    served.driver.call(served.context.begin_drain)
    served.driver.settle()
    assert waiting.answer.status == 503
    served.tick(1)
    assert [websocket.closed_with for websocket in websockets] == [(1012, "the server restarts")] * 5
    assert client.goaways
    assert not client.ended
    app.open_gate(served)
    for number, websocket in enumerate(websockets):
        assert not idle
        websocket.close(1012)
        assert app.end(f"/{number}") == (1012, "the server restarts")
    served.tick(2)
    assert client.ended
    assert idle == [1]


def test_hard_stop(serving: Serve) -> None:
    """S2: all are lost at once."""
    app = Rooms()
    served = serving(app)
    client = Http2Client(served)
    for number in range(5):
        open_on(client, f"/{number}")
    served.driver.call(served.context.abort_all)
    served.driver.settle()
    assert client.closed
    assert [app.end(f"/{number}") for number in range(5)] == [(1006, "")] * 5
    assert served.context.websockets == 0


def test_access_record_has_the_status_of_http2(serving: Serve) -> None:
    """S4: 200, as there is no 101 in HTTP/2."""
    served = serving(Rooms(), access=True)
    open_on(Http2Client(served)).close(1000)
    ((scope, status, _, _, _),) = served.accesses
    assert (scope["http_version"], status) == ("2", 200)
