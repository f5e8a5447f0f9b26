# SPDX-License-Identifier: MIT
"""Programs that serve by worker processes: Server.run() with an application that is an object."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fastcorn import Server
from fastcorn.config import ConfigError
from fastcorn.supervisor.process import Processes, check_can_fork
from tests.e2e.command import ALWAYS, import_path
from tests.loops import LIMIT_SECONDS

if sys.platform == "win32":
    pytest.skip("Windows has no fork", allow_module_level=True)

PROGRAM = """
import os
from fastcorn import Server

def application(environ, start_response):
    if environ["PATH_INFO"] == "/stop":
        server.request_stop()
    start_response("200 OK", [("content-type", "text/plain")])
    return [b"%d %d" % (os.getpid(), os.getppid())]

server = Server(lambda environ, start_response: application(environ, start_response), port=0, {settings})
server.run()
print("after", flush=True)
"""


@contextmanager
def program(folder: Path, settings: str) -> Iterator[subprocess.Popen[str]]:
    """A running program; killed after LIMIT_SECONDS and at the end."""
    (folder / "program.py").write_text(PROGRAM.replace("{settings}", settings))
    process = subprocess.Popen(
        [sys.executable, "program.py"], cwd=folder, env={**os.environ, **ALWAYS, "PYTHONPATH": import_path()},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    limit = threading.Timer(LIMIT_SECONDS, process.kill)
    limit.start()
    try:
        yield process
    finally:
        limit.cancel()
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=LIMIT_SECONDS)


def url_of(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    for line in process.stderr:
        if found := re.search(r"Running on (\S+) ", line):
            return found[1]
    raise AssertionError("it ended before it served")


@pytest.mark.parametrize("settings", ["workers=2", "workers=1, max_requests=1000"])
def test_an_object_is_served_by_processes_and_any_of_them_may_stop_all(tmp_path: Path, settings: str) -> None:
    with program(tmp_path, settings) as process:
        url = url_of(process)
        with urllib.request.urlopen(url, timeout=LIMIT_SECONDS) as answer:
            pid, parent = map(int, answer.read().split())
        assert (pid != process.pid, parent) == (True, process.pid)
        with urllib.request.urlopen(f"{url}/stop", timeout=LIMIT_SECONDS) as answer:
            assert answer.status == 200
        out, err = process.communicate(timeout=LIMIT_SECONDS)
        assert (process.returncode, out) == (0, "after\n"), err


def test_processes_are_refused_outside_the_main_thread(capsys: pytest.CaptureFixture[str]) -> None:
    codes: list[object] = []

    def run() -> None:
        try:
            Server("nothing:app", port=0, workers=2).run()
        except SystemExit as end:
            codes.append(end.code)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(LIMIT_SECONDS)
    assert codes == [2]
    assert "workers: needs worker processes, which are started from the main thread only" in capsys.readouterr().err


def test_threads_of_the_program_do_not_stop_a_fork() -> None:
    """Warnings are errors here, and Python warns of threads that a fork does not take along."""
    end = threading.Event()
    thread = threading.Thread(target=end.wait, args=(LIMIT_SECONDS,))
    thread.start()
    try:
        processes = Processes()
        assert thread.name in processes.other_threads()
        reader, writer = os.pipe()
        pid = processes.fork(lambda: os.write(writer, b"x"))
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 1
        os.close(writer)
        assert os.read(reader, 9) == b"x"
        os.close(reader)
    finally:
        end.set()
        thread.join()


@pytest.mark.parametrize(("setting", "remedy"), [("workers", "set it to 0 or 1"), ("use_reloader", "leave it out")])
def test_a_system_without_fork(monkeypatch: pytest.MonkeyPatch, setting: str, remedy: str) -> None:
    monkeypatch.delattr(os, "fork")
    with pytest.raises(ConfigError, match=f"{setting}: needs worker processes, and this system cannot fork; {remedy}"):
        check_can_fork(setting, "command line")
