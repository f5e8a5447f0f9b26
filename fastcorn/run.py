# SPDX-License-Identifier: MIT
"""Running a server as the purpose of a process.

run() is what the fastcorn command ends in, under Hypercorn's name: it checks the settings, loads the application,
chooses the event loop and serves until a signal. Every mistake is one line on stderr or in the error log, after the
traceback where the application's own code raised, and an exit code of fastcorn.errors.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import TYPE_CHECKING, Any

from fastcorn.asgi.application import Application, load
from fastcorn.config.errors import ConfigError
from fastcorn.config.pending import check_pending
from fastcorn.errors import EXIT_SIGNAL_BASE, FastcornError
from fastcorn.worker.loop import LoopFactory, choose_loop, run_loop
from fastcorn.worker.pidfile import PidFile
from fastcorn.worker.serving import serve_worker
from fastcorn.worker.worker import Worker

if TYPE_CHECKING:
    from fastcorn.config import Config

Loader = Callable[[Any], Application]
Main = Callable[[Worker], Coroutine[Any, Any, int]]
Problem = FastcornError | ConfigError

SIGINT_NUMBER = 2


def run(config: Config) -> int:
    """Serves config.application_path until SIGINT or SIGTERM.

    Threads of the application that do not end with the server are left behind: the process then ends without returning
    from here.

    Args:
        config: the settings; fixed when the server starts.

    Returns:
        The exit code: 0 after a stop, 1 when an address cannot be listened on or the shutdown failed, 2 for a wrong
        setting, 3 when the application refused to start, 4 when it could not be loaded, 128 + n when a second signal n
        cut the stop short.
    """
    return run_application(config, load)


def run_application(config: Config, loader: Loader, main: Main = serve_worker) -> int:
    """Serves the application that a loader makes of the frozen settings, by a coroutine function; else as run()."""
    log: Any = None
    try:
        settings = config.freeze()
        pending = check_pending(settings)
        application = loader(settings)
        factory = choose_loop(settings.worker_class)
        # The logs are opened after the import: an application that configures logging could switch ours off.
        worker = Worker(application, config)
        log = worker.error_log if settings.errorlog is not None else None
        for line in pending:
            worker.error_log.warning("%s", line)
        with PidFile(settings.pid_path):
            return _serve(worker, main, factory)
    except KeyboardInterrupt:
        return EXIT_SIGNAL_BASE + SIGINT_NUMBER
    except (FastcornError, ConfigError) as problem:
        report(problem, log)
        return int(problem.exit_code)


def _serve(worker: Worker, main: Main, factory: LoopFactory) -> int:
    held = False

    def on_stuck(line: str, holds_process: bool) -> None:
        nonlocal held
        held = held or holds_process
        worker.error_log.warning("%s; leaving without them", line)

    code = 1
    try:
        code = run_loop(main(worker), factory, debug=worker.settings.debug, on_stuck=on_stuck)
    except (FastcornError, ConfigError) as problem:
        if not held:
            raise
        report(problem, worker.error_log)
        code = int(problem.exit_code)
    if held:
        _leave(code)
    return code


def _leave(code: int) -> None:
    """Ends the process although threads run: the interpreter would wait for them for ever."""
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    os._exit(code)


def report(problem: Problem, log: Any) -> None:
    """Tells why the server ends: in the error log, or on stderr where there is none yet."""
    cause = problem.__cause__
    if log is not None:
        log.error("%s", problem, exc_info=(type(cause), cause, _own_frames(cause)) if cause is not None else None)
        return
    if cause is not None:
        import traceback

        traceback.print_exception(type(cause), cause, _own_frames(cause))
    print(f"fastcorn: {problem}", file=sys.stderr, flush=True)


def _own_frames(error: BaseException) -> TracebackType | None:
    """The traceback from the application's first frame on: how fastcorn and importlib got there helps nobody."""
    traceback = error.__traceback__
    while traceback is not None:
        name = traceback.tb_frame.f_globals.get("__name__", "")
        if not name.startswith(("fastcorn.", "importlib")):
            break
        traceback = traceback.tb_next
    return traceback
