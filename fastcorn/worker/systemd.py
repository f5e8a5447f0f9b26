# SPDX-License-Identifier: MIT
"""Telling systemd how the service is: sd_notify(3), by the socket that NOTIFY_SOCKET names.

Called by fastcorn.run and fastcorn.supervisor. Without that variable nothing is sent, and no failure stops a server.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time


def notify(*lines: str) -> None:
    """Sends assignments such as READY=1 or STATUS=4 workers to the service manager."""
    path = os.environ.get("NOTIFY_SOCKET")
    if not path or not hasattr(socket, "AF_UNIX"):
        return
    if path.startswith("@"):
        path = "\0" + path[1:]
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.sendto("\n".join(lines).encode(), path)


def reloading() -> tuple[str, str]:
    """The assignments that announce a reload: systemd wants the time too, to tell one from another."""
    return "RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}"


def watchdog_interval() -> float | None:
    """Seconds between two WATCHDOG=1, which is half of what the unit allows; None when it asks for none."""
    try:
        interval = int(os.environ.get("WATCHDOG_USEC", "0")) / 2_000_000
        ours = int(os.environ.get("WATCHDOG_PID", os.getpid())) == os.getpid()
    except ValueError:
        return None
    return interval if interval > 0 and ours else None
