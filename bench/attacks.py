# SPDX-License-Identifier: MIT
"""What HTTP/2 attacks cost each server: `python -m bench attacks`.

Each attack runs for some seconds, on one connection after another: when the server ends one, the next is opened.
Meanwhile an honest client asks on a connection of its own. Reported are the server's CPU time for each byte of the
attacker, against that of fastcorn on the h2 package, that of granian and that of a byte of honest requests, and what
the honest client notices. Called by `__main__`; calls attack_clients, attack_frames and process.
"""

import statistics
import time
from collections.abc import Mapping, Sequence

from bench import process
from bench.attack_clients import Attacker, HonestClient, Probe, probe
from bench.attack_frames import NO_ATTACK, Attack, honest_request
from bench.backpressure import MIB, MemoryLog
from bench.errors import BenchError
from bench.http2_servers import Http2Server
from bench.interpreter import Interpreter
from bench.results import Recorder, Row, figure
from bench.summary import ratio
from bench.table import render

APP = "bench.apps:attacked"
SERVERS = ("fastcorn", "fastcorn-h2", "granian", "hypercorn")
"""Who is attacked unless others are named."""
HONEST = "honest"
"""The part of the results in which nobody attacks."""
COST = "cpu_us_kib"
COLUMNS = {
    "cpu_us_frame": "CPU us/frame",
    COST: "CPU us/KiB",
    "to_h2": "x h2 engine",
    "to_granian": "x granian",
    "percent_honest": "% of honest",
    "cpu_us_connection": "CPU us/connection",
    "connections": "connections",
    "frames_each": "frames each",
    "end": "ends with",
    "p50_ms": "honest p50 ms",
    "p99_ms": "p99 ms",
    "growth_mib": "growth MiB",
}
IN_FLIGHT = 10
WARMUP, HONEST_REQUESTS = 300, 10_000


def run(
    interpreter: Interpreter,
    servers: Sequence[Http2Server],
    attacks: Sequence[Attack],
    seconds: float,
    recorder: Recorder,
) -> None:
    """Measures, prints and records each attack on each server, after honest requests and connections that do nothing.

    Args:
        interpreter: the Python that runs the servers.
        servers: who takes part.
        attacks: which ones.
        seconds: how long each lasts.
        recorder: where the rows go, a part for each attack.
    """
    process.pin_load()
    honest: dict[str, Row] = {}
    for attack in (None, NO_ATTACK, *attacks):
        rows = {server.name: _measure(server, interpreter, attack, seconds, honest) for server in servers}
        add_ratios(rows)
        if attack is None:
            honest = rows
        name = HONEST if attack is None else attack.name
        recorder.record(name, rows)
        print(f"\n{name}\n{render(rows, COLUMNS)}", flush=True)


def _measure(
    server: Http2Server, interpreter: Interpreter, attack: Attack | None, seconds: float, honest: Mapping[str, Row]
) -> Row:
    """A row of one server; `error` when it does not speak HTTP/2 like this, or did not survive."""
    try:
        with process.ServerProcess(server.form(None), interpreter, APP, probe=probe) as running:
            if attack is None:
                return _quiet(running, seconds)
            base = figure(honest.get(server.name, {}), COST)
            if base is None:
                raise BenchError("it does not answer honest requests")
            return _attacked(running, attack, seconds, base / 1024)
    except (BenchError, OSError) as error:
        return {"error": str(error)}


def _warmed(port: int) -> HonestClient:
    """An honest client that has asked often enough for whatever is done once to be done."""
    client = HonestClient(port)
    for _ in range(WARMUP // IN_FLIGHT):
        client.ask(IN_FLIGHT)
    return client


def _quiet(running: process.ServerProcess, seconds: float) -> Row:
    """The figures of honest requests alone."""
    client = _warmed(running.port)
    cpu, sent = running.cpu_seconds(), client.sent
    for _ in range(HONEST_REQUESTS // IN_FLIGHT):
        client.ask(IN_FLIGHT)
    used, size = running.cpu_seconds() - cpu, client.sent - sent
    client.close()
    with Probe(running.port) as asking:
        time.sleep(seconds)
    return {
        "cpu_us_frame": round(used * 1e6 / HONEST_REQUESTS, 1),
        COST: round(used * 1e6 / size * 1024, 1),
        "percent_honest": 100.0,
        "p50_ms": asking.milliseconds(0.5),
        "p99_ms": asking.milliseconds(0.99),
    }


def _attacked(running: process.ServerProcess, attack: Attack, seconds: float, honest_us_byte: float) -> Row:
    _warmed(running.port).close()
    attacker, log = Attacker(running.port, attack), MemoryLog(running)
    cpu = running.cpu_seconds()
    with Probe(running.port) as asking:
        attacker.run(seconds, log)
    probed = len(asking.waits) * len(honest_request(1)) * honest_us_byte / 1e6
    used = max(running.cpu_seconds() - cpu - probed, 0.0)
    us_byte = used * 1e6 / max(attacker.sent, 1)
    share = ratio(us_byte, honest_us_byte)
    row: Row = {
        "cpu_us_frame": round(us_byte * attacker.sent / max(sum(attacker.frames), 1), 2),
        COST: round(us_byte * 1024, 2),
        "percent_honest": None if share is None else round(100 * share, 2),
        "cpu_us_connection": round(used * 1e6 / len(attacker.frames), 1),
        "connections": len(attacker.frames),
        "frames_each": round(statistics.median(attacker.frames)),
        "end": attacker.ends.most_common(1)[0][0],
        "p50_ms": asking.milliseconds(0.5),
        "p99_ms": asking.milliseconds(0.99),
        "growth_mib": round((log.peak - log.before) / MIB, 1),
    }
    if asking.failures:
        row["failures"] = asking.failures
    return row


def add_ratios(rows: Mapping[str, Row]) -> None:
    """Adds the cost of a byte of each row against that of the h2 engine and that of granian."""
    costs = {name: figure(row, COST) for name, row in rows.items()}
    for name, row in rows.items():
        if "error" not in row:
            row["to_h2"] = ratio(costs[name], costs.get("fastcorn-h2"))
            row["to_granian"] = ratio(costs[name], costs.get("granian"))
