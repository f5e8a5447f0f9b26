# SPDX-License-Identifier: MIT
"""Types of the compiled module: the interface of a WebSocket engine."""

from typing_extensions import disjoint_base

NOTHING: int
TEXT: int
BINARY: int
PING: int
PONG: int
CLOSE: int
FAILED: int

@disjoint_base
class WebSocketCodec:
    """A WebSocket engine; its methods are C functions (`_codec.pxd`)."""

    @property
    def data(self) -> str | bytes | None:
        """Of the last event: the message, or the payload of a ping or pong."""
    @property
    def code(self) -> int:
        """Of the last event: the peer's close code, or the code to close with."""
    @property
    def reason(self) -> str | None:
        """Of the last event: the peer's reason, or what the peer did wrong."""
    @property
    def held_bytes(self) -> int:
        """Bytes held of a message that is not complete."""

class PyCodec(WebSocketCodec):
    """An engine in Python: each C function calls the method `on_` and its name of a subclass."""

def read_events(
    codec: WebSocketCodec, data: bytes, most: int | None = None
) -> list[tuple[int, str | bytes | None, int, str | None]]:
    """Feed bytes to an engine and take the events they complete, at most so many.

    Returns:
        (kind, data, code, reason) of each event.
    """

def write_frames(codec: WebSocketCodec, kind: int, payload: str | bytes, code: int = 1005) -> bytes:
    """The bytes that an engine sends for a message, a ping, a pong or a close frame.

    Raises:
        MessageError: it cannot be sent; the text says why.
    """

__pyx_capi__: dict[str, object]
__test__: dict[str, str]
