# SPDX-License-Identifier: MIT
"""Builds and runs ws_client.c, the WebSocket load generator. Called by `websocket`; calls the C compiler ($CC).

The client is built with zlib when its header is there; without it, it refuses compressed work in one line.
"""

import json
import os
import shlex
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.errors import BenchError

if TYPE_CHECKING:
    from bench.websocket_works import WebSocketWork

SOURCE = Path(__file__).with_name("ws_client.c")
EXTRA_SECONDS = 60.0


@dataclass(frozen=True)
class Load:
    """What one run of the client reports.

    Attributes:
        messages: that came back while it measured; in a broadcast, deliveries to all clients.
        seconds: that it measured.
        p50_us: median time from sending a message to its return (in a broadcast: to everyone), in microseconds.
        p99_us: its 99th percentile.
        busy: share of its core that the client used; near 1 it, not the server, is what was measured.
        server_seconds: what `clock` went forward meanwhile.
    """

    messages: int
    seconds: float
    p50_us: float
    p99_us: float
    busy: float
    server_seconds: float

    @property
    def rate(self) -> float:
        """Messages a second."""
        return self.messages / self.seconds


def build(folder: Path) -> Path:
    """Compiles ws_client.c into `folder`, once, and returns the binary.

    Raises:
        BenchError: there is no C compiler, or it refused the source.
    """
    binary = folder / "ws_client"
    if binary.exists():
        return binary
    compiler = shlex.split(os.environ.get("CC", "cc"))
    said = ""
    for zlib in (["-DWITH_ZLIB", "-lz"], []):
        command = [*compiler, "-std=c11", "-O2", str(SOURCE), "-o", str(binary), *zlib]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        except (OSError, subprocess.TimeoutExpired):
            raise BenchError(f"cannot run the C compiler {compiler[0]!r}; set CC to one") from None
        if done.returncode == 0:
            return binary
        said = said or next(iter(done.stderr.strip().splitlines()), "")
    raise BenchError(f"{compiler[0]} refused ws_client.c: {said}")


def arguments(port: int, work: "WebSocketWork", milliseconds: int, warmup: int) -> list[str]:
    """The arguments of the client for a work."""
    return [
        f"port={port}",
        f"connections={work.connections}",
        f"flight={work.flight}",
        f"size={work.size}",
        f"deflate={int(work.deflate)}",
        f"broadcast={int(work.broadcast)}",
        f"text={int(work.text)}",
        f"milliseconds={milliseconds}",
        f"warmup={warmup}",
    ]


def run(binary: Path, given: list[str], clock: Callable[[], float], seconds: float) -> Load:
    """Runs the client and reads its report.

    Args:
        binary: from `build`.
        given: from `arguments`.
        clock: processor time of the server; it is read when the client begins to measure and when it ends.
        seconds: how long the run should take; it is killed a minute later.

    Raises:
        BenchError: a message came back changed, or not at all; the handshake was refused; or it said nothing.
    """
    with subprocess.Popen([str(binary), *given], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            before = 0.0
            line = process.stdout.readline()  # the client itself gives up after ten seconds in which nothing comes
            if line == "begin\n":
                before = clock()
                line = process.stdout.readline()
            used = clock() - before
            rest = process.communicate(timeout=seconds + EXTRA_SECONDS)[0]
        except subprocess.TimeoutExpired:
            raise BenchError("the load client did not end") from None
        finally:
            process.kill()
    report = read_report(line)
    read_report(rest if rest.startswith("{") else "{}")
    if not report.get("messages"):
        raise BenchError("no message came back")
    return Load(int(report["messages"]), report["seconds"], report["p50_us"], report["p99_us"], report["busy"], used)


def read_report(line: str) -> dict[str, float]:
    """Reads a line of the client.

    Raises:
        BenchError: it reports an error, or is no report.
    """
    try:
        report: dict[str, float] = json.loads(line)
    except ValueError:
        raise BenchError(f"the load client printed no report: {line.strip()[:80] or 'nothing'}") from None
    if "error" in report:
        raise BenchError(str(report["error"]))
    return report
