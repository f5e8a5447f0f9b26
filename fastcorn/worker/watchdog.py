# SPDX-License-Identifier: MIT
"""Who blocks the event loop: the stack and the request of what has not let it run for slow_callback seconds.

Entered by fastcorn.worker.process around a worker's life, where the process is the server's own. A thread posts a probe
to the loop every half of the limit; while one waits, it looks what the loop's thread is doing. A request pays nothing.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
import traceback
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, Self

# Frames at the outer end of a stack: how the loop got to the application helps nobody.
RUNNER_MODULE = "fastcorn.worker.loop"
LOOP_PACKAGES = frozenset({"fastcorn", "asyncio", "uvloop"})

# A process that the system has suspended goes on with this thread as with the loop's; the loop gets time to answer.
RECOVERY_SECONDS = 0.1


class Watchdog:
    """Watches the running loop from a thread while entered.

    Args:
        limit: seconds that a callback may take; None watches nothing.
        log: gets one warning for each block, and one line when it is over.
        wanted: asked, in the thread, whether a block matters now; None = always.
    """

    def __init__(self, limit: float | None, log: Any, wanted: Callable[[], bool] | None = None) -> None:
        self._limit = limit
        self._log = log
        self._wanted = wanted
        self._ended = threading.Event()
        self._answered = threading.Event()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop
        self._loop_thread = 0

    def __enter__(self) -> Self:
        if self._limit is not None:
            self._loop = asyncio.get_running_loop()
            self._loop_thread = threading.get_ident()
            self._thread = threading.Thread(
                target=self._watch, args=(self._limit,), name="fastcorn-watchdog", daemon=True
            )
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._answered.set()
        if self._thread is not None:
            self._thread.join()

    def _watch(self, limit: float) -> None:
        while not self._ended.wait(limit / 2):
            asked = time.monotonic()
            self._answered.clear()
            if self._ended.is_set() or not self._ask():
                return
            if not self._is_blocked(limit):
                continue
            self._report(time.monotonic() - asked)
            self._answered.wait()
            if not self._ended.is_set():
                self._log.warning("the event loop runs again after %.1f s", time.monotonic() - asked)

    def _ask(self) -> bool:
        try:
            self._loop.call_soon_threadsafe(self._answered.set)
        except RuntimeError:
            return False  # the loop is closed
        return True

    def _is_blocked(self, limit: float) -> bool:
        if self._answered.wait(limit) or self._answered.wait(min(RECOVERY_SECONDS, limit / 4)):
            return False
        return not self._ended.is_set() and (self._wanted is None or self._wanted())

    def _report(self, seconds: float) -> None:
        frame = sys._current_frames().get(self._loop_thread)
        self._log.warning(
            "the event loop has been blocked for %.1f s (slow_callback)%s by:\n%s",
            seconds,
            running_request(self._loop),
            "  a thread that has ended" if frame is None else application_stack(frame),
        )


def running_request(loop: asyncio.AbstractEventLoop) -> str:
    """The request whose task a loop runs, after " at "; empty when it runs something else. For any thread."""
    try:
        task = asyncio.current_task(loop)
        scope = getattr(task.get_coro(), "scope", None) if task is not None else None
    except RuntimeError:
        return ""
    if not isinstance(scope, dict):
        return ""
    # As the client wrote it: that is without control characters, which could feign lines of the log.
    path = scope.get("raw_path") or b""
    return f" at {scope.get('method', scope.get('type'))} {path.decode('latin-1')}"


def application_stack(frame: FrameType) -> str:
    """A stack, innermost call last, from the application's first frame on; all of it when it has none."""
    walked = [(frame, line) for frame, line in traceback.walk_stack(frame)][::-1]
    modules = [frame.f_globals.get("__name__", "") for frame, _ in walked]
    first = len(modules) - modules[::-1].index(RUNNER_MODULE) if RUNNER_MODULE in modules else 0
    while first < len(modules) and modules[first].partition(".")[0] in LOOP_PACKAGES:
        first += 1
    shown = walked[first:] or walked
    return "".join(traceback.StackSummary.extract(iter(shown)).format()).rstrip()
