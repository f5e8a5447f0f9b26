# SPDX-License-Identifier: MIT
"""Builds floor.c, the bare C epoll loop. Called by `process` when the floor is started; calls the C compiler ($CC)."""

import os
import shlex
import subprocess
from pathlib import Path

from bench.errors import BenchError

SOURCE = Path(__file__).with_name("floor.c")
BODY_BYTES = {"bench.apps:hello": 13, "bench.apps:ten_kib": 10240}
"""Size of the answer that stands in for each application; other applications have no floor."""


def build(folder: Path) -> Path:
    """Compiles floor.c into `folder`, once, and returns the binary.

    Raises:
        BenchError: there is no C compiler, or it refused the source.
    """
    binary = folder / "floor"
    if binary.exists():
        return binary
    command = [*shlex.split(os.environ.get("CC", "cc")), "-std=c11", "-O2", str(SOURCE), "-o", str(binary)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        raise BenchError(f"cannot run the C compiler {command[0]!r}; set CC, or leave the floor out") from None
    if done.returncode:
        raise BenchError(f"{command[0]} refused floor.c: {done.stderr.strip().splitlines()[:1]}")
    return binary


def command(folder: Path, app: str, port: int) -> list[str]:
    """The command line of the floor that stands in for `app`."""
    return [str(build(folder)), str(port), str(BODY_BYTES[app])]
