# SPDX-License-Identifier: MIT
"""The text of fastcorn --help, derived from the table of settings. Called by fastcorn.cli."""

from __future__ import annotations

import os

from fastcorn.config.flags import OWN_FLAGS
from fastcorn.config.table import GROUPS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastcorn.config.setting import Setting

INTRODUCTION = """\
Usage: fastcorn [OPTIONS] APPLICATION
       fastcorn check [OPTIONS] APPLICATION
       fastcorn completion bash|zsh|fish

Serves an ASGI or WSGI application: fastcorn package.module:app

  check        Load configuration, application and TLS files, bind the addresses, and tell what is wrong
  completion   Print a completion script for a shell

Durations are written 5, 5s, 500ms or 2m; sizes 65536, 64KiB or 16MiB; off turns a limit off. Settings come from
defaults < configuration file < environment (FASTCORN_NAME) < command line; docs/settings.md lists them all.
"""
LEFT = 34


def help_text(width: int | None = None) -> str:
    """The whole help, wrapped to the width of the terminal (60 to 120 columns)."""
    columns = max(60, min(120, width or terminal_width()))
    lines = [INTRODUCTION, "Command line:"]
    shorts = {"--config": "-c, ", "--version": "-V, ", "--help": "-h, "}
    for flag, (metavar, text) in OWN_FLAGS.items():
        if text:
            lines.extend(entry(f"{shorts.get(flag, '')}{flag} {metavar}".rstrip(), text, columns))
    for group, settings in GROUPS.items():
        lines.extend(["", f"{group}:"])
        for setting in settings:
            lines.extend(entry(left_side(setting), right_side(setting), columns))
    return "\n".join(lines) + "\n"


def left_side(setting: Setting) -> str:
    shorts = "".join(f"{flag}, " for flag in setting.flags if not flag.startswith("--"))
    flag = setting.flag.replace("--", "--[no-]", 1) if setting.is_switch else setting.flag
    return f"{shorts}{flag} {setting.kind.metavar}".rstrip()


def right_side(setting: Setting) -> str:
    default = setting.shown(setting.default)
    parts = [setting.help]
    if default:
        parts.append(f"[{default}]".replace("[]", ""))
    if setting.kind.many:
        parts.append("(repeatable)")
    if setting.later:
        parts.append("(not yet)")
    return " ".join(part for part in parts if part)


def entry(left: str, right: str, columns: int) -> Iterator[str]:
    """A flag and its help in two columns; a long flag has a line of its own."""
    start = f"  {left}"
    if len(start) > LEFT - 2:
        yield start
        start = ""
    for line in wrapped(right, columns - LEFT):
        yield f"{start:{LEFT}}{line}"
        start = ""


def wrapped(text: str, width: int) -> Iterator[str]:
    line = ""
    for word in text.split(" "):
        if line and len(line) + 1 + len(word) > width:
            yield line
            line = word
        else:
            line = f"{line} {word}" if line else word
    yield line


def terminal_width() -> int:
    try:
        return os.get_terminal_size().columns
    except OSError:
        return 100
