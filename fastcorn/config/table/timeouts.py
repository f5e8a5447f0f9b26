# SPDX-License-Identifier: MIT
"""Deadlines for clients.

Rows of the table of settings; joined by fastcorn.config.table.
"""

from __future__ import annotations

from fastcorn.config.kinds import Duration, Rate
from fastcorn.config.setting import Setting

SETTINGS = (
    Setting(
        "header_read_timeout",
        Duration(least=0.001, optional=True),
        10.0,
        "Time for a whole request head, from its first byte; more is 408",
        precedents="Hypercorn and uvicorn without limit, granian 30 s, Apache 20 s",
    ),
    Setting(
        "keep_alive_timeout",
        Duration(),
        5.0,
        "Idle time between requests before a connection is closed",
        precedents="Hypercorn and uvicorn 5 s",
        flags=("--keep-alive",),
        aliases=("--timeout-keep-alive",),
    ),
    Setting(
        "body_timeout",
        Duration(optional=True),
        None,
        "Time for a whole request body",
        precedents="off in Hypercorn and uvicorn",
    ),
    Setting(
        "body_min_rate",
        Rate(optional=True),
        None,
        "Slowest upload of a request body that is waited for, after 5 s of grace",
        precedents="Apache 500 bytes/s",
    ),
    Setting(
        "write_timeout",
        Duration(optional=True),
        60.0,
        "Time without progress while sending to a client before its connection is aborted",
        precedents="nginx send_timeout 60 s; Hypercorn and uvicorn without limit",
    ),
    Setting(
        "read_timeout",
        Duration(optional=True),
        None,
        "Time without a byte while a request is read (Hypercorn); see header_read_timeout and body_timeout",
        later="read_timeout (use header_read_timeout, body_timeout and body_min_rate)",
    ),
)
