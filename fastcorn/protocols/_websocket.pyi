# SPDX-License-Identifier: MIT
"""Types of the compiled module: the compiled WebSocket engine."""

from typing import Any, final

from fastcorn.protocols._codec import WebSocketCodec
from fastcorn.protocols.permessage_deflate import DeflateParameters

@final
class NativeCodec(WebSocketCodec):
    """The compiled WebSocket engine (RFC 6455, RFC 7692).

    Args:
        settings: the worker's: websocket_max_message_size, websocket_max_fragments.
        parameters: of permessage-deflate as negotiated, or None.
    """

    def __init__(self, settings: Any, parameters: DeflateParameters | None) -> None: ...

__test__: dict[str, str]
