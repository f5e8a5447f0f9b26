# SPDX-License-Identifier: MIT
"""fastcorn: a server for ASGI and WSGI applications.

The public names are imported when they are first used, so that `import fastcorn` costs next to nothing.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from fastcorn._version import __version__ as __version__
    from fastcorn.config import Config as Config
    from fastcorn.server import Server as Server

HOMES = {
    "Config": "fastcorn.config",
    "Server": "fastcorn.server",
    "__version__": "fastcorn._version",
}

__all__ = ["Config", "Server", "__version__"]


def __getattr__(name: str) -> Any:
    if name not in HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
