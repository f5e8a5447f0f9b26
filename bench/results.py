# SPDX-License-Identifier: MIT
"""Results on disk: one JSON file for each command and Python version. Written by the commands, read by goals, chart.

A file maps a part (a work of http1; "all" elsewhere) to the rows of its servers and the setting they were taken in.
Measuring a part again replaces it whole, so that rows of one part always come from one run and may be compared.
"""

import json
from pathlib import Path
from typing import TypedDict

from bench.errors import BenchError
from bench.interpreter import Interpreter
from bench.machine import Setting, describe

FOLDER = Path(__file__).with_name("results")

Row = dict[str, float | int | str | None]
"""Figures of one server, by name; the unit ends the name (`_ms`, `_us`, `_mb`). `error` stands alone when it failed."""


class Part(TypedDict):
    """Rows taken in one run.

    Attributes:
        setting: machine, versions and date.
        options: the options that shape the figures, such as seconds and rounds.
        rows: figures by server name.
    """

    setting: Setting
    options: dict[str, int | float | str]
    rows: dict[str, Row]


Results = dict[str, Part]


def path_of(command: str, python: str, folder: Path = FOLDER, suffix: str = ".json") -> Path:
    """The file of a command for a Python version such as "3.13"."""
    return folder / f"{command}-{python}{suffix}"


def load(path: Path) -> Results:
    """Reads a file of results; empty when there is none.

    Raises:
        BenchError: the file is not one that `save` wrote.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise BenchError(f"cannot read {path.name}: {error}; remove it to start afresh") from None
    parts = list(content.values()) if isinstance(content, dict) else [None]
    if not all(isinstance(part, dict) and "rows" in part for part in parts):
        raise BenchError(f"{path.name} is not a file of results; remove it to start afresh")
    results: Results = content
    return results


def save(path: Path, results: Results) -> None:
    """Writes a file of results whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".json.part")
    unfinished.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    unfinished.replace(path)


def figure(row: Row, name: str) -> float | None:
    """A number of a row; None when it is missing or a text."""
    value = row.get(name)
    return float(value) if isinstance(value, int | float) else None


class Recorder:
    """Collects the parts of one command and keeps the file up to date after each.

    Args:
        command: name of the command.
        interpreter: the Python that runs the servers.
        folder: where to write; None keeps nothing.
        options: the options of the run.
    """

    def __init__(
        self, command: str, interpreter: Interpreter, folder: Path | None, options: dict[str, int | float | str]
    ) -> None:
        self.path = None if folder is None else path_of(command, interpreter.short_version, folder)
        self.results: Results = load(self.path) if self.path is not None else {}
        self.setting = describe(interpreter)
        self._options = options

    def record(self, part: str, rows: dict[str, Row]) -> None:
        """Replaces a part and writes the file."""
        self.results[part] = {"setting": self.setting, "options": self._options, "rows": rows}
        if self.path is not None:
            save(self.path, self.results)
