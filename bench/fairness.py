# SPDX-License-Identifier: MIT
"""How connections spread over two workers: `python -m bench fairness`.

wrk and ab open 100 connections at a time, kept alive or new for each request, on each event loop and with each value of
`accept`; the workers count what they have served (`app_spread`). Called by `__main__`; calls `fleet`.
"""

import json
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench.errors import BenchError
from bench.fleet import Fleet
from bench.interpreter import Interpreter
from bench.results import Recorder, Row
from bench.table import render

APP = "bench.app_spread:app"
CONNECTIONS = 100
COLUMNS = {"least_percent": "least %", "most_percent": "most %", "connections": "connections",
           "requests_least_percent": "requests, least %", "rate": "requests/s"}  # fmt: skip

LOADS: dict[str, tuple[str, ...]] = {
    "wrk": ("wrk", "-t1", f"-c{CONNECTIONS}", "-d2s"),
    "ab -k": ("ab", "-q", "-k", f"-c{CONNECTIONS}", "-n20000"),
    "ab": ("ab", "-q", f"-c{CONNECTIONS}", "-n10000"),
}
"""Load generators by name; the URL comes last."""


def run(interpreter: Interpreter, rounds: int, recorder: Recorder) -> None:
    """Measures, prints and records the spread.

    Args:
        interpreter: the Python that runs the server.
        rounds: runs of each combination; the worst counts.
        recorder: where the rows go.
    """
    loops = ["asyncio", *(["uvloop"] if "uvloop" in interpreter.packages else [])]
    rows: dict[str, Row] = {}
    for accept in ("shared", "reuseport"):
        for loop in loops:
            for name, command in LOADS.items():
                arguments = ("--workers", "2", "--worker-class", loop, "--accept", accept)
                found = [measure(interpreter, command, arguments) for _ in range(rounds)]
                rows[f"{name}, {loop}, {accept}"] = min(found, key=lambda row: float(str(row["least_percent"])))
    recorder.record("spread", rows)
    print(render(rows, COLUMNS, first="load"))


def measure(interpreter: Interpreter, command: Sequence[str], arguments: Sequence[str]) -> Row:
    """Runs one load against two workers; returns the share of connections and of requests that each of them had.

    Raises:
        BenchError: the load generator is missing or failed, or a worker did not tell its counts.
    """
    with tempfile.NamedTemporaryFile(dir=interpreter.folder, suffix=".counts") as out:
        with Fleet(interpreter, APP, *arguments, stdout=Path(out.name)) as fleet:
            taken = generate(command, f"http://127.0.0.1:{fleet.port}/")
        counts = [json.loads(line) for line in Path(out.name).read_text(encoding="ascii").splitlines()]
    if len(counts) != 2 or not sum(count["connections"] for count in counts):
        raise BenchError(f"2 workers were to tell what they have served, and {len(counts)} did")
    connections = [count["connections"] for count in counts]
    requests = [count["requests"] for count in counts]
    return {
        "least_percent": share(min(connections), connections),
        "most_percent": share(max(connections), connections),
        "requests_least_percent": share(min(requests), requests),
        "connections": sum(connections),
        "rate": round(sum(requests) / taken),
    }


def share(part: int, all_parts: Sequence[int]) -> float:
    """A part of a sum in percent."""
    return round(100 * part / sum(all_parts), 1)


def generate(command: Sequence[str], url: str) -> float:
    """Runs a load generator to its end; returns the seconds it took."""
    started = time.perf_counter()
    try:
        done = subprocess.run([*command, url], capture_output=True, text=True, timeout=120, check=False)
    except OSError as error:
        raise BenchError(f"cannot run {command[0]}: {error.strerror}; install it") from None
    except subprocess.TimeoutExpired:
        raise BenchError(f"{command[0]} did not end within two minutes") from None
    if done.returncode:
        raise BenchError(f"{command[0]} failed: {(done.stderr or done.stdout).strip()[-200:]}")
    return time.perf_counter() - started
