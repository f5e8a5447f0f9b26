# SPDX-License-Identifier: MIT
"""One setting: a row of the table from which Config, flags, environment, file keys, docs and completion are derived.

Made by the modules of fastcorn.config.table; used by every other module of this room.
"""

from __future__ import annotations

from fastcorn.config.errors import ConfigError
from fastcorn.config.kinds.words import Boolean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fastcorn.config.kinds.base import Kind


class Setting:
    """What is known of one setting.

    Attributes:
        name: the attribute of Config and the key of files.
        kind: how its values are checked and written.
        default: the value when no source gives one; never mutated, copied on use.
        help: one line for the command line's help and the docs, without a full stop.
        group: the heading under which help and docs list it; set by the table.
        precedents: what other servers do, for the reader of the default.
        flags: preferred flags, the first long one is shown; "--" + name is always accepted too.
        aliases: further flags of other servers with the same meaning.
        deprecated: flags that still work with a warning that names the better one.
        off_flags: flags that turn it off (None, or False for a switch), beside the --no- forms of switches.
        environment: further environment variables beside FASTCORN_NAME.
        later: the feature this setting belongs to while that feature is not there yet, else "".
        refused: starting with a value other than the default is refused while later is set (else it is logged).
        secret: the value is never shown.
    """

    __slots__ = (
        "aliases", "default", "deprecated", "environment", "flags", "group", "help", "kind", "later", "name",
        "off_flags", "precedents", "refused", "secret",
    )  # fmt: skip

    def __init__(
        self,
        name: str,
        kind: Kind,
        default: object,
        help: str,
        *,
        precedents: str = "",
        flags: tuple[str, ...] = (),
        aliases: tuple[str, ...] = (),
        deprecated: tuple[str, ...] = (),
        off_flags: tuple[str, ...] = (),
        environment: tuple[str, ...] = (),
        later: str = "",
        refused: bool = False,
        secret: bool = False,
    ) -> None:
        self.name = name
        self.kind = kind
        self.default = default
        self.help = help
        self.group = ""
        self.precedents = precedents
        self.flags = flags
        self.aliases = aliases
        self.deprecated = deprecated
        self.off_flags = off_flags
        self.environment = environment
        self.later = later
        self.refused = refused
        self.secret = secret

    @property
    def own_flag(self) -> str:
        return "--" + self.name.replace("_", "-")

    @property
    def variable(self) -> str:
        return "FASTCORN_" + self.name.upper()

    @property
    def is_switch(self) -> bool:
        return isinstance(self.kind, Boolean)

    @property
    def flag(self) -> str:
        """The long flag that help, docs and errors show."""
        return next((flag for flag in self.flags if flag.startswith("--")), self.own_flag)

    @property
    def all_flags(self) -> tuple[str, ...]:
        """Every flag that sets the value, without the --no- forms of switches."""
        return tuple(dict.fromkeys((*self.flags, self.own_flag, *self.aliases, *self.deprecated)))

    @property
    def negative_flags(self) -> tuple[str, ...]:
        """The flags that turn the setting off: its off_flags, and the --no- forms of a switch."""
        if not self.is_switch:
            return self.off_flags
        return (*("--no-" + flag[2:] for flag in self.all_flags if flag.startswith("--")), *self.off_flags)

    def fresh_default(self) -> object:
        """The default; a new list or dict each time, so that no two configurations share one."""
        if isinstance(self.default, list):
            return list(self.default)
        return dict(self.default) if isinstance(self.default, dict) else self.default

    def checked(self, value: object, origin: str | None = None) -> object:
        """The value in its one form.

        Raises:
            ConfigError: it is not of this kind; the text names setting and origin.
        """
        try:
            return self.kind.check(value)
        except ConfigError:
            raise
        except ValueError as error:
            raise ConfigError(str(error), setting=self.name, origin=origin) from None

    def parsed(self, text: str, origin: str | None = None) -> object:
        """The value that a text of the command line or the environment stands for; errors as checked()."""
        try:
            return self.kind.parse(text)
        except ValueError as error:
            raise ConfigError(str(error), setting=self.name, origin=origin) from None

    def shown(self, value: object) -> str:
        """The value as a text that parsed() reads back; secrets as asterisks."""
        return "********" if self.secret and value is not None else self.kind.show(value)

    def represented(self, value: object) -> str:
        """The value as Python writes it, without secrets."""
        return "********" if self.secret else repr(value if value is None else self.kind.masked(value))
