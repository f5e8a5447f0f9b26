# SPDX-License-Identifier: MIT
"""Where a request that came without TLS is sent to: the setting redirect_to_https.

The connections call `location` for requests on sockets without TLS, and answer with 308, so that method and body stay.
"""

from __future__ import annotations

from typing import Any

_DEFAULT_PORT = 443


def location(host: bytes | None, scope: dict[str, Any], port: int) -> bytes | None:
    """The https or wss URL of what was asked for; None for what came by a unix socket: that is a proxy or a tool here.

    Args:
        host: the Host field or :authority, already checked, with its port or without; None or empty when there is none.
        scope: of the request.
        port: where TLS is served; 443 is left out.
    """
    server = scope["server"]
    if server is None or server[1] is None:
        return None
    name = _without_port(host) if host else _address(server[0])
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


def _address(server: str) -> bytes:
    """HTTP/1.0 needs no Host: the address that was connected to has to do."""
    return (f"[{server}]" if ":" in server else server).encode("ascii")


def _asks_for_websocket(headers: list[tuple[bytes, bytes]]) -> bool:
    return any(name.lower() == b"upgrade" and value.strip().lower() == b"websocket" for name, value in headers)
