# SPDX-License-Identifier: MIT
"""A file of NAME=value lines -> environment variables for the application (setting env_file).

Called by fastcorn.asgi.application before the application is imported. A variable that is already set wins, as with
python-dotenv, so that the file holds defaults and a deployment overrides them.
"""

from __future__ import annotations

import os
import re

from fastcorn.errors import NoAppError

_LINE = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_.]*)\s*=\s*(.*)")
_DOUBLE_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\", "$": "$"}


def load_env_file(path: str) -> None:
    """Sets the variables of a file that are not set yet.

    Raises:
        NoAppError: the file cannot be read, or a line of it is not NAME=value.
    """
    for name, value in read_env_file(path).items():
        os.environ.setdefault(name, value)


def read_env_file(path: str) -> dict[str, str]:
    """Reads a file of variables: blank lines and # comments are skipped, quotes are taken off, `export` is allowed.

    Raises:
        NoAppError: the file cannot be read, or a line of it is not NAME=value.
    """
    try:
        with open(path, encoding="utf-8-sig") as file:
            lines = file.read().splitlines()
    except OSError as error:
        raise NoAppError(f"cannot read {path!r} (setting env_file): {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise NoAppError(f"{path!r} is not UTF-8 text (setting env_file)") from None
    values = {}
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        match = _LINE.fullmatch(text)
        value = None if match is None else _unquote(match[2])
        if match is None or value is None or "\0" in value:
            raise NoAppError(f"line {number} of {path!r} is not NAME=value (setting env_file)")
        values[match[1]] = value
    return values


def _unquote(text: str) -> str | None:
    """The value of the right-hand side, or None when a quote is not closed."""
    if not text.startswith(("'", '"')):
        return re.split(r"\s+#", text, maxsplit=1)[0].strip() if not text.startswith("#") else ""
    quote = text[0]
    body = r"'([^']*)'" if quote == "'" else r'"((?:[^"\\]|\\.)*)"'
    match = re.fullmatch(body + r"\s*(?:#.*)?", text)
    if match is None:
        return None
    if quote == "'":
        return match[1]
    return re.sub(r"\\(.)", lambda found: _DOUBLE_ESCAPES.get(found[1], found[0]), match[1])
