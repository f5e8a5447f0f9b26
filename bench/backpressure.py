# SPDX-License-Identifier: MIT
"""Checks that memory stays bounded when one side is slow: `python -m bench upload-slow` and `stalled-client`.

`upload_slow` sends a large body to an application that reads slowly; `stalled_client` asks for a large answer and stops
reading. Resident memory is looked at while it lasts. Called by `__main__`; calls process and exchange.
"""

import socket
import time
import zlib
from collections.abc import Callable, Sequence

from bench import process
from bench.apps import PIECE
from bench.errors import BenchError
from bench.exchange import Exchange, ExchangeError, connect, request
from bench.interpreter import Interpreter
from bench.results import Recorder, Row
from bench.servers import Server
from bench.table import render

COLUMNS = {"growth_mib": "growth MiB", "before_mb": "before MB", "peak_mb": "peak MB", "seconds": "seconds"}
MIB = 1 << 20
LOOK_SECONDS = 0.02
"""Pause between two looks at the memory."""
STALL_SECONDS = 5.0
DEADLINE_SECONDS = 600.0
Measure = Callable[[process.ServerProcess, int], Row]


class MemoryLog:
    """Resident memory of a server, looked at now and then: where it began and its peak."""

    def __init__(self, running: process.ServerProcess) -> None:
        self._running = running
        self.before = self.peak = running.resident_bytes()
        self._next = 0.0

    def look(self) -> None:
        """Looks, if the last look is long enough ago.

        Raises:
            BenchError: the server has ended.
        """
        now = time.monotonic()
        if now >= self._next:
            if not self._running.alive:
                raise BenchError(f"ended: {self._running.last_words()}")
            self.peak = max(self.peak, self._running.resident_bytes())
            self._next = now + LOOK_SECONDS

    def row(self, seconds: float) -> Row:
        return {
            "growth_mib": round((self.peak - self.before) / MIB, 2),
            "before_mb": round(self.before / 1e6, 2),
            "peak_mb": round(self.peak / 1e6, 2),
            "seconds": round(seconds, 1),
        }


def upload_slow(interpreter: Interpreter, servers: Sequence[Server], size: int, recorder: Recorder) -> None:
    """Uploads `size` bytes to an application that pauses before each piece it reads."""
    _each(interpreter, servers, "bench.apps:slow_reader", size, recorder, _upload)


def stalled_client(interpreter: Interpreter, servers: Sequence[Server], size: int, recorder: Recorder) -> None:
    """Asks for an answer of `size` bytes and stops reading for 5 s after the first of them."""
    _each(interpreter, servers, "bench.apps:download", size, recorder, _stall)


def _each(
    interpreter: Interpreter,
    servers: Sequence[Server],
    app: str,
    size: int,
    recorder: Recorder,
    measure: Measure,
) -> None:
    process.pin_load()
    rows: dict[str, Row] = {}
    for server in servers:
        try:
            with process.ServerProcess(server, interpreter, app) as running:
                rows[server.name] = measure(running, size)
        except (BenchError, ExchangeError, OSError) as error:
            rows[server.name] = {"error": str(error) or type(error).__name__}
    recorder.record("all", rows)
    print(render(rows, COLUMNS))


def _upload(running: process.ServerProcess, size: int) -> Row:
    with Exchange(running.port) as warming:
        warming.ask(request("POST", "/", body=PIECE * 16))
    log = MemoryLog(running)
    started = time.monotonic()
    with Exchange(running.port, timeout=LOOK_SECONDS) as exchange:
        crc = _send_body(exchange.socket, size, log)
        _wait_readable(exchange.socket, log)
        exchange.socket.settimeout(10.0)
        answer = exchange.read_answer()
    expected = b"%d %08x" % (size, crc)
    if answer.status != 200 or answer.body != expected:
        raise BenchError(f"the body did not arrive whole: status {answer.status}, {answer.body[:40]!r}")
    return log.row(time.monotonic() - started)


def _send_body(connection: socket.socket, size: int, log: MemoryLog) -> int:
    """Sends a head and `size` bytes of body; returns their CRC-32."""
    left, crc = size, 0
    data = memoryview(f"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {size}\r\n\r\n".encode())
    deadline = time.monotonic() + DEADLINE_SECONDS
    while data or left:
        if time.monotonic() > deadline:
            raise BenchError(f"the upload was not read within {DEADLINE_SECONDS:g} s")
        if not data:
            data = memoryview(PIECE)[:left]
            left -= len(data)
            crc = zlib.crc32(data, crc)
        try:
            data = data[connection.send(data) :]
        except TimeoutError:
            pass
        log.look()
    return crc


def _wait_readable(connection: socket.socket, log: MemoryLog) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < deadline:
        try:
            connection.recv(1, socket.MSG_PEEK)
            return
        except TimeoutError:
            log.look()
    raise BenchError(f"no answer within {DEADLINE_SECONDS:g} s")


def _stall(running: process.ServerProcess, size: int) -> Row:
    with Exchange(running.port) as warming:
        warming.get(f"/{MIB}")
    log = MemoryLog(running)
    started = time.monotonic()
    with connect(running.port) as connection:
        connection.sendall(request("GET", f"/{size}"))
        data = connection.recv(4096)
        stalled_until = time.monotonic() + STALL_SECONDS
        while time.monotonic() < stalled_until:
            time.sleep(LOOK_SECONDS)
            log.look()
        with Exchange(running.port) as other:
            if other.get("/").status != 200:
                raise BenchError("another client was not served meanwhile")
        _read_rest(connection, data, size, log)
    return log.row(time.monotonic() - started)


def _read_rest(connection: socket.socket, data: bytes, size: int, log: MemoryLog) -> None:
    """Reads what is left of an answer and checks its length and CRC-32."""
    while b"\r\n\r\n" not in data:
        data += _receive(connection)
    body = data.partition(b"\r\n\r\n")[2]
    read, crc = len(body), zlib.crc32(body)
    while read < size:
        piece = _receive(connection)
        read, crc = read + len(piece), zlib.crc32(piece, crc)
        log.look()
    whole, rest = divmod(size, len(PIECE))
    expected = 0
    for _ in range(whole):
        expected = zlib.crc32(PIECE, expected)
    if (read, crc) != (size, zlib.crc32(PIECE[:rest], expected)):
        raise BenchError(f"the answer did not arrive whole: {read} of {size} bytes, or others than were sent")


def _receive(connection: socket.socket) -> bytes:
    piece = connection.recv(1 << 18)
    if not piece:
        raise BenchError("the answer was cut short")
    return piece
