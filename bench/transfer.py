# SPDX-License-Identifier: MIT
"""One large body over HTTP/2, each way: `python -m bench transfer`. How fast, and does memory stay bounded?

h2load sends or takes the body on one stream, from core 1; resident memory of the server is looked at meanwhile. Before,
a smaller body is compared byte by byte. The file that is sent is in the page cache at each start: h2load reads it while
it is timed, and pages that are made only then cost more than the transfer. Called by `__main__`; calls process,
http2_exchange, h2load, results.
"""

import random
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import certificate, h2load
from bench.apps import PIECE
from bench.backpressure import MemoryLog
from bench.certificate import Certificate
from bench.disturbance import Watch
from bench.errors import BenchError
from bench.exchange import ExchangeError
from bench.http2 import add_ratios, prober
from bench.http2_exchange import Http2Exchange, Request
from bench.http2_servers import Http2Server
from bench.interpreter import Interpreter
from bench.process import ServerProcess, pin_load
from bench.results import Recorder, Row
from bench.rounds import SATURATED, measure_rounds
from bench.summary import median, spread
from bench.table import render

COLUMNS = {
    "mib_per_second": "MiB/s",
    "cpu_ms": "CPU ms/MiB",
    "growth_mib": "growth MiB",
    "peak_mb": "peak MB",
    "to_best_peer": "x best peer",
    "to_hypercorn": "x hypercorn",
    "client_busy": "client busy",
    "spread": "spread",
}
MIB = 1 << 20
GROWTH_MIB = 16.0
"""What the resident memory of a server may grow by."""
CHECKED_BYTES = 3 * MIB + 12345
DEADLINE_SECONDS = 600.0


@dataclass(frozen=True)
class Way:
    """One direction, in cleartext or over TLS; `name` is its part of the results."""

    name: str
    title: str
    up: bool
    tls: bool = False

    @property
    def app(self) -> str:
        return "bench.apps:upload" if self.up else "bench.apps:download"


WAYS = (
    Way("upload", "upload", up=True),
    Way("download", "download", up=False),
    Way("upload-tls", "upload, TLS", up=True, tls=True),
    Way("download-tls", "download, TLS", up=False, tls=True),
)


@dataclass(frozen=True)
class Sample:
    """One transfer: MiB a second, processor time of the server, its memory, and h2load's share of a core."""

    rate: float
    cpu_ms: float
    growth_mib: float
    peak_mb: float
    busy: float


def choose_ways(names: Sequence[str] | None) -> list[Way]:
    """The ways named by the user, or all.

    Raises:
        BenchError: a name is unknown.
    """
    known = {way.name: way for way in WAYS}
    for name in names or ():
        if name not in known:
            raise BenchError(f"unknown work {name!r}; known are {', '.join(known)}")
    return [known[name] for name in dict.fromkeys(names)] if names is not None else list(WAYS)


def run(
    interpreter: Interpreter,
    servers: Sequence[Http2Server],
    ways: Sequence[Way],
    size: int,
    rounds: int,
    recorder: Recorder,
) -> None:
    """Measures, prints and records every way.

    Args:
        interpreter: the Python that runs the servers.
        servers: who takes part.
        ways: directions.
        size: bytes of the body.
        rounds: transfers of each server; the median counts, of the memory the largest.
        recorder: keeps the rows.

    Raises:
        BenchError: the certificate or the body cannot be made.
    """
    pin_load()
    made = certificate.make(interpreter.folder)
    body = _make_body(interpreter.folder, size)
    for way in ways:
        print(f"\n{way.title} of {size / MIB:,.0f} MiB ({way.name})", flush=True)
        rows = _measure_way(interpreter, servers, way, body, rounds, made if way.tls else None)
        add_ratios(rows, "mib_per_second")
        recorder.record(way.name, rows)
        print(render(rows, COLUMNS), flush=True)
        print(judge_growth(rows), flush=True)


def judge_growth(rows: Mapping[str, Row]) -> str:
    """A line that says whose memory stayed within GROWTH_MIB."""
    grown = {name: float(str(row["growth_mib"])) for name, row in rows.items() if "growth_mib" in row}
    over = [f"{name} by {growth:g}" for name, growth in grown.items() if growth > GROWTH_MIB]
    text = f"memory grew by at most {GROWTH_MIB:g} MiB: {len(grown) - len(over)} of {len(grown)}"
    return f"{text}; of {', '.join(over)} MiB" if over else text


def _make_body(folder: Path, size: int) -> Path:
    """A file of `size` bytes that takes no room: all of it is a hole."""
    path = folder / "transfer"
    with path.open("wb") as file:
        file.truncate(size)
    return path


def warm(path: Path) -> None:
    """Reads a file once, so that whoever reads it next finds it in the page cache."""
    piece = bytearray(MIB)
    with path.open("rb", buffering=0) as file:
        while file.readinto(piece):
            pass


def _measure_way(
    interpreter: Interpreter,
    servers: Sequence[Http2Server],
    way: Way,
    body: Path,
    rounds: int,
    made: Certificate | None,
) -> dict[str, Row]:
    return measure_rounds(servers, rounds, lambda server: _measure(interpreter, server, way, body, made), summarise)


def _measure(interpreter: Interpreter, server: Http2Server, way: Way, body: Path, made: Certificate | None) -> Sample:
    trust = made.trusting("h2") if made is not None else None
    size = body.stat().st_size
    with ServerProcess(server.form(made), interpreter, way.app, probe=prober(trust)) as process:
        try:
            with Http2Exchange(process.port, trust) as exchange:
                check(exchange, way)
        except (OSError, ExchangeError) as error:
            raise BenchError(f"no right answer: {error}") from None
        if way.up:
            warm(body)
        log = MemoryLog(process)
        watch, before = Watch(process.session), process.cpu_seconds()
        load = h2load.run(
            h2load.address(process.port, f"/{size}", tls=way.tls),
            ["--clients=1", "--requests=1", "--max-concurrent-streams=1"],
            body=body if way.up else None,
            seconds=DEADLINE_SECONDS,
            look=log.look,
        )
        used, disturbance = process.cpu_seconds() - before, watch.end()
        if disturbance.warning:
            print(f"  {server.name}: {disturbance.warning}", flush=True)
        if load.requests != 1 or load.data_bytes != (0 if way.up else size):
            raise BenchError(
                f"the body did not arrive whole: {load.refused} refused, {load.data_bytes} bytes came back"
            )
        if load.busy > SATURATED:
            print(f"  {server.name}: h2load was busy all the time; the server may be faster", flush=True)
        mib = size / MIB
        return Sample(mib / load.seconds, used / mib * 1e3, (log.peak - log.before) / MIB, log.peak / 1e6, load.busy)


def check(exchange: Http2Exchange, way: Way) -> None:
    """Moves a body that is small enough to be looked at.

    Raises:
        BenchError: it did not arrive as it was sent.
        ExchangeError: it did not arrive.
    """
    body = random.Random(13).randbytes(CHECKED_BYTES) if way.up else None
    answer = exchange.ask([Request(f"/{CHECKED_BYTES}", body)])[0]
    expected = b"" if way.up else (PIECE * (CHECKED_BYTES // len(PIECE) + 1))[:CHECKED_BYTES]
    if answer.status != 200 or answer.body != expected:
        what = f"{len(answer.body)} bytes with CRC-32 {zlib.crc32(answer.body):08x}"
        raise BenchError(f"wrong answer: status {answer.status}, {what}")


def summarise(samples: Sequence[Sample]) -> Row:
    """Medians over the rounds; of the memory, the largest."""
    rates = [sample.rate for sample in samples]
    return {
        "mib_per_second": round(median(rates), 1),
        "cpu_ms": round(median([sample.cpu_ms for sample in samples]), 3),
        "growth_mib": round(max(sample.growth_mib for sample in samples), 2),
        "peak_mb": round(max(sample.peak_mb for sample in samples), 2),
        "client_busy": round(median([sample.busy for sample in samples]), 2),
        "spread": round(spread(rates), 3),
        "rounds": len(samples),
    }
