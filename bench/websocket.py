# SPDX-License-Identifier: MIT
"""Compares whole servers over WebSockets: `python -m bench websocket`.

For each work, in interleaved rounds, each server is started on core 0 and loaded from core 1 by ws_client.c, which
compares every message that comes back with what it sent. The median of the rounds counts. Called by `__main__`; calls
rounds, process, websocket_load, results.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench import websocket_load
from bench.interpreter import Interpreter
from bench.process import ServerProcess, pin_load
from bench.results import Recorder, Row, figure
from bench.rounds import Use, measure_rounds, warn_saturated
from bench.servers import Server
from bench.summary import median, ratio, spread
from bench.table import render
from bench.websocket_load import Load
from bench.websocket_servers import is_peer
from bench.websocket_works import WebSocketWork

COLUMNS = {
    "messages_per_second": "msg/s",
    "cpu_us": "CPU us/msg",
    "p50_us": "p50 us",
    "p99_us": "p99 us",
    "resident_mb": "RSS MB",
    "to_best_peer": "x best peer",
    "client_busy": "client busy",
    "spread": "spread",
}


@dataclass(frozen=True)
class Sample:
    """One server in one round: what the client saw, and the server's resident memory in MB at the end."""

    load: Load
    resident_mb: float


@dataclass(frozen=True)
class WebSocketComparison:
    """What to compare, and how long.

    Attributes:
        interpreter: the Python that runs the servers.
        servers: who takes part.
        works: what they do.
        rounds: measurements of each server for each work.
        seconds: length of one measurement.
        warmup: seconds of load before it.
    """

    interpreter: Interpreter
    servers: Sequence[Server]
    works: Sequence[WebSocketWork]
    rounds: int
    seconds: int
    warmup: int

    def run(self, recorder: Recorder) -> None:
        """Measures, prints and records every work.

        Raises:
            BenchError: the load client cannot be built.
        """
        pin_load()
        binary = websocket_load.build(self.interpreter.folder)
        for work in self.works:
            print(f"\n{work.title} ({work.name}, {work.connections} connections)", flush=True)
            rows = measure_rounds(self.servers, self.rounds, partial(self._measure, work, binary), summarise)
            add_ratios(rows)
            recorder.record(work.name, rows)
            print(render(rows, COLUMNS), flush=True)

    def _measure(self, work: WebSocketWork, binary: Path, server: Server) -> Sample:
        with ServerProcess(server, self.interpreter, work.app) as process:
            given = websocket_load.arguments(process.port, work, self.seconds * 1000, self.warmup * 1000)
            with Use(process):
                load = websocket_load.run(binary, given, process.cpu_seconds, self.seconds + self.warmup)
            warn_saturated(server.name, "the load client", load.busy)
            return Sample(load, process.resident_bytes() / 1e6)


def summarise(samples: Sequence[Sample]) -> Row:
    """Medians over the rounds, and how far the rates lie apart."""
    rates = [sample.load.rate for sample in samples]
    return {
        "messages_per_second": round(median(rates), 1),
        "cpu_us": round(median([sample.load.server_seconds / sample.load.messages * 1e6 for sample in samples]), 3),
        "p50_us": round(median([sample.load.p50_us for sample in samples]), 1),
        "p99_us": round(median([sample.load.p99_us for sample in samples]), 1),
        "resident_mb": round(median([sample.resident_mb for sample in samples]), 2),
        "client_busy": round(median([sample.load.busy for sample in samples]), 2),
        "spread": round(spread(rates), 3),
        "rounds": len(samples),
    }


def add_ratios(rows: dict[str, Row]) -> None:
    """Adds the rate of each row against the best peer."""
    rates = {name: figure(row, "messages_per_second") for name, row in rows.items()}
    best = max((rate for name, rate in rates.items() if rate is not None and is_peer(name)), default=None)
    for name, row in rows.items():
        if "error" not in row:
            row["to_best_peer"] = ratio(rates[name], best)
