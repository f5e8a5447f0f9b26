# SPDX-License-Identifier: MIT
"""What WebSockets cost in memory: `python -m bench websocket-memory`.

Four parts: bytes of an idle WebSocket; growth over many connects and closes; growth while a client floods an
application that never receives; growth while an application sends to a client that does not read. Called by
`__main__`; calls process, websocket_exchange.
"""

import contextlib
import time
from collections.abc import Callable, Sequence

from bench import process
from bench.backpressure import LOOK_SECONDS, MemoryLog
from bench.endurance import STEPS, WARMUP_SHARE, batches
from bench.errors import BenchError
from bench.exchange import Exchange, ExchangeError
from bench.idle import SPARE_FILES
from bench.interpreter import Interpreter
from bench.results import Recorder, Row
from bench.servers import Server
from bench.summary import slope
from bench.table import render
from bench.websocket_exchange import BINARY, CLOSE, TEXT, frame, open_websocket, read_frame

COLUMNS = {
    "idle": {"bytes_each": "bytes each", "before_mb": "before MB", "after_mb": "after MB"},
    "connects": {
        "exchanges": "connects",
        "slope_bytes": "bytes/connect",
        "growth_kib": "growth KiB",
        "seconds": "seconds",
    },
    "flood": {"growth_mib": "growth MiB", "taken_mib": "taken MiB", "peak_mb": "peak MB", "seconds": "seconds"},
    "stalled": {"growth_mib": "growth MiB", "peak_mb": "peak MB", "seconds": "seconds"},
}
WARMUP = 50
STALL_SECONDS = 4.0
FLOOD_BYTES = 256 << 20
FLOOD_MESSAGE = b"0123456789abcdef" * 256
Part = Callable[[process.ServerProcess], Row]


def run(interpreter: Interpreter, servers: Sequence[Server], idle: int, connects: int, recorder: Recorder) -> None:
    """Measures, prints and records the four parts.

    Args:
        interpreter: the Python that runs the servers.
        servers: who takes part.
        idle: WebSockets kept open.
        connects: WebSockets opened and closed one after the other.
        recorder: where the rows go.
    """
    if process.raise_open_files(idle + SPARE_FILES) < idle + SPARE_FILES:
        raise BenchError(f"{idle} connections need {idle + SPARE_FILES} open files; raise the limit (ulimit -n)")
    process.pin_load()
    parts: dict[str, tuple[str, Part]] = {
        "idle": ("echo", lambda running: measure_idle(running, idle)),
        "connects": ("echo", lambda running: measure_connects(running, connects)),
        "flood": ("deaf", measure_flood),
        "stalled": ("talker", measure_stalled),
    }
    for name, (app, measure) in parts.items():
        rows: dict[str, Row] = {}
        for server in servers:
            try:
                with process.ServerProcess(server, interpreter, f"bench.websocket_apps:{app}", idle=True) as running:
                    rows[server.name] = measure(running)
            except (BenchError, ExchangeError, OSError) as error:
                rows[server.name] = {"error": str(error) or type(error).__name__}
        recorder.record(name, rows)
        print(f"\n{name}\n{render(rows, COLUMNS[name])}", flush=True)


def exchange(port: int, number: int) -> None:
    """Opens a WebSocket, has one message echoed, and closes it as the standard says."""
    with open_websocket(port, source=f"127.0.0.{2 + number % 4}") as connection:
        connection.sendall(frame(TEXT, b"hello"))
        if read_frame(connection) != (TEXT, b"hello"):
            raise BenchError("a message came back changed")
        connection.sendall(frame(CLOSE, b"\x03\xe8"))
        if read_frame(connection)[0] != CLOSE:
            raise BenchError("a close was not answered")


def measure_idle(running: process.ServerProcess, count: int) -> Row:
    """Resident memory for each of many WebSockets, of which each has echoed one message."""
    for number in range(WARMUP):
        exchange(running.port, number)
    with contextlib.ExitStack() as closing:
        before = running.resident_bytes()
        for number in range(count):
            connection = closing.enter_context(open_websocket(running.port, source=f"127.0.0.{2 + number % 4}"))
            connection.sendall(frame(TEXT, b"hello"))
            read_frame(connection)
        after = running.resident_bytes()
    return {
        "bytes_each": round((after - before) / count),
        "before_mb": round(before / 1e6, 2),
        "after_mb": round(after / 1e6, 2),
        "open": count,
    }


def measure_connects(running: process.ServerProcess, count: int) -> Row:
    """The slope of resident memory over connects and closes, after a warm-up."""
    started = time.monotonic()
    for number in range(max(int(count * WARMUP_SHARE), 1)):
        exchange(running.port, number)
    points = [(0.0, float(running.resident_bytes()))]
    for size in batches(count, -(-count // STEPS)):
        for number in range(size):
            exchange(running.port, number)
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


def measure_flood(running: process.ServerProcess) -> Row:
    """Growth while a client sends up to 256 MiB to an application that never receives, until nothing more is taken."""
    data = frame(BINARY, FLOOD_MESSAGE) * 64
    with open_websocket(running.port) as connection:
        log = MemoryLog(running)
        started = stuck_since = time.monotonic()
        connection.settimeout(LOOK_SECONDS)
        taken, view = 0, memoryview(data)
        while taken < FLOOD_BYTES and time.monotonic() - stuck_since < STALL_SECONDS:
            try:
                sent = connection.send(view)
                taken, view = taken + sent, view[sent:] or memoryview(data)
                stuck_since = time.monotonic()
            except TimeoutError:
                pass
            log.look()
        check_served(running.port)
        return {**log.row(time.monotonic() - started), "taken_mib": round(taken / (1 << 20), 1)}


def measure_stalled(running: process.ServerProcess) -> Row:
    """Growth while an application sends 256 MiB to a client that does not read."""
    log = MemoryLog(running)
    started = time.monotonic()
    with open_websocket(running.port):
        until = started + STALL_SECONDS
        while time.monotonic() < until:
            time.sleep(LOOK_SECONDS)
            log.look()
        check_served(running.port)
        return log.row(time.monotonic() - started)


def check_served(port: int) -> None:
    """Raises BenchError unless another client is answered meanwhile."""
    with Exchange(port) as other:
        if other.get("/").status != 200:
            raise BenchError("another client was not served meanwhile")
