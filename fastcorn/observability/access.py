# SPDX-License-Identifier: MIT
"""The access log: one line for each exchange.

The worker makes it when the access log is on; the compiled side calls it at the end of each exchange. The format is
compiled once: a line calls only the atoms that it names.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import Any

from fastcorn.config.errors import ConfigError
from fastcorn.observability.atoms import NUMBERS, Atom, Exchange, Headers, find_atom

_DIRECTIVE = re.compile(r"%(?:%|\(([^()]*)\)([-#0 +]*\d*(?:\.\d+)?)([a-zA-Z]))")

Line = Callable[[Exchange], str]


def compile_format(text: str) -> Line:
    """Makes the function that writes the line of an exchange.

    Args:
        text: the setting access_log_format, in the form of printf with names: %(h)s.

    Raises:
        ConfigError: text is no such format. A name that is no atom is not an error: it is always "-".
    """
    atoms: list[Atom] = []
    template = ""
    end = 0
    for match in _DIRECTIVE.finditer(text):
        template += _literal(text[end : match.start()], text)
        template += _directive(match, atoms, text)
        end = match.end()
    template += _literal(text[end:], text)
    return lambda exchange: template % tuple([atom(exchange) for atom in atoms])


def _literal(text: str, whole: str) -> str:
    if "%" in text:
        raise ConfigError(
            f"{whole!r} has a lone %; write %(name)s, or %% for the character", setting="access_log_format"
        )
    return text


def _directive(match: re.Match[str], atoms: list[Atom], whole: str) -> str:
    if match[0] == "%%":
        return "%%"
    name, flags, conversion = match[1], match[2], match[3]
    atom = find_atom(name)
    if conversion not in "sra" and not (conversion in "dixXof" and name in NUMBERS):
        raise ConfigError(f"{match[0]!r} in {whole!r} cannot be written; use %({name})s", setting="access_log_format")
    atoms.append(atom or (lambda exchange: "-"))
    return f"%{flags}{conversion}"


class AccessLog:
    """Writes the lines to a logging.Logger.

    Args:
        text: the format.
        logger: where the lines go, at level INFO.

    Raises:
        ConfigError: the format is wrong.
    """

    def __init__(self, text: str, logger: logging.Logger) -> None:
        self.line = compile_format(text)
        self.logger = logger

    def __call__(self, scope: Any, status: int | None, headers: Headers, body_bytes: int, duration: float) -> None:
        """Writes the line of an exchange; status is None when the client left before the response began."""
        logger = self.logger
        if logger.isEnabledFor(logging.INFO):
            line = self.line(Exchange(scope, status, headers, body_bytes, duration))
            # Made by hand: Logger.info() would look for its caller on the stack, which is of no interest here.
            logger.handle(logger.makeRecord(logger.name, logging.INFO, "", 0, line, (), None))
