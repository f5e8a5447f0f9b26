# SPDX-License-Identifier: MIT
"""The access log: compiled formats, their mistakes, and what a line costs."""

import logging
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastcorn.config.errors import ConfigError
from fastcorn.observability.access import AccessLog, compile_format
from fastcorn.observability.atoms import ATOMS, Atom, Exchange

SCOPE: dict[str, Any] = {
    "type": "http",
    "http_version": "1.1",
    "method": "GET",
    "scheme": "http",
    "path": "/",
    "query_string": b"",
    "headers": [],
    "client": ("127.0.0.1", 1),
}
EXCHANGE = Exchange(SCOPE, 200, [], 5, 0.25)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", ""),
        ("plain", "plain"),
        ("100%%", "100%"),
        ("%(s)s", "200"),
        ('"%(r)s" %(s)s %(b)s', '"GET / 1.1" 200 5'),
        ("%(s)5s|%(s)-5s|", "  200|200  |"),
        ("%(D)d %(D)07d %(T)s", "250000 0250000 0"),
        ("%(nosuch)s %({X}i)s", "- -"),
        ("%({Content-Type}o)s", "-"),
    ],
)
def test_format(text: str, line: str) -> None:
    assert compile_format(text)(EXCHANGE) == line


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("50%", "lone %"),
        ("%s", "lone %"),
        ("%(s)", "lone %"),
        ("%(s)d", r"'%\(s\)d' in .* cannot be written; use %\(s\)s"),
        ("%(r)z", "cannot be written"),
    ],
)
def test_wrong_format_is_refused_by_name(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match="^access_log_format: .*" + message):
        compile_format(text)


@given(st.text(alphabet='%()sdDrhz{}i "', max_size=12))
def test_any_format_is_refused_or_writes_a_line(text: str) -> None:
    try:
        line = compile_format(text)
    except ConfigError:
        return
    assert isinstance(line(EXCHANGE), str)


def test_only_named_atoms_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[str] = []

    def keeping(name: str) -> Atom:
        return lambda exchange: called.append(name)

    for name in list(ATOMS):
        monkeypatch.setitem(ATOMS, name, keeping(name))
    compile_format("%(s)s %(h)s")(EXCHANGE)
    assert called == ["s", "h"]


def test_line_goes_to_the_logger(caplog: pytest.LogCaptureFixture) -> None:
    log = AccessLog("%(s)s %(b)s 100%%", logging.getLogger("test.access"))
    with caplog.at_level(logging.INFO):
        log(SCOPE, 404, [], 3, 0.1)
    assert [record.getMessage() for record in caplog.records] == ["404 3 100%"]
    assert caplog.records[0].levelno == logging.INFO


def test_nothing_is_made_when_the_logger_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    logger = logging.Logger("test.off", logging.ERROR)
    log = AccessLog("%(s)s", logger)
    log.line = lambda exchange: pytest.fail("a line was made for nobody")
    log(SCOPE, 200, [], 0, 0.0)
    assert log.logger is logger
