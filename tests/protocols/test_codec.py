# SPDX-License-Identifier: MIT
"""The WebSocket engines, without a socket: the same cases for both, each whole, byte by byte and with a tail."""

from __future__ import annotations

import dataclasses
import random
import struct
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Frame, Opcode

from fastcorn.config import Config
from fastcorn.errors import MessageError
from fastcorn.protocols import _codec
from fastcorn.protocols._codec import read_events, write_frames
from fastcorn.protocols._websocket import NativeCodec
from fastcorn.protocols.permessage_deflate import DeflateParameters, negotiate
from fastcorn.protocols.websocket_fallback import WsprotoCodec

MASK = b"\x11\x22\xf3\x44"
CONT, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
Event = tuple[str, Any, int, Any]
Maker = Callable[..., Any]

each_engine = pytest.fixture(params=[NativeCodec, WsprotoCodec], ids=["native", "wsproto"])


@each_engine
def make(request: pytest.FixtureRequest) -> Maker:
    def maker(deflate: DeflateParameters | None = None, **settings: Any) -> Any:
        return request.param(Config(**settings).freeze(), deflate)

    return maker


NAMES = {
    _codec.TEXT: "text", _codec.BINARY: "binary", _codec.PING: "ping", _codec.PONG: "pong", _codec.CLOSE: "close",
    _codec.FAILED: "failed",
}  # fmt: skip
KINDS = {"message": _codec.TEXT, "ping": _codec.PING, "pong": _codec.PONG, "close": _codec.CLOSE}


def decode(codec: Any, data: bytes) -> list[Event]:
    """The events that bytes complete."""
    return [
        (NAMES[kind], payload, code, reason)
        if kind in (_codec.CLOSE, _codec.FAILED)
        else (NAMES[kind], payload, 0, None)
        for kind, payload, code, reason in read_events(codec, data)
    ]


def encode(codec: Any, kind: str, payload: Any, code: int = 1005) -> bytes:
    """The frame of a message, a ping, a pong or a close."""
    return write_frames(codec, KINDS[kind], payload, code)


def masked(data: bytes, mask: bytes = MASK) -> bytes:
    return bytes(byte ^ mask[index % 4] for index, byte in enumerate(data))


def frame(opcode: int, data: bytes = b"", *, fin: bool = True, rsv: int = 0, mask: bytes = MASK) -> bytes:
    first = (0x80 if fin else 0) | rsv << 4 | opcode
    if len(data) < 126:
        head = bytes((first, 0x80 | len(data)))
    elif len(data) < 65536:
        head = struct.pack("!BBH", first, 0x80 | 126, len(data))
    else:
        head = struct.pack("!BBQ", first, 0x80 | 127, len(data))
    return head + mask + masked(data, mask)


def close(code: int, reason: bytes = b"") -> bytes:
    return frame(CLOSE, struct.pack("!H", code) + reason)


def text(data: str) -> Event:
    return ("text", data, 0, None)


def binary(data: bytes) -> Event:
    return ("binary", data, 0, None)


def in_pieces(codec: Any, data: bytes, size: int) -> list[Event]:
    events: list[Event] = []
    for start in range(0, len(data), size):
        events += decode(codec, data[start : start + size])
    return events


LONG = bytes(range(256)) * 300
GOOD: list[tuple[bytes, list[Event]]] = [
    (frame(TEXT, b"hello"), [text("hello")]),
    (frame(TEXT), [text("")]),
    (frame(BINARY), [binary(b"")]),
    (frame(TEXT, "κόσμε 🙂 \ud7ff\ue000".encode()), [text("κόσμε 🙂 \ud7ff\ue000")]),
    (frame(TEXT, b"a\x00b"), [text("a\0b")]),
    *[(frame(BINARY, LONG[:size]), [binary(LONG[:size])]) for size in (1, 125, 126, 127, 128, 255, 256, 1000, 65535)],
    (frame(BINARY, LONG), [binary(LONG)]),
    (frame(TEXT, b"x" * 65536), [text("x" * 65536)]),
    (frame(TEXT, b"he", fin=False) + frame(CONT, b"llo"), [text("hello")]),
    (frame(TEXT, fin=False) + frame(CONT, fin=False) + frame(CONT), [text("")]),
    (frame(TEXT, b"\xce", fin=False) + frame(CONT, b"\xba"), [text("κ")]),
    (
        frame(BINARY, b"a", fin=False) + frame(PING, b"p") + frame(CONT, b"b") + frame(PONG),
        [("ping", b"p", 0, None), binary(b"ab"), ("pong", b"", 0, None)],
    ),
    (frame(PING, b"x" * 125), [("ping", b"x" * 125, 0, None)]),
    (frame(TEXT, b"1") + frame(TEXT, b"2") + frame(BINARY, b"3"), [text("1"), text("2"), binary(b"3")]),
    (frame(CLOSE), [("close", None, 1005, "")]),
    (close(1000), [("close", None, 1000, "")]),
    (close(4999, "adiós".encode()), [("close", None, 4999, "adiós")]),
    (close(3000, b"x" * 123), [("close", None, 3000, "x" * 123)]),
    *[
        (close(code), [("close", None, code, "")])
        for code in (1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3999, 4000)
    ],
    (frame(TEXT, b"a", fin=False) + close(1001), [("close", None, 1001, "")]),
    (close(1000) + frame(TEXT, b"late") + b"\xff\xff", [("close", None, 1000, "")]),
]
BAD: list[tuple[bytes, int, list[Event]]] = [
    *[(frame(opcode), 1002, []) for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)],
    *[(frame(TEXT, b"x", rsv=rsv), 1002, []) for rsv in range(1, 8)],
    *[(frame(PING, b"x", rsv=rsv), 1002, []) for rsv in (1, 2, 4)],
    (frame(PING, fin=False), 1002, []),
    (frame(CLOSE, fin=False), 1002, []),
    (b"\x89\xfe\x00\x7e" + MASK + b"x" * 126, 1002, []),
    (b"\x81\x05hello", 1002, []),
    (b"\x82\xfe\x00\x7d" + MASK + bytes(125), 1002, []),
    (b"\x82\xff" + struct.pack("!Q", 65535) + MASK, 1002, []),
    (b"\x82\xff" + struct.pack("!Q", 1 << 63) + MASK, 1002, []),
    (frame(CONT, b"x"), 1002, []),
    (frame(TEXT, b"x", fin=False) + frame(TEXT, b"y"), 1002, []),
    (frame(TEXT, b"x", fin=False) + frame(BINARY, b"y"), 1002, []),
    (frame(CLOSE, b"\x03"), 1002, []),
    *[(close(code), 1002, []) for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535)],
    (close(1000, b"\xff"), 1007, []),
    (close(1000, b"\xce"), 1007, []),
    *[
        (frame(TEXT, data), 1007, [])
        for data in (
            b"\xff", b"\xc0\xaf", b"\xe0\x80\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xf8\x88\x80\x80\x80",
            b"a\x80", b"\xce", b"\xce\xba\xe1\xbd", b"\xc3(", b"\xf0\x8f\xbf\xbf",
        )
    ],
    (frame(TEXT, b"ok") + frame(TEXT, b"\xce", fin=False) + frame(CONT, b"\xce"), 1007, [text("ok")]),
    (frame(TEXT, b"x", fin=False) + frame(CONT, b"\xce"), 1007, []),
    (frame(BINARY, b"x" * 1001), 1009, []),
    (frame(BINARY, b"x" * 600, fin=False) + frame(CONT, b"x" * 401), 1009, []),
    (frame(BINARY, b"x", fin=False) + frame(CONT, fin=False) * 8 + frame(CONT), 1008, []),
]  # fmt: skip


@pytest.mark.parametrize(("data", "events"), GOOD, ids=[str(index) for index in range(len(GOOD))])
def test_good_frames(make: Maker, data: bytes, events: list[Event]) -> None:
    assert decode(make(), data) == events
    for size in (1, 2, 3, 7, 100, 4096):
        if len(data) // size < 3000:
            assert in_pieces(make(), data, size) == events
    tail = frame(BINARY, b"tail")
    expected = events if events[-1][0] == "close" else [*events, binary(b"tail")]
    assert decode(make(), data + tail) == expected
    codec = make()
    assert [*decode(codec, data + tail[:3]), *decode(codec, tail[3:])] == expected
    assert codec.held_bytes == 0 or events[-1][0] == "close"


@pytest.mark.parametrize(("data", "code", "events"), BAD, ids=[str(index) for index in range(len(BAD))])
def test_bad_frames(make: Maker, data: bytes, code: int, events: list[Event]) -> None:
    limits = {"websocket_max_message_size": 1000, "websocket_max_fragments": 8}
    for found in (
        decode(make(**limits), data),
        in_pieces(make(**limits), data, 1),
        decode(make(**limits), data + data),
    ):
        *before, last = found
        assert before == events
        assert (last[0], last[2]) == ("failed", code)
        assert last[3]
    codec = make(**limits)
    decode(codec, data)
    assert decode(codec, frame(TEXT, b"later")) == []


def test_native_accepts_the_codes_registered_since() -> None:
    """wsproto knows 1012 and 1013 and refuses 1014 (bad gateway), which the registry of RFC 6455 has since."""
    for code in (1012, 1013, 1014):
        assert decode(NativeCodec(Config().freeze(), None), close(code)) == [("close", None, code, "")]


@pytest.mark.parametrize("good", ["κόσμε", "a" * 40])
def test_text_that_is_wrong_is_refused_before_its_frame_ends(good: str) -> None:
    codec = NativeCodec(Config().freeze(), None)
    data = frame(TEXT, good.encode() + b"\xed\xa0\x80" + b"x" * 50)
    end = 6 + len(good.encode())
    assert in_pieces(codec, data[: end + 1], 1) == []
    assert decode(codec, data[end + 1 : end + 2])[0][:3] == ("failed", None, 1007)


def test_a_header_is_no_reason_to_reserve_memory(make: Maker) -> None:
    codec = make(websocket_max_message_size=2**40)
    head = b"\x82\xff" + struct.pack("!Q", 2**39) + MASK
    assert decode(codec, head + b"x" * 10) == []
    assert decode(codec, b"y" * 10) == []


@pytest.mark.parametrize("size", [*range(70), 127, 128, 255, 256, 257, 319, 320, 1000, 16385, 70000])
def test_messages_of_every_size_are_read_by_another(make: Maker, size: int) -> None:
    """What we write, the websockets package reads; and a masked frame of any length and phase is unmasked."""
    data = random.Random(size).randbytes(size)
    written = encode(make(), "message", data)
    parsed = parse(written)
    assert (parsed.opcode, parsed.data, parsed.fin, parsed.rsv1) == (Opcode.BINARY, data, True, False)
    for phase in (1, 5):
        codec = make()
        sent = frame(BINARY, data)
        assert [*decode(codec, sent[: 8 + phase]), *decode(codec, sent[8 + phase :])] == [binary(data)]


@pytest.mark.parametrize("data", ["", "hello", "κόσμε 🙂", "é" * 40000])
def test_texts_are_written(make: Maker, data: str) -> None:
    parsed = parse(encode(make(), "message", data))
    assert (parsed.opcode, parsed.data) == (Opcode.TEXT, data.encode())


def test_a_text_that_is_not_unicode_is_the_applications_mistake(make: Maker) -> None:
    with pytest.raises(MessageError, match=r"^the text has a lone surrogate, U\+D800 at index 1"):
        encode(make(), "message", "a\ud800")


def test_control_frames_are_written(make: Maker) -> None:
    assert parse(encode(make(), "ping", b"p")).opcode is Opcode.PING
    assert parse(encode(make(), "pong", b"q")).data == b"q"
    assert parse(encode(make(), "close", "bye", 1000)).data == b"\x03\xe8bye"
    assert parse(encode(make(), "close", "", 1005)).data == b""


def test_a_reason_is_cut_between_characters(make: Maker) -> None:
    data = bytes(parse(encode(make(), "close", "ä" * 100, 1011)).data)
    assert data[2:].decode() == "ä" * 61


def is_compressed(data: bytes) -> bool:
    return bool(data[0] & 0x40)


def parse(data: bytes, *extensions: Any) -> Frame:
    """One server's frame, by the websockets package."""
    from websockets.streams import StreamReader

    reader = StreamReader()
    reader.feed_data(data)
    reader.feed_eof()
    parser = Frame.parse(reader.read_exact, mask=False, extensions=list(extensions))
    try:
        next(parser)
    except StopIteration as stop:
        found: Frame = stop.value
        assert len(reader.buffer) == 0
        return found
    raise AssertionError("the frame is not whole")


# ---- permessage-deflate ----------------------------------------------------------------------------------------------


def agreed(offer: bytes = b"permessage-deflate; client_max_window_bits", **settings: Any) -> DeflateParameters:
    _, parameters = negotiate([offer], Config(websocket_compression_threshold=0, **settings).freeze())
    assert parameters is not None
    return parameters


def deflated(data: bytes, bits: int = 15) -> bytes:
    compressor = zlib.compressobj(9, zlib.DEFLATED, -bits)
    return (compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]


def test_compressed_messages(make: Maker) -> None:
    hello = bytes.fromhex("f248cdc9c90700")
    assert decode(make(agreed()), frame(TEXT, hello, rsv=4)) == [text("Hello")]
    fragmented = frame(TEXT, hello[:3], rsv=4, fin=False) + frame(PING) + frame(CONT, hello[3:])
    assert decode(make(agreed()), fragmented) == [("ping", b"", 0, None), text("Hello")]
    assert in_pieces(make(agreed()), fragmented, 1) == [("ping", b"", 0, None), text("Hello")]


def test_compressed_and_plain_messages_may_alternate(make: Maker) -> None:
    data = (
        frame(TEXT, deflated(b"one"), rsv=4) + frame(TEXT, b"two") + frame(BINARY, b"", fin=False) + frame(CONT, b"3")
    )
    assert decode(make(agreed()), data) == [text("one"), text("two"), binary(b"3")]


def test_the_window_is_kept_from_message_to_message(make: Maker) -> None:
    # RFC 7692 section 7.2.3.2: the second "Hello" refers to the first.
    data = frame(TEXT, bytes.fromhex("f248cdc9c90700"), rsv=4) + frame(TEXT, bytes.fromhex("f200110000"), rsv=4)
    assert decode(make(agreed()), data) == [text("Hello"), text("Hello")]


def test_stored_and_final_blocks(make: Maker) -> None:
    # Sections 7.2.3.3 and 7.2.3.4.
    stored = frame(TEXT, bytes.fromhex("000500faff48656c6c6f00"), rsv=4)
    final = frame(TEXT, bytes.fromhex("f348cdc9c9070000"), rsv=4)
    assert decode(make(agreed()), stored + final + stored) == [text("Hello")] * 3


@pytest.mark.parametrize(
    "offer",
    [
        b"permessage-deflate",
        b"permessage-deflate; client_max_window_bits",
        b"permessage-deflate; server_no_context_takeover; client_no_context_takeover",
        b"permessage-deflate; server_max_window_bits=9; client_max_window_bits=9",
    ],
)
def test_what_is_compressed_the_other_side_inflates(make: Maker, offer: bytes) -> None:
    parameters = agreed(offer)
    codec, client = make(parameters), peer(parameters)
    chance = random.Random(7)
    for size in (0, 1, 100, 3000, 70000):
        for data in (b"abc" * (size // 3), chance.randbytes(size)):
            assert parse(encode(codec, "message", data), client).data == data
            sent = client.encode(Frame(Opcode.BINARY, data))
            assert decode(codec, frame(BINARY, bytes(sent.data), rsv=4 if sent.rsv1 else 0)) == [binary(data)]


def peer(parameters: DeflateParameters) -> PerMessageDeflate:
    """A client's side, by the websockets package."""
    return PerMessageDeflate(
        remote_no_context_takeover=parameters.server_no_context_takeover,
        local_no_context_takeover=parameters.client_no_context_takeover,
        remote_max_window_bits=parameters.server_window_bits,
        local_max_window_bits=parameters.client_window_bits,
    )


def test_short_messages_stay_as_they_are(make: Maker) -> None:
    parameters = dataclasses.replace(agreed(), threshold=100)
    assert not is_compressed(encode(make(parameters), "message", b"x" * 99))
    assert is_compressed(encode(make(parameters), "message", b"x" * 100))


@pytest.mark.parametrize("size", [1000, 1001, 10**7])
def test_a_bomb_costs_no_more_than_the_limit(make: Maker, size: int) -> None:
    data = frame(BINARY, deflated(bytes(size)), rsv=4)
    (event,) = decode(make(agreed(), websocket_max_message_size=max(1000, len(data))), data)
    if size <= 1000:
        assert event == binary(bytes(size))
    elif size > len(data):
        assert event[:3] == ("failed", None, 1009)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (frame(TEXT, b"\xff\xff\xff", rsv=4), 1007),
        (frame(TEXT, deflated(b"\xff"), rsv=4), 1007),
        (frame(TEXT, deflated(b"\xce"), rsv=4), 1007),
        (frame(TEXT, b"", fin=False) + frame(CONT, b"x", rsv=4), 1002),
        (frame(PING, b"", rsv=4), 1002),
        (frame(TEXT, deflated(b"x" * 1001)[:5], rsv=4, fin=False) + frame(CONT, deflated(b"x" * 1001)[5:]), 1009),
    ],
)
def test_bad_compressed_frames(make: Maker, data: bytes, code: int) -> None:
    assert decode(make(agreed(), websocket_max_message_size=1000), data)[-1][::2] == ("failed", code)


@pytest.mark.parametrize(
    ("offers", "settings", "answer"),
    [
        ([], {}, None),
        ([b"permessage-deflate"], {}, b"permessage-deflate; server_max_window_bits=12"),
        ([b"permessage-deflate"], {"websocket_window_bits": 15}, b"permessage-deflate"),
        ([b"permessage-deflate"], {"websocket_compression": False}, None),
        (
            [b"permessage-deflate; client_max_window_bits"],
            {},
            b"permessage-deflate; server_max_window_bits=12; client_max_window_bits=12",
        ),
        (
            [b'permessage-deflate; client_max_window_bits="10"; server_max_window_bits=9'],
            {},
            b"permessage-deflate; server_max_window_bits=9; client_max_window_bits=10",
        ),
        (
            [b"permessage-deflate"],
            {"websocket_context_takeover": False, "websocket_window_bits": 15},
            b"permessage-deflate; server_no_context_takeover; client_no_context_takeover",
        ),
        ([b"x-webkit-deflate-frame, permessage-deflate"], {"websocket_window_bits": 15}, b"permessage-deflate"),
        (
            [b"permessage-deflate; server_max_window_bits=7, permessage-deflate"],
            {"websocket_window_bits": 15},
            b"permessage-deflate",
        ),
        *[
            ([b"permessage-deflate; " + wrong], {}, None)
            for wrong in (
                b"unknown", b"server_max_window_bits", b"server_max_window_bits=16", b"client_max_window_bits=010",
                b"client_max_window_bits=x", b"server_no_context_takeover=1",
                b"client_max_window_bits; client_max_window_bits",
                b"client_no_context_takeover; client_no_context_takeover", b'server_max_window_bits="', b"\xff", b"",
            )
        ],
    ],
)  # fmt: skip
def test_negotiation(offers: list[bytes], settings: dict[str, Any], answer: bytes | None) -> None:
    value, parameters = negotiate(offers, Config(**settings).freeze())
    assert value == answer
    assert (parameters is None) == (answer is None)
