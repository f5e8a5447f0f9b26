# SPDX-License-Identifier: MIT
"""A WSGI application as an ASGI one (PEP 3333).

Called as the application by the compiled cycle; the WSGI callable runs in a thread of fastcorn.asgi.threads. The
request body is read whole first, bounded and spooled to disk when large, so that no thread waits for a client. The
response is streamed: a thread hands each block to the loop and waits until the connection has taken it. A response that
is complete when the thread returns travels with its result, so that a small one costs one thread switch.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import os
import re
import stat
import tempfile
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any

from fastcorn.asgi.environ import Environ, FileWrapper, build_environ
from fastcorn.asgi.threads import ThreadPool

if TYPE_CHECKING:
    from fastcorn.typing import AnyReceive, AnyScope, AnySend, WSGIFramework

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]
Message = dict[str, Any]

# Threads start only when all others are busy, so a high bound costs nothing until an application blocks.
# Precedents: concurrent.futures at most 32, uvicorn's WSGI middleware 10, waitress 4.
THREADS = 32

# A body beyond this lies in a temporary file. Precedent: waitress' inbuf_overflow, 512 KiB.
SPOOL_SIZE = 512 * 1024

# Fields that belong to a connection, not to a response: the server sets them (PEP 3333, "Other HTTP Features").
HOP_BY_HOP = frozenset(
    b"connection keep-alive proxy-authenticate proxy-authorization te trailer transfer-encoding upgrade".split()
)

_STATUS = re.compile(r"([1-9][0-9]{2})(?: [^\x00-\x1f\x7f]*)?")


class ClientGone(ConnectionError):
    """Raised in the application's thread when nobody is left to answer."""


class WSGIAdapter:
    """Serves a WSGI application to ASGI scopes.

    Args:
        app: the WSGI callable.
        max_body_size: bytes of a request body; a larger one is answered with 413 and never reaches the application.
        threads: how many requests run at the same time at most.
    """

    def __init__(self, app: WSGIFramework, max_body_size: int, *, threads: int = THREADS) -> None:
        self.app = app
        self.max_body_size = max_body_size
        self._threads = threads
        self._pool: ThreadPool | None = None

    async def __call__(self, scope: AnyScope, receive: AnyReceive, send: AnySend) -> None:
        kind = scope["type"]
        if kind == "http":
            await self._http(scope, receive, send)
        elif kind == "lifespan":
            await self._lifespan(receive, send)
        elif kind == "websocket":
            await receive()
            await send({"type": "websocket.close"})
        else:
            raise ValueError(f"a WSGI application cannot answer the scope type {kind!r}")

    async def _lifespan(self, receive: AnyReceive, send: AnySend) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def _http(self, scope: AnyScope, receive: AnyReceive, send: AnySend) -> None:
        with tempfile.SpooledTemporaryFile(max_size=SPOOL_SIZE) as body:
            size = await self._read_body(scope, receive, body)
            if size is None:
                return
            if size > self.max_body_size:
                await _refuse(send)
                return
            body.seek(0)
            environ = build_environ(dict(scope), body, size)
            response = Response(asyncio.get_running_loop(), send, environ, _offers_zerocopy(scope))
            await self._run(functools.partial(response.run, self.app), response, send)

    async def _read_body(self, scope: AnyScope, receive: AnyReceive, body: IO[bytes]) -> int | None:
        """Stores the body; returns its size (beyond max_body_size as soon as that is known), None when it broke off."""
        for name, value in scope["headers"]:
            if name == b"content-length" and value.isdigit() and int(value) > self.max_body_size:
                return int(value)
        size = 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            block = message.get("body", b"")
            size += len(block)
            if size > self.max_body_size:
                return size
            if size > SPOOL_SIZE:
                await asyncio.to_thread(body.write, block)  # this one reaches the disk
            else:
                body.write(block)
            if not message.get("more_body", False):
                return size

    async def _run(self, function: Callable[[], list[Message]], response: Response, send: AnySend) -> None:
        if self._pool is None:
            self._pool = ThreadPool(self._threads, "fastcorn-wsgi")
        context = contextvars.copy_context()
        future = self._pool.submit(asyncio.get_running_loop(), functools.partial(context.run, function))
        try:
            messages = await future
        except ClientGone as error:
            raise error.__cause__ or error from None
        finally:
            response.abandoned = True
        for message in messages:
            await send(message)


def _offers_zerocopy(scope: AnyScope) -> bool:
    return "http.response.zerocopysend" in (scope.get("extensions") or {})


async def _refuse(send: AnySend) -> None:
    body = b"request body too large\n"
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class Response:
    """One response as the application's thread makes it.

    Args:
        loop: the loop that the connection lives on.
        send: the ASGI send of the exchange.
        environ: the environ of the request.
        zerocopy: whether the connection takes http.response.zerocopysend.

    Attributes:
        abandoned: set by the loop when the exchange is over; the thread then stops at its next block.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, send: AnySend, environ: Environ, zerocopy: bool) -> None:
        self.abandoned = False
        self._loop = loop
        self._send = send
        self._environ = environ
        self._zerocopy = zerocopy
        self._start: Message | None = None
        self._start_sent = False

    def run(self, app: WSGIFramework) -> list[Message]:
        """Calls the application; returns the messages that are still to be sent."""
        self._environ["wsgi.early_hints"] = self._early_hints
        result = app(self._environ, self.start_response)
        close = getattr(result, "close", None)
        if close is None:
            return self._consume(result)
        # close() runs after the last block has left, in the thread of the request: Django closes this thread's database
        # connections there.
        try:
            self._hand_over(self._consume(result))
        finally:
            close()
        return []

    def start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: ExcInfo | None = None
    ) -> Callable[[bytes], None]:
        """PEP 3333's start_response: keeps status and fields until the first block that is not empty."""
        if exc_info is not None:
            try:
                if self._start_sent:
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None  # the traceback refers to this frame
        elif self._start is not None:
            raise AssertionError("start_response was called twice without exc_info (PEP 3333)")
        self._start = {"type": "http.response.start", "status": _status(status), "headers": _fields(headers)}
        return self._write

    def _write(self, data: bytes) -> None:
        """PEP 3333's write callable: sends at once."""
        if _checked(data):
            self._hand_over(self._with_start(_body(data)))

    def _consume(self, result: Iterable[bytes]) -> list[Message]:
        """Sends all but what completes the response; returns that."""
        if self._zerocopy and isinstance(result, FileWrapper):
            whole_file = self._file_message(result.file)
            if whole_file is not None:
                return self._with_start(whole_file)
        in_memory = isinstance(result, (list, tuple))
        pending = b""
        for block in result:
            if self.abandoned:
                raise ClientGone("the exchange is over")
            if not _checked(block):
                continue
            if pending:
                self._hand_over(self._with_start(_body(pending)))
            pending = block
            if not in_memory and not self._is_whole(block):
                self._hand_over(self._with_start(_body(block)))
                pending = b""
        if not self._start_sent:
            self._add_length(pending)
        return self._with_start({"type": "http.response.body", "body": pending})

    def _is_whole(self, block: bytes) -> bool:
        """Whether a first block is all that content-length promises, so that it may leave with the end of the body."""
        return not self._start_sent and self._length() == len(block)

    def _length(self) -> int | None:
        """The content-length that the application gave."""
        for name, value in self._start["headers"] if self._start else ():
            if name == b"content-length" and value.isdigit():
                return int(value)
        return None

    def _add_length(self, body: bytes) -> None:
        """A whole body has a known length (PEP 3333, "Handling the Content-Length Header")."""
        if self._start is None or self._start["status"] in (204, 304) or self._length() is not None:
            return
        if body or self._environ["REQUEST_METHOD"] != "HEAD":
            self._start["headers"].append((b"content-length", b"%d" % len(body)))

    def _file_message(self, file: Any) -> Message | None:
        """The message that sends a regular file without reading it here, or None when it has to be read."""
        if self._start_sent or self._start is None or self._environ["REQUEST_METHOD"] == "HEAD":
            return None
        try:
            offset, status = file.tell(), os.fstat(file.fileno())
        except (AttributeError, OSError, ValueError, TypeError):
            return None
        rest = status.st_size - offset
        if not stat.S_ISREG(status.st_mode) or rest <= 0:
            return None
        length = self._length()
        if length is None:
            self._start["headers"].append((b"content-length", b"%d" % rest))
        count = rest if length is None else min(length, rest)
        return {"type": "http.response.zerocopysend", "file": file, "offset": offset, "count": count}

    def _with_start(self, message: Message) -> list[Message]:
        if self._start_sent:
            return [message]
        if self._start is None:
            raise AssertionError("the application returned a body without calling start_response (PEP 3333)")
        self._start_sent = True
        return [self._start, message]

    def _hand_over(self, messages: list[Message]) -> None:
        """Sends messages from the application's thread; returns when the connection has taken them."""
        if self.abandoned:
            raise ClientGone("the exchange is over")
        future = asyncio.run_coroutine_threadsafe(_send_all(self._send, messages), self._loop)
        try:
            future.result()
        except OSError as error:
            raise ClientGone("the client has gone") from error

    def _early_hints(self, headers: Iterable[tuple[str, str]]) -> None:
        """wsgi.early_hints, as gunicorn and granian offer it: 103 with Link fields before the response."""
        links = [value.encode("latin-1") for name, value in headers if name.lower() == "link"]
        scope = self._environ["asgi.scope"]
        if links and "http.response.early_hint" in (scope.get("extensions") or {}):
            self._hand_over([{"type": "http.response.early_hint", "links": links}])


async def _send_all(send: AnySend, messages: list[Message]) -> None:
    for message in messages:
        await send(message)


def _body(data: bytes) -> Message:
    return {"type": "http.response.body", "body": data, "more_body": True}


def _checked(block: object) -> bool:
    """Whether a block has bytes; raises TypeError when it is none."""
    if not isinstance(block, bytes):
        raise TypeError(f"a WSGI application must give bytes, not {type(block).__name__} (PEP 3333)")
    return bool(block)


def _status(status: str) -> int:
    match = _STATUS.fullmatch(status) if isinstance(status, str) else None
    if match is None:
        raise ValueError(f"a WSGI status is a str such as '200 OK', not {status!r} (PEP 3333)")
    return int(match[1])


def _fields(headers: list[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    fields = []
    for name, value in headers:
        if not isinstance(name, str) or not isinstance(value, str):
            raise TypeError(f"WSGI header names and values are str, not {name!r}: {value!r} (PEP 3333)")
        field = name.lower().encode("latin-1")
        if field not in HOP_BY_HOP:
            fields.append((field, value.encode("latin-1")))
    return fields
