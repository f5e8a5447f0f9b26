# SPDX-License-Identifier: MIT
"""Types of the compiled module: the interface of a WebSocket engine."""

from typing import Any

from typing_extensions import disjoint_base

@disjoint_base
class WebSocketCodec:
    """Bytes to messages and back, for one WebSocket on the server's side; its methods are C functions."""

    @property
    def data(self) -> Any:
        """Of the last event: str of a text, bytes of a binary message, a ping or a pong."""
    @property
    def code(self) -> int:
        """Of the last event: the peer's close code (1005 = it gave none), or the code to close with."""
    @property
    def reason(self) -> str:
        """Of the last event: the peer's reason, or what it did wrong."""
    @property
    def held_bytes(self) -> int:
        """Bytes held for a message that is not complete."""

class PyCodec(WebSocketCodec):
    """A codec whose methods are Python methods of a subclass, named `on_` and the name in the vtable."""

EVENTS: dict[str, int]
"""The numbers of the events: nothing, text, binary, ping, pong, close, failed."""

def decode(codec: WebSocketCodec, data: bytes) -> list[tuple[str, Any, int, str | None]]:
    """Feed bytes to any codec and return its events as a list of (name, data, code, reason); for tests and fuzzing."""

def encode(codec: WebSocketCodec, kind: str, data: Any = b"", code: int = 0) -> bytes:
    """The frame that any codec makes: of kind message, ping, pong, or close with `data` as its reason; for tests."""

__test__: dict[str, str]
