# SPDX-License-Identifier: MIT
"""`serving()`: the command with worker processes, on the application of tests/e2e/workload.py.

Used by the tests of processes beside it. Worker processes that outlive a test, for instance because their supervisor
was killed, are found by a variable in their environment and killed too.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from tests.e2e.command import Command, running
from tests.load import Address, Kind, Link, Verdict, exchange
from tests.loops import LIMIT_SECONDS

MARK = "FASTCORN_TEST_FOLDER"
READY = r"worker (\d+) \(pid (\d+)\) is ready"
ROLLED = r"SIGHUP: (?:all workers are|the worker is) replaced"


class Server:
    """A running command and its worker processes."""

    def __init__(self, command: Command, folder: Path) -> None:
        self.command = command
        self.folder = folder

    @property
    def address(self) -> Address:
        parts = urlsplit(self.command.url())
        if parts.hostname == "unix":
            return self.command.url().partition("unix:")[2]
        assert parts.port is not None
        return "127.0.0.1", parts.port

    @property
    def supervisor(self) -> int:
        return self.command.process.pid

    def ready(self) -> list[int]:
        """The process ids of the workers that have become ready so far, in that order."""
        return [int(pid) for _, pid in re.findall(READY, self.command.err)]

    def wait_ready(self, count: int) -> list[int]:
        """Waits until so many workers have become ready since the start; returns their process ids."""
        self.command.wait_for(rf"(?s)({READY}.*){{{count}}}")
        return self.ready()

    def wait_for(self, pattern: str, times: int = 1) -> None:
        """Waits until the log has so many matches."""
        self.command.wait_for(rf"(?s)({pattern}.*){{{times}}}")

    def ask(self, path: str = "/") -> tuple[str, bytes]:
        """A request on a new connection; returns the process that answered, and the body."""
        link = self.send(path)
        try:
            answer = link.read_answer()
        finally:
            link.close()
        assert answer.status == 200, answer
        return answer.fields["x-worker"], answer.body

    def send(self, path: str = "/") -> Link:
        """A request whose answer the caller reads."""
        link = Link(self.address)
        link.sock.sendall(f"GET {path} HTTP/1.1\r\nhost: test\r\n\r\n".encode())
        return link

    def is_fine(self) -> None:
        """Fails unless a new client is answered."""
        link = Link(self.address)
        outcome, _ = exchange(link, Kind("probe"), 1)
        link.close()
        assert outcome.verdict is Verdict.ANSWERED, outcome

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Stops the server; returns the exit code, once nobody listens and no process is left."""
        address = self.address
        self.command.signal(number)
        code = self.command.wait()
        wait_until(lambda: not processes_of(self.folder))
        wait_until(lambda: is_free(address))  # a process leaves /proc before its sockets are closed
        assert "Traceback" not in self.command.err, self.command.err
        return code


@contextmanager
def serving(folder: Path, *arguments: str, bind: str | None = "127.0.0.1:0") -> Iterator[Server]:
    """The command on the application in a folder, which gets it if it has none; kills all processes at the end.

    Args:
        folder: empty, or with a main.py.
        arguments: of the command, beside the application and the address.
        bind: where to listen; None leaves it to the other arguments.
    """
    if not (folder / "main.py").exists():
        shutil.copy(Path(__file__).with_name("workload.py"), folder / "main.py")
    where = [] if bind is None else ["--bind", bind]
    with running(["main:app", *where, *arguments], folder, environment(folder)) as command:
        try:
            yield Server(command, folder)
        finally:
            with contextlib.suppress(ProcessLookupError):
                command.process.kill()
            for pid in processes_of(folder):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


def environment(folder: Path) -> dict[str, str]:
    """What the processes of a command are found by."""
    return {MARK: str(folder)}


def processes_of(folder: Path) -> list[int]:
    """The living processes that were started for a folder."""
    mark = f"{MARK}={folder}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and mark in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
    return found


def signal_all(server: Server, number: int) -> None:
    """Sends a signal to each process of a server with two workers."""
    for pid in server.wait_ready(2):
        os.kill(pid, number)
    server.command.signal(number)


def is_gone(pid: int) -> bool:
    """Whether a process has ended; a zombie has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def is_free(address: Address) -> bool:
    """Whether a server could take an address."""
    if isinstance(address, str):
        return not os.path.exists(address)
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind(address)
        except OSError:
            return False
    return True


def wait_until(condition: Callable[[], bool]) -> None:
    """Waits until something is so; fails after LIMIT_SECONDS."""
    end = time.monotonic() + LIMIT_SECONDS
    while not condition():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.01)
