# SPDX-License-Identifier: MIT
"""The negotiation of permessage-deflate (RFC 7692), and its parameters.

Called by fastcorn.protocols.engine for each WebSocket that is accepted; the codecs compress by what it gives them.
"""

from __future__ import annotations

from typing import Any, NamedTuple

NAME = "permessage-deflate"
LEAST_BITS, MOST_BITS = 8, 15


class DeflateParameters(NamedTuple):
    """What client and server have agreed on, as the server needs it.

    Attributes:
        send_bits: the window of what the server compresses, as a power of two.
        receive_bits: the largest window the client may use.
        send_takeover: whether the server keeps its window from message to message.
        receive_takeover: whether the client may do so.
        level: zlib's level of compression.
        memory_level: zlib's memory for compression.
        threshold: bytes below which a message is sent uncompressed.
    """

    send_bits: int
    receive_bits: int
    send_takeover: bool
    receive_takeover: bool
    level: int
    memory_level: int
    threshold: int


def negotiate(offers: list[bytes], settings: Any) -> tuple[bytes | None, DeflateParameters | None]:
    """Accepts the first offer that can be accepted (RFC 7692 section 5.1); a wrong one is declined, not an error.

    Args:
        offers: the values of the request's Sec-WebSocket-Extensions fields.
        settings: the frozen settings.

    Returns:
        The value of the answer's Sec-WebSocket-Extensions and the parameters, or None and None.
    """
    if not settings.websocket_compression:
        return None, None
    for offer in split(b",".join(offers).decode("latin-1"), ","):
        name, *texts = split(offer, ";")
        if name.lower() != NAME:
            continue
        given = parameters_of(texts)
        if given is not None:
            return accept(given, settings)
    return None, None


def accept(given: dict[str, str | None], settings: Any) -> tuple[bytes, DeflateParameters]:
    """The answer to an offer whose parameters are right (section 7.1)."""
    answer = [NAME]
    send_takeover = receive_takeover = bool(settings.websocket_context_takeover)
    if "server_no_context_takeover" in given or not send_takeover:
        send_takeover = False
        answer.append("server_no_context_takeover")
    # The client is asked to, whether it has offered it or not (section 7.1.1.2).
    if "client_no_context_takeover" in given or not receive_takeover:
        receive_takeover = False
        answer.append("client_no_context_takeover")
    send_bits = min(settings.websocket_window_bits, int(given.get("server_max_window_bits") or MOST_BITS))
    if "server_max_window_bits" in given or send_bits < MOST_BITS:
        answer.append(f"server_max_window_bits={send_bits}")
    receive_bits = MOST_BITS
    if "client_max_window_bits" in given:
        # Only a client that has offered it may be asked (section 7.1.2.2).
        receive_bits = min(settings.websocket_window_bits, int(given["client_max_window_bits"] or MOST_BITS))
        answer.append(f"client_max_window_bits={receive_bits}")
    return "; ".join(answer).encode("ascii"), DeflateParameters(
        send_bits=send_bits,
        receive_bits=receive_bits,
        send_takeover=send_takeover,
        receive_takeover=receive_takeover,
        level=settings.websocket_compression_level,
        memory_level=settings.websocket_memory_level,
        threshold=settings.websocket_compression_threshold,
    )


def parameters_of(texts: list[str]) -> dict[str, str | None] | None:
    """The parameters of an offer; None when one is unknown, is there twice, or has a value that it cannot have."""
    found: dict[str, str | None] = {}
    for text in texts:
        name, equals, value = (part.strip() for part in text.partition("="))
        name = name.lower()
        if name in found:
            return None
        if name in ("server_no_context_takeover", "client_no_context_takeover"):
            if equals:
                return None
            found[name] = None
        elif name == "client_max_window_bits" and not equals:
            found[name] = None
        elif name in ("server_max_window_bits", "client_max_window_bits"):
            bits = value[1:-1] if len(value) > 1 and value[0] == value[-1] == '"' else value
            # A decimal integer from 8 to 15 without leading zeros (section 7.1.2).
            if bits not in [str(number) for number in range(LEAST_BITS, MOST_BITS + 1)]:
                return None
            found[name] = bits
        else:
            return None
    return found


def split(text: str, separator: str) -> list[str]:
    """The parts of a list; a separator inside quotes belongs to its part."""
    parts, quoted, start = [], False, 0
    for index, char in enumerate(text):
        if char == '"':
            quoted = not quoted
        elif char == separator and not quoted:
            parts.append(text[start:index].strip())
            start = index + 1
    parts.append(text[start:].strip())
    return parts
