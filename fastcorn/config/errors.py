# SPDX-License-Identifier: MIT
"""The errors of configuration.

Raised by every module of this room; the command line turns each into one line on stderr and exit code 2. The text names
the setting, where its value came from, the mistake and the remedy.
"""

from __future__ import annotations

UNTOLD_ORIGINS = ("code", "default")


class ConfigError(ValueError):
    """A setting, a configuration file or a combination of settings that cannot be used.

    Attributes:
        setting: the name of the setting, or None when the mistake is not about one.
        origin: where the value came from ("fastcorn.toml", "--bind", "FASTCORN_BIND"), or None for plain code
            and for defaults, which the text need not name.
        problem: the mistake and its remedy, without the name.
        exit_code: what a server that is started with it exits with.
    """

    exit_code = 2

    def __init__(self, problem: str, *, setting: str | None = None, origin: str | None = None) -> None:
        self.problem = problem
        self.setting = setting
        self.origin = None if origin in UNTOLD_ORIGINS else origin
        super().__init__(": ".join(part for part in (self.origin, self.told_setting(), problem) if part))

    def told_setting(self) -> str | None:
        """The setting's name, or None where the origin is a flag or a variable of the same name."""
        name = self.setting or ""
        return None if self.origin in ("--" + name.replace("_", "-"), "FASTCORN_" + name.upper()) else self.setting


class UnknownSettingError(ConfigError, AttributeError):
    """A name that is no setting; the text suggests the nearest one."""


class AddressError(ConfigError, OSError):
    """An address that cannot be bound: taken, not allowed, or not of this machine."""

    exit_code = 1


class SocketTypeError(ConfigError):
    """An inherited file descriptor (fd://N) that is no socket of the type the setting needs."""


class UsageError(ConfigError):
    """A command line that cannot be read; origin is the flag."""
