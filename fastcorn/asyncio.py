# SPDX-License-Identifier: MIT
"""Serving from a running asyncio loop, under Hypercorn's name: `from fastcorn.asyncio import serve`."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from fastcorn.asgi.application import wrap
from fastcorn.config.pending import check_pending
from fastcorn.worker.serving import serve_worker
from fastcorn.worker.worker import Worker

if TYPE_CHECKING:
    from fastcorn.config import Config
    from fastcorn.typing import Framework, Mode, ShutdownTrigger


async def serve(
    app: Framework, config: Config, *, shutdown_trigger: ShutdownTrigger | None = None, mode: Mode | None = None
) -> None:
    """Serves an application in the running loop until it is told to stop.

    Cancelling the caller stops the server too, gracefully; a second cancellation cuts that short.

    Args:
        app: an ASGI or WSGI application.
        config: the settings; workers, worker_class, debug and use_reloader have no meaning in a loop that runs already.
        shutdown_trigger: an async callable, for example asyncio.Event().wait; the server stops when it returns, and
            what it raises is raised again. None stops on SIGINT and SIGTERM, where this is the main thread.
        mode: "asgi" or "wsgi" where the kind of application cannot be told.

    Raises:
        ConfigError: a setting is wrong.
        AddressError: an address cannot be listened on.
        LifespanFailureError, LifespanTimeoutError: the application did not start, or its shutdown failed.
    """
    settings = config.freeze()
    if settings.workers > 1:
        warnings.warn("workers has no effect in serve(); it serves in this process", stacklevel=2)
    if settings.debug:
        warnings.warn("debug has no effect in serve(); call loop.set_debug(True)", stacklevel=2)
    application = wrap(app, mode=mode or settings.mode, wsgi_max_body_size=settings.wsgi_max_body_size)
    pending = check_pending(InRunningLoop(settings))  # type: ignore[arg-type]
    worker = Worker(application, config)
    for line in pending:
        worker.error_log.warning("%s", line)
    await serve_worker(worker, shutdown_trigger)


class InRunningLoop:
    """Settings without what a loop that runs already has decided.

    Args:
        settings: frozen settings.
    """

    workers = 1
    worker_class = "auto"
    use_reloader = False

    def __init__(self, settings: Any) -> None:
        self._settings = settings

    def __getattr__(self, name: str) -> Any:
        return getattr(self._settings, name)
