# SPDX-License-Identifier: MIT
"""Times `import fastcorn` and `fastcorn --help` against uvicorn's: `python -m bench commands`.

Each command runs in a fresh interpreter, in interleaved rounds. An import is also given net of an interpreter that does
nothing, because that part is the same for everyone. Called by `__main__`.
"""

import subprocess
import time
from collections.abc import Sequence

from bench.disturbance import Watch
from bench.errors import BenchError
from bench.interpreter import Interpreter
from bench.process import pin_load
from bench.results import Recorder, Row, figure
from bench.summary import median, ratio
from bench.table import render

COMMANDS: dict[str, tuple[str, ...]] = {
    "python": ("-c", "pass"),
    "import fastcorn": ("-c", "import fastcorn"),
    "import uvicorn": ("-c", "import uvicorn"),
    "fastcorn --help": ("-m", "fastcorn", "--help"),
    "uvicorn --help": ("-m", "uvicorn", "--help"),
}
COLUMNS = {"median_ms": "median ms", "net_ms": "net ms", "to_uvicorn": "x uvicorn", "net_to_uvicorn": "net x uvicorn"}


def run(interpreter: Interpreter, rounds: int, recorder: Recorder) -> None:
    """Measures, prints and records the commands.

    Args:
        interpreter: the Python to run them with.
        rounds: runs of each; one more before them fills the caches of the file system.
        recorder: where the rows go.

    Raises:
        BenchError: a command failed.
    """
    pin_load()
    watch = Watch()
    times: dict[str, list[float]] = {name: [] for name in COMMANDS if _installed(name, interpreter)}
    for number in range(rounds + 1):
        for name, samples in times.items():
            seconds = _time(interpreter, name, COMMANDS[name])
            if number:
                samples.append(seconds)
    rows = {name: _row(samples, times["python"]) for name, samples in times.items()}
    add_ratios(rows)
    recorder.record("all", rows)
    print(render(rows, COLUMNS, first="command"))
    if warning := watch.end().warning:
        print(warning)


def add_ratios(rows: dict[str, Row]) -> None:
    """Adds the time of fastcorn's commands against uvicorn's, whole and net of the bare interpreter."""
    for name, row in rows.items():
        if "fastcorn" in name:
            other = rows.get(name.replace("fastcorn", "uvicorn"), {})
            row["to_uvicorn"] = ratio(figure(row, "median_ms"), figure(other, "median_ms"))
            row["net_to_uvicorn"] = ratio(figure(row, "net_ms"), figure(other, "net_ms"))


def _installed(name: str, interpreter: Interpreter) -> bool:
    return name == "python" or any(word in interpreter.packages for word in name.split())


def _time(interpreter: Interpreter, name: str, arguments: Sequence[str]) -> float:
    started = time.perf_counter()
    try:
        done = subprocess.run(
            [interpreter.path, *arguments],
            cwd=interpreter.folder,
            env=dict(interpreter.environment),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=60,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise BenchError(f"{name} took more than a minute") from None
    if done.returncode:
        raise BenchError(f"{name} ended with code {done.returncode}")
    return time.perf_counter() - started


def _row(samples: Sequence[float], bare: Sequence[float]) -> Row:
    middle = median(samples) * 1e3
    return {
        "median_ms": round(middle, 2),
        "fastest_ms": round(min(samples) * 1e3, 2),
        "net_ms": round(middle - median(bare) * 1e3, 2),
        "rounds": len(samples),
    }
