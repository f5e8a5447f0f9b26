# SPDX-License-Identifier: MIT
"""WebSocket frames as a client writes them and reads a server's, without any codec; and engines to try them on."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from fastcorn.config import Config
from fastcorn.protocols import _codec
from fastcorn.protocols._websocket import NativeCodec
from fastcorn.protocols.permessage_deflate import DeflateParameters

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
KEY = b"\x37\xfa\x21\x3d"

Event = tuple[int, "str | bytes | None", int, "str | None"]
Engine = Callable[[Any, "DeflateParameters | None"], _codec.WebSocketCodec]
ENGINE_NAMES = ("native", "wsproto")


def engine(name: str) -> Engine:
    """The codec class of an engine."""
    if name == "native":
        return NativeCodec
    from fastcorn.protocols.websocket_fallback import WsprotoCodec

    return WsprotoCodec


@cache
def settings(**changed: Any) -> Any:
    """Frozen settings, with some changed."""
    return Config(**changed).freeze()


def new_codec(name: str, parameters: DeflateParameters | None = None, **changed: Any) -> _codec.WebSocketCodec:
    return engine(name)(settings(**changed), parameters)


def mask(payload: bytes, key: bytes = KEY) -> bytes:
    return bytes(byte ^ key[index % 4] for index, byte in enumerate(payload))


def frame(
    opcode: int,
    payload: bytes = b"",
    *,
    fin: bool = True,
    rsv: int = 0,
    key: bytes | None = KEY,
    width: int | None = None,
) -> bytes:
    """A frame.

    Args:
        opcode: 0 to 15.
        payload: before it is masked.
        fin: the last frame of its message.
        rsv: RSV1, RSV2 and RSV3 as 4, 2 and 1.
        key: the mask, or None for none.
        width: bytes of the length: 0, 2 or 8; None for the fewest.
    """
    length = len(payload)
    if width is None:
        width = 0 if length < 126 else 2 if length < 65536 else 8
    short = {0: length, 2: 126, 8: 127}[width]
    head = bytes([fin << 7 | rsv << 4 | opcode, (0x80 if key is not None else 0) | short])
    head += {0: b"", 2: struct.pack("!H", length & 0xFFFF), 8: struct.pack("!Q", length)}[width]
    return head + (payload if key is None else key + mask(payload, key))


def close_frame(code: int | None = None, reason: bytes = b"") -> bytes:
    return frame(CLOSE, b"" if code is None else struct.pack("!H", code) + reason)


def fragments(opcode: int, parts: Iterable[bytes], *, rsv: int = 0) -> bytes:
    """A message in several frames."""
    parts = list(parts)
    frames = [
        frame(opcode if index == 0 else CONTINUATION, part, fin=index == len(parts) - 1, rsv=rsv if index == 0 else 0)
        for index, part in enumerate(parts)
    ]
    return b"".join(frames)


def deflated(payload: bytes, *, wbits: int = -15, level: int = 6) -> bytes:
    """A message compressed on its own (RFC 7692 section 7.2.1)."""
    compressor = zlib.compressobj(level, zlib.DEFLATED, wbits)
    return (compressor.compress(payload) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]


def read_in_steps(codec: _codec.WebSocketCodec, data: bytes, step: int) -> list[Event]:
    """The events of data that comes in pieces of `step` bytes; 0 = at once."""
    step = step or max(1, len(data))
    events: list[Event] = []
    for start in range(0, len(data), step):
        events += _codec.read_events(codec, data[start : start + step])
    return events


def server_frames(data: bytes) -> list[tuple[int, int, bytes]]:
    """(first byte >> 4, opcode, payload) of each frame of a server."""
    found = []
    while data:
        first, short = data[0], data[1]
        assert not short & 0x80, "a server never masks (RFC 6455 section 5.1)"
        width = {126: 2, 127: 8}.get(short, 0)
        length = int.from_bytes(data[2 : 2 + width], "big") if width else short
        assert len(data) >= 2 + width + length, "a frame is cut short"
        found.append((first >> 4, first & 15, data[2 + width : 2 + width + length]))
        data = data[2 + width + length :]
    return found
