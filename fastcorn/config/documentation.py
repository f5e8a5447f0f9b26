# SPDX-License-Identifier: MIT
"""docs/settings.md, derived from the table of settings: python -m fastcorn.config.documentation > docs/settings.md.

A test fails when the file and the table differ.
"""

from __future__ import annotations

import sys

from fastcorn.config.flags import OWN_FLAGS, UNAVAILABLE
from fastcorn.config.table import GROUPS, SETTINGS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fastcorn.config.setting import Setting

INTRODUCTION = """\
# Settings

<!-- Made by `python -m fastcorn.config.documentation > docs/settings.md`; change fastcorn/config/table instead. -->

All {count} settings. Each is an attribute of `fastcorn.config.Config`, a key of the configuration file, a flag and an
environment variable; [configuration.md](configuration.md) tells how they come together, and
[migrating.md](migrating.md) what differs from Hypercorn and uvicorn.

* **Durations** are float seconds in Python. Everywhere they may be written `5`, `2.5`, `500ms`, `5s`, `2m`, `1h30m`.
* **Sizes** are int bytes in Python. Everywhere they may be written `65536`, `64KiB`, `16MiB` (powers of 1024), or with
  `KB`, `MB`, `GB` (powers of 1000).
* **off** is `None` in Python; on the command line, in the environment and in a file it is written `off` (a password and
  an application: empty). For counts, sizes and durations that can be off, `0` means the same.
* **Lists**: a flag is repeated; a variable holds commas; a single text stands for a list of one.
* **Not yet**: the setting is accepted and checked, and the feature behind it is still to come. A server that is started
  with one of those marked *refused* stops with a line that says so; the others are named in the log and have no effect.
"""


def settings_page() -> str:
    """The whole page."""
    parts = [INTRODUCTION.format(count=len(SETTINGS))]
    for group, settings in GROUPS.items():
        parts.append(f"## {group}\n")
        parts.extend(section(setting) for setting in settings)
    parts.append("## Flags that are no settings\n")
    parts.append("| flag | meaning |\n|---|---|")
    parts.extend(f"| `{f'{flag} {metavar}'.strip()}` | {text} |" for flag, (metavar, text) in OWN_FLAGS.items() if text)
    parts.append("\n## Flags of other servers that are refused\n")
    parts.append("| flag | instead |\n|---|---|")
    parts.extend(f"| `{flag}` | {text} |" for flag, text in UNAVAILABLE.items())
    return "\n".join(parts) + "\n"


def section(setting: Setting) -> str:
    flags = [f"{flag} {setting.kind.metavar}".rstrip() for flag in setting.all_flags if flag not in setting.deprecated]
    rows = [
        f"### {setting.name}\n",
        f"{setting.help}.\n",
        f"* type: {type_of(setting)}",
        f"* default: `{setting.shown(setting.default) or 'empty'}`{precedents(setting)}",
        f"* flags: {ticked([*flags, *setting.negative_flags])}",
        f"* environment: {ticked([setting.variable, *setting.environment])}",
    ]
    if setting.deprecated:
        rows.append(f"* deprecated flags: {ticked(list(setting.deprecated))}")
    if setting.later:
        rows.append(f"* not yet: {setting.later}{' (refused)' if setting.refused else ''}")
    return "\n".join(rows) + "\n"


def type_of(setting: Setting) -> str:
    kind = setting.kind
    unit = f", {kind.unit}" if kind.unit else ""
    least, most = getattr(kind, "least", None), getattr(kind, "most", None)
    bounds = "" if least is None else f", {kind.show_given(least)} to {kind.show_given(most)}"
    choices = getattr(kind, "choices", ())
    words = f": {ticked(list(choices))}" if choices else ""
    return f"`{kind.annotation}`{unit}{bounds}{words}{' or off' if kind.optional else ''}"


def precedents(setting: Setting) -> str:
    return f" ({setting.precedents})" if setting.precedents else ""


def ticked(words: list[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


if __name__ == "__main__":
    sys.stdout.write(settings_page())
