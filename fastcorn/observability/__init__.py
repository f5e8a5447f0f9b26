# SPDX-License-Identifier: MIT
"""What a server tells people: the error log and the access log.

Config.log makes Logger of the settings; the worker hands an AccessLog to the compiled side. A leaf: it imports the
configuration's errors and no other room. Names are imported on first use.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from fastcorn.observability.access import AccessLog
    from fastcorn.observability.atoms import AccessLogAtoms
    from fastcorn.observability.logger import Logger

__all__ = ["AccessLog", "AccessLogAtoms", "Logger"]

HOMES = {"AccessLog": "access", "AccessLogAtoms": "atoms", "Logger": "logger"}


def __getattr__(name: str) -> Any:
    if name not in HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"{__name__}.{HOMES[name]}"), name)
    globals()[name] = value
    return value
