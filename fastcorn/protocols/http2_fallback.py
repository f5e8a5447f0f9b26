# SPDX-License-Identifier: MIT
"""H2Engine: the HTTP/2 engine on the packages h2 and hpack (http2_engine h2).

Called by PyHTTP2Engine with frames that are right by themselves; calls h2 for the states of streams and for flow
control, and `hpack_fields` for header compression. h2 takes many a mistake on one stream for the end of the connection,
and reads fields by rules of its own; so it is given HEADERS without fields, and what RFC 9113 calls a stream error is
found before it. Only public names of h2 are used.
"""

from __future__ import annotations

import base64
from typing import Any

from fastcorn.config.errors import ConfigError
from fastcorn.protocols import _http2_engine
from fastcorn.protocols._http2_engine import (
    CONNECTION_ERROR,
    NOTHING,
    REQUEST,
    RESET,
    SETTINGS,
    SETTINGS_ACK,
    STREAM_ERROR,
    TRAILERS,
    WINDOW,
)

try:
    from h2.config import H2Configuration
    from h2.connection import H2Connection
    from h2.errors import ErrorCodes
    from h2.events import DataReceived, RequestReceived, StreamReset, TrailersReceived
    from h2.exceptions import (
        FlowControlError,
        NoAvailableStreamIDError,
        ProtocolError,
        StreamClosedError,
        StreamIDTooLowError,
    )
    from h2.settings import SettingCodes, Settings

    from fastcorn.protocols.hpack_fields import (
        BOMB_FACTOR,
        LEAST_FIELDS,
        BombError,
        FieldDecoder,
        FieldEncoder,
        HPACKError,
    )
except ImportError as error:
    raise ConfigError(
        "the package h2 is not installed; pip install 'fastcorn[h2]', or set http2_engine to auto or native",
        setting="http2_engine",
    ) from error

Fields = list[tuple[bytes, bytes]]
# event, error code, reason, fields, bytes to answer
Result = tuple[int, "int | None", "str | None", "Fields | None", "bytes | None"]

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
# Frame types, flags and sizes of RFC 9113 sections 4.1 and 6.
DATA, HEADERS, RST_STREAM, SETTINGS_FRAME = 0x0, 0x1, 0x3, 0x4
END_STREAM, ACK, END_HEADERS = 0x1, 0x1, 0x4
# Streams that were closed by a reset, and are remembered because frames for them may be on the way.
MAX_RESETS = 256
# h2 cuts a PUSH_PROMISE a little too long; one that large is of no use anyway.
MAX_PUSH_BYTES = 8192

CONFIGURATION = H2Configuration(
    client_side=False,
    header_encoding=None,
    validate_inbound_headers=False,
    normalize_inbound_headers=False,
    validate_outbound_headers=False,
    normalize_outbound_headers=False,
)


class Connection(H2Connection):
    """h2's connection, with a smaller memory of streams that are closed."""

    MAX_CLOSED_STREAMS = MAX_RESETS


class H2Engine(_http2_engine.PyHTTP2Engine):
    """The HTTP/2 engine on h2.

    Args:
        settings: see HTTP2Engine.
    """

    def __init__(self, settings: Any) -> None:
        super().__init__(settings)
        self.h2 = Connection(CONFIGURATION)
        most = max(BOMB_FACTOR * settings.max_header_fields, LEAST_FIELDS)
        self.fields = FieldDecoder(settings.h2_max_header_list_size, most)
        self.encoder = FieldEncoder()
        self.h2.encoder = self.encoder
        self.resets: dict[int, None] = {}  # streams that the server has reset, the oldest first

    def on_start(self, settings: bytes | None) -> None:
        """Bring h2 to where the prefaces are exchanged; what it would send itself is dropped."""
        h2 = self.h2
        # It would end the connection when there are too many streams. H2Connection refuses them one by one.
        h2.local_settings = Settings(client=False, initial_values={SettingCodes.MAX_CONCURRENT_STREAMS: 2**31 - 1})
        if settings is None:
            h2.initiate_connection()
        else:
            h2.initiate_upgrade_connection(base64.urlsafe_b64encode(settings))
        h2.receive_data(PREFACE)
        h2.clear_outbound_data_buffer()

    # --- in ---

    def on_headers(self, stream_id: int, block: bytes, end: bool) -> Result:
        try:
            fields = self.fields.decode(block)
        except BombError as error:
            return self.end_connection(ErrorCodes.ENHANCE_YOUR_CALM, str(error))
        except HPACKError as error:
            return self.end_connection(ErrorCodes.COMPRESSION_ERROR, str(error))
        if not end and stream_id in self.uploads:  # section 8.1: trailers end the request
            answer = self.on_append_reset(stream_id, ErrorCodes.PROTOCOL_ERROR)
            return STREAM_ERROR, ErrorCodes.PROTOCOL_ERROR, "HEADERS within a body", None, answer
        flags = END_HEADERS | END_STREAM if end else END_HEADERS
        bare = bytes((0, 0, 0, HEADERS, flags)) + stream_id.to_bytes(4, "big")
        try:
            events = self.h2.receive_data(bare)
        except ProtocolError as error:
            return self.end_connection(error.error_code, describe(error))
        if events:
            kind = type(events[0])
            if kind is RequestReceived:
                return REQUEST, None, None, fields, None
            if kind is TrailersReceived:
                return TRAILERS, None, None, fields, None
        return self.refuse(stream_id, "HEADERS on a closed stream")

    def on_frame(self, kind: int, stream_id: int, frame: bytes) -> Result:
        try:
            events = self.h2.receive_data(frame)
        except ProtocolError as error:
            return self.end_connection(error.error_code, describe(error))
        if kind == DATA:
            if events and type(events[0]) is DataReceived:
                return DATA_EVENT
            return self.refuse(stream_id, "DATA on a closed stream")
        if kind == SETTINGS_FRAME:
            if frame[4] & ACK:
                return SETTINGS_ACK, None, None, None, None
            return SETTINGS, None, None, None, self.h2.data_to_send()
        if not events:
            return NOTHING_EVENT
        if kind == RST_STREAM:
            self.uploads.pop(stream_id, None)
            return RESET, None, None, None, None
        if type(events[0]) is StreamReset:
            self.remember(stream_id)
            code = ErrorCodes.FLOW_CONTROL_ERROR
            return STREAM_ERROR, code, "window beyond 2^31 - 1", None, self.h2.data_to_send()
        return WINDOW_EVENT

    def on_table_size(self, size: int) -> None:
        """The client's SETTINGS_HEADER_TABLE_SIZE."""
        self.encoder.header_table_size = size

    def refuse(self, stream_id: int, reason: str) -> Result:
        """A frame on a stream that is closed, which h2 has answered by RST_STREAM.

        Where the server has reset it the client may not have known: such frames are ignored (section 5.1).
        """
        answer = self.h2.data_to_send()
        if stream_id in self.resets:
            return NOTHING_EVENT
        self.remember(stream_id)
        return STREAM_ERROR, ErrorCodes.STREAM_CLOSED, reason, None, answer

    def remember(self, stream_id: int) -> None:
        """The server has reset a stream."""
        self.uploads.pop(stream_id, None)
        self.resets[stream_id] = None
        if len(self.resets) > MAX_RESETS:
            del self.resets[next(iter(self.resets))]

    def end_connection(self, code: int, reason: str) -> Result:
        """The connection ends; H2Connection writes the GOAWAY."""
        self.h2.clear_outbound_data_buffer()
        return CONNECTION_ERROR, code, reason, None, None

    # --- out: what is for a stream that is closed goes nowhere ---

    def takes(self, stream_id: int) -> bool:
        """Whether something can be sent on the stream."""
        stream = self.h2.streams.get(stream_id)
        return stream is not None and not stream.closed and not self.over

    def on_append_headers(self, stream_id: int, fields: Fields, end: bool) -> bytes | None:
        if not self.takes(stream_id):
            return None
        if not fields:  # h2 cannot send an empty list; trailers may be one
            self.h2.send_data(stream_id, b"", end)
            return self.h2.data_to_send()
        self.encoder.block = self.encoder.encode_fields(fields)
        self.h2.send_headers(stream_id, fields[:1], end)
        return self.h2.data_to_send()

    def on_append_data(self, stream_id: int, size: int, end: bool) -> bool:
        """Tell h2 what leaves past it: so many bytes fewer in the windows, and the end."""
        if not self.takes(stream_id):
            return False
        stream = self.h2.streams[stream_id]
        self.h2.outbound_flow_control_window -= size
        stream.outbound_flow_control_window -= size
        if end:
            stream.end_stream()
        return True

    def on_append_push(self, stream_id: int, fields: Fields) -> tuple[int, bytes | None]:
        if not self.takes(stream_id) or sum(len(name) + len(value) + 8 for name, value in fields) > MAX_PUSH_BYTES:
            return 0, None
        try:
            promised = self.h2.get_next_available_stream_id()
        except NoAvailableStreamIDError:
            return 0, None
        self.encoder.block = self.encoder.encode_fields(fields)
        self.h2.push_stream(stream_id, promised, fields[:1])
        return promised, self.h2.data_to_send()

    def on_append_reset(self, stream_id: int, code: int) -> bytes | None:
        if not self.takes(stream_id):
            return None
        self.h2.reset_stream(stream_id, code)
        self.remember(stream_id)
        return self.h2.data_to_send()

    def on_window(self, stream_id: int) -> int:
        if stream_id == 0:
            return self.h2.outbound_flow_control_window
        return self.h2.local_flow_control_window(stream_id) if self.takes(stream_id) else 0


DATA_EVENT: Result = (_http2_engine.DATA, None, None, None, None)
WINDOW_EVENT: Result = (WINDOW, None, None, None, None)
NOTHING_EVENT: Result = (NOTHING, None, None, None, None)


def describe(error: ProtocolError) -> str:
    """The mistake as the log and GOAWAY have it."""
    if isinstance(error, StreamIDTooLowError):
        return f"stream {error.stream_id} opened after stream {error.max_stream_id}"
    if isinstance(error, StreamClosedError):
        return f"a frame on stream {error.stream_id}, which has ended"
    if isinstance(error, FlowControlError):
        return "window beyond 2^31 - 1"
    text = str(error) or type(error).__name__
    return text[:1].lower() + text[1:].rstrip(".")
