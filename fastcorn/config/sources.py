# SPDX-License-Identifier: MIT
"""Sources of settings, weakest first: defaults, a file, the environment, the command line.

Called by the command line; makes the Config that the server runs with and remembers where each value came from. A list
replaces the list of a weaker source.
"""

from __future__ import annotations

import os
import sys

from fastcorn.config.config import Config
from fastcorn.config.errors import ConfigError
from fastcorn.config.table import SETTINGS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PREFIX = "FASTCORN_"
CONFIG_VARIABLE = "FASTCORN_CONFIG"
# Set to build or test fastcorn, or by Kubernetes for a service that is called fastcorn.
FOREIGN = ("FASTCORN_SANITIZE", "FASTCORN_TRACE", "FASTCORN_TEST_", "FASTCORN_SERVICE_", "FASTCORN_PORT")


def gather(
    flags: Iterable[tuple[str, object, str]],
    environment: Mapping[str, str],
    config_path: str | None = None,
) -> tuple[Config, list[str]]:
    """The Config of all sources, and warnings for the log.

    Args:
        flags: name, value and flag of each setting of the command line.
        environment: the variables of the process.
        config_path: x.toml, file:x.py or python:module[.object]; FASTCORN_CONFIG when None.

    Raises:
        ConfigError: a source cannot be read or holds a wrong setting; the text names source and setting.
    """
    path = config_path or environment.get(CONFIG_VARIABLE)
    config = read_config(path) if path else Config()
    warnings = apply_environment(config, environment)
    for name, value, flag in flags:
        config.put(name, value, flag)
    return config, warnings


def read_config(path: str) -> Config:
    """The Config of one file or object, by the prefix of its path as in Hypercorn.

    Raises:
        ConfigError: it cannot be read or holds a wrong setting.
    """
    if path.startswith("file:"):
        return Config.from_pyfile(path[5:])
    if path.startswith("python:"):
        return read_object_config(path[7:])
    return Config.from_pyfile(path) if path.endswith(".py") else Config.from_toml(path)


def read_object_config(name: str) -> Config:
    """The Config of a module or object; a Config of the user's own class stays one, with the methods it overrides."""
    import copy

    from fastcorn.config.files import load_object

    if os.getcwd() not in sys.path and "" not in sys.path:
        sys.path.insert(0, os.getcwd())
    found = load_object(name)
    # The longest part of the name that is a module; the object may have been made elsewhere.
    parts = name.replace(":", ".").split(".")
    modules = (sys.modules.get(".".join(parts[:count])) for count in range(len(parts), 0, -1))
    file = getattr(next((module for module in modules if module is not None), None), "__file__", None)
    files = [file] if isinstance(file, str) else []
    if not isinstance(found, Config):
        values = Config.from_object(found)
        return Config.from_origin({name: getattr(values, name) for name in values.given()}, f"python:{name}", files)
    config = copy.deepcopy(found)
    config.files.extend(map(os.path.abspath, files))
    for given in config.given():
        config.put(given, getattr(found, given), f"python:{name}")
    return config


def apply_environment(config: Config, environment: Mapping[str, str]) -> list[str]:
    """Puts the variables into the configuration; FASTCORN_X is stronger than the general name. Empty means not set.

    Returns:
        A warning for each FASTCORN_ variable that is no setting. They do not stop a server, since the environment is
        shared with other programs.

    Raises:
        ConfigError: a value is wrong; the text names the variable.
    """
    for setting in SETTINGS.values():
        for variable in (*setting.environment, setting.variable):
            text = environment.get(variable)
            if text:
                value = port_as_bind(text) if variable == "PORT" else setting.parsed(text, variable)
                config.put(setting.name, value, variable)
    return [unknown_variable(name) for name in environment if is_unknown(name)]


def port_as_bind(text: str) -> list[str]:
    """PORT is set by platforms that route to the container from outside, so it listens on every IPv4 address."""
    if not text.isascii() or not text.isdecimal() or len(text) > 6 or int(text) > 65535:
        raise ConfigError(f"must be a port from 0 to 65535, not {text!r}", setting="bind", origin="PORT")
    return [f"0.0.0.0:{int(text)}"]


def is_unknown(variable: str) -> bool:
    known = variable == CONFIG_VARIABLE or variable[len(PREFIX) :].lower() in SETTINGS
    return variable.startswith(PREFIX) and not known and not variable.startswith(FOREIGN)


def unknown_variable(variable: str) -> str:
    from fastcorn.config.config import suggestion

    hint = suggestion(variable[len(PREFIX) :].lower())
    return f"the environment variable {variable} is no setting{hint}"
