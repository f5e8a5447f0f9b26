# SPDX-License-Identifier: MIT
"""bench.fairness: two workers, what each of them has served, and load generators that fail."""

import os
import sys
from pathlib import Path

import pytest

from bench import fairness
from bench.errors import BenchError
from bench.interpreter import ROOT, Interpreter
from bench.results import Recorder
from tests.e2e.command import import_path

if sys.platform != "linux":
    pytest.skip("these figures come from Linux", allow_module_level=True)

REQUESTS = 8
CLIENT = f"import sys, urllib.request as u; [u.urlopen(sys.argv[1]).read() for _ in range({REQUESTS})]"
LOAD = (sys.executable, "-c", CLIENT)


@pytest.fixture
def interpreter(tmp_path: Path) -> Interpreter:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([import_path(), str(ROOT)])}
    return Interpreter(sys.executable, tmp_path, environment, "3.13.1", "CPython", {"fastcorn": "1"})


def test_each_combination_has_a_row(
    interpreter: Interpreter, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(fairness, "LOADS", {"client": LOAD})
    recorder = Recorder("fairness", interpreter, None, {})
    fairness.run(interpreter, 1, recorder)
    rows = recorder.results["spread"]["rows"]
    assert list(rows) == ["client, asyncio, shared", "client, asyncio, reuseport"]
    assert all(row["connections"] == REQUESTS for row in rows.values())
    assert "least %" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (("/nosuch/load",), "cannot run /nosuch/load: No such file or directory; install it"),
        ((sys.executable, "-c", "raise SystemExit('no way')"), "failed: no way"),
    ],
)
def test_failing_load_is_told(command: tuple[str, ...], message: str) -> None:
    with pytest.raises(BenchError, match=message):
        fairness.generate(command, "http://127.0.0.1:1/")


@pytest.mark.slow
@pytest.mark.program("wrk", "ab")
@pytest.mark.parametrize("load", fairness.LOADS)
def test_two_workers_share_the_connections(interpreter: Interpreter, load: str) -> None:
    row = fairness.measure(interpreter, fairness.LOADS[load], ("--workers", "2"))
    assert float(str(row["least_percent"])) >= 40, row
