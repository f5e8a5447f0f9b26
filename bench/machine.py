# SPDX-License-Identifier: MIT
"""Describes the machine and the versions that a result was taken with. Called by `results`."""

import datetime
import os
import platform
from pathlib import Path
from typing import TypedDict

from bench.interpreter import Interpreter


class Setting(TypedDict):
    """Where and when a result was taken.

    Attributes:
        taken: date and time, UTC, ISO 8601.
        processor: model name.
        cores: cores of the machine.
        kernel: operating system and release.
        load: average number of running processes over the last minute, before the run.
        python: implementation and version that ran the servers.
        packages: versions of the servers and the libraries they use.
    """

    taken: str
    processor: str
    cores: int
    kernel: str
    load: float
    python: str
    packages: dict[str, str]


def describe(interpreter: Interpreter) -> Setting:
    """The setting of a run that starts now."""
    return {
        "taken": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "processor": parse_processor(_read("/proc/cpuinfo")) or platform.machine(),
        "cores": os.cpu_count() or 1,
        "kernel": f"{platform.system()} {platform.release().split('-')[0]}",
        "load": round(os.getloadavg()[0], 2),
        "python": f"{interpreter.implementation} {interpreter.version}",
        "packages": dict(sorted(interpreter.packages.items())),
    }


def parse_processor(text: str) -> str:
    """The first model name in the text of /proc/cpuinfo; empty when it has none (some ARM machines)."""
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return ""


def headline(setting: Setting) -> str:
    """One line for tables and charts."""
    return f"{setting['python']}, {setting['processor']}, {setting['cores']} cores, {setting['taken'][:10]}"


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
