# SPDX-License-Identifier: MIT
"""Prints rows of figures as an aligned table. Called by every command; knows no server and no unit."""

from collections.abc import Mapping, Sequence

from bench.results import Row


def format_figure(value: float | int | str | None) -> str:
    """A figure for people: three significant digits at least, thousands separated, a dash for what is missing."""
    if value is None:
        return "-"
    if isinstance(value, str):
        return value
    if isinstance(value, int) or abs(value) >= 1000:
        return f"{value:,.0f}"
    if abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def render(rows: Mapping[str, Row], columns: Mapping[str, str], *, first: str = "server") -> str:
    """A table with a line for each row.

    Args:
        rows: figures by server.
        columns: heading for each figure to show, in order.
        first: heading of the names.

    A row with an `error` shows it in place of its figures.
    """
    lines = [[first, *columns.values()]]
    errors = {}
    for name, row in rows.items():
        if row.get("error"):
            errors[name] = str(row["error"])
        else:
            lines.append([name, *(format_figure(row.get(column)) for column in columns)])
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    widths[0] = max([widths[0], *map(len, errors)])
    printed = [_aligned(line, widths) for line in lines]
    printed.insert(1, "  ".join("-" * width for width in widths))
    printed += [f"{name.ljust(widths[0])}  {error}" for name, error in errors.items()]
    return "\n".join(printed)


def _aligned(line: Sequence[str], widths: Sequence[int]) -> str:
    cells = [line[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True))]
    return "  ".join(cells).rstrip()
