# SPDX-License-Identifier: MIT
"""The stubs of the compiled modules: one each, with documentation. That they agree with what was compiled is checked by
stubtest, and that users' programs (programs.py) type-check by mypy, both in `make types`.
"""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest

import fastcorn

PACKAGE = Path(__file__).resolve().parents[2] / "fastcorn"
MODULES = sorted(PACKAGE.rglob("*.pyx"))


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE.parent).with_suffix("").as_posix().replace("/", ".")


def test_package_says_that_it_is_typed() -> None:
    assert (PACKAGE / "py.typed").exists()
    assert (Path(fastcorn.__file__).parent / "py.typed").exists()


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_compiled_module_has_a_stub(path: Path) -> None:
    assert path.with_suffix(".pyi").exists()


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_stub_is_documented(path: Path) -> None:
    """The module and its classes; and functions whose names are not a protocol's of Python or asyncio."""
    tree = ast.parse(path.with_suffix(".pyi").read_text(encoding="utf-8"))
    assert ast.get_docstring(tree)
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            assert ast.get_docstring(node), f"{name_of(path)}.{node.name} has no docstring"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_module_is_the_compiled_one(path: Path) -> None:
    """Cython leaves no Python twin behind: what is imported is an extension."""
    module = importlib.import_module(name_of(path))
    assert module.__file__ is not None
    assert module.__file__.endswith((".so", ".pyd"))
