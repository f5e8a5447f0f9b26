# SPDX-License-Identifier: MIT
"""Types of the compiled module: the WebSocket protocol on the server's side."""

from typing import Any, final

from fastcorn.protocols._codec import WebSocketCodec
from fastcorn.protocols.permessage_deflate import DeflateParameters

@final
class NativeCodec(WebSocketCodec):
    """The compiled engine.

    Args:
        settings: has websocket_max_message_size (bytes, after inflating) and websocket_max_fragments.
        deflate: what permessage-deflate was agreed with, or None.
    """

    def __init__(self, settings: Any, deflate: DeflateParameters | None) -> None: ...

def unmask(data: bytes, mask: bytes, phase: int = 0) -> bytes:
    """The payload of a masked frame; for tests and benchmarks.

    Args:
        data: the masked bytes.
        mask: four bytes.
        phase: how many bytes of the frame came before.

    Raises:
        ValueError: the mask has not four bytes.
    """

__test__: dict[str, str]
