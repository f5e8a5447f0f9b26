# SPDX-License-Identifier: MIT
"""Which settings a running server keeps when it reads its configuration again: a change of these needs a restart.

Used by fastcorn.supervisor.plan and fastcorn.worker.alone for the warnings after SIGHUP.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fastcorn.config.settings import Settings

# What a supervisor keeps: who it is, what it has written, and the process that watches files.
OF_SUPERVISOR = (
    "user", "group", "umask", "unix_socket_mode", "accept", "pid_path", "use_reloader", "reload_dirs", "reload_include",
    "reload_exclude", "reload_poll", "reload_delay",
)  # fmt: skip

# One process also keeps its addresses, its event loop and its logs, and cannot become several.
OF_ONE_PROCESS = (
    *OF_SUPERVISOR, "bind", "insecure_bind", "quic_bind", "backlog", "workers", "worker_class", "debug",
    "slow_callback", "max_requests", "max_worker_lifetime", "max_worker_rss", "ssl_enabled", "accesslog",
    "access_log_format", "errorlog", "loglevel", "logconfig", "logconfig_dict", "logger_class",
)  # fmt: skip


def changes_without_effect(names: tuple[str, ...], old: Settings, new: Settings) -> list[str]:
    """The names of settings that have changed although a running server keeps them."""
    return [name for name in names if getattr(old, name) != getattr(new, name)]
