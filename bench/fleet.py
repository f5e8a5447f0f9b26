# SPDX-License-Identifier: MIT
"""fastcorn with worker processes: started, waited for by its log, looked at in /proc, stopped. Used by `processes`.

Other than ServerProcess, which waits for an answer, this reads the log: when all workers are ready and when a rolling
restart has ended is told there.
"""

import contextlib
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from bench.errors import BenchError
from bench.interpreter import Interpreter
from bench.procfs import PROC, resident_bytes

LIMIT_SECONDS = 60.0
STARTED = r"Running on http://127\.0\.0\.1:(\d+)"


class Fleet:
    """A running server with its workers; use it as a context manager.

    Args:
        interpreter: the Python to run it with.
        app: the application, `module:name`.
        arguments: further arguments of the command.
        stdout: a file that gets what it prints.

    Attributes:
        pid: of the first process.
        port: its TCP port on 127.0.0.1.
        ready_seconds: from before exec until its log said that it runs, which is when all workers are ready.

    Raises:
        BenchError: on entering, when it does not start.
    """

    def __init__(self, interpreter: Interpreter, app: str, *arguments: str, stdout: Path | None = None) -> None:
        self.pid = self.port = 0
        self.ready_seconds = 0.0
        self._interpreter = interpreter
        self._stdout = stdout
        self._command = [interpreter.path, "-m", "fastcorn", app, "--bind", "127.0.0.1:0", *arguments]
        self._lines: list[str] = []
        self._changed = threading.Condition()
        self._ended = False

    def __enter__(self) -> Self:
        started = time.perf_counter()
        with contextlib.ExitStack() as files:
            self._process = subprocess.Popen(
                self._command,
                cwd=self._interpreter.folder,
                env=dict(self._interpreter.environment),
                stdin=subprocess.DEVNULL,
                stdout=None if self._stdout is None else files.enter_context(self._stdout.open("ab")),
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
        self.pid = self._process.pid
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            self.port = int(self.wait_for(STARTED)[0])
        except BaseException:
            self._end()
            raise
        self.ready_seconds = time.perf_counter() - started
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._end()

    @property
    def log(self) -> str:
        return "".join(self._lines)

    def wait_for(self, pattern: str, times: int = 1) -> list[str]:
        """Waits until the log has so many matches; returns them, or their group, as re.findall does.

        Raises:
            BenchError: the server ended before, or it took a minute.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._ended or len(re.findall(pattern, self.log)) >= times, LIMIT_SECONDS)
        found: list[str] = re.findall(pattern, self.log)
        if len(found) < times:
            words = self.log.strip().splitlines() or ["it wrote nothing"]
            raise BenchError(f"fastcorn did not say {pattern!r}: {words[-1]}")
        return found

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    def wait(self) -> int:
        """Waits for the end; returns the exit code."""
        try:
            return self._process.wait(LIMIT_SECONDS)
        except subprocess.TimeoutExpired:
            raise BenchError(f"fastcorn did not end within {LIMIT_SECONDS:g} s") from None

    def workers(self) -> list[int]:
        """The process ids of the workers; of the only process where there are none."""
        return children_of(self.pid) or [self.pid]

    def _read(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            with self._changed:
                self._lines.append(line)
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _end(self) -> None:
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(LIMIT_SECONDS)
            except subprocess.TimeoutExpired:
                pass
        try:
            os.killpg(self.pid, signal.SIGKILL)  # the session is its own, so these are its processes
        except ProcessLookupError:
            pass
        self._process.wait(LIMIT_SECONDS)
        self._reader.join(LIMIT_SECONDS)
        if self._process.stderr is not None:
            self._process.stderr.close()


def children_of(pid: int) -> list[int]:
    """The child processes of a process, in the order of their start."""
    try:
        words = (PROC / str(pid) / "task" / str(pid) / "children").read_text(encoding="ascii").split()
    except OSError:
        return []
    return [int(word) for word in words]


def rollup(pid: int, *names: str) -> int:
    """The sum of some lines of /proc/PID/smaps_rollup in bytes; 0 when the process has gone."""
    try:
        text = (PROC / str(pid) / "smaps_rollup").read_text(encoding="ascii")
    except OSError:
        return 0
    return sum(int(size) << 10 for name, size in re.findall(r"(?m)^(\w+):\s+(\d+) kB", text) if name in names)


def sockets_of(pid: int) -> int:
    """How many descriptors of a process are sockets."""
    count = 0
    for entry in Path(PROC / str(pid) / "fd").iterdir():
        try:
            count += os.readlink(entry).startswith("socket:")
        except OSError:
            continue
    return count


def bare_resident_bytes(interpreter: Interpreter, code: Sequence[str] = ("-c", "input()")) -> int:
    """Resident memory of this Python when it does nothing."""
    with subprocess.Popen(
        [interpreter.path, *code],
        cwd=interpreter.folder,
        env=dict(interpreter.environment),
        stdin=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        seen, size = 0, resident_bytes(process.pid)
        # It reads from a pipe for ever: when its memory has stopped growing, it is there.
        while size == 0 or size != seen:
            time.sleep(0.1)
            seen, size = size, resident_bytes(process.pid)
        process.kill()
    return size
