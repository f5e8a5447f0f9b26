# SPDX-License-Identifier: MIT
"""The opening handshake of a WebSocket (RFC 6455 section 4.2, RFC 8441): what is asked, and how it is answered.

H1Connection calls `open_handshake` through Context.websocket_factory, makes the cycle with it, and gets the connection
that takes the socket over when the application accepts. A stream of HTTP/2 does the same with `open_stream_handshake`.
Chooses the engine, which is imported at the first WebSocket.
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


class Offer:
    """What every request to become a WebSocket says, over whichever version of HTTP.

    Attributes:
        subprotocols: what the client offers, in its order.
        extensions: the values of its Sec-WebSocket-Extensions fields.
    """

    __slots__ = ("extensions", "keys", "subprotocols", "versions")

    def __init__(self, headers: Fields) -> None:
        self.subprotocols: list[str] = []
        self.extensions: list[bytes] = []
        self.keys: list[bytes] = []
        self.versions: list[bytes] = []
        for name, value in headers:
            name = name.lower()
            if name == b"sec-websocket-key":
                self.keys.append(value)
            elif name == b"sec-websocket-version":
                self.versions.append(value)
            elif name == b"sec-websocket-protocol":
                self.subprotocols += [item.decode("latin-1") for item in _elements(value)]
            elif name == b"sec-websocket-extensions":
                self.extensions.append(value)

    def new_cycle(self, context: Any, stream: Any, scope: dict[str, Any], secure: bool) -> WebSocketCycle:
        """The cycle of this exchange, not started; the scope of a request becomes a WebSocket's."""
        scope["type"] = "websocket"
        del scope["method"]
        scope["scheme"] = "wss" if secure else "ws"
        scope["subprotocols"] = self.subprotocols
        extensions: dict[str, Any] = {"websocket.http.response": {}}
        if "tls" in scope["extensions"]:
            extensions["tls"] = scope["extensions"]["tls"]
        scope["extensions"] = extensions
        return new_websocket_cycle(context, stream, scope)

    def open_connection(self, context: Any, subprotocol: str | None) -> tuple[Any, list[tuple[bytes, bytes]]]:
        """A connection for the WebSocket, and the header fields that tell what was agreed on."""
        from fastcorn.protocols import engine

        connection, extensions = engine.new_connection(context, self.extensions)
        fields = []
        if subprotocol is not None:
            fields.append((b"sec-websocket-protocol", subprotocol.encode("latin-1")))
        if extensions is not None:
            fields.append((b"sec-websocket-extensions", extensions))
        return connection, fields


class Handshake(Offer):
    """A GET that asks to become a WebSocket.

    Attributes:
        error: None, or the status, the text and the header fields that refuse it.
    """

    __slots__ = ("error",)

    def __init__(self, headers: Fields, has_body: bool) -> None:
        super().__init__(headers)
        self.error = self._check(has_body)

    def _check(self, has_body: bool) -> tuple[int, str, bytes] | None:
        if self.versions != [_VERSION]:
            # RFC 6455 section 4.4; RFC 9110 section 15.5.22 asks for Upgrade.
            fields = b"sec-websocket-version: 13\r\nupgrade: websocket\r\n"
            return 426, "the WebSocket version has to be 13", fields
        if len(self.keys) != 1 or not _is_key(self.keys[0]):
            return 400, "a WebSocket needs one Sec-WebSocket-Key of 16 bytes in base64", b""
        if has_body:
            return 400, "a request for a WebSocket has no body", b""
        return None

    def open_websocket(self, context: Any, subprotocol: str | None) -> tuple[Any, bytes]:
        """A connection for the WebSocket, and the lines of the 101 that tell what was agreed on."""
        connection, fields = self.open_connection(context, subprotocol)
        lines = _UPGRADE + b"sec-websocket-accept: " + accept_key(self.keys[0]) + b"\r\n"
        return connection, lines + b"".join(name + b": " + value + b"\r\n" for name, value in fields)


class StreamHandshake(Offer):
    """An extended CONNECT of HTTP/2 that asks for a WebSocket (RFC 8441 section 5): without a key.

    Attributes:
        error: None, or the status, the text and the header fields that refuse it.
    """

    __slots__ = ("error",)

    def __init__(self, headers: Fields, ended: bool) -> None:
        super().__init__(headers)
        self.error = self._check(ended)

    def _check(self, ended: bool) -> tuple[int, str, list[tuple[bytes, bytes]]] | None:
        # A 426 would need the field Upgrade, which HTTP/2 forbids (RFC 9113 section 8.2.2). RFC 8441 asks for no
        # version, so only a wrong one is refused.
        if self.versions and self.versions != [_VERSION]:
            return 400, "the WebSocket version has to be 13", [(b"sec-websocket-version", _VERSION)]
        if ended:
            return 400, "a request for a WebSocket leaves its stream open", []
        return None


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


def open_stream_handshake(headers: Fields, ended: bool = False) -> StreamHandshake:
    """What an extended CONNECT with the protocol "websocket" asks for.

    Args:
        headers: its header fields.
        ended: the request has ended its side of the stream.
    """
    return StreamHandshake(headers, ended)


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
