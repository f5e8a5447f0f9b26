# SPDX-License-Identifier: MIT
"""Application strings (fastcorn.asgi.reference): each form, and each mistake with its message."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fastcorn.asgi.reference import Reference, parse_reference, resolve_reference
from fastcorn.errors import AppImportError, NoAppError


@pytest.fixture(autouse=True)
def import_state() -> Iterator[None]:
    """Leaves sys.path and sys.modules as they were."""
    path, modules = list(sys.path), set(sys.modules)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        del sys.modules[name]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("main", (None, "main", "")),
        ("main:app", (None, "main", "app")),
        (" main:app ", (None, "main", "app")),
        ("pkg.mod:obj.attr", (None, "pkg.mod", "obj.attr")),
        ("asgi:main:app", ("asgi", "main", "app")),
        ("wsgi:main:app", ("wsgi", "main", "app")),
        ("asgi:application", (None, "asgi", "application")),
        ("wsgi:app", (None, "wsgi", "app")),
        ("main:create_app('a:b')", (None, "main", "create_app('a:b')")),
        ("path/to/file.py:app", (None, "path/to/file.py", "app")),
        (r"C:\apps\file.py:app", (None, r"C:\apps\file.py", "app")),
        (r"wsgi:C:\apps\file.py:app", ("wsgi", r"C:\apps\file.py", "app")),
        ("C:/apps/file.py", (None, "C:/apps/file.py", "")),
    ],
)
def test_parse(text: str, expected: tuple[str | None, str, str]) -> None:
    reference = parse_reference(text)
    assert (reference.mode, reference.location, reference.expression) == expected


@pytest.mark.parametrize("text", ["", "  ", ":app"])
def test_parse_refuses_a_string_without_module(text: str) -> None:
    with pytest.raises(NoAppError, match="names no module: write module:attribute"):
        parse_reference(text)


@pytest.mark.parametrize(
    ("location", "is_path"), [("main", False), ("a.b", False), ("a/b", True), ("a.py", True), (r"a\b", True)]
)
def test_is_path(location: str, is_path: bool) -> None:
    assert Reference(location, None, location, "").is_path is is_path


MODULE = """
class Holder:
    app = "held"
    table = {"x": "tabled"}
app = "app"
holder = Holder()
apps = {"x": "subscripted", 1: "one"}
def create_app(name="made", *, suffix=""):
    return name + suffix
async def create_async(): ...
def fails(): raise ValueError("no database")
def exits(): raise SystemExit(3)
"""


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "refmain.py").write_text(MODULE)
    (tmp_path / "refapplication.py").write_text("application = 'application'\n")
    (tmp_path / "refneither.py").write_text("async def my_app(scope, receive, send): ...\n")
    (tmp_path / "refempty.py").write_text("")
    package = tmp_path / "refpkg" / "inner"
    package.mkdir(parents=True)
    (tmp_path / "refpkg" / "__init__.py").write_text("app = 'package'\n")
    (package / "__init__.py").write_text("")
    (package / "mod.py").write_text("from .. import app as outer\napp = 'in ' + outer\n")
    return tmp_path


def resolve(text: str, directory: Path, **options: Any) -> Any:
    return resolve_reference(parse_reference(text), app_dir=str(directory), **options)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("refmain", "app"),
        ("refmain:app", "app"),
        ("refmain:holder.app", "held"),
        ("refmain:holder.table['x']", "tabled"),
        ("refmain:apps['x']", "subscripted"),
        ("refmain:apps[1]", "one"),
        ("refmain:create_app()", "made"),
        ("refmain:create_app('x', suffix='y')", "xy"),
        ("refapplication", "application"),
        ("refpkg", "package"),
        ("refpkg.inner.mod:app", "in package"),
        ("refmain.py:app", "app"),
        ("./refmain:app", "app"),
        ("refpkg/inner/mod.py:app", "in package"),
        ("./refpkg:app", "package"),
    ],
)
def test_resolve(text: str, expected: str, directory: Path) -> None:
    assert resolve(text, directory) == expected


@pytest.mark.parametrize("text", ["refmain", "refmain:create_app"])
def test_factory_is_called(text: str, directory: Path) -> None:
    assert resolve(text, directory, factory=True) == "made"


def test_modules_are_found_in_the_current_directory(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(directory)
    assert resolve_reference(parse_reference("refmain:app")) == "app"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nosuchmodule:app", "no module named 'nosuchmodule' for the application 'nosuchmodule:app'"),
        ("refmian:app", "did you mean 'refmain'"),
        ("refpkg.missing:app", "no module named 'refpkg.missing'"),
        ("refmain.sub:app", "'refmain' is not a package"),
        ("not a module:app", "'not a module' is not a module name"),
        ("nosuch/file.py:app", "no file 'nosuch/file.py'"),
        ("refmain:ap", "module 'refmain' has no attribute 'ap' .*did you mean 'app'"),
        ("refapplication:zzz", "did you mean 'application'"),
        ("refneither:zzz", "did you mean 'my_app'"),
        ("refmain:holder.appp", "'holder' has no attribute 'appp'.*did you mean 'app'"),
        ("refneither", "has neither 'app' nor 'application'; write refneither:my_app"),
        ("refempty", "has neither 'app' nor 'application'; write module:attribute"),
        ("refmain:app +", "cannot read 'app \\+'"),
        ("refmain:1 + 1", "cannot read '1 \\+ 1'"),
        ("refmain:create_app(app)", "call with literal arguments"),
        ("refmain:create_app(*[1])", "call with literal arguments"),
        ("refmain:create_app(**{})", "call with literal arguments"),
        ("refmain:apps['y']", r"failed: KeyError: 'y'"),
        ("refmain:app()", "is a str, no function"),
        ("refmain:create_async()", "is a coroutine function: a factory must return the application itself"),
    ],
)
def test_mistake_is_named_in_one_line(text: str, message: str, directory: Path) -> None:
    with pytest.raises(NoAppError, match=message) as caught:
        resolve(text, directory)
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("refmain:fails()", "the factory 'refmain:fails\\(\\)' raised ValueError: no database"),
        ("refmain:exits()", "raised SystemExit: 3"),
        ("refmain:create_app(1, 2, 3)", "raised TypeError"),
    ],
)
def test_factory_that_raises_is_reported_with_its_cause(text: str, message: str, directory: Path) -> None:
    with pytest.raises(AppImportError, match=message) as caught:
        resolve(text, directory)
    assert caught.value.__cause__ is not None


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("import nosuchdependency", "No module named 'nosuchdependency'"),
        ("def broken(:", "SyntaxError"),
        ("raise SystemExit(7)", "SystemExit: 7"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
    ],
)
def test_import_that_raises_is_not_taken_for_a_missing_module(source: str, message: str, directory: Path) -> None:
    (directory / "refbroken.py").write_text(source)
    with pytest.raises(AppImportError, match="importing 'refbroken' failed: .*" + message) as caught:
        resolve("refbroken:app", directory)
    assert caught.value.__cause__ is not None


def test_factory_must_be_callable(directory: Path) -> None:
    with pytest.raises(NoAppError, match="is a str, which cannot be called"):
        resolve("refmain:app", directory, factory=True)


def test_file_whose_name_is_taken_is_refused(directory: Path) -> None:
    (directory / "json.py").write_text("app = 1\n")
    with pytest.raises(NoAppError, match="the module name 'json' is taken by .*rename the file"):
        resolve("./json.py:app", directory)


def test_app_dir_must_be_a_directory(directory: Path) -> None:
    with pytest.raises(NoAppError, match=r"setting app_dir"):
        resolve("refmain:app", directory / "nosuch")


def test_attribute_that_raises_is_the_applications_own_error(directory: Path) -> None:
    (directory / "refprop.py").write_text(
        "class Box:\n    @property\n    def app(self): raise RuntimeError('closed')\nbox = Box()\n"
    )
    with pytest.raises(AppImportError, match="RuntimeError: closed"):
        resolve("refprop:box.app", directory)
