# SPDX-License-Identifier: MIT
"""The table of settings: each is declared once, in the module of its group, and everything else is derived from it.

SETTINGS maps each name to its row in the order of help and docs. Used by all modules of fastcorn.config and by the
command line; calls nothing.
"""

from __future__ import annotations

from fastcorn.config.setting import Setting
from fastcorn.config.table import (
    application,
    hooks,
    http,
    http2,
    limits,
    listening,
    logs,
    processes,
    timeouts,
    tls,
    websocket,
)

GROUPS: dict[str, tuple[Setting, ...]] = {
    "Application": application.SETTINGS,
    "Listening": listening.SETTINGS,
    "Processes": processes.SETTINGS,
    "Hooks": hooks.SETTINGS,
    "HTTP": http.SETTINGS,
    "Limits": limits.SETTINGS,
    "Timeouts": timeouts.SETTINGS,
    "TLS": tls.SETTINGS,
    "HTTP/2": http2.SETTINGS,
    "WebSocket": websocket.SETTINGS,
    "Logs and metrics": logs.SETTINGS,
}
SETTINGS: dict[str, Setting] = {}

for _group, _settings in GROUPS.items():
    for _setting in _settings:
        _setting.group = _group
        SETTINGS[_setting.name] = _setting
