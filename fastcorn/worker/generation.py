# SPDX-License-Identifier: MIT
"""An application that is being served: its lifespan and the context of its connections.

Made by fastcorn.worker.worker, one at the start and one for each reload. start() brings the application up; retire()
lets its connections end, as long as that may take, and then takes it down.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

from fastcorn.asgi.application import Application
from fastcorn.asgi.lifespan import Lifespan
from fastcorn.errors import FastcornError

# Who was answered a moment ago has perhaps sent the next request already, and closing would cross it on its way. So
# connections stay this long, a round trip, for that request; its answer says `connection: close`. nginx has the same as
# keepalive_min_timeout, for workers that shut down.
LAST_REQUEST_SECONDS = 0.1

# After graceful_timeout: how long applications that were cancelled get to clean up, and cut connections to end.
CANCEL_SECONDS = 1.0
CANCEL_LOOK_SECONDS = 0.01

# A stop that was forced grants the lifespan this much, so that it cannot hold the process.
FORCED_LIFESPAN_SECONDS = 2.0


class Generation:
    """One application in one worker.

    Args:
        application: what is served.
        settings: the frozen settings.
        error_log: has error(), warning(), info() and debug().
        access_log: the callable of the compiled side, or None.
        context_class: makes the context; fastcorn.asgi._context.Context by default.
    """

    def __init__(
        self, application: Application, settings: Any, *, error_log: Any, access_log: Any, context_class: Any = None
    ) -> None:
        self.application = application
        self.context: Any = None
        self._settings = settings
        self._error_log = error_log
        self._access_log = access_log
        self._context_class = context_class
        self.lifespan = Lifespan(
            application.call,
            mode=settings.lifespan,
            startup_timeout=settings.startup_timeout,
            shutdown_timeout=settings.shutdown_timeout,
            log=error_log,
        )

    async def start(self) -> None:
        """Starts the application and makes the context.

        Raises:
            LifespanFailureError, LifespanTimeoutError: the application did not start.
        """
        if self.application.hint:
            self._error_log.warning(self.application.hint)
        await self.lifespan.startup()
        make_context = self._context_class
        if make_context is None:
            from fastcorn.asgi._context import Context

            make_context = Context
        self.context = make_context(
            self.application.call,
            self._settings,
            asyncio.get_running_loop(),
            state=self.lifespan.state,
            access_log=self._access_log,
            error_log=self._error_log,
        )
        self.context.websocket_factory = open_handshake
        self.context.http2_factory = open_http2
        if self._settings.h2c_upgrade:
            self.context.h2c_factory = open_upgrade

    async def retire(self, forced: asyncio.Event) -> None:
        """Ends the connections and the application: gracefully for graceful_timeout, or until forced is set.

        Raises:
            LifespanFailureError, LifespanTimeoutError: the application's shutdown failed.
        """
        if self.context is not None:
            self.announce_stop()
            await self._end_connections(forced)
        await self._end_lifespan(forced)

    def announce_stop(self) -> None:
        """Tells the application that it is about to end, by the event that it finds in its scopes."""
        if self.context is not None:
            self.context.stopping.set()

    async def _end_connections(self, forced: asyncio.Event) -> None:
        context, idle = self.context, asyncio.Event()
        context.when_idle = idle.set
        context.announce_drain()
        patience = self._settings.graceful_timeout
        at_once = min(LAST_REQUEST_SECONDS, patience)
        await first_of(idle, forced, timeout=at_once)
        context.begin_drain()
        if not await first_of(idle, forced, timeout=patience - at_once):
            return
        if not forced.is_set():
            self._error_log.warning(
                "graceful_timeout (%g s) is over: closing %d connections, cancelling %d requests",
                self._settings.graceful_timeout,
                len(context.connections),
                context.active_requests,
            )
        context.cancel_all()
        # Connections may linger for what their clients do; applications get time for what they have to put away.
        until = time.monotonic() + CANCEL_SECONDS
        while context.active_requests and time.monotonic() < until and not forced.is_set():
            await first_of(idle, forced, timeout=CANCEL_LOOK_SECONDS)
        context.abort_all()
        await first_of(idle, timeout=CANCEL_SECONDS)
        context.when_idle = None

    async def _end_lifespan(self, forced: asyncio.Event) -> None:
        shutdown = asyncio.ensure_future(self.lifespan.shutdown())
        hurry = asyncio.ensure_future(forced.wait())
        await asyncio.wait({shutdown, hurry}, return_when=asyncio.FIRST_COMPLETED)
        hurry.cancel()
        if not shutdown.done():
            await asyncio.wait({shutdown}, timeout=FORCED_LIFESPAN_SECONDS)
        if not shutdown.done():
            shutdown.cancel()
            await asyncio.wait({shutdown})
            raise FastcornError("the application's shutdown was cut short")
        await shutdown


def open_handshake(headers: Any, has_body: bool) -> Any:
    """What Context.websocket_factory is: the real one is imported at the first request that asks for a WebSocket."""
    from fastcorn.protocols import handshake

    return handshake.open_handshake(headers, has_body)


def open_http2(context: Any, client: Any, secure: bool) -> Any:
    """What Context.http2_factory is: the real one is imported at the first connection that speaks HTTP/2."""
    from fastcorn.protocols import http2

    return http2.open_http2(context, client, secure)


def open_upgrade(context: Any, client: Any, scope: dict[str, Any], host: bytes) -> Any:
    """What Context.h2c_factory is, likewise."""
    from fastcorn.protocols import http2

    return http2.open_upgrade(context, client, scope, host)


async def first_of(wanted: asyncio.Event, *others: asyncio.Event, timeout: float | None) -> bool:
    """Waits for one of the events; returns whether wanted is still not set."""
    waiting = [asyncio.ensure_future(event.wait()) for event in (wanted, *others)]
    try:
        await asyncio.wait(waiting, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for waiter in waiting:
            waiter.cancel()
    return not wanted.is_set()
