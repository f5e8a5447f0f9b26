# SPDX-License-Identifier: MIT
"""How the process of the command ends: signals at any moment, threads that do not, and what the exit codes mean."""

import re
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.e2e.command import Command, import_path, running
from tests.loops import LIMIT_SECONDS

APP = """
import asyncio
import concurrent.futures
import os
import sys
import threading
import time

def say(text):
    print(text, file=sys.stderr, flush=True)

def block_until(name):
    while not os.path.exists(name):
        time.sleep(0.01)

async def answer(send, body=b"hello"):
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        say("startup has begun")
        time.sleep(float(os.environ.get("STARTUP_SECONDS", "0")))
        await send({"type": "lifespan.startup.complete"})
        await receive()
        say("application has shut down")
        await send({"type": "lifespan.shutdown.complete"})
        return
    if scope["path"] == "/stuck-executor":
        asyncio.get_running_loop().run_in_executor(None, threading.Event().wait)
    if scope["path"] == "/stuck-thread":
        threading.Thread(target=threading.Event().wait).start()
    if scope["path"] == "/stuck-pool":
        concurrent.futures.ThreadPoolExecutor().submit(threading.Event().wait)
    if scope["path"] == "/idle-pool":
        concurrent.futures.ThreadPoolExecutor().submit(say, "the pool has worked").result()
    if scope["path"] == "/wait":
        say("a request waits")
        await asyncio.Event().wait()
    if scope["path"].startswith("/block"):
        block_until("gate")
    if scope["path"] == "/forever":
        say("the loop is blocked")
        while True:
            pass
    if scope["path"] == "/exit":
        asyncio.get_running_loop().call_later(0, sys.exit, 7)
    await answer(send)
"""

SLOW_IMPORT = """
import sys
import time

print("import has begun", file=sys.stderr, flush=True)
time.sleep(600)
"""

FIRST_OF_ALL = """
import os
import signal
import time

assert os.getpid() == 1
os.kill(1, signal.SIGTERM)
time.sleep(600)
"""

BIND = ["--bind", "127.0.0.1:0"]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "main.py").write_text(APP)
    (tmp_path / "slow.py").write_text(SLOW_IMPORT)
    (tmp_path / "first.py").write_text(FIRST_OF_ALL)
    return tmp_path


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=LIMIT_SECONDS) as response:
        body: bytes = response.read()
    return body.decode()


def ask(command: Command, path: str) -> socket.socket:
    """A client that has sent a request and waits for the answer."""
    client = socket.create_connection(("127.0.0.1", urlsplit(command.url()).port), LIMIT_SECONDS)
    client.sendall(f"GET {path} HTTP/1.1\r\nhost: x\r\n\r\n".encode())
    return client


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("arguments", [[], ["--workers", "2", "--preload"]], ids=["one", "preload"])
def test_signal_during_the_import_ends_the_process(directory: Path, number: int, arguments: list[str]) -> None:
    with running(["slow:app", *arguments, *BIND, "--pid", "pid"], directory) as command:
        command.wait_for("import has begun")
        assert (directory / "pid").exists()
        command.signal(number)
        assert command.wait() == 128 + number
        assert "Traceback" not in command.err
        assert not (directory / "pid").exists()


@pytest.mark.program("unshare")
def test_sigterm_ends_the_first_process_of_a_container_during_its_import(directory: Path) -> None:
    """A process with the number 1 has no default action for signals, so SIGTERM needs a handler from the beginning."""
    inside = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child"]
    if subprocess.run([*inside, "true"], capture_output=True, timeout=LIMIT_SECONDS).returncode:
        pytest.skip("this system does not let us make a namespace of processes")
    ended = subprocess.run(
        [*inside, sys.executable, "-m", "fastcorn", "first:app", *BIND],
        cwd=directory,
        env={"PYTHONPATH": import_path()},
        capture_output=True,
        timeout=LIMIT_SECONDS,
        text=True,
    )
    assert ended.returncode == 128 + signal.SIGTERM, ended.stderr


@pytest.mark.parametrize("kind", ["stuck-thread", "stuck-pool"])
@pytest.mark.slow
def test_thread_that_the_application_has_started_does_not_hold_the_process(directory: Path, kind: str) -> None:
    with running(["main:app", *BIND, "--pid", "pid"], directory) as command:
        assert get(command.url() + "/" + kind) == "hello"
        command.signal(signal.SIGTERM)
        assert command.wait() == 0
        assert "application has shut down" in command.err
        assert "threads of the application still run; leaving without them" in command.err
        assert not (directory / "pid").exists()


def test_idle_threads_of_the_application_are_nothing_to_tell(directory: Path) -> None:
    with running(["main:app", *BIND], directory) as command:
        assert get(command.url() + "/idle-pool") == "hello"
        command.signal(signal.SIGTERM)
        assert command.wait() == 0
        assert "threads of the application" not in command.err


@pytest.mark.slow
def test_pid_file_is_removed_although_a_thread_does_not_end(directory: Path) -> None:
    with running(["main:app", *BIND, "--pid", "pid"], directory) as command:
        assert get(command.url() + "/stuck-executor") == "hello"
        command.signal(signal.SIGTERM)
        assert command.wait() == 0
        assert command.err.count("threads of the application still run; leaving without them") == 1
        assert not (directory / "pid").exists()


@pytest.mark.slow
def test_second_signal_while_threads_are_waited_for(directory: Path) -> None:
    with running(["main:app", *BIND], directory) as command:
        assert get(command.url() + "/stuck-executor") == "hello"
        command.signal(signal.SIGINT)
        command.wait_for("application has shut down")
        command.signal(signal.SIGINT)
        # Whether it came before or after the two seconds for the threads: the process has ended, without a traceback.
        assert command.wait() in (0, 128 + signal.SIGINT)
        assert "Traceback" not in command.err


def test_second_signal_during_the_drain_delay(directory: Path) -> None:
    with running(["main:app", *BIND, "--drain-delay", "600"], directory) as command:
        command.url()
        command.signal(signal.SIGTERM)
        command.wait_for(r"accepting for 600 s more \(drain_delay\)")
        assert get(command.url()) == "hello"
        command.signal(signal.SIGTERM)
        assert command.wait() == 128 + signal.SIGTERM
        assert "application has shut down" in command.err


def test_sys_exit_in_the_background_stops_in_order(directory: Path) -> None:
    with running(["main:app", *BIND], directory) as command, ask(command, "/exit") as client:
        assert client.recv(12) == b"HTTP/1.1 200"
        assert command.wait() == 7
        assert "application has shut down" in command.err
        assert "a task of the application called sys.exit(7)" in command.err


def test_worker_that_ends_by_itself_leaves_the_socket_to_the_others(directory: Path) -> None:
    with running(["main:app", *BIND, "--workers", "2"], directory) as command:
        for count in (1, 2):
            with ask(command, "/exit") as client:
                assert client.recv(12) == b"HTTP/1.1 200"
            command.wait_for("(?s)" + "exit code 7; starting another.*" * count)
            assert get(command.url()) == "hello"
        command.signal(signal.SIGTERM)
        assert command.wait() == 0


def test_who_blocks_the_loop_is_in_the_log(directory: Path) -> None:
    with running(["main:app", *BIND, "--slow-callback", "0.05"], directory) as command:
        with ask(command, "/block%0Aed?secret=1") as client:
            command.wait_for("blocked")
            (directory / "gate").touch()
            assert client.recv(12) == b"HTTP/1.1 200"
        command.wait_for(r"the event loop runs again after \d+\.\d s")
        command.signal(signal.SIGTERM)
        assert command.wait() == 0
    found = re.search(
        r"the event loop has been blocked for \d+\.\d s \(slow_callback\) at GET /block%0Aed by:\n(.*?)\n\[",
        command.err,
        re.DOTALL,
    )
    assert found, command.err
    calls = re.findall(r'File "(.*)", line \d+, in (\w+)', found[1])
    assert [(Path(file).name, name) for file, name in calls] == [("main.py", "app"), ("main.py", "block_until")]
    assert command.err.count("the event loop has been blocked") == 1


def test_startup_may_block_the_loop(directory: Path) -> None:
    arguments = ["main:app", *BIND, "--slow-callback", "0.01"]
    with running(arguments, directory, {"STARTUP_SECONDS": "0.3"}) as command:
        command.url()
        command.signal(signal.SIGTERM)
        assert command.wait() == 0
        assert "has been blocked" not in command.err.partition("Running on")[0]


def signal_until_the_end(command: Command, number: int) -> int:
    """Signals again and again, as somebody who has lost patience; returns the exit code."""
    for _ in range(100):
        command.signal(number)
        try:
            return command.process.wait(0.3)
        except subprocess.TimeoutExpired:
            continue
    return command.wait()


@pytest.mark.slow
@pytest.mark.parametrize(("worker_class", "number"), [("asyncio", signal.SIGINT), ("auto", signal.SIGTERM)])
def test_an_application_that_blocks_the_loop_for_ever_is_interrupted(
    directory: Path, worker_class: str, number: int
) -> None:
    with running(["main:app", *BIND, "-k", worker_class], directory) as command, ask(command, "/forever"):
        command.wait_for("the loop is blocked")
        assert signal_until_the_end(command, number) == 128 + number
        assert "application has shut down" in command.err


@pytest.mark.slow
def test_a_startup_that_blocks_the_loop_is_interrupted(directory: Path) -> None:
    with running(["main:app", *BIND], directory, {"STARTUP_SECONDS": "600"}) as command:
        command.wait_for("startup has begun")
        assert signal_until_the_end(command, signal.SIGINT) == 128 + signal.SIGINT
        assert "Traceback" not in command.err
