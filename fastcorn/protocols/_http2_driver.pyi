# SPDX-License-Identifier: MIT
"""Types of the compiled module: an HTTP/2 engine driven from Python."""

from typing import Any

from typing_extensions import disjoint_base

from fastcorn.protocols._http2_engine import HTTP2Engine

@disjoint_base
class EngineDriver:
    """An engine without a connection; each method returns the bytes to send.

    Args:
        engine: the engine.
    """

    def __init__(self, engine: HTTP2Engine) -> None: ...
    @property
    def engine(self) -> HTTP2Engine: ...
    @property
    def events(self) -> list[tuple[int, dict[str, Any]]]:
        """Of receive(): kind, and the fields that an event of the kind has."""
    def receive(self, data: bytes) -> bytes:
        """Give it whole frames as a client sends them, up to one that ends the connection.

        Raises:
            ValueError: the data ends within a frame.
        """
    def start(self, settings: bytes | None = None) -> bytes:
        """Begin the connection; settings are those of an upgrade."""
    def headers(self, stream_id: int, fields: list[tuple[bytes, bytes]], end: bool = False) -> bytes: ...
    def data(self, stream_id: int, data: bytes, end: bool = False) -> bytes: ...
    def push(self, stream_id: int, fields: list[tuple[bytes, bytes]]) -> bytes: ...
    def reset(self, stream_id: int, code: int) -> bytes: ...
    def open_window(self, stream_id: int, increment: int) -> bytes: ...
    def window(self, stream_id: int) -> int:
        """DATA bytes that may leave now."""
    def forget(self, stream_id: int) -> None: ...

__test__: dict[str, str]
