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
from types import TracebackType
from typing import Any, Self

# Frames below the application's: how the loop got there helps nobody.
OWN_MODULES = ("fastcorn.", "asyncio.", "uvloop.")


class Watchdog:
    """Watches the running loop from a thread while entered.

    Args:
        limit: seconds that a callback may take; None watches nothing.
        log: gets one warning for each block, and one line when it is over.
    """

    def __init__(self, limit: float | None, log: Any) -> None:
        self._limit = limit
        self._log = log
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
            if not self._answered.wait(limit) and not self._ended.is_set():
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

    def _report(self, seconds: float) -> None:
        self._log.warning(
            "the event loop has been blocked for %.1f s (slow_callback)%s by:\n%s",
            seconds, self._request(), self._stack(),
        )  # fmt: skip

    def _request(self) -> str:
        """The request whose task runs, for the log."""
        try:
            task = asyncio.current_task(self._loop)
            scope = getattr(task.get_coro(), "scope", None) if task is not None else None
        except RuntimeError:
            scope = None
        if not isinstance(scope, dict):
            return ""
        return f" at {scope.get('method', scope.get('type'))} {scope.get('path')}"

    def _stack(self) -> str:
        frame = sys._current_frames().get(self._loop_thread)
        if frame is None:
            return "  (a thread that has ended)"
        frames = traceback.extract_stack(frame)
        names = []
        walked: Any = frame
        while walked is not None:
            names.append(walked.f_globals.get("__name__", ""))
            walked = walked.f_back
        names.reverse()
        first = 0
        for index, name in enumerate(names):
            if name.startswith(OWN_MODULES):
                first = index + 1
        return "".join(traceback.format_list(frames[first:] or frames)).rstrip()
