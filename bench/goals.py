# SPDX-License-Identifier: MIT
"""Holds the results against the goals: `python -m bench goals`. Reads what the other commands wrote; measures nothing.

A goal is a ratio within one run, or a bound, for fastcorn. Each line of the table gives the goal, what was reached and
whether that is enough; a goal whose command has not been run yet is open. Called by `__main__`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.attack_frames import ATTACKS
from bench.results import Part, Results, Row, figure, load, path_of
from bench.servers import FLOOR
from bench.summary import ratio
from bench.table import format_figure, render
from bench.websocket_servers import is_peer

PYTHONS = ("3.13", "3.11")
Reading = Callable[[Mapping[str, Row]], float | None]


@dataclass(frozen=True)
class Goal:
    """One goal.

    Attributes:
        title: what is measured.
        command: the command that measures it.
        part: the part of its results.
        reading: takes the figure from the rows; None when a row is missing.
        bounds: the bound by Python version; a version without one has no such goal.
        at_least: whether the bound is the least (a speed) or the most (a cost) that is good enough.
    """

    title: str
    command: str
    part: str
    reading: Reading
    bounds: Mapping[str, float]
    at_least: bool = True

    def is_met(self, value: float, python: str) -> bool:
        return value >= self.bounds[python] if self.at_least else value <= self.bounds[python]


def both(bound: float) -> dict[str, float]:
    """The same bound for every Python."""
    return dict.fromkeys(PYTHONS, bound)


def against(name: str, *peers: str) -> Reading:
    """fastcorn's figure against the largest of the peers' (all servers but the floor when none is named)."""

    def read(rows: Mapping[str, Row]) -> float | None:
        chosen = peers or [server for server in rows if server not in ("fastcorn", FLOOR.name)]
        values = [value for server in chosen if (value := figure(rows.get(server, {}), name)) is not None]
        complete = values if not peers or len(values) == len(peers) else []
        return ratio(figure(rows.get("fastcorn", {}), name), max(complete, default=None))

    return read


def against_best(name: str) -> Reading:
    """fastcorn's figure against the largest of all rows that are another server's."""
    return lambda rows: against(name, *(row for row in rows if is_peer(row) and figure(rows[row], name)))(rows)


def own(name: str, row: str = "fastcorn") -> Reading:
    """A figure of one row, as it is."""
    return lambda rows: figure(rows.get(row, {}), name)


def total(name: str, *but: str) -> Reading:
    """The sum of a figure over the rows whose names do not begin with one of some words; None without rows."""

    def read(rows: Mapping[str, Row]) -> float | None:
        values = [figure(row, name) for title, row in rows.items() if not title.startswith(but)]
        return sum(value for value in values if value is not None) if values else None

    return read


RATE = "requests_per_second"
MESSAGES = "messages_per_second"

GOALS: tuple[Goal, ...] = (
    Goal("13-byte answer, req/s to uvicorn and granian", "http1", "hello", against(RATE, "uvicorn", "granian"),
         {"3.13": 2.0, "3.11": 1.75}),
    Goal("13-byte answer, req/s to fastpysgi", "http1", "hello", against(RATE, "fastpysgi"), both(1.6)),
    Goal("13-byte answer, CPU to the C floor", "http1", "hello", against("cpu_us", FLOOR.name),
         {"3.13": 1.30, "3.11": 1.45}, at_least=False),
    Goal("10 KiB answer, req/s to the best peer", "http1", "10kib", against(RATE), both(1.5)),
    Goal("browser-like request, req/s to the best peer", "http1", "browser", against(RATE), both(1.5)),
    Goal("streamed echo, req/s to the best peer", "http1", "echo", against(RATE), both(1.3)),
    Goal("pipelined 16, req/s to the best peer", "http1", "pipelined", against(RATE), both(4.0)),
    Goal("10 ms of waiting, req/s to the best peer", "http1", "sleep", against(RATE), both(1.0)),
    Goal("Starlette JSON, req/s to the best peer", "http1", "starlette", against(RATE), both(1.4)),
    Goal("FastAPI JSON, req/s to the best peer", "http1", "fastapi", against(RATE), both(1.1)),
    Goal("resident memory of one worker to uvicorn", "http1", "hello", against("resident_mb", "uvicorn"),
         both(0.85), at_least=False),
    Goal("bytes of an idle connection to granian", "idle", "all", against("bytes_each", "granian"),
         both(1.0), at_least=False),
    Goal("13-byte answer over TLS, req/s to uvicorn and granian", "http1-tls", "hello",
         against(RATE, "uvicorn", "granian"), both(1.7)),
    Goal("bytes of an idle TLS connection to granian", "idle-tls", "all", against("bytes_each", "granian"),
         both(1.0), at_least=False),
    Goal("slow upload, growth in MiB", "upload-slow", "all", own("growth_mib"), both(16.0), at_least=False),
    Goal("stalled client, growth in MiB", "stalled-client", "all", own("growth_mib"), both(16.0), at_least=False),
    Goal("kept-alive requests, growth in KiB", "endurance", "keep-alive", own("growth_kib"), both(256.0),
         at_least=False),
    Goal("connects, growth in KiB", "endurance", "connects", own("growth_kib"), both(256.0), at_least=False),
    Goal("aborted requests, growth in KiB", "endurance", "aborts", own("growth_kib"), both(256.0), at_least=False),
    Goal("supervisor over a bare interpreter in MiB", "processes", "memory", own("over_bare_mib", "supervisor"),
         both(20.0), at_least=False),
    Goal("8 workers ready to one worker ready", "processes", "ready", own("to_one", "8 workers"), both(2.0),
         at_least=False),
    Goal("connections of one of two workers in %", "processes", "spread", own("least_percent", "shared"),
         both(40.0)),
    Goal("requests lost while workers come and go", "processes", "losses", total("lost", "SIGKILL"), both(0.0),
         at_least=False),
    Goal("exec to first answer to uvicorn", "start", "all", against("median_ms", "uvicorn"), both(0.7),
         at_least=False),
    Goal("import, net, to uvicorn", "commands", "all", own("net_to_uvicorn", "import fastcorn"), both(0.6),
         at_least=False),
    Goal("import, whole process, to uvicorn", "commands", "all", own("to_uvicorn", "import fastcorn"), both(0.6),
         at_least=False),
    Goal("--help, whole process, to uvicorn", "commands", "all", own("to_uvicorn", "fastcorn --help"), both(0.6),
         at_least=False),
    Goal("HTTP/2, 13-byte answer, req/s to granian", "http2", "hello", against(RATE, "granian"), both(4.0)),
    Goal("HTTP/2, 13-byte answer, TLS, req/s to granian", "http2", "hello-tls", against(RATE, "granian"), both(3.0)),
    Goal("HTTP/2, 100 streams at once, req/s to granian", "http2", "hello-m100", against(RATE, "granian"), both(7.0)),
    Goal("HTTP/2, one stream at a time, req/s to granian", "http2", "hello-m1", against(RATE, "granian"), both(2.0)),
    Goal("HTTP/2, 10 KiB answer, req/s to granian", "http2", "10kib", against(RATE, "granian"), both(1.5)),
    Goal("HTTP/2, streamed echo, req/s to granian", "http2", "echo", against(RATE, "granian"), both(1.5)),
    Goal("HTTP/2, browser-like request, req/s to granian", "http2", "browser", against(RATE, "granian"), both(3.0)),
    Goal("HTTP/2, requests that failed", "http2", "hello", own("failed"), both(0.0), at_least=False),
    Goal("HTTP/2, upload, MiB/s to granian", "transfer", "upload", against("mib_per_second", "granian"), both(1.0)),
    Goal("HTTP/2, download, MiB/s to granian", "transfer", "download", against("mib_per_second", "granian"),
         both(1.0)),
    Goal("HTTP/2, upload, growth in MiB", "transfer", "upload", own("growth_mib"), both(16.0), at_least=False),
    Goal("HTTP/2, download, growth in MiB", "transfer", "download", own("growth_mib"), both(16.0), at_least=False),
    Goal("bytes of an idle HTTP/2 connection to granian", "http2-idle", "cleartext", against("bytes_each", "granian"),
         both(1.0), at_least=False),
    Goal("bytes of an idle HTTP/2 connection, TLS, to granian", "http2-idle", "tls", against("bytes_each", "granian"),
         both(1.0), at_least=False),
    Goal("HTTP/2 by h2, 13-byte answer, req/s to Hypercorn", "http2", "hello", own("to_hypercorn", "fastcorn-h2"),
         both(1.6)),
    Goal("HTTP/2 by h2, 13-byte answer, TLS, req/s to Hypercorn", "http2", "hello-tls",
         own("to_hypercorn", "fastcorn-h2"), both(1.6)),
    Goal("HTTP/2 by h2, requests that failed", "http2", "hello", own("failed", "fastcorn-h2"), both(0.0),
         at_least=False),
    Goal("HTTP/2 by h2, upload, MiB/s to Hypercorn", "transfer", "upload", own("to_hypercorn", "fastcorn-h2"),
         both(3.0)),
    Goal("HTTP/2 by h2, download, MiB/s to Hypercorn", "transfer", "download", own("to_hypercorn", "fastcorn-h2"),
         both(3.0)),
    Goal("HTTP/2 by h2, upload, growth in MiB", "transfer", "upload", own("growth_mib", "fastcorn-h2"), both(16.0),
         at_least=False),
    Goal("HTTP/2 by h2, download, growth in MiB", "transfer", "download", own("growth_mib", "fastcorn-h2"),
         both(16.0), at_least=False),
    *(
        Goal(f"HTTP/2 attack {attack.name}, CPU a byte to that by h2", "attacks", attack.name, own("to_h2"), both(0.2),
             at_least=False)
        for attack in ATTACKS
    ),
    Goal("WebSocket echo 64 B, msg/s to socketify", "websocket", "echo-64", against(MESSAGES, "socketify"), both(1.25)),
    Goal("WebSocket echo 64 B, msg/s to uvicorn (websockets)", "websocket", "echo-64",
         against(MESSAGES, "uvicorn-websockets"), both(1.5)),
    Goal("WebSocket echo 64 B x 16, msg/s to uvicorn (websockets)", "websocket", "echo-64-x16",
         against(MESSAGES, "uvicorn-websockets"), both(3.0)),
    Goal("WebSocket echo 16 KiB, msg/s to the best peer", "websocket", "echo-16k", against_best(MESSAGES), both(1.2)),
    Goal("WebSocket broadcast to 32, msg/s to the best peer", "websocket", "broadcast-32", against_best(MESSAGES),
         both(1.5)),
    Goal("bytes of an idle WebSocket to uvicorn (websockets)", "websocket-memory", "idle",
         against("bytes_each", "uvicorn-websockets"), both(0.5), at_least=False),
    Goal("WebSocket connects, growth in KiB", "websocket-memory", "connects", own("growth_kib"), both(256.0),
         at_least=False),
    Goal("WebSocket flood, growth in MiB", "websocket-memory", "flood", own("growth_mib"), both(4.25), at_least=False),
    Goal("WebSocket client that does not read, growth in MiB", "websocket-memory", "stalled", own("growth_mib"),
         both(4.25), at_least=False),
)  # fmt: skip

OPEN = "open"
COLUMNS = {"goal": "goal", "reached": "reached", "verdict": "verdict"}


def run(folder: Path) -> int:
    """Prints a table for each Python version.

    Returns:
        How many goals are missed; open ones do not count.

    Raises:
        BenchError: a file of results cannot be read.
    """
    missed = 0
    for python in PYTHONS:
        rows = {goal.title: _verdict(goal, python, folder) for goal in GOALS if python in goal.bounds}
        missed += sum(row["verdict"] == "missed" for row in rows.values())
        print(f"\nPython {python}\n{render(rows, COLUMNS, first='what')}")
    return missed


def judge(goal: Goal, python: str, results: Results) -> Row:
    """One line of the table."""
    part: Part | None = results.get(goal.part)
    value = goal.reading(part["rows"]) if part is not None else None
    sign = ">=" if goal.at_least else "<="
    verdict = OPEN if value is None else "met" if goal.is_met(value, python) else "missed"
    return {"goal": f"{sign} {format_figure(goal.bounds[python])}", "reached": value, "verdict": verdict}


def _verdict(goal: Goal, python: str, folder: Path) -> Row:
    return judge(goal, python, load(path_of(goal.command, python, folder)))
