# SPDX-License-Identifier: MIT
"""The choice of the engine that speaks the WebSocket protocol (setting websocket_engine).

Called by fastcorn.protocols.handshake for each WebSocket that is accepted, and by the worker when it starts. Calls the
negotiation of permessage-deflate, the codecs and WebSocketConnection.
"""

from __future__ import annotations

from typing import Any

from fastcorn.protocols import permessage_deflate
from fastcorn.protocols._websocket_connection import WebSocketConnection


def new_connection(context: Any, extensions: list[bytes]) -> tuple[WebSocketConnection, bytes | None]:
    """A connection that waits to take a socket over.

    Args:
        context: the worker's context.
        extensions: the client's Sec-WebSocket-Extensions.

    Returns:
        The connection, and the value of the answer's Sec-WebSocket-Extensions or None.
    """
    agreed, parameters = permessage_deflate.negotiate(extensions, context.settings)
    codec = codec_class(context.settings.websocket_engine)(context.settings, parameters)
    return WebSocketConnection(context, codec), agreed


def codec_class(engine: str) -> Any:
    """The codec of an engine: "auto", "native" or "wsproto"."""
    if engine == "wsproto":
        from fastcorn.protocols.websocket_fallback import WsprotoCodec

        return WsprotoCodec
    from fastcorn.protocols._websocket import NativeCodec

    return NativeCodec
