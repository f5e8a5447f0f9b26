# SPDX-License-Identifier: MIT
"""The command as systemd runs it: its sockets are passed, and it tells how it goes. And the units in deploy/systemd."""

from __future__ import annotations

import configparser
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fastcorn.config import Config
from fastcorn.config.commandline import parse_command_line
from tests.e2e.command import ROOT, Command, running
from tests.loops import LIMIT_SECONDS

if sys.platform != "linux":
    pytest.skip("systemd is Linux's", allow_module_level=True)

UNITS = ROOT / "deploy" / "systemd"

# What systemd does for a socket unit: a listening socket as descriptor 3, and variables that name this process.
LAUNCHER = """
import os, socket, sys
sock = socket.create_server(("127.0.0.1", 0))
if sock.fileno() != 3:
    os.dup2(sock.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", LISTEN_FDNAMES="web")
os.execv(sys.argv[1], sys.argv[1:])
"""

APP = """
import os
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        raise RuntimeError("no lifespan")
    body = " ".join(name for name in os.environ if name.startswith("LISTEN_")).encode() or b"no variables"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})
"""


class Manager:
    """The service manager's end of NOTIFY_SOCKET."""

    def __init__(self, path: str) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.settimeout(LIMIT_SECONDS)
        self.sock.bind(path)

    def wait_for(self, line: str) -> list[str]:
        """Waits for a message with a line; returns all its lines."""
        while True:
            lines = self.sock.recv(10_000).decode().splitlines()
            if line in lines:
                return lines


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    made = Manager(str(tmp_path / "notify"))
    yield made
    made.sock.close()


def body_of(command: Command) -> bytes:
    host, port = command.url().removeprefix("http://").rsplit(":", 1)
    with socket.create_connection((host, int(port)), LIMIT_SECONDS) as client:
        client.sendall(b"GET / HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n")
        answer = b"".join(iter(lambda: client.recv(65536), b""))
    return answer.partition(b"\r\n\r\n")[2]


@pytest.mark.parametrize("workers", [1, 2])
def test_served_on_its_sockets_and_told(tmp_path: Path, manager: Manager, workers: int) -> None:
    (tmp_path / "main.py").write_text(APP)
    environment = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "100000"}
    prefix = [sys.executable, "-c", LAUNCHER]
    with running(["main:app", "--workers", str(workers)], tmp_path, environment, prefix=prefix) as command:
        ready = manager.wait_for("READY=1")
        assert f"MAINPID={command.process.pid}" in ready
        command.wait_for("bind is not set: serving the sockets of systemd")
        assert b"no variables" in body_of(command)
        manager.wait_for("WATCHDOG=1")
        command.signal(signal.SIGHUP)
        reloading = manager.wait_for("RELOADING=1")
        assert any(line.startswith("MONOTONIC_USEC=") for line in reloading)
        manager.wait_for("READY=1")
        assert b"no variables" in body_of(command)
        command.signal(signal.SIGTERM)
        manager.wait_for("STOPPING=1")
        assert command.wait() == 0


@pytest.mark.parametrize("workers", [1, 2])
def test_without_a_manager_that_listens_it_serves(tmp_path: Path, workers: int) -> None:
    (tmp_path / "main.py").write_text(APP)
    environment = {"NOTIFY_SOCKET": str(tmp_path / "nobody"), "WATCHDOG_USEC": "100000"}
    arguments = ["main:app", "--bind", "127.0.0.1:0", "--workers", str(workers)]
    with running(arguments, tmp_path, environment) as command:
        assert body_of(command)
        command.signal(signal.SIGTERM)
        assert command.wait() == 0


def unit(name: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[method-assign,assignment]
    parser.read(UNITS / name, encoding="utf-8")
    return parser


def test_the_units_fit_each_other_and_the_command() -> None:
    service, sock = unit("fastcorn.service"), unit("fastcorn.socket")
    assert service["Unit"]["Requires"] == "fastcorn.socket"
    assert sock["Socket"]["ListenStream"]
    program, *arguments = shlex.split(service["Service"]["ExecStart"])
    assert program.endswith("/fastcorn")
    assert "--bind" not in arguments, "an address that is set would win over the socket unit"
    given = {name: value for name, value, _ in parse_command_line(arguments).values}
    assert given.keys() == {"application_path", "workers"}
    patience = float(service["Service"]["TimeoutStopSec"])
    settings = Config().freeze()
    assert patience > settings.graceful_timeout + settings.shutdown_timeout


@pytest.mark.program("systemd-analyze")
def test_systemd_finds_nothing_wrong_with_the_units(tmp_path: Path) -> None:
    for path in UNITS.iterdir():
        text = path.read_text(encoding="utf-8").replace("/srv/app/.venv/bin/fastcorn", sys.executable)
        (tmp_path / path.name).write_text(text, encoding="utf-8")
    found = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *map(str, sorted(tmp_path.iterdir()))],
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        check=False,
    )
    about_ours = [line for line in found.stderr.splitlines() if "fastcorn" in line]
    assert about_ours == []
