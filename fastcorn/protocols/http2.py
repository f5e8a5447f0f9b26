# SPDX-License-Identifier: MIT
"""The ways into HTTP/2: the choice of the engine (setting http2_engine), and who may speak it without TLS.

H1Connection calls `open_http2` through Context.http2_factory when a client has agreed on h2 in its TLS handshake or
begins with the preface, and `open_upgrade` through Context.h2c_factory when it asks for h2c.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from collections.abc import Iterable
from typing import Any

from fastcorn.protocols._http2 import H2Connection
from fastcorn.protocols._http2_native import NativeEngine

Fields = Iterable[tuple[bytes, bytes]]
Client = tuple[str, int | None] | None

_ALPHABET = re.compile(rb"[A-Za-z0-9_-]*\Z")

# Fields of a request with Upgrade that concern its connection, or that :authority replaces (RFC 9113 section 8.2.2).
_LEFT_OUT = frozenset(
    (b"connection", b"host", b"http2-settings", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade")
)


def open_http2(context: Any, client: Client, secure: bool) -> H2Connection | None:
    """A connection that waits to take over the socket of a client.

    Args:
        context: the worker's context.
        client: its address as a scope has it; None or one without a port = it came by a unix socket.
        secure: whether it comes over TLS.

    Returns:
        None when it may not speak HTTP/2.
    """
    return new_connection(context) if secure or may_speak_cleartext(context, client) else None


def open_upgrade(
    context: Any, client: Client, scope: dict[str, Any], host: bytes
) -> tuple[H2Connection, bytes, list[tuple[bytes, bytes]]] | None:
    """What answers a request of HTTP/1.1 that has an Upgrade field and no body (RFC 7540 section 3.2).

    Args:
        context, client: as for open_http2().
        scope: of the request.
        host: its Host, or the one in its target.

    Returns:
        None when it is served over HTTP/1.1; else a connection that waits to take the socket over, the payload of the
        client's SETTINGS frame, and the request as a field list of HTTP/2.
    """
    settings = read_upgrade(scope["headers"])
    if settings is None or not may_speak_cleartext(context, client):
        return None
    target = scope["raw_path"]
    if scope["query_string"]:
        target += b"?" + scope["query_string"]
    fields = upgraded_fields(scope["method"].encode("ascii"), target, host, scope["headers"])
    return new_connection(context), settings, fields


def new_connection(context: Any) -> H2Connection:
    """A connection with the engine of the settings."""
    if context.settings.http2_engine == "h2":
        from fastcorn.protocols.http2_fallback import H2Engine

        return H2Connection(context, H2Engine(context.settings))
    return H2Connection(context, NativeEngine(context.settings))


def may_speak_cleartext(context: Any, client: Client) -> bool:
    """Whether a client may speak HTTP/2 without TLS (settings h2c and h2c_allow_ips)."""
    settings = context.settings
    if not settings.h2c:
        return False
    if not settings.h2c_allow_ips:
        return True
    if client is None or client[1] is None:
        return "unix" in settings.h2c_allow_ips
    try:
        address = ipaddress.ip_address(client[0].partition("%")[0])
    except ValueError:
        return False
    # A socket for both IP versions shows an IPv4 client as ::ffff:127.0.0.1.
    address = getattr(address, "ipv4_mapped", None) or address
    return any(address in ipaddress.ip_network(name) for name in settings.h2c_allow_ips if name != "unix")


def read_upgrade(headers: Fields) -> bytes | None:
    """The payload of the SETTINGS frame that a request with `Upgrade: h2c` carries (RFC 7540 section 3.2.1).

    Returns:
        None when it asks for something else, or not as the RFC says: then it is served over HTTP/1.1.
    """
    upgrade, connection, settings = [], [], []
    for name, value in headers:
        name = name.lower()
        if name == b"upgrade":
            upgrade += _elements(value)
        elif name == b"connection":
            connection += _elements(value)
        elif name == b"http2-settings":
            settings.append(value)
    if b"h2c" not in upgrade or len(settings) != 1 or not {b"upgrade", b"http2-settings"} <= set(connection):
        return None
    return _decode_settings(settings[0])


def upgraded_fields(method: bytes, target: bytes, host: bytes, headers: Fields) -> list[tuple[bytes, bytes]]:
    """A request of HTTP/1.1 as a field list of HTTP/2, pseudo-fields first."""
    return [
        (b":method", method),
        (b":scheme", b"http"),
        (b":authority", host),
        (b":path", target),
        *((name.lower(), value) for name, value in headers if name.lower() not in _LEFT_OUT),
    ]


def _decode_settings(value: bytes) -> bytes | None:
    """The payload, when it is base64url without padding and its values are valid (RFC 9113 section 6.5.2)."""
    value = value.rstrip(b"=")
    if not _ALPHABET.match(value):
        return None
    try:
        payload = base64.urlsafe_b64decode(value + b"=" * (-len(value) % 4))
    except binascii.Error:
        return None
    if len(payload) % 6:
        return None
    for start in range(0, len(payload), 6):
        setting = int.from_bytes(payload[start : start + 2], "big")
        number = int.from_bytes(payload[start + 2 : start + 6], "big")
        if (
            (setting == 2 and number > 1)
            or (setting == 4 and number > 2**31 - 1)
            or (setting == 5 and not 2**14 <= number < 2**24)
        ):
            return None
    return payload


def _elements(value: bytes) -> list[bytes]:
    return [item.strip(b" \t").lower() for item in value.split(b",") if item.strip(b" \t")]
