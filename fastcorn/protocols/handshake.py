# SPDX-License-Identifier: MIT
"""The opening handshake of a WebSocket over HTTP/1.1 (RFC 6455 section 4.2): what is asked, and how it is answered.

H1Connection calls `open_handshake` through Context.websocket_factory, makes the cycle with it, and gets the connection
that takes the socket over when the application accepts. Chooses the engine, which is imported at the first WebSocket.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable
from typing import Any

from fastcorn.asgi._websocket_cycle import WebSocketCycle, new_websocket_cycle

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_VERSION = b"13"
_UPGRADE = b"upgrade: websocket\r\nconnection: Upgrade\r\n"

Fields = Iterable[tuple[bytes, bytes]]


class Handshake:
    """A request to become a WebSocket.

    Attributes:
        error: None, or the status, the text and the header fields that refuse it.
        subprotocols: what the client offers, in its order.
        extensions: the values of its Sec-WebSocket-Extensions fields.
    """

    __slots__ = ("error", "extensions", "key", "subprotocols")

    def __init__(self, headers: Fields, has_body: bool) -> None:
        self.subprotocols: list[str] = []
        self.extensions: list[bytes] = []
        keys, versions = [], []
        for name, value in headers:
            name = name.lower()
            if name == b"sec-websocket-key":
                keys.append(value)
            elif name == b"sec-websocket-version":
                versions.append(value)
            elif name == b"sec-websocket-protocol":
                self.subprotocols += [item.decode("latin-1") for item in _elements(value)]
            elif name == b"sec-websocket-extensions":
                self.extensions.append(value)
        self.key = keys[0] if keys else b""
        self.error = self._check(keys, versions, has_body)

    def _check(self, keys: list[bytes], versions: list[bytes], has_body: bool) -> tuple[int, str, bytes] | None:
        if versions != [_VERSION]:
            # RFC 6455 section 4.4; RFC 9110 section 15.5.22 asks for Upgrade.
            fields = b"sec-websocket-version: 13\r\nupgrade: websocket\r\n"
            return 426, "the WebSocket version has to be 13", fields
        if len(keys) != 1 or not _is_key(keys[0]):
            return 400, "a WebSocket needs one Sec-WebSocket-Key of 16 bytes in base64", b""
        if has_body:
            return 400, "a request for a WebSocket has no body", b""
        return None

    def new_cycle(self, context: Any, stream: Any, scope: dict[str, Any], secure: bool) -> WebSocketCycle:
        """The cycle of this exchange, not started; the scope of a GET becomes a WebSocket's."""
        scope["type"] = "websocket"
        del scope["method"]
        scope["scheme"] = "wss" if secure else "ws"
        scope["subprotocols"] = self.subprotocols
        scope["extensions"] = {"websocket.http.response": {}}
        return new_websocket_cycle(context, stream, scope)

    def open_websocket(self, context: Any, subprotocol: str | None) -> tuple[Any, bytes]:
        """A connection for the WebSocket, and the header fields of the 101 that tell what was agreed on."""
        from fastcorn.protocols import engine

        connection, extensions = engine.new_connection(context, self.extensions)
        fields = _UPGRADE + b"sec-websocket-accept: " + accept_key(self.key) + b"\r\n"
        if subprotocol is not None:
            fields += b"sec-websocket-protocol: " + subprotocol.encode("latin-1") + b"\r\n"
        if extensions is not None:
            fields += b"sec-websocket-extensions: " + extensions + b"\r\n"
        return connection, fields


def open_handshake(headers: Fields, has_body: bool) -> Handshake | None:
    """What a GET with Upgrade asks for.

    Args:
        headers: its header fields.
        has_body: whether a body follows.

    Returns:
        None when it is no WebSocket.
    """
    for name, value in headers:
        if name.lower() == b"upgrade" and b"websocket" in (item.lower() for item in _elements(value)):
            return Handshake(headers, has_body)
    return None


def accept_key(key: bytes) -> bytes:
    """The Sec-WebSocket-Accept for a Sec-WebSocket-Key."""
    return base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest())


def _elements(value: bytes) -> list[bytes]:
    return [item.strip(b" \t") for item in value.split(b",") if item.strip(b" \t")]


def _is_key(key: bytes) -> bool:
    try:
        return len(key) == 24 and len(base64.b64decode(key, validate=True)) == 16
    except binascii.Error:
        return False
