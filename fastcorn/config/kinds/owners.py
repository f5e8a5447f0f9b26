# SPDX-License-Identifier: MIT
"""Owners and modes of files: users, groups, umasks. Names are resolved at once, so a wrong one is told early.

Kinds of values; see fastcorn.config.kinds.base.
"""

from __future__ import annotations

from fastcorn.config.kinds.base import Kind, shown


class Owner(Kind):
    """A user or a group: a number or a name; kept as its number."""

    annotation = "int"

    def __init__(self, database: str) -> None:
        super().__init__(optional=True)
        self.database = database
        self.noun = f"the name or number of a {database}"
        self.metavar = database.upper()
        self.example = "0"

    def parse_given(self, text: str) -> object:
        return int(text) if text.isdecimal() and len(text) < 12 else text

    def check_given(self, value: object) -> object:
        if isinstance(value, str):
            return int(value) if value.isdecimal() and len(value) < 12 else self.number(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.wrong(value)
        if not 0 <= value < 2**32 - 1:
            raise ValueError(f"must be from 0 to {2**32 - 2}, not {shown(value)}")
        return value

    def number(self, name: str) -> int:
        try:
            if self.database == "user":
                import pwd

                return pwd.getpwnam(name).pw_uid
            import grp

            return grp.getgrnam(name).gr_gid
        except ImportError:
            raise ValueError(f"must be off: this system has no {self.database}s, not {shown(name)}") from None
        except (KeyError, ValueError):
            raise ValueError(f"must be a {self.database} of this system, not {shown(name)}") from None


class Umask(Kind):
    """File mode bits. An int is the mode itself; a text is octal, as in a shell ("027", "0o27")."""

    annotation = "int"
    metavar = "OCTAL"

    def __init__(self, noun: str = "an octal umask", example: str = "027") -> None:
        super().__init__(optional=True)
        self.noun = noun
        self.example = example

    def parse_given(self, text: str) -> object:
        digits = text.strip().lower().removeprefix("0o")
        if not digits or digits.strip("01234567") or len(digits) > 6:
            raise self.wrong(text)
        return int(digits, 8)

    def check_given(self, value: object) -> object:
        if isinstance(value, str):
            value = self.parse_given(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.wrong(value)
        if not 0 <= value <= 0o777:
            raise ValueError(f"must be from 000 to 777 (octal), not {shown(value)}")
        return value

    def show_given(self, value: object) -> str:
        return f"{value:03o}"
