# SPDX-License-Identifier: MIT
"""Hooks of a Python configuration file, in one process and in several: when they are called, and with what."""

from __future__ import annotations

import json
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.command import run_to_end, running
from tests.loops import LIMIT_SECONDS

if sys.platform == "win32":
    pytest.skip("Windows has no SIGHUP", allow_module_level=True)

APPLICATION = """
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
"""

CONFIGURATION = """
import json

def tell(event):
    facts = event._asdict()
    facts["config"] = facts["config"] and facts["config"].workers
    with open("events", "a") as file:
        file.write(json.dumps(facts) + "\\n")

def on_starting(event):
    tell(event)

def when_ready(event):
    tell(event)

def on_worker_ready(event):
    tell(event)

def on_worker_exit(event):
    tell(event)
    raise LookupError("an error of the hook")

def on_reload(event):
    tell(event)

on_exit = tell
bind = "127.0.0.1:0"
"""


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "main.py").write_text(APPLICATION)
    (tmp_path / "conf.py").write_text(CONFIGURATION)
    return tmp_path


def events(directory: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (directory / "events").read_text().splitlines()]


@pytest.mark.parametrize("workers", [1, 2])
def test_every_step_is_told(directory: Path, workers: int) -> None:
    with running(["main:app", "-c", "conf.py", "--workers", str(workers)], directory) as command:
        url = command.url()
        command.signal(signal.SIGHUP)
        command.wait_for("SIGHUP: .* replaced after")
        command.signal(signal.SIGTERM)
        assert command.wait() == 0, command.err
        pid = command.process.pid
        assert command.err.count("the hook on_worker_exit failed") == (1 if workers == 1 else 4)
        assert "LookupError: an error of the hook" in command.err
    told = events(directory)
    names = [event["name"] for event in told]
    assert names[0] == "on_starting"
    assert told[0]["config"] == workers
    assert names[-1] == "on_exit"
    assert told[-1]["exit_code"] == 0
    assert told[-1]["duration"] >= 0
    assert names.count("when_ready") == 1
    assert told[names.index("when_ready")]["urls"] == [url]
    assert names.index("on_worker_ready") < names.index("when_ready") < names.index("on_reload")
    assert told[names.index("on_reload")]["reason"] == "SIGHUP"
    exits = [event for event in told if event["name"] == "on_worker_exit"]
    ready = [event for event in told if event["name"] == "on_worker_ready"]
    assert {event["pid"] for event in exits} == {event["pid"] for event in ready}
    assert all(event["exit_code"] == 0 and event["reason"] and event["duration"] >= 0 for event in exits)
    if workers == 1:
        assert [event["pid"] for event in exits] == [pid]
    else:
        assert len(exits) == len(ready) == 4
        assert {event["worker"] for event in exits} == {1, 2}


@pytest.mark.parametrize("workers", ["1", "2"])
def test_error_before_the_start_ends_it(directory: Path, workers: str) -> None:
    (directory / "conf.py").write_text("def on_starting(event):\n    raise LookupError('no licence')\n")
    arguments = ["main:app", "-c", "conf.py", "--workers", workers, "--bind", "127.0.0.1:0"]
    code, _, err = run_to_end(arguments, directory)
    assert code == 2
    assert "the hook on_starting raised LookupError: no licence" in err
    assert "conf.py" in err
    assert "Running on" not in err


@pytest.mark.parametrize("workers", ["1", "2"])
def test_logs_are_reopened(directory: Path, workers: str) -> None:
    log, old = directory / "error.log", directory / "error.log.1"
    arguments = ["main:app", "--bind", "127.0.0.1:0", "--workers", workers, "--error-logfile", "error.log"]
    # stderr tells nothing then, so the hook does.
    ready = "import sys\ndef when_ready(event):\n    print('Running on', event.urls[0], file=sys.stderr, flush=True)\n"
    (directory / "ready.py").write_text(ready)
    with running([*arguments, "--when-ready", "ready:when_ready"], directory) as command:
        command.wait_for("Running on")
        log.rename(old)
        command.signal(signal.SIGUSR1)
        ends = time.monotonic() + LIMIT_SECONDS
        while not log.exists() or "SIGUSR1: log files are reopened" not in log.read_text():
            assert time.monotonic() < ends, old.read_text()
            time.sleep(0.002)
        command.signal(signal.SIGTERM)
        assert command.wait() == 0
    assert "Running on" in old.read_text()
    assert "Stopping" not in old.read_text()
    assert "Stopping" in log.read_text()
