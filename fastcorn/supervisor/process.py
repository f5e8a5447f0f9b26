# SPDX-License-Identifier: MIT
"""WorkerProcess: one worker process as its supervisor sees it; and the making of such processes by fork.

Fork, not spawn: the sockets, the settings and an application object that lives in no importable module are inherited,
modules that are imported already are shared, and a start costs milliseconds. What makes forks dangerous is threads, and
a supervisor has none.
"""

from __future__ import annotations

import contextlib
import enum
import os
import signal
import threading
import traceback
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING

from fastcorn.config.errors import ConfigError
from fastcorn.errors import EXIT_FAILURE
from fastcorn.supervisor.signals import handled_numbers
from fastcorn.worker.channel import Channel
from fastcorn.worker.process import flush_streams, leave

if TYPE_CHECKING:
    from fastcorn.supervisor.plan import Plan
    from fastcorn.supervisor.timers import Timer


# A worker's way:   STARTING -> READY -> ENDING, when it is told to stop; from any of them it may be gone.
class State(enum.Enum):
    STARTING = "starting"
    READY = "ready"
    ENDING = "ending"


class WorkerProcess:
    """One worker process.

    Args:
        slot: the number of its slot.
        plan: what it was started with.
        pid: its process id.
        channel: the supervisor's end of the line to it.
        seat: where it tells how many connections it has.
        now: when it was started, in seconds on the supervisor's clock.

    Attributes:
        wish: why it wants to be replaced; "" when it does not.
        leaving: whether its event loop has ended, so that it gives no more signs of life.
        excused: seconds of its silence in which the supervisor stood still too.
    """

    def __init__(self, slot: int, plan: Plan, pid: int, channel: Channel, seat: int, now: float) -> None:
        self.slot = slot
        self.plan = plan
        self.pid = pid
        self.channel = channel
        self.seat = seat
        self.state = State.STARTING
        self.started_at = now
        self.ready_at: float | None = None
        self.last_beat: float | None = None
        self.excused = 0.0
        self.hung = False
        self.leaving = False
        self.wish = ""
        self.reason = ""
        self.timers: list[Timer] = []

    def __str__(self) -> str:
        return f"worker {self.slot + 1} (pid {self.pid})"

    def healthy(self, now: float) -> float:
        """How long it has been ready, in seconds; 0 when it never was."""
        return 0.0 if self.ready_at is None else now - self.ready_at

    def silence(self, now: float) -> float:
        """Seconds since its last sign of life, but for those in which the supervisor stood still too."""
        return now - (self.started_at if self.last_beat is None else self.last_beat) - self.excused

    @property
    def patience(self) -> float | None:
        """How many seconds it may be silent; None when that is no fault.

        The import of an application and its startup may block, so they get the time of a startup in addition.
        """
        timeout: float | None = self.plan.settings.worker_timeout
        if self.ready_at is None:
            return float(self.plan.settings.startup_timeout) + (timeout or 0.0)
        return None if self.leaving else timeout

    def forget_timers(self) -> None:
        for timer in self.timers:
            timer.cancel()
        self.timers.clear()


class Processes:
    """Forks, signals and reaps processes. The tests of the supervisor put another in its place."""

    def fork(self, run: Callable[[], int]) -> int:
        """Starts a process that calls a function and ends with the exit code that it returns.

        Returns:
            The process id, in the process that called.

        Raises:
            OSError: there is no more room for processes.
        """
        flush_streams()  # else both processes would write what is still there
        # A signal to the new process must not be handled as the supervisor's own: it has its handlers at first, and the
        # same wake-up descriptor. fastcorn.worker.child lets signals in when it has its own handlers.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, handled_numbers())
        try:
            pid = fork_quietly()
        except BaseException:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            raise
        if pid:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            return pid
        code = EXIT_FAILURE
        try:
            code = run()
        except SystemExit as error:
            code = error.code if isinstance(error.code, int) else EXIT_FAILURE
        except BaseException:
            traceback.print_exc()
        finally:
            leave(code)
        raise AssertionError("the process has ended")

    def other_threads(self) -> list[str]:
        """The names of the threads beside the main thread."""
        return [thread.name for thread in threading.enumerate() if thread is not threading.main_thread()]

    def kill(self, pid: int, number: int) -> None:
        """Sends a signal; a process that has gone is no error."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)

    def reap(self, pids: list[int]) -> list[tuple[int, int]]:
        """The (pid, wait status) of those that have ended. As process 1, orphans of the container are reaped too."""
        ended = []
        for pid in pids:
            with contextlib.suppress(ChildProcessError):
                found, status = os.waitpid(pid, os.WNOHANG)
                if found:
                    ended.append((found, status))
        while os.getpid() == 1:
            try:
                found, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if not found:
                break
            if found in pids:
                ended.append((found, status))
        return ended


def fork_quietly() -> int:
    """os.fork() without Python's warning of other threads, which is an exception, in the parent alone, under -W error.

    The supervisor names threads in its log.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def check_can_fork(setting: str, origin: str) -> None:
    """Refuses what needs processes where they cannot be made.

    Args:
        setting: the name of the setting that needs them.
        origin: where its value came from.

    Raises:
        ConfigError: the system has no fork, or this is not the main thread.
    """
    remedy = "set it to 0 or 1" if setting == "workers" else "leave it out"
    if not hasattr(os, "fork"):
        problem = f"needs worker processes, and this system cannot fork; {remedy}"
        raise ConfigError(problem, setting=setting, origin=origin)
    if threading.current_thread() is not threading.main_thread():
        problem = f"needs worker processes, which are started from the main thread only; {remedy}, or call run() there"
        raise ConfigError(problem, setting=setting, origin=origin)


SIGKILL = getattr(signal, "SIGKILL", 9)
