# SPDX-License-Identifier: MIT
"""Which event loop a worker runs on, and running it to a bounded end.

Called by fastcorn.run and by the threads of fastcorn.server. asyncio.Runner is not used for its end: it waits without
limit for tasks that ignore their cancellation and for threads that do not return, and a server has to leave.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from fastcorn.config.errors import ConfigError

Result = TypeVar("Result")
LoopFactory = Callable[[], asyncio.AbstractEventLoop]

# What is left when the server has ended (background tasks and threads of the application) gets this long.
LEFTOVER_SECONDS = 2.0
LOOK_SECONDS = 0.05


def choose_loop(worker_class: str) -> LoopFactory:
    """The factory of event loops for the setting worker_class.

    Args:
        worker_class: "auto" takes uvloop where it is installed; "uvloop" and "asyncio" insist.

    Raises:
        ConfigError: uvloop is not installed, or worker_class is none of these.
    """
    if worker_class == "asyncio":
        return asyncio.new_event_loop
    if worker_class not in ("auto", "uvloop"):
        raise ConfigError(f"{worker_class!r} cannot be used here; use uvloop or asyncio", setting="worker_class")
    try:
        import uvloop
    except ImportError:
        if worker_class == "auto":
            return asyncio.new_event_loop
        raise ConfigError("uvloop is not installed; install it, or use asyncio", setting="worker_class") from None
    factory: LoopFactory = uvloop.new_event_loop
    return factory


def run_loop(
    main: Coroutine[Any, Any, Result],
    factory: LoopFactory,
    *,
    debug: bool = False,
    on_stuck: Callable[[str, bool], None] | None = None,
    hurry: Callable[[], bool] | None = None,
) -> Result:
    """Runs a coroutine on a new loop and closes the loop.

    Args:
        main: the coroutine.
        factory: makes the loop.
        debug: asyncio's debug mode.
        on_stuck: told in one line what did not end in LEFTOVER_SECONDS, and whether the interpreter would wait for it
            at its exit; the loop is closed all the same.
        hurry: asked whether what is left is to be waited for no longer.

    Returns:
        What the coroutine returns.

    Raises:
        KeyboardInterrupt, SystemExit: a task of the application raised it: main has been cancelled and has ended by
            then.
    """
    loop = factory()
    # Ours is known here, so that it can be given up; a loop would wait for its own one.
    executor = ThreadPoolExecutor(thread_name_prefix="asyncio")
    loop.set_default_executor(executor)
    if debug:
        loop.set_debug(True)
    task = loop.create_task(main)
    try:
        return _run_to_end(loop, task)
    finally:
        try:
            _end(loop, executor, on_stuck or _ignore, hurry or _never)
        finally:
            loop.close()


def _run_to_end(loop: asyncio.AbstractEventLoop, task: asyncio.Task[Result]) -> Result:
    try:
        return loop.run_until_complete(task)
    except (KeyboardInterrupt, SystemExit):
        # Another task of the application has raised it, which ends the loop at once; main may still end in order.
        if not task.done():
            task.cancel()
            loop.run_until_complete(asyncio.wait({task}))
        raise


def _end(
    loop: asyncio.AbstractEventLoop,
    executor: ThreadPoolExecutor,
    on_stuck: Callable[[str, bool], None],
    hurry: Callable[[], bool],
) -> None:
    ended = False
    try:
        ignoring = loop.run_until_complete(_end_tasks(loop, hurry))
        if ignoring:
            on_stuck(f"{ignoring} tasks of the application ignore their cancellation", False)
        ended = _end_threads(executor, hurry)
    finally:
        # Also when a task of the application has raised KeyboardInterrupt: its threads may not hold the process then.
        if not ended and not _end_threads(executor, _at_once):
            on_stuck("threads of the application still run", True)


def _ignore(line: str, holds_process: bool) -> None: ...


def _never() -> bool:
    return False


def _at_once() -> bool:
    return True


async def _end_tasks(loop: asyncio.AbstractEventLoop, hurry: Callable[[], bool]) -> int:
    """Cancels what still runs; returns the number of tasks that do not end."""
    tasks = asyncio.all_tasks(loop) - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    pending: set[asyncio.Task[Any]] = set(tasks)
    end = time.monotonic() + LEFTOVER_SECONDS
    while pending and time.monotonic() < end and not hurry():
        done, pending = await asyncio.wait(pending, timeout=LOOK_SECONDS)
        for task in done:
            if not task.cancelled() and task.exception() is not None:
                context = {"message": "unhandled exception at the end", "exception": task.exception(), "task": task}
                loop.call_exception_handler(context)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(loop.shutdown_asyncgens(), LEFTOVER_SECONDS)
    return len(pending)


def _end_threads(executor: ThreadPoolExecutor, hurry: Callable[[], bool]) -> bool:
    """Waits for the threads of asyncio.to_thread(); returns whether they have ended."""
    executor.shutdown(wait=False, cancel_futures=True)
    waiting = threading.Thread(target=executor.shutdown, daemon=True)
    waiting.start()
    end = time.monotonic() + LEFTOVER_SECONDS
    while waiting.is_alive() and time.monotonic() < end:
        waiting.join(LOOK_SECONDS)
        if hurry():
            break
    return not waiting.is_alive()
