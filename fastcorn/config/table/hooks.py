# SPDX-License-Identifier: MIT
"""Functions that are called at the steps of a server's life.

Rows of the table of settings; joined by fastcorn.config.table. The names are gunicorn's where it has the same.
"""

from __future__ import annotations

from fastcorn.config.kinds import Hook
from fastcorn.config.setting import Setting

SETTINGS = (
    Setting("on_starting", Hook(), None, "Called before anything is bound or started; what it raises stops the start"),
    Setting("when_ready", Hook(), None, "Called once, when all workers are ready"),
    Setting("on_worker_ready", Hook(), None, "Called when a worker is ready"),
    Setting("on_worker_exit", Hook(), None, "Called when a worker has ended, with the reason"),
    Setting("on_reload", Hook(), None, "Called when workers are about to be replaced, by SIGHUP or a changed file"),
    Setting("on_exit", Hook(), None, "Called when the server has ended, last of all"),
)
