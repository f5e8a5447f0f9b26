# SPDX-License-Identifier: MIT
"""The string that names an application -> the object it names.

"module:attr", "module", "pkg.mod:obj.attr", "mod:create_app('x')", "path/to/file.py:app", each with an optional
"asgi:" or "wsgi:" before it. Called by fastcorn.asgi.application; each mistake raises NoAppError with one line that
says what to do, and an exception of the application's own code raises AppImportError with that exception as its cause.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import os
import re
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from fastcorn.config.spelling import nearest
from fastcorn.errors import AppImportError, NoAppError

DEFAULT_NAMES = ("app", "application")
DEFAULT_FACTORY_NAMES = ("create_app", "make_app")

_DRIVE = re.compile(r"[A-Za-z]:[\\/]")


class Reference:
    """A parsed application string.

    Args:
        text: the string as it was given.
        mode: "asgi", "wsgi" or None when the string has no such prefix.
        location: dotted module name, or path of a file or package directory.
        expression: what to look up in the module, or "" for the default names.
    """

    __slots__ = ("expression", "location", "mode", "text")

    def __init__(self, text: str, mode: str | None, location: str, expression: str) -> None:
        self.text = text
        self.mode = mode
        self.location = location
        self.expression = expression

    @property
    def is_path(self) -> bool:
        """Whether location is a path of the file system rather than a dotted name."""
        return self.location.endswith(".py") or "/" in self.location or "\\" in self.location


def parse_reference(text: str) -> Reference:
    """Splits an application string.

    Raises:
        NoAppError: the string is empty, or its module part is.
    """
    rest = text.strip()
    mode = None
    # "asgi:application" alone is module asgi (Django's layout), so a prefix needs two more parts.
    for prefix in ("asgi", "wsgi"):
        if rest.startswith(prefix + ":") and ":" in _after_drive(rest[len(prefix) + 1 :]):
            mode, rest = prefix, rest[len(prefix) + 1 :]
            break
    drive = rest[:2] if _DRIVE.match(rest) else ""
    location, _, expression = rest[len(drive) :].partition(":")
    location = drive + location.strip()
    if not location:
        raise NoAppError(f"the application {text!r} names no module: write module:attribute, for example main:app")
    return Reference(text, mode, location, expression.strip())


def _after_drive(text: str) -> str:
    return text[2:] if _DRIVE.match(text) else text


def resolve_reference(reference: Reference, *, factory: bool = False, app_dir: str | None = None) -> Any:
    """Imports the module and returns the object that the reference names.

    Args:
        reference: what to load.
        factory: call the object without arguments and return what it returns.
        app_dir: directory to import from; None is the current one.

    Raises:
        NoAppError: there is no such module, file or attribute, or a factory cannot be called.
        AppImportError: the application's code raised.
    """
    module = _import(reference, app_dir)
    found = _lookup(reference, module, factory)
    if not factory:
        return found
    if not callable(found):
        raise NoAppError(f"the factory {reference.text!r} is a {type(found).__name__}, which cannot be called")
    return call_factory(reference.text, found)


def call_factory(text: str, factory: Any, *args: Any, **kwargs: Any) -> Any:
    """Calls an application factory; what it raises becomes AppImportError."""
    try:
        made = factory(*args, **kwargs)
    except (Exception, SystemExit) as error:
        raise AppImportError(f"the factory {text!r} raised {_summary(error)}") from error
    if hasattr(made, "__await__") and hasattr(made, "close"):
        made.close()
        raise NoAppError(f"the factory {text!r} is a coroutine function: a factory must return the application itself")
    return made


def _summary(error: BaseException) -> str:
    text = str(error).strip().splitlines()
    return type(error).__name__ + (f": {text[0]}" if text else "")


def import_from(root: str) -> None:
    """Puts a directory first in sys.path, unless it is there; "" is the current directory too."""
    if root not in sys.path and not ("" in sys.path and root == os.getcwd()):
        sys.path.insert(0, root)


def _import(reference: Reference, app_dir: str | None) -> ModuleType:
    root, name, file = _locate(reference, app_dir)
    import_from(root)
    module = _import_module(reference, name, root)
    if file is not None:
        origin = getattr(module, "__file__", None)
        if origin is None or not os.path.exists(origin) or not os.path.samefile(origin, file):
            taken = origin or "a built-in module"
            raise NoAppError(
                f"cannot import {reference.location!r}: the module name {name!r} is taken by {taken}; rename the file"
            )
    return module


def _locate(reference: Reference, app_dir: str | None) -> tuple[str, str, str | None]:
    """The directory to import from, the dotted name, and the file where the reference is a path."""
    base = os.path.abspath(app_dir or ".")
    if app_dir and not os.path.isdir(base):
        raise NoAppError(f"the application directory {app_dir!r} is not a directory (setting app_dir)")
    if not reference.is_path:
        return base, reference.location, None
    path = os.path.join(base, reference.location)
    for file in (path, path + ".py", os.path.join(path, "__init__.py")):
        if os.path.isfile(file):
            file = os.path.realpath(file)
            return *_module_of(file), file
    raise NoAppError(f"no file {reference.location!r} for the application {reference.text!r} (looked in {base})")


def locate_module(text: str, app_dir: str | None = None) -> tuple[str, str, str | None]:
    """Where the module of an application string would be imported from, without importing it.

    Returns:
        The directory that is put into sys.path, the dotted name, and the file where the string is a path.

    Raises:
        NoAppError: the string names no module, or there is no such file or directory.
    """
    return _locate(parse_reference(text), app_dir)


def _module_of(file: str) -> tuple[str, str]:
    """The directory to import from and the dotted name: a file in a package is imported as a part of it."""
    directory, name = os.path.split(file)
    stem = name.removesuffix(".py")
    parts = [] if stem == "__init__" else [stem]
    while os.path.isfile(os.path.join(directory, "__init__.py")):
        directory, name = os.path.split(directory)
        parts.insert(0, name)
    return directory, ".".join(parts)


@contextlib.contextmanager
def forget_modules(text: str | None, app_dir: str | None = None) -> Iterator[None]:
    """Lets the application be imported anew while entered; what was imported before is put back after an exception.

    Args:
        text: the application string; its module is forgotten, with the whole package it lies in. None does nothing.
        app_dir: as for resolve_reference().

    Raises:
        NoAppError: there is no such file or directory.
    """
    if text is None:
        yield
        return
    top = _locate(parse_reference(text), app_dir)[1].partition(".")[0]
    forgotten = {name: module for name, module in sys.modules.items() if name == top or name.startswith(top + ".")}
    for name in forgotten:
        del sys.modules[name]
    try:
        yield
    except BaseException:
        for name in [name for name in sys.modules if name == top or name.startswith(top + ".")]:
            del sys.modules[name]
        sys.modules.update(forgotten)
        raise


def _import_module(reference: Reference, name: str, base: str) -> ModuleType:
    if not all(part.isidentifier() for part in name.split(".")):
        raise NoAppError(f"{name!r} is not a module name: write module:attribute, for example main:app")
    # A module written a moment ago is found. importlib.invalidate_caches() does the same and more: it also imports
    # importlib.metadata, a fifth of the time of a start.
    for finder in list(sys.path_importer_cache.values()):
        if finder is not None and hasattr(finder, "invalidate_caches"):
            finder.invalidate_caches()
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        # Only the module that was asked for, or a package above it; anything else is an import of the application's.
        if name == missing or name.startswith(missing + "."):
            raise NoAppError(_no_module(reference, missing, base, error)) from None
        raise AppImportError(f"importing {name!r} failed: {_summary(error)}") from error
    except (Exception, SystemExit) as error:
        raise AppImportError(f"importing {name!r} failed: {_summary(error)}") from error


def _no_module(reference: Reference, missing: str, base: str, error: ModuleNotFoundError) -> str:
    if "is not a package" in str(error):
        parent = str(error).rpartition("; ")[2]
        return f"no module {missing!r} for the application {reference.text!r}: {parent}"
    near = nearest(missing.partition(".")[0], _importable(base))
    hint = f"; did you mean {near!r}?" if near else ""
    return f"no module named {missing!r} for the application {reference.text!r} (looked in {base}){hint}"


def _importable(directory: str) -> list[str]:
    """The modules and packages in a directory."""
    try:
        entries = sorted(os.listdir(directory))
    except OSError:
        return []
    packages = [name for name in entries if os.path.isfile(os.path.join(directory, name, "__init__.py"))]
    return packages + [name.removesuffix(".py") for name in entries if name.endswith(".py")]


def _lookup(reference: Reference, module: ModuleType, factory: bool) -> Any:
    if reference.expression:
        return _evaluate(reference, module)
    names = DEFAULT_FACTORY_NAMES if factory else DEFAULT_NAMES
    for name in names:
        if hasattr(module, name):
            return getattr(module, name)
    tried = " nor ".join(repr(name) for name in names)
    hint = f"; write {reference.location}:{_candidates(module)[0]}" if _candidates(module) else ""
    raise NoAppError(f"module {module.__name__!r} has neither {tried}{hint or '; write module:attribute'}")


def _candidates(module: ModuleType) -> list[str]:
    """Public callables made in the module itself, the likely applications first."""
    names = [
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and callable(value) and not isinstance(value, type)
    ]
    return sorted(names, key=lambda name: ("app" not in name.lower(), name))


def _evaluate(reference: Reference, module: ModuleType) -> Any:
    """Evaluates names, attributes, subscripts and calls with literal arguments; nothing else is an expression here."""
    try:
        tree = ast.parse(reference.expression, mode="eval").body
    except (SyntaxError, ValueError):
        raise NoAppError(_not_expression(reference)) from None
    return _value(reference, tree, module)


def _not_expression(reference: Reference) -> str:
    return (
        f"cannot read {reference.expression!r} in the application {reference.text!r}: "
        "write an attribute (app, obj.app) or a call with literal arguments (create_app('x'))"
    )


def _value(reference: Reference, node: ast.expr, module: ModuleType) -> Any:
    if isinstance(node, ast.Name):
        return _attribute(reference, module, node.id, f"module {module.__name__!r}")
    if isinstance(node, ast.Attribute):
        owner = _value(reference, node.value, module)
        return _attribute(reference, owner, node.attr, repr(ast.unparse(node.value)))
    if isinstance(node, ast.Subscript):
        owner = _value(reference, node.value, module)
        key = _literal(reference, node.slice)
        try:
            return owner[key]
        except (LookupError, TypeError) as error:
            raise NoAppError(f"{ast.unparse(node)!r} in {reference.text!r} failed: {_summary(error)}") from None
    if isinstance(node, ast.Call) and all(keyword.arg for keyword in node.keywords):
        called = _value(reference, node.func, module)
        args = [_literal(reference, argument) for argument in node.args]
        kwargs = {str(keyword.arg): _literal(reference, keyword.value) for keyword in node.keywords}
        if not callable(called):
            raise NoAppError(
                f"{ast.unparse(node.func)!r} in {reference.text!r} is a {type(called).__name__}, no function"
            )
        return call_factory(reference.text, called, *args, **kwargs)
    raise NoAppError(_not_expression(reference))


def _literal(reference: Reference, node: ast.expr) -> Any:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        raise NoAppError(_not_expression(reference)) from None


def _attribute(reference: Reference, owner: Any, name: str, owner_text: str) -> Any:
    try:
        return getattr(owner, name)
    except AttributeError:
        names = vars(owner) if isinstance(owner, ModuleType) else dir(owner)
        near = nearest(name, list(names))
        if near is None and isinstance(owner, ModuleType):
            others = [other for other in DEFAULT_NAMES if hasattr(owner, other)] or _candidates(owner)
            near = others[0] if others else None
        hint = f"; did you mean {near!r}?" if near else ""
        raise NoAppError(f"{owner_text} has no attribute {name!r} (application {reference.text!r}){hint}") from None
    except Exception as error:
        raise AppImportError(f"reading {name!r} of {owner_text} failed: {_summary(error)}") from error
