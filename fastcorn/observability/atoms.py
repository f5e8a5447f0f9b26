# SPDX-License-Identifier: MIT
"""The atoms of an access log line, with gunicorn's names and Hypercorn's additions.

Each atom is a function of one Exchange, called only when the format names it. Called by fastcorn.observability.access
and, through AccessLogAtoms, by logger classes written for Hypercorn. What a client sent is escaped, so that no client
can forge a line or end a quoted field.
"""

from __future__ import annotations

import base64
import binascii
import copy
import os
import re
import time
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

Headers = Iterable[tuple[bytes, bytes]]

_UNSAFE = re.compile(r"[^\x20\x21\x23-\x5b\x5d-\x7e]")


class Exchange:
    """What is known of a request and its response when a line is written.

    Args:
        scope: the ASGI scope.
        status: the status code, or None when the client left before there was one.
        headers: the response's header fields.
        body_bytes: bytes of the response's body, or None when nobody counted.
        duration: seconds from the request's first byte to the response's end.
    """

    __slots__ = ("body_bytes", "duration", "headers", "scope", "status")

    def __init__(
        self, scope: Any, status: int | None, headers: Headers, body_bytes: int | None, duration: float
    ) -> None:
        self.scope = scope
        self.status = status
        self.headers = headers
        self.body_bytes = body_bytes
        self.duration = duration


Atom = Callable[[Exchange], Any]


def escaped(text: str) -> str:
    """Text with everything but printable ASCII, quotes and backslashes as \\xHH of its UTF-8 bytes."""
    if _UNSAFE.search(text) is None:
        return text
    return escaped_latin(text.encode("utf-8", "surrogatepass").decode("latin-1"))


def escaped_latin(text: str) -> str:
    """The same for text whose characters are bytes."""
    return _UNSAFE.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    char = match[0]
    return "\\" + char if char in '"\\' else f"\\x{ord(char):02x}"


def _field(headers: Headers, wanted: bytes) -> str | None:
    """The value of a header field, several joined with commas."""
    values = [value for name, value in headers if name.lower() == wanted]
    return escaped_latin(b", ".join(values).decode("latin-1")) if values else None


def remote_address(exchange: Exchange) -> str:
    client = exchange.scope.get("client")
    if not client:
        return "-"
    host = str(client[0])
    if len(client) < 2 or client[1] is None:
        return escaped(host) or "-"
    return f"[{host}]:{client[1]}" if ":" in host else f"{host}:{client[1]}"


def user_name(exchange: Exchange) -> str:
    """The user of Basic authentication (RFC 7617); "-" for any other scheme."""
    for name, value in exchange.scope["headers"]:
        if name.lower() == b"authorization" and value[:6].lower() == b"basic ":
            try:
                credentials = base64.b64decode(value[6:].strip(), validate=True)
            except (binascii.Error, ValueError):
                return "-"
            return escaped_latin(credentials.partition(b":")[0].decode("latin-1")) or "-"
    return "-"


def method(exchange: Exchange) -> str:
    return escaped(exchange.scope.get("method", "GET"))


def path(exchange: Exchange) -> str:
    return escaped(exchange.scope["path"])


def query(exchange: Exchange) -> str:
    return escaped_latin(exchange.scope.get("query_string", b"").decode("latin-1"))


def path_and_query(exchange: Exchange) -> str:
    text = query(exchange)
    return f"{path(exchange)}?{text}" if text else path(exchange)


def protocol(exchange: Exchange) -> str:
    return str(exchange.scope.get("http_version", "ws"))


def request_line(exchange: Exchange) -> str:
    return f"{method(exchange)} {path(exchange)} {protocol(exchange)}"


def request_line_and_query(exchange: Exchange) -> str:
    return f"{method(exchange)} {path_and_query(exchange)} {protocol(exchange)}"


def status(exchange: Exchange) -> str:
    return "-" if exchange.status is None else str(exchange.status)


def phrase(exchange: Exchange) -> str:
    if exchange.status is None:
        return "-"
    try:
        return HTTPStatus(exchange.status).phrase
    except ValueError:
        return f"<???{exchange.status}???>"


def body_size(exchange: Exchange) -> str:
    """Bytes of the body that were sent; a logger class of Hypercorn's kind is not told, so content-length stands in."""
    if exchange.body_bytes is not None:
        return str(exchange.body_bytes) if exchange.status is not None else "-"
    return _field(exchange.headers, b"content-length") or "-"


def local_time(exchange: Exchange) -> str:
    return time.strftime("[%d/%b/%Y:%H:%M:%S %z]")


ATOMS: dict[str, Atom] = {
    "h": remote_address,
    "l": lambda exchange: "-",
    "u": user_name,
    "t": local_time,
    "r": request_line,
    "R": request_line_and_query,
    "s": status,
    "st": phrase,
    "S": lambda exchange: escaped(str(exchange.scope.get("scheme", "-"))),
    "m": method,
    "U": path,
    "Uq": path_and_query,
    "q": query,
    "H": protocol,
    "b": body_size,
    "B": body_size,
    "f": lambda exchange: _field(exchange.scope["headers"], b"referer") or "-",
    "a": lambda exchange: _field(exchange.scope["headers"], b"user-agent") or "-",
    "T": lambda exchange: int(exchange.duration),
    "D": lambda exchange: int(exchange.duration * 1_000_000),
    "L": lambda exchange: f"{exchange.duration:.6f}",
    "p": lambda exchange: f"<{os.getpid()}>",
}

NUMBERS = frozenset("TD")


def find_atom(name: str) -> Atom | None:
    """The atom of a name: of ATOMS, {Field}i of the request, {Field}o of the response, {NAME}e of the environment."""
    if name in ATOMS:
        return ATOMS[name]
    match = re.fullmatch(r"\{(.+)\}([ioe])", name)
    if match is None:
        return None
    inner, kind = match[1], match[2]
    field = inner.lower().encode("latin-1", "replace")
    if kind == "i":
        return lambda exchange: _field(exchange.scope["headers"], field) or "-"
    if kind == "o":
        return lambda exchange: _field(exchange.headers, field) or "-"
    return lambda exchange: escaped(os.environ.get(inner) or os.environ.get(inner.upper()) or "-")


class AccessLogAtoms(dict[str, Any]):
    """The atoms of one exchange as a mapping, each made when it is asked for; an unknown one is "-".

    Args:
        request: the scope.
        response: its "status" and "headers", or None when the client left before there was a response.
        request_time: seconds.
    """

    def __init__(self, request: Any, response: Any, request_time: float) -> None:
        super().__init__()
        given = response or {}
        self._exchange = Exchange(request, given.get("status"), given.get("headers", ()), None, request_time)

    def get(self, name: str, default: Any = "-") -> Any:
        """The value of an atom; default for a name that is none."""
        value = self[name]
        return default if value == "-" else value

    def __or__(self, other: dict[str, Any]) -> AccessLogAtoms:  # type: ignore[override]
        made = copy.copy(self)
        made.update(other)
        return made

    def __bool__(self) -> bool:
        return True  # logging takes a mapping for the arguments of a message only when it is true

    def __missing__(self, name: str) -> Any:
        atom = find_atom(name)
        self[name] = value = "-" if atom is None else atom(self._exchange)
        return value
