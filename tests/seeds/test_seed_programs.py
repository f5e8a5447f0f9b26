# SPDX-License-Identifier: MIT
"""Programs written for Hypercorn, run with only the import name changed, and asked by a real client.

They are the examples of five public descriptions of ASGI and Hypercorn, in tests/seeds/programs as they were found (but
for lost indentation). Each is a process of its own; it is stopped by SIGTERM and must end with exit code 0.
"""

from __future__ import annotations

import http.client
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import fastcorn

HERE = Path(__file__).resolve().parent
PROGRAMS = HERE / "programs"
RUNNER = str(HERE / "runner.py")
PATIENCE = 30.0
OTHERS = ("FASTCORN_", "PORT", "WEB_CONCURRENCY", "FORWARDED_ALLOW_IPS")  # settings of whoever runs the tests
RUNNING = re.compile(r"Running on http://[^:]+:(\d+)")

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to stop them with")


class Server:
    """A program that serves: its output, its ports in the order in which they were printed."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[str] = []
        self.ports: list[int] = []
        self.ended = False
        self.news = threading.Condition()
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self.news:
                self.lines.append(line)
                self.ports.extend(int(port) for port in RUNNING.findall(line))
                self.news.notify_all()
        with self.news:
            self.ended = True
            self.news.notify_all()

    def port(self, number: int = 0) -> int:
        with self.news:
            self.news.wait_for(lambda: len(self.ports) > number or self.ended, PATIENCE)
            assert len(self.ports) > number, f"it does not listen; it printed: {''.join(self.lines)}"
            return self.ports[number]

    def ask(self, number: int = 0) -> tuple[int, str | None, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port(number), timeout=PATIENCE)
        try:
            connection.request("GET", "/")
            response = connection.getresponse()
            return response.status, response.getheader("content-type"), response.read()
        finally:
            connection.close()

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)


@contextmanager
def running(*arguments: str, port: str | None = None) -> Iterator[Server]:
    root = str(Path(fastcorn.__file__).resolve().parents[1])
    environment = {name: value for name, value in os.environ.items() if not name.startswith(OTHERS)}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH", "")]))
    if port is not None:
        environment["PORT"] = port
    process = subprocess.Popen(
        [sys.executable, "-u", *arguments],
        cwd=PROGRAMS, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    server = Server(process)
    try:
        yield server
    finally:
        process.kill()
        process.wait(PATIENCE)
        server.reader.join(PATIENCE)
        assert process.stdout is not None
        process.stdout.close()


def test_the_introduction_by_the_command_line() -> None:
    with running("-m", "fastcorn", "app:simple_asgi_app", "--bind", "0.0.0.0:0") as server:
        assert server.ask() == (200, "text/plain", b"Hello, ASGI from Hypercorn!")
        assert server.stop() == 0


def test_the_glossary_by_the_command_line_of_uvicorn() -> None:
    with running("-m", "fastcorn", "raw_asgi:app", "--host", "0.0.0.0", "--port", "0") as server:
        assert server.ask() == (200, "text/plain", b"Hello from ASGI!")
        assert server.stop() == 0


def test_the_quickstart_with_its_port_variable() -> None:
    with running("quickstart.py", port="0") as server:
        assert server.ask() == (200, "text/plain", b"Hello, world!")
        assert server.stop() == 0
        assert server.lines[0] == "Serving on 0.0.0.0:0...\n"


@pytest.mark.parametrize("program", ["basic.py", "shutdown_trigger.py", "server_manager.py", "wsgi.py"])
def test_an_embedded_server(program: str) -> None:
    with running(RUNNER, program) as server:
        assert server.ask() == (200, "text/plain", b"Hello World")
        assert server.stop() == 0


def test_two_servers_one_after_the_other() -> None:
    with running(RUNNER, "modes.py") as server:
        assert server.ask(0) == (200, "text/plain", b"Hello World")
        server.process.send_signal(signal.SIGTERM)
        assert server.ask(1) == (200, "text/plain", b"Hello World")
        assert server.stop() == 0


def test_every_program_is_asked() -> None:
    text = Path(__file__).read_text(encoding="utf-8")
    for program in PROGRAMS.glob("*.py"):
        assert f'"{program.name}"' in text or f'"{program.stem}:' in text, program.name
