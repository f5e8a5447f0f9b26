# SPDX-License-Identifier: MIT
"""One server as child processes: started, pinned to a core, waited for, measured, stopped.

Called by every command that needs a server; calls `servers` for the command line and `procfs` for time and memory.
The server gets a session of its own, so that exactly its processes are counted and, at the end, stopped.
"""

import os
import resource
import signal
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import IO, Self

from bench import floor, procfs
from bench.errors import BenchError
from bench.exchange import Exchange, ExchangeError
from bench.interpreter import Interpreter
from bench.servers import FLOOR, Server

START_SECONDS = 30.0
STOP_SECONDS = 5.0
SERVER_CORE = 0
LOAD_CORE = 1
PROBE_ADDRESS = "127.0.0.2"
"""Where probes come from: while nobody listens, a connection from 127.0.0.1 may get the very port it goes to, be its
own peer, and keep the server from binding it."""


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listened on a moment ago."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


ALLOWED_CORES = os.sched_getaffinity(0)
"""Cores this process may use before it pins itself."""


def core_or_any(core: int) -> set[int]:
    """The core if this process may use it, else all that it may use (a machine with one core)."""
    return {core} if core in ALLOWED_CORES else ALLOWED_CORES


def pin_load() -> None:
    """Pins this process, and the load generators it starts, away from the server."""
    os.sched_setaffinity(0, core_or_any(LOAD_CORE))


def raise_open_files(wanted: int) -> int:
    """Raises the limit of open files for this process and its children; returns what it is then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        for limits in ((wanted, max(wanted, hard)), (hard, hard)):
            try:
                resource.setrlimit(resource.RLIMIT_NOFILE, limits)
                break
            except (ValueError, OSError):
                continue
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def probe_http1(port: int, path: str) -> int:
    """Asks a server for a path over HTTP/1.1, in cleartext, and returns the status."""
    with Exchange(port, timeout=5.0, source=PROBE_ADDRESS) as exchange:
        return exchange.get(path).status


def probe_https(trusting: ssl.SSLContext) -> Callable[[int, str], int]:
    """What asks over HTTP/1.1 and TLS instead."""

    def probe(port: int, path: str) -> int:
        with Exchange(port, timeout=5.0, source=PROBE_ADDRESS, trusting=trusting) as exchange:
            return exchange.get(path).status

    return probe


class ServerProcess:
    """A running server; use it as a context manager.

    Args:
        server: which one.
        interpreter: the Python to run it with.
        app: the application, `module:name`.
        path: the path that answers 200 when the server is ready.
        idle: keep idle connections open for two minutes.
        probe: asks for a path on a port and returns the status; raises OSError or ExchangeError while nobody answers.

    Attributes:
        port: its TCP port on 127.0.0.1.
        session: id of its session.
        ready_seconds: from before exec to the end of its first answer.

    Raises:
        BenchError: on entering, when it ends or does not answer within 30 s; the message has its last words.
    """

    def __init__(
        self,
        server: Server,
        interpreter: Interpreter,
        app: str,
        *,
        path: str = "/",
        idle: bool = False,
        probe: Callable[[int, str], int] = probe_http1,
    ) -> None:
        self.server = server
        self.port = free_port()
        self.session = 0
        self.ready_seconds = 0.0
        self._interpreter = interpreter
        self._path = path
        self._probe = probe
        if server is FLOOR:
            self._command: Sequence[str] = floor.command(interpreter.folder, app, self.port)
        else:
            self._command = server.command(interpreter.path, app, self.port, idle=idle)
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed in __exit__

    def __enter__(self) -> Self:
        started = time.perf_counter()
        try:
            self._process = self._start()
            self.session = self._process.pid
            self._wait_ready(started + START_SECONDS)
        except BaseException:
            self._stop()
            raise
        self.ready_seconds = time.perf_counter() - started
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop()

    @property
    def alive(self) -> bool:
        """Whether the first process of the server still runs."""
        return self._process is not None and self._process.poll() is None

    def cpu_seconds(self) -> float:
        """User + system time of all its processes and threads so far."""
        return procfs.session_cpu_seconds(self.session)

    def resident_bytes(self) -> int:
        """Resident memory of all its processes."""
        return procfs.session_resident_bytes(self.session)

    def last_words(self) -> str:
        """The last line it wrote, for an error message."""
        self._log.seek(0)
        lines = self._log.read().decode(errors="replace").strip().splitlines()
        return lines[-1].strip() if lines else "it wrote nothing"

    def _start(self) -> subprocess.Popen[bytes]:
        own_cores = os.sched_getaffinity(0)
        os.sched_setaffinity(0, core_or_any(SERVER_CORE))  # inherited by the child
        try:
            return subprocess.Popen(
                self._command,
                cwd=self._interpreter.folder,
                env=dict(self._interpreter.environment),
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise BenchError(f"cannot run {self._command[0]}: {error.strerror}") from None
        finally:
            os.sched_setaffinity(0, own_cores)

    def _wait_ready(self, deadline: float) -> None:
        while time.perf_counter() < deadline:
            if not self.alive:
                raise BenchError(f"{self.server.name} ended instead of serving: {self.last_words()}")
            try:
                status = self._probe(self.port, self._path)
            except (OSError, ExchangeError):
                time.sleep(0.001)
                continue
            if status == 200:
                return
            raise BenchError(f"{self.server.name} answered {status} to GET {self._path}: {self.last_words()}")
        raise BenchError(f"{self.server.name} did not answer within {START_SECONDS:g} s: {self.last_words()}")

    def _stop(self) -> None:
        if self._process is not None:
            self._signal(signal.SIGTERM)
            if not wait_until(lambda: not self.alive, STOP_SECONDS):
                self._signal(signal.SIGKILL)
            self._process.wait(STOP_SECONDS)
            if procfs.session_processes(self.session):
                self._signal(signal.SIGKILL)  # workers that outlived their parent
            self._process = None
        self._log.close()

    def _signal(self, number: signal.Signals) -> None:
        try:
            os.killpg(self.session, number)
        except ProcessLookupError:
            pass


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Polls a condition every 10 ms for at most `seconds`; returns whether it came true."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True
