# SPDX-License-Identifier: MIT
"""A worker that is the whole server: what a supervisor would otherwise do for it.

Called by fastcorn.run when one process is enough. Beside serving: SIGHUP reads the configuration again and serves new
connections with a fresh start of the application, SIGUSR1 reopens the logs, hooks are called, systemd is told.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fastcorn.asgi.reference import forget_modules
from fastcorn.config.fixed import OF_ONE_PROCESS, changes_without_effect
from fastcorn.config.sockets import takes_inherited
from fastcorn.errors import EXIT_FAILURE
from fastcorn.worker.hooks import Hooks
from fastcorn.worker.serving import serve_worker
from fastcorn.worker.systemd import notify, reloading, watchdog_interval
from fastcorn.worker.worker import Worker

if TYPE_CHECKING:
    from fastcorn.config import Config
    from fastcorn.worker.process import Loader, Main


class Alone:
    """The only process of a server.

    Args:
        config: the settings.
        loader: makes the application of the frozen settings.
        hooks: the hooks of the settings.
        reread: reads the configuration again; None keeps it.
        main: serves the worker; None as the purpose of this process, until a signal.
    """

    def __init__(
        self,
        config: Config,
        loader: Loader,
        hooks: Hooks,
        reread: Callable[[], Config] | None = None,
        main: Main | None = None,
    ) -> None:
        self._config = config
        self._loader = loader
        self._hooks = hooks
        self._reread = reread
        self._main = main
        self._started_at = time.monotonic()
        self._code = EXIT_FAILURE
        self._reloading: asyncio.Task[None] | None = None
        self._wanted = False
        self._ping: asyncio.TimerHandle | None = None
        self._worker: Worker

    async def serve(self, worker: Worker) -> int:
        """Serves until a signal; returns the exit code."""
        self._worker = worker
        self._hooks.log = worker.error_log
        if takes_inherited(self._config):
            worker.error_log.info("bind is not set: serving the sockets of systemd")
        worker.on_started, worker.on_stopping = self._ready, self._stopping
        loop = asyncio.get_running_loop()
        obeyed = self._obey_operator(loop)
        try:
            self._code = await (serve_worker if self._main is None else self._main)(worker)
            return self._code
        finally:
            for number in obeyed:
                loop.remove_signal_handler(number)
            if self._ping is not None:
                self._ping.cancel()
            if self._reloading is not None:
                self._reloading.cancel()
            facts = {"exit_code": self._code, "duration": time.monotonic() - self._started_at}
            self._hooks.call("on_worker_exit", pid=os.getpid(), worker=1, reason="the server has stopped", **facts)
            self._hooks.call("on_exit", **facts)

    def _obey_operator(self, loop: asyncio.AbstractEventLoop) -> list[int]:
        wanted: dict[str, Callable[[], object]] = {
            "SIGHUP": self._reload,
            "SIGUSR1": self._reopen,
            "SIGTTIN": self._refuse_workers,
            "SIGTTOU": self._refuse_workers,
        }
        obeyed = []
        for name, callback in wanted.items():
            number = getattr(signal, name, None)
            if number is None:
                continue
            try:
                loop.add_signal_handler(number, callback)
            except (NotImplementedError, ValueError, RuntimeError):
                continue  # Windows, or not the main thread
            obeyed.append(number)
        return obeyed

    def _ready(self) -> None:
        duration = time.monotonic() - self._started_at
        self._hooks.call("on_worker_ready", pid=os.getpid(), worker=1, duration=duration)
        self._hooks.call("when_ready", urls=self._worker.urls, duration=duration)
        notify("READY=1", f"MAINPID={os.getpid()}")
        self._tell_watchdog()

    def _stopping(self) -> None:
        notify("STOPPING=1")

    def _tell_watchdog(self) -> None:
        interval = watchdog_interval()
        if interval is not None:
            notify("WATCHDOG=1")
            self._ping = asyncio.get_running_loop().call_later(interval, self._tell_watchdog)

    def _refuse_workers(self) -> None:
        self._worker.error_log.warning("one process serves; start with --workers 2 or more to add and remove some")

    def _reopen(self) -> None:
        reopen = getattr(self._worker.log, "reopen", None)
        if reopen is not None:
            reopen()
        self._worker.error_log.info("SIGUSR1: log files are reopened")

    def _reload(self) -> None:
        if not self._worker.ready:
            self._worker.error_log.warning("SIGHUP is ignored while the server starts or stops")
            return
        self._wanted = True
        if self._reloading is None or self._reloading.done():
            self._reloading = asyncio.ensure_future(self._replace_all())

    async def _replace_all(self) -> None:
        """Until no signal has come during a reload: it may have begun before the last change."""
        while self._wanted:
            self._wanted = False
            await self._replace()

    async def _replace(self) -> None:
        log: Any = self._worker.error_log
        started = time.monotonic()
        notify(*reloading())
        self._hooks.call("on_reload", reason="SIGHUP")
        try:
            config = self._config if self._reread is None else self._reread()
            before, settings = self._config.freeze(), config.freeze()
            with forget_modules(settings.application_path, settings.app_dir):
                application, hooks = self._loader(settings), Hooks(settings, log)
                await self._worker.reload(application, config)
        except (Exception, SystemExit) as problem:
            log.error("SIGHUP: the application from before goes on: %s", problem, exc_info=problem.__cause__)
        else:
            for name in changes_without_effect(OF_ONE_PROCESS, before, settings):
                log.warning("%s has changed; it takes effect when the server is restarted", name)
            self._config, self._hooks = config, hooks
            log.info("SIGHUP: the application is replaced after %.2f s", time.monotonic() - started)
        notify("READY=1")
