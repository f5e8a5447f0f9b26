# SPDX-License-Identifier: MIT
"""A server that cannot start: one clear message, whatever the number of workers, an honest exit code, and the end."""

import re
import socket
import sys
from pathlib import Path

import pytest

from tests.e2e.command import run_to_end
from tests.e2e.workers import environment, processes_of

if sys.platform == "win32":
    pytest.skip("Windows has neither fork nor these signals", allow_module_level=True)

APPLICATION = """
import asyncio, os, signal

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    await send({"type": "http.response.start", "status": 503, "headers": []})
    await send({"type": "http.response.body"})

async def refusing(scope, receive, send):
    await receive()
    await send({"type": "lifespan.startup.failed", "message": "the database is away"})

async def raising(scope, receive, send):
    await receive()
    raise ConnectionError("no route to the database")

async def waiting(scope, receive, send):
    await asyncio.Event().wait()

async def killed(scope, receive, send):
    os.kill(os.getpid(), signal.SIGKILL)

async def leaving(scope, receive, send):
    os._exit(7)
"""

each_workers = pytest.mark.parametrize("workers", ["1", "4"])
BIND = ["--bind", "127.0.0.1:0"]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "main.py").write_text(APPLICATION)
    (tmp_path / "broken.py").write_text("import json\n\nraise KeyError('DATABASE_URL')\n")
    (tmp_path / "wrong.py").write_text("def app(:\n")
    return tmp_path


def start(directory: Path, *arguments: str) -> tuple[int, str]:
    """Runs the command to its end; returns code and stderr, and fails when it leaves a process behind."""
    code, out, err = run_to_end([*arguments], directory, environment=environment(directory))
    assert out == ""
    assert processes_of(directory) == []
    return code, err


@each_workers
@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["nosuch:app"], 4, r"fastcorn: no module named 'nosuch' .*\n"),
        (["main:nosuch"], 4, r"fastcorn: .*'nosuch'.*\n"),
        (["main:app", "--bind", "256.0.0.1:1"], 1, r".*bind: cannot listen on 256\.0\.0\.1:1: .*\n"),
        (["main:app", "--warmup", "/nothing here"], 2, r"fastcorn: --warmup: must be a method and a path, .*\n"),
        (["main:app", "--on-starting", "nosuch:hook"], 2, r".*--on-starting: 'nosuch:hook' cannot be imported: .*\n"),
        (
            ["main:app", "--certfile", "no.pem", "--keyfile", "no.key"],
            2,
            r".*--certfile: 'no\.pem' cannot be read[^\n]*\n",
        ),
        (["main:app", "--error-logfile", "no/such/file"], 2, r"fastcorn: [^\n]*no/such/file[^\n]*\n"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_mistake_is_told_once(directory: Path, workers: str, arguments: list[str], code: int, message: str) -> None:
    bind = [] if "--bind" in arguments else BIND
    ended, err = start(directory, *arguments, *bind, "--workers", workers)
    assert ended == code
    assert re.fullmatch(message, err), err


@each_workers
@pytest.mark.parametrize("preload", [[], ["--preload"]], ids=["", "preload"])
@pytest.mark.parametrize(("module", "error"), [("broken", "KeyError: 'DATABASE_URL'"), ("wrong", "SyntaxError: ")])
def test_import_error(directory: Path, workers: str, preload: list[str], module: str, error: str) -> None:
    code, err = start(directory, f"{module}:app", *BIND, "--workers", workers, *preload)
    assert code == 4
    # The last line of a traceback, and the line that says what was being imported.
    assert len(re.findall(rf"(?m)^{error}", err)) == 1
    assert err.count(f"importing '{module}' failed") == 1
    assert err.count("Traceback") == (module == "broken")
    assert f"{module}.py" in err
    assert "fastcorn/" not in err, "how the server got there helps nobody"


@each_workers
@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("refusing", [], "the application failed its startup: the database is away"),
        ("raising", ["--lifespan", "on"], "the application failed its startup: ConnectionError: no route"),
        ("waiting", ["--startup-timeout", "0.2"], "the application did not answer lifespan.startup within 0.2 s"),
        ("app", ["--warmup", "GET /"], "the warm-up request GET / is answered with 503; the application is not ready"),
    ],
)
def test_failed_lifespan(directory: Path, workers: str, name: str, arguments: list[str], message: str) -> None:
    code, err = start(directory, f"main:{name}", *BIND, "--workers", workers, *arguments)
    assert code == 3
    assert err.count(message) == 1
    assert err.count("ERROR") == 1


def test_worker_that_is_killed_while_it_starts(directory: Path) -> None:
    code, err = start(directory, "main:killed", *BIND, "--workers", "4")
    assert code == 128 + 9
    assert err.count("killed by SIGKILL; stopping, because it was not ready yet") == 1


def test_worker_that_leaves_while_it_starts(directory: Path) -> None:
    code, err = start(directory, "main:leaving", *BIND, "--workers", "4")
    assert code == 7
    assert err.count("exit code 7; stopping, because it was not ready yet") == 1


@each_workers
def test_port_in_use(directory: Path, workers: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, err = start(directory, "main:app", "--workers", workers, "--bind", f"127.0.0.1:{port}")
    assert code == 1
    assert re.fullmatch(rf".*cannot listen on 127\.0\.0\.1:{port}: address already in use; .*\n", err)


def test_port_in_use_by_another_reuseport_server(directory: Path) -> None:
    """SO_REUSEPORT must not let two servers share a port by mistake."""
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        bind = f"127.0.0.1:{port}"
        code, err = start(directory, "main:app", "--workers", "2", "--accept", "reuseport", "--bind", bind)
    assert code == 1
    assert "address already in use" in err
