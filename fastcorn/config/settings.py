# SPDX-License-Identifier: MIT
"""Settings: the immutable snapshot of a Config that workers and connections read.

Made by Config.freeze(); given to the worker and its Context. Has the attribute names of Config; lists are tuples.
"""

from __future__ import annotations

from fastcorn.config.fields import Fields

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


class Settings(Fields):
    """All settings, with their origins, fixed.

    Args:
        values: a checked value for each name of the table.
        origins: where each value came from.
        ssl_enabled: whether bind is served over TLS.
    """

    def __init__(self, values: dict[str, object], origins: dict[str, str], *, ssl_enabled: bool) -> None:
        frozen = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
        self.__dict__.update(frozen, origins=dict(origins), ssl_enabled=ssl_enabled)

    if TYPE_CHECKING:
        origins: dict[str, str]
        ssl_enabled: bool

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"settings are fixed once the server starts; set Config.{name} before")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"settings are fixed once the server starts; set Config.{name} before")

    def origin(self, name: str) -> str:
        """Where the value came from: "default", "code", a file, a variable or a flag."""
        return self.origins.get(name, "default")
