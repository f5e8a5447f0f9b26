# SPDX-License-Identifier: MIT
"""The rooms of ARCHITECTURE.md: a room imports only rooms below it, and leaves import no room.

Reads the import and cimport lines of every module of fastcorn, those inside functions too: a late import is a
dependency all the same. Needs no build.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "fastcorn"

# From the top down: a room may import those after it. Modules that stand alone are rooms of one file.
ROOMS = ["entry", "supervisor", "worker", "protocols", "asgi"]
LEAVES = {"config", "observability", "typing", "errors", "_version"}
# The public entry points, which may import every room: fastcorn/<name>.py.
ENTRY = {
    "__init__",
    "__main__",
    "asyncio",
    "check",
    "cli",
    "completion",
    "logging",
    "middleware",
    "pytest_plugin",
    "run",
    "server",
    "testing",
    "trio",
}

# What a leaf may know of other leaves, and the few upward looks that are decided; each has its reason.
ALLOWED = {
    ("config", "errors"): "a bad setting is an error of fastcorn",
    ("config", "typing"): "annotations",
    ("config", "_version"): "the default of the server header, --version",
    ("config", "observability"): "Config.log makes the logger that its settings describe",
    ("observability", "config"): "a logger is made from the settings",
    ("observability", "typing"): "annotations",
    ("errors", "typing"): "annotations",
}


def room_of(module: str) -> str:
    """The room of a dotted module name below fastcorn, "" being fastcorn itself."""
    first = module.split(".")[0] if module else "__init__"
    return "entry" if first in ENTRY else first


def module_of(path: Path) -> str:
    parts = list(path.relative_to(PACKAGE).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


def absolute(module: str, level: int, name: str, is_package: bool) -> str:
    """The module that `from <level dots><name> import` in `module` means, below fastcorn."""
    if level == 0:
        return name
    parts = ["fastcorn", *module.split(".")]
    parts = parts[: len(parts) - level + (1 if is_package else 0)]
    return ".".join([*parts, name] if name else parts)


def python_imports(path: Path) -> Iterator[str]:
    module, is_package = module_of(path), path.name == "__init__.py"
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            source = absolute(module, node.level, node.module or "", is_package)
            yield source
            if source == "fastcorn":
                yield from (f"fastcorn.{alias.name}" for alias in node.names if (PACKAGE / alias.name).is_dir())


CYTHON_IMPORT = re.compile(r"^\s*(?:from\s+([.\w]+)\s+c?import\s|c?import\s+([\w., ]+))", re.MULTILINE)


def cython_imports(path: Path) -> Iterator[str]:
    for source, names in CYTHON_IMPORT.findall(path.read_text(encoding="utf-8")):
        if source:
            name = source.lstrip(".")
            yield absolute(module_of(path), len(source) - len(name), name, is_package=False)
        yield from (name.split()[0] for name in names.split(",") if name.strip())


def imports_of(path: Path) -> set[str]:
    """Modules below fastcorn that the file imports, without the leading "fastcorn."."""
    found = cython_imports(path) if path.suffix in {".pyx", ".pxd"} else python_imports(path)
    return {name.removeprefix("fastcorn").lstrip(".") for name in found if name.split(".")[0] == "fastcorn"}


SOURCES = sorted(path for suffix in ("py", "pyi", "pyx", "pxd") for path in PACKAGE.rglob(f"*.{suffix}"))


def is_allowed(importer: str, imported: str) -> bool:
    """Whether a module of the room `importer` may import from the room `imported`."""
    if importer == imported or importer == "entry" or (importer, imported) in ALLOWED:
        return True
    if importer in LEAVES:
        return False
    if imported in LEAVES:
        return True
    return imported in ROOMS and ROOMS.index(importer) < ROOMS.index(imported)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_imports_only_rooms_below_its_own(path: Path) -> None:
    room = room_of(module_of(path))
    assert room in ROOMS or room in LEAVES, f"{path.relative_to(ROOT)}: room {room!r} is not in ARCHITECTURE.md"
    upward = [f"{name or 'fastcorn'} ({room_of(name)})" for name in sorted(imports_of(path))
              if not is_allowed(room, room_of(name))]  # fmt: skip
    assert not upward, f"{path.relative_to(ROOT)} is in {room!r} and must not import {', '.join(upward)}"


PROTOCOL = re.compile(r"protocols\._?(http\d|websocket)\w*")


@pytest.mark.parametrize(
    "path", [path for path in SOURCES if PROTOCOL.fullmatch(module_of(path))], ids=lambda path: str(path.name)
)
def test_protocols_do_not_import_one_another(path: Path) -> None:
    # What they decide alike is in modules of its own; a change of protocol goes through a factory in the context.
    own = PROTOCOL.fullmatch(module_of(path))
    assert own
    others = {name for name in imports_of(path) if (found := PROTOCOL.match(name)) and found[1] != own[1]}
    assert not others, f"{path.name} imports {others}"


@pytest.mark.parametrize(
    ("importer", "imported", "verdict"),
    [
        ("worker", "protocols", True),
        ("protocols", "asgi", True),
        ("asgi", "protocols", False),
        ("asgi", "observability", True),
        ("protocols", "worker", False),
        ("config", "asgi", False),
        ("observability", "worker", False),
        ("worker", "entry", False),
        ("entry", "supervisor", True),
    ],
)
def test_the_rule_itself(importer: str, imported: str, verdict: bool) -> None:
    assert is_allowed(importer, imported) is verdict


def test_imports_are_found_in_each_form() -> None:
    source = PACKAGE / "asgi" / "_example.pyx"
    text = "from fastcorn.worker.tick cimport Tick\ncimport fastcorn.protocols._http1\nfrom ..config import Config\n"
    assert sorted(match[0] or match[1] for match in CYTHON_IMPORT.findall(text)) == [
        "..config",
        "fastcorn.protocols._http1",
        "fastcorn.worker.tick",
    ]
    assert absolute(module_of(source), 2, "config", is_package=False) == "fastcorn.config"
    assert absolute("asgi", 1, "wsgi", is_package=True) == "fastcorn.asgi.wsgi"
