# SPDX-License-Identifier: MIT
"""Processes, event loop, reload, and how they end.

Rows of the table of settings; joined by fastcorn.config.table.
"""

from __future__ import annotations

from fastcorn.config.kinds import Boolean, Choice, Count, Duration, FilePath, Texts
from fastcorn.config.setting import Setting

SETTINGS = (
    Setting(
        "workers",
        Count(most=1024),
        1,
        "Worker processes; 0 and 1 serve in this process",
        flags=("-w",),
        environment=("WEB_CONCURRENCY",),
        later="more than one worker process",
        refused=True,
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
        "pid_path", FilePath(example="/run/fastcorn.pid"), None, "File that holds the process id", flags=("-p", "--pid")
    ),
    Setting(
        "daemon",
        Boolean(),
        True,
        "Worker processes end with their parent (this does not put the server into the background)",
        flags=("-D",),
        later="more than one worker process",
    ),
    Setting(
        "max_requests",
        Count(optional=True),
        None,
        "Replace a worker after this many requests",
        aliases=("--limit-max-requests",),
        later="replacing workers",
    ),
    Setting(
        "max_requests_jitter",
        Count(),
        0,
        "Random addition to max_requests, so that workers are not replaced together",
        aliases=("--limit-max-requests-jitter",),
        later="replacing workers",
    ),
    Setting(
        "use_reloader",
        Boolean(),
        False,
        "Restart when a source file changes",
        flags=("--reload",),
        later="reload",
        refused=True,
    ),
    Setting(
        "reload_dirs",
        Texts(example="src", metavar="DIR"),
        [],
        "Directory to watch for changes; none given watches the current one",
        flags=("--reload-dir",),
        later="reload",
    ),
)
