# SPDX-License-Identifier: MIT
"""Further certificates of a server, each a table of files and of the names it is for.

A kind of values; see fastcorn.config.kinds.base. The files are read by fastcorn.config.certificate.
"""

from __future__ import annotations

from fastcorn.config.kinds.base import Kind, shown
from fastcorn.config.spelling import nearest

KEYS = ("certfile", "keyfile", "keyfile_password", "names")
LONGEST_NAME = 253


class Certificates(Kind):
    """A list of tables with certfile and, where wanted, keyfile, keyfile_password and names; kept as dictionaries.

    As text: one JSON object, or a list of them.
    """

    noun = "a list of tables"
    annotation = "list[dict[str, Any]]"
    metavar = "JSON"
    many = True
    example = '{"certfile": "shop.pem", "names": ["shop.example", "*.shop.example"]}'

    def parse_given(self, text: str) -> object:
        import json

        if not text.strip():
            return []
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            problem = f"must be a JSON object or a list of them, not {shown(text)}; for example {self.example}"
            raise ValueError(problem) from None

    def check_given(self, value: object) -> object:
        if isinstance(value, dict):
            value = [value]
        if not isinstance(value, (list, tuple)):
            raise self.wrong(value)
        return [self.check_table(item, number) for number, item in enumerate(value, 1)]

    def check_table(self, table: object, number: int) -> dict[str, object]:
        if not isinstance(table, dict):
            raise ValueError(f"must hold tables, not {shown(table)}; for example {self.example}")
        for key in table:
            if key not in KEYS:
                guess = nearest(str(key), KEYS) or "certfile, keyfile, keyfile_password or names"
                raise ValueError(f"must not have {shown(key)} in certificate {number}; did you mean {guess}?")
        if not table.get("certfile"):
            raise ValueError(f"must have a certfile in certificate {number}; for example {self.example}")
        given = {key: table[key] for key in KEYS if table.get(key) is not None}
        return {key: checked(key, value, number) for key, value in given.items()}

    def masked(self, value: object) -> object:
        assert isinstance(value, (list, tuple))
        return [{**table, "keyfile_password": "********"} if "keyfile_password" in table else table for table in value]

    def show_given(self, value: object) -> str:
        if not value:
            return ""
        import json

        return json.dumps(self.masked(value))


def checked(key: str, value: object, number: int) -> object:
    """The value of a key of a table in its one form."""
    if key == "names":
        names = [value] if isinstance(value, str) else value
        if not isinstance(names, (list, tuple)):
            raise ValueError(f"must have a list of host names as names of certificate {number}, not {shown(value)}")
        return [checked_name(name) for name in names]
    text: object = value.__fspath__() if hasattr(value, "__fspath__") else value
    if not isinstance(text, str):
        raise ValueError(f"must have a text as {key} of certificate {number}, not {shown(value)}")
    if any(ord(char) < 32 or ord(char) == 127 for char in text):
        raise ValueError(f"must not have control characters in {key} of certificate {number}")
    return text


def checked_name(name: object) -> str:
    """A host name as clients send it: lower case, in ASCII, without a dot at the end; *.example.org for one label more.

    Raises:
        ValueError: it is no host name.
    """
    problem = f"must be a host name or *.NAME, not {shown(name)}; for example *.example.org"
    if not isinstance(name, str):
        raise ValueError(problem)
    text = name.strip().rstrip(".").lower()
    star, host = ("*.", text[2:]) if text.startswith("*.") else ("", text)
    try:
        host = host if host.isascii() else host.encode("idna").decode("ascii")
    except UnicodeError:
        raise ValueError(problem) from None
    labels = host.split(".")
    good = all(label and len(label) <= 63 and all(c.isalnum() or c in "-_" for c in label) for label in labels)
    if not good or len(host) > LONGEST_NAME or (star and len(labels) < 2):
        raise ValueError(problem)
    if all(label.isdecimal() for label in labels):
        raise ValueError(f"must be a host name, not {shown(name)}: clients name no addresses in a TLS handshake")
    return star + host
