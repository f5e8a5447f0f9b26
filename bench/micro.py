# SPDX-License-Identifier: MIT
"""Times the stages of one exchange alone: `python -m bench micro`. Called by `__main__`; `stages` does the timing.

The stages run in a child with the measured Python, pinned to one core; the fastest round counts, since everything that
disturbs can only add time.
"""

import json

from bench.disturbance import Watch
from bench.errors import BenchError
from bench.interpreter import Interpreter
from bench.process import pin_load
from bench.results import Recorder, Row
from bench.table import render

COLUMNS = {"each_ns": "ns each", "thousands_per_second": "thousand/s"}


def run(interpreter: Interpreter, rounds: int, recorder: Recorder) -> None:
    """Measures, prints and records every stage.

    Args:
        interpreter: the Python to measure.
        rounds: rounds of each stage.
        recorder: where the rows go.

    Raises:
        BenchError: fastcorn is not there, or not as a source tree that can be built against.
    """
    if "fastcorn" not in interpreter.packages:
        raise BenchError("this Python cannot import fastcorn; run `make build` and set PYTHONPATH to the source tree")
    pin_load()
    watch = Watch()
    printed = interpreter.run(["-m", "bench.stages", str(interpreter.folder / "stages"), str(rounds)], timeout=300.0)
    times: dict[str, float] = json.loads(printed.strip().splitlines()[-1])
    rows: dict[str, Row] = {
        name: {"each_ns": round(each, 1), "thousands_per_second": round(1e6 / each, 1)} for name, each in times.items()
    }
    recorder.record("all", rows)
    print(render(rows, COLUMNS, first="stage"))
    if warning := watch.end().warning:
        print(warning)
