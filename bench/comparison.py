# SPDX-License-Identifier: MIT
"""Writes the results as Markdown for the README: `python -m bench comparison [--write README.md]`.

Reads what http1, start, idle and http2 wrote; measures nothing. With --write it replaces what stands between the two
marks `comparison: begin` and `comparison: end`. Called by `__main__`.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

from bench.errors import BenchError
from bench.http2_servers import HTTP2_SERVERS, REFERENCE
from bench.http2_works import WORKS as HTTP2_WORKS
from bench.machine import headline
from bench.results import Results, Row, figure, load, path_of
from bench.servers import FLOOR, SERVERS
from bench.table import format_figure
from bench.works import WORKS

BEGIN, END = "<!-- comparison: begin -->", "<!-- comparison: end -->"
COSTS = (
    ("http1", "hello", "cpu_us", "CPU per request (13 bytes), µs"),
    ("http1", "hello", "p99_ms", "p99 (13 bytes, 64 connections), ms"),
    ("http1", "hello", "resident_mb", "resident memory, one worker, MB"),
    ("start", "all", "median_ms", "exec to first answer, ms"),
    ("idle", "all", "bytes_each", "bytes per idle connection"),
)

TITLES = {FLOOR.name: "C floor", REFERENCE: "nghttpd (C, files)", "fastcorn-h2": "fastcorn on h2"}


def newest_python(folder: Path, command: str = "http1") -> str:
    """The highest Python version that a command was run with.

    Raises:
        BenchError: it was never run.
    """
    found = [path.stem.removeprefix(f"{command}-") for path in folder.glob(f"{command}-*.json")]
    versions = [version for version in found if version.replace(".", "").isdigit()]
    if not versions:
        raise BenchError(f"there are no results yet; run `python -m bench {command}` first")
    return max(versions, key=lambda version: [int(part) for part in version.split(".")])


def render(folder: Path) -> str:
    """Tables of rates and costs, and one of HTTP/2, of the newest Python that was measured."""
    python = newest_python(folder)
    every: dict[str, Results] = {
        command: load(path_of(command, python, folder)) for command in ("http1", "start", "idle", "http2")
    }
    rates = every["http1"]
    names = [server.name for server in (*SERVERS, FLOOR) if _appears(server.name, rates)]
    lines = _heading("requests per second", names)
    for work in WORKS:
        if work.name in rates:
            rows = rates[work.name]["rows"]
            lines.append(_line(work.title, rows, "requests_per_second", names))
    lines += ["", *_heading("costs: less is better", names)]
    for command, part, name, title in COSTS:
        if part in every[command]:
            lines.append(_line(title, every[command][part]["rows"], name, names))
    lines += _http2_lines(every["http2"])
    newest = max((part["setting"] for part in rates.values()), key=lambda setting: setting["taken"])
    versions = ", ".join(f"{name} {newest['packages'][name]}" for name in names if name in newest["packages"])
    return "\n".join([*lines, "", f"{headline(newest)}: {versions}.", ""])


def _http2_lines(rates: Results) -> list[str]:
    """The table of HTTP/2; no lines when it was not measured."""
    names = [server.name for server in HTTP2_SERVERS if _appears(server.name, rates)]
    works = [work for work in HTTP2_WORKS if work.name in rates]
    if not works:
        return []
    lines = ["", *_heading("HTTP/2, requests per second", names)]
    lines += [_line(work.title, rates[work.name]["rows"], "requests_per_second", names) for work in works]
    if "hello" in rates:
        lines.append(_line("CPU per request (13 bytes), µs", rates["hello"]["rows"], "cpu_us", names))
    return lines


def replace_marked(text: str, content: str) -> str:
    """`text` with `content` between the marks.

    Raises:
        BenchError: the marks are not there, once each and in order.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise BenchError(f"the file must hold the lines {BEGIN} and {END}, in this order")
    return f"{before}{begin}\n{content}{end}{after}"


def write(path: Path, content: str) -> None:
    """Replaces the marked part of a file.

    Raises:
        BenchError: the file cannot be read or written, or has no marks.
    """
    try:
        path.write_text(replace_marked(path.read_text(encoding="utf-8"), content), encoding="utf-8")
    except OSError as error:
        raise BenchError(f"cannot rewrite {path}: {error.strerror}") from None


def _appears(server: str, rates: Results) -> bool:
    return any(figure(part["rows"].get(server, {}), "requests_per_second") for part in rates.values())


def _heading(title: str, names: Iterable[str]) -> list[str]:
    columns = [TITLES.get(name, name) for name in names]
    return [f"| {title} | {' | '.join(columns)} |", f"|---|{'---:|' * len(columns)}"]


def _line(title: str, rows: Mapping[str, Row], name: str, names: Iterable[str]) -> str:
    cells = [format_figure(figure(rows.get(server, {}), name)) for server in names]
    if names and cells and cells[0] != "-":
        cells[0] = f"**{cells[0]}**"
    return f"| {title} | {' | '.join(cells)} |"
