# SPDX-License-Identifier: MIT
"""What the WebSocket engines send: frames of every length, control frames, and what cannot be sent."""

from __future__ import annotations

import pytest

from fastcorn.errors import MessageError
from fastcorn.protocols._codec import BINARY, CLOSE, PING, PONG, TEXT, read_events, write_frames
from tests import frames
from tests.frames import ENGINE_NAMES, new_codec, server_frames

pytestmark = pytest.mark.parametrize("engine", ENGINE_NAMES)


@pytest.mark.parametrize("length", [0, 1, 125, 126, 127, 16383, 16384, 65535, 65536, 200_000])
def test_messages_of_every_length(engine: str, length: int) -> None:
    codec = new_codec(engine)
    data = (bytes(range(256)) * (length // 256 + 1))[:length]
    written = write_frames(codec, BINARY, data)
    assert server_frames(written) == [(0x8, frames.BINARY, data)]
    width = 0 if length < 126 else 2 if length < 65536 else 8
    assert len(written) == 2 + width + length, "the length is not in the fewest bytes"
    assert server_frames(write_frames(codec, TEXT, "a" * length)) == [(0x8, frames.TEXT, b"a" * length)]
    wide = "é😀" * (length // 6)
    assert server_frames(write_frames(codec, TEXT, wide)) == [(0x8, frames.TEXT, wide.encode())]


@pytest.mark.parametrize("kind", [PING, PONG])
def test_pings_and_pongs(engine: str, kind: int) -> None:
    codec = new_codec(engine)
    opcode = frames.PING if kind == PING else frames.PONG
    for payload in (b"", b"x", b"p" * 125):
        assert server_frames(write_frames(codec, kind, payload)) == [(0x8, opcode, payload)]
    with pytest.raises(MessageError, match="at most 125 bytes, not 126"):
        write_frames(codec, kind, b"x" * 126)


def test_close_frames(engine: str) -> None:
    codec = new_codec(engine)
    sent = [
        server_frames(write_frames(codec, CLOSE, reason, code))[0]
        for code, reason in ((1005, ""), (1005, "ignored"), (1000, ""), (1012, "restart"), (4999, "é" * 61))
    ]
    assert sent == [
        (0x8, frames.CLOSE, b""),
        (0x8, frames.CLOSE, b""),
        (0x8, frames.CLOSE, b"\x03\xe8"),
        (0x8, frames.CLOSE, b"\x03\xf4restart"),
        (0x8, frames.CLOSE, b"\x13\x87" + b"\xc3\xa9" * 61),
    ]


@pytest.mark.parametrize(
    ("reason", "kept"), [("x" * 124, "x" * 123), ("é" * 62, "é" * 61), ("a" + "😀" * 40, "a" + "😀" * 30)]
)
def test_a_long_reason_is_cut_between_characters(engine: str, reason: str, kept: str) -> None:
    assert server_frames(write_frames(new_codec(engine), CLOSE, reason, 1000)) == [
        (0x8, frames.CLOSE, b"\x03\xe8" + kept.encode())
    ]


@pytest.mark.parametrize("code", [-1, 0, 999, 1004, 1006, 1015, 1016, 2999, 5000, 65536 + 1000])
def test_codes_that_cannot_be_sent(engine: str, code: int) -> None:
    with pytest.raises(MessageError, match=f"close code {code} cannot be sent"):
        write_frames(new_codec(engine), CLOSE, "", code)


def test_messages_that_cannot_be_sent(engine: str) -> None:
    codec = new_codec(engine)
    with pytest.raises(MessageError, match=r"lone surrogate, U\+DC80 at index 3.*send bytes"):
        write_frames(codec, TEXT, "abc\udc80")
    with pytest.raises(MessageError, match="lone surrogate"):
        write_frames(codec, CLOSE, "\ud800", 1000)
    for wrong in (None, 1, bytearray(b"x"), ["x"]):
        with pytest.raises(MessageError, match=f"str or bytes, not {type(wrong).__name__}"):
            write_frames(codec, TEXT, wrong)  # type: ignore[arg-type]
    assert server_frames(write_frames(codec, TEXT, "still works")) == [(0x8, frames.TEXT, b"still works")]


def test_sending_goes_on_while_a_message_is_read_and_after_a_failure(engine: str) -> None:
    codec = new_codec(engine)
    read_events(codec, frames.frame(frames.TEXT, b"part", fin=False))
    assert server_frames(write_frames(codec, TEXT, "x")) == [(0x8, frames.TEXT, b"x")]
    read_events(codec, b"\xff\xff")
    assert server_frames(write_frames(codec, CLOSE, "", 1002)) == [(0x8, frames.CLOSE, b"\x03\xea")]
