# SPDX-License-Identifier: MIT
"""WsprotoCodec: the WebSocket engine that lets the package wsproto read and write frames (websocket_engine wsproto).

Called like NativeCodec, by PyCodec; calls wsproto's FrameProtocol and, for the compression, MessageDeflate. wsproto
itself knows no limits and inflates without bound; FrameLimits puts them where wsproto asks its extensions, about each
header and each piece of payload.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from zlib import error as ZlibError

from fastcorn.config.errors import ConfigError
from fastcorn.protocols import _codec
from fastcorn.protocols._deflate import MessageDeflate
from fastcorn.protocols.permessage_deflate import DeflateParameters

try:
    from wsproto.extensions import Extension
    from wsproto.frame_protocol import (
        CloseReason,
        Frame,
        FrameDecoder,
        FrameProtocol,
        Opcode,
        ParseFailed,
        RsvBits,
    )
except ImportError as error:
    raise ConfigError(
        "the package wsproto is not installed; pip install 'fastcorn[wsproto]', or set it to auto or native",
        setting="websocket_engine",
    ) from error

NO_CODE = 1005
PLAIN = RsvBits(False, False, False)
COMPRESSED = RsvBits(True, False, False)

CodecResult = tuple[int, "str | bytes | None", int, "str | None", int]


class FrameLimits(Extension):
    """The limits of a message, and permessage-deflate, as an extension of wsproto.

    Attributes:
        size: bytes of the message that has begun, after inflating.
        problem: what a CloseReason that was returned is about.
    """

    name = "fastcorn limits"

    def __init__(self, most: int, most_fragments: int, deflate: MessageDeflate | None) -> None:
        self.most = most
        self.most_fragments = most_fragments
        self.deflate = deflate
        self.size = 0
        self.fragments = 0  # 0 = no message has begun
        self.compressed = False
        self.control = False
        self.begun: tuple[Opcode, bool] | None = None  # a header that was checked: opcode and RSV1
        self.problem = ""

    def enabled(self) -> bool:
        return True

    def offer(self) -> bool | str:
        """Not used: the handshake is fastcorn's."""
        return False

    def refuse(self, reason: CloseReason, problem: str) -> CloseReason:
        self.problem = problem
        return reason

    def frame_inbound_header(
        self, proto: FrameDecoder | FrameProtocol, opcode: Opcode, rsv: RsvBits, payload_length: int
    ) -> CloseReason | RsvBits:
        """Check what the header says; the answer is the reserved bits that may be set.

        wsproto asks again when the mask comes later than the length, so nothing is counted here.
        """
        self.begun = opcode, rsv.rsv1
        if rsv.rsv1 and (opcode.iscontrol() or opcode is Opcode.CONTINUATION or self.deflate is None):
            return self.refuse(CloseReason.PROTOCOL_ERROR, "reserved bit set")
        if opcode.iscontrol():
            return PLAIN
        if opcode is Opcode.CONTINUATION and not self.fragments:
            return self.refuse(CloseReason.PROTOCOL_ERROR, "continuation frame without a message")
        if opcode is not Opcode.CONTINUATION and self.fragments:
            return self.refuse(CloseReason.PROTOCOL_ERROR, "new message before the last one is complete")
        if self.fragments == self.most_fragments:
            return self.refuse(CloseReason.POLICY_VIOLATION, "message of too many fragments")
        if not (self.compressed or rsv.rsv1) and payload_length > self.most - self.size:
            return self.refuse(CloseReason.MESSAGE_TOO_BIG, "message too large")
        return COMPRESSED if rsv.rsv1 else PLAIN

    def begin(self, opcode: Opcode, compressed: bool) -> None:
        """The first of a frame's payload has come."""
        self.begun = None
        self.control = opcode.iscontrol()
        if not self.control:
            self.fragments += 1
            if opcode is not Opcode.CONTINUATION:
                self.compressed = compressed

    def frame_inbound_payload_data(self, proto: FrameDecoder | FrameProtocol, data: bytes) -> bytes | CloseReason:
        """A piece of payload, or the nothing of an empty frame: inflated, and counted."""
        if self.begun:
            self.begin(*self.begun)
        if self.control:
            return data
        if not self.compressed:
            self.size += len(data)
            return data
        return self.inflate(data, end=False)

    def frame_inbound_complete(self, proto: FrameDecoder | FrameProtocol, fin: bool) -> bytes | CloseReason | None:
        """What is still to come out when a frame has ended; a message ends with its last frame."""
        if self.control or not fin:
            return None
        rest = self.inflate(b"", end=True) if self.compressed else None
        self.size = self.fragments = 0
        self.compressed = False
        return rest

    def inflate(self, data: bytes, *, end: bool) -> bytes | CloseReason:
        assert self.deflate is not None
        try:
            out = self.deflate.inflate(data, self.most - self.size, end)
        except ZlibError:
            return self.refuse(CloseReason.INVALID_FRAME_PAYLOAD_DATA, "message is not compressed by deflate")
        if len(out) > self.most - self.size:
            return self.refuse(CloseReason.MESSAGE_TOO_BIG, "message too large after inflating")
        self.size += len(out)
        return out

    def frame_outbound(
        self, proto: FrameDecoder | FrameProtocol, opcode: Opcode, rsv: RsvBits, data: bytes, fin: bool
    ) -> tuple[RsvBits, bytes]:
        """A frame that is sent: a message is compressed where that was agreed and is worth it."""
        if self.deflate is None or opcode.iscontrol() or len(data) < self.deflate.threshold:
            return rsv, data
        compressed = self.deflate.deflate(data)
        return (rsv, data) if compressed is None else (COMPRESSED, compressed)


class WsprotoCodec(_codec.PyCodec):
    """The WebSocket engine on wsproto.

    Args:
        settings: the worker's: websocket_max_message_size, websocket_max_fragments.
        parameters: of permessage-deflate as negotiated, or None.
    """

    def __init__(self, settings: Any, parameters: DeflateParameters | None) -> None:
        deflate = None if parameters is None else MessageDeflate(parameters)
        self.limits = FrameLimits(settings.websocket_max_message_size, settings.websocket_max_fragments, deflate)
        self.frames = FrameProtocol(client=False, extensions=[self.limits])
        self.reading: Iterator[Frame] | None = None
        self.parts: list[Any] = []
        self.over = False

    def on_feed(self, data: bytes) -> None:
        if not self.over:
            self.frames.receive_bytes(data)

    def on_next_event(self) -> CodecResult:
        while not self.over:
            try:
                self.reading = self.reading or self.frames.received_frames()
                frame = next(self.reading, None)
            except ParseFailed as error:
                return self.end(_codec.FAILED, int(error.code), self.limits.problem or str(error))
            if frame is None:  # all was read: what is fed next is asked for anew
                self.reading = None
                break
            event = self.event_of(frame)
            if event is not None:
                return event
        return _codec.NOTHING, None, 0, None, self.limits.size

    def event_of(self, frame: Frame) -> CodecResult | None:
        payload: Any = frame.payload
        if frame.opcode is Opcode.CLOSE:
            return self.end(_codec.CLOSE, int(payload[0]), payload[1])
        if frame.opcode.iscontrol():
            kind = _codec.PING if frame.opcode is Opcode.PING else _codec.PONG
            return kind, bytes(payload), 0, None, self.limits.size
        if payload:
            self.parts.append(payload)
        if not frame.message_finished:
            return None
        parts, self.parts = self.parts, []
        if frame.opcode is Opcode.TEXT:
            return _codec.TEXT, "".join(parts), 0, None, 0
        return _codec.BINARY, b"".join(parts), 0, None, 0

    def end(self, kind: int, code: int, reason: str) -> CodecResult:
        """Nothing more is read."""
        self.over = True
        self.parts = []
        self.reading = None
        self.limits.size = 0
        return kind, None, code, reason, 0

    def on_append_message(self, message: str | bytes) -> bytes:
        return bytes(self.frames.send_data(message))

    def on_append_ping(self, data: bytes) -> bytes:
        return bytes(self.frames.ping(data))

    def on_append_pong(self, data: bytes) -> bytes:
        return bytes(self.frames.pong(data))

    def on_append_close(self, code: int, reason: str) -> bytes:
        return bytes(self.frames.close() if code == NO_CODE else self.frames.close(code, reason))
