# SPDX-License-Identifier: MIT
"""Running a server as the purpose of a process, or of several.

run() is what the fastcorn command ends in, under Hypercorn's name: it checks the settings and serves until a signal, in
this process or by a supervisor with worker processes. Calls fastcorn.worker and fastcorn.supervisor.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fastcorn.asgi.application import load
from fastcorn.config.errors import ConfigError
from fastcorn.config.sockets import takes_inherited
from fastcorn.errors import FastcornError
from fastcorn.observability.logger import error_log
from fastcorn.worker.alone import Alone
from fastcorn.worker.certificates import read_certificates, tell_unreadable
from fastcorn.worker.hooks import Hooks
from fastcorn.worker.loop import choose_loop
from fastcorn.worker.pidfile import PidFile
from fastcorn.worker.privileges import drop_privileges
from fastcorn.worker.process import Loader, Main, give_up_threads, report, run_worker
from fastcorn.worker.signals import Termination, interruption_code

if TYPE_CHECKING:
    from fastcorn.config import Config, Settings
    from fastcorn.config.sockets import Sockets

# What only a supervisor can do for a single worker.
SUPERVISED = ("use_reloader", "max_requests", "max_worker_lifetime", "max_worker_rss")


def run(config: Config, *, reread: Callable[[], Config] | None = None) -> int:
    """Serves config.application_path until SIGINT or SIGTERM.

    Threads of the application that do not end with the server are left behind: the process then ends without returning
    from here.

    Args:
        config: the settings; fixed when the server starts.
        reread: reads the configuration again for SIGHUP and reloads; None keeps this one.

    Returns:
        The exit code: 0 after a stop, 1 when an address cannot be listened on or the shutdown failed, 2 for a wrong
        setting, 3 when the application refused to start, 4 when it could not be loaded, 128 + n when a second signal n
        cut the stop short.
    """
    before = set(threading.enumerate())
    code = run_application(config, load, reread=reread)
    give_up_threads(before, code, config)
    return code


def run_application(
    config: Config, loader: Loader, main: Main | None = None, *, reread: Callable[[], Config] | None = None
) -> int:
    """Serves the application that a loader makes of the frozen settings, by a coroutine function; else as run()."""
    try:
        settings = config.freeze()
        with Termination():
            if needs_supervisor(settings):
                return supervise(config, loader, reread)
            hooks = Hooks(settings)
            alone = Alone(config, loader, hooks, reread, main)
            hooks.call("on_starting", config=config)
            with PidFile(settings.pid_path, settings.user, settings.group) as pid_file:
                sockets = bound_as_root(config, settings)
                return run_worker(config, loader, alone.serve, sockets=sockets, before_leaving=pid_file.remove)
    except KeyboardInterrupt as interrupt:
        return interruption_code(interrupt)
    except (FastcornError, ConfigError) as problem:
        report(problem, None)
        return int(problem.exit_code)


def bound_as_root(config: Config, settings: Settings) -> Sockets | None:
    """Where root is to be given up: the sockets, bound before that, logs opened, certificates read; else None.

    Raises:
        AddressError, ConfigError: an address, a log, a certificate or the user cannot be had.
    """
    if settings.user is None and settings.group is None:
        return None
    sockets = config.create_sockets()
    try:
        sockets.certificates = read_certificates(config)
        log: Any = error_log(config.log)  # making it opens the files
        if drop_privileges(settings):
            tell_unreadable(sockets.certificates, config, log)
    except BaseException:
        sockets.close()
        raise
    return sockets


def needs_supervisor(settings: Settings) -> str:
    """The setting that needs worker processes, or "": many workers, or what has to replace one.

    Raises:
        ConfigError: workers = 0 asks for no process but this one, and use_reloader for one that can be replaced.
    """
    if settings.workers > 1:
        return "workers"
    for name in SUPERVISED:
        if getattr(settings, name):
            if settings.workers:
                return name
            if name == "use_reloader":
                problem = "needs a worker process that can be replaced; set workers to 1, or leave it out"
                raise ConfigError(problem, setting=name, origin=settings.origin(name))
    timeout_wanted = settings.worker_timeout is not None and settings.origin("worker_timeout") != "default"
    return "worker_timeout" if timeout_wanted and settings.workers == 1 else ""


def supervise(config: Config, loader: Loader, reread: Callable[[], Config] | None) -> int:
    """Serves by worker processes; returns the exit code as run() does.

    Raises:
        FastcornError, ConfigError: the server could not start and nothing has told why.
    """
    from fastcorn.supervisor.plan import Plan
    from fastcorn.supervisor.process import check_can_fork
    from fastcorn.supervisor.supervisor import Supervisor

    log: Any = None
    plan = Plan(config, loader)
    setting = needs_supervisor(plan.settings) or "workers"
    check_can_fork(setting, plan.settings.origin(setting))
    watcher: Any = None
    if plan.settings.use_reloader:
        from fastcorn.supervisor.watcher import Watcher

        watcher = Watcher(plan.settings, config.files if reread is not None else ())
    import_for_workers(plan.settings)
    with PidFile(plan.settings.pid_path, plan.settings.user, plan.settings.group):
        try:
            supervisor = Supervisor(plan, reread, watcher=watcher)
            log = supervisor.log
            supervisor.hooks.call("on_starting", config=config)
            if takes_inherited(config):
                log.info("bind is not set: serving the sockets of systemd")
            plan.bind()
            if drop_privileges(plan.settings):
                log.info("running as user %d and group %d", os.geteuid(), os.getegid())
                tell_unreadable(plan.certificates, config, log)
            for line in [*plan.pending, *plan.tls_notices()]:
                log.warning("%s", line)
            plan.preload()
            return supervisor.run()
        except (FastcornError, ConfigError) as problem:
            report(problem, log if plan.settings.errorlog is not None else None)
            return int(problem.exit_code)
        finally:
            plan.close()


def import_for_workers(settings: Settings) -> None:
    """Imports what every worker needs, so that the workers share it and start at once.

    Raises:
        ConfigError: the event loop of worker_class is not installed.
    """
    import fastcorn.asgi._context
    import fastcorn.protocols._http1  # noqa: F401

    choose_loop(settings.worker_class)
