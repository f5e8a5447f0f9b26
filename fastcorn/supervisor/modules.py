# SPDX-License-Identifier: MIT
"""The modules of the application that a supervisor has imported, for hooks, configurations and preload.

Forgotten by fastcorn.supervisor.supervisor before it reads the configuration anew: workers are forked from it, and what
is in sys.modules then is what they serve, whatever the files have become.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from fastcorn.asgi.reference import locate_module
from fastcorn.errors import NoAppError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import ModuleType

    from fastcorn.config import Settings

# The settings that name something to import, beside the application.
NAMING = (
    "logger_class", "on_starting", "when_ready", "on_worker_ready", "on_worker_exit", "on_reload", "on_exit",
)  # fmt: skip

INSTALLED = (os.sep + "site-packages" + os.sep, os.sep + "dist-packages" + os.sep)


def forget_sources(
    settings: Settings, files: Iterable[str] = (), counts: Callable[[str], bool] | None = None
) -> dict[str, ModuleType]:
    """Takes out of sys.modules what may have changed; installed packages and the standard library stay.

    Args:
        settings: the packages of what they name are forgotten.
        files: modules that were read from one of these are forgotten.
        counts: so are modules whose file this is true for.

    Returns:
        What was forgotten, for sys.modules.update() when nothing comes of the reload.
    """
    tops, known = set(named_packages(settings)), {os.path.realpath(name) for name in files}
    forgotten = {}
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        top = name.partition(".")[0]
        if not isinstance(file, str) or top in ("fastcorn", "__main__") or is_installed(file):
            continue
        path = os.path.realpath(file)
        if top in tops or path in known or (counts is not None and counts(path)):
            forgotten[name] = sys.modules.pop(name)
    return forgotten


def named_packages(settings: Settings) -> list[str]:
    """The top-level names of the modules that the settings name."""
    names = [value for value in (getattr(settings, name) for name in NAMING) if isinstance(value, str)]
    if settings.application_path is not None:
        try:
            names.append(locate_module(settings.application_path, settings.app_dir)[1])
        except NoAppError:
            pass  # the start of the workers tells that
    return [name.replace(":", ".").partition(".")[0] for name in names]


def is_installed(file: str) -> bool:
    if any(part in file for part in INSTALLED):
        return True
    return file.startswith(os.path.dirname(os.__file__) + os.sep)
