# SPDX-License-Identifier: MIT
"""bench.fleet and bench.processes: the command with workers, what /proc says of them, and requests under events."""

import os
import signal
import socket
import sys
from pathlib import Path

import pytest

from bench import processes
from bench.errors import BenchError
from bench.fleet import Fleet, bare_resident_bytes, children_of, rollup, sockets_of
from bench.goals import total
from bench.interpreter import Interpreter
from bench.procfs import resident_bytes
from bench.results import Recorder, figure
from tests.e2e.command import import_path

if not Path("/proc/self/smaps_rollup").exists():
    pytest.skip("these figures come from Linux's /proc", allow_module_level=True)

APP = """
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        raise RuntimeError("no lifespan")
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})
"""


@pytest.fixture
def interpreter(tmp_path: Path) -> Interpreter:
    (tmp_path / "small.py").write_text(APP)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([import_path(), str(tmp_path)])}
    return Interpreter(sys.executable, tmp_path, environment, "3.13.1", "CPython", {"fastcorn": "1"})


def test_fleet(interpreter: Interpreter) -> None:
    with Fleet(interpreter, "small:app", "--workers", "2") as fleet:
        assert fleet.ready_seconds > 0
        workers = fleet.workers()
        assert len(workers) == 2
        assert fleet.wait_for("is ready after", 2) == ["is ready after"] * 2
        socket.create_connection(("127.0.0.1", fleet.port)).close()
        fleet.signal(signal.SIGTERM)
        assert fleet.wait() == 0
        with pytest.raises(BenchError, match=r"fastcorn did not say 'nothing': .*has ended"):
            fleet.wait_for("nothing")
    assert children_of(fleet.pid) == []


def test_one_process_is_its_own_worker(interpreter: Interpreter) -> None:
    with Fleet(interpreter, "small:app") as fleet:
        assert fleet.workers() == [fleet.pid]
        private, shared = rollup(fleet.pid, "Private_Clean", "Private_Dirty"), rollup(fleet.pid, "Pss")
        assert 0 < private <= shared <= resident_bytes(fleet.pid) + (1 << 20)


def test_fleet_that_does_not_start(interpreter: Interpreter) -> None:
    with pytest.raises(BenchError, match="no module named 'nosuch'"), Fleet(interpreter, "nosuch:app"):
        pass


def test_figures_of_a_process(interpreter: Interpreter) -> None:
    assert bare_resident_bytes(interpreter) > 1 << 20
    before = sockets_of(os.getpid())
    with socket.socket():
        assert sockets_of(os.getpid()) == before + 1
    assert rollup(1 << 30, "Pss") == 0
    assert children_of(1 << 30) == []


@pytest.mark.slow
def test_every_part_is_measured(
    interpreter: Interpreter, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(processes, "HELLO", "small:app")
    monkeypatch.setattr(processes, "ANSWERS", 20)
    monkeypatch.setattr(processes, "ACCEPTS", ("reuseport",))
    monkeypatch.setattr(processes, "spread", lambda interpreter: {"shared": {"least_percent": 50.0}})
    recorder = Recorder("processes", interpreter, None, {})
    processes.run(interpreter, 1, recorder)
    rows = {part: result["rows"] for part, result in recorder.results.items()}
    assert (figure(rows["memory"]["supervisor"], "over_bare_mib") or 0) > 0
    assert rows["ready"]["8 workers"]["rounds"] == 1
    assert total("lost", "SIGKILL")(rows["losses"]) == 0
    assert total("lost")({}) is None
    assert "5 x SIGHUP, reuseport" in capsys.readouterr().out


def test_spread_needs_wrk(interpreter: Interpreter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "HELLO", "small:app")
    monkeypatch.setenv("PATH", str(interpreter.folder))
    with pytest.raises(BenchError, match="cannot run wrk"):
        processes.spread(interpreter)


@pytest.mark.program("wrk")
def test_spread(interpreter: Interpreter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "HELLO", "small:app")
    for row in processes.spread(interpreter).values():
        assert (figure(row, "connections") or 0) >= processes.CONNECTIONS
