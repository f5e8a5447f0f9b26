# SPDX-License-Identifier: MIT
"""Running tests on every kind of event loop, with real sockets and bounded waits.

Used by tests/worker and tests/e2e.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from fastcorn.worker.loop import choose_loop

LIMIT_SECONDS = 30.0

try:
    choose_loop("uvloop")
    LOOPS = ["asyncio", "uvloop"]
except ValueError:
    LOOPS = ["asyncio"]

each_loop = pytest.mark.parametrize("loop_name", LOOPS)


def run_on(loop_name: str, main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Runs a coroutine function on a new loop, for LIMIT_SECONDS at most; errors that reach the loop fail the test."""
    errors: list[Any] = []

    async def bounded() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: errors.append(context))
        await asyncio.wait_for(main(), LIMIT_SECONDS)

    with asyncio.Runner(loop_factory=choose_loop(loop_name)) as runner:
        runner.run(bounded())
    assert errors == []


async def until(condition: Callable[[], bool]) -> None:
    """Lets the loop run until something is so; fails after LIMIT_SECONDS."""
    end = time.monotonic() + LIMIT_SECONDS
    while not condition():
        assert time.monotonic() < end, "it did not come about"
        await asyncio.sleep(0.001)


async def turns(count: int = 50) -> None:
    """Lets the loop take some turns: what could happen by itself has happened after them."""
    for _ in range(count):
        await asyncio.sleep(0)


def bound_socket(host: str = "127.0.0.1") -> socket.socket:
    """A socket on a free port, bound and not listening."""
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setblocking(False)
    sock.bind((host, 0))
    return sock


def connect(sock: socket.socket, data: bytes = b"") -> socket.socket:
    """A client that is connected to a listening socket and has sent data; blocking, with a timeout."""
    client = socket.socket(sock.family)
    client.settimeout(LIMIT_SECONDS)
    client.connect(sock.getsockname())
    if data:
        client.sendall(data)
    return client


def has_ipv6() -> bool:
    """Whether this machine has the IPv6 loopback address."""
    try:
        bound_socket("::1").close()
    except OSError:
        return False
    return True
