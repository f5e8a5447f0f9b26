# SPDX-License-Identifier: MIT
"""The thread pool of the WSGI bridge (fastcorn.asgi.threads)."""

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any

import pytest

from fastcorn.asgi.threads import ThreadPool

LIMIT = 30.0


def run(main: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(main, LIMIT))


def test_results_and_errors_come_back() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        pool = ThreadPool(2, "test")
        assert await pool.submit(loop, lambda: 42) == 42
        with pytest.raises(ZeroDivisionError):
            await pool.submit(loop, lambda: 1 / 0)
        pool.close()
        with pytest.raises(RuntimeError, match="closed"):
            pool.submit(loop, lambda: 1)

    run(main())


def test_no_more_threads_than_size() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        pool = ThreadPool(2, "sized")
        together = threading.Barrier(2)  # passed only when two threads run at the same time

        def job() -> str:
            together.wait(LIMIT)
            return threading.current_thread().name

        names = await asyncio.gather(*[pool.submit(loop, job) for _ in range(6)])
        assert set(names) == {"sized-1", "sized-2"}
        pool.close()

    run(main())


def test_no_thread_before_there_is_work() -> None:
    pool = ThreadPool(4, "idle")
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("idle-")] == []
    pool.close()


def test_threads_are_daemons_and_end_with_close() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        pool = ThreadPool(1, "ending")
        thread = await pool.submit(loop, threading.current_thread)
        assert thread.daemon
        pool.close()
        await asyncio.to_thread(thread.join, LIMIT)
        assert not thread.is_alive()

    run(main())


def test_cancelled_job_is_never_called() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        pool = ThreadPool(1, "cancelled")
        release = threading.Event()
        called: list[int] = []
        first = pool.submit(loop, lambda: release.wait(LIMIT))
        second = pool.submit(loop, lambda: called.append(1))
        second.cancel()
        release.set()
        await first
        assert await pool.submit(loop, lambda: "after") == "after"
        assert called == []
        pool.close()

    run(main())


def test_job_that_outlives_its_loop_is_dropped() -> None:
    release, done = threading.Event(), threading.Event()
    pool = ThreadPool(1, "outliving")

    def job() -> None:
        release.wait(LIMIT)

    async def main() -> None:
        pool.submit(asyncio.get_running_loop(), job)

    run(main())
    release.set()

    async def later() -> None:
        await pool.submit(asyncio.get_running_loop(), done.set)

    run(later())
    assert done.is_set()
    pool.close()


def test_size_must_be_positive() -> None:
    with pytest.raises(ValueError, match="at least one thread"):
        ThreadPool(0, "none")
