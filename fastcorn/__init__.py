# SPDX-License-Identifier: MIT
"""fastcorn: a server for ASGI and WSGI applications.

The public names are imported when they are first used, so that `import fastcorn` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastcorn._version import __version__ as __version__
    from fastcorn.config import Config as Config
    from fastcorn.run import run as run
    from fastcorn.server import Server as Server

_HOME = {
    "Config": "fastcorn.config",
    "Server": "fastcorn.server",
    "__version__": "fastcorn._version",
    "run": "fastcorn.run",
}

__all__ = ["Config", "Server", "__version__", "run"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
