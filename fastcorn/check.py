# SPDX-License-Identifier: MIT
"""fastcorn check: loads what a start would load, binds what it would bind, and tells everything that is wrong.

Called by fastcorn.cli; calls the configuration, the application loader and the listeners, and starts nothing.
"""

from __future__ import annotations

import sys
import traceback

from fastcorn.config.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from fastcorn.config import Config, Settings

EXIT_OK = 0
EXIT_USAGE = 2


def check(config: Config) -> int:
    """Checks one part after the other and prints a line for each.

    Returns:
        0 when all is well, else the exit code of the first part that is wrong: that of the start it would have stopped.
    """
    parts: list[tuple[str, Callable[[Config], str]]] = [
        ("settings", check_settings),
        ("application", check_application),
        ("TLS", check_tls),
        ("addresses", check_addresses),
    ]
    code = EXIT_OK
    for name, part in parts:
        try:
            print(f"{name}: {part(config)}", flush=True)
        except Exception as error:
            if error.__cause__ is not None and not isinstance(error, ConfigError):
                traceback.print_exception(error.__cause__)
            line = " ".join(f"{error}".split("\n"))
            print(f"fastcorn: {name}: {line}", file=sys.stderr, flush=True)
            code = code or int(getattr(error, "exit_code", 1))
    return code


def check_settings(config: Config) -> str:
    from fastcorn.config.pending import check_pending

    settings = config.freeze()
    for line in check_pending(settings):
        print(f"settings: {line}")
    given = len(config.given())
    return f"{given} given, the others have their defaults"


def check_application(config: Config) -> str:
    if config.application_path is None:
        raise ConfigError("none is given; write fastcorn check package.module:app")
    from fastcorn.asgi.application import load

    application = load(snapshot(config))
    return f"{config.application_path} ({application.interface})"


def snapshot(config: Config) -> Settings | Config:
    """Frozen settings for the loader; where they contradict each other, that was told and the rest is checked still."""
    try:
        return config.freeze()
    except ConfigError:
        return config


def check_tls(config: Config) -> str:
    """The certificates with their names and ends; what clients would not accept has a line of its own."""
    from fastcorn.worker.certificates import read_certificates

    certificates = read_certificates(config)
    if certificates is None:
        return "off"
    for line in certificates.notices:
        print(f"TLS: {line}")
    return certificates.text


def check_addresses(config: Config) -> str:
    """Binds and closes; nothing listens, and the files of unix sockets are removed again."""
    config.create_sockets().close()
    return ", ".join([*config.bind, *config.insecure_bind, *config.quic_bind])
