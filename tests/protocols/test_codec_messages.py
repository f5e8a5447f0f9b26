# SPDX-License-Identifier: MIT
"""What the WebSocket engines read, one suite for all of them: RFC 6455 sections 5 to 8 as tables of bytes and events.

Each case comes whole, byte by byte and in larger pieces, and each with more behind it: after a message more messages
are read, after a close frame or a failure nothing is. The tables follow the sections of the Autobahn suite.
"""

from __future__ import annotations

from typing import NamedTuple

import pytest

from fastcorn.protocols._codec import BINARY as B
from fastcorn.protocols._codec import CLOSE as C
from fastcorn.protocols._codec import FAILED as F
from fastcorn.protocols._codec import PING, PONG, read_events
from fastcorn.protocols._codec import TEXT as T
from tests import frames
from tests.frames import ENGINE_NAMES, Event, close_frame, fragments, frame, new_codec, read_in_steps

STEPS = (0, 1, 7, 1000)
GREETING = "Hello-µ@ßöäüàá-UTF-8!! 😀"
LENGTHS = (0, 1, 7, 8, 15, 16, 17, 125, 126, 127, 128, 129, 255, 300, 65535, 65536, 70001)


def text(data: str) -> Event:
    return T, data, 0, None


def binary(data: bytes) -> Event:
    return B, data, 0, None


class Case(NamedTuple):
    """What a client sends and what is to be read from it; `failed` is the close code of a failure that ends it."""

    name: str
    data: bytes
    events: tuple[Event, ...] = ()
    failed: int | None = None


def of_lengths() -> list[Case]:
    cases = []
    for length in LENGTHS:
        ascii_text, data = "*" * length, bytes(range(256)) * (length // 256 + 1)
        data = data[:length]
        wide = "é" * (length // 2)
        cases += [
            Case(f"text of {length}", frame(frames.TEXT, ascii_text.encode()), (text(ascii_text),)),
            Case(f"binary of {length}", frame(frames.BINARY, data), (binary(data),)),
            Case(f"two-byte text of {length}", frame(frames.TEXT, wide.encode()), (text(wide),)),
        ]
    return cases


def of_controls() -> list[Case]:
    """Autobahn section 2."""
    ping = frame(frames.PING, b"payload")
    full = bytes(range(125))
    return [
        Case("ping without payload", frame(frames.PING), ((PING, b"", 0, None),)),
        Case("ping", ping, ((PING, b"payload", 0, None),)),
        Case("ping of 125 bytes", frame(frames.PING, full), ((PING, full, 0, None),)),
        Case("ping of 126 bytes", frame(frames.PING, b"x" * 126), failed=1002),
        Case("pong unasked", frame(frames.PONG, b"x") + ping, ((PONG, b"x", 0, None), (PING, b"payload", 0, None))),
        Case("ten pings", ping * 10, ((PING, b"payload", 0, None),) * 10),
    ]


def of_headers() -> list[Case]:
    """Autobahn sections 3 and 4, and what RFC 6455 section 5.2 says of lengths and masks."""
    first = frame(frames.TEXT, b"first")
    cases = [
        Case(f"rsv {rsv} of opcode {opcode}", first + frame(opcode, b"x", rsv=rsv), (text("first"),), 1002)
        for rsv in range(1, 8)
        for opcode in (frames.TEXT, frames.BINARY, frames.PING, frames.CLOSE)
    ]
    cases += [
        Case(f"reserved opcode {opcode}", first + frame(opcode, payload), (text("first"),), 1002)
        for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)
        for payload in (b"", b"x")
    ]
    cases += [
        Case(f"not masked, opcode {opcode}", frame(opcode, b"", key=None), failed=1002) for opcode in (1, 2, 8, 9, 10)
    ]
    cases += [
        Case(f"{length} as {width} bytes", frame(frames.BINARY, b"x" * length, width=width), failed=1002)
        for length, width in ((0, 2), (125, 2), (0, 8), (125, 8), (126, 8), (65535, 8))
    ]
    cases.append(Case("length of 2^63", b"\x82\xff\x80" + bytes(7) + frames.KEY, failed=1002))
    keys = (b"\0\0\0\0", b"\xff\xff\xff\xff", b"\0\1\2\3")
    cases += [Case(f"mask {k!r}", frame(frames.TEXT, b"abcdefghi" * 9, key=k), (text("abcdefghi" * 9),)) for k in keys]
    return cases


def of_fragments() -> list[Case]:
    """Autobahn section 5."""
    ping, pinged = frame(frames.PING, b"mid"), (PING, b"mid", 0, None)
    one, two = frame(frames.TEXT, b"one", fin=False), frame(frames.CONTINUATION, b"two")
    middle = frame(frames.CONTINUATION, b"-", fin=False)
    return [
        Case("fragmented ping", frame(frames.PING, b"x", fin=False), failed=1002),
        Case("fragmented pong", frame(frames.PONG, b"x", fin=False), failed=1002),
        Case("fragmented close", frame(frames.CLOSE, b"\x03\xe8", fin=False), failed=1002),
        Case("two fragments", one + two, (text("onetwo"),)),
        Case("a ping between fragments", one + ping + two, (pinged, text("onetwo"))),
        Case("pings between five", one + ping + middle + ping + two, (pinged, pinged, text("one-two"))),
        Case("binary fragments", fragments(frames.BINARY, [b"a", b"b", b"c"]), (binary(b"abc"),)),
        Case("empty fragments of text", fragments(frames.TEXT, [b"", b"", b""]), (text(""),)),
        Case("empty fragments of binary", fragments(frames.BINARY, [b"", b""]), (binary(b""),)),
        Case("empty first and last", fragments(frames.TEXT, [b"", b"x", b""]), (text("x"),)),
        Case("continuation of nothing", frame(frames.CONTINUATION, b"x"), failed=1002),
        Case("continuation, not final, of nothing", frame(frames.CONTINUATION, b"x", fin=False), failed=1002),
        Case("continuation after a message", one + two + frame(frames.CONTINUATION), (text("onetwo"),), 1002),
        Case("text inside a text", one + frame(frames.TEXT, b"x"), failed=1002),
        Case("binary inside a text", one + frame(frames.BINARY, b"x"), failed=1002),
        Case("rsv1 in a continuation", one + frame(frames.CONTINUATION, b"x", rsv=4), failed=1002),
        Case("close inside a message", one + close_frame(1000), ((C, None, 1000, ""),)),
        Case("many fragments", fragments(frames.TEXT, [b"x"] * 500), (text("x" * 500),)),
        Case("large fragments", fragments(frames.BINARY, [b"q" * 66000] * 2), (binary(b"q" * 132000),)),
    ]


# Autobahn section 6: texts of every kind, valid and not.
VALID_TEXTS = (
    GREETING, "", "\0", "κόσμε", "\x7f", "\x80", "\u07ff", "\u0800", "\ud7ff", "\ue000", "\ufffd", "\uffff",
    "\U00010000", "\U0010ffff", "a" * 50 + "€", "€" + "a" * 50, "\u200b" * 40, "日本語" * 30, "😀" * 100,
)  # fmt: skip
INVALID_TEXTS = (
    b"\x80", b"\xbf", b"\x80\xbf\x80", b"\xc0\x80", b"\xc1\xbf", b"\xc0\xaf", b"\xe0\x80\xaf", b"\xe0\x9f\xbf",
    b"\xf0\x80\x80\xaf", b"\xf0\x8f\xbf\xbf", b"\xed\xa0\x80", b"\xed\xbf\xbf", b"\xf4\x90\x80\x80",
    b"\xf5\x80\x80\x80", b"\xf8\x88\x80\x80\x80", b"\xfc\x84\x80\x80\x80\x80", b"\xfe", b"\xff", b"\xc3(",
    b"\xe2\x28\xa1", b"\xe2\x82(", b"\xf0\x28\x8c\xbc", b"\xf0\x9f(\x80", b"\xf0\x9f\x98(",
    b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited",
)  # fmt: skip
UNFINISHED_TEXTS = (b"\xc3", b"\xe2", b"\xe2\x82", b"\xf0", b"\xf0\x9f", b"\xf0\x9f\x98", b"abc\xce")


def of_texts() -> list[Case]:
    cases = []
    for number, valid in enumerate(VALID_TEXTS):
        data = valid.encode()
        pieces = [data[i : i + 1] for i in range(len(data))] or [b""]
        cases += [
            Case(f"valid text {number}", frame(frames.TEXT, data), (text(valid),)),
            Case(f"valid text {number} in fragments", fragments(frames.TEXT, pieces), (text(valid),)),
        ]
    for number, invalid in enumerate((*INVALID_TEXTS, *UNFINISHED_TEXTS)):
        for where, data in (("", invalid), (" in a long one", b"a" * 200 + invalid + b"b" * 200)):
            if where and invalid in UNFINISHED_TEXTS:
                data = b"a" * 200 + invalid
            cut = len(data) // 2
            cases += [
                Case(f"invalid text {number}{where}", frame(frames.TEXT, data), failed=1007),
                Case(
                    f"invalid text {number}{where}, split",
                    fragments(frames.TEXT, [data[:cut], data[cut:]]),
                    failed=1007,
                ),
                Case(f"the same in binary {number}{where}", frame(frames.BINARY, data), (binary(data),)),
            ]
    return cases


VALID_CODES = (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999)
INVALID_CODES = (0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535)


def of_closes() -> list[Case]:
    """Autobahn section 7."""
    long_reason = "€" * 41
    cases = [
        Case("close without code", close_frame(), ((C, None, 1005, ""),)),
        Case("close of one byte", frame(frames.CLOSE, b"\x03"), failed=1002),
        Case("close with a reason", close_frame(1000, b"bye"), ((C, None, 1000, "bye"),)),
        Case("close with 123 bytes", close_frame(1000, long_reason.encode()), ((C, None, 1000, long_reason),)),
        Case("close with 124 bytes", close_frame(1000, b"x" * 124), failed=1002),
        Case("close with invalid UTF-8", close_frame(1000, b"\xff"), failed=1007),
        Case("close with half a character", close_frame(1000, b"\xe2\x82"), failed=1007),
        Case("message, then close", frame(frames.TEXT, b"x") + close_frame(1001), (text("x"), (C, None, 1001, ""))),
    ]
    cases += [Case(f"close {code}", close_frame(code, b"r"), ((C, None, code, "r"),)) for code in VALID_CODES]
    cases += [Case(f"close {code}", close_frame(code), failed=1002) for code in INVALID_CODES]
    return cases


CASES = [*of_lengths(), *of_controls(), *of_headers(), *of_fragments(), *of_texts(), *of_closes()]

# Where wsproto differs from the table, and why that is left as it is.
WSPROTO_DIFFERENCES = {"close 1014": "registered by IANA after RFC 6455; wsproto does not know it"}


def check(events: list[Event], case: Case, further: tuple[Event, ...] = ()) -> None:
    if case.failed is not None:
        assert events, "no failure"
        kind, data, code, reason = events.pop()
        assert (kind, data, code) == (F, None, case.failed)
        assert reason
        assert tuple(events) == case.events
    else:
        assert tuple(events) == case.events + further


@pytest.mark.parametrize("engine", ENGINE_NAMES)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_is_read(engine: str, case: Case) -> None:
    if engine == "wsproto" and case.name in WSPROTO_DIFFERENCES:
        case = case._replace(events=(), failed=1002)
    ended = case.failed is not None or (case.events and case.events[-1][0] == C)
    for step in STEPS:
        if step and not step <= len(case.data) <= 500 * step:
            continue
        check(read_in_steps(new_codec(engine), case.data, step), case)
        codec = new_codec(engine)
        behind = frame(frames.TEXT, b"tail") + frame(frames.PING, b"p")
        further = () if ended else (text("tail"), (PING, b"p", 0, None))
        check(read_in_steps(codec, case.data + behind, step), case, further)
        assert codec.held_bytes == 0
        assert read_events(codec, b"") == []


@pytest.mark.parametrize("engine", ENGINE_NAMES)
def test_many_messages_at_once_can_be_taken_one_by_one(engine: str) -> None:
    codec = new_codec(engine)
    data = b"".join(frame(frames.TEXT, b"%d" % number) for number in range(100))
    assert read_events(codec, data, most=1) == [text("0")]
    assert read_events(codec, frame(frames.BINARY, b"fed while more was held"), most=2) == [text("1"), text("2")]
    rest = read_events(codec, b"")
    assert rest == [text(str(number)) for number in range(3, 100)] + [binary(b"fed while more was held")]
    assert codec.data is None, "an idle codec must not keep the last message alive"


@pytest.mark.parametrize("engine", ENGINE_NAMES)
def test_what_is_fed_in_pieces_without_asking_is_read_later(engine: str) -> None:
    codec = new_codec(engine)
    data = frame(frames.TEXT, b"x" * 300) + fragments(frames.TEXT, [b"one", b"two"]) + close_frame(1000)
    for start in range(0, len(data), 5):
        read_events(codec, data[start : start + 5], most=0)
    assert read_events(codec, b"") == [text("x" * 300), text("onetwo"), (C, None, 1000, "")]


@pytest.mark.parametrize("engine", ENGINE_NAMES)
@pytest.mark.parametrize("invalid", INVALID_TEXTS, ids=repr)
def test_invalid_text_fails_with_the_byte_that_makes_it_so(engine: str, invalid: bytes) -> None:
    """Autobahn 6.4: in the middle of a frame, before the rest of it has come."""
    whole = frame(frames.TEXT, b"ab" + invalid + b"z" * 100)
    head = len(whole) - 100 - len(invalid)
    first_wrong = next(n for n in range(1, len(invalid) + 1) if not could_begin_text(invalid[:n]))
    codec = new_codec(engine)
    if engine == "wsproto" and (b"\xed\xa0" in invalid or b"\xed\xbf" in invalid):
        first_wrong += 1  # Python's incremental decoder looks at a surrogate when it is complete
    assert read_events(codec, whole[: head + first_wrong - 1]) == []
    ((kind, _, code, _),) = read_events(codec, whole[head + first_wrong - 1 : head + first_wrong])
    assert (kind, code) == (F, 1007)


def could_begin_text(data: bytes) -> bool:
    """Some continuation makes data valid UTF-8."""
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return error.reason == "unexpected end of data"
    return True


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x91", "reserved bit"),
        (b"\x83", "reserved opcode"),
        (b"\x81\x05", "not masked"),
        (b"\x09", "fragmented control"),
        (b"\x89\xfe", "more than 125"),
        (b"\x80", "continuation"),
        (b"\x01\x81\0\0\0\0x\x01", "before the last one"),
        (b"\x82\xfe\x00\x7d", "fewest"),
        (b"\x82\xff\x80", "2\\^63"),
        (b"\x88\x81", "one byte"),
    ],
)
def test_the_native_engine_fails_with_the_byte_that_is_wrong(data: bytes, reason: str) -> None:
    if reason == "one byte":  # the only mistake that takes the payload
        data += frames.KEY + b"x"
    codec = new_codec("native")
    assert read_events(codec, data[:-1]) == []
    ((kind, _, code, told),) = read_events(codec, data[-1:])
    assert (kind, code) == (F, 1002)
    assert told is not None
    assert reason.replace("\\", "") in told
