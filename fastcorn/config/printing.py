# SPDX-License-Identifier: MIT
"""A configuration printed as TOML, each line with its source: fastcorn --print-config.

What is printed can be used as a file again; a setting that is off, or that only Python can hold, is a comment.
"""

from __future__ import annotations

import json

from fastcorn.config.table import GROUPS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fastcorn.config.config import Config
    from fastcorn.config.setting import Setting


def print_config(config: Config) -> str:
    """Every setting by group, with its value and its source."""
    blocks = []
    for group, settings in GROUPS.items():
        rows = [(row(config, setting), config.origin(setting.name)) for setting in settings]
        width = min(60, max(len(text) for text, _ in rows))
        lines = [f"{text:{width}}  # {' '.join(origin.split())}" for text, origin in rows]
        blocks.append("\n".join([f"# {group}", *lines]))
    return "\n\n".join(blocks) + "\n"


def row(config: Config, setting: Setting) -> str:
    value = getattr(config, setting.name)
    if value is None:
        # Off by default needs no line; off against a default must be told.
        return f"{setting.name} = {quoted('off')}" if setting.default is not None else f"#{setting.name} = off"
    if setting.secret:
        return f"#{setting.name} = ********"
    text = toml_value(setting.kind.masked(value), setting)
    return f"#{setting.name} = {setting.shown(value)}" if text is None else f"{setting.name} = {text}"


def toml_value(value: object, setting: Setting) -> str | None:
    """The value in TOML, or None where TOML has nothing for it (a class, a logger)."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if setting.name == "umask":
        return f"0o{value:o}"
    if setting.name in ("verify_mode", "verify_flags"):
        return quoted(setting.shown(value))
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, (list, tuple)):
        items = [toml_value(item, setting) for item in value]
        return None if None in items else f"[{', '.join(item for item in items if item)}]"
    if isinstance(value, dict):
        pairs = [(quoted(str(key)), toml_value(item, setting)) for key, item in value.items()]
        return None if any(item is None for _, item in pairs) else f"{{{', '.join(f'{k} = {v}' for k, v in pairs)}}}"
    return None


def quoted(text: str) -> str:
    """A TOML basic string; JSON escapes the same characters, but DEL not."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
