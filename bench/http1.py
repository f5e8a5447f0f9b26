# SPDX-License-Identifier: MIT
"""Compares whole servers over HTTP/1.1, plain or over TLS: `python -m bench http1`.

For each work, in interleaved rounds, each server is started on core 0, its answers are checked, it is warmed up and
loaded by wrk on core 1. The median of the rounds counts. Called by `__main__`; calls rounds, process, answers, wrk,
results.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from bench import answers, wrk
from bench.certificate import Certificate
from bench.errors import BenchError
from bench.interpreter import Interpreter
from bench.process import ServerProcess, pin_load, probe_http1, probe_https
from bench.results import Recorder, Row, figure
from bench.rounds import Use, measure_rounds
from bench.servers import FLOOR, Server
from bench.summary import median, ratio, spread
from bench.table import render
from bench.works import Work

COLUMNS = {
    "requests_per_second": "req/s",
    "cpu_us": "CPU us/req",
    "p50_ms": "p50 ms",
    "p99_ms": "p99 ms",
    "resident_mb": "RSS MB",
    "to_best_peer": "x best peer",
    "cpu_to_floor": "CPU / floor",
    "spread": "spread",
}


@dataclass(frozen=True)
class Sample:
    """Figures of one server in one round; no latency where requests are pipelined, for wrk then times only the last."""

    requests_per_second: float
    cpu_us: float
    p50_ms: float | None
    p99_ms: float | None
    resident_mb: float


@dataclass(frozen=True)
class Comparison:
    """What to compare, and how long.

    Attributes:
        interpreter: the Python that runs the servers.
        servers: who takes part; FLOOR where a work has one.
        works: what they do.
        rounds: measurements of each server for each work.
        seconds: length of one measurement.
        warmup: seconds of load before it.
        certificate: for TLS; None = plain.
    """

    interpreter: Interpreter
    servers: Sequence[Server]
    works: Sequence[Work]
    rounds: int
    seconds: int
    warmup: int
    certificate: Certificate | None = None

    def run(self, recorder: Recorder) -> None:
        """Measures, prints and records every work."""
        pin_load()
        for work in self.works:
            print(f"\n{work.title} ({work.name}, {work.connections} connections)", flush=True)
            servers = [server for server in self.servers if server is not FLOOR or work.floor]
            rows = measure_rounds(servers, self.rounds, partial(self._measure, work), summarise)
            add_ratios(rows)
            recorder.record(work.name, rows)
            print(render(rows, COLUMNS), flush=True)

    def _measure(self, work: Work, server: Server) -> Sample:
        trusting = None
        probe: Callable[[int, str], int] = probe_http1
        if self.certificate is not None:
            server, trusting = server.over_tls(self.certificate), self.certificate.trusting("http/1.1")
            probe = probe_https(trusting)
        with ServerProcess(server, self.interpreter, work.app, path=work.path, probe=probe) as process:
            if server is not FLOOR:
                answers.check(process.port, work, trusting)
            if self.warmup:
                self._load(process.port, work, self.warmup)
            with Use(process) as use:
                load = self._load(process.port, work, self.seconds)
            check_load(load)
            p50_ms, p99_ms = (load.p50_ms, load.p99_ms) if work.depth == 1 else (None, None)
            return Sample(load.rate, use.seconds / load.requests * 1e6, p50_ms, p99_ms, process.resident_bytes() / 1e6)

    def _load(self, port: int, work: Work, seconds: int) -> wrk.Load:
        scheme = "http" if self.certificate is None else "https"
        return wrk.run(
            port, work.path, connections=work.connections, seconds=seconds, script=work.script, scheme=scheme
        )


def check_load(load: wrk.Load) -> None:
    """Refuses a run in which more than one request in a thousand failed.

    Raises:
        BenchError: too many failures, or no answer at all.
    """
    wrong = load.failures + load.refused
    if not load.requests or wrong > load.requests / 1000:
        raise BenchError(f"{load.failures} failures and {load.refused} refusals in {load.requests} requests")


def summarise(samples: Sequence[Sample]) -> Row:
    """Medians over the rounds, and how far the rates lie apart."""
    rates = [sample.requests_per_second for sample in samples]
    return {
        "requests_per_second": round(median(rates), 1),
        "cpu_us": round(median([sample.cpu_us for sample in samples]), 3),
        "p50_ms": _median_of([sample.p50_ms for sample in samples]),
        "p99_ms": _median_of([sample.p99_ms for sample in samples]),
        "resident_mb": round(median([sample.resident_mb for sample in samples]), 2),
        "spread": round(spread(rates), 3),
        "rounds": len(samples),
    }


def add_ratios(rows: dict[str, Row]) -> None:
    """Adds the rate against the best peer (not fastcorn, not the floor) and the CPU time against the floor."""
    rates = {name: figure(row, "requests_per_second") for name, row in rows.items()}
    peers = [rate for name, rate in rates.items() if rate is not None and name not in ("fastcorn", FLOOR.name)]
    floor_cpu = figure(rows.get(FLOOR.name, {}), "cpu_us")
    for name, row in rows.items():
        if "error" not in row and name != FLOOR.name:
            row["to_best_peer"] = ratio(rates[name], max(peers, default=None))
            row["cpu_to_floor"] = ratio(figure(row, "cpu_us"), floor_cpu)


def _median_of(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return round(median(known), 3) if known else None
