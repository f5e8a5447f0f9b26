# SPDX-License-Identifier: MIT
"""Counts what an idle HTTP/2 connection costs: `python -m bench http2-idle`, in cleartext and over TLS.

Each server answers one request on each of many connections, which then stay open; the cost is how much its resident
memory has grown, divided by their number. Called by `__main__`; calls process, http2_exchange, http2_servers.
"""

import contextlib
import ssl
from collections.abc import Sequence

from bench import certificate, process
from bench.certificate import Certificate
from bench.errors import BenchError
from bench.exchange import ExchangeError
from bench.http2 import prober
from bench.http2_exchange import Http2Exchange, Request
from bench.http2_servers import Http2Server
from bench.idle import APP, COLUMNS, SPARE_FILES, WARMUP
from bench.interpreter import Interpreter
from bench.results import Recorder, Row
from bench.table import render

PARTS = {"cleartext": False, "tls": True}


def run(interpreter: Interpreter, servers: Sequence[Http2Server], connections: int, recorder: Recorder) -> None:
    """Measures, prints and records the cost of an idle connection for each server, without TLS and with it.

    Args:
        interpreter: the Python that runs the servers.
        servers: who takes part.
        connections: how many are kept open.
        recorder: where the rows go.

    Raises:
        BenchError: the system does not allow that many open files, or the certificate cannot be made.
    """
    allowed = process.raise_open_files(connections + SPARE_FILES)
    if allowed < connections + SPARE_FILES:
        raise BenchError(
            f"{connections} connections need {connections + SPARE_FILES} open files, the limit is {allowed}; "
            f"raise it (ulimit -n) or give --connections {max(allowed - SPARE_FILES, 1)}"
        )
    process.pin_load()
    made = certificate.make(interpreter.folder)
    for part, tls in PARTS.items():
        rows: dict[str, Row] = {}
        for server in servers:
            try:
                rows[server.name] = _measure(server, interpreter, connections, made if tls else None)
            except (BenchError, ExchangeError, OSError) as error:
                rows[server.name] = {"error": str(error) or type(error).__name__}
        recorder.record(part, rows)
        print(f"\nan idle connection, {part}\n{render(rows, COLUMNS)}", flush=True)


def _measure(server: Http2Server, interpreter: Interpreter, connections: int, made: Certificate | None) -> Row:
    trust = made.trusting("h2") if made is not None else None
    starting = process.ServerProcess(server.form(made), interpreter, APP, idle=True, probe=prober(trust))
    with starting as running, contextlib.ExitStack() as closing:
        with contextlib.ExitStack() as warming:
            _open(running.port, trust, WARMUP, warming)
        before = running.resident_bytes()
        opened = _open(running.port, trust, connections, closing)
        after = running.resident_bytes()
        for number, exchange in enumerate(opened):
            try:
                _ask(exchange)
            except (ExchangeError, OSError) as error:
                raise BenchError(f"connection {number + 1} of {connections} did not stay: {error}") from None
        return {
            "bytes_each": round((after - before) / connections),
            "before_mb": round(before / 1e6, 2),
            "after_mb": round(after / 1e6, 2),
            "open": len(opened),
        }


def _open(port: int, trust: ssl.SSLContext | None, count: int, closing: contextlib.ExitStack) -> list[Http2Exchange]:
    opened = []
    for _ in range(count):
        opened.append(closing.enter_context(Http2Exchange(port, trust, timeout=30.0)))
        _ask(opened[-1])
    return opened


def _ask(exchange: Http2Exchange) -> None:
    answer = exchange.ask([Request()])[0]
    if answer.status != 200:
        raise BenchError(f"answered {answer.status}")
