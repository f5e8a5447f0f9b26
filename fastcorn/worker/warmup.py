# SPDX-License-Identifier: MIT
"""A request that a new worker answers to itself before it takes those of others (setting warmup).

Called by fastcorn.worker.worker between the application's startup and listening. The request goes over a pair of
sockets through the same connection, cycle and application as any other, so it fills caches, opens pools and proves that
the application answers. It is in the access log as any other, by its user agent fastcorn-warmup.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fastcorn.errors import WarmupError

if TYPE_CHECKING:
    from fastcorn.config import Settings

# More of an answer than its status line is read, and thrown away.
READ_BYTES = 65536
FIRST_REFUSED_STATUS = 400


async def warm_up(settings: Settings, factory: Callable[[], asyncio.BaseProtocol], log: Any) -> None:
    """Sends the request of the setting warmup; returns when it is answered well, at once when there is none.

    Args:
        settings: the frozen settings; startup_timeout is how long the answer may take, in seconds.
        factory: makes the protocol of a connection.
        log: told how long it took.

    Raises:
        WarmupError: the status is 400 or more, or there is no answer in time.
    """
    if settings.warmup is None:
        return
    started = time.monotonic()
    try:
        status = await asyncio.wait_for(ask(settings, factory), settings.startup_timeout)
    except OSError as error:
        if not isinstance(error, TimeoutError):
            raise WarmupError(settings.warmup, f"is not answered: {error.strerror or error}") from None
        problem = f"is not answered within {settings.startup_timeout:g} s (setting startup_timeout)"
        raise WarmupError(settings.warmup, problem) from None
    if status is None:
        raise WarmupError(settings.warmup, "is not answered: the connection was closed")
    if status >= FIRST_REFUSED_STATUS:
        raise WarmupError(settings.warmup, f"is answered with {status}")
    log.info("warm-up: %s is answered with %d after %.2f s", settings.warmup, status, time.monotonic() - started)


async def ask(settings: Settings, factory: Callable[[], asyncio.BaseProtocol]) -> int | None:
    """The status of the answer, after all of it has come; None when there is none."""
    loop = asyncio.get_running_loop()
    ours, theirs = socket.socketpair()
    with ours:
        ours.setblocking(False)
        theirs.setblocking(False)
        await loop.connect_accepted_socket(factory, theirs)
        await loop.sock_sendall(ours, request(settings))
        answer = b""
        while data := await loop.sock_recv(ours, READ_BYTES):
            answer = (answer + data)[:READ_BYTES]
        words = answer.split(b" ", 2)
        return int(words[1]) if len(words) == 3 and words[1].isdigit() else None


def request(settings: Settings) -> bytes:
    """The head of the request: to the first of server_names, and for one answer only."""
    host = settings.server_names[0] if settings.server_names else "localhost"
    lines = [f"{settings.warmup} HTTP/1.1", f"host: {host}", "user-agent: fastcorn-warmup", "connection: close"]
    return "\r\n".join([*lines, "", ""]).encode("ascii")
