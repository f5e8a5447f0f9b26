# SPDX-License-Identifier: MIT
"""How many processors this process may use. Called by the kind of the setting workers for "auto"."""

from __future__ import annotations

import os


def usable_processors() -> int:
    """The processors that the scheduler may give this process; at least 1."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1
