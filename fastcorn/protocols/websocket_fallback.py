# SPDX-License-Identifier: MIT
"""WsprotoCodec: the WebSocket protocol by the wsproto package, behind the interface of the native engine.

Chosen by the setting websocket_engine = wsproto. wsproto reads and writes frames; the limits, and the compression,
which in wsproto has none, are an extension of ours (wsproto.extensions.Extension is its interface for that).
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

from wsproto.extensions import Extension
from wsproto.frame_protocol import CloseReason, Frame, FrameProtocol, Opcode, ParseFailed, RsvBits

from fastcorn.errors import MessageError
from fastcorn.protocols._codec import EVENTS, PyCodec

if TYPE_CHECKING:
    from wsproto.frame_protocol import FrameDecoder

    from fastcorn.protocols.permessage_deflate import DeflateParameters

Event = tuple[int, Any, int, str]
NOTHING: Event = (EVENTS["nothing"], None, 0, "")
NO_BITS = RsvBits(False, False, False)
TAIL = b"\x00\x00\xff\xff"
LEAST_ZLIB_BITS = 9


class WsprotoCodec(PyCodec):
    """The engine that wsproto carries.

    Args:
        settings: has websocket_max_message_size (bytes, after inflating) and websocket_max_fragments.
        deflate: what permessage-deflate was agreed with, or None.
    """

    def __init__(self, settings: Any, deflate: DeflateParameters | None) -> None:
        self._extension = MessageRules(settings, deflate)
        self._protocol = FrameProtocol(client=False, extensions=[self._extension])
        self._pieces: list[Any] = []
        self._ended = False

    def on_feed(self, data: bytes) -> None:
        if not self._ended:
            self._protocol.receive_bytes(data)

    def on_next_event(self) -> Event:
        while not self._ended:
            try:
                frame = next(self._protocol.received_frames(), None)
            except ParseFailed as error:
                self._ended = True
                return EVENTS["failed"], None, int(error.code), str(error)
            if frame is None:
                break
            event = self._event_of(frame)
            if event is not None:
                return event
        return NOTHING

    def _event_of(self, frame: Frame) -> Event | None:
        payload: Any = frame.payload
        if frame.opcode in (Opcode.PING, Opcode.PONG):
            name = "ping" if frame.opcode is Opcode.PING else "pong"
            return EVENTS[name], bytes(payload), 0, ""
        if frame.opcode is Opcode.CLOSE:
            self._ended = True
            code, reason = payload
            return EVENTS["close"], None, int(code), reason
        self._pieces.append(payload)
        if not frame.message_finished:
            return None
        pieces, self._pieces = self._pieces, []
        if frame.opcode is Opcode.TEXT:
            return EVENTS["text"], "".join(pieces), 0, ""
        return EVENTS["binary"], b"".join(pieces), 0, ""

    def on_append_message(self, message: str | bytes) -> bytes:
        try:
            return bytes(self._protocol.send_data(message))
        except UnicodeEncodeError as error:
            raise MessageError(f"'text' of 'websocket.send' cannot be sent as UTF-8: {error.reason}") from None

    def on_append_ping(self, data: bytes) -> bytes:
        return bytes(self._protocol.ping(data))

    def on_append_pong(self, data: bytes) -> bytes:
        return bytes(self._protocol.pong(data))

    def on_append_close(self, code: int, reason: str) -> bytes:
        return bytes(self._protocol.close(None if code == CloseReason.NO_STATUS_RCVD else code, reason or None))


class MessageRules(Extension):
    """The limits of messages, and permessage-deflate where it was agreed (RFC 7692)."""

    name = "permessage-deflate"

    def __init__(self, settings: Any, deflate: DeflateParameters | None) -> None:
        self._most = settings.websocket_max_message_size
        self._most_fragments = settings.websocket_max_fragments
        self._deflate = deflate
        self._inflater: Any = None
        self._compressor: Any = None
        self._compressed = False
        self._is_data = False
        self._size = 0
        self._fragments = 0

    def enabled(self) -> bool:
        return True

    def offer(self) -> bool | str:
        return False

    def frame_inbound_header(
        self, proto: FrameDecoder | FrameProtocol, opcode: Opcode, rsv: RsvBits, payload_length: int
    ) -> CloseReason | RsvBits:
        self._is_data = not opcode.iscontrol()
        if rsv.rsv1 and (self._deflate is None or not self._is_data or opcode is Opcode.CONTINUATION):
            return CloseReason.PROTOCOL_ERROR
        if self._is_data:
            if opcode is not Opcode.CONTINUATION:
                self._compressed, self._size, self._fragments = rsv.rsv1, 0, 0
            self._fragments += 1
            if self._fragments > self._most_fragments:
                return CloseReason.POLICY_VIOLATION
            if payload_length + (0 if self._compressed else self._size) > self._most:
                return CloseReason.MESSAGE_TOO_BIG
        return RsvBits(rsv.rsv1, False, False)

    def frame_inbound_payload_data(self, proto: FrameDecoder | FrameProtocol, data: bytes) -> bytes | CloseReason:
        if not self._is_data:
            return data
        if self._compressed:
            return self._inflate(data)
        self._size += len(data)
        return data

    def frame_inbound_complete(self, proto: FrameDecoder | FrameProtocol, fin: bool) -> bytes | CloseReason | None:
        if not fin or not self._is_data or not self._compressed or self._deflate is None:
            return None
        inflated = self._inflate(TAIL)
        if not self._deflate.receive_takeover:
            self._inflater = None
        return inflated

    def _inflate(self, data: bytes) -> bytes | CloseReason:
        assert self._deflate is not None
        made = b""
        while data:
            if self._inflater is None:
                self._inflater = zlib.decompressobj(-max(self._deflate.receive_bits, LEAST_ZLIB_BITS))
            try:
                made += self._inflater.decompress(data, self._most - self._size - len(made) + 1)
            except zlib.error:
                return CloseReason.INVALID_FRAME_PAYLOAD_DATA
            if self._size + len(made) > self._most or self._inflater.unconsumed_tail:
                return CloseReason.MESSAGE_TOO_BIG
            # A final block ends the stream; what follows begins a new one (section 7.2.3.4).
            data = self._inflater.unused_data
            if self._inflater.eof:
                self._inflater = None
        self._size += len(made)
        return made

    def frame_outbound(
        self, proto: FrameDecoder | FrameProtocol, opcode: Opcode, rsv: RsvBits, data: bytes, fin: bool
    ) -> tuple[RsvBits, bytes]:
        deflate = self._deflate
        if deflate is None or opcode.iscontrol() or len(data) < deflate.threshold:
            return rsv, data
        if self._compressor is None:
            bits = max(deflate.send_bits, LEAST_ZLIB_BITS)
            self._compressor = zlib.compressobj(deflate.level, zlib.DEFLATED, -bits, deflate.memory_level)
        made = self._compressor.compress(data) + self._compressor.flush(zlib.Z_SYNC_FLUSH)
        if not deflate.send_takeover:
            self._compressor = None
        return RsvBits(True, False, False), made[: -len(TAIL)]
