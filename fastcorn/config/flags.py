# SPDX-License-Identifier: MIT
"""Flags: what each means, derived from the table of settings, with the few that are no setting of their own.

Called by the command line's parser, help, completion and docs.
"""

from __future__ import annotations

from fastcorn.config.errors import UsageError
from fastcorn.config.table import SETTINGS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fastcorn.config.setting import Setting

OFF = object()


class Flag:
    """What a flag of the command line does.

    Attributes:
        name: the flag as written.
        setting: the setting it sets, or None for a flag of the command line itself (--help, --host).
        fixed: the value it sets without taking one (True, False, None), or OFF where it takes a value.
        instead: the flag to use in place of this deprecated one, or "".
    """

    __slots__ = ("fixed", "instead", "name", "setting")

    def __init__(self, name: str, setting: Setting | None, *, fixed: object = OFF, instead: str = "") -> None:
        self.name = name
        self.setting = setting
        self.fixed = fixed
        self.instead = instead

    @property
    def takes_value(self) -> bool:
        return self.fixed is OFF

    @property
    def metavar(self) -> str:
        return self.setting.kind.metavar if self.setting else OWN_FLAGS[self.name][0]


# Flags of the command line itself: metavar ("" takes no value) and help.
OWN_FLAGS = {
    "--config": ("FILE", "Read settings from FILE: x.toml, pyproject.toml, file:x.py or python:module[.object]"),
    "-c": ("FILE", ""),
    "--host": ("HOST", "Host part of bind; with --port, in place of --bind"),
    "--port": ("PORT", "Port part of bind; with --host, in place of --bind"),
    "--uds": ("PATH", "Listen on a unix socket; short for --bind unix:PATH"),
    "--fd": ("N", "Listen on an inherited socket; short for --bind fd://N"),
    "--cert-reqs": ("N", ""),
    "--ssl-cert-reqs": ("N", ""),
    "--interface": ("NAME", ""),
    "--print-config": ("", "Print every setting with its value and where it came from, as TOML, and exit"),
    "--version": ("", "Print the version and exit"),
    "-V": ("", ""),
    "--help": ("", "Print this help and exit"),
    "-h": ("", ""),
}
INTERFACES = {"auto": None, "asgi": "asgi", "asgi2": "asgi", "asgi3": "asgi", "wsgi": "wsgi"}

# Flags of other servers that mean nothing here, and what to do instead.
UNAVAILABLE = {
    "--http": "fastcorn has one HTTP/1 parser; leave the flag out",
    "--ws": "choose with --websocket-engine, or leave the flag out",
    "--proxy-headers": "name the proxies that are believed with --forwarded-allow-ips",
    "--no-proxy-headers": "no proxy is believed unless --forwarded-allow-ips names it; leave the flag out",
    "--use-colors": "logs have no colours; leave the flag out",
    "--no-use-colors": "logs have no colours; leave the flag out",
    "--reset-contextvars": "each request has a context of its own anyway; leave the flag out",
    "--ssl-version": "TLS 1.2 and newer are spoken; choose with --ssl-minimum-version and --ciphers",
    "--worker-connections": "use --max-connections",
    "--timeout": "use --worker-timeout, --header-read-timeout, --body-timeout or --graceful-timeout",
    "--chdir": "use --app-dir",
}


def all_flags() -> dict[str, Flag]:
    """Every flag that is understood, by how it is written."""
    flags: dict[str, Flag] = {}
    for setting in SETTINGS.values():
        for name in setting.all_flags:
            instead = setting.flag if name in setting.deprecated else ""
            flags[name] = Flag(name, setting, fixed=True if setting.is_switch else OFF, instead=instead)
        for name in setting.negative_flags:
            flags[name] = Flag(name, setting, fixed=False if setting.is_switch else None)
    for name, (metavar, _) in OWN_FLAGS.items():
        flags[name] = Flag(name, None, fixed=OFF if metavar else True)
    flags["--cert-reqs"].instead = "--verify-mode"
    return flags


def missing_value(flag: Flag) -> UsageError:
    if flag.name == "--access-log":
        return UsageError("needs a file; write --access-logfile - for an access log on stdout", origin=flag.name)
    example = f", for example {flag.setting.kind.example}" if flag.setting and flag.setting.kind.example else ""
    return UsageError(f"needs a value ({flag.metavar}){example}", origin=flag.name)


def unknown_flag(name: str, known: dict[str, Flag]) -> UsageError:
    from fastcorn.config.spelling import nearest

    if name in UNAVAILABLE:
        return UsageError(f"is not a flag of fastcorn: {UNAVAILABLE[name]}", origin=name)
    guess = nearest(name, [flag for flag in known if flag.startswith("--")]) if len(name) > 3 else None
    hint = f"did you mean {guess}?" if guess else "fastcorn --help lists the flags"
    return UsageError(f"is not a flag of fastcorn; {hint}", origin=name)
