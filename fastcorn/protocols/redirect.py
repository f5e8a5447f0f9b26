# SPDX-License-Identifier: MIT
"""Where a request that came without TLS is sent to: the setting redirect_to_https.

The connections call `location` for requests on sockets without TLS, and answer with 308, so that method and body stay.
"""

from __future__ import annotations

from typing import Any

_DEFAULT_PORT = 443


def location(host: bytes, scope: dict[str, Any], port: int) -> bytes:
    """The https or wss URL of what was asked for.

    Args:
        host: the Host field or :authority, already checked, with its port or without; empty when there is none.
        scope: of the request.
        port: where TLS is served; 443 is left out.
    """
    name = _without_port(host) or _address(scope["server"])
    authority = name if port == _DEFAULT_PORT else b"%b:%d" % (name, port)
    path: bytes = scope["raw_path"]
    if not path.startswith(b"/"):
        path = b""  # OPTIONS *: of the server as a whole (RFC 9110 section 9.3.7)
    query: bytes = scope["query_string"]
    scheme = b"wss" if _asks_for_websocket(scope["headers"]) else b"https"
    return scheme + b"://" + authority + path + (b"?" + query if query else b"")


def _without_port(host: bytes) -> bytes:
    name, colon, _ = host.rpartition(b":")
    return name if colon and not host.endswith(b"]") else host


def _address(server: tuple[str, int]) -> bytes:
    """HTTP/1.0 needs no Host: the address that was connected to has to do."""
    return (f"[{server[0]}]" if ":" in server[0] else server[0]).encode("ascii")


def _asks_for_websocket(headers: list[tuple[bytes, bytes]]) -> bool:
    return any(name.lower() == b"upgrade" and value.strip().lower() == b"websocket" for name, value in headers)
