# SPDX-License-Identifier: MIT
"""Configuration: one table of settings, and what is derived from it.

Public names: Config, its frozen Settings, Sockets, and the errors. Names are imported on first use, because the command
line starts faster without sockets and TLS. A leaf: imports no other room.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from fastcorn.config.config import Config
    from fastcorn.config.errors import AddressError, ConfigError, SocketTypeError, UnknownSettingError
    from fastcorn.config.settings import Settings
    from fastcorn.config.sockets import Sockets

__all__ = ["AddressError", "Config", "ConfigError", "Settings", "SocketTypeError", "Sockets", "UnknownSettingError"]

HOMES = {
    "AddressError": "errors",
    "Config": "config",
    "ConfigError": "errors",
    "Settings": "settings",
    "SocketTypeError": "errors",
    "Sockets": "sockets",
    "UnknownSettingError": "errors",
}


def __getattr__(name: str) -> Any:
    if name not in HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"{__name__}.{HOMES[name]}"), name)
    globals()[name] = value
    return value
