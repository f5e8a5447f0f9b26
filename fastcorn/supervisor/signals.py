# SPDX-License-Identifier: MIT
"""The signals of the supervisor, as bytes that make a descriptor readable.

Python runs a handler between two instructions, anywhere; the wake-up descriptor turns each signal into a byte that the
supervisor's loop reads when it is ready for it, in the order of arrival. Used by fastcorn.supervisor.supervisor.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self

HANDLED = ("SIGINT", "SIGTERM", "SIGHUP", "SIGTTIN", "SIGTTOU", "SIGUSR1", "SIGCHLD")


def handled_numbers() -> list[int]:
    """The numbers of the signals that a supervisor obeys."""
    return [getattr(signal, name) for name in HANDLED]


class SignalQueue:
    """While entered, the signals that a supervisor obeys are queued; the handlers that were there come back after."""

    def __init__(self) -> None:
        self._reader, self._writer = -1, -1
        self._before: dict[int, Any] = {}
        self._wakeup = -1
        self._interrupting = False

    def __enter__(self) -> Self:
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._reader, False)
        os.set_blocking(self._writer, False)
        self._wakeup = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        for number in handled_numbers():
            self._before[number] = signal.signal(number, self._noticed)
        return self

    def fileno(self) -> int:
        return self._reader

    def take(self) -> list[int]:
        """The numbers of the signals that have come since the last call, without waiting."""
        with contextlib.suppress(BlockingIOError):
            return list(os.read(self._reader, 4096))
        return []

    @contextlib.contextmanager
    def interrupting(self) -> Iterator[None]:
        """While entered, SIGINT and SIGTERM also raise KeyboardInterrupt: what runs may be code that never ends."""
        self._interrupting = True
        try:
            yield
        finally:
            self._interrupting = False

    def _noticed(self, number: int, frame: object) -> None:
        """The handler; as a rule the byte on the wake-up descriptor is all that is wanted."""
        if self._interrupting and number in (signal.SIGINT, signal.SIGTERM):
            self._interrupting = False
            raise KeyboardInterrupt

    def leave_to_child(self) -> None:
        """In a process that was just forked: lets go of the descriptors that are the supervisor's."""
        signal.set_wakeup_fd(-1)
        os.close(self._reader)
        os.close(self._writer)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        signal.set_wakeup_fd(self._wakeup)
        os.close(self._reader)
        os.close(self._writer)
