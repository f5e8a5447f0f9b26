# SPDX-License-Identifier: MIT
"""Draws the results of `http1` and `http2` as SVG bar charts: `python -m bench chart`, and after each run of theirs.

A panel for each work, a bar for each server, fastest first; fastcorn in the accent colour, what is C as an outline.
The file is self-contained, follows the reader's light or dark scheme, and has a text alternative. Called by `__main__`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from bench.http2_servers import REFERENCE
from bench.http2_works import WORKS as HTTP2_WORKS
from bench.http2_works import Http2Work
from bench.machine import headline
from bench.results import Results, Row, figure
from bench.servers import FLOOR
from bench.websocket_servers import is_peer
from bench.works import WORKS, Work

WIDTH = 880
MARGIN = 28
GAP = 40
COLUMNS = 2
HEAD = 92
FOOT = 34
PANEL_HEAD = 30
BAR = 15
STEP = 22
NAME_WIDTH = 74
VALUE_WIDTH = 122
PANEL_WIDTH = (WIDTH - 2 * MARGIN - (COLUMNS - 1) * GAP) // COLUMNS
IN_C = (FLOOR.name, REFERENCE)
"""What answers without Python, and is no peer."""
TIMES = "\N{MULTIPLICATION SIGN}"
BAR_MOST = PANEL_WIDTH - NAME_WIDTH - VALUE_WIDTH

STYLE = """
.surface{fill:#fffdf8}.title{fill:#1d1a14;font-weight:650;font-size:20px}.note{fill:#6a6458;font-size:12px}
.work{fill:#1d1a14;font-weight:600;font-size:13px}.name{fill:#4b463c;font-size:12px}
.value{fill:#4b463c;font-size:12px;font-variant-numeric:tabular-nums}
.own{fill:#8a5a00;font-weight:650}.bar{fill:#bdb4a0}.bar-own{fill:#e0a100}
.bar-floor{fill:none;stroke:#8f8877;stroke-dasharray:3 2}.axis{stroke:#d9d3c5}
@media (prefers-color-scheme:dark){
.surface{fill:#17150f}.title,.work{fill:#f4efe3}.note{fill:#a39b8a}.name,.value{fill:#cfc7b6}
.own{fill:#ffcf57}.bar{fill:#5a5445}.bar-own{fill:#f2b632}.bar-floor{stroke:#8f8877}.axis{stroke:#3a362b}}
""".strip()


@dataclass(frozen=True)
class Subject:
    """What a chart shows: the command whose results it draws, how that is called, and its works in their order."""

    command: str
    protocol: str
    works: Sequence[Work | Http2Work]


SUBJECTS = (Subject("http1", "HTTP/1.1", WORKS), Subject("http2", "HTTP/2", HTTP2_WORKS))


@dataclass(frozen=True)
class Bar:
    """One bar: a server and its requests a second."""

    server: str
    rate: float


@dataclass(frozen=True)
class Panel:
    """The bars of one work, fastest first."""

    title: str
    bars: Sequence[Bar]

    @property
    def height(self) -> int:
        return PANEL_HEAD + STEP * len(self.bars)

    @property
    def best_peer(self) -> float:
        """Rate of the fastest peer; 0 when there is none."""
        return max((bar.rate for bar in self.bars if is_peer(bar.server) and bar.server not in IN_C), default=0.0)


def panels_of(results: Results, works: Sequence[Work | Http2Work] = WORKS) -> list[Panel]:
    """A panel for each measured work, in the order of `works`."""
    return [
        Panel(work.title, _bars(results[work.name]["rows"]))
        for work in works
        if work.name in results and _bars(results[work.name]["rows"])
    ]


def draw(results: Results, subject: Subject = SUBJECTS[0]) -> str:
    """The chart as the text of an SVG file; empty results give a chart that says so."""
    panels = panels_of(results, subject.works)
    rows = [panels[start : start + COLUMNS] for start in range(0, len(panels), COLUMNS)]
    heights = [max(panel.height for panel in row) + 26 for row in rows]
    height = HEAD + sum(heights) + FOOT
    parts = [
        _opening(height, panels, subject.protocol),
        f'<rect class="surface" width="{WIDTH}" height="{height}" rx="10"/>',
    ]
    parts.append(_text(MARGIN, 42, f"{subject.protocol} requests per second, one worker on one core", "title"))
    parts.append(_text(MARGIN, 64, _subtitle(results), "note"))
    top = HEAD
    for row, row_height in zip(rows, heights, strict=True):
        for column, panel in enumerate(row):
            parts += _panel(panel, MARGIN + column * (PANEL_WIDTH + GAP), top)
        top += row_height
    run = f"one run of bench {subject.command}"
    note = f"Longer is better; {TIMES} is against the best peer. Each panel was measured in {run}."
    none = f"No results yet: run python -m bench {subject.command}."
    parts.append(_text(MARGIN, height - 16, note if panels else none, "note"))
    return "\n".join([*parts, "</svg>", ""])


def _bars(rows: dict[str, Row]) -> list[Bar]:
    rates = ((name, figure(row, "requests_per_second")) for name, row in rows.items())
    return sorted((Bar(name, rate) for name, rate in rates if rate), key=lambda bar: -bar.rate)


def _subtitle(results: Results) -> str:
    newest = max(results.values(), key=lambda part: part["setting"]["taken"], default=None)
    return headline(newest["setting"]) if newest is not None else ""


def _opening(height: int, panels: Sequence[Panel], protocol: str) -> str:
    described = "; ".join(
        f"{panel.title}: " + ", ".join(f"{bar.server} {bar.rate:,.0f}" for bar in panel.bars) for panel in panels
    )
    font = "system-ui,-apple-system,'Segoe UI',Roboto,sans-serif"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" '
        f'role="img" aria-labelledby="title desc" font-family="{font}">\n'
        f'<title id="title">{protocol} requests per second</title>\n<desc id="desc">{escape(described)}</desc>\n'
        f"<style>{STYLE}</style>"
    )


def _panel(panel: Panel, left: int, top: int) -> list[str]:
    widest = max(bar.rate for bar in panel.bars)
    start = left + NAME_WIDTH
    parts = [_text(left, top + 12, panel.title, "work")]
    for number, bar in enumerate(panel.bars):
        parts += _bar(bar, panel, start, top + PANEL_HEAD + number * STEP, bar.rate / widest)
    bottom = top + panel.height
    parts.append(f'<line class="axis" x1="{start}" x2="{start}" y1="{top + PANEL_HEAD - 4}" y2="{bottom - 2}"/>')
    return parts


def _bar(bar: Bar, panel: Panel, start: int, top: int, share: float) -> list[str]:
    own = not is_peer(bar.server)
    kind = "bar-own" if own else "bar-floor" if bar.server in IN_C else "bar"
    label = f"{bar.rate:,.0f}"
    if own and panel.best_peer:
        label += f" · {bar.rate / panel.best_peer:.2f} {TIMES}"
    emphasis = " own" if own else ""
    name = "C floor" if bar.server == FLOOR.name else bar.server
    width = max(BAR_MOST * share, 2)
    return [
        _text(start - 8, top + 12, name, f"name{emphasis}", anchor="end"),
        f'<rect class="{kind}" x="{start}" y="{top}" width="{width:.1f}" height="{BAR}" rx="2"/>',
        _text(round(start + width + 7), top + 12, label, f"value{emphasis}"),
    ]


def _text(x: int, y: int, content: str, kind: str, *, anchor: str = "start") -> str:
    return f'<text class="{kind}" x="{x}" y="{y}" text-anchor="{anchor}">{escape(content)}</text>'
