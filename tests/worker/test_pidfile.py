# SPDX-License-Identifier: MIT
"""The file of the process id (setting pid_path)."""

import os
import subprocess
from pathlib import Path

import pytest

from fastcorn.config.errors import ConfigError
from fastcorn.worker import pidfile
from fastcorn.worker.pidfile import PidFile


def test_written_and_removed(tmp_path: Path) -> None:
    path = tmp_path / "pid"
    with PidFile(str(path)):
        assert path.read_text() == f"{os.getpid()}\n"
    assert not path.exists()


def test_file_of_a_successor_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "pid"
    with PidFile(str(path)):
        path.write_text("1\n")
    assert path.read_text() == "1\n"


def test_removed_file_and_no_file_are_no_errors(tmp_path: Path) -> None:
    path = tmp_path / "pid"
    with PidFile(str(path)):
        path.unlink()
    with PidFile(None):
        assert not path.exists()


def test_removed_although_the_directory_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with PidFile("pid"):
        monkeypatch.chdir("/")
    assert not (tmp_path / "pid").exists()


def test_unwritable_file_is_named(tmp_path: Path) -> None:
    with (
        pytest.raises(ConfigError, match=r"^pid_path: cannot write '.*nosuch/pid': No such file"),
        PidFile(str(tmp_path / "nosuch" / "pid")),
    ):
        pass


def test_file_of_a_server_that_runs_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "pid"
    path.write_text(f"{os.getppid()}\n")
    monkeypatch.setattr(pidfile, "is_server", lambda pid: pid == os.getppid())
    with (
        pytest.raises(ConfigError, match=rf"^pid_path: '.*pid' is that of process {os.getppid()}, which runs; stop it"),
        PidFile(str(path)),
    ):
        pass
    assert path.read_text() == f"{os.getppid()}\n"


@pytest.mark.parametrize("stale", ["999999999\n", "", "no number", "1" * 30, "-1"])
def test_stale_file_is_replaced(tmp_path: Path, stale: str) -> None:
    path = tmp_path / "pid"
    path.write_text(stale)
    with PidFile(str(path)):
        assert path.read_text() == f"{os.getpid()}\n"
    assert list(tmp_path.iterdir()) == []


def test_number_that_went_to_another_program_is_stale(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as other:
        try:
            path = tmp_path / "pid"
            path.write_text(str(other.pid))
            with PidFile(str(path)):
                assert path.read_text() == f"{os.getpid()}\n"
        finally:
            other.kill()


def test_file_that_cannot_be_removed_is_emptied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After root was given up, its directory may be closed to us."""

    def refuse(path: object) -> None:
        raise PermissionError

    path = tmp_path / "pid"
    with PidFile(str(path)):
        monkeypatch.setattr(os, "unlink", refuse)
    assert path.read_text() == ""


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root can give files away")
def test_file_goes_to_the_user_that_this_process_becomes(tmp_path: Path) -> None:
    path = tmp_path / "pid"
    with PidFile(str(path), 65534, None):
        assert (path.stat().st_uid, path.stat().st_gid) == (65534, os.getegid())


def test_file_is_left_to_the_process_that_wrote_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "pid"
    with PidFile(str(path)):
        own = os.getpid()
        monkeypatch.setattr(os, "getpid", lambda: own + 1)
    assert path.exists()
