# SPDX-License-Identifier: MIT
"""Types of the compiled module: the interface of an HTTP/2 engine."""

from typing import Any

from typing_extensions import disjoint_base

NOTHING: int
REQUEST: int
DATA: int
TRAILERS: int
RESET: int
STREAM_ERROR: int
WINDOW: int
SETTINGS: int
SETTINGS_ACK: int
CONNECTION_ERROR: int

@disjoint_base
class HTTP2Engine:
    """An HTTP/2 engine; its methods are C functions (`_http2_engine.pxd`).

    Args:
        settings: the worker's: h2_max_concurrent_streams, h2_max_header_list_size, h2_max_inbound_frame_size,
            h2_initial_stream_window, h2_initial_connection_window.
    """

    def __init__(self, settings: Any) -> None: ...
    @property
    def stream_id(self) -> int:
        """Of the last event; 0 = the connection."""
    @property
    def code(self) -> int:
        """Of the last event: an error code of RFC 9113 section 7."""
    @property
    def end(self) -> bool:
        """Of the last event: the client's side of the stream has ended."""
    @property
    def too_large(self) -> bool:
        """Of the last event: the field list is larger than the setting allows."""
    @property
    def data(self) -> bytes | None:
        """Of the last event: a piece of a body."""
    @property
    def headers(self) -> list[tuple[bytes, bytes]] | None:
        """Of the last event: the fields with their pseudo-fields; not to be changed."""
    @property
    def repeated(self) -> bool:
        """Of the last event: `headers` is a list that an earlier event had."""
    @property
    def credit(self) -> int:
        """Of the last event: bytes that flow control counts."""
    @property
    def reason(self) -> str | None:
        """Of the last event: what the client did wrong."""
    @property
    def over(self) -> bool:
        """A mistake has ended the connection."""
    @property
    def peer_frame_size(self) -> int:
        """Bytes of the longest payload that the client takes."""
    @property
    def peer_push(self) -> bool:
        """Whether the client takes PUSH_PROMISE."""
    @property
    def peer_max_streams(self) -> int:
        """Streams that the server may push at a time."""
    @property
    def continuing(self) -> int:
        """The stream whose header block waits for CONTINUATION; 0 = none."""
    @property
    def last_stream_id(self) -> int:
        """The highest stream that the client has opened."""
    @property
    def last_promised_id(self) -> int:
        """The highest stream that the server has promised."""

@disjoint_base
class PyHTTP2Engine(HTTP2Engine):
    """An engine in Python: each C function calls the method `on_` and its name of a subclass.

    Args:
        settings: see HTTP2Engine.
    """

    def __init__(self, settings: Any) -> None: ...
    @property
    def uploads(self) -> dict[int, int]:
        """Streams whose request has not ended, and how many bytes may still come on each."""

__test__: dict[str, str]
