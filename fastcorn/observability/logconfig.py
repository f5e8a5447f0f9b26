# SPDX-License-Identifier: MIT
"""The settings logconfig and logconfig_dict -> logging.config.

Called by fastcorn.observability.logger before it looks for handlers, so that what is configured there is used.
"""

from __future__ import annotations

import logging.config
import os
from typing import Any

from fastcorn.config.errors import ConfigError


def apply_logconfig(path: str | None, table: dict[str, Any] | None) -> None:
    """Configures logging.

    Args:
        path: an ini file for logging.config.fileConfig, or json:PATH, toml:PATH or yaml:PATH for dictConfig.
        table: a dictionary for dictConfig; used when path is None.

    Raises:
        ConfigError: the file cannot be read, or logging refuses what it says.
    """
    if path is None and table is None:
        return
    setting = "logconfig_dict" if path is None else "logconfig"
    try:
        if path is None:
            logging.config.dictConfig(_keeping_loggers(table))
        elif path.startswith(("json:", "toml:", "yaml:")):
            logging.config.dictConfig(_keeping_loggers(_read(path[:4], path[5:])))
        else:
            _apply_ini(path)
    except ConfigError:
        raise
    except OSError as error:
        raise ConfigError(
            f"cannot read {error.filename or path!r}: {error.strerror or error}", setting=setting
        ) from None
    except Exception as error:
        cause = f" ({error.__cause__})" if error.__cause__ is not None else ""
        raise ConfigError(f"logging refuses {path or 'the dictionary'}: {error}{cause}", setting=setting) from None


def _keeping_loggers(table: Any) -> Any:
    """A configuration that does not say otherwise leaves loggers alone that it does not name."""
    return {"disable_existing_loggers": False, **table} if isinstance(table, dict) else table


def _read(kind: str, path: str) -> Any:
    with open(path, "rb") as file:
        data = file.read()
    if kind == "json":
        import json

        return json.loads(data)
    if kind == "toml":
        import tomllib

        return tomllib.loads(data.decode("utf-8"))
    try:
        import yaml  # type: ignore[import-untyped,unused-ignore]
    except ImportError:
        raise ConfigError(
            "yaml: needs the package PyYAML; install it, or use json: or toml:", setting="logconfig"
        ) from None
    return yaml.safe_load(data)


def _apply_ini(path: str) -> None:
    with open(path, encoding="utf-8"):
        pass  # fileConfig passes over a file that is not there
    defaults = {"__file__": path, "here": os.path.dirname(path)}
    logging.config.fileConfig(path, defaults=defaults, disable_existing_loggers=False)
