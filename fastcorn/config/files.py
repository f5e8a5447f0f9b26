# SPDX-License-Identifier: MIT
"""Configuration files: TOML, Python files and Python objects, read into plain dictionaries of settings.

Called by Config's constructors and by sources.py; a mistake in a file is a ConfigError that names the file.
"""

from __future__ import annotations

import os
from types import FunctionType, ModuleType

from fastcorn.config.errors import ConfigError
from fastcorn.config.table import SETTINGS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def read_toml(filename: str | os.PathLike[str]) -> dict[str, object]:
    """The settings of a TOML file; those of its [tool.fastcorn] table if it has one or is a pyproject.toml."""
    import tomllib

    name = os.fspath(filename)
    try:
        document = tomllib.loads(read_text(name))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"is not valid TOML: {error}", origin=name) from None
    except RecursionError:
        raise ConfigError("is not valid TOML: it is nested too deeply", origin=name) from None
    tool = document.get("tool")
    table = tool.get("fastcorn") if isinstance(tool, dict) else None
    if isinstance(table, dict):
        return without_tables(table, name)
    if os.path.basename(name) == "pyproject.toml":
        raise ConfigError("has no [tool.fastcorn] table; add one, or give another file", origin=name)
    return without_tables(document, name)


def without_tables(table: dict[str, object], origin: str) -> dict[str, object]:
    """The settings with [[tls.certificate]] under the name that it has as a setting."""
    tls = table.get("tls")
    if not isinstance(tls, dict):
        return table
    for key in tls:
        if key != "certificate":
            problem = f"[tls] holds [[tls.certificate]] only, not {key!r}; write it among the other settings"
            raise ConfigError(problem, origin=origin)
    if "certificates" in table:
        raise ConfigError("[[tls.certificate]] is there too; use one of the two", setting="certificates", origin=origin)
    rest = {key: value for key, value in table.items() if key != "tls"}
    return {**rest, "certificates": tls.get("certificate", [])}


def read_pyfile(filename: str | os.PathLike[str]) -> dict[str, object]:
    """The settings that a Python file assigns to its variables."""
    name = os.fspath(filename)
    source = read_text(name)
    module = ModuleType("fastcorn_configuration")
    module.__file__ = name
    try:
        exec(compile(source, name, "exec"), module.__dict__)
    except Exception as error:
        raise ConfigError(f"cannot be run: {told(error, name)}", origin=name) from error
    return settings_among(vars(module))


def read_object(instance: object | str) -> tuple[dict[str, object], str]:
    """The settings among the attributes of an object or of what a dotted name stands for, and the origin to show."""
    if isinstance(instance, str):
        return read_object(load_object(instance))[0], f"python:{instance}"
    from fastcorn.config.config import Config

    names = instance.given() if isinstance(instance, Config) else [name for name in dir(instance) if name[0] != "_"]
    origin = getattr(instance, "__name__", None) or type(instance).__name__
    return settings_among({name: getattr(instance, name) for name in names}), f"python:{origin}"


def load_object(path: str) -> object:
    """The module or attribute that "module", "module.attribute" or "module:attribute" names.

    Raises:
        ConfigError: it cannot be imported.
    """
    from importlib import import_module

    origin = f"python:{path}"
    module, _, attribute = path.partition(":")
    if not attribute:
        try:
            return import_module(module)
        except ModuleNotFoundError as error:
            # Only when the last part itself is missing can it be an attribute of what stands before it.
            if error.name != module or "." not in module:
                raise ConfigError(f"cannot be imported: {error}", origin=origin) from None
            module, _, attribute = module.rpartition(".")
        except Exception as error:
            raise ConfigError(f"cannot be imported: {told(error)}", origin=origin) from error
    try:
        found: object = import_module(module)
        for name in attribute.split("."):
            found = getattr(found, name)
    except Exception as error:
        raise ConfigError(f"cannot be imported: {told(error)}", origin=origin) from error
    return found


def settings_among(names: Mapping[str, object]) -> dict[str, object]:
    """The variables that are meant as settings: not modules, functions, classes, _private names or CONSTANTS."""
    helpers = (ModuleType, FunctionType, type)
    return {
        name: value
        for name, value in names.items()
        if name in SETTINGS
        or name == "cert_reqs"
        or not (name.startswith("_") or name.isupper() or callable(value) or isinstance(value, helpers))
    }


def read_text(name: str) -> str:
    """A whole text file.

    Raises:
        ConfigError: it cannot be read or is not UTF-8.
    """
    try:
        with open(name, encoding="utf-8") as file:
            return file.read()
    except OSError as error:
        raise ConfigError(f"cannot be read: {(error.strerror or str(error)).lower()}", origin=name) from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"cannot be read: it is not UTF-8 at byte {error.start}", origin=name) from None
    except ValueError as error:
        raise ConfigError(f"cannot be read: {error}", origin=repr(name)) from None


def told(error: BaseException, filename: str | None = None) -> str:
    """An exception of somebody's code on one line, with the line of filename where it happened."""
    line = error.lineno if isinstance(error, SyntaxError) else None
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == filename:
            line = trace.tb_lineno
        trace = trace.tb_next
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    where = f" (line {line})" if line else ""
    return f"{type(error).__name__}: {' '.join(text.split())}{where}"
