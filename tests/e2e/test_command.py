# SPDX-License-Identifier: MIT
"""The command as users run it: starting, stopping by signals, failing with one line and an honest exit code."""

import contextlib
import re
import signal
import socket
import time
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.e2e.command import Command, run_to_end, running
from tests.loops import LIMIT_SECONDS, bound_socket

APP = """
import asyncio
import os
import sys
import threading

async def respond(send, body):
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        print("application has shut down", file=sys.stderr, flush=True)
        await send({"type": "lifespan.shutdown.complete"})
        return
    if scope["path"] == "/slow":
        print("slow request has begun", file=sys.stderr, flush=True)
        while not os.path.exists(os.environ["GATE"]):
            await asyncio.sleep(0.01)
    if scope["path"] == "/stuck-thread":
        asyncio.get_running_loop().run_in_executor(None, threading.Event().wait)
    if scope["path"].startswith("/error"):
        raise ValueError("the application broke")
    await respond(send, b"hello")

async def no_lifespan(scope, receive, send):
    assert scope["type"] == "http"
    await respond(send, b"hello")

async def failing(scope, receive, send):
    await receive()
    raise ConnectionError("no database")

async def refusing(scope, receive, send):
    await receive()
    await send({"type": "lifespan.startup.failed", "message": "licence expired"})

async def slow_start(scope, receive, send):
    await receive()
    print("startup has begun", file=sys.stderr, flush=True)
    await asyncio.Event().wait()

async def failing_shutdown(scope, receive, send):
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    raise OSError("disk full")

def wsgi(environ, start_response):
    start_response("200 OK", [("content-type", "text/plain")])
    return [b"wsgi"]

def wsgi_stuck(environ, start_response):
    print("slow request has begun", file=sys.stderr, flush=True)
    threading.Event().wait()

def factory():
    return app

not_an_app = {}
"""


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "main.py").write_text(APP)
    (tmp_path / "broken.py").write_text("import json\n\nraise KeyError('DATABASE_URL')\n")
    return tmp_path


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=LIMIT_SECONDS) as answer:
        body: bytes = answer.read()
    return body.decode()


def ask(command: Command, path: str) -> socket.socket:
    """A client that has sent a request and waits for the answer."""
    port = urlsplit(command.url()).port
    client = socket.create_connection(("127.0.0.1", port), LIMIT_SECONDS)
    client.sendall(f"GET {path} HTTP/1.1\r\nhost: x\r\n\r\n".encode())
    return client


def wait_until_refused(command: Command) -> None:
    """Waits until the stop has come so far that nobody listens any more."""
    port = urlsplit(command.url()).port
    end = time.monotonic() + LIMIT_SECONDS
    with contextlib.suppress(ConnectionRefusedError):
        while time.monotonic() < end:
            socket.create_connection(("127.0.0.1", port), LIMIT_SECONDS).close()
        pytest.fail("the server still listens")


BIND = ["--bind", "127.0.0.1:0"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("worker_class", ["auto", "asyncio"])
def test_serves_until_a_signal(directory: Path, number: int, worker_class: str) -> None:
    with running(["main:app", *BIND, "-k", worker_class], directory) as command:
        assert get(command.url()) == "hello"
        command.signal(number)
        assert command.wait() == 0
        assert "Traceback" not in command.err
        assert command.err.count("application has shut down") == 1
        assert len(command.lines) == 3, command.err


@pytest.mark.parametrize(
    ("arguments", "body"),
    [
        (["main:no_lifespan"], "hello"),
        (["main:factory", "--factory"], "hello"),
        (["main:factory()"], "hello"),
        (["main"], "hello"),
        (["main.py:app"], "hello"),
        (["asgi:main:app"], "hello"),
        (["main:wsgi"], "wsgi"),
        (["wsgi:main:wsgi"], "wsgi"),
    ],
    ids=" ".join,
)
def test_kinds_of_applications(directory: Path, arguments: list[str], body: str) -> None:
    with running([*arguments, *BIND], directory) as command:
        assert get(command.url()) == body
        command.signal(signal.SIGTERM)
        assert command.wait() == 0


def test_running_request_is_answered_after_the_signal(directory: Path) -> None:
    gate = directory / "gate"
    with running(["main:app", *BIND], directory, {"GATE": str(gate)}) as command, ask(command, "/slow") as client:
        command.wait_for("slow request has begun")
        command.signal(signal.SIGTERM)
        wait_until_refused(command)
        gate.touch()
        answer = client.makefile("rb").read()
        assert answer.endswith(b"\r\n\r\nhello")
        assert b"\r\nconnection: close\r\n" in answer
        assert command.wait() == 0


def test_second_signal_forces(directory: Path) -> None:
    arguments = ["main:app", *BIND, "--graceful-timeout", "600"]
    with running(arguments, directory, {"GATE": str(directory / "never")}) as command, ask(command, "/slow"):
        command.wait_for("slow request has begun")
        command.signal(signal.SIGINT)
        command.wait_for("Stopping")
        command.signal(signal.SIGINT)
        assert command.wait() == 128 + signal.SIGINT
        assert "Traceback" not in command.err


def test_signal_during_the_startup(directory: Path) -> None:
    with running(["main:slow_start", *BIND], directory) as command:
        command.wait_for("startup has begun")
        command.signal(signal.SIGINT)
        assert command.wait() == 0
        assert "Traceback" not in command.err


def test_graceful_timeout_bounds_the_stop(directory: Path) -> None:
    arguments = ["main:app", *BIND, "--graceful-timeout", "0.1"]
    with running(arguments, directory, {"GATE": str(directory / "never")}) as command, ask(command, "/slow"):
        command.wait_for("slow request has begun")
        command.signal(signal.SIGTERM)
        assert command.wait() == 0
        assert "graceful_timeout (0.1 s) is over: closing 1 connections, cancelling 1 requests" in command.err
        assert "application has shut down" in command.err


def test_wsgi_thread_that_never_returns_does_not_hold_the_process(directory: Path) -> None:
    arguments = ["main:wsgi_stuck", *BIND, "--graceful-timeout", "0.1"]
    with running(arguments, directory) as command, ask(command, "/"):
        command.wait_for("slow request has begun")
        command.signal(signal.SIGTERM)
        assert command.wait() == 0


def test_thread_of_the_application_that_never_returns_does_not_hold_the_process(directory: Path) -> None:
    with running(["main:app", *BIND], directory) as command:
        assert get(command.url() + "/stuck-thread") == "hello"
        command.signal(signal.SIGTERM)
        assert command.wait() == 0
        assert "threads of the application still run; leaving without them" in command.err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["nosuch:app"], 4, r"fastcorn: no module named 'nosuch' .*\n"),
        (["main:appp"], 4, r"fastcorn: module 'main' has no attribute 'appp' .*did you mean 'app'\?\n"),
        (["main:not_an_app"], 4, r"fastcorn: 'main:not_an_app' is a dict, not an application.*\n"),
        (["main:factory"], 4, r"fastcorn: 'main:factory' takes no arguments; .*--factory\n"),
        (["main:refusing", *BIND], 3, r"\[.*\] \[ERROR\] the application failed its startup: licence expired\n"),
        (["main:app", "--bind", "256.0.0.1:1"], 1, r".*bind: cannot listen on 256\.0\.0\.1:1: .*\n"),
        (["main:app", *BIND, "--pid", "/nosuch/pid"], 2, r".*pid_path: cannot write '/nosuch/pid': .*\n"),
        (["main:app", *BIND, "--error-logfile", "/nosuch/log"], 2, r"fastcorn: .*errorlog: cannot write.*\n"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_mistake_is_one_line(directory: Path, arguments: list[str], code: int, message: str) -> None:
    ended, out, err = run_to_end(arguments, directory)
    assert (ended, out) == (code, "")
    assert re.fullmatch(message, err), err


def test_address_in_use_is_one_line(directory: Path) -> None:
    with bound_socket() as taken:
        taken.listen()
        port = taken.getsockname()[1]
        code, _, err = run_to_end(["main:app", "--bind", f"127.0.0.1:{port}"], directory)
    assert code == 1
    assert re.fullmatch(rf".*cannot listen on 127\.0\.0\.1:{port}: address already in use; .*\n", err), err


def test_import_that_fails_shows_the_applications_traceback_alone(directory: Path) -> None:
    code, _, err = run_to_end(["broken:app"], directory)
    assert code == 4
    lines = err.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert re.fullmatch(r'  File ".*/broken\.py", line 3, in <module>', lines[1])
    assert lines[-1] == "fastcorn: importing 'broken' failed: KeyError: 'DATABASE_URL'"
    assert "fastcorn/" not in err.replace(str(directory), "")


def test_startup_that_raises_shows_its_traceback_once(directory: Path) -> None:
    code, _, err = run_to_end(["main:failing", *BIND], directory)
    assert code == 3
    assert err.count("Traceback") == 1
    assert err.count("[ERROR] the application failed its startup: ConnectionError: no database") == 1
    assert "Running on" not in err


def test_shutdown_that_raises_has_an_exit_code(directory: Path) -> None:
    with running(["main:failing_shutdown", *BIND], directory) as command:
        command.url()
        command.signal(signal.SIGTERM)
        assert command.wait() == 1
        assert command.err.count("the application failed its shutdown: OSError: disk full") == 1


def test_path_cannot_feign_a_line_of_the_error_log(directory: Path) -> None:
    with running(["main:app", *BIND], directory) as command:
        with ask(command, "/error%0A[INFO]%20all%20well") as client:
            assert client.recv(12) == b"HTTP/1.1 500"
        command.wait_for("the application broke")
        assert r"Exception in the application at GET /error\n[INFO] all well" + "\n" in command.err


def test_error_of_the_application_is_logged_once(directory: Path) -> None:
    with running(["main:app", *BIND], directory) as command:
        with ask(command, "/error") as client:
            assert client.recv(100).startswith(b"HTTP/1.1 500 ")
        command.wait_for("ValueError: the application broke")
        assert get(command.url()) == "hello"
        command.signal(signal.SIGTERM)
        assert command.wait() == 0
        assert command.err.count("Traceback") == 1


def test_access_log_on_stdout(directory: Path) -> None:
    arguments = ["main:app", *BIND, "--access-logfile", "-", "--access-logformat", "%(h)s %(r)s %(s)s %(b)s"]
    with running(arguments, directory) as command:
        get(command.url() + "/a?b=c")
        command.signal(signal.SIGTERM)
        assert command.wait() == 0
        out = command.out()
    assert re.fullmatch(r"\[.*\] \[\d+\] \[INFO\] 127\.0\.0\.1:\d+ GET /a 1\.1 200 5\n", out), out


def test_logs_in_files_and_pid_file(directory: Path) -> None:
    arguments = ["main:app", *BIND, "--access-logfile", "access.log", "--error-logfile", "error.log", "-p", "pid"]
    with running(arguments, directory) as command:
        end = time.monotonic() + LIMIT_SECONDS
        error_log = directory / "error.log"
        while not (error_log.exists() and "Running on" in error_log.read_text()):
            assert time.monotonic() < end
            assert command.process.poll() is None
            time.sleep(0.005)
        assert (directory / "pid").read_text() == f"{command.process.pid}\n"
        match = re.search(r"http://\S+", error_log.read_text())
        assert match is not None
        get(match[0])
        command.signal(signal.SIGTERM)
        assert command.wait() == 0
        assert command.err == "application has shut down\n"
    assert (directory / "access.log").read_text().count("GET / 1.1") == 1
    assert not (directory / "pid").exists()


def test_application_that_configures_logging_cannot_switch_ours_off(directory: Path) -> None:
    (directory / "logs.py").write_text(
        "import logging.config\n"
        "logging.config.dictConfig({'version': 1, 'disable_existing_loggers': True})\n"
        "logging.basicConfig()\n"
        "from main import app\n"
    )
    with running(["logs:app", *BIND], directory) as command:
        get(command.url())
        command.signal(signal.SIGTERM)
        assert command.wait() == 0
        assert command.err.count("Running on") == 1


def test_unix_socket_is_made_and_removed(directory: Path) -> None:
    with running(["main:app", "--bind", "unix:app.sock"], directory) as command:
        command.url()
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(LIMIT_SECONDS)
            client.connect(str(directory / "app.sock"))
            client.sendall(b"GET / HTTP/1.0\r\n\r\n")
            assert client.makefile("rb").read().endswith(b"hello")
        command.signal(signal.SIGTERM)
        assert command.wait() == 0
        assert not (directory / "app.sock").exists()


@pytest.mark.program("curl")
def test_curl(directory: Path) -> None:
    import subprocess

    with running(["main:app", *BIND], directory) as command:
        curl = ["curl", "-sS", "--max-time", "30", "-w", "%{http_code} %{num_connects} ", command.url(), command.url()]
        done = subprocess.run(curl, capture_output=True, text=True, timeout=2 * LIMIT_SECONDS, check=True)
        assert done.stdout == "hello200 1 hello200 0 "
        command.signal(signal.SIGTERM)
        assert command.wait() == 0
