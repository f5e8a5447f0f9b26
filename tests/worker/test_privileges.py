# SPDX-License-Identifier: MIT
"""Giving up root for the settings user and group."""

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from fastcorn.config import Config
from fastcorn.config.errors import ConfigError
from fastcorn.worker.privileges import drop_privileges
from tests.child import in_a_child

if sys.platform == "win32":
    pytest.skip("Windows has no such users", allow_module_level=True)

import pwd

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
NOBODY = 65534


def ids_after(settings: dict[str, Any]) -> str:
    """What a child process finds after drop_privileges(): its ids, and whether it can be root again."""

    def find() -> str:
        dropped = drop_privileges(Config(**settings).freeze())
        found = f"{dropped} {os.getresuid()} {os.getresgid()} {sorted(os.getgroups())}"
        try:
            os.setuid(0)
        except PermissionError:
            return f"{found} for good"
        return f"{found} root again"

    return in_a_child(find)


@needs_root
def test_user_and_group() -> None:
    found = ids_after({"user": NOBODY, "group": 12})
    assert found.startswith(f"True {(NOBODY,) * 3} {(12,) * 3} ")
    assert found.endswith("for good")


@needs_root
def test_a_user_without_an_entry_loses_all_groups() -> None:
    assert ids_after({"user": 54321, "group": 54321}) == f"True {(54321,) * 3} {(54321,) * 3} [] for good"


def test_a_user_without_an_entry_needs_a_group(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would keep root's."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(ConfigError, match="^user: user 54321 is not in the user database, so its group .*; set group"):
        drop_privileges(Config(user=54321).freeze())


@needs_root
def test_a_user_alone_brings_its_own_groups() -> None:
    entry = pwd.getpwuid(NOBODY)
    groups = sorted(os.getgrouplist(entry.pw_name, entry.pw_gid))
    assert ids_after({"user": "nobody"}) == f"True {(NOBODY,) * 3} {(entry.pw_gid,) * 3} {groups} for good"


@needs_root
def test_log_files_go_to_the_new_user_and_devices_do_not(tmp_path: Path) -> None:
    before = os.stat(os.devnull)

    def find() -> str:
        config = Config(user=NOBODY, group=NOBODY, errorlog=str(tmp_path / "error"), accesslog=os.devnull)
        assert config.log is not None
        return str(drop_privileges(config.freeze()))

    assert in_a_child(find) == "True"
    assert (os.stat(tmp_path / "error").st_uid, os.stat(tmp_path / "error").st_gid) == (NOBODY, NOBODY)
    assert (os.stat(os.devnull).st_uid, os.stat(os.devnull).st_gid) == (before.st_uid, before.st_gid)


def test_root_that_can_be_regained_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[str, object]] = []
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    for name in ("setgroups", "setgid", "setuid"):
        monkeypatch.setattr(os, name, lambda value, name=name: calls.append((name, value)))
    with pytest.raises(ConfigError, match="root could be regained"):
        drop_privileges(Config(user=54321, group=54322).freeze())
    assert calls == [("setgroups", []), ("setgid", 54322), ("setuid", 54321), ("setuid", 0)]


@needs_root
def test_a_group_alone() -> None:
    assert ids_after({"group": 12}) == f"True {(0,) * 3} {(12,) * 3} [] root again"


def test_nothing_asked_for_is_nothing_done() -> None:
    assert not drop_privileges(Config().freeze())


@pytest.mark.parametrize(("name", "own"), [("user", "geteuid"), ("group", "getegid")])
def test_without_root_only_oneself(monkeypatch: pytest.MonkeyPatch, name: str, own: str) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(os, "getegid", lambda: 1000)
    assert not drop_privileges(Config(**{name: 1000}).freeze())
    with pytest.raises(ConfigError, match=rf"^{name}: only root can become another {name}; start as root, as"):
        drop_privileges(Config(**{name: 1001}).freeze())
