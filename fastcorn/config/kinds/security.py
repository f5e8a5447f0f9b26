# SPDX-License-Identifier: MIT
"""The policy that a server tells browsers by Strict-Transport-Security (RFC 6797).

A kind of value; see fastcorn.config.kinds.base.
"""

from __future__ import annotations

from fastcorn.config.kinds.base import shown
from fastcorn.config.kinds.numbers import Duration
from fastcorn.config.kinds.words import Text

DIRECTIVES = ("max-age", "includesubdomains", "preload")
# Browsers' preload lists ask for a year at least, and for all subdomains.
PRELOAD_SECONDS = 31_536_000


class TransportSecurity(Text):
    """A time, or the whole value of the field; kept as the value. 0 seconds makes browsers forget: it is not off."""

    noun = "a time or a policy"

    def __init__(self) -> None:
        super().__init__(optional=True, example="365d or 'max-age=31536000; includeSubDomains'", metavar="POLICY")

    def check(self, value: object) -> object:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            value = f"{value}s"
        return super().check(value)

    def check_given(self, value: object) -> object:
        text = super().check_given(value)
        assert isinstance(text, str)
        if "=" not in text and ";" not in text:
            try:
                seconds = Duration(most=1e10).parse_given(text)
            except ValueError:
                raise self.wrong(value) from None
            assert isinstance(seconds, float)
            return f"max-age={seconds:.0f}"
        self.check_policy(text)
        return text.strip()

    def check_policy(self, text: str) -> None:
        """RFC 6797 section 6.1: max-age once, directives once each; preload as the lists of browsers ask for it."""
        found: dict[str, str] = {}
        for part in text.split(";"):
            name, equals, argument = (piece.strip() for piece in part.partition("="))
            name = name.lower()
            if name not in DIRECTIVES or name in found or bool(equals) != (name == "max-age"):
                raise ValueError(
                    f"must hold max-age=SECONDS, includeSubDomains and preload, each once, not {shown(text)}"
                )
            found[name] = argument.strip('"')
        if not found.get("max-age", "").isdecimal() or not text.isascii():
            raise ValueError(f"must hold max-age=SECONDS, not {shown(text)}; for example {self.example}")
        if "preload" in found and ("includesubdomains" not in found or int(found["max-age"]) < PRELOAD_SECONDS):
            raise ValueError(
                f"must hold includeSubDomains and max-age={PRELOAD_SECONDS} with preload, not {shown(text)}"
            )
