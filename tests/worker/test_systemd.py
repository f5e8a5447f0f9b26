# SPDX-License-Identifier: MIT
"""sd_notify: what is sent to the service manager, and that nothing goes wrong without one."""

import os
import socket
import sys
from pathlib import Path

import pytest

from fastcorn.worker.systemd import notify, reloading, watchdog_interval

unix = pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="unix sockets")


def received(path: str, monkeypatch: pytest.MonkeyPatch, variable: str) -> bytes:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.settimeout(30)
        manager.bind(path)
        monkeypatch.setenv("NOTIFY_SOCKET", variable)
        notify("READY=1", "STATUS=2 workers")
        return manager.recv(1000)


@unix
def test_lines_are_one_datagram(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(tmp_path / "notify")
    assert received(path, monkeypatch, path) == b"READY=1\nSTATUS=2 workers"


@pytest.mark.skipif(sys.platform != "linux", reason="abstract sockets are Linux's")
def test_abstract_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"fastcorn-test-{os.getpid()}"
    assert received("\0" + name, monkeypatch, "@" + name) == b"READY=1\nSTATUS=2 workers"


@pytest.mark.parametrize("path", [None, "", "/nosuch/notify"])
def test_no_manager_is_no_error(monkeypatch: pytest.MonkeyPatch, path: str | None) -> None:
    if path is None:
        monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    else:
        monkeypatch.setenv("NOTIFY_SOCKET", path)
    notify("READY=1")
    assert watchdog_interval() is None


@pytest.mark.parametrize(
    ("usec", "pid", "interval"),
    [
        ("30000000", None, 15.0),
        ("30000000", "ours", 15.0),
        ("30000000", "1", None),
        ("x", None, None),
        ("0", None, None),
    ],
)
def test_watchdog(monkeypatch: pytest.MonkeyPatch, usec: str, pid: str | None, interval: float | None) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", usec)
    if pid is not None:
        monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()) if pid == "ours" else pid)
    assert watchdog_interval() == interval


def test_a_reload_has_its_time() -> None:
    first, second = reloading()
    assert first == "RELOADING=1"
    assert second.removeprefix("MONOTONIC_USEC=").isdecimal()
