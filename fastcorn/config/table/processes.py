# SPDX-License-Identifier: MIT
"""Processes, event loop, reload, and how they end.

Rows of the table of settings; joined by fastcorn.config.table.
"""

from __future__ import annotations

from fastcorn.config.kinds import Boolean, Choice, Count, Duration, FilePath, ProcessCount, RequestLine, Size, Texts
from fastcorn.config.setting import Setting

SETTINGS = (
    Setting(
        "workers",
        ProcessCount(most=1024),
        1,
        "Worker processes, or auto for one a processor; 0 and 1 serve in this process where that is enough",
        flags=("-w",),
        environment=("WEB_CONCURRENCY",),
    ),
    Setting(
        "worker_class",
        Choice("auto", "asyncio", "uvloop", "trio"),
        "auto",
        "Event loop; auto takes uvloop where it is installed, else asyncio",
        precedents="Hypercorn asyncio, uvicorn auto",
        flags=("-k",),
        aliases=("--loop",),
        later="the trio worker",
        refused=True,
    ),
    Setting(
        "preload",
        Boolean(),
        False,
        "Import the application before the worker processes are forked, so that they share its memory",
        precedents="gunicorn off (--preload)",
    ),
    Setting(
        "worker_timeout",
        Duration(least=0.1, optional=True),
        30.0,
        "Replace a worker whose event loop has stood still this long; its stacks go to the error log",
        precedents="gunicorn 30 s, uvicorn 5 s; Hypercorn has none",
        aliases=("--timeout-worker-healthcheck",),
    ),
    Setting(
        "slow_callback",
        Duration(least=0.01, optional=True),
        1.0,
        "Log the stack and the request of what blocks the event loop this long",
        precedents="asyncio's debug mode 0.1 s; no other server has it",
    ),
    Setting("debug", Boolean(), False, "asyncio's debug mode: slow callbacks and forgotten awaits are logged"),
    Setting(
        "graceful_timeout",
        Duration(),
        30.0,
        "Time for running requests to end after a stop signal; then they are cancelled",
        precedents="Hypercorn 3 s, gunicorn and Kubernetes 30 s, uvicorn without limit",
        aliases=("--timeout-graceful-shutdown",),
    ),
    Setting(
        "drain_delay",
        Duration(),
        0.0,
        "Time between a stop signal and the closing of the listening sockets, for balancers to notice",
        precedents="off in all; Kubernetes users write a preStop sleep of 5 to 15 s instead",
    ),
    Setting(
        "warmup",
        RequestLine(),
        None,
        "Request that a new worker answers to itself, with a status below 400, before it takes others",
        precedents="none has it",
    ),
    Setting(
        "pid_path", FilePath(example="/run/fastcorn.pid"), None, "File that holds the process id", flags=("-p", "--pid")
    ),
    Setting(
        "daemon",
        Boolean(),
        True,
        "Worker processes end with their parent (this does not put the server into the background)",
        flags=("-D",),
    ),
    Setting(
        "max_requests",
        Count(optional=True),
        None,
        "Replace a worker after this many requests",
        aliases=("--limit-max-requests",),
    ),
    Setting(
        "max_requests_jitter",
        Count(),
        0,
        "Random addition to max_requests, so that workers are not replaced together",
        aliases=("--limit-max-requests-jitter",),
    ),
    Setting(
        "max_worker_lifetime",
        Duration(optional=True),
        None,
        "Replace a worker after this time, give or take a tenth so that not all are replaced together",
        precedents="granian off (--workers-lifetime)",
        aliases=("--workers-lifetime",),
    ),
    Setting(
        "max_worker_rss",
        Size(least=2**20, most=2**50, optional=True),
        None,
        "Replace a worker whose resident memory exceeds this",
        precedents="granian off (--workers-max-rss, in MiB)",
    ),
    Setting(
        "use_reloader",
        Boolean(),
        False,
        "Replace the workers when a source file, a template or the configuration changes",
        flags=("--reload",),
    ),
    Setting(
        "reload_dirs",
        Texts(example="src", metavar="DIR"),
        [],
        "Directory to watch for changes; none given watches app_dir or the current one",
        flags=("--reload-dir",),
    ),
    Setting(
        "reload_include",
        Texts(example="*.html", metavar="GLOB"),
        [],
        "Further files whose change reloads, beside Python files and templates",
    ),
    Setting(
        "reload_exclude",
        Texts(example="build/*", metavar="GLOB"),
        [],
        "Files whose change does not reload",
    ),
    Setting(
        "reload_poll",
        Boolean(),
        False,
        "Look for changes by polling; without it only where events do not arrive",
    ),
    Setting(
        "reload_delay",
        Duration(most=3600.0),
        0.25,
        "Time without a further change before a reload begins",
        precedents="uvicorn 0.25 s",
    ),
)
