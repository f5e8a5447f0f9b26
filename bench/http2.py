# SPDX-License-Identifier: MIT
"""Compares whole servers over HTTP/2: `python -m bench http2`.

For each work, in interleaved rounds, each server is started on core 0, its answers are checked, it is warmed up and
loaded by h2load on core 1. The median of the rounds counts. Called by `http2_table`; calls rounds,
process, http2_exchange, h2load, results.
"""

import random
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from bench import apps, certificate, h2load, http2_servers
from bench.certificate import Certificate
from bench.errors import BenchError
from bench.exchange import ExchangeError
from bench.h2load import Load
from bench.http2_exchange import Http2Exchange, Request
from bench.http2_servers import REFERENCE, Http2Server
from bench.http2_works import Http2Work
from bench.interpreter import Interpreter
from bench.process import PROBE_ADDRESS, ServerProcess, pin_load
from bench.results import Recorder, Row, figure
from bench.rounds import Use, measure_rounds, warn_saturated
from bench.summary import median, ratio, spread
from bench.table import render
from bench.websocket_servers import is_peer

COLUMNS = {
    "requests_per_second": "req/s",
    "cpu_us": "CPU us/req",
    "mean_ms": "mean ms",
    "resident_mb": "RSS MB",
    "failed": "failed",
    "to_best_peer": "x best peer",
    "to_granian": "x granian",
    "cpu_to_granian": "CPU / granian",
    "to_hypercorn": "x hypercorn",
    "client_busy": "client busy",
    "spread": "spread",
}
ROUNDS = 4
"""Batches of requests on one connection before it counts as right."""


@dataclass(frozen=True)
class Sample:
    """One server in one round: what h2load saw, processor time of the server in seconds, resident memory in MB."""

    load: Load
    server_seconds: float
    resident_mb: float


@dataclass(frozen=True)
class Http2Comparison:
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
    servers: Sequence[Http2Server]
    works: Sequence[Http2Work]
    rounds: int
    seconds: int
    warmup: int

    def run(self, recorder: Recorder) -> None:
        """Measures, prints and records every work.

        Raises:
            BenchError: the certificate cannot be made.
        """
        pin_load()
        http2_servers.prepare_files(self.interpreter.folder)
        made = certificate.make(self.interpreter.folder)
        for work in self.works:
            given = made if work.tls else None
            shape = f"{work.connections} connections, {work.streams} streams"
            print(f"\n{work.title} ({work.name}, {shape})", flush=True)
            rows = measure_rounds(self.servers, self.rounds, partial(self._measure, work, given), summarise)
            add_ratios(rows)
            recorder.record(work.name, rows)
            print(render(rows, COLUMNS), flush=True)

    def _measure(self, work: Http2Work, made: Certificate | None, server: Http2Server) -> Sample:
        trust = made.trusting("h2") if made is not None else None
        with ServerProcess(
            server.form(made), self.interpreter, work.app, probe=prober(trust, post=work.body)
        ) as process:
            check(process.port, work, trust)
            if self.warmup:
                self._load(process.port, work, self.warmup)
            with Use(process) as use:
                load = self._load(process.port, work, self.seconds)
            if not load.requests:
                raise BenchError(f"no request was answered; {load.failed} failed, {load.refused} were refused")
            warn_saturated(server.name, "h2load", load.busy)
            return Sample(load, use.seconds, process.resident_bytes() / 1e6)

    def _load(self, port: int, work: Http2Work, seconds: int) -> Load:
        body = None
        if work.body:
            body = self.interpreter.folder / "body"
            body.write_bytes(random.Random(13).randbytes(work.body))
        return h2load.run(h2load.address(port, "/", tls=work.tls), shape(work, seconds), body=body, seconds=seconds)


def shape(work: Http2Work, seconds: int) -> list[str]:
    """The arguments of h2load for a work."""
    counts = [f"--clients={work.connections}", f"--max-concurrent-streams={work.streams}", f"--duration={seconds}"]
    return [*counts, *(f"--header={line}" for line in work.headers)]


def prober(trust: ssl.SSLContext | None, *, post: int = 0) -> Callable[[int, str], int]:
    """A probe for `ServerProcess` over HTTP/2: a GET, or a POST of as many bytes."""

    def probe(port: int, path: str) -> int:
        with Http2Exchange(port, trust, timeout=5.0, source=PROBE_ADDRESS) as exchange:
            return exchange.ask([Request(path, bytes(post) if post else None)])[0].status

    return probe


def check(port: int, work: Http2Work, trust: ssl.SSLContext | None) -> None:
    """Asks for as many answers at once as the work will, several times on one connection.

    Raises:
        BenchError: an answer is missing, late or wrong; the message says how.
    """
    source = random.Random(13)
    expected = [apps.TEN_KIB if work.app.endswith(":ten_kib") else apps.HELLO] * work.streams
    requests = [Request()] * work.streams
    try:
        with Http2Exchange(port, trust) as exchange:
            for _ in range(ROUNDS):
                if work.body:
                    expected = [source.randbytes(work.body) for _ in range(work.streams)]
                    requests = [Request(body=body) for body in expected]
                for answer, body in zip(exchange.ask(requests), expected, strict=True):
                    if answer.status != 200 or answer.body != body:
                        raise BenchError(f"wrong answer: status {answer.status}, body {answer.body[:40]!r}")
    except (OSError, ExchangeError) as error:
        raise BenchError(f"no right answer: {error}") from None


def summarise(samples: Sequence[Sample]) -> Row:
    """Medians over the rounds, the requests that failed in all of them, and how far the rates lie apart."""
    rates = [sample.load.rate for sample in samples]
    return {
        "requests_per_second": round(median(rates), 1),
        "cpu_us": round(median([sample.server_seconds / sample.load.requests * 1e6 for sample in samples]), 3),
        "mean_ms": round(median([sample.load.mean_ms for sample in samples]), 3),
        "resident_mb": round(median([sample.resident_mb for sample in samples]), 2),
        "failed": sum(sample.load.failed + sample.load.refused for sample in samples),
        "client_busy": round(median([sample.load.busy for sample in samples]), 2),
        "spread": round(spread(rates), 3),
        "rounds": len(samples),
    }


def add_ratios(rows: dict[str, Row], name: str = "requests_per_second") -> None:
    """Adds a rate of each row against that of the best peer, granian and Hypercorn, and the processor time of a request
    against granian's; the reference in C is no peer."""
    rates = {server: figure(row, name) for server, row in rows.items()}
    peers = [rate for server, rate in rates.items() if rate is not None and is_peer(server) and server != REFERENCE]
    for server, row in rows.items():
        if "error" not in row:
            row["to_best_peer"] = ratio(rates[server], max(peers, default=None))
            row["to_granian"] = ratio(rates[server], rates.get("granian"))
            row["cpu_to_granian"] = ratio(figure(row, "cpu_us"), figure(rows.get("granian", {}), "cpu_us"))
            row["to_hypercorn"] = ratio(rates[server], rates.get("hypercorn"))
