# SPDX-License-Identifier: MIT
"""Runs h2load, the HTTP/2 load generator of nghttp2, and reads what it prints. Called by `http2` and `transfer`.

h2load is pinned by its parent (`process.pin_load`). It opens no connection again that a server has ended: requests of a
connection that went count as failed, and the rate sinks.
"""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.errors import BenchError

UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4}
EXTRA_SECONDS = 60.0
LOOK_SECONDS = 0.02
"""Pause between two calls of `look` while h2load runs."""


@dataclass(frozen=True)
class Load:
    """What one run of h2load saw.

    Attributes:
        requests: that were answered whole, with a status below 400.
        seconds: length of the run.
        failed: requests whose stream or connection was ended by the server, or that timed out.
        refused: answers with a status of 400 or more.
        mean_ms: mean time of a request in milliseconds.
        max_ms: the longest.
        data_bytes: bytes of response bodies.
        busy: share of its core that h2load used; near 1 it, not the server, is what was measured.
    """

    requests: int
    seconds: float
    failed: int
    refused: int
    mean_ms: float
    max_ms: float
    data_bytes: int
    busy: float

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds


def parse_output(text: str, busy: float) -> Load:
    """Reads the report of h2load.

    Raises:
        BenchError: it is no such report.
    """
    finished = re.search(r"^finished in ([\d.]+)(us|ms|s|m),", text, re.MULTILINE)
    counts = re.search(r"(\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout", text)
    statuses = re.search(r"status codes: \d+ 2xx, \d+ 3xx, (\d+) 4xx, (\d+) 5xx", text)
    data = re.search(r"\((\d+)\) data$", text, re.MULTILINE)
    times = re.search(r"time for request: +[\d.]+[a-z]+ +([\d.]+)(us|ms|s|m) +([\d.]+)(us|ms|s|m) ", text)
    if finished is None or counts is None or statuses is None or data is None or times is None:
        raise BenchError(f"h2load printed no report: {(text.strip().splitlines() or ['nothing'])[-1]}")
    # h2load counts an answer of 400 or more as failed, and so what is errored; a lost stream is what is left.
    refused = int(statuses[1]) + int(statuses[2])
    return Load(
        requests=int(counts[1]),
        seconds=float(finished[1]) * UNITS[finished[2]] / 1e3,
        failed=max(int(counts[2]) - refused, int(counts[3])),
        refused=refused,
        mean_ms=float(times[3]) * UNITS[times[4]],
        max_ms=float(times[1]) * UNITS[times[2]],
        data_bytes=int(data[1]),
        busy=busy,
    )


def address(port: int, path: str, *, tls: bool) -> str:
    """The URL that h2load is given; in TLS by name, so that SNI is sent as browsers do."""
    return f"https://localhost:{port}{path}" if tls else f"http://127.0.0.1:{port}{path}"


def run(
    url: str,
    shape: Sequence[str],
    *,
    body: Path | None = None,
    seconds: float,
    look: Callable[[], None] = lambda: None,
) -> Load:
    """Runs h2load with one thread.

    Args:
        url: from `address`.
        shape: further arguments: connections, streams, duration or number of requests, fields.
        body: a file that is sent by POST; none sends GET.
        seconds: how long the run should take; it is killed a minute later.
        look: called now and then while it runs; what it raises ends the run.

    Raises:
        BenchError: h2load is missing, failed, or did not end in time.
    """
    binary = shutil.which("h2load")
    if binary is None:
        raise BenchError("h2load is not installed; on Debian: apt-get install nghttp2-client")
    command = [binary, "--threads=1", *shape, *([f"--data={body}"] if body is not None else []), url]
    before = os.times()
    started = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            output = _wait(process, started + seconds + EXTRA_SECONDS, look)
        finally:
            process.kill()
    elapsed, after = time.monotonic() - started, os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    if process.returncode:
        raise BenchError(f"h2load failed with code {process.returncode}: {output.strip()[-200:]}")
    return parse_output(output, used / elapsed)


def _wait(process: "subprocess.Popen[str]", deadline: float, look: Callable[[], None]) -> str:
    while True:
        try:
            return process.communicate(timeout=LOOK_SECONDS)[0]
        except subprocess.TimeoutExpired:
            look()
            if time.monotonic() > deadline:
                raise BenchError("h2load did not end in time") from None
