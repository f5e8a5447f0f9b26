# SPDX-License-Identifier: MIT
"""What RFC 9113 (HTTP/2) and RFC 7541 (HPACK) demand of a server: frames in, what has to come back out.

Each rule is a row, numbered by its section: what the client sends after its preface and SETTINGS, and the outcome. Rows
are run whole and byte by byte. After an outcome that is not the end of the connection another request is answered; that
shows too that header compression is where the client thinks it is.

Longer: this file - one table, in the order of the RFCs.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import pytest
from hpack.huffman import HuffmanEncoder
from hpack.huffman_constants import REQUEST_CODES, REQUEST_CODES_LENGTH
from hyperframe.frame import DataFrame, Frame, HeadersFrame, PingFrame, SettingsFrame, WindowUpdateFrame

from tests.exchanges import Headers
from tests.http2_frames import ENGINES, PREFACE, REQUEST, FrameClient, raw_frame

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
UNKNOWN = 0xBA
END_STREAM, ACK, END_HEADERS, PADDED, WITH_PRIORITY = 1, 1, 4, 8, 32
WHOLE = END_HEADERS | END_STREAM
TABLE_SIZE, ENABLE_PUSH, MAX_STREAMS, INITIAL_WINDOW, FRAME_SIZE, LIST_SIZE = range(1, 7)
(
    NO_ERROR,
    PROTOCOL_ERROR,
    INTERNAL_ERROR,
    FLOW_CONTROL_ERROR,
    SETTINGS_TIMEOUT,
    STREAM_CLOSED,
    FRAME_SIZE_ERROR,
    REFUSED_STREAM,
    CANCEL,
    COMPRESSION_ERROR,
) = range(10)
MAX_WINDOW = 2**31 - 1
HUFFMAN = HuffmanEncoder(REQUEST_CODES, REQUEST_CODES_LENGTH)

GET = REQUEST
POST: Headers = [(b":method", b"POST"), *REQUEST[1:]]
# An application that does not answer: its stream stays open.
HOLD: Headers = [*REQUEST[:3], (b":path", b"/hold")]
HOLD_POST: Headers = [*POST[:3], (b":path", b"/hold")]


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answers with the length of the body; `/hold` waits for the disconnect; `/early` answers before the body."""
    assert scope["type"] == "http"
    size, more = 0, scope["path"] != "/early"
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        size += len(message["body"])
        more = message["more_body"] or scope["path"] == "/hold"
    await send({"type": "http.response.start", "status": 200, "headers": [(b"x-method", scope["method"].encode())]})
    await send({"type": "http.response.body", "body": b"%d" % size})


@pytest.fixture(params=ENGINES)
def serves(request: pytest.FixtureRequest, serve: Any) -> Any:
    """`serve` with each engine."""
    return partial(serve, http2_engine=request.param)


# --- outcomes ---


class Ends(NamedTuple):
    """GOAWAY with the code, and the connection closes."""

    code: int

    def check(self, client: FrameClient) -> None:
        goaway = client.goaway
        assert goaway is not None, client.frames
        assert goaway.error_code == self.code, goaway.additional_data
        assert goaway.additional_data, "GOAWAY says why"
        assert client.ended


class Resets(NamedTuple):
    """RST_STREAM with the code on stream 1, or another, and the connection goes on."""

    code: int
    stream_id: int = 1

    def check(self, client: FrameClient) -> None:
        assert client.goaway is None, client.goaway
        assert client.resets == {self.stream_id: self.code}


class Answers(NamedTuple):
    """Stream 1 is answered with the status, and nothing else happens."""

    status: int = 200
    body: bytes | None = None

    def check(self, client: FrameClient) -> None:
        assert client.goaway is None, client.goaway
        assert client.resets == {}
        assert client.status(1) == self.status
        assert client.complete(1)
        if self.body is not None:
            assert client.body(1) == self.body


class Ignores(NamedTuple):
    """Nothing is said of it."""

    def check(self, client: FrameClient) -> None:
        assert client.goaway is None, client.goaway
        assert client.resets == {}


class Shows(NamedTuple):
    """Whatever the function looks for."""

    look: Callable[[FrameClient], Any]

    def check(self, client: FrameClient) -> None:
        assert client.goaway is None, client.goaway
        assert self.look(client)


Outcome = Ends | Resets | Answers | Ignores | Shows


class Rule(NamedTuple):
    name: str
    sends: Callable[[FrameClient], bytes]
    outcome: Outcome
    next_stream: int = 101  # for the request that follows


# --- what a client sends ---


def settings(*values: tuple[int, int], flags: int = 0) -> bytes:
    return raw_frame(
        SETTINGS, b"".join(key.to_bytes(2, "big") + n.to_bytes(4, "big") for key, n in values), flags=flags
    )


def window_update(stream_id: int, increment: int) -> bytes:
    return raw_frame(WINDOW_UPDATE, increment.to_bytes(4, "big"), stream_id=stream_id)


def rst_stream(stream_id: int, code: int = CANCEL) -> bytes:
    return raw_frame(RST_STREAM, code.to_bytes(4, "big"), stream_id=stream_id)


def priority(stream_id: int, depends_on: int = 0) -> bytes:
    return raw_frame(PRIORITY, depends_on.to_bytes(4, "big") + b"\x0f", stream_id=stream_id)


def request(fields: Headers, *, end: bool = True, body: bytes | None = None) -> Callable[[FrameClient], bytes]:
    """A request on stream 1, with what RFC 9113 says of its fields in question."""

    def send(client: FrameClient) -> bytes:
        if body is None:
            return client.headers(1, fields, end=end)
        return client.headers(1, fields, end=False) + client.data(1, body, end=True)

    return send


def fixed(*frames: bytes) -> Callable[[FrameClient], bytes]:
    return lambda client: b"".join(frames)


def block(data: bytes) -> Callable[[FrameClient], bytes]:
    """A request on stream 1 whose header block is as given."""
    return fixed(raw_frame(HEADERS, data, flags=WHOLE, stream_id=1))


def after(fields: Headers, *frames: bytes, end: bool = True) -> Callable[[FrameClient], bytes]:
    """Frames behind a request on stream 1."""
    return lambda client: client.headers(1, fields, end=end) + b"".join(frames)


def within_block(frame: bytes) -> Callable[[FrameClient], bytes]:
    """A frame between HEADERS and CONTINUATION."""

    def send(client: FrameClient) -> bytes:
        data = client.block(GET)
        first = raw_frame(HEADERS, data[:3], flags=END_STREAM, stream_id=1)
        return first + frame + raw_frame(CONTINUATION, data[3:], flags=END_HEADERS, stream_id=1)

    return send


def with_fields(*fields: tuple[bytes, bytes]) -> Callable[[FrameClient], bytes]:
    return request([*GET, *fields])


def without(*names: bytes) -> Headers:
    return [field for field in GET if field[0] not in names]


def literal(name: bytes, value: bytes, first: int = 0x00, *, huffman: bool = False) -> bytes:
    """A field as a literal with a literal name (RFC 7541 section 6.2)."""
    if not huffman:
        return bytes([first, len(name)]) + name + bytes([len(value)]) + value
    name, value = HUFFMAN.encode(name), HUFFMAN.encode(value)
    return bytes([first, 0x80 | len(name)]) + name + bytes([0x80 | len(value)]) + value


# GET http / testserver with indexes of the static table alone: 2, 6, 4, and 1 as a name.
STATIC = bytes([0x82, 0x86, 0x84, 0x01, 10]) + b"testserver"


# --- the rules ---

RULES: list[Rule] = []


def section(number: str, *rules: Rule) -> None:
    RULES.extend(rule._replace(name=f"{number} {rule.name}") for rule in rules)


section(
    "3.4",
    Rule("a request behind the preface", request(GET), Answers()),
    Rule("SETTINGS are acknowledged", fixed(), Shows(lambda client: acknowledgements(client) == 1)),
    Rule("SETTINGS come first", fixed(), Shows(lambda client: isinstance(client.frames[0], SettingsFrame))),
)

section(
    "4.1",
    Rule("unknown frame", fixed(raw_frame(UNKNOWN, b"whatever")), Ignores()),
    Rule("unknown frame on an idle stream", fixed(raw_frame(UNKNOWN, b"whatever", stream_id=9)), Ignores()),
    Rule("unknown frame on a stream", after(HOLD_POST, raw_frame(UNKNOWN, stream_id=1), end=False), Ignores()),
    Rule("unknown flags of PING", fixed(raw_frame(PING, b"12345678", flags=0xFE)), Shows(lambda c: pongs(c) == 1)),
    Rule("unknown flags of SETTINGS", fixed(settings(flags=0xFE)), Shows(lambda c: acknowledgements(c) == 2)),
    Rule(
        "unknown flags of HEADERS",
        lambda client: raw_frame(HEADERS, client.block(GET), flags=WHOLE | 0xD2, stream_id=1),
        Answers(),
    ),
    Rule("unknown flags of DATA", after(POST, raw_frame(DATA, b"x", flags=0xF7, stream_id=1), end=False), Answers()),
    Rule(
        "the reserved bit",
        lambda client: raw_frame(HEADERS, client.block(GET), flags=WHOLE, stream_id=1 | 1 << 31),
        Answers(),
    ),
    Rule(
        "the reserved bit of an increment",
        fixed(raw_frame(WINDOW_UPDATE, (1 | 1 << 31).to_bytes(4, "big"))),
        Ignores(),
    ),
)

LARGEST, TOO_LARGE = bytes(2**14), bytes(2**14 + 1)
section(
    "4.2",
    Rule("DATA of the largest size", request(POST, body=LARGEST), Answers(body=b"16384")),
    Rule("DATA too large", request(POST, body=TOO_LARGE), Ends(FRAME_SIZE_ERROR)),
    Rule("HEADERS too large", fixed(raw_frame(HEADERS, TOO_LARGE, flags=WHOLE, stream_id=1)), Ends(FRAME_SIZE_ERROR)),
    Rule("SETTINGS too large", fixed(raw_frame(SETTINGS, TOO_LARGE)), Ends(FRAME_SIZE_ERROR)),
    Rule("an unknown frame too large", fixed(raw_frame(UNKNOWN, TOO_LARGE)), Ends(FRAME_SIZE_ERROR)),
    Rule("a size that is only claimed", fixed(raw_frame(DATA, length=2**24 - 1, stream_id=1)), Ends(FRAME_SIZE_ERROR)),
)

section(
    "4.3",
    Rule("a block that is no HPACK", block(b"\x00\xff"), Ends(COMPRESSION_ERROR)),
    Rule("a block that is cut", block(STATIC + b"\x40"), Ends(COMPRESSION_ERROR)),
    Rule("PING within a block", within_block(raw_frame(PING, bytes(8))), Ends(PROTOCOL_ERROR)),
    Rule("PRIORITY within a block", within_block(priority(1)), Ends(PROTOCOL_ERROR)),
    Rule("SETTINGS within a block", within_block(settings()), Ends(PROTOCOL_ERROR)),
    Rule("WINDOW_UPDATE within a block", within_block(window_update(0, 1)), Ends(PROTOCOL_ERROR)),
    Rule("GOAWAY within a block", within_block(raw_frame(GOAWAY, bytes(8))), Ends(PROTOCOL_ERROR)),
    Rule("RST_STREAM within a block", within_block(rst_stream(1)), Ends(PROTOCOL_ERROR)),
    Rule("DATA within a block", within_block(raw_frame(DATA, stream_id=1)), Ends(PROTOCOL_ERROR)),
    Rule(
        "HEADERS within a block", within_block(raw_frame(HEADERS, STATIC, flags=5, stream_id=3)), Ends(PROTOCOL_ERROR)
    ),
    Rule("HEADERS of the stream within its block", within_block(raw_frame(HEADERS, flags=5, stream_id=1)), Ends(1)),
    Rule("CONTINUATION of another stream", within_block(raw_frame(CONTINUATION, stream_id=3)), Ends(PROTOCOL_ERROR)),
    Rule("PRIORITY_UPDATE within a block", within_block(raw_frame(16, bytes(4) + b"u=1")), Ends(PROTOCOL_ERROR)),
    Rule("a block of several frames", within_block(raw_frame(CONTINUATION, stream_id=1)), Answers()),
    Rule("fields of a request that is malformed stay in the table", with_fields((b"X", b"y")), Resets(PROTOCOL_ERROR)),
)


def closed_by_reset(*frames: bytes) -> Callable[[FrameClient], bytes]:
    return lambda client: client.headers(1, HOLD_POST, end=False) + rst_stream(1) + b"".join(frames)


section(
    "5.1 idle",
    Rule("DATA", fixed(raw_frame(DATA, b"x", stream_id=1)), Ends(PROTOCOL_ERROR)),
    Rule("RST_STREAM", fixed(rst_stream(1)), Ends(PROTOCOL_ERROR)),
    Rule("WINDOW_UPDATE", fixed(window_update(1, 1)), Ends(PROTOCOL_ERROR)),
    Rule("CONTINUATION", fixed(raw_frame(CONTINUATION, flags=END_HEADERS, stream_id=1)), Ends(PROTOCOL_ERROR)),
    Rule("PRIORITY", fixed(priority(1)), Ignores()),
    Rule("DATA on an even stream", fixed(raw_frame(DATA, b"x", stream_id=2)), Ends(PROTOCOL_ERROR)),
    Rule("RST_STREAM on an even stream", fixed(rst_stream(2)), Ends(PROTOCOL_ERROR)),
    Rule("WINDOW_UPDATE on an even stream", fixed(window_update(2, 1)), Ends(PROTOCOL_ERROR)),
)

section(
    "5.1 half-closed",
    Rule("DATA", after(HOLD, raw_frame(DATA, b"x", stream_id=1)), Resets(STREAM_CLOSED)),
    Rule("DATA after DATA", request(HOLD_POST, body=b"x"), Ignores()),
    Rule("HEADERS", lambda client: client.headers(1, HOLD) + client.headers(1, GET), Resets(STREAM_CLOSED)),
    Rule("CONTINUATION", after(HOLD, raw_frame(CONTINUATION, flags=4, stream_id=1)), Ends(PROTOCOL_ERROR)),
    Rule("WINDOW_UPDATE", after(HOLD, window_update(1, 100)), Ignores()),
    Rule("PRIORITY", after(HOLD, priority(1)), Ignores()),
    Rule("RST_STREAM", after(HOLD, rst_stream(1)), Ignores()),
)

section(
    "5.1 closed",
    Rule("DATA after RST_STREAM", closed_by_reset(raw_frame(DATA, b"x", stream_id=1)), Resets(STREAM_CLOSED)),
    Rule(
        "HEADERS after RST_STREAM",
        lambda client: closed_by_reset()(client) + client.headers(1, GET),
        Resets(STREAM_CLOSED),
    ),
    Rule("CONTINUATION after RST_STREAM", closed_by_reset(raw_frame(CONTINUATION, flags=4, stream_id=1)), Ends(1)),
    Rule("WINDOW_UPDATE after RST_STREAM", closed_by_reset(window_update(1, 1)), Ignores()),
    Rule("PRIORITY after RST_STREAM", closed_by_reset(priority(1)), Ignores()),
    Rule("RST_STREAM after RST_STREAM", closed_by_reset(rst_stream(1)), Ignores()),
)


section(
    "5.1.1",
    Rule("an even number", fixed(raw_frame(HEADERS, STATIC, flags=WHOLE, stream_id=2)), Ends(PROTOCOL_ERROR)),
    Rule(
        "a lower number",
        lambda client: client.headers(5, HOLD) + client.headers(3, GET),
        Ends(PROTOCOL_ERROR),
    ),
    Rule("numbers may be left out", lambda client: client.headers(1, GET) + client.headers(99, GET), Answers()),
)

section(
    "5.1.2",
    Rule(
        "more streams than allowed",
        lambda client: b"".join(client.headers(2 * n + 1, HOLD) for n in range(101)),
        Resets(REFUSED_STREAM, 201),
        next_stream=0,
    ),
)

section(
    "5.3",
    Rule("a stream that depends on itself", after(HOLD, priority(1, 1)), Ignores()),
    Rule(
        "HEADERS that depend on themselves",
        lambda client: raw_frame(
            HEADERS, b"\0\0\0\1\x0f" + client.block(GET), flags=WHOLE | WITH_PRIORITY, stream_id=1
        ),
        Answers(),
    ),
)

section(
    "5.5",
    Rule("an unknown frame within a block", within_block(raw_frame(UNKNOWN, stream_id=1)), Ends(PROTOCOL_ERROR)),
    Rule("an unknown setting", fixed(settings((0xABCD, 1))), Shows(lambda c: acknowledgements(c) == 2)),
)

section(
    "6.1",
    Rule("DATA on stream 0", fixed(raw_frame(DATA, b"x")), Ends(PROTOCOL_ERROR)),
    Rule(
        "padding",
        after(POST, raw_frame(DATA, b"\x05hello" + bytes(5), flags=PADDED | END_STREAM, stream_id=1), end=False),
        Answers(body=b"5"),
    ),
    Rule(
        "nothing but padding",
        after(POST, raw_frame(DATA, b"\x05" + bytes(5), flags=PADDED | END_STREAM, stream_id=1), end=False),
        Answers(body=b"0"),
    ),
    Rule(
        "as much padding as payload",
        after(POST, raw_frame(DATA, b"\x06" + bytes(5), flags=PADDED, stream_id=1), end=False),
        Ends(PROTOCOL_ERROR),
    ),
    Rule(
        "padding without its length",
        after(POST, raw_frame(DATA, b"", flags=PADDED, stream_id=1), end=False),
        Ends(FRAME_SIZE_ERROR),
    ),
    Rule("an empty end", after(POST, raw_frame(DATA, b"", flags=END_STREAM, stream_id=1), end=False), Answers()),
)

section(
    "6.2",
    Rule("HEADERS on stream 0", fixed(raw_frame(HEADERS, STATIC, flags=WHOLE)), Ends(PROTOCOL_ERROR)),
    Rule(
        "padding",
        lambda client: raw_frame(HEADERS, b"\x02" + client.block(GET) + b"\0\0", flags=WHOLE | PADDED, stream_id=1),
        Answers(),
    ),
    Rule(
        "padding and priority",
        lambda client: raw_frame(
            HEADERS,
            b"\x02" + bytes(5) + client.block(GET) + b"\0\0",
            flags=WHOLE | PADDED | WITH_PRIORITY,
            stream_id=1,
        ),
        Answers(),
    ),
    Rule(
        "as much padding as payload",
        fixed(raw_frame(HEADERS, b"\x10" + STATIC, flags=WHOLE | PADDED, stream_id=1)),
        Ends(PROTOCOL_ERROR),
    ),
    Rule(
        "too short for its priority",
        fixed(raw_frame(HEADERS, bytes(4), flags=WHOLE | WITH_PRIORITY, stream_id=1)),
        Ends(FRAME_SIZE_ERROR),
    ),
)

section(
    "6.3",
    Rule("PRIORITY on stream 0", fixed(priority(0)), Ends(PROTOCOL_ERROR)),
    Rule("PRIORITY of 4 bytes", after(HOLD, raw_frame(PRIORITY, bytes(4), stream_id=1)), Resets(FRAME_SIZE_ERROR)),
)

section(
    "6.4",
    Rule("RST_STREAM on stream 0", fixed(rst_stream(0)), Ends(PROTOCOL_ERROR)),
    Rule("RST_STREAM of 3 bytes", after(HOLD, raw_frame(RST_STREAM, bytes(3), stream_id=1)), Ends(FRAME_SIZE_ERROR)),
    Rule("an unknown code", after(HOLD, rst_stream(1, 0xFFFF)), Ignores()),
)

section(
    "6.5",
    Rule("ACK with a payload", fixed(settings((MAX_STREAMS, 1), flags=ACK)), Ends(FRAME_SIZE_ERROR)),
    Rule("SETTINGS on a stream", fixed(raw_frame(SETTINGS, stream_id=1)), Ends(PROTOCOL_ERROR)),
    Rule("SETTINGS of 5 bytes", fixed(raw_frame(SETTINGS, bytes(5))), Ends(FRAME_SIZE_ERROR)),
    Rule("every SETTINGS is acknowledged", fixed(settings() * 3), Shows(lambda client: acknowledgements(client) == 4)),
    Rule("an ACK is not", fixed(settings(flags=ACK)), Shows(lambda client: acknowledgements(client) == 1)),
)

section(
    "6.5.2",
    Rule("ENABLE_PUSH 2", fixed(settings((ENABLE_PUSH, 2))), Ends(PROTOCOL_ERROR)),
    Rule("ENABLE_PUSH 1", fixed(settings((ENABLE_PUSH, 1))), Ignores()),
    Rule("INITIAL_WINDOW_SIZE 2^31", fixed(settings((INITIAL_WINDOW, 2**31))), Ends(FLOW_CONTROL_ERROR)),
    Rule("INITIAL_WINDOW_SIZE 2^31 - 1", fixed(settings((INITIAL_WINDOW, MAX_WINDOW))), Ignores()),
    Rule("MAX_FRAME_SIZE 2^14 - 1", fixed(settings((FRAME_SIZE, 2**14 - 1))), Ends(PROTOCOL_ERROR)),
    Rule("MAX_FRAME_SIZE 2^24", fixed(settings((FRAME_SIZE, 2**24))), Ends(PROTOCOL_ERROR)),
    Rule("MAX_FRAME_SIZE 2^24 - 1", fixed(settings((FRAME_SIZE, 2**24 - 1))), Ignores()),
    Rule("a wrong value before a right one", fixed(settings((FRAME_SIZE, 1), (FRAME_SIZE, 2**14))), Ends(1)),
    Rule("MAX_CONCURRENT_STREAMS 0", fixed(settings((MAX_STREAMS, 0))), Ignores()),
    Rule("MAX_HEADER_LIST_SIZE 0", fixed(settings((LIST_SIZE, 0))), Ignores()),
    Rule("HEADER_TABLE_SIZE 0", fixed(settings((TABLE_SIZE, 0))), Ignores()),
    Rule("HEADER_TABLE_SIZE 2^32 - 1", fixed(settings((TABLE_SIZE, 2**32 - 1))), Ignores()),
)

section(
    "6.6",
    Rule(
        "PUSH_PROMISE from a client",
        after(HOLD, raw_frame(PUSH_PROMISE, b"\0\0\0\2" + STATIC, flags=END_HEADERS, stream_id=1)),
        Ends(PROTOCOL_ERROR),
    ),
)

section(
    "6.7",
    Rule(
        "PING", fixed(raw_frame(PING, b"12345678")), Shows(lambda c: [p.opaque_data for p in c.pings] == [b"12345678"])
    ),
    Rule("an ACK is not answered", fixed(raw_frame(PING, bytes(8), flags=ACK)), Shows(lambda client: not client.pings)),
    Rule("PING on a stream", fixed(raw_frame(PING, bytes(8), stream_id=1)), Ends(PROTOCOL_ERROR)),
    Rule("PING of 7 bytes", fixed(raw_frame(PING, bytes(7))), Ends(FRAME_SIZE_ERROR)),
    Rule("PING of 9 bytes", fixed(raw_frame(PING, bytes(9))), Ends(FRAME_SIZE_ERROR)),
)

section(
    "6.8",
    Rule("GOAWAY on a stream", fixed(raw_frame(GOAWAY, bytes(8), stream_id=1)), Ends(PROTOCOL_ERROR)),
    Rule("GOAWAY of 7 bytes", fixed(raw_frame(GOAWAY, bytes(7))), Ends(FRAME_SIZE_ERROR)),
)

section(
    "6.9",
    Rule("an increment of 0", fixed(window_update(0, 0)), Ends(PROTOCOL_ERROR)),
    Rule("an increment of 0 on a stream", after(HOLD, window_update(1, 0)), Resets(PROTOCOL_ERROR)),
    Rule("WINDOW_UPDATE of 3 bytes", fixed(raw_frame(WINDOW_UPDATE, bytes(3))), Ends(FRAME_SIZE_ERROR)),
    Rule(
        "WINDOW_UPDATE of 5 bytes on a stream",
        after(HOLD, raw_frame(WINDOW_UPDATE, bytes(5), stream_id=1)),
        Ends(FRAME_SIZE_ERROR),
    ),
)

section(
    "6.9.1",
    Rule("the connection's window too large", fixed(window_update(0, MAX_WINDOW)), Ends(FLOW_CONTROL_ERROR)),
    Rule("a stream's window too large", after(HOLD, window_update(1, MAX_WINDOW)), Resets(FLOW_CONTROL_ERROR)),
    Rule("too large by steps", fixed(window_update(0, MAX_WINDOW - 65535), window_update(0, 1)), Ends(3)),
    Rule("as large as can be", fixed(window_update(0, MAX_WINDOW - 65535)), Ignores()),
)

section(
    "6.9.2",
    Rule(
        "SETTINGS make a window too large",
        after(HOLD, window_update(1, MAX_WINDOW - 65535), settings((INITIAL_WINDOW, 65536))),
        Ends(FLOW_CONTROL_ERROR),
    ),
)

section(
    "6.10",
    Rule(
        "many small frames",
        lambda client: (
            b"".join(
                raw_frame(CONTINUATION if at else HEADERS, bytes([byte]), flags=0 if at else END_STREAM, stream_id=1)
                for at, byte in enumerate(client.block(GET))
            )
            + raw_frame(CONTINUATION, flags=END_HEADERS, stream_id=1)
        ),
        Answers(),
    ),
    Rule("without HEADERS", after(HOLD, raw_frame(CONTINUATION, STATIC, flags=4, stream_id=1)), Ends(PROTOCOL_ERROR)),
    Rule(
        "after DATA",
        lambda client: (
            client.headers(1, HOLD_POST, end=False)
            + client.data(1, b"x")
            + raw_frame(CONTINUATION, STATIC, flags=4, stream_id=1)
        ),
        Ends(PROTOCOL_ERROR),
    ),
    Rule("on stream 0", within_block(raw_frame(CONTINUATION)), Ends(PROTOCOL_ERROR)),
)


def trailers(fields: Headers, *, end: bool = True, path: bytes = b"/") -> Callable[[FrameClient], bytes]:
    first: Headers = [*POST[:3], (b":path", path)]
    return lambda client: (
        client.headers(1, first, end=False) + client.data(1, b"hello") + client.headers(1, fields, end=end)
    )


section(
    "8.1",
    Rule(
        "HEAD has no body",
        request([(b":method", b"HEAD"), *GET[1:]]),
        Shows(lambda client: client.status(1) == 200 and client.complete(1) and client.body(1) == b""),
    ),
    Rule("a body", request(POST, body=b"hello"), Answers(body=b"5")),
    Rule("trailers", trailers([(b"digest", b"abc")]), Answers(body=b"5")),
    Rule("HEADERS within the body", trailers([(b"digest", b"abc")], end=False), Resets(PROTOCOL_ERROR)),
    Rule("trailers with a pseudo-field", trailers([(b":method", b"GET")]), Resets(PROTOCOL_ERROR)),
    Rule("trailers in upper case", trailers([(b"Digest", b"abc")]), Resets(PROTOCOL_ERROR)),
    Rule("trailers of the connection", trailers([(b"connection", b"close")]), Resets(PROTOCOL_ERROR)),
    Rule(
        "DATA after the trailers",
        lambda client: trailers([(b"a", b"b")], path=b"/hold")(client) + client.data(1, b"x"),
        Resets(STREAM_CLOSED),
    ),
    Rule(
        "an answer before the body has come",
        request([*POST[:3], (b":path", b"/early")], end=False),
        Shows(lambda client: client.status(1) == 200 and client.resets == {1: NO_ERROR}),
    ),
    Rule(
        "the body that crosses it",
        lambda client: request([*POST[:3], (b":path", b"/early")], end=False)(client) + client.data(1, b"x", end=True),
        Shows(lambda client: client.status(1) == 200 and client.resets in ({1: NO_ERROR}, {})),
    ),
)

LENGTH = b"content-length"
section(
    "8.1.1",
    Rule("the length fits", request([*POST, (LENGTH, b"5")], body=b"hello"), Answers(body=b"5")),
    Rule("the length is too small", request([*POST, (LENGTH, b"1")], body=b"hello"), Resets(PROTOCOL_ERROR)),
    Rule("the length is too large", request([*POST, (LENGTH, b"9")], body=b"hello"), Resets(PROTOCOL_ERROR)),
    Rule("a length and no body", request([*POST, (LENGTH, b"9")]), Resets(PROTOCOL_ERROR)),
    Rule("no length and a body of 0", request([*POST, (LENGTH, b"0")]), Answers(body=b"0")),
    Rule(
        "the length of several frames is too large",
        lambda client: (
            client.headers(1, [*POST, (LENGTH, b"9")], end=False)
            + client.data(1, b"hel")
            + client.data(1, b"lo", end=True)
        ),
        Resets(PROTOCOL_ERROR),
    ),
    Rule(
        "the length and trailers",
        lambda client: (
            client.headers(1, [*POST, (LENGTH, b"9")], end=False)
            + client.data(1, b"hello")
            + client.headers(1, [(b"a", b"b")])
        ),
        Resets(PROTOCOL_ERROR),
    ),
    Rule("a length that is none", request([*POST, (LENGTH, b"5x")], body=b"hello"), Resets(PROTOCOL_ERROR)),
    Rule("a negative length", request([*POST, (LENGTH, b"-5")], body=b"hello"), Resets(PROTOCOL_ERROR)),
    Rule("two lengths", request([*POST, (LENGTH, b"5"), (LENGTH, b"6")], body=b"hello"), Resets(PROTOCOL_ERROR)),
)

section(
    "8.2.1",
    Rule("upper case", with_fields((b"X-Name", b"y")), Resets(PROTOCOL_ERROR)),
    Rule("an empty name", with_fields((b"", b"y")), Resets(PROTOCOL_ERROR)),
    *(
        Rule(f"{byte!r} in a name", with_fields((b"a" + byte + b"b", b"y")), Resets(PROTOCOL_ERROR))
        for byte in (b" ", b":", b"\0", b"\r", b"\n", b"\x7f", b"\x80", b"(", b"\xff", b"\t")
    ),
    *(
        Rule(f"{byte!r} in a value", with_fields((b"a", b"x" + byte + b"y")), Resets(PROTOCOL_ERROR))
        for byte in (b"\0", b"\r", b"\n")
    ),
    *(
        Rule(f"a value {value!r}", with_fields((b"a", value)), Resets(PROTOCOL_ERROR))
        for value in (b" x", b"x ", b"\tx", b"x\t")
    ),
    *(Rule(f"a value {value!r}", with_fields((b"a", value)), Answers()) for value in (b"", b"x y", b"\xe4", b"a\tb")),
)

section(
    "8.2.2",
    *(
        Rule(name.decode(), with_fields((name, value)), Resets(PROTOCOL_ERROR))
        for name, value in (
            (b"connection", b"close"),
            (b"proxy-connection", b"keep-alive"),
            (b"keep-alive", b"timeout=5"),
            (b"transfer-encoding", b"chunked"),
            (b"upgrade", b"h2c"),
            (b"te", b"trailers, deflate"),
            (b"te", b"gzip"),
        )
    ),
    Rule("te: trailers", with_fields((b"te", b"trailers")), Answers()),
)

section(
    "8.2.3",
    Rule("cookies in several fields", with_fields((b"cookie", b"a=b"), (b"cookie", b"c=d")), Answers()),
)

section(
    "8.3",
    Rule("an unknown pseudo-field", request([*GET, (b":test", b"x")]), Resets(PROTOCOL_ERROR)),
    Rule("a pseudo-field of responses", request([*GET, (b":status", b"200")]), Resets(PROTOCOL_ERROR)),
    Rule("a pseudo-field after a field", request([(b"a", b"b"), *GET]), Resets(PROTOCOL_ERROR)),
    Rule("the last pseudo-field after a field", request([*GET[:3], (b"a", b"b"), *GET[3:]]), Resets(PROTOCOL_ERROR)),
    *(Rule(f"{name.decode()} twice", request([*GET, (name, value)]), Resets(PROTOCOL_ERROR)) for name, value in GET),
    Rule("no field at all", block(b""), Resets(PROTOCOL_ERROR)),
)

section(
    "8.3.1",
    *(
        Rule(f"no {name.decode()}", request(without(name)), Resets(PROTOCOL_ERROR))
        for name in (b":method", b":scheme", b":path")
    ),
    Rule("an empty :path", request([*without(b":path"), (b":path", b"")]), Resets(PROTOCOL_ERROR)),
    Rule("a :path without a slash", request([*without(b":path"), (b":path", b"x")]), Resets(PROTOCOL_ERROR)),
    Rule("a :path of * with GET", request([*without(b":path"), (b":path", b"*")]), Resets(PROTOCOL_ERROR)),
    Rule("a :path of * with OPTIONS", request([(b":method", b"OPTIONS"), *GET[1:3], (b":path", b"*")]), Answers()),
    Rule("a :path with a space", request([*without(b":path"), (b":path", b"/a b")]), Resets(PROTOCOL_ERROR)),
    Rule("an empty :method", request([*without(b":method"), (b":method", b"")]), Resets(PROTOCOL_ERROR)),
    Rule("a :method that is no token", request([*without(b":method"), (b":method", b"G T")]), Resets(PROTOCOL_ERROR)),
    Rule("userinfo in :authority", request([*without(b":authority"), (b":authority", b"me@host")]), Resets(1)),
    Rule("an :authority that is none", request([*without(b":authority"), (b":authority", b"a b")]), Resets(1)),
    Rule("neither :authority nor host", request(without(b":authority")), Resets(PROTOCOL_ERROR)),
    Rule("no :authority but host", request([*without(b":authority"), (b"host", b"testserver")]), Answers()),
    Rule("host like :authority", with_fields((b"host", b"testserver")), Answers()),
    Rule("host unlike :authority", with_fields((b"host", b"elsewhere")), Resets(PROTOCOL_ERROR)),
    Rule("two hosts", with_fields((b"host", b"testserver"), (b"host", b"testserver")), Resets(PROTOCOL_ERROR)),
)

section(
    "8.5",
    Rule("CONNECT with :scheme and :path", request([(b":method", b"CONNECT"), *GET[1:]]), Resets(PROTOCOL_ERROR)),
    Rule("CONNECT without :authority", request([(b":method", b"CONNECT")]), Resets(PROTOCOL_ERROR)),
    Rule("CONNECT is not offered", request([(b":method", b"CONNECT"), (b":authority", b"a:1")]), Answers(501)),
    Rule(":protocol without CONNECT", request([*GET, (b":protocol", b"websocket")]), Resets(PROTOCOL_ERROR)),
)

CONNECT: Headers = [(b":method", b"CONNECT"), *GET[1:], (b":protocol", b"websocket")]
section(
    "RFC 8441",
    Rule("extended CONNECT is offered", fixed(), Shows(lambda client: client.settings[8] == 1)),
    Rule(
        "no :scheme",
        request([field for field in CONNECT if field[0] != b":scheme"], end=False),
        Resets(PROTOCOL_ERROR),
    ),
    Rule("no :path", request([field for field in CONNECT if field[0] != b":path"], end=False), Resets(PROTOCOL_ERROR)),
    Rule("no :authority", request([field for field in CONNECT if field[0] != b":authority"], end=False), Resets(1)),
    Rule("an unknown protocol", request([*CONNECT[:-1], (b":protocol", b"magic")]), Answers(501)),
    Rule("two protocols", request([*CONNECT, (b":protocol", b"websocket")]), Resets(PROTOCOL_ERROR)),
)


def priority_update(stream_id: int, value: bytes, on: int = 0) -> bytes:
    return raw_frame(0x10, stream_id.to_bytes(4, "big") + value, stream_id=on)


section(
    "RFC 9218",
    Rule("the priorities of RFC 7540 are off", fixed(), Shows(lambda client: client.settings[9] == 1)),
    Rule("PRIORITY_UPDATE", after(HOLD, priority_update(1, b"u=0, i")), Ignores()),
    Rule("before its stream", lambda client: priority_update(1, b"u=7") + client.headers(1), Answers()),
    Rule("a value that is none", after(HOLD, priority_update(1, b"u=\xff;;")), Ignores()),
    Rule("a priority that is none", with_fields((b"priority", b"=")), Answers()),
    Rule("PRIORITY_UPDATE on a stream", after(HOLD, priority_update(1, b"u=0", on=1)), Ends(PROTOCOL_ERROR)),
    Rule("PRIORITY_UPDATE of 3 bytes", fixed(raw_frame(0x10, bytes(3))), Ends(FRAME_SIZE_ERROR)),
    Rule("of stream 0", fixed(priority_update(0, b"u=0")), Ends(PROTOCOL_ERROR)),
)

section(
    "RFC 7541",
    Rule("2.3.3 an index beyond the table", block(STATIC + bytes([0xBE + 0x20])), Ends(COMPRESSION_ERROR)),
    Rule("2.3.3 a name beyond the table", block(STATIC + bytes([0x7E, 0x01]) + b"x"), Ends(COMPRESSION_ERROR)),
    Rule("4.2 a size after a field", block(STATIC + bytes([0x20])), Ends(COMPRESSION_ERROR)),
    Rule("4.2 a size before the fields", block(bytes([0x20]) + STATIC), Answers()),
    Rule("4.2 two sizes", block(bytes([0x20, 0x3F, 0xE1, 0x1F]) + STATIC), Answers()),
    Rule("5.1 an integer without end", block(STATIC + b"\xff" * 20 + b"\x01"), Ends(COMPRESSION_ERROR)),
    Rule("5.1 an integer that is cut", block(STATIC + b"\xff"), Ends(COMPRESSION_ERROR)),
    Rule("5.1 a length beyond the block", block(STATIC + b"\x00\x01a\x7f\x80\x01x"), Ends(COMPRESSION_ERROR)),
    Rule("5.2 padding of 8 bits", block(STATIC + b"\x00\x01a\x82\xf8\xff"), Ends(COMPRESSION_ERROR)),
    Rule("5.2 padding of 16 bits", block(STATIC + b"\x00\x01a\x83\xf8\xff\xff"), Ends(COMPRESSION_ERROR)),
    Rule("5.2 padding of zeros", block(STATIC + b"\x00\x01a\x81\x18"), Ends(COMPRESSION_ERROR)),
    Rule("5.2 the end-of-string symbol", block(STATIC + b"\x00\x01a\x84\xff\xff\xff\xff"), Ends(COMPRESSION_ERROR)),
    Rule("5.2 padding of 3 bits", block(STATIC + b"\x00\x01a\x81\x1f"), Answers()),
    Rule("6.1 index 0", block(STATIC + bytes([0x80])), Ends(COMPRESSION_ERROR)),
    Rule("6.2.1 a new name, indexed", block(STATIC + literal(b"a", b"b", 0x40) + bytes([0xBE])), Answers()),
    Rule("6.2.1 a known name, indexed", block(STATIC + bytes([0x40 | 19, 1]) + b"x" + bytes([0xBE])), Answers()),
    Rule("6.2.2 not indexed", block(STATIC + literal(b"a", b"b") + bytes([0xBE])), Ends(COMPRESSION_ERROR)),
    Rule("6.2.2 a known name", block(STATIC + bytes([0x0F, 4, 1]) + b"x"), Answers()),
    Rule("6.2.3 never indexed", block(STATIC + literal(b"a", b"b", 0x10) + bytes([0xBE])), Ends(COMPRESSION_ERROR)),
    Rule("6.2.3 a known name", block(STATIC + bytes([0x1F, 4, 1]) + b"x"), Answers()),
    Rule("5.2 Huffman", block(STATIC + literal(b"user-agent", b"something", 0x40, huffman=True)), Answers()),
    Rule("6.3 a table too large", block(bytes([0x3F, 0xE2, 0x1F]) + STATIC), Ends(COMPRESSION_ERROR)),
    Rule(
        "4.4 a field larger than the table",
        lambda client: raw_frame(
            HEADERS,
            STATIC + b"\x40\x01a\x7f\xa1\x1f" + b"x" * 4128 + bytes([0xBE]),
            flags=WHOLE,
            stream_id=1,
        ),
        Ends(COMPRESSION_ERROR),
    ),
    Rule(
        "4.4 emptied by a field larger than the table",
        lambda client: raw_frame(HEADERS, STATIC + b"\x40\x01a\x7f\xa1\x1f" + b"x" * 4128, flags=WHOLE, stream_id=1),
        Answers(),
    ),
)


def acknowledgements(client: FrameClient) -> int:
    return sum("ACK" in frame.flags for frame in client.frames_of(SettingsFrame))


def pongs(client: FrameClient) -> int:
    return sum("ACK" in frame.flags for frame in client.frames_of(PingFrame))


def deliver(client: FrameClient, data: bytes, step: int) -> None:
    """Sends data in pieces; step 0 = whole."""
    if step == 0:
        client.send(data)
        return
    step = step if len(data) < 4096 else 997
    for at in range(0, len(data), step):
        if not client.closed:
            client.transport.deliver(data[at : at + step])
    client.driver.settle()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_rule(serves: Any, rule: Rule) -> None:
    served = serves(application)
    for step in (0, 1):  # whole, and byte by byte
        client = FrameClient(served, preface=False)
        deliver(client, PREFACE + settings() + rule.sends(client), step)
        rule.outcome.check(client)
        if not isinstance(rule.outcome, Ends) and rule.next_stream:
            # After rules of HPACK our encoder does not know the server's table.
            plain = raw_frame(HEADERS, STATIC, flags=WHOLE, stream_id=rule.next_stream)
            deliver(client, plain if rule.name.startswith("RFC 7541") else client.headers(rule.next_stream), step)
            assert client.status(rule.next_stream) == 200
            assert client.goaway is None
        client.vanish()


# --- rules that need more than one step ---


@pytest.mark.parametrize(
    "opening",
    [raw_frame(PING, bytes(8)), settings(flags=ACK), window_update(0, 1), raw_frame(UNKNOWN), priority(1)],
    ids=["PING", "ACK", "WINDOW_UPDATE", "unknown", "PRIORITY"],
)
def test_3_4_the_first_frame_is_settings(serves: Any, opening: bytes) -> None:
    client = FrameClient(serves(application), preface=False)
    client.send(PREFACE + opening)
    Ends(PROTOCOL_ERROR).check(client)
    assert isinstance(client.frames[0], SettingsFrame)


@pytest.mark.parametrize("step", [0, 1])
def test_3_4_another_preface_is_no_http2(serves: Any, step: int) -> None:
    client = FrameClient(serves(application), preface=False)
    deliver(client, b"PRI * HTTP/2.0\r\n\r\nSX\r\n\r\n", step)
    assert client.ended


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (raw_frame(DATA, b"x", stream_id=1), STREAM_CLOSED),
        (raw_frame(HEADERS, STATIC, flags=WHOLE, stream_id=1), STREAM_CLOSED),
        (raw_frame(CONTINUATION, STATIC, flags=END_HEADERS, stream_id=1), PROTOCOL_ERROR),
        (window_update(1, 1), None),
        (rst_stream(1), None),
        (priority(1), None),
    ],
    ids=["DATA", "HEADERS", "CONTINUATION", "WINDOW_UPDATE", "RST_STREAM", "PRIORITY"],
)
@pytest.mark.parametrize("later", [False, True])
def test_5_1_frames_on_a_stream_that_has_ended(serves: Any, frame: bytes, code: int | None, later: bool) -> None:
    client = FrameClient(serves(application))
    client.send(client.headers(1))
    assert client.status(1) == 200
    if later:
        client.send(client.headers(3))
    client.send(frame)
    if code is None:
        assert client.goaway is None
        assert client.resets == {}
        return
    goaway = client.goaway
    assert (goaway.error_code if goaway else client.resets[1]) == code


def test_5_1_2_refused_streams_can_be_asked_for_again(serves: Any) -> None:
    client = FrameClient(serves(application, h2_max_concurrent_streams=1))
    assert client.settings[MAX_STREAMS] == 1
    client.send(client.headers(1, HOLD), client.headers(3, [*GET, (b"x-new", b"1")]))
    assert client.resets == {3: REFUSED_STREAM}
    client.send(rst_stream(1))
    client.send(client.headers(5, [*GET, (b"x-new", b"1")]))  # the table has the field
    assert client.status(5) == 200


def test_5_2_nothing_leaves_without_a_window(serves: Any) -> None:
    client = FrameClient(serves(sized(10)), settings={INITIAL_WINDOW: 0})
    client.send(client.headers(1))
    assert client.status(1) == 200
    assert client.body(1) == b""
    client.send(window_update(1, 3))
    assert client.body(1) == bytes(3)
    client.send(settings((INITIAL_WINDOW, 2)))
    assert client.body(1) == bytes(5)
    client.send(settings((INITIAL_WINDOW, 0)))  # the window is less than nothing now (section 6.9.2)
    client.send(window_update(1, 1))
    assert client.body(1) == bytes(5)
    client.send(window_update(1, 2))
    assert client.body(1) == bytes(6)
    assert not client.complete(1)
    client.send(window_update(1, 100))
    assert client.body(1) == bytes(10)
    assert client.complete(1)


def test_5_2_an_empty_end_needs_no_window(serves: Any) -> None:
    client = FrameClient(serves(sized(0)), settings={INITIAL_WINDOW: 0})
    client.send(client.headers(1))
    assert client.complete(1)


def test_5_2_the_window_of_the_connection(serves: Any) -> None:
    client = FrameClient(serves(sized(40000)))
    client.send(client.headers(1), client.headers(3))
    assert len(client.body(1)) + len(client.body(3)) == 65535
    client.send(window_update(0, 1))
    assert len(client.body(1)) + len(client.body(3)) == 65536
    client.send(window_update(0, 20000))
    assert client.complete(1)
    assert client.complete(3)


@pytest.mark.parametrize("size", [2**14, 20000])
def test_4_2_frames_are_as_large_as_the_client_takes(serves: Any, size: int) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        head = [(b"x-long", b"0123456789" * 10000)]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": bytes(60000)})

    client = FrameClient(serves(app), settings={FRAME_SIZE: size})
    client.decoder.max_header_list_size = 2**20
    client.send(client.headers(1))
    frames: list[Frame] = client.frames_of(HeadersFrame, 1) + client.frames_of(DataFrame, 1)
    assert all(frame.body_len <= size for frame in frames)
    assert len(dict(client.heads[1][0])[b"x-long"]) == 100000
    assert len(client.body(1)) == 60000


def test_4_3_a_table_of_nothing(serves: Any) -> None:
    client = FrameClient(serves(application))
    client.send(client.headers(1))
    assert client.status(1) == 200
    client.send(settings((TABLE_SIZE, 0)))
    client.decoder.max_allowed_table_size = 0  # it demands that the next block says so (RFC 7541 section 4.2)
    client.send(client.headers(3), client.headers(5))
    assert client.status(3) == client.status(5) == 200
    assert not client.decoder.header_table.dynamic_entries


def test_6_8_a_client_that_leaves_is_answered(serves: Any) -> None:
    client = FrameClient(serves(application))
    client.send(client.headers(1, POST, end=False), raw_frame(GOAWAY, bytes(8) + b"bye"))
    assert not client.ended
    client.send(client.data(1, b"hello", end=True))
    assert client.body(1) == b"5"
    assert client.ended


def test_7_unknown_error_codes_mean_nothing(serves: Any) -> None:
    client = FrameClient(serves(application))
    client.send(client.headers(1, POST, end=False), client.headers(3, HOLD), rst_stream(3, 0xFFFFFFFF))
    client.send(raw_frame(GOAWAY, bytes(4) + b"\xff" * 4), client.data(1, b"hello", end=True))
    assert client.body(1) == b"5"


async def pushing(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Pushes /hold, which does not answer, to those that take it."""
    if scope["path"] != "/":
        return await application(scope, receive, send)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    if "http.response.push" in scope["extensions"]:
        await send({"type": "http.response.push", "path": "/hold", "headers": []})
    await send({"type": "http.response.body", "body": b"pushed"})


@pytest.mark.parametrize(
    ("frame", "outcome"),
    [
        (raw_frame(DATA, b"x", stream_id=2), Resets(STREAM_CLOSED, 2)),
        (raw_frame(HEADERS, STATIC, flags=WHOLE, stream_id=2), Ends(PROTOCOL_ERROR)),
        (window_update(2, 1), Ignores()),
        (window_update(2, MAX_WINDOW), Resets(FLOW_CONTROL_ERROR, 2)),
        (window_update(2, 0), Resets(PROTOCOL_ERROR, 2)),
        (rst_stream(2), Ignores()),
        (priority(2), Ignores()),
        (window_update(4, 1), Ends(PROTOCOL_ERROR)),
    ],
    ids=["DATA", "HEADERS", "window", "window too large", "window of 0", "RST_STREAM", "PRIORITY", "another"],
)
def test_5_1_frames_on_a_stream_that_the_server_has_reserved(serves: Any, frame: bytes, outcome: Outcome) -> None:
    client = FrameClient(serves(pushing))
    client.send(client.headers(1))
    assert client.status(1) == 200
    assert dict(client.heads[2][0])[b":path"] == b"/hold"
    client.send(frame)
    outcome.check(client)
    if not isinstance(outcome, Ends):
        client.send(client.headers(3, [*GET[:3], (b":path", b"/other")]))
        assert client.status(3) == 200


def test_8_4_a_client_without_pushes(serves: Any) -> None:
    client = FrameClient(serves(pushing), settings={ENABLE_PUSH: 0})
    client.send(client.headers(1))
    assert client.status(1) == 200
    assert 2 not in client.heads


def test_6_8_goaway_names_the_last_stream(serves: Any) -> None:
    client = FrameClient(serves(application))
    client.send(client.headers(7), client.headers(9, HOLD), raw_frame(PING, b""))
    Ends(FRAME_SIZE_ERROR).check(client)
    assert client.goaway is not None
    assert client.goaway.last_stream_id == 9


def test_6_9_more_than_the_window(serves: Any) -> None:
    client = FrameClient(serves(application, h2_initial_stream_window=1024))
    client.acknowledge()
    client.send(client.headers(1, HOLD_POST, end=False), client.data(1, bytes(1024)))
    assert client.goaway is None
    client.send(client.data(1, bytes(2**14)))
    assert client.goaway is not None or client.resets
    code = client.goaway.error_code if client.goaway else client.resets[1]
    assert code == FLOW_CONTROL_ERROR


def test_6_9_padding_counts(serves: Any) -> None:
    client = FrameClient(serves(application, h2_initial_stream_window=1024, h2_initial_connection_window=65535))
    client.acknowledge()
    client.send(client.headers(1, POST, end=False))
    padded = raw_frame(DATA, bytes([255]) + b"x" + bytes(255), flags=PADDED, stream_id=1)
    for _ in range(300):
        client.send(padded)
    client.send(client.data(1, b"", end=True))
    assert client.body(1) == b"300"
    assert client.credit(1) >= 300 * 257 - 1024
    assert client.credit(0) >= 300 * 257 - 65535


def test_5_4_a_reset_is_not_answered_by_a_reset(serves: Any) -> None:
    client = FrameClient(serves(application))
    client.send(client.headers(1, HOLD), rst_stream(1), rst_stream(1))
    assert client.resets == {}
    assert client.goaway is None


def test_5_4_frames_that_cross_a_reset_of_the_server(serves: Any) -> None:
    client = FrameClient(serves(application, h2_initial_connection_window=65535))
    client.send(client.headers(1, [*HOLD_POST, (LENGTH, b"1")], end=False), client.data(1, b"xy"))
    assert client.resets == {1: PROTOCOL_ERROR}
    for _ in range(6):
        client.send(client.data(1, bytes(10000)))
    client.send(client.headers(1, [(b"x-new", b"1")]))
    assert len(client.frames_of(WindowUpdateFrame, 0)) >= 1  # given back, so that others are not blocked
    assert client.credit(0) >= 65535 // 2
    assert len([frame for frame in client.frames if frame.stream_id == 1]) == 1
    client.send(client.headers(3, [*GET, (b"x-new", b"1")]))
    assert client.status(3) == 200


def sized(length: int) -> Any:
    """An application that answers with so many bytes."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": bytes(length)})

    return app
