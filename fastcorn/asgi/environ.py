# SPDX-License-Identifier: MIT
"""An HTTP scope -> the environ of a WSGI application (PEP 3333, "environ Variables").

Called by fastcorn.asgi.wsgi once a request. Values are "native strings": bytes decoded as latin-1.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import IO, Any
from urllib.parse import unquote_to_bytes

Environ = dict[str, Any]

_DEFAULT_PORTS = {"http": "80", "https": "443"}


def build_environ(scope: dict[str, Any], body: IO[bytes], body_size: int) -> Environ:
    """Makes the environ of one request.

    Args:
        scope: the ASGI HTTP scope.
        body: the whole request body, at its beginning.
        body_size: bytes in body.
    """
    script_name, path_info = _split_path(scope)
    server_name, server_port = _server(scope)
    environ: Environ = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": script_name,
        "PATH_INFO": path_info,
        "QUERY_STRING": scope.get("query_string", b"").decode("latin-1"),
        "SERVER_NAME": server_name,
        "SERVER_PORT": server_port,
        "SERVER_PROTOCOL": f"HTTP/{scope.get('http_version', '1.1')}",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.get("scheme", "http"),
        "wsgi.input": body,
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        "wsgi.file_wrapper": FileWrapper,
        "asgi.scope": scope,
    }
    raw_path = scope.get("raw_path")
    if raw_path is not None:
        query = scope.get("query_string", b"")
        environ["RAW_URI"] = (raw_path + (b"?" + query if query else b"")).decode("latin-1")
    client = scope.get("client")
    environ["REMOTE_ADDR"] = client[0] if client else ""
    if client and client[1] is not None:
        environ["REMOTE_PORT"] = str(client[1])
    _add_fields(environ, scope["headers"])
    # The body has been read whole, so its length is known even when the client sent it in chunks.
    if body_size or "CONTENT_LENGTH" in environ:
        environ["CONTENT_LENGTH"] = str(body_size)
    return environ


def _split_path(scope: dict[str, Any]) -> tuple[str, str]:
    """SCRIPT_NAME and PATH_INFO; a proxy may have taken root_path off the path or left it on (both are in use)."""
    root = scope.get("root_path", "").encode("utf-8", "surrogateescape").rstrip(b"/")
    raw_path = scope.get("raw_path")
    path = scope["path"].encode("utf-8", "surrogateescape") if raw_path is None else unquote_to_bytes(raw_path)
    if root and (path == root or path.startswith(root + b"/")):
        path = path[len(root) :]
    return root.decode("latin-1"), path.decode("latin-1")


def _server(scope: dict[str, Any]) -> tuple[str, str]:
    server = scope.get("server")
    port = _DEFAULT_PORTS.get(scope.get("scheme", "http"), "80")
    if server is not None and server[1] is not None:
        return server[0], str(server[1])
    # A unix socket has no name and no port, and PEP 3333 wants neither to be empty: take what the client saw.
    host = next((value for name, value in scope["headers"] if name == b"host"), b"").decode("latin-1")
    name, colon, given = host.rpartition(":")
    if colon and given.isdigit():
        return name or "localhost", given
    return host or "localhost", port


def _add_fields(environ: Environ, fields: Iterable[tuple[bytes, bytes]]) -> None:
    for raw_name, raw_value in fields:
        # "a_b" and "a-b" would become the same variable, so a client could pass for a proxy's field: drop it.
        if b"_" in raw_name:
            continue
        name = raw_name.decode("latin-1").upper().replace("-", "_")
        value = raw_value.decode("latin-1")
        if name not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            name = "HTTP_" + name
        if name in environ:
            value = environ[name] + ("; " if name == "HTTP_COOKIE" else ",") + value
        environ[name] = value


class FileWrapper:
    """wsgi.file_wrapper: an open file as an iterable of blocks (PEP 3333, "Optional Platform-Specific File Handling").

    Args:
        file: has read(), and may have close() and fileno().
        block_size: bytes read at a time.
    """

    def __init__(self, file: Any, block_size: int = 65536) -> None:
        self.file = file
        self.block_size = block_size
        close: Callable[[], None] | None = getattr(file, "close", None)
        if close is not None:
            self.close = close

    def __iter__(self) -> Iterator[bytes]:
        while block := self.file.read(self.block_size):
            yield block
