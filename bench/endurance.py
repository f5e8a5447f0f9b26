# SPDX-License-Identifier: MIT
"""Looks for memory that grows with work: `python -m bench endurance`.

Three kinds of exchange are repeated many thousand times on one server: requests on kept-alive connections, connections
that carry one request, and requests whose client goes away. Resident memory is taken in equal steps; its least-squares
slope after the warm-up, in bytes an exchange, should be nought. Called by `__main__`; calls process and exchange.
"""

import contextlib
import socket
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from bench import process
from bench.errors import BenchError
from bench.exchange import Exchange, ExchangeError, connect, request
from bench.interpreter import Interpreter
from bench.results import Recorder, Row
from bench.servers import Server
from bench.summary import slope
from bench.table import render

APP = "bench.apps:echo"
COLUMNS = {
    "exchanges": "exchanges",
    "slope_bytes": "bytes/exchange",
    "growth_kib": "growth KiB",
    "before_mb": "before MB",
    "after_mb": "after MB",
    "seconds": "seconds",
}
STEPS = 20
"""Looks at the memory after the warm-up."""
WARMUP_SHARE = 0.2
"""Work before the first look, as a share of the measured work."""
CONNECTIONS = 16
BODY = b"0123456789abcdef" * 64

GET = request("GET", "/")
POST = request("POST", "/", body=BODY)
CLOSING = request("GET", "/", headers="Connection: close\r\n")
ABORTED = (
    (GET[:20], "in the head"),
    (request("POST", "/", body=BODY)[:-600], "in the body"),
    (POST, "before the answer"),
    (GET * 8, "with pipelined requests"),
)
RESET = struct.pack("ii", 1, 0)
"""SO_LINGER on, no time: close() sends a reset."""


@dataclass(frozen=True)
class Exercise:
    """One kind of exchange.

    Attributes:
        name: as the report names it.
        repeat: does it that many times against a port.
    """

    name: str
    repeat: Callable[[int, int], None]


def keep_alive(port: int, count: int) -> None:
    """`count` requests, half of them with a body, on sixteen kept-alive connections."""
    with contextlib.ExitStack() as closing:
        exchanges = [closing.enter_context(Exchange(port)) for _ in range(CONNECTIONS)]
        for size in batches(count, CONNECTIONS):
            for number, exchange in enumerate(exchanges[:size]):
                exchange.socket.sendall(POST if number % 2 else GET)
            for exchange in exchanges[:size]:
                if exchange.read_answer().status != 200:
                    raise BenchError("a request on a kept-alive connection was refused")


def connects(port: int, count: int) -> None:
    """`count` connections with one request each; every second one is closed by the server."""
    for number in range(count):
        with Exchange(port, source=f"127.0.0.{2 + number % 4}") as exchange:
            exchange.socket.sendall(CLOSING if number % 2 else GET)
            if exchange.read_answer().status != 200:
                raise BenchError("a request on a new connection was refused")


def aborts(port: int, count: int) -> None:
    """`count` connections reset by the client: in the head, in the body, before the answer, with requests pipelined."""
    for number in range(count):
        with connect(port, source=f"127.0.0.{2 + number % 4}") as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            connection.sendall(ABORTED[number % len(ABORTED)][0])
            if number % 8 == 7:
                connection.recv(1)  # every second pipelining client has begun to read
    with Exchange(port) as exchange:
        exchange.get()  # everything before has been accepted


def run(interpreter: Interpreter, servers: Sequence[Server], counts: Sequence[int], recorder: Recorder) -> None:
    """Measures, prints and records every exercise on each server.

    Args:
        interpreter: the Python that runs the servers.
        servers: who takes part.
        counts: how many requests, connects and aborted requests.
        recorder: where the rows go; a part for each exercise.
    """
    process.pin_load()
    exercises = (Exercise("keep-alive", keep_alive), Exercise("connects", connects), Exercise("aborts", aborts))
    for exercise, count in zip(exercises, counts, strict=True):
        rows: dict[str, Row] = {}
        for server in servers:
            try:
                with process.ServerProcess(server, interpreter, APP) as running:
                    rows[server.name] = _measure(running, exercise, count)
            except (BenchError, ExchangeError, OSError) as error:
                rows[server.name] = {"error": str(error) or type(error).__name__}
        recorder.record(exercise.name, rows)
        print(f"\n{exercise.name}\n{render(rows, COLUMNS)}", flush=True)


def _measure(running: process.ServerProcess, exercise: Exercise, count: int) -> Row:
    started = time.monotonic()
    exercise.repeat(running.port, max(int(count * WARMUP_SHARE), 1))
    points = [(0.0, float(running.resident_bytes()))]
    for size in batches(count, -(-count // STEPS)):
        exercise.repeat(running.port, size)
        points.append((points[-1][0] + size, float(running.resident_bytes())))
    each = slope(points)
    return {
        "exchanges": count,
        "slope_bytes": round(each, 3),
        "growth_kib": round(each * count / 1024, 1),
        "before_mb": round(points[0][1] / 1e6, 2),
        "after_mb": round(points[-1][1] / 1e6, 2),
        "seconds": round(time.monotonic() - started, 1),
    }


def batches(count: int, size: int) -> Iterator[int]:
    """Sizes of the batches that `count` falls into: `size` each, the last one what is left."""
    for done in range(0, count, size):
        yield min(size, count - done)
