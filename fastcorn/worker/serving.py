# SPDX-License-Identifier: MIT
"""A worker's whole life: start, wait for a reason to stop, stop.

Called by fastcorn.run (the command) and fastcorn.asyncio.serve. The first reason to stop is a signal, the end of a
shutdown trigger or the cancellation of the caller; a second signal cuts the stop short, also during the start.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

from fastcorn.errors import EXIT_OK, EXIT_SIGNAL_BASE
from fastcorn.worker.signals import STOP_SIGNALS, StopSignals
from fastcorn.worker.worker import Worker

if TYPE_CHECKING:
    from fastcorn.typing import ShutdownTrigger


async def serve_worker(
    worker: Worker,
    shutdown_trigger: ShutdownTrigger | None = None,
    *,
    stop_requested: asyncio.Event | None = None,
    on_serving: Callable[[Serving], None] | None = None,
    signals: tuple[int, ...] = STOP_SIGNALS,
) -> int:
    """Serves until there is a reason to stop.

    Args:
        worker: not started yet.
        shutdown_trigger: an async callable; when it returns the worker stops, and what it raises is raised again after
            the stop. None stops on SIGINT and SIGTERM, where this is the main thread.
        stop_requested: a further reason to stop, beside signals.
        on_serving: called before the start with what can stop and force it, as signals do.
        signals: the signals that stop.

    Returns:
        The exit code: 0, or 128 + n when a second signal n cut the stop short.

    Raises:
        AddressError, LifespanFailureError, LifespanTimeoutError: the worker could not start, or its application's
            shutdown failed.
    """
    serving = Serving(worker, stop_requested or asyncio.Event())
    if on_serving is not None:
        on_serving(serving)
    if shutdown_trigger is not None:
        return await serving.run(asyncio.ensure_future(_call(shutdown_trigger)))
    with StopSignals(asyncio.get_running_loop(), serving.signalled, signals):
        return await serving.run(None)


async def _call(trigger: ShutdownTrigger) -> None:
    await trigger()


class Serving:
    """The state of one serve_worker().

    Args:
        worker: what is started and stopped.
        stop: set when there is a reason to stop.
    """

    def __init__(self, worker: Worker, stop: asyncio.Event) -> None:
        self._worker = worker
        self._stop = stop
        self.leave_queues: Collection[str] = ()
        self._hurry = asyncio.Event()
        self._code = EXIT_OK

    def signalled(self, number: int) -> None:
        """A stop signal: the first one stops, the second one forces."""
        if not self._stop.is_set():
            self._worker.error_log.info("Stopping (once more to stop at once)")
            self._stop.set()
        elif not self._hurry.is_set():
            self._code = EXIT_SIGNAL_BASE + number
            self.force()

    def stop(self, *, leave_queues: Collection[str] = ()) -> None:
        """A reason to stop that is told by no signal; leave_queues as in Worker.stop()."""
        self.leave_queues = leave_queues
        self._stop.set()

    def force(self) -> None:
        """Stops at once, also during the start."""
        self._stop.set()
        self._hurry.set()
        self._worker.force()

    async def run(self, trigger: asyncio.Future[None] | None) -> int:
        """Starts the worker, waits, stops it; returns the exit code."""
        stop = asyncio.ensure_future(self._stop.wait())
        reasons: set[asyncio.Future[Any]] = {stop} if trigger is None else {stop, trigger}
        try:
            if await self._start(reasons):
                await self._serve(reasons)
            if trigger is not None and trigger.done() and not trigger.cancelled():
                trigger.result()
            return self._code
        finally:
            for reason in reasons:
                reason.cancel()

    async def _start(self, reasons: set[asyncio.Future[Any]]) -> bool:
        """Starts the worker; False when there was a reason to stop before it had started."""
        starting = asyncio.create_task(self._worker.start())
        try:
            await asyncio.wait({starting, *reasons}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            if await self._give_up(starting):
                await self._stop_cancelled()
            raise
        if starting.done() and not self._hurry.is_set():
            await starting
            return True
        return await self._give_up(starting)

    async def _give_up(self, starting: asyncio.Task[None]) -> bool:
        """Cancels a start; True when it had succeeded in that moment."""
        starting.cancel()
        hurry = asyncio.create_task(self._hurry.wait())
        either: set[asyncio.Future[Any]] = {starting, hurry}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        hurry.cancel()
        if not starting.done() or starting.cancelled():
            return False
        if self._hurry.is_set() and starting.exception() is not None:
            return False  # whatever came of a startup that was interrupted
        starting.result()
        return True

    async def _serve(self, reasons: set[asyncio.Future[Any]]) -> None:
        try:
            await asyncio.wait(reasons, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            await self._stop_cancelled()
            raise
        try:
            await self._worker.stop(leave_queues=self.leave_queues)
        except asyncio.CancelledError:
            await self._stop_forced()
            raise

    async def _stop_cancelled(self) -> None:
        """Stops gracefully inside a cancellation; a second one forces."""
        try:
            await self._worker.stop(leave_queues=self.leave_queues)
        except asyncio.CancelledError:
            await self._stop_forced()
        except Exception as error:
            self._worker.error_log.error("%s", error)

    async def _stop_forced(self) -> None:
        self._worker.force()
        try:
            await self._worker.stop(leave_queues=self.leave_queues)
        except Exception as error:
            self._worker.error_log.error("%s", error)
