# SPDX-License-Identifier: MIT
"""A pool of daemon threads for WSGI applications.

Called by fastcorn.asgi.wsgi. concurrent.futures joins its threads when the interpreter exits, so one request that never
ends would keep the process for ever; these threads end with the process. They start when there is work and none idle.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

Job = Callable[[], None]


class ThreadPool:
    """Runs functions in threads, at most `size` at a time; further ones wait in line.

    Args:
        size: the number of threads at most.
        name: the beginning of the threads' names.
    """

    def __init__(self, size: int, name: str) -> None:
        if size < 1:
            raise ValueError(f"a thread pool needs at least one thread, not {size}")
        self._size = size
        self._name = name
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._threads = 0
        self._waiting = 0
        self._closed = False

    def submit(self, loop: asyncio.AbstractEventLoop, function: Callable[[], Any]) -> asyncio.Future[Any]:
        """Runs a function in a thread; returns a future of the loop for its result.

        A future that is cancelled before a thread takes the job means that the function is never called.
        """
        future: asyncio.Future[Any] = loop.create_future()

        def job() -> None:
            if future.cancelled():
                return
            try:
                result = function()
            except BaseException as raised:
                _post(loop, _fail, future, raised)
            else:
                _post(loop, _finish, future, result)

        with self._lock:
            if self._closed:
                raise RuntimeError("the thread pool is closed")
            if self._waiting > 0:
                self._waiting -= 1
            elif self._threads < self._size:
                self._threads += 1
                threading.Thread(target=self._work, name=f"{self._name}-{self._threads}", daemon=True).start()
        self._jobs.put(job)
        return future

    def close(self) -> None:
        """Ends the threads when the jobs in line are done; waits for none of them. No job is taken afterwards."""
        with self._lock:
            self._closed = True
            threads = self._threads
        for _ in range(threads):
            self._jobs.put(None)

    def _work(self) -> None:
        while True:
            job = self._jobs.get()
            if job is None:
                return
            job()
            del job  # the frame of an idle thread keeps nothing of the last request alive
            with self._lock:
                self._waiting += 1


def _post(loop: asyncio.AbstractEventLoop, callback: Callable[..., object], *args: Any) -> None:
    with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
        loop.call_soon_threadsafe(callback, *args)


def _finish(future: asyncio.Future[Any], result: Any) -> None:
    if not future.done():
        future.set_result(result)


def _fail(future: asyncio.Future[Any], error: BaseException) -> None:
    if future.done():
        return
    if isinstance(error, Exception) and not isinstance(error, StopIteration):
        future.set_exception(error)
        return
    # A future refuses StopIteration, and SystemExit in a task would tear the whole loop down.
    wrapped = RuntimeError(f"the application raised {error!r}")
    wrapped.__cause__ = error
    future.set_exception(wrapped)
