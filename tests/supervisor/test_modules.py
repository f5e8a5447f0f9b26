# SPDX-License-Identifier: MIT
"""Modules that a supervisor forgets before it reads the configuration anew."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fastcorn.config import Config
from fastcorn.supervisor.modules import forget_sources

NAMES = ("fc_app", "fc_app.views", "fc_hooks", "fc_settings", "fc_other")


@pytest.fixture(autouse=True)
def imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Modules of a project, all imported."""
    (tmp_path / "fc_app").mkdir()
    for name in ("fc_app/__init__.py", "fc_app/views.py", "fc_hooks.py", "fc_settings.py", "fc_other.py"):
        (tmp_path / name).write_text("")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    for name in NAMES:
        importlib.import_module(name)
    yield tmp_path
    for name in NAMES:
        sys.modules.pop(name, None)


def kept() -> list[str]:
    return [name for name in NAMES if name in sys.modules]


def test_packages_that_settings_name() -> None:
    before = sys.modules["fc_hooks"]
    settings = Config(application_path="fc_app.views:app", on_exit="fc_hooks:exit", when_ready="os:getpid").freeze()
    forgotten = forget_sources(settings)
    assert sorted(forgotten) == ["fc_app", "fc_app.views", "fc_hooks"]
    assert kept() == ["fc_settings", "fc_other"]
    assert "os" in sys.modules
    sys.modules.update(forgotten)
    assert sys.modules["fc_hooks"] is before


def test_modules_of_files_and_of_what_is_watched(imported: Path) -> None:
    settings = Config(application_path="fc_missing/app.py").freeze()
    assert sorted(forget_sources(settings, [str(imported / "fc_settings.py")])) == ["fc_settings"]
    assert kept() == ["fc_app", "fc_app.views", "fc_hooks", "fc_other"]
    root = str(imported.resolve())
    assert sorted(forget_sources(settings, (), lambda path: path.startswith(root) and "views" in path)) == [
        "fc_app.views"
    ]


def test_installed_modules_and_our_own_stay() -> None:
    settings = Config(on_exit="fastcorn.run:run", on_reload="pytest:exit", logger_class="json:JSONDecoder").freeze()
    assert forget_sources(settings) == {}
    assert forget_sources(settings, (), lambda path: "site-packages" in path or "json" in path) == {}
