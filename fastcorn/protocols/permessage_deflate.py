# SPDX-License-Identifier: MIT
"""The negotiation of permessage-deflate, the compression of WebSocket messages (RFC 7692 section 7.1).

Called by the handshake with the client's Sec-WebSocket-Extensions; what it agrees to goes to the codec, which hands it
to MessageDeflate (`_deflate`). An offer that is malformed, unknown or beyond zlib is declined, never an error: the
WebSocket then works uncompressed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

NAME = "permessage-deflate"
WIDEST = 15  # window bits where none are named (section 7.1.2)
# zlib writes a window of 2^9 when asked for 2^8 and calls it 2^8, which is not what the client's 2^8 can read.
NARROWEST_WRITTEN = 9

# RFC 6455 section 9.1: a parameter is a token, with or without a value that is a token, quoted or not.
TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
ELEMENT = re.compile(rf"[ \t]*({TOKEN})[ \t]*(?:=[ \t]*(?:({TOKEN})|\"({TOKEN})\")[ \t]*)?(;|,|$)")
BITS = re.compile(r"[89]|1[0-5]")

Offer = list[tuple[str, str | None]]


@dataclass(frozen=True, slots=True)
class DeflateParameters:
    """What was agreed, and how fastcorn compresses.

    Attributes:
        server_no_context_takeover: each message of the server is compressed on its own.
        client_no_context_takeover: each message of the client is.
        server_window_bits: size of the server's window, as a power of two: 9 to 15.
        client_window_bits: size of the window for the client's messages: 9 to 15.
        level: zlib's level, 0 (nothing is compressed) to 9.
        memory_level: zlib's memory for compressing, 1 to 9.
        threshold: bytes below which a message is sent as it is.
    """

    server_no_context_takeover: bool = False
    client_no_context_takeover: bool = False
    server_window_bits: int = WIDEST
    client_window_bits: int = WIDEST
    level: int = 6
    memory_level: int = 8
    threshold: int = 0


def negotiate(offers: list[bytes], settings: Any) -> tuple[bytes | None, DeflateParameters | None]:
    """Choose the first acceptable offer.

    Args:
        offers: the values of the client's Sec-WebSocket-Extensions fields, in order.
        settings: the worker's (websocket_compression and those after it).

    Returns:
        The value of the answer's Sec-WebSocket-Extensions and the parameters for the codec, or None and None.
    """
    if not settings.websocket_compression:
        return None, None
    for offer in _offers(b",".join(offers)):
        agreed = _accept(offer, settings)
        if agreed is not None:
            return agreed
    return None, None


def _offers(value: bytes) -> Iterator[Offer]:
    """The offers of permessage-deflate in order; none where the value is not of RFC 6455 section 9.1."""
    text = value.decode("latin-1")
    elements: list[Offer] = [[]]
    position = 0
    while position < len(text):
        match = ELEMENT.match(text, position)
        if match is None:
            if not elements[-1] and (empty := re.compile(r"[ \t]*(?:,|$)").match(text, position)):
                position = empty.end()  # RFC 9110 section 5.6.1.2: empty elements of a list are ignored
                continue
            return
        name, token, quoted, end = match.groups()
        elements[-1].append((name, token if token is not None else quoted))
        if end == ";" and match.end() == len(text):
            return
        if end == ",":
            elements.append([])
        position = match.end()
    for element in elements:
        if element and element[0] == (NAME, None):
            yield element[1:]


def _accept(offer: Offer, settings: Any) -> tuple[bytes, DeflateParameters] | None:
    """The answer to one offer, or None to decline it (section 7.1: unknown, repeated or with a wrong value)."""
    asked = dict(offer)
    if len(asked) != len(offer):
        return None
    server_alone = _flag(asked, "server_no_context_takeover")
    client_alone = _flag(asked, "client_no_context_takeover")
    names_server_bits = "server_max_window_bits" in asked
    names_client_bits = "client_max_window_bits" in asked
    server_bits = _bits(asked, "server_max_window_bits", needs_value=True)
    client_bits = _bits(asked, "client_max_window_bits", needs_value=False)
    if asked or server_alone is None or client_alone is None or server_bits is None or client_bits is None:
        return None
    if server_bits < NARROWEST_WRITTEN:
        return None
    alone = not settings.websocket_context_takeover
    server_bits = min(server_bits, settings.websocket_window_bits)
    # Without the parameter in the offer the client may not be limited (section 7.1.2.2).
    client_bits = min(client_bits, settings.websocket_window_bits) if names_client_bits else WIDEST
    parameters = DeflateParameters(
        server_no_context_takeover=server_alone or alone,
        client_no_context_takeover=client_alone or alone,
        server_window_bits=server_bits,
        client_window_bits=max(client_bits, NARROWEST_WRITTEN),  # a wider window reads a narrower one
        level=settings.websocket_compression_level,
        memory_level=settings.websocket_memory_level,
        threshold=settings.websocket_compression_threshold,
    )
    return _answer(parameters, client_bits, names_server_bits), parameters


def _flag(asked: dict[str, str | None], name: str) -> bool | None:
    """Takes a parameter that has no value: whether it is there, or None when it has one."""
    if name not in asked:
        return False
    return True if asked.pop(name) is None else None


def _bits(asked: dict[str, str | None], name: str, *, needs_value: bool) -> int | None:
    """Takes a window size: 8 to 15, the widest when it is not there, or None when it is wrong."""
    if name not in asked:
        return WIDEST
    value = asked.pop(name)
    if value is None:
        return None if needs_value else WIDEST
    return int(value) if BITS.fullmatch(value) else None


def _answer(parameters: DeflateParameters, client_bits: int, names_server_bits: bool) -> bytes:
    parts = [NAME]
    if parameters.server_no_context_takeover:
        parts.append("server_no_context_takeover")
    if parameters.client_no_context_takeover:
        parts.append("client_no_context_takeover")
    # Section 7.1.2.1: what the client asks for is granted by saying it, also when it is the default.
    if names_server_bits or parameters.server_window_bits < WIDEST:
        parts.append(f"server_max_window_bits={parameters.server_window_bits}")
    if client_bits < WIDEST:
        parts.append(f"client_max_window_bits={client_bits}")
    return "; ".join(parts).encode()
