# SPDX-License-Identifier: MIT
"""Measures fastcorn's worker processes: `python -m bench processes`.

Memory of the supervisor and of workers, time until 1 and 8 workers are ready, how connections are spread over two, and
what becomes of requests while workers are stopped, restarted, replaced and killed. Called by `__main__`; calls `fleet`,
wrk for the connections, and the load client of the tests, which judges each request.
"""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable

from bench.errors import BenchError
from bench.fleet import Fleet, bare_resident_bytes, rollup, sockets_of
from bench.interpreter import ROOT, Interpreter
from bench.procfs import resident_bytes
from bench.results import Recorder, Row
from bench.summary import median, ratio
from bench.table import render
from tests.load import Load

MIB = 1 << 20
HELLO = "bench.apps:hello"
FRAMEWORK = "bench.app_fastapi:app"
WORKLOAD = "workload:app"
# A supervisor with one worker, which `--workers 1` alone does not need.
ONE_SUPERVISED = ("--workers", "1", "--worker-timeout", "30")
ACCEPTS = ("shared", "reuseport")
CONNECTIONS = 100
ANSWERS = 500
"""Answers under load before each event and after it."""


def run(interpreter: Interpreter, rounds: int, recorder: Recorder) -> None:
    """Measures, prints and records everything.

    Args:
        interpreter: the Python that runs the servers.
        rounds: starts of each number of workers, and repetitions of each event under load.
        recorder: where the rows go.
    """
    shutil.copy(ROOT / "tests" / "e2e" / "workload.py", interpreter.folder / "workload.py")
    framework = "fastapi" in interpreter.packages
    for part, rows, columns in (
        ("memory", memory(interpreter, framework), {"resident_mib": "RSS MiB", "over_bare_mib": "over bare",
                                                    "private_mib": "private MiB", "share_mib": "PSS MiB"}),
        ("ready", ready(interpreter, rounds, framework), {"median_ms": "median ms", "to_one": "x one worker"}),
        ("spread", spread(interpreter), {"least_percent": "least %", "most_percent": "most %"}),
        ("losses", losses(interpreter, rounds), {"answered": "answered", "lost": "lost", "crossed": "crossed",
                                                 "refused": "refused", "seconds": "seconds"}),
    ):  # fmt: skip
        recorder.record(part, rows)
        print(f"{part}\n{render(rows, columns, first='what')}\n")


# --- memory -----------------------------------------------------------------------------------------------------------


def memory(interpreter: Interpreter, framework: bool) -> dict[str, Row]:
    """Resident memory of the supervisor over a bare interpreter; private and proportional memory of workers."""
    bare = bare_resident_bytes(interpreter)
    rows: dict[str, Row] = {"bare interpreter": {"resident_mib": mib(bare)}}
    with Fleet(interpreter, HELLO, "--workers", "2") as fleet:
        supervisor = resident_bytes(fleet.pid)
        rows["supervisor"] = {"resident_mib": mib(supervisor), "over_bare_mib": mib(supervisor - bare)}
    for name, app in (("worker", HELLO), *((("worker with FastAPI", FRAMEWORK),) if framework else ())):
        for suffix, arguments in (("", ()), (", preloaded", ("--preload",))):
            with Fleet(interpreter, app, "--workers", "4", *arguments) as fleet:
                rows[name + suffix] = worker_memory(fleet, bare)
    return rows


def worker_memory(fleet: Fleet, bare: int) -> Row:
    workers = fleet.workers()
    resident = median([resident_bytes(pid) for pid in workers])
    return {
        "resident_mib": mib(resident),
        "over_bare_mib": mib(resident - bare),
        "private_mib": mib(median([rollup(pid, "Private_Clean", "Private_Dirty") for pid in workers])),
        "share_mib": mib(median([rollup(pid, "Pss") for pid in workers])),
    }


def mib(size: float) -> float:
    return round(size / MIB, 2)


# --- start ------------------------------------------------------------------------------------------------------------


def ready(interpreter: Interpreter, rounds: int, framework: bool) -> dict[str, Row]:
    """From exec until all workers are ready, for one process, one worker and eight, in turn."""
    works: dict[str, tuple[str, tuple[str, ...]]] = {}
    for name, app in (("", HELLO), *(((", FastAPI", FRAMEWORK),) if framework else ())):
        works["one process" + name] = app, ()
        works["1 worker" + name] = app, ONE_SUPERVISED
        works["8 workers" + name] = app, ("--workers", "8")
        works["8 workers, preloaded" + name] = app, ("--workers", "8", "--preload")
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, (app, arguments) in works.items():
            with Fleet(interpreter, app, *arguments) as fleet:
                times[name].append(fleet.ready_seconds * 1e3)
    rows: dict[str, Row] = {}
    for name, taken in times.items():
        one = median(times["1 worker" + (", FastAPI" if name.endswith("FastAPI") else "")])
        rows[name] = {"median_ms": round(median(taken), 1), "to_one": ratio(median(taken), one), "rounds": rounds}
    return rows


# --- spread -----------------------------------------------------------------------------------------------------------


def spread(interpreter: Interpreter) -> dict[str, Row]:
    """The share of 100 wrk connections that each of two workers has."""
    rows: dict[str, Row] = {}
    for accept in ACCEPTS:
        with Fleet(interpreter, HELLO, "--workers", "2", "--accept", accept) as fleet:
            counts = connections_under_load(fleet)
        total = sum(counts)
        rows[accept] = {
            "least_percent": round(100 * min(counts) / total, 1),
            "most_percent": round(100 * max(counts) / total, 1),
            "connections": total,
        }
    return rows


def connections_under_load(fleet: Fleet) -> list[int]:
    workers = fleet.workers()
    before = [sockets_of(pid) for pid in workers]
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", "-d60s", f"http://127.0.0.1:{fleet.port}/"]
    try:
        wrk = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    except OSError as error:
        raise BenchError(f"cannot run wrk: {error.strerror}; install it") from None
    try:
        end = time.monotonic() + 30.0
        while True:
            counts = [sockets_of(pid) - count for pid, count in zip(workers, before, strict=True)]
            if sum(counts) >= CONNECTIONS:
                return counts
            if time.monotonic() > end or wrk.poll() is not None:
                raise BenchError(f"only {sum(counts)} of {CONNECTIONS} connections came about")
            time.sleep(0.05)
    finally:
        wrk.kill()
        wrk.wait()


# --- requests while workers come and go -------------------------------------------------------------------------------

Event = Callable[[Fleet, Load], float]
"""What happens under load; returns when a signal to stop was sent, or 0."""


def losses(interpreter: Interpreter, rounds: int) -> dict[str, Row]:
    """What becomes of requests under each event."""
    rows: dict[str, Row] = {}
    for accept in ACCEPTS:
        two = ("--workers", "2", "--accept", accept)
        events: dict[str, tuple[tuple[str, ...], Event]] = {
            "SIGTERM": (two, stop_by(signal.SIGTERM)),
            "SIGINT": (two, stop_by(signal.SIGINT)),
            "5 x SIGHUP": (two, roll),
            "SIGTTIN, SIGTTOU": (two, resize),
            "max_requests 500": ((*two, "--max-requests", "500"), wait_for_replacements),
            "SIGTERM to a worker": (two, end_worker(signal.SIGTERM)),
            "SIGKILL to a worker": (two, end_worker(signal.SIGKILL)),
        }
        for name, (arguments, event) in events.items():
            rows[f"{name}, {accept}"] = repeated(interpreter, arguments, event, rounds)
    rows["SIGTERM, one process"] = repeated(interpreter, ("--workers", "0"), stop_by(signal.SIGTERM), rounds)
    return rows


def repeated(interpreter: Interpreter, arguments: tuple[str, ...], event: Event, rounds: int) -> Row:
    answered = lost = crossed = refused = 0
    taken = []
    for _ in range(rounds):
        with Fleet(interpreter, WORKLOAD, *arguments) as fleet, Load(("127.0.0.1", fleet.port)) as load:
            load.wait_for(ANSWERS)
            started = time.perf_counter()
            signalled_at = event(fleet, load)
            taken.append(time.perf_counter() - started)
            if signalled_at:
                load.wait_refused()
            else:
                load.wait_for(ANSWERS)
                load.stop()
            losses = load.lost(signalled_at or None)
            answered, lost, refused = answered + load.answered, lost + len(losses), refused + load.refused
            crossed += len([outcome for outcome in load.crossed if outcome not in losses])
    return {
        "answered": answered, "lost": lost, "crossed": crossed, "refused": refused,
        "seconds": round(median(taken), 2), "rounds": rounds,
    }  # fmt: skip


def stop_by(number: int) -> Event:
    def event(fleet: Fleet, load: Load) -> float:
        signalled_at = time.monotonic()
        fleet.signal(number)
        if code := fleet.wait():
            raise BenchError(f"fastcorn ended with code {code}")
        return signalled_at

    return event


def roll(fleet: Fleet, load: Load) -> float:
    for number in range(1, 6):
        fleet.signal(signal.SIGHUP)
        fleet.wait_for("SIGHUP: all workers are replaced", number)
    return 0.0


def resize(fleet: Fleet, load: Load) -> float:
    fleet.signal(signal.SIGTTIN)
    fleet.wait_for("worker 3 .* is ready")
    load.wait_for(ANSWERS)
    for wanted in (2, 1):
        fleet.signal(signal.SIGTTOU)
        fleet.wait_for(f"has ended after .*: {wanted} workers are wanted")
    return 0.0


def wait_for_replacements(fleet: Fleet, load: Load) -> float:
    fleet.wait_for("retires: it has served", 4)
    return 0.0


def end_worker(number: int) -> Event:
    def event(fleet: Fleet, load: Load) -> float:
        os.kill(fleet.workers()[0], number)
        fleet.wait_for("is ready after", 3)
        fleet.wait_for("has ended after")
        return 0.0

    return event
