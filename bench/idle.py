# SPDX-License-Identifier: MIT
"""Counts what an idle keep-alive connection costs: `python -m bench idle`.

Each server answers one request on each of many connections, which then stay open. Resident memory before and after,
divided by their number, is the cost; memory of the kernel is not in it. Called by `__main__`; calls process, exchange.
"""

import contextlib
import socket
import ssl
from collections.abc import Callable, Sequence

from bench import process
from bench.certificate import Certificate
from bench.errors import BenchError
from bench.exchange import connect, request
from bench.interpreter import Interpreter
from bench.results import Recorder, Row
from bench.servers import Server
from bench.table import render

APP = "bench.apps:hello"
COLUMNS = {"bytes_each": "bytes each", "before_mb": "before MB", "after_mb": "after MB", "open": "open"}
SPARE_FILES = 200
WARMUP = 200
"""Connections opened and closed before the first look at the memory, so that caches and free lists are filled."""
BATCH = 100
"""Connections opened before their answers are read: below every server's backlog."""


def run(
    interpreter: Interpreter,
    servers: Sequence[Server],
    connections: int,
    recorder: Recorder,
    certificate: Certificate | None = None,
) -> None:
    """Measures, prints and records the cost of an idle connection for each server.

    Args:
        interpreter: the Python that runs the servers.
        servers: who takes part.
        connections: how many are kept open.
        recorder: where the rows go.
        certificate: for TLS; None = plain.

    Raises:
        BenchError: the system does not allow that many open files.
    """
    allowed = process.raise_open_files(connections + SPARE_FILES)
    if allowed < connections + SPARE_FILES:
        raise BenchError(
            f"{connections} connections need {connections + SPARE_FILES} open files, the limit is {allowed}; "
            f"raise it (ulimit -n) or give --connections {max(allowed - SPARE_FILES, 1)}"
        )
    process.pin_load()
    rows: dict[str, Row] = {}
    for server in servers:
        try:
            rows[server.name] = _measure(server, interpreter, connections, certificate)
        except BenchError as error:
            rows[server.name] = {"error": str(error)}
    recorder.record("all", rows)
    print(render(rows, COLUMNS))


def _measure(server: Server, interpreter: Interpreter, connections: int, certificate: Certificate | None) -> Row:
    trusting = None
    probe: Callable[[int, str], int] = process.probe_http1
    if certificate is not None:
        server, trusting = server.over_tls(certificate), certificate.trusting("http/1.1")
        probe = process.probe_https(trusting)
    starting = process.ServerProcess(server, interpreter, APP, idle=True, probe=probe)
    with starting as running, contextlib.ExitStack() as closing:
        with contextlib.ExitStack() as warming:
            _open(running.port, WARMUP, warming, trusting)
        before = running.resident_bytes()
        opened = _open(running.port, connections, closing, trusting)
        after = running.resident_bytes()
        still_open = sum(not _ended(connection) for connection in opened)
        if still_open < connections * 0.99:
            raise BenchError(f"closed {connections - still_open} of {connections} idle connections")
        return {
            "bytes_each": round((after - before) / connections),
            "before_mb": round(before / 1e6, 2),
            "after_mb": round(after / 1e6, 2),
            "open": still_open,
        }


def _open(port: int, count: int, closing: contextlib.ExitStack, trusting: ssl.SSLContext | None) -> list[socket.socket]:
    opened: list[socket.socket] = []
    try:
        for first in range(0, count, BATCH):
            batch = [_ask(port, number, closing, trusting) for number in range(first, min(first + BATCH, count))]
            for connection in batch:
                if not connection.recv(4096).startswith(b"HTTP/1.1 200"):
                    raise BenchError(f"did not answer on connection {len(opened) + 1}")
            opened += batch
    except OSError as error:
        raise BenchError(f"failed after {len(opened)} connections: {error}") from None
    return opened


def _ask(port: int, number: int, closing: contextlib.ExitStack, trusting: ssl.SSLContext | None) -> socket.socket:
    # Four local addresses: one has only 28,000 ports, fewer than some ask for.
    connection = connect(port, timeout=30.0, source=f"127.0.0.{2 + number % 4}", trusting=trusting)
    closing.callback(connection.close)
    connection.sendall(request("GET", "/"))
    return connection


def _ended(connection: socket.socket) -> bool:
    """Whether the server has closed; bytes of an answer that came in two pieces are passed over."""
    connection.setblocking(False)
    try:
        while data := connection.recv(4096):
            pass
        return not data
    except (BlockingIOError, ssl.SSLWantReadError):
        return False
    except OSError:
        return True
