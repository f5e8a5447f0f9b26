# SPDX-License-Identifier: MIT
"""Each measurement from end to end, small, on a stand-in server; http1 with a wrk that prints a canned report."""

import os
import stat
import sys
from pathlib import Path

import pytest

from bench import backpressure, commands, endurance, idle, process, start
from bench.errors import BenchError
from bench.http1 import Comparison
from bench.interpreter import Interpreter
from bench.results import Recorder, Row, figure
from bench.servers import FLOOR, Server
from bench.works import choose_works

SMALL = Server("fastcorn", "", (str(Path(__file__).with_name("small_server.py")), "{port}"))
BROKEN = Server("uvicorn", "", ("-c", "raise SystemExit('out of order')"))

WRK = """#!/bin/sh
cat <<'END'
  Latency Distribution
     50%  400.00us
     99%    2.00ms
  {requests} requests in 2.00s, 1.00MB read
END
"""


@pytest.fixture
def interpreter(tmp_path: Path) -> Interpreter:
    return Interpreter(sys.executable, tmp_path, dict(os.environ), "3.13.1", "CPython", {"fastcorn": "1"})


@pytest.fixture
def recorder(interpreter: Interpreter) -> Recorder:
    return Recorder("test", interpreter, None, {})


@pytest.fixture(autouse=True)
def unpinned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaves this process on its cores: pinning would outlast the test."""
    monkeypatch.setattr(process, "LOAD_CORE", -1)
    monkeypatch.setattr(process, "SERVER_CORE", -1)


def rows_of(recorder: Recorder, part: str = "all") -> dict[str, Row]:
    return recorder.results[part]["rows"]


def install_wrk(folder: Path, monkeypatch: pytest.MonkeyPatch, requests: int) -> None:
    path = folder / "wrk"
    path.write_text(WRK.format(requests=requests), encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def test_http1(
    interpreter: Interpreter, recorder: Recorder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    install_wrk(interpreter.folder, monkeypatch, 3000)
    works = choose_works(["hello", "pipelined"])
    Comparison(interpreter, [SMALL, BROKEN, FLOOR], works, rounds=2, seconds=1, warmup=1).run(recorder)
    hello = rows_of(recorder, "hello")
    assert hello["fastcorn"]["requests_per_second"] == 1500.0
    assert (hello["fastcorn"]["p50_ms"], hello["fastcorn"]["p99_ms"], hello["fastcorn"]["rounds"]) == (0.4, 2.0, 2)
    assert hello["fastcorn"]["to_best_peer"] is None
    assert hello["uvicorn"] == {"error": "uvicorn ended instead of serving: out of order"}
    assert hello["floor"]["requests_per_second"] == 1500.0
    pipelined = rows_of(recorder, "pipelined")
    assert pipelined.keys() == {"fastcorn", "uvicorn"}
    assert pipelined["fastcorn"]["p99_ms"] is None
    assert "out of order" in capsys.readouterr().out


def test_http1_refuses_a_run_without_answers(
    interpreter: Interpreter, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_wrk(interpreter.folder, monkeypatch, 0)
    Comparison(interpreter, [SMALL], choose_works(["hello"]), rounds=1, seconds=1, warmup=0).run(recorder)
    assert rows_of(recorder, "hello") == {"fastcorn": {"error": "0 failures and 0 refusals in 0 requests"}}


def test_http1_checks_answers_first(
    interpreter: Interpreter, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_wrk(interpreter.folder, monkeypatch, 3000)
    Comparison(interpreter, [SMALL], choose_works(["echo"]), rounds=1, seconds=1, warmup=0).run(recorder)
    assert str(rows_of(recorder, "echo")["fastcorn"]["error"]).startswith("wrong echo: status 200, ")


def test_start(interpreter: Interpreter, recorder: Recorder) -> None:
    start.run(interpreter, [SMALL, BROKEN], 2, recorder)
    rows = rows_of(recorder)
    assert rows["fastcorn"]["rounds"] == 2
    assert (figure(rows["fastcorn"], "fastest_ms") or 0) > 0
    assert (figure(rows["fastcorn"], "resident_mb") or 0) > 1
    assert "out of order" in str(rows["uvicorn"]["error"])


def test_idle(interpreter: Interpreter, recorder: Recorder) -> None:
    idle.run(interpreter, [SMALL, BROKEN], 150, recorder)
    rows = rows_of(recorder)
    assert rows["fastcorn"]["open"] == 150
    assert figure(rows["fastcorn"], "bytes_each") is not None
    assert "out of order" in str(rows["uvicorn"]["error"])


def test_idle_names_the_limit_of_open_files(
    interpreter: Interpreter, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "raise_open_files", lambda wanted: 1024)
    with pytest.raises(BenchError, match=r"need 10200 open files, the limit is 1024.*give --connections 824"):
        idle.run(interpreter, [SMALL], 10_000, recorder)


def test_upload(interpreter: Interpreter, recorder: Recorder) -> None:
    backpressure.upload_slow(interpreter, [SMALL, BROKEN], 3_000_000, recorder)
    rows = rows_of(recorder)
    assert (figure(rows["fastcorn"], "growth_mib") or 0.0) < 16
    assert "out of order" in str(rows["uvicorn"]["error"])


def test_stalled_client(interpreter: Interpreter, recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backpressure, "STALL_SECONDS", 0.1)
    backpressure.stalled_client(interpreter, [SMALL], 3_000_000, recorder)
    assert (figure(rows_of(recorder)["fastcorn"], "peak_mb") or 0.0) > 1


def test_endurance(interpreter: Interpreter, recorder: Recorder) -> None:
    endurance.run(interpreter, [SMALL, BROKEN], (100, 40, 40), recorder)
    assert recorder.results.keys() == {"keep-alive", "connects", "aborts"}
    for part, count in (("keep-alive", 100), ("connects", 40), ("aborts", 40)):
        rows = rows_of(recorder, part)
        assert rows["fastcorn"]["exchanges"] == count
        assert isinstance(rows["fastcorn"]["slope_bytes"], float)
        assert "out of order" in str(rows["uvicorn"]["error"])


def test_commands(interpreter: Interpreter, recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    quick = {"python": ("-c", "pass"), "import fastcorn": ("-c", "import json"), "import uvicorn": ("-c", "import re")}
    monkeypatch.setattr(commands, "COMMANDS", quick)
    commands.run(interpreter, 2, recorder)
    assert rows_of(recorder).keys() == {"python", "import fastcorn"}
    assert rows_of(recorder)["import fastcorn"]["to_uvicorn"] is None
    monkeypatch.setitem(quick, "import fastcorn", ("-c", "raise SystemExit(9)"))
    with pytest.raises(BenchError, match="import fastcorn ended with code 9"):
        commands.run(interpreter, 1, recorder)


def test_ratios_of_commands() -> None:
    rows: dict[str, Row] = {
        "import fastcorn": {"median_ms": 30.0, "net_ms": 10.0},
        "import uvicorn": {"median_ms": 120.0, "net_ms": 100.0},
    }
    commands.add_ratios(rows)
    assert (rows["import fastcorn"]["to_uvicorn"], rows["import fastcorn"]["net_to_uvicorn"]) == (0.25, 0.1)
    assert "to_uvicorn" not in rows["import uvicorn"]
