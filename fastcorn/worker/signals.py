# SPDX-License-Identifier: MIT
"""The signals that stop a worker.

StopSignals is entered by fastcorn.worker.serving while the server runs, SignalHold by fastcorn.worker.process while
the loop is there, Termination by fastcorn.run around all else. Signal handlers belong to the main thread: anywhere else
they do nothing.
"""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from fastcorn.errors import EXIT_SIGNAL_BASE

STOP_SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGBREAK") if hasattr(signal, name))

# A signal that was held may still be on its way to the loop by itself (uvloop's): it is one signal, not two.
REPEAT_SECONDS = 0.05

# A signal that the loop has not read for so long will not be read soon: the next one interrupts what blocks the loop.
BLOCKED_SECONDS = 1.0


class StopSignals:
    """While entered, SIGINT, SIGTERM and (on Windows) SIGBREAK, or other signals, call a function on the loop.

    The handlers that were there before are put back at the end.

    Args:
        loop: the running loop.
        callback: called with the signal's number, on the loop, once for each signal.
        numbers: which signals.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        callback: Callable[[int], None],
        numbers: tuple[int, ...] = STOP_SIGNALS,
    ) -> None:
        self._loop = loop
        self._numbers = numbers
        self._callback = callback
        self._before: dict[int, Any] = {}
        self._unread_since: float | None = None
        self._late: dict[int, asyncio.TimerHandle] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in self._numbers:
                self._before[number] = signal.getsignal(number)
                self._install(number)
            for handler in self._before.values():
                hold = getattr(handler, "__self__", None)
                for number in hold.take() if isinstance(hold, SignalHold) else ():
                    self._late[number] = self._loop.call_later(REPEAT_SECONDS, self._receive, number)
        return self

    def _install(self, number: int) -> None:
        try:
            self._loop.add_signal_handler(number, self._receive, number)
            # The loop learns of a signal by a descriptor of its own; its handler does nothing, and can be ours.
            signal.signal(number, self._notice)
            signal.siginterrupt(number, False)
        except NotImplementedError:  # Windows' loops have none
            signal.signal(number, self._wake)

    def _wake(self, number: int, frame: object) -> None:
        self._loop.call_soon_threadsafe(self._receive, number)

    def _notice(self, number: int, frame: object) -> None:
        """Runs between two steps of whatever runs in the main thread, before the loop has its turn."""
        now = time.monotonic()
        if self._unread_since is None:
            self._unread_since = now
        elif now - self._unread_since >= BLOCKED_SECONDS:
            # It is the application that blocks it: that is interrupted as a program without a loop would be.
            raise KeyboardInterrupt if number == signal.SIGINT else Terminated(number)

    def _receive(self, number: int) -> None:
        self._unread_since = None
        late = self._late.pop(number, None)
        if late is not None:
            late.cancel()
        self._callback(number)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for late in self._late.values():
            late.cancel()
        for number, handler in self._before.items():
            try:
                self._loop.remove_signal_handler(number)
            except NotImplementedError:
                pass
            # None: it was not installed from Python, so it cannot be put back from there.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        self._before.clear()


class Terminated(KeyboardInterrupt):
    """SIGTERM came while no loop ran that could stop gracefully: as Ctrl+C, it interrupts what runs.

    Args:
        number: of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


def interruption_code(interrupt: KeyboardInterrupt) -> int:
    """The exit code of a process that was interrupted before or after it served."""
    return EXIT_SIGNAL_BASE + int(getattr(interrupt, "number", signal.SIGINT))


OPERATOR_SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGHUP", "SIGUSR1", "SIGTTIN", "SIGTTOU") if hasattr(signal, name)
)


class Termination:
    """While entered, SIGTERM raises Terminated, unless it has a handler already; the operator's signals do nothing.

    The first process of a container has no default action: SIGTERM would be lost while the application is imported.
    The default action of SIGHUP and SIGUSR1 is to end the process, and the file with its number is there already.
    """

    def __init__(self) -> None:
        self._installed = False
        self._quiet: list[int] = []

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._installed = signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
            if self._installed:
                signal.signal(signal.SIGTERM, self._raise)
            self._quiet = [number for number in OPERATOR_SIGNALS if signal.getsignal(number) is signal.SIG_DFL]
            for number in self._quiet:
                signal.signal(number, self._pass)
        return self

    def _pass(self, number: int, frame: object) -> None:
        """There is nothing to reload or to reopen yet."""

    def _raise(self, number: int, frame: object) -> None:
        raise Terminated(number)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._installed:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
        for number in self._quiet:
            signal.signal(number, signal.SIG_DFL)


class SignalHold:
    """While entered, signals are kept that would else interrupt the main thread: Ctrl+C and those of Termination.

    An exception out of nowhere leaves a loop that is being made, or put away, in pieces. StopSignals gets what has come
    before it was entered; what comes after it is for whoever entered this.

    Attributes:
        numbers: the signals that have come.
    """

    def __init__(self) -> None:
        self.numbers: list[int] = []
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in STOP_SIGNALS:
                handler = signal.getsignal(number)
                if handler is signal.default_int_handler or isinstance(getattr(handler, "__self__", None), Termination):
                    self._before[number] = handler
                    signal.signal(number, self._keep)
        return self

    def _keep(self, number: int, frame: object) -> None:
        self.numbers.append(number)

    def take(self) -> list[int]:
        """The signals that have come; they are no longer kept."""
        taken, self.numbers = self.numbers, []
        return taken

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
