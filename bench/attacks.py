# SPDX-License-Identifier: MIT
"""What HTTP/2 attacks cost a server, beside an honest request: `python -m bench attacks`.

Each attack runs for some seconds, on one connection after another: when the server ends one, the next is opened.
Meanwhile an honest client asks on a connection of its own. Reported are the server's CPU time for each byte of the
attacker, as a multiple of that for a byte of honest requests, and what the honest client notices. Called by `__main__`;
calls attack_frames and process.
"""

import contextlib
import select
import socket
import statistics
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence

from bench import process
from bench.attack_frames import (
    ACK,
    DATA,
    END_STREAM,
    GOAWAY,
    HEADERS,
    OPENING,
    PING,
    SETTINGS,
    Attack,
    frame,
    honest_request,
)
from bench.backpressure import MIB, MemoryLog
from bench.errors import BenchError
from bench.exchange import connect
from bench.interpreter import Interpreter
from bench.results import Recorder, Row
from bench.servers import Server
from bench.table import render

APP = "bench.apps:hello"
COLUMNS = {
    "cpu_us_frame": "CPU us/frame",
    "cpu_us_kib": "CPU us/KiB",
    "percent_honest": "% of honest",
    "busy": "busy",
    "connections": "connections",
    "frames_each": "frames each",
    "end": "ends with",
    "p50_ms": "honest p50 ms",
    "p99_ms": "p99 ms",
    "growth_mib": "growth MiB",
}
IN_FLIGHT = 10
WARMUP, HONEST = 300, 3000
REQUESTS_PER_CONNECTION = 500
"""Some servers end a connection after 1000 requests."""
PAUSE_SECONDS = 0.005
"""Between two requests of the honest client."""
CHUNK, UNANSWERED = 1024, 16
"""Bytes that are followed by a PING, and how many of those PINGs may wait for their answer: so what is sent is read."""
PACE = b"\xfapace\0\0\0"
ANSWER_SECONDS = 10.0
END_OF_CODES = {
    0: "NO_ERROR", 1: "PROTOCOL_ERROR", 2: "INTERNAL_ERROR", 3: "FLOW_CONTROL_ERROR", 5: "STREAM_CLOSED",
    6: "FRAME_SIZE_ERROR", 7: "REFUSED_STREAM", 8: "CANCEL", 9: "COMPRESSION_ERROR", 11: "ENHANCE_YOUR_CALM",
}  # fmt: skip


class FrameReader:
    """Walks the frames that a server sends: counts ended streams, keeps the code of GOAWAY, collects what is to answer.

    Attributes:
        ended: streams that were answered to their end.
        code: the error code of GOAWAY; None before one.
        replies: acknowledgements that the client owes.
        pongs: PINGs of the client that were answered.
    """

    def __init__(self) -> None:
        self.ended = 0
        self.code: int | None = None
        self.replies = b""
        self.pongs = 0
        self._rest = b""

    def feed(self, data: bytes) -> None:
        data = self._rest + data
        at = 0
        while len(data) - at >= 9:
            word, flags, _stream = struct.unpack_from("!IBI", data, at)
            kind, end = word & 255, at + 9 + (word >> 8)
            if len(data) < end:
                break
            if kind in (DATA, HEADERS):
                self.ended += flags & END_STREAM
            elif kind == GOAWAY:
                self.code = struct.unpack_from("!I", data, at + 13)[0]
            elif kind == SETTINGS and not flags & ACK:
                self.replies += frame(SETTINGS, ACK, 0)
            elif kind == PING and not flags & ACK:
                self.replies += frame(PING, ACK, 0, data[at + 9 : end])
            elif kind == PING and data[at + 9 : end] == PACE:
                self.pongs += 1
            at = end
        self._rest = data[at:]


class HonestClient:
    """A client that keeps the rules, on one connection; it opens another one when that ends.

    Attributes:
        sent: bytes of its requests.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self.sent = 0
        self._open()

    def _open(self) -> None:
        self._socket = connect(self._port, timeout=ANSWER_SECONDS)
        self._socket.sendall(OPENING)
        self._reader = FrameReader()
        self._stream = 1

    def ask(self, count: int) -> None:
        """Sends `count` requests at once and waits for their answers.

        Raises:
            BenchError: the server ended the connection or did not answer.
        """
        if self._stream > 2 * REQUESTS_PER_CONNECTION:
            self.reopen()
        requests = b"".join(honest_request(self._stream + 2 * index) for index in range(count))
        self._stream += 2 * count
        self.sent += len(requests)
        wanted = self._reader.ended + count
        try:
            self._socket.sendall(requests)
            while self._reader.ended < wanted:
                data = self._socket.recv(65_536)
                self._reader.feed(data)
                if not data or self._reader.code is not None:
                    raise BenchError(f"it ended an honest connection: GOAWAY {self._reader.code}")
                if self._reader.replies:
                    self._socket.sendall(self._reader.replies)
                    self._reader.replies = b""
        except OSError as error:
            raise BenchError(f"an honest client was not answered: {error}") from None

    def close(self) -> None:
        self._socket.close()

    def reopen(self) -> None:
        self.close()
        self._open()


class Probe:
    """Asks one request after another from a thread of its own while the block runs.

    Attributes:
        waits: seconds until each answer.
        failures: requests without an answer.
    """

    def __init__(self, port: int) -> None:
        self.waits: list[float] = []
        self.failures = 0
        self._port = port
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Probe":
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        client = HonestClient(self._port)
        while not self._over.wait(PAUSE_SECONDS):
            started = time.perf_counter()
            try:
                client.ask(1)
                self.waits.append(time.perf_counter() - started)
            except BenchError:
                self.failures += 1
                with contextlib.suppress(OSError):
                    client.reopen()
        client.close()

    def milliseconds(self, share: float) -> float:
        """The wait that this share of the requests did not exceed."""
        ordered = sorted(self.waits)
        return round(ordered[min(int(len(ordered) * share), len(ordered) - 1)] * 1000, 2) if ordered else 0.0


class Attacker:
    """Sends one attack, connection after connection.

    Attributes:
        sent: bytes that the server has read, in all.
        frames: frames that it has read, on each connection.
        ends: how the connections ended, and how often.
    """

    def __init__(self, port: int, attack: Attack) -> None:
        self._port = port
        self._attack = attack
        self.sent = 0
        self.frames: list[int] = []
        self.ends: Counter[str] = Counter()
        self._chunks = list(chunks_of(attack))

    def run(self, seconds: float, log: MemoryLog) -> None:
        """Attacks for so long, then ends the last connection."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.attack(deadline, log)

    def attack(self, deadline: float, log: MemoryLog) -> None:
        """Attacks on one connection until the server ends it, all is sent, or the deadline (time.monotonic)."""
        reader, sent = FrameReader(), 0
        end = "was let through"
        try:
            with connect(self._port, timeout=ANSWER_SECONDS) as connection:
                connection.sendall(OPENING + self._attack.opening)
                for chunk, _frames in self._chunks:
                    if not self._send(connection, reader, chunk, sent, deadline, log):
                        break
                    sent += 1
        except OSError:
            end = "closed"
        if reader.code is not None:
            end = END_OF_CODES.get(reader.code, str(reader.code))
        elif time.monotonic() > deadline:
            end = "still open"
        self._count(reader.pongs if self._attack.paced else sent, sent, end)

    def _send(
        self, connection: socket.socket, reader: FrameReader, chunk: bytes, sent: int, deadline: float, log: MemoryLog
    ) -> bool:
        """Sends a chunk when the server has kept up; False when it has ended the connection, or time is over."""
        while time.monotonic() < deadline:
            behind = self._attack.paced and sent - reader.pongs >= UNANSWERED
            readable, writable, _ = select.select([connection], [] if behind else [connection], [], 0.05)
            log.look()
            if readable:
                received = connection.recv(65_536)
                reader.feed(received)
                if not received:
                    raise ConnectionError
                if reader.code is not None:
                    return False
            elif writable:
                connection.sendall(chunk)
                return True
        return False

    def _count(self, answered: int, sent: int, end: str) -> None:
        """Of the chunks that were sent and not answered, half count as read."""
        chunks = self._chunks[: (answered + sent) // 2]
        self.sent += sum(len(chunk) for chunk, _frames in chunks)
        self.frames.append(sum(frames for _chunk, frames in chunks))
        self.ends[end] += 1


def chunks_of(attack: Attack) -> Iterator[tuple[bytes, int]]:
    """What a connection is sent, with the number of frames, in chunks that end with a PING where one is allowed."""
    pace = frame(PING, 0, 0, PACE) if attack.paced else b""
    chunk, frames = b"", 0
    for index in range(attack.pieces):
        chunk += attack.piece(index)
        frames += attack.frames
        if len(chunk) >= CHUNK or index + 1 == attack.pieces:
            yield chunk + pace, frames
            chunk, frames = b"", 0


def run(
    interpreter: Interpreter, servers: Sequence[Server], attacks: Sequence[Attack], seconds: int, recorder: Recorder
) -> None:
    """Measures, prints and records each attack on each server; the first row is the honest client alone.

    Args:
        interpreter: the Python that runs the servers.
        servers: who takes part; one that does not speak HTTP/2 in cleartext gets a row that says so.
        attacks: which ones.
        seconds: how long each lasts.
        recorder: where the rows go.
    """
    process.pin_load()
    for server in servers:
        rows: dict[str, Row] = {}
        try:
            quiet, honest_us_byte = _quiet(server, interpreter, seconds)
            rows["honest"] = quiet
            for attack in attacks:
                rows[attack.name] = _attacked(server, interpreter, attack, seconds, honest_us_byte)
        except (BenchError, OSError) as error:
            rows.setdefault("honest", {"error": str(error)})
        recorder.record(server.name, rows)
        print(f"\n{server.name}\n{render(rows, COLUMNS, first='attack')}")


def _quiet(server: Server, interpreter: Interpreter, seconds: int) -> tuple[Row, float]:
    """The figures of honest requests alone, and CPU us for each byte of them."""
    with process.ServerProcess(server, interpreter, APP) as running:
        client = HonestClient(running.port)
        for _ in range(WARMUP // IN_FLIGHT):
            client.ask(IN_FLIGHT)
        cpu, sent, started = running.cpu_seconds(), client.sent, time.monotonic()
        for _ in range(HONEST // IN_FLIGHT):
            client.ask(IN_FLIGHT)
        used, size = running.cpu_seconds() - cpu, client.sent - sent
        busy = used / (time.monotonic() - started)
        client.close()
        with Probe(running.port) as probe:
            time.sleep(seconds)
    return {
        "cpu_us_frame": round(used * 1e6 / HONEST, 1),
        "cpu_us_kib": round(used * 1e6 / size * 1024, 1),
        "percent_honest": 100.0,
        "busy": round(busy, 2),
        "p50_ms": probe.milliseconds(0.5),
        "p99_ms": probe.milliseconds(0.99),
    }, used * 1e6 / size


def _attacked(server: Server, interpreter: Interpreter, attack: Attack, seconds: int, honest_us_byte: float) -> Row:
    with process.ServerProcess(server, interpreter, APP) as running:
        client = HonestClient(running.port)
        for _ in range(WARMUP // IN_FLIGHT):
            client.ask(IN_FLIGHT)
        client.close()
        attacker, log = Attacker(running.port, attack), MemoryLog(running)
        cpu, started = running.cpu_seconds(), time.monotonic()
        try:
            with Probe(running.port) as probe:
                attacker.run(seconds, log)
        except BenchError as error:  # it did not survive
            return {"error": str(error)}
        used, taken = running.cpu_seconds() - cpu, time.monotonic() - started
        probed = len(probe.waits) * len(honest_request(1)) * honest_us_byte / 1e6
        used = max(used - probed, 0.0)
        row: Row = {
            "cpu_us_frame": round(used * 1e6 / max(sum(attacker.frames), 1), 2),
            "cpu_us_kib": round(used * 1e6 / max(attacker.sent, 1) * 1024, 1),
            "percent_honest": round(100 * used * 1e6 / max(attacker.sent, 1) / honest_us_byte, 2),
            "busy": round(used / taken, 2),
            "connections": len(attacker.frames),
            "frames_each": round(statistics.median(attacker.frames)),
            "end": attacker.ends.most_common(1)[0][0],
            "p50_ms": probe.milliseconds(0.5),
            "p99_ms": probe.milliseconds(0.99),
            "growth_mib": round((log.peak - log.before) / MIB, 1),
        }
        if probe.failures:
            row["failures"] = probe.failures
        return row
