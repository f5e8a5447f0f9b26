# SPDX-License-Identifier: MIT
"""Times from exec to the end of the first answer: `python -m bench start`.

The servers are started in turn, `rounds` times, each with the 13-byte application. Called by `__main__`; calls process.
"""

from collections.abc import Sequence

from bench.disturbance import Watch
from bench.errors import BenchError
from bench.interpreter import Interpreter
from bench.process import ServerProcess, pin_load
from bench.results import Recorder, Row, figure
from bench.servers import Server
from bench.summary import median, ratio
from bench.table import render

COLUMNS = {"median_ms": "median ms", "fastest_ms": "fastest ms", "resident_mb": "RSS MB", "to_uvicorn": "x uvicorn"}
APP = "bench.apps:hello"


def run(interpreter: Interpreter, servers: Sequence[Server], rounds: int, recorder: Recorder) -> None:
    """Measures, prints and records the start of each server.

    Args:
        interpreter: the Python that runs the servers.
        servers: who takes part.
        rounds: starts of each; one more before them fills the caches of the file system.
        recorder: where the rows go.
    """
    pin_load()
    times: dict[str, list[float]] = {server.name: [] for server in servers}
    memory: dict[str, list[float]] = {server.name: [] for server in servers}
    errors: dict[str, str] = {}
    watch = Watch()
    for number in range(rounds + 1):
        for server in servers:
            if server.name in errors:
                continue
            try:
                with ServerProcess(server, interpreter, APP) as process:
                    if number:
                        times[server.name].append(process.ready_seconds * 1e3)
                        memory[server.name].append(process.resident_bytes() / 1e6)
            except BenchError as error:
                errors[server.name] = str(error)
    rows: dict[str, Row] = {server.name: {"error": errors.get(server.name, "")} for server in servers}
    for name in rows.keys() - errors.keys():
        rows[name] = _row(times[name], memory[name])
    base = figure(rows.get("uvicorn", {}), "median_ms")
    for row in rows.values():
        row["to_uvicorn"] = ratio(figure(row, "median_ms"), base)
    recorder.record("all", rows)
    print(render(rows, COLUMNS))
    if warning := watch.end().warning:
        print(warning)


def _row(times: Sequence[float], memory: Sequence[float]) -> Row:
    return {
        "median_ms": round(median(times), 1),
        "fastest_ms": round(min(times), 1),
        "resident_mb": round(median(memory), 2),
        "rounds": len(times),
    }
