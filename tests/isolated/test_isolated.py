# SPDX-License-Identifier: MIT
"""Runs each script leak_*.py of this folder in a fresh interpreter: it must end well and say what it measured."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
SCRIPTS = sorted(HERE.glob("leak_*.py"))


def run(script: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", f"tests.isolated.{script.stem}"]
    environment = os.environ | {"PYTHONHASHSEED": "0"} | variables  # the same tables, so the same counts, on each run
    return subprocess.run(
        command, capture_output=True, text=True, timeout=300, check=False, cwd=HERE.parents[1], env=environment
    )


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_memory_does_not_grow(script: Path) -> None:
    done = run(script)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "grown by" in done.stdout


@pytest.mark.slow
def test_streams_leave_nothing() -> None:
    done = run(HERE / "flat_http2.py")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "grown by" in done.stdout


@pytest.mark.slow
def test_idle_connections_hold_little() -> None:
    done = run(HERE / "idle_http2.py", PYTHONMALLOC="malloc")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("holds") == 3


def test_a_leak_is_found() -> None:
    done = run(HERE / "shown_leak.py")
    assert done.returncode != 0
    assert "memory grows" in done.stderr
