# SPDX-License-Identifier: MIT
"""The application of `fairness`: answers 13 bytes, and tells at its end what its process has served.

Loaded by workers as `bench.app_spread:app`. The counts go to stdout, one JSON line for each worker, when the lifespan
shuts down; a client is known by its address and port, so each connection counts once while ports are not used again.
"""

import json
import os
import sys

from bench.apps import HELLO, Receive, Scope, Send, hello

clients: set[tuple[str, int]] = set()
requests = 0


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers `Hello, world!`."""
    global requests
    if scope["type"] != "lifespan":
        requests += 1
        clients.add(scope["client"])
        return await hello(scope, receive, send)
    await hello(scope, receive, send)
    counts = {"pid": os.getpid(), "connections": len(clients), "requests": requests, "bytes": requests * len(HELLO)}
    # One write, so that the lines of several workers do not mix.
    os.write(sys.stdout.fileno(), f"{json.dumps(counts)}\n".encode())
