# SPDX-License-Identifier: MIT
"""Many processes: how they start, share, read their configuration again, and end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.e2e.command import running
from tests.e2e.workers import (
    ROLLED,
    Server,
    environment,
    is_free,
    is_gone,
    processes_of,
    serving,
    signal_all,
    wait_until,
)
from tests.load import FRESH, Load
from tests.loops import LIMIT_SECONDS, LOOPS

if sys.platform == "win32":
    pytest.skip("Windows has neither fork nor these signals", allow_module_level=True)


@pytest.mark.parametrize("loop_name", LOOPS)
@pytest.mark.parametrize(
    ("arguments", "workers"),
    [
        (["--workers", "0"], 0),
        (["--workers", "1"], 0),
        (["--workers", "0", "--max-requests", "1000000"], 0),
        (["--workers", "1", "--max-requests", "1000000"], 1),
        (["--workers", "1", "--worker-timeout", "60"], 1),
        (["--workers", "2"], 2),
        (["--workers", "2", "--preload"], 2),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_each_number_of_workers(tmp_path: Path, arguments: list[str], workers: int, loop_name: str) -> None:
    with serving(tmp_path, *arguments, "-k", loop_name) as server:
        pid = int(server.ask()[0])
        assert len(processes_of(tmp_path)) == 1 + workers
        assert (pid in server.ready()) if workers else (pid == server.supervisor)
        assert server.stop() == 0
        assert server.command.err.count("application has started") == max(1, workers)
        assert server.command.err.count("application has shut down") == max(1, workers)


@pytest.mark.parametrize("preload", [True, False])
def test_preload_imports_once(tmp_path: Path, preload: bool) -> None:
    with serving(tmp_path) as server:
        source = (tmp_path / "main.py").read_text()
        assert server.stop() == 0
    (tmp_path / "main.py").write_text(f"{source}\nprint('imported', flush=True)\n")
    with serving(tmp_path, "--workers", "3", *["--preload"][: int(preload)]) as server:
        server.wait_ready(3)
        server.command.signal(signal.SIGHUP)
        server.wait_for(ROLLED)
        assert server.stop() == 0
        # Workers print at the same time, and a line feed may leave apart from its line.
        assert server.command.out().replace("\n", "") == "imported" * (2 if preload else 6)


@pytest.mark.parametrize("arguments", [[], ["--accept", "reuseport"]], ids=["shared", "reuseport"])
def test_workers_end_when_the_supervisor_is_killed(tmp_path: Path, arguments: list[str]) -> None:
    with serving(tmp_path, "--workers", "2", *arguments) as server:
        link = server.send("/wait/0.5")
        workers = server.wait_ready(2)
        server.command.signal(signal.SIGKILL)
        assert link.read_answer().status == 200
        link.close()
        wait_until(lambda: all(is_gone(pid) for pid in workers))
        wait_until(lambda: is_free(server.address))
        server.command.wait()
        assert server.command.err.count("the supervisor has gone") == 2
        assert server.command.err.count("application has shut down") == 2


def test_busy_worker_ends_when_the_supervisor_is_killed(tmp_path: Path) -> None:
    """Its event loop cannot notice it: a thread does, after all the timeouts that a graceful stop may take."""
    timeouts = ["--graceful-timeout", "0.2", "--shutdown-timeout", "0.2", "--worker-timeout", "1"]
    with serving(tmp_path, "--workers", "2", *timeouts) as server:
        link = server.send("/block")
        server.wait_for("blocking")
        server.command.signal(signal.SIGKILL)
        wait_until(lambda: not processes_of(tmp_path))
        wait_until(lambda: is_free(server.address))
        link.close()


def test_worker_that_can_no_longer_start_is_tried_again(tmp_path: Path) -> None:
    with serving(tmp_path, "--workers", "2") as server:
        first, second = server.wait_ready(2)
        (tmp_path / "refuse").touch()
        os.kill(first, signal.SIGKILL)
        server.wait_for(r"the application refused to start; starting another in 0\.1 s")
        with Load(server.address, {FRESH: 4}) as load:
            load.wait_for(50)
        assert load.lost() == []
        assert load.workers() == {str(second)}
        (tmp_path / "refuse").unlink()
        server.wait_ready(3)
        assert server.stop() == 0


@pytest.mark.parametrize("workers", ["1", "2"])
def test_hangup_reads_the_configuration_again(tmp_path: Path, workers: str) -> None:
    config = tmp_path / "fastcorn.toml"
    config.write_text('headers = [["x-version", "1"]]\n')
    with serving(tmp_path, "--workers", workers, "-c", "fastcorn.toml") as server:

        def version() -> str:
            with urllib.request.urlopen(server.command.url(), timeout=LIMIT_SECONDS) as answer:
                return str(answer.headers["x-version"])

        assert version() == "1"
        config.write_text("backlog = 'many'\n")
        server.command.signal(signal.SIGHUP)
        server.wait_for(r"fastcorn\.toml: backlog: must be a whole number")
        assert version() == "1"
        config.write_text('headers = [["x-version", "2"]]\n')
        server.command.signal(signal.SIGHUP)
        server.wait_for(r"SIGHUP: the application is replaced|(has ended after [^\n]*: SIGHUP.*){2}")
        assert version() == "2"
        assert server.stop() == 0


def test_hangup_moves_to_another_unix_socket(tmp_path: Path) -> None:
    first, second = tmp_path / "first.sock", tmp_path / "second.sock"
    config = tmp_path / "fastcorn.toml"
    config.write_text(f'bind = ["unix:{first}"]\n')
    with serving(tmp_path, "--workers", "2", "-c", "fastcorn.toml", bind=None) as server:
        server.command.wait_for("2 workers are ready")
        assert first.exists()
        config.write_text(f'bind = ["unix:{second}"]\n')
        server.command.signal(signal.SIGHUP)
        server.wait_for(ROLLED)
        assert not first.exists()
        with Load(str(second), {FRESH: 2}) as load:
            load.wait_for(10)
        assert load.lost() == []
        assert server.command.process.poll() is None
        server.command.signal(signal.SIGTERM)
        assert server.command.wait() == 0
        assert not second.exists()


def test_hangup_leaves_an_address_to_nobody(tmp_path: Path) -> None:
    """No process of the new generation may keep the port that only the old one listened on."""
    config = tmp_path / "fastcorn.toml"
    config.write_text('bind = ["127.0.0.1:0"]\n')
    with serving(tmp_path, "--workers", "2", "-c", "fastcorn.toml", bind=None) as server:
        address = server.address
        config.write_text('bind = ["127.0.0.2:0"]\n')
        server.command.signal(signal.SIGHUP)
        server.wait_for(ROLLED)
        wait_until(lambda: len(processes_of(tmp_path)) == 3)
        assert isinstance(address, tuple)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address, LIMIT_SECONDS)
        server.command.signal(signal.SIGTERM)
        assert server.command.wait() == 0


def test_warm_up_request_is_answered_before_others(tmp_path: Path) -> None:
    with serving(tmp_path, "--workers", "2", "--warmup", "/wait/0.2") as server:
        server.wait_ready(2)
        assert server.command.err.count("warm-up: GET /wait/0.2 is answered with 200") == 2
        assert server.stop() == 0


HOOKS = """
def note(event):
    with open("events", "a") as file:
        print(event.name, event.worker, event.reason or event.exit_code, file=file)

on_starting = when_ready = on_worker_ready = on_worker_exit = on_reload = on_exit = note
"""


def test_hooks_are_called_at_each_step(tmp_path: Path) -> None:
    (tmp_path / "config.py").write_text(HOOKS)
    with serving(tmp_path, "--workers", "1", "--max-requests", "1000", "-c", "file:config.py") as server:
        server.command.url()
        server.command.signal(signal.SIGHUP)
        server.wait_for(r"worker 1 \(pid \d+\) has ended after [^\n]*: SIGHUP")
        assert server.stop() == 0
    assert (tmp_path / "events").read_text().splitlines() == [
        "on_starting None None",
        "on_worker_ready 1 None",
        "when_ready None None",
        "on_reload None SIGHUP",
        "on_worker_ready 1 None",
        "on_worker_exit 1 SIGHUP",
        "on_worker_exit 1 exit code 0, it ended by itself",
        "on_exit None 0",
    ]


def test_hooks_are_called_in_one_process(tmp_path: Path) -> None:
    (tmp_path / "config.py").write_text(HOOKS)
    with serving(tmp_path, "-c", "file:config.py") as server:
        assert server.stop() == 0
    names = [line.split()[0] for line in (tmp_path / "events").read_text().splitlines()]
    assert names == ["on_starting", "on_worker_ready", "when_ready", "on_worker_exit", "on_exit"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_everybody_is_signalled(tmp_path: Path, number: int) -> None:
    """Ctrl+C reaches every process of a terminal, and systemd sends SIGTERM to every process of a unit: one stop."""
    with serving(tmp_path, "--workers", "2") as server, Load(server.address) as load:
        load.wait_for(100)
        signal_all(server, number)
        assert server.command.wait() == 0
        load.wait_refused()
        assert load.lost() == []
        # A worker may ask to be replaced before the supervisor has its own signal; its successor then stops too.
        stopped = server.command.err.count("application has shut down")
        assert stopped == server.command.err.count("application has started") >= 2
        assert "Stopping at once" not in server.command.err


# --- as process 1 of a container --------------------------------------------------------------------------------------

ORPHAN = """

import subprocess, sys

async def app_with_orphans(scope, receive, send):
    if scope["type"] == "http" and scope["path"] == "/orphan":
        # The process between ends at once, so that the other one becomes the child of process 1, and ends.
        subprocess.run([sys.executable, "-c", "import subprocess; print(subprocess.Popen(['true']).pid)"], check=True)
    await app(scope, receive, send)
"""


def can_unshare() -> bool:
    """Whether this user may make process namespaces."""
    try:
        done = subprocess.run(["unshare", "--pid", "--fork", "true"], capture_output=True, timeout=LIMIT_SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


@pytest.mark.program("unshare")
@pytest.mark.parametrize("workers", ["0", "2"])
def test_as_process_1(tmp_path: Path, workers: str) -> None:
    """Signals have no default meaning for process 1, and orphans become its children."""
    if not can_unshare():
        pytest.skip("this user may not make process namespaces (unshare --pid)")
    with serving(tmp_path) as server:
        source = (tmp_path / "main.py").read_text()
        assert server.stop() == 0
    (tmp_path / "main.py").write_text(source + ORPHAN)
    arguments = ["main:app_with_orphans", "--bind", "127.0.0.1:0", "--workers", workers]
    prefix = ["unshare", "--pid", "--fork", "--kill-child"]
    with running(arguments, tmp_path, environment(tmp_path), prefix=prefix) as command:
        server = Server(command, tmp_path)
        server.is_fine()
        first = children(command.process.pid)[0]
        if workers != "0":
            assert server.ask("/orphan")[1] == b"/orphan?"
            server.is_fine()
            wait_until(lambda: [pid for pid in children(first) if is_gone(pid)] == [])
        with Load(server.address) as load:
            load.wait_for(100)
            os.kill(first, signal.SIGTERM)
            assert command.wait() == 0
            load.wait_refused()
        assert load.lost() == []
        assert command.err.count("application has shut down") == max(1, int(workers))


def children(pid: int) -> list[int]:
    """The child processes of a process, zombies included."""
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


PRINTING = """
print("imported")

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        print("going")
        await send({"type": "lifespan.shutdown.complete"})
"""


def test_a_stdout_that_nobody_reads_costs_no_worker(tmp_path: Path) -> None:
    """What an application has printed and cannot be written is no reason to come back from a forked process."""
    (tmp_path / "main.py").write_text(PRINTING)
    arguments = ["main:app", "--bind", "127.0.0.1:0", "--workers", "2"]
    with running(arguments, tmp_path, {"PYTHONUNBUFFERED": ""}) as command:
        command.url()
        assert command.process.stdout is not None
        command.process.stdout.close()
        for restart in (1, 2):
            command.signal(signal.SIGHUP)
            command.wait_for(rf"(?s)(has ended after [^\n]*: SIGHUP.*){{{2 * restart}}}")
        assert "cannot start a worker" not in command.err
        assert "SIGKILL" not in command.err
        command.signal(signal.SIGTERM)
        assert command.wait() == 0
