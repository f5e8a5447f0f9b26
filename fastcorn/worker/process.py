# SPDX-License-Identifier: MIT
"""A worker as the purpose of a process: from the settings to the exit code.

Called by fastcorn.run where one process is enough, and by fastcorn.worker.child in the processes of a supervisor.
Every mistake is one line in the error log, or on stderr while there is none, after the traceback where the
application's own code raised, and an exit code of fastcorn.errors.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import TYPE_CHECKING, Any

from fastcorn.asgi.application import Application
from fastcorn.config.errors import ConfigError
from fastcorn.config.pending import check_pending
from fastcorn.errors import EXIT_FAILURE, EXIT_OK, EXIT_SIGNAL_BASE, FastcornError
from fastcorn.observability.logger import error_log
from fastcorn.worker.loop import LEFTOVER_SECONDS, LoopFactory, choose_loop, run_loop
from fastcorn.worker.signals import SignalHold, interruption_code
from fastcorn.worker.watchdog import Watchdog
from fastcorn.worker.worker import Worker

if TYPE_CHECKING:
    from fastcorn.config import Config
    from fastcorn.config.sockets import Sockets
    from fastcorn.worker.balance import Balance

Loader = Callable[[Any], Application]
Main = Callable[[Worker], Coroutine[Any, Any, int]]
Problem = FastcornError | ConfigError


def run_worker(
    config: Config,
    loader: Loader,
    main: Main,
    *,
    sockets: Sockets | None = None,
    balance: Balance | None = None,
    announce: bool = True,
    before_leaving: Callable[[], None] | None = None,
) -> int:
    """Serves the application that a loader makes of the frozen settings, by a coroutine function.

    Args:
        config: the settings.
        loader: called with the frozen settings.
        main: called with the worker; returns the exit code.
        sockets: bound sockets to serve on instead of binding those of the configuration.
        balance: as for Worker.
        announce: whether the log says where it listens and which settings have no effect.
        before_leaving: called when the process ends from here, without returning, because threads of the application
            do not end.

    Returns:
        The exit code, as fastcorn.run.run() does.
    """
    log: Any = None
    try:
        settings = config.freeze()
        pending = check_pending(settings)
        application = loader(settings)
        factory = choose_loop(settings.worker_class)
        # The logs are opened after the import: an application that configures logging could switch ours off.
        worker = Worker(application, config, sockets=sockets, balance=balance, announce=announce)
        log = worker.error_log if settings.errorlog is not None else None
        for line in pending if announce else ():
            worker.error_log.warning("%s", line)
        with SignalHold() as hold:
            code, held = _serve(worker, main, factory, hold)
            if held:
                if before_leaving is not None:
                    before_leaving()
                leave(code)
            return code
    except KeyboardInterrupt as interrupt:
        return interruption_code(interrupt)
    except (FastcornError, ConfigError) as problem:
        report(problem, log)
        return int(problem.exit_code)


def _serve(worker: Worker, main: Main, factory: LoopFactory, hold: SignalHold) -> tuple[int, bool]:
    """Serves on a loop of its own; returns the exit code, and whether threads would hold the process."""
    held = False

    def on_stuck(line: str, holds_process: bool) -> None:
        nonlocal held
        held = held or holds_process
        worker.error_log.warning("%s; leaving without them", line)

    code = EXIT_FAILURE
    try:
        code = run_loop(
            _watched(worker, main),
            factory,
            debug=worker.settings.debug,
            on_stuck=on_stuck,
            hurry=lambda: bool(hold.numbers),
        )
    except (FastcornError, ConfigError) as problem:
        if not held:
            raise
        report(problem, worker.error_log)
        code = int(problem.exit_code)
    except KeyboardInterrupt as interrupt:
        code = interruption_code(interrupt)
    except SystemExit as wish:
        worker.error_log.error("a task of the application called sys.exit(%s)", "" if wish.code is None else wish.code)
        code = EXIT_FAILURE if isinstance(wish.code, str) else int(wish.code or 0)
    if hold.numbers and code == EXIT_OK:
        code = EXIT_SIGNAL_BASE + hold.numbers[0]
    return code, held


async def _watched(worker: Worker, main: Main) -> int:
    # Nobody waits yet while an application starts: then it may block, to load a model for example.
    with Watchdog(worker.settings.slow_callback, worker.error_log, lambda: bool(worker.listeners)):
        return await main(worker)


def leave(code: int) -> None:
    """Ends the process although threads run: the interpreter would wait for them for ever."""
    try:
        logging.shutdown()
        flush_streams()
    finally:
        # Whatever happens, nobody comes back from here: in a forked process that would be a second supervisor.
        os._exit(code)


def flush_streams() -> None:
    """Writes out what stdout and stderr hold, unless they cannot: a pipe that nobody reads, a disk that is full."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            with contextlib.suppress(OSError, ValueError):
                stream.flush()


def give_up_threads(before: set[threading.Thread], code: int, config: Config) -> None:
    """Bounds how long threads that the application has started hold the process when its program is at its end.

    Args:
        before: the threads that are not the application's.
        code: the exit code.
        config: its error log is told.
    """
    if not any(not thread.daemon for thread in set(threading.enumerate()) - before):
        return
    # The interpreter waits for threads without limit, before it calls the functions of atexit; idle threads of
    # executors end only there, by a function that they have registered in the same way.
    register = getattr(threading, "_register_atexit", None)
    if register is None:
        return
    finishing = threading.Event()
    register(finishing.set)

    def watch() -> None:
        finishing.wait()
        time.sleep(LEFTOVER_SECONDS)
        error_log(config.log).warning("threads of the application still run; leaving without them")
        leave(code)

    threading.Thread(target=watch, name="fastcorn-exit", daemon=True).start()


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
