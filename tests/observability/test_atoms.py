# SPDX-License-Identifier: MIT
"""Access log atoms: Hypercorn's values, escaping, and that only what is asked for is made."""

import os
import re
from typing import Any

import pytest

from fastcorn.observability.atoms import ATOMS, AccessLogAtoms, Exchange, escaped, find_atom


def scope(**changes: Any) -> dict[str, Any]:
    return {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/path",
        "query_string": b"a=b",
        "headers": [
            (b"host", b"example.org"),
            (b"user-agent", b"curl/8"),
            (b"referer", b"https://example.org/"),
            (b"x-twice", b"1"),
            (b"x-twice", b"2"),
        ],
        "client": ("127.0.0.1", 4711),
        "server": ("127.0.0.1", 8000),
    } | changes


HEADERS = [(b"content-length", b"12"), (b"x-response", b"yes")]


def exchange(status: int | None = 200, body_bytes: int | None = 11, **changes: Any) -> Exchange:
    return Exchange(scope(**changes), status, HEADERS, body_bytes, 1.2345678)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("h", "127.0.0.1:4711"),
        ("l", "-"),
        ("u", "-"),
        ("r", "GET /path 1.1"),
        ("R", "GET /path?a=b 1.1"),
        ("s", "200"),
        ("st", "OK"),
        ("S", "http"),
        ("m", "GET"),
        ("U", "/path"),
        ("Uq", "/path?a=b"),
        ("q", "a=b"),
        ("H", "1.1"),
        ("b", "11"),
        ("B", "11"),
        ("f", "https://example.org/"),
        ("a", "curl/8"),
        ("T", 1),
        ("D", 1234567),
        ("L", "1.234568"),
        ("p", f"<{os.getpid()}>"),
        ("{Host}i", "example.org"),
        ("{X-TWICE}i", "1, 2"),
        ("{x-none}i", "-"),
        ("{X-Response}o", "yes"),
        ("{x-none}o", "-"),
    ],
)
def test_value(name: str, value: Any) -> None:
    atom = find_atom(name)
    assert atom is not None
    assert atom(exchange()) == value


def test_every_atom_is_tested_or_is_the_time() -> None:
    tested = {mark.args[1][index][0] for mark in test_value.pytestmark for index in range(len(mark.args[1]))}
    assert set(ATOMS) - tested == {"t"}
    assert re.fullmatch(r"\[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\]", ATOMS["t"](exchange()))


@pytest.mark.parametrize(("name", "value"), [("s", "-"), ("st", "-"), ("b", "-"), ("B", "-"), ("{X-Response}o", "yes")])
def test_client_that_left_before_the_response(name: str, value: str) -> None:
    atom = find_atom(name)
    assert atom is not None
    assert atom(exchange(status=None, body_bytes=0)) == value


@pytest.mark.parametrize(
    ("changes", "name", "value"),
    [
        ({"client": None}, "h", "-"),
        ({"client": ("/run/peer.sock", None)}, "h", "/run/peer.sock"),
        ({"client": ("", None)}, "h", "-"),
        ({"client": ("::1", 80)}, "h", "[::1]:80"),
        ({"query_string": b""}, "R", "GET /path 1.1"),
        ({"headers": []}, "a", "-"),
        ({"headers": []}, "f", "-"),
        ({"path": "/caf\xe9"}, "U", "/caf\\xc3\\xa9"),
        ({"path": "/a\r\nGET"}, "r", "GET /a\\x0d\\x0aGET 1.1"),
        ({"headers": [(b"user-agent", b'a" \\ \x1b[31m \xe9')]}, "a", 'a\\" \\\\ \\x1b[31m \\xe9'),
        ({"headers": [(b"authorization", b"Basic YWRtaW46c2VjcmV0")]}, "u", "admin"),
        ({"headers": [(b"authorization", b"basic YWRtaW4=")]}, "u", "admin"),
        ({"headers": [(b"authorization", b"Basic ####")]}, "u", "-"),
        ({"headers": [(b"authorization", b"Basic OnNlY3JldA==")]}, "u", "-"),
        ({"headers": [(b"authorization", b"Basic YQpiOmM=")]}, "u", "a\\x0ab"),
        ({"headers": [(b"authorization", b"Bearer token")]}, "u", "-"),
        ({"type": "websocket", "scheme": "ws"}, "S", "ws"),
    ],
)
def test_special_cases(changes: dict[str, Any], name: str, value: str) -> None:
    atom = find_atom(name)
    assert atom is not None
    assert atom(exchange(**changes)) == value


def test_websocket_has_no_method() -> None:
    websocket = scope(type="websocket", scheme="ws")
    del websocket["method"], websocket["http_version"]
    assert ATOMS["r"](Exchange(websocket, 101, [], 0, 0.0)) == "GET /path ws"


def test_unknown_status_has_a_placeholder() -> None:
    assert ATOMS["st"](exchange(status=599)) == "<???599???>"


def test_environment_is_read_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FASTCORN_ATOM", "set")
    for name in ("{FASTCORN_ATOM}e", "{fastcorn_atom}e"):
        atom = find_atom(name)
        assert atom is not None
        assert atom(exchange()) == "set"
    missing = find_atom("{FASTCORN_NOT_SET}e")
    assert missing is not None
    assert missing(exchange()) == "-"


@pytest.mark.parametrize("name", ["x", "", "{}i", "{a}z", "{a}"])
def test_unknown_names_are_no_atoms(name: str) -> None:
    assert find_atom(name) is None


def test_escaping_of_every_byte() -> None:
    for code in range(256):
        text = escaped(chr(code))
        if 32 <= code < 127 and chr(code) not in '"\\':
            assert text == chr(code)
        else:
            assert all(32 <= ord(char) < 127 for char in text)
            assert text.startswith("\\")
    assert escaped("\u2028\udc80") == "\\xe2\\x80\\xa8\\xed\\xb2\\x80"


def test_mapping_makes_only_what_is_asked_for() -> None:
    atoms = AccessLogAtoms(scope(), {"status": 204, "headers": HEADERS}, 0.5)
    assert dict(atoms) == {}
    assert atoms
    template = "%(s)s %(b)s %(nosuch)s %({Host}i)s"
    assert template % atoms == "204 12 - example.org"
    assert set(atoms) == {"s", "b", "nosuch", "{Host}i"}


def test_mapping_with_additions_keeps_making_the_rest() -> None:
    atoms = AccessLogAtoms(scope(), None, 0.5)
    more = atoms | {"tenant": "acme"}
    template = "%(tenant)s %(m)s"
    assert template % more == "acme GET"
    assert atoms["tenant"] == "-"
    assert (more.get("m"), more.get("nosuch"), more.get("nosuch", None)) == ("GET", "-", None)


def test_mapping_without_a_response() -> None:
    atoms = AccessLogAtoms(scope(), None, 0.5)
    assert (atoms["s"], atoms["b"], atoms["D"]) == ("-", "-", 500000)
