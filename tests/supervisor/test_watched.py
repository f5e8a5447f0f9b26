# SPDX-License-Identifier: MIT
"""Which directories and files a reload watches."""

from __future__ import annotations

from pathlib import Path

import pytest

from fastcorn.config import Config
from fastcorn.config.errors import ConfigError
from fastcorn.supervisor.watched import Watched, watched_by


def made(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")


def watched(root: Path, include: list[str] | None = None, exclude: list[str] | None = None) -> Watched:
    return Watched([str(root)], (), include or (), exclude or ())


@pytest.mark.parametrize(
    ("name", "include", "exclude", "counts"),
    [
        ("app.py", [], [], True),
        ("deep/er/app.py", [], [], True),
        ("templates/page.html", [], [], True),
        ("templates/page.html.jinja", [], [], True),
        ("mail.txt.j2", [], [], True),
        ("notes.txt", [], [], False),
        ("data.json", [], [], False),
        ("app.pyc", [], [], False),
        ("app.py~", [], [], False),
        (".#app.py", [], [], False),
        (".venv/lib/x.py", [], [], False),
        (".git/hooks/x.py", [], [], False),
        ("node_modules/x/y.py", [], [], False),
        ("__pycache__/x.py", [], [], False),
        ("notes.txt", ["*.txt"], [], True),
        ("data/a/b.json", ["data/*.json"], [], True),
        ("other/b.json", ["data/*.json"], [], False),
        (".env", ["*"], [], False),
        (".env", [".env"], [], True),
        ("app.py", [], ["*.py"], False),
        ("build/app.py", [], ["build"], False),
        ("build/app.py", [], ["build/"], False),
        ("build/app.py", [], ["build/*"], False),
        ("src/build/app.py", [], ["build/*"], True),
        ("src/gen_a.py", ["*.py"], ["gen_*"], False),
    ],
)
def test_what_counts(name: str, include: list[str], exclude: list[str], counts: bool, tmp_path: Path) -> None:
    assert watched(tmp_path, include, exclude).counts(str(tmp_path / name)) is counts


def test_virtual_environment_of_any_name_is_passed_over(tmp_path: Path) -> None:
    made(tmp_path, "mine/pyvenv.cfg", "mine/lib/x.py")
    assert not watched(tmp_path).counts(str(tmp_path / "mine/lib/x.py"))


def test_absolute_patterns(tmp_path: Path) -> None:
    path = str(tmp_path / "a" / "x.css")
    assert watched(tmp_path, [str(tmp_path / "a" / "*.css")]).counts(path)
    assert not watched(tmp_path, [str(tmp_path / "b" / "*.css")]).counts(path)


def test_directories_in_watched_ones_are_no_second_time(tmp_path: Path) -> None:
    inner, hidden = tmp_path / "a" / "b", tmp_path / ".c"
    found = Watched([str(inner), str(tmp_path), str(hidden)])
    assert found.directories == (str(tmp_path), str(hidden))
    assert found.counts(str(hidden / "x.py"))


def test_files_count_whatever_they_are_called(tmp_path: Path) -> None:
    inside, outside = str(tmp_path / "app.py"), str(tmp_path.parent / "fastcorn.toml")
    found = Watched([str(tmp_path)], [inside, outside, outside], (), ["*"])
    assert found.counts(outside)
    assert found.files == (inside, outside)
    assert Watched([str(tmp_path)], [inside]).files == ()


# ---- from the settings -----------------------------------------------------------------------------------------------


def of(config_files: list[str] | None = None, **settings: object) -> Watched:
    return watched_by(Config(**settings).freeze(), config_files or ())


def test_current_directory_is_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    made(tmp_path, "main.py")
    assert of(application_path="main:app").directories == (str(tmp_path),)
    assert of(application_path="main:app").files == ()


def test_directory_of_the_application(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made(tmp_path, "src/main.py")
    monkeypatch.chdir(tmp_path)
    assert of(application_path="main:app", app_dir="src").directories == (str(tmp_path / "src"),)


def test_application_is_watched_beside_the_directories_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made(tmp_path, "package/__init__.py", "package/main.py", "lib/x.py", "alone.py")
    monkeypatch.chdir(tmp_path)
    found = of(application_path="package.main:app", reload_dirs=["lib"])
    assert found.directories == (str(tmp_path / "lib"), str(tmp_path / "package"))
    found = of(application_path="alone:app", reload_dirs=["lib"])
    assert found.directories == (str(tmp_path / "lib"),)
    assert found.files == (str(tmp_path / "alone.py"),)
    found = of(application_path="./alone.py:app", reload_dirs=["lib"])
    assert found.files == (str(tmp_path / "alone.py"),)
    found = of(application_path="missing:app", reload_dirs=["lib"])
    assert (found.directories, found.files) == ((str(tmp_path / "lib"),), ())


def test_files_of_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = of(["/etc/fastcorn.toml"], env_file=".env")
    assert found.files == ("/etc/fastcorn.toml", str(tmp_path / ".env"))


def test_links_in_the_path_of_a_directory_are_resolved(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert of(reload_dirs=[str(tmp_path / "link")]).directories == (str(tmp_path / "real"),)


def test_root_is_not_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    assert of().directories == ()


@pytest.mark.parametrize(("name", "problem"), [("none", "does not exist"), ("file", "is not a directory")])
def test_wrong_directory_is_named(name: str, problem: str, tmp_path: Path) -> None:
    made(tmp_path, "file")
    with pytest.raises(ConfigError, match=problem) as caught:
        of(reload_dirs=[str(tmp_path / name)])
    assert "reload_dirs" in str(caught.value)
    assert str(tmp_path / name) in str(caught.value)


def test_whole_file_system_is_refused() -> None:
    with pytest.raises(ConfigError, match="name the directories of the application"):
        of(reload_dirs=["/"])
