# SPDX-License-Identifier: MIT
"""Runs wrk, the load generator, and reads what it prints. Called by `http1`; knows no server.

wrk is pinned by its parent (`process.pin_load`): children inherit the cores they may use.
"""

import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.errors import BenchError

SCRIPTS = Path(__file__).with_name("wrk")

UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4, "h": 3.6e6}


@dataclass(frozen=True)
class Load:
    """What one run of wrk saw.

    Attributes:
        requests: answers received.
        seconds: length of the run.
        p50_ms: median latency in milliseconds.
        p99_ms: 99th percentile of the latency in milliseconds.
        failures: connect, read and write errors and timeouts.
        refused: answers with a status other than 2xx and 3xx.
    """

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    failures: int
    refused: int

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds


def parse_output(text: str) -> Load:
    """Reads the report of `wrk --latency`.

    Raises:
        BenchError: it is no such report.
    """
    total = re.search(r"^\s*(\d+) requests in ([\d.]+)(us|ms|s|m|h),", text, re.MULTILINE)
    latency = {
        percent: float(value) * UNITS[unit]
        for percent, value, unit in re.findall(r"^\s+(50|99)%\s+([\d.]+)(us|ms|s|m|h)\s*$", text, re.MULTILINE)
    }
    if total is None or latency.keys() != {"50", "99"}:
        raise BenchError(f"wrk printed no report: {(text.strip().splitlines() or ['nothing'])[-1]}")
    failures = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    return Load(
        requests=int(total[1]),
        seconds=float(total[2]) * UNITS[total[3]] / 1e3,
        p50_ms=latency["50"],
        p99_ms=latency["99"],
        failures=sum(map(int, failures.groups())) if failures else 0,
        refused=int(refused[1]) if refused else 0,
    )


def run(port: int, path: str, *, connections: int, seconds: int, script: str = "", scheme: str = "http") -> Load:
    """Loads scheme://127.0.0.1:port/path with one thread.

    Args:
        port: TCP port of the server.
        path: request target.
        connections: kept open at the same time.
        seconds: length of the run, at least 1.
        script: name of a Lua script in bench/wrk, or none.
        scheme: http or https; wrk trusts every certificate.

    Raises:
        BenchError: wrk is missing, failed or did not end in time.
    """
    binary = shutil.which("wrk")
    if binary is None:
        raise BenchError("wrk is not installed; on Debian: apt-get install wrk")
    chosen = ("--script", str(SCRIPTS / script)) if script else ()
    command: Sequence[str] = (
        *(binary, "--threads", "1", "--connections", str(connections), "--duration", f"{seconds}s"),
        *("--timeout", "10s", "--latency", *chosen, f"{scheme}://127.0.0.1:{port}{path}"),
    )
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 60, check=False)
    except subprocess.TimeoutExpired:
        raise BenchError(f"wrk did not end within {seconds + 60} s") from None
    if done.returncode:
        raise BenchError(f"wrk failed with code {done.returncode}: {(done.stderr or done.stdout).strip()[-200:]}")
    return parse_output(done.stdout)
