# SPDX-License-Identifier: MIT
"""The fastcorn command as a process of its own, on a free port, with bounded waits. Used by the tests beside it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.loops import LIMIT_SECONDS

ROOT = Path(__file__).resolve().parents[2]

# A noisy machine must not add warnings of a blocked loop to what a test expects in the log.
ALWAYS = {"PYTHONUNBUFFERED": "1", "FASTCORN_SLOW_CALLBACK": "off"}


class Command:
    """A running `python -m fastcorn`.

    Args:
        arguments: of the command.
        directory: where it runs.
        environment: variables beside those of this process.
        prefix: a program that starts the command, with its arguments.
    """

    def __init__(
        self,
        arguments: list[str],
        directory: Path,
        environment: dict[str, str] | None = None,
        prefix: Sequence[str] = (),
    ) -> None:
        self.process = subprocess.Popen(
            [*prefix, sys.executable, "-m", "fastcorn", *arguments],
            cwd=directory,
            env={**os.environ, **ALWAYS, "PYTHONPATH": import_path(), **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.lines: list[str] = []
        self._changed = threading.Condition()
        self._ended = False
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._changed:
                self.lines.append(line)
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    @property
    def err(self) -> str:
        """What the process has written to stderr so far."""
        return "".join(self.lines)

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Waits until stderr has a match; fails when the process ends without one, or after LIMIT_SECONDS."""
        with self._changed:
            found = self._changed.wait_for(lambda: re.search(pattern, self.err) or self._ended, LIMIT_SECONDS)
        match = re.search(pattern, self.err)
        assert match is not None, f"no {pattern!r} (ended: {self._ended}, waited: {bool(found)}) in {self.err!r}"
        return match

    def url(self) -> str:
        """The address, once the server runs."""
        return self.wait_for(r"Running on (\S+) ")[1]

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def wait(self) -> int:
        """Waits for the end; returns the exit code."""
        code = self.process.wait(LIMIT_SECONDS)
        self._reading.join(LIMIT_SECONDS)
        return code

    def out(self) -> str:
        """What the process wrote to stdout; after the end."""
        assert self.process.stdout is not None
        return self.process.stdout.read()


def import_path() -> str:
    """Where this process found fastcorn, so that the other one tests the same build."""
    import fastcorn

    return str(Path(fastcorn.__file__).resolve().parents[1])


@contextmanager
def running(
    arguments: list[str], directory: Path, environment: dict[str, str] | None = None, prefix: Sequence[str] = ()
) -> Iterator[Command]:
    """A command that is killed at the end if it still runs; arguments as for Command."""
    command = Command(arguments, directory, environment, prefix)
    try:
        yield command
    finally:
        if command.process.poll() is None:
            command.process.kill()
            command.process.wait(LIMIT_SECONDS)
        for stream in (command.process.stdout, command.process.stderr):
            assert stream is not None
            command._reading.join(LIMIT_SECONDS)
            stream.close()


def run_to_end(arguments: list[str], directory: Path, **options: Any) -> tuple[int, str, str]:
    """Runs a command that ends by itself; returns code, stdout and stderr."""
    with running(arguments, directory, **options) as command:
        code = command.wait()
        return code, command.out(), command.err
