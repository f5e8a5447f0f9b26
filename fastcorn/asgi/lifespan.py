# SPDX-License-Identifier: MIT
"""The lifespan of an application in one event loop (ASGI Lifespan 2.0).

Called by fastcorn.worker: startup() before anything is accepted, shutdown() after the last connection. Whether an
application has a lifespan at all is decided by whether it called receive(): one that raises before that, or answers
with messages of another kind, does not know the scope and is served without; one that raises after it failed.

    idle -> starting -> running -> stopping -> over
                 \\-> over (unsupported, or failed: startup() raises)
"""

from __future__ import annotations

import asyncio
import enum
import logging
from typing import TYPE_CHECKING, Any

from fastcorn.errors import LifespanFailureError, LifespanTimeoutError, UnexpectedMessageError

if TYPE_CHECKING:
    from fastcorn.typing import ASGI3Application

# An application that has answered lifespan.shutdown, or was cancelled, gets this long to return.
FAREWELL_SECONDS = 2.0


class Phase(enum.Enum):
    """Where a lifespan stands."""

    IDLE = "not started"
    STARTING = "starting up"
    RUNNING = "running"
    STOPPING = "shutting down"
    OVER = "over"


class Lifespan:
    """Runs an application's lifespan in a task of its own.

    Args:
        application: the async callable (scope, receive, send).
        mode: "auto" serves an application without lifespan, "on" demands it, "off" never asks.
        startup_timeout: seconds until startup() gives up; None waits for ever.
        shutdown_timeout: seconds until shutdown() gives up; None waits for ever.
        log: gets one line for each thing worth knowing.

    Attributes:
        state: the dict that the application filled; each request gets a shallow copy.
        supported: None until startup() has ended, then whether the application has a lifespan.
    """

    def __init__(
        self,
        application: ASGI3Application,
        *,
        mode: str = "auto",
        startup_timeout: float | None = 60.0,
        shutdown_timeout: float | None = 60.0,
        log: logging.Logger | None = None,
    ) -> None:
        self.state: dict[str, Any] = {}
        self.supported: bool | None = None
        self.phase = Phase.IDLE
        self._application = application
        self._mode = mode
        self._startup_timeout = startup_timeout
        self._shutdown_timeout = shutdown_timeout
        self._log = log or logging.getLogger("fastcorn.error")
        self._task: asyncio.Task[None] | None = None
        self._received = False
        self._raised: BaseException | None = None
        self._failure: str | None = None
        self._events: asyncio.Queue[dict[str, str]] = asyncio.Queue()
        self._answered = asyncio.Event()

    async def startup(self) -> None:
        """Starts the application; when this returns, requests may be served.

        Raises:
            LifespanFailureError: the application said so, or raised after it had called receive().
            LifespanTimeoutError: it did not answer in startup_timeout.
        """
        if self._mode == "off":
            self.supported, self.phase = False, Phase.OVER
            return
        self.phase = Phase.STARTING
        self._events.put_nowait({"type": "lifespan.startup"})
        self._task = asyncio.create_task(self._run(), name="fastcorn lifespan")
        try:
            answered = await self._wait_answer(self._startup_timeout)
        except asyncio.CancelledError:
            await self._dismiss()
            raise
        if not answered:
            await self._dismiss()
            raise LifespanTimeoutError("startup", self._startup_timeout)
        if self._failure is not None:
            await self._dismiss()
            raise LifespanFailureError("startup", self._failure)
        if self._task.done() and not self._startup_was_complete():
            self._conclude_early_end()
            return
        self.supported, self.phase = True, Phase.RUNNING
        if self._raised is not None:
            self._report_while_running()

    async def shutdown(self) -> None:
        """Lets the application put things away; does nothing when it has no lifespan or has ended already.

        Raises:
            LifespanFailureError: the application said so, or raised.
            LifespanTimeoutError: it did not answer in shutdown_timeout.
        """
        if self.phase is not Phase.RUNNING or self._task is None:
            return
        if self._task.done():
            self.phase = Phase.OVER
            return
        self.phase = Phase.STOPPING
        self._answered.clear()
        self._events.put_nowait({"type": "lifespan.shutdown"})
        try:
            answered = await self._wait_answer(self._shutdown_timeout)
        finally:
            await self._dismiss(grace=FAREWELL_SECONDS if self._answered.is_set() else 0.0)
        if not answered:
            raise LifespanTimeoutError("shutdown", self._shutdown_timeout)
        if self._failure is not None:
            raise LifespanFailureError("shutdown", self._failure)
        if self._raised is not None:
            raise LifespanFailureError("shutdown", _describe(self._raised)) from self._raised

    async def abandon(self) -> None:
        """Cancels the application's lifespan without asking: for a stop that was forced."""
        if self._task is not None and not self._task.done():
            await self._dismiss()

    async def _wait_answer(self, timeout: float | None) -> bool:
        """Waits until the application has answered or its task has ended."""
        assert self._task is not None
        answer = asyncio.ensure_future(self._answered.wait())
        try:
            await asyncio.wait({answer, self._task}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        finally:
            answer.cancel()
        return self._answered.is_set() or self._task.done()

    async def _dismiss(self, grace: float = 0.0) -> None:
        """Ends the task: waits for it, then cancels it; one that ignores that is left behind, never waited for."""
        self.phase = Phase.OVER
        assert self._task is not None
        if grace and not self._task.done():
            await asyncio.wait({self._task}, timeout=grace)
        if not self._task.done():
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=FAREWELL_SECONDS)
        if not self._task.done():
            self._log.warning("the application's lifespan ignores its cancellation and is left behind")

    async def _run(self) -> None:
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": self.state}
        try:
            await self._application(scope, self._receive, self._send)
        except asyncio.CancelledError as error:
            if self.phase is not Phase.OVER and not self._has_said_goodbye():
                self._raised = error
                self._report_while_running()
        except BaseException as error:  # SystemExit too: out of a task it would tear the whole loop down
            self._raised = error
            self._report_while_running()

    def _report_while_running(self) -> None:
        if self.phase is Phase.RUNNING:
            self._log.error("the application's lifespan ended while the server runs", exc_info=self._raised)

    def _has_said_goodbye(self) -> bool:
        return self.phase in (Phase.STOPPING, Phase.OVER) and self._answered.is_set()

    def _startup_was_complete(self) -> bool:
        return self._answered.is_set() and self._failure is None

    def _conclude_early_end(self) -> None:
        """The task ended before it answered lifespan.startup: no lifespan, or a failure."""
        self.phase = Phase.OVER
        raised = self._raised
        if raised is not None and self._received:
            raise LifespanFailureError("startup", _describe(raised)) from raised
        if self._mode == "on":
            ending = "returned before it answered" if raised is None else f"raised {_describe(raised)}"
            raise LifespanFailureError("startup", f"it {ending}, and the setting lifespan is on") from raised
        self.supported = False
        self._log.debug("the application has no lifespan", exc_info=raised)

    async def _receive(self) -> dict[str, str]:
        self._received = True
        if self._has_said_goodbye() and self._task is not None:
            self._task.cancel()  # nothing will ever come: an application that loops on receive() ends here
        return await self._events.get()

    async def _send(self, message: Any) -> None:
        kind = message["type"]
        stage = {Phase.STARTING: "startup", Phase.STOPPING: "shutdown"}.get(self.phase)
        if stage is not None and not self._answered.is_set():
            if kind == f"lifespan.{stage}.complete":
                self._answered.set()
                return
            if kind == f"lifespan.{stage}.failed":
                self._failure = str(message.get("message", ""))
                self._answered.set()
                return
        raise UnexpectedMessageError(f"the lifespan is {self.phase.value}", kind)


def _describe(error: BaseException) -> str:
    text = str(error).strip().splitlines()
    return type(error).__name__ + (f": {text[0]}" if text else "")
