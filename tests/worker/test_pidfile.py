# SPDX-License-Identifier: MIT
"""The file of the process id (setting pid_path)."""

import os
from pathlib import Path

import pytest

from fastcorn.config.errors import ConfigError
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
