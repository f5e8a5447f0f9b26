# SPDX-License-Identifier: MIT
"""Values that may be Python objects: log targets, logging dictionaries, logger classes, ssl enumerations.

Each also has a text form, so that every setting can be given on the command line; json and ssl are imported only when
such a value is met.
"""

from __future__ import annotations

import sys

from fastcorn.config.kinds.base import Kind, shown
from fastcorn.config.kinds.words import Text, spoken

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl


class LogTarget(Text):
    """Where a log goes: "-" for the standard stream, a path, a logging.Logger, or None for nowhere."""

    noun = "-, a path or a logging.Logger"
    annotation = "str | logging.Logger"
    metavar = "FILE"

    def __init__(self) -> None:
        super().__init__(optional=True, example="-", metavar="FILE")

    def check_given(self, value: object) -> object:
        logging = sys.modules.get("logging")
        if logging is not None and isinstance(value, logging.Logger):
            return value
        if hasattr(value, "__fspath__"):
            value = value.__fspath__()
        return None if value == "" else super().check_given(value)

    def show_given(self, value: object) -> str:
        return value if isinstance(value, str) else f"logger {getattr(value, 'name', '?')}"


class Mapping(Kind):
    noun = "a table"
    annotation = "dict[str, Any]"
    metavar = "JSON"
    example = '{"version": 1}'

    def parse_given(self, text: str) -> object:
        import json

        try:
            return json.loads(text)
        except ValueError as error:
            raise ValueError(f"must be a JSON object, not {shown(text)}: {error}") from None
        except RecursionError:
            raise ValueError("must be a JSON object that is nested less deeply") from None

    def check_given(self, value: object) -> object:
        if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
            raise self.wrong(value)
        return dict(value)

    def show_given(self, value: object) -> str:
        import json

        return json.dumps(value, default=str)


class LoggerClass(Kind):
    noun = "a class or its name"
    annotation = "type | str"
    metavar = "MODULE:CLASS"
    example = "package.logs:Logger"

    def check_given(self, value: object) -> object:
        if isinstance(value, type):
            return value
        if not isinstance(value, str):
            raise self.wrong(value)
        module, _, name = value.replace(":", ".").rpartition(".")
        if not all(part.isidentifier() for part in [*module.split("."), name]):
            raise self.wrong(value)
        return value

    def show_given(self, value: object) -> str:
        return f"{value.__module__}:{value.__qualname__}" if isinstance(value, type) else str(value)


class Hook(Kind):
    """A function that is called at a step of the server's life, or its name."""

    noun = "a function or its name"
    annotation = "Callable[[LifecycleEvent], object] | str"
    metavar = "MODULE:FUNCTION"
    example = "package.hooks:ready"

    def __init__(self) -> None:
        super().__init__(optional=True)

    def check_given(self, value: object) -> object:
        if callable(value):
            return value
        if not isinstance(value, str):
            raise self.wrong(value)
        module, _, name = value.replace(":", ".").rpartition(".")
        if not all(part.isidentifier() for part in [*module.split("."), name]):
            raise self.wrong(value)
        return value

    def show_given(self, value: object) -> str:
        if isinstance(value, str):
            return value
        return f"{getattr(value, '__module__', '?')}:{getattr(value, '__qualname__', type(value).__qualname__)}"


class ContextFactory(Hook):
    """A function that makes the TLS context, or its name."""

    annotation = "Callable[[Config, Callable[[], ssl.SSLContext]], ssl.SSLContext] | str"
    example = "package.tls:make_context"


class VerifyMode(Kind):
    """ssl.VerifyMode: the member, its name (CERT_REQUIRED) or its number."""

    noun = "CERT_NONE, CERT_OPTIONAL or CERT_REQUIRED"
    annotation = "ssl.VerifyMode"
    metavar = "MODE"
    example = "CERT_REQUIRED"

    def parse_given(self, text: str) -> object:
        return int(text) if text.isdecimal() and len(text) == 1 else text

    def check_given(self, value: object) -> object:
        import ssl

        try:
            if isinstance(value, str):
                return ssl.VerifyMode[value.strip().upper()]
            if isinstance(value, int) and not isinstance(value, bool):
                return ssl.VerifyMode(value)
        except (KeyError, ValueError):
            pass
        raise ValueError(f"must be {self.noun}, not {shown(value)}")

    def show_given(self, value: object) -> str:
        return str(getattr(value, "name", value))


class VerifyFlags(Kind):
    """ssl.VerifyFlags: the flags, their names joined by "|" or in a list, or their number."""

    noun = "names of ssl.VerifyFlags"
    annotation = "ssl.VerifyFlags"
    metavar = "FLAGS"
    example = "VERIFY_CRL_CHECK_LEAF|VERIFY_X509_STRICT"

    def parse_given(self, text: str) -> object:
        return int(text) if text.isdecimal() and len(text) < 10 else text

    def check_given(self, value: object) -> object:
        import ssl

        if isinstance(value, int) and not isinstance(value, bool):
            known = ssl.VerifyFlags(0)
            for flag in ssl.VerifyFlags:
                known |= flag
            if value < 0 or value & ~int(known):
                raise ValueError(f"must be a sum of ssl.VerifyFlags, not {shown(value)}")
            return ssl.VerifyFlags(value)
        names = value.split("|") if isinstance(value, str) else value
        if not isinstance(names, (list, tuple)) or not names:
            raise self.wrong(value)
        flags = ssl.VerifyFlags(0)
        for name in names:
            flags |= self.flag(name)
        return flags

    def flag(self, name: object) -> ssl.VerifyFlags:
        import ssl

        try:
            return ssl.VerifyFlags[str(name).strip().upper()]
        except KeyError:
            known = spoken(tuple(flag.name or "" for flag in ssl.VerifyFlags))
            raise ValueError(f"must name {known}, not {shown(name)}") from None

    def show_given(self, value: object) -> str:
        import ssl

        assert isinstance(value, int)
        return "|".join(flag.name or "" for flag in ssl.VerifyFlags if flag and value & flag == flag) or "0"
