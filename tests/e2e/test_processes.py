# SPDX-License-Identifier: MIT
"""Many processes under load: workers that are stopped, restarted, killed and replaced while clients keep asking."""

from __future__ import annotations

import os
import re
import signal
import socket
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.asking import Load
from tests.e2e.command import Command, running
from tests.loops import LIMIT_SECONDS

if sys.platform == "win32":
    pytest.skip("Windows has neither fork nor these signals", allow_module_level=True)

BIND = ["--bind", "127.0.0.1:0"]
LOOPS = ["uvloop", "asyncio"]

APPLICATION = """
import asyncio, os, sys, time

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        if os.path.exists("refuse"):
            await send({"type": "lifespan.startup.failed", "message": "the database is away"})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        print("application has shut down", os.getpid(), file=sys.stderr, flush=True)
        await send({"type": "lifespan.shutdown.complete"})
        return
    if scope["path"] == "/hang":
        print("hanging", file=sys.stderr, flush=True)
        while True:
            pass
    if scope["path"] == "/slow":
        print("slow request has begun", file=sys.stderr, flush=True)
        await asyncio.sleep(1)
    body = str(os.getpid()).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})
"""


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "main.py").write_text(APPLICATION)
    return tmp_path


@contextmanager
def serving(directory: Path, *arguments: str) -> Iterator[tuple[Command, int]]:
    """A running command with its port; its log is shown when the test fails."""
    with running(["main:app", *BIND, *arguments], directory) as command:
        try:
            yield command, int(command.url().rpartition(":")[2])
        except BaseException:
            print(command.err)
            raise


def pid_of_a_worker(port: int) -> int:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=LIMIT_SECONDS) as answer:
        return int(answer.read())


def ended(client: socket.socket) -> bool:
    """Whether the server has closed a connection without an answer."""
    try:
        return client.recv(100) == b""
    except ConnectionError:
        return True


def end(command: Command, code: int = 0) -> None:
    command.signal(signal.SIGTERM)
    assert command.wait() == code, command.err


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("workers", ["0", "1", "2"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_under_load_loses_nothing(directory: Path, loop: str, workers: str, number: int) -> None:
    with serving(directory, "--workers", workers, "-k", loop) as (command, port), Load(port) as load:
        load.wait_for(200)
        command.signal(number)
        assert command.wait() == 0, command.err
        load.wait_refused()
        assert load.lost == []
        assert set(load.statuses) == {200}
        assert command.err.count("application has shut down") == max(1, int(workers))
        assert "Traceback" not in command.err


@pytest.mark.parametrize("accept", ["shared", "reuseport"])
def test_rolling_restarts_under_load_lose_nothing(directory: Path, accept: str) -> None:
    with serving(directory, "--workers", "2", "--accept", accept) as (command, port), Load(port) as load:
        load.wait_for(50)
        for restart in range(1, 6):
            command.signal(signal.SIGHUP)
            command.wait_for(rf"(?s)(SIGHUP: all workers are replaced.*){{{restart}}}")
            load.wait_for(50)
        load.stop()
        assert load.lost == []
        assert len(load.bodies) >= 6
        end(command)
        assert command.err.count(" retires: SIGHUP") == 10
        assert "ERROR" not in command.err


def test_a_killed_worker_is_replaced_and_others_lose_nothing(directory: Path) -> None:
    with serving(directory, "--workers", "2") as (command, port), Load(port) as load:
        load.wait_for(100)
        killed = pid_of_a_worker(port)
        os.kill(killed, signal.SIGKILL)
        command.wait_for(rf"worker \d \(pid {killed}\) has ended after .*: killed by SIGKILL; starting another now")
        command.wait_for(r"(?s)(is ready after.*){3}")
        load.stop()
        # At most what the killed one was at: one request on each connection.
        assert len(load.lost) <= 8
        assert all("ConnectionReset" in loss or "IncompleteRead" in loss for loss in load.lost)
        with Load(port) as after:
            after.wait_for(100)
        assert after.lost == []
        end(command)


def test_workers_that_have_served_enough_are_replaced_without_a_loss(directory: Path) -> None:
    arguments = ["--workers", "2", "--max-requests", "500", "--max-requests-jitter", "100"]
    with serving(directory, *arguments) as (command, port), Load(port) as load:
        command.wait_for(r"(?s)(worker \d \(pid \d+\) retires: it has served \d+ requests \(max_requests\).*){4}")
        load.wait_for(50)
        load.stop()
        assert load.lost == []
        end(command)
        assert all(500 <= int(count) <= 600 for count in re.findall(r"has served (\d+) requests", command.err))


def test_workers_are_added_and_removed_under_load(directory: Path) -> None:
    with serving(directory, "--workers", "2") as (command, port), Load(port) as load:
        load.wait_for(50)
        command.signal(signal.SIGTTIN)
        command.wait_for(r"worker 3 \(pid \d+\) is ready")
        load.wait_for(200)
        command.signal(signal.SIGTTOU)
        command.wait_for(r"worker 3 \(pid \d+\) has ended after .*: 2 workers are wanted")
        command.signal(signal.SIGTTOU)
        command.wait_for(r"worker 2 \(pid \d+\) has ended after .*: 1 workers are wanted")
        command.signal(signal.SIGTTOU)
        command.wait_for(r"SIGTTOU: the number of workers stays at 1")
        load.wait_for(50)
        load.stop()
        assert load.lost == []
        end(command)


def test_a_hung_worker_shows_its_stack_and_is_replaced(directory: Path) -> None:
    with serving(directory, "--workers", "2", "--worker-timeout", "1", "--slow-callback", "off") as (command, port):
        with socket.create_connection(("127.0.0.1", port), LIMIT_SECONDS) as client:
            client.sendall(b"GET /hang HTTP/1.1\r\nhost: x\r\n\r\n")
            command.wait_for("hanging")
            with Load(port, kept=0) as load:
                load.wait_for(50)
                hung = int(command.wait_for(r"worker \d \(pid (\d+)\) has not answered for .*its stacks follow")[1])
                command.wait_for(rf"worker \d \(pid {hung}\) has ended after .*: it did not answer")
            client.settimeout(LIMIT_SECONDS)
            assert ended(client)
        assert re.search(r'File ".*main\.py", line \d+ in app', command.err)
        assert str(hung).encode() not in load.bodies
        end(command)


def test_what_blocks_the_loop_is_named(directory: Path) -> None:
    (directory / "main.py").write_text(APPLICATION.replace("while True:\n            pass", "time.sleep(1)"))
    with serving(directory, "--workers", "0", "--slow-callback", "0.2") as (command, port):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/hang", timeout=LIMIT_SECONDS) as answer:
            assert answer.status == 200
        command.wait_for(r"the event loop has been blocked for .* \(slow_callback\) at GET /hang by:")
        command.wait_for(r"the event loop runs again after")
        end(command)
        assert re.search(r'File ".*main\.py", line \d+, in app\n    time\.sleep\(1\)\n', command.err)


@pytest.mark.parametrize("workers", ["1", "4"])
@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["nosuch:app"], 4, r"fastcorn: no module named 'nosuch' .*\n"),
        (["main:app", "--bind", "256.0.0.1:1"], 1, r".*bind: cannot listen on 256\.0\.0\.1:1: .*\n"),
        (["main:app", "--warmup", "/nothing here"], 2, r"fastcorn: --warmup: must be a method and a path, .*\n"),
        (["main:app", "--on-starting", "nosuch:hook"], 2, r".*--on-starting: 'nosuch:hook' cannot be imported: .*\n"),
    ],
)
def test_a_mistake_is_told_once(directory: Path, workers: str, arguments: list[str], code: int, message: str) -> None:
    with running([*arguments, "--workers", workers], directory) as command:
        assert command.wait() == code
        assert re.fullmatch(message, command.err), command.err


@pytest.mark.parametrize("workers", ["1", "4"])
def test_an_application_that_refuses_ends_the_command(directory: Path, workers: str) -> None:
    (directory / "refuse").touch()
    with running(["main:app", *BIND, "--workers", workers], directory) as command:
        assert command.wait() == 3
        assert command.err.count("the application failed its startup: the database is away") == 1
        assert len(command.err.splitlines()) == 1


def test_a_port_that_is_taken(directory: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with running(["main:app", "--workers", "4", "--bind", f"127.0.0.1:{port}"], directory) as command:
            assert command.wait() == 1
            assert re.fullmatch(rf".*cannot listen on 127\.0\.0\.1:{port}: address already in use; .*\n", command.err)


def test_a_worker_that_can_no_longer_start_is_retried_and_others_serve(directory: Path) -> None:
    with serving(directory, "--workers", "2") as (command, port):
        (directory / "refuse").touch()
        os.kill(pid_of_a_worker(port), signal.SIGKILL)
        command.wait_for(r"the application refused to start; starting another in 0\.1 s")
        with Load(port) as load:
            load.wait_for(50)
        assert load.lost == []
        (directory / "refuse").unlink()
        command.wait_for(r"(?s)(is ready after.*){3}")
        end(command)


def test_a_roll_that_fails_keeps_the_old_workers(directory: Path) -> None:
    with serving(directory, "--workers", "2") as (command, port):
        before = pid_of_a_worker(port)
        (directory / "main.py").write_text("def app(:")
        command.signal(signal.SIGHUP)
        command.wait_for(r"SIGHUP failed; the workers from before go on")
        assert "SyntaxError" in command.err
        with Load(port) as load:
            load.wait_for(50)
        assert load.lost == []
        assert before in {int(body) for body in load.bodies}
        (directory / "main.py").write_text(APPLICATION)
        command.signal(signal.SIGHUP)
        command.wait_for(r"SIGHUP: all workers are replaced")
        end(command)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_sighup_reads_the_configuration_again(directory: Path, workers: str) -> None:
    config = directory / "fastcorn.toml"
    config.write_text('headers = [["x-version", "1"]]\n')
    with serving(directory, "--workers", workers, "-c", "fastcorn.toml") as (command, port):

        def version() -> str:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=LIMIT_SECONDS) as answer:
                return str(answer.headers["x-version"])

        assert version() == "1"
        config.write_text("backlog = 'many'\n")
        command.signal(signal.SIGHUP)
        command.wait_for(r"fastcorn\.toml: backlog: must be a whole number")
        assert version() == "1"
        config.write_text('headers = [["x-version", "2"]]\n')
        command.signal(signal.SIGHUP)
        command.wait_for(r"(?s)SIGHUP: the application is replaced|(has ended after [^\n]*: SIGHUP.*){2}")
        assert version() == "2"
        end(command)


def test_sighup_moves_to_another_address(directory: Path) -> None:
    first, second = directory / "first.sock", directory / "second.sock"
    config = directory / "fastcorn.toml"
    config.write_text(f'bind = ["unix:{first}"]\n')
    with running(["main:app", "--workers", "2", "-c", "fastcorn.toml"], directory) as command:
        command.wait_for("2 workers are ready")
        assert first.exists()
        config.write_text(f'bind = ["unix:{second}"]\n')
        command.signal(signal.SIGHUP)
        command.wait_for(r"SIGHUP: all workers are replaced")
        assert not first.exists()
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(LIMIT_SECONDS)
            client.connect(str(second))
            client.sendall(b"GET / HTTP/1.0\r\n\r\n")
            assert client.makefile("rb").read().startswith(b"HTTP/1.1 200 ")
        end(command)
        assert not second.exists()


def test_workers_end_when_the_supervisor_is_killed(directory: Path) -> None:
    with serving(directory, "--workers", "2") as (command, port):
        command.signal(signal.SIGKILL)
        assert command.wait() == -signal.SIGKILL
        # The end of the log is the end of all processes that have it.
        command.wait_for(r"(?s)(application has shut down.*){2}")
        with socket.socket() as again:
            again.bind(("127.0.0.1", port))


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_second_signal_stops_at_once(directory: Path, workers: str) -> None:
    with serving(directory, "--workers", workers) as (command, port):
        with socket.create_connection(("127.0.0.1", port), LIMIT_SECONDS) as client:
            client.sendall(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n")
            command.wait_for("slow request has begun")
            command.signal(signal.SIGTERM)
            command.wait_for("Stopping")
            command.signal(signal.SIGTERM)
            assert command.wait() == 128 + signal.SIGTERM


def test_one_application_in_memory_for_all_workers(directory: Path) -> None:
    (directory / "main.py").write_text(f"print('imported', flush=True)\n{APPLICATION}")
    with serving(directory, "--workers", "3", "--preload") as (command, port):
        assert pid_of_a_worker(port) != command.process.pid
        command.signal(signal.SIGHUP)
        command.wait_for(r"SIGHUP: all workers are replaced")
        end(command)
        assert command.out() == "imported\n" * 2


def test_a_warm_up_request_is_answered_before_others(directory: Path) -> None:
    with serving(directory, "--workers", "2", "--warmup", "/slow", "--slow-callback", "off") as (command, _):
        assert command.err.count("warm-up: GET /slow is answered with 200") == 2
        end(command)


def test_a_warm_up_that_fails_stops_the_start(directory: Path) -> None:
    (directory / "main.py").write_text(APPLICATION.replace('"status": 200', '"status": 503'))
    with running(["main:app", *BIND, "--workers", "2", "--warmup", "GET /"], directory) as command:
        assert command.wait() == 3
        assert command.err.count("the warm-up request GET / is answered with 503; the application is not ready") == 1


HOOKS = """
def note(event):
    with open("events", "a") as file:
        print(event.name, event.worker, event.reason or event.exit_code, file=file)

on_starting = when_ready = on_worker_ready = on_worker_exit = on_reload = on_exit = note
"""


def test_hooks_are_called_at_each_step(directory: Path) -> None:
    (directory / "config.py").write_text(HOOKS)
    with serving(directory, "--workers", "1", "--max-requests", "1000", "-c", "file:config.py") as (command, _):
        command.signal(signal.SIGHUP)
        command.wait_for(r"worker 1 \(pid \d+\) has ended after .*: SIGHUP")
        end(command)
    assert (directory / "events").read_text().splitlines() == [
        "on_starting None None",
        "on_worker_ready 1 None",
        "when_ready None None",
        "on_reload None SIGHUP",
        "on_worker_ready 1 None",
        "on_worker_exit 1 SIGHUP",
        "on_worker_exit 1 exit code 0, it ended by itself",
        "on_exit None 0",
    ]


def test_hooks_are_called_in_one_process(directory: Path) -> None:
    (directory / "config.py").write_text(HOOKS)
    with serving(directory, "-c", "file:config.py") as (command, _):
        end(command)
    names = [line.split()[0] for line in (directory / "events").read_text().splitlines()]
    assert names == ["on_starting", "on_worker_ready", "when_ready", "on_worker_exit", "on_exit"]
