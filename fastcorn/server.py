# SPDX-License-Identifier: MIT
"""Server: a server as an object, for programs that embed one and for those that call uvicorn.run().

`Server("main:app", port=8080).run()` is a whole program; `async with Server(app, config) as server:` serves beside
other tasks of a loop. Several servers may live in one loop, and one may run in any thread. Calls fastcorn.worker.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from fastcorn.asgi.application import Application, load, wrap
from fastcorn.asgi.reference import forget_modules
from fastcorn.asyncio import InRunningLoop
from fastcorn.config.config import Config
from fastcorn.config.errors import ConfigError
from fastcorn.config.pending import check_pending
from fastcorn.config.table import SETTINGS
from fastcorn.worker.serving import serve_worker
from fastcorn.worker.worker import Worker

if TYPE_CHECKING:
    from fastcorn.config import Settings
    from fastcorn.typing import Framework, Mode


class Server:
    """An application and the settings it is served with.

    Args:
        app: an ASGI or WSGI application, or a text that names one ("main:app").
        config: the settings.
        mode: "asgi" or "wsgi" where the kind of application cannot be told.
        **settings: settings by name in place of config; also host, port, uds and fd for bind, and the names of the
            command line's flags with underscores (log_level, timeout_keep_alive).

    Raises:
        TypeError: both config and settings are given.
        ConfigError: a setting is wrong.
    """

    def __init__(
        self, app: Framework | str, config: Config | None = None, *, mode: Mode | None = None, **settings: Any
    ) -> None:
        if config is not None and settings:
            raise TypeError(f"give Server a config or settings, not both (here also {', '.join(sorted(settings))})")
        self.config = Config(**settings_of(settings)) if config is None else config
        self._app = app
        self._mode = mode
        self._worker: Worker | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._supervisor: int | None = None
        self._stop_requested = asyncio.Event()
        self._reloading: asyncio.Task[None] | None = None
        if isinstance(app, str):
            self.config.application_path = app

    @property
    def urls(self) -> list[str]:
        """Where the server listens, with real ports; empty unless it runs."""
        return [] if self._worker is None else self._worker.urls

    @property
    def url(self) -> str:
        """The first of urls.

        Raises:
            RuntimeError: the server does not run.
        """
        if not self.urls:
            raise RuntimeError("the server does not run; start it with `async with` or `await server.start()`")
        return self.urls[0]

    async def start(self) -> None:
        """Starts to serve in the running loop, without signal handlers.

        Raises:
            RuntimeError: the server runs already.
            ConfigError, AddressError, NoAppError, LifespanFailureError, LifespanTimeoutError: it cannot start.
        """
        worker = self._make_worker()
        try:
            await worker.start()
        except BaseException:
            self._worker = None
            raise

    async def stop(self) -> None:
        """Stops: open requests are answered first, for graceful_timeout. Does nothing when the server does not run.

        Raises:
            LifespanFailureError, LifespanTimeoutError: the application's shutdown failed.
        """
        worker, self._worker = self._worker, None
        if worker is not None:
            self._stop_requested.set()
            await _stop_worker(worker)

    def reload(self) -> asyncio.Task[None]:
        """Serves new connections with a fresh start of the application and the current config, without closing sockets.

        An application given as text is imported anew, with the other modules of its package. Connections that are open
        end with the application they began with. If the new one does not start, the old one goes on.

        Returns:
            The task of the reload; awaiting it is optional, its failure is logged too.

        Raises:
            RuntimeError: the server does not run.
        """
        if self._worker is None:
            raise RuntimeError("a server that does not run cannot be reloaded")
        self._reloading = asyncio.ensure_future(self._reload(self._worker, self._reloading))
        return self._reloading

    async def _reload(self, worker: Worker, before: asyncio.Task[None] | None) -> None:
        if before is not None and not before.done():
            await asyncio.wait({before})
        try:
            with forget_modules(self._app if isinstance(self._app, str) else None, self.config.app_dir):
                await worker.reload(self._load(self.config.freeze()), self.config)
        except Exception as error:
            worker.error_log.error(
                "the reload failed, the old application goes on: %s", error, exc_info=error.__cause__
            )
            raise

    async def serve(self) -> int:
        """Serves until stop() or request_stop(), or, in the main thread, SIGINT or SIGTERM.

        Returns:
            The exit code, as fastcorn.run.run() does.

        Raises:
            RuntimeError: the server runs already.
            ConfigError, AddressError, NoAppError, LifespanFailureError, LifespanTimeoutError: it cannot start.
        """
        worker = self._make_worker()
        try:
            return await serve_worker(worker, stop_requested=self._stop_requested)
        finally:
            self._worker = None

    async def wait_stop_requested(self) -> None:
        """Waits for stop() or request_stop(): for a task that keeps an `async with` open until then."""
        await self._stop_requested.wait()

    def request_stop(self) -> None:
        """Lets serve() and run() end; returns at once.

        May be called from any thread; in a worker process that run() has started, it stops the whole server.
        """
        loop = self._loop
        if self._supervisor is not None and self._supervisor in (os.getpid(), os.getppid()):
            os.kill(self._supervisor, signal.SIGTERM)
        elif loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._stop_requested.set)

    def run(self) -> None:
        """Serves as the purpose of this thread, on a loop of its own, until a signal or request_stop().

        Several workers, and settings that need a supervisor, are processes, which are forked from the main thread only.

        Raises:
            ConfigError: use_reloader is set and the application is an object.
            SystemExit: the server could not start, or did not end well; the code is that of fastcorn.run.run().
        """
        from fastcorn.run import needs_supervisor, run_application

        if self.config.use_reloader and not isinstance(self._app, str):
            raise ConfigError(
                'needs the application as a text, Server("main:app", ...): an object cannot be imported anew',
                setting="use_reloader", origin=self.config.origin("use_reloader"),
            )  # fmt: skip
        with contextlib.suppress(ConfigError):  # is told below
            self._supervisor = os.getpid() if needs_supervisor(self.config.freeze()) else None
        try:
            code = run_application(self.config, self._load, self._serve_until)
        finally:
            self._supervisor = None
        if code:
            sys.exit(code)

    async def _serve_until(self, worker: Worker) -> int:
        self._adopt(worker)
        try:
            return await serve_worker(worker, stop_requested=self._stop_requested)
        finally:
            self._worker = None

    def _make_worker(self) -> Worker:
        if self._worker is not None:
            raise RuntimeError("the server runs already")
        settings = self.config.freeze()
        pending = check_pending(InRunningLoop(settings))  # type: ignore[arg-type]
        worker = Worker(self._load(settings), self.config)
        for line in pending:
            worker.error_log.warning("%s", line)
        self._adopt(worker)
        return worker

    def _adopt(self, worker: Worker) -> None:
        self._worker = worker
        self._loop = asyncio.get_running_loop()
        self._stop_requested.clear()

    def _load(self, settings: Settings) -> Application:
        if isinstance(self._app, str):
            return load(settings)
        return wrap(self._app, mode=self._mode or settings.mode, wsgi_max_body_size=settings.wsgi_max_body_size)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.stop()


async def _stop_worker(worker: Worker) -> None:
    """Stops also when the caller is cancelled meanwhile: that cuts the stop short and is raised after it."""
    try:
        await worker.stop()
    except asyncio.CancelledError:
        worker.force()
        await worker.stop()
        raise


def settings_of(keywords: dict[str, Any]) -> dict[str, Any]:
    """Settings by their own names, from keywords that may be named as flags are, and host, port, uds and fd."""
    names = {
        flag.lstrip("-").replace("-", "_"): setting.name for setting in SETTINGS.values() for flag in setting.all_flags
    }
    settings = {
        names.get(name, name): value for name, value in keywords.items() if name not in ("host", "port", "uds", "fd")
    }
    if "uds" in keywords:
        settings["bind"] = f"unix:{keywords['uds']}"
    elif "fd" in keywords:
        settings["bind"] = f"fd://{keywords['fd']}"
    elif "host" in keywords or "port" in keywords:
        host, port = keywords.get("host", "127.0.0.1"), keywords.get("port", 8000)
        settings["bind"] = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return settings
