# SPDX-License-Identifier: MIT
"""Logger and its targets: where lines go, that each is written once, and that nobody's handlers are touched."""

import asyncio
import io
import json
import logging
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fastcorn.config.errors import ConfigError
from fastcorn.logging import AccessLogAtoms, Logger
from fastcorn.observability import handlers
from fastcorn.observability.access import AccessLog
from fastcorn.observability.logger import PlainLog, access_log, error_log

NAMES = ("fastcorn.access", "fastcorn.error")
SCOPE: dict[str, Any] = {
    "type": "http",
    "method": "GET",
    "path": "/",
    "query_string": b"",
    "headers": [],
    "client": None,
}


class Settings:
    access_log_format = "%(m)s %(U)s %(s)s"
    accesslog: Any = "-"
    errorlog: Any = "-"
    loglevel = "INFO"
    logconfig: str | None = None
    logconfig_dict: Any = None

    def __init__(self, **values: Any) -> None:
        self.__dict__.update(values)


@pytest.fixture(autouse=True)
def fresh_logging() -> Iterator[None]:
    """Each test begins without loggers of ours, and leaves none behind."""
    before = dict(handlers._made)
    handlers._made.clear()
    kept = {name: (logging.getLogger(name).handlers[:], logging.getLogger(name).propagate) for name in NAMES}
    for name in NAMES:
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True  # else pytest gives the logger handlers of its own to catch records
    yield
    for logger in {*handlers._made.values(), *map(logging.getLogger, NAMES)}:
        for handler in logger.handlers[:]:
            if isinstance(handler, logging.FileHandler):
                handler.close()
    handlers._made.clear()
    handlers._made.update(before)
    for name, (its_handlers, propagate) in kept.items():
        logger = logging.getLogger(name)
        logger.handlers[:], logger.propagate = its_handlers, propagate
        logger.disabled = False
        logger.setLevel(logging.NOTSET)


def write(log: Logger) -> None:
    """One error line and one access line."""
    error_log(log).error("something broke")
    call = access_log(log)
    assert call is not None
    call(SCOPE, 200, [], 0, 0.0)


def test_standard_streams(capsys: pytest.CaptureFixture[str]) -> None:
    write(Logger(Settings()))
    out, err = capsys.readouterr()
    prefix = r"\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4}\] \[\d+\] "
    assert re.fullmatch(prefix + r"\[INFO\] GET / 200\n", out)
    assert re.fullmatch(prefix + r"\[ERROR\] something broke\n", err)


def test_streams_are_the_current_ones(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    log = Logger(Settings())
    replaced = io.StringIO()
    monkeypatch.setattr(sys, "stderr", replaced)
    error_log(log).error("here")
    monkeypatch.setattr(sys, "stderr", None)
    error_log(log).error("nowhere")
    assert replaced.getvalue().endswith("here\n")
    assert replaced.getvalue().count("\n") == 1


def test_files(tmp_path: Path) -> None:
    log = Logger(Settings(accesslog=str(tmp_path / "access.log"), errorlog=str(tmp_path / "error.log")))
    write(log)
    assert (tmp_path / "access.log").read_text().endswith("GET / 200\n")
    assert (tmp_path / "error.log").read_text().endswith("something broke\n")


def test_file_that_was_moved_away_is_opened_anew(tmp_path: Path) -> None:
    log = Logger(Settings(errorlog=str(tmp_path / "error.log")))
    error_log(log).error("before")
    (tmp_path / "error.log").rename(tmp_path / "error.log.1")
    error_log(log).error("after")
    assert (tmp_path / "error.log").read_text().endswith("after\n")


def test_off(capsys: pytest.CaptureFixture[str]) -> None:
    log = Logger(Settings(accesslog=None, errorlog=None))
    assert access_log(log) is None
    error_log(log).error("unheard")
    assert log.access_logger is None
    assert log.error_logger is None
    assert capsys.readouterr() == ("", "")


def test_level_silences_both_logs(capsys: pytest.CaptureFixture[str]) -> None:
    log = Logger(Settings(loglevel="ERROR"))
    assert access_log(log) is None
    error_log(log).warning("too little")
    assert capsys.readouterr() == ("", "")


def test_given_loggers_are_used_as_they_are(caplog: pytest.LogCaptureFixture) -> None:
    mine = logging.getLogger("test.mine")
    with caplog.at_level(logging.INFO, "test.mine"):
        write(Logger(Settings(accesslog=mine, errorlog=mine)))
    assert [record.getMessage() for record in caplog.records] == ["something broke", "GET / 200"]
    assert mine.handlers == []


def test_handlers_of_others_are_kept_and_used(capsys: pytest.CaptureFixture[str]) -> None:
    stream = io.StringIO()
    theirs = logging.StreamHandler(stream)
    logging.getLogger("fastcorn.error").addHandler(theirs)
    error_log(Logger(Settings())).error("something broke")
    assert stream.getvalue() == "something broke\n"
    assert logging.getLogger("fastcorn.error").handlers == [theirs]
    assert capsys.readouterr().err == ""


def test_root_handlers_do_not_write_a_line_twice(capsys: pytest.CaptureFixture[str]) -> None:
    stream = io.StringIO()
    root_handler = logging.StreamHandler(stream)
    logging.getLogger().addHandler(root_handler)
    try:
        write(Logger(Settings()))
    finally:
        logging.getLogger().removeHandler(root_handler)
    out, err = capsys.readouterr()
    assert (out.count("\n"), err.count("\n"), stream.getvalue()) == (1, 1, "")


def test_two_servers_with_one_target_write_a_line_once(capsys: pytest.CaptureFixture[str]) -> None:
    Logger(Settings())
    write(Logger(Settings()))
    out, err = capsys.readouterr()
    assert (out.count("\n"), err.count("\n")) == (1, 1)


def test_two_servers_with_two_targets_stay_apart(tmp_path: Path) -> None:
    first = Logger(Settings(errorlog=str(tmp_path / "first")))
    second = Logger(Settings(errorlog=str(tmp_path / "second")))
    error_log(first).error("one")
    error_log(second).error("two")
    assert (tmp_path / "first").read_text().endswith("one\n")
    assert (tmp_path / "second").read_text().endswith("two\n")
    assert (tmp_path / "first").read_text().count("\n") == 1


def test_logger_that_an_application_disabled_is_enabled() -> None:
    logging.getLogger("fastcorn.error").disabled = True
    log = Logger(Settings())
    assert log.error_logger is not None
    assert not log.error_logger.disabled


def test_file_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^errorlog: cannot write '.*nosuch/error.log': No such file"):
        Logger(Settings(errorlog=str(tmp_path / "nosuch" / "error.log")))


def test_wrong_format_is_refused_at_once() -> None:
    with pytest.raises(ConfigError, match="^access_log_format"):
        Logger(Settings(access_log_format="%(s)"))


DICT = {
    "version": 1,
    "handlers": {"null": {"class": "logging.NullHandler"}},
    "loggers": {"fastcorn.error": {"handlers": ["null"], "propagate": False}},
}
TOML = """
version = 1
[handlers.null]
class = "logging.NullHandler"
[loggers."fastcorn.error"]
handlers = ["null"]
"""
INI = """
[loggers]
keys=root,error
[handlers]
keys=null
[formatters]
keys=
[logger_root]
handlers=
[logger_error]
qualname=fastcorn.error
handlers=null
propagate=0
[handler_null]
class=NullHandler
args=()
"""


@pytest.mark.parametrize(
    ("prefix", "text"), [("", INI), ("json:", json.dumps(DICT)), ("toml:", TOML)], ids=["ini", "json", "toml"]
)
def test_logconfig_files(prefix: str, text: str, tmp_path: Path) -> None:
    other = logging.getLogger("test.other.application")
    file = tmp_path / "log.conf"
    file.write_text(text)
    root_handlers = logging.getLogger().handlers[:]
    try:
        log = Logger(Settings(logconfig=prefix + str(file)))
    finally:
        logging.getLogger().handlers[:] = root_handlers
    assert log.error_logger is not None
    assert [type(handler) for handler in log.error_logger.handlers] == [logging.NullHandler]
    assert not other.disabled


def test_logconfig_dict() -> None:
    log = Logger(Settings(logconfig_dict=DICT))
    assert log.error_logger is not None
    assert [type(handler) for handler in log.error_logger.handlers] == [logging.NullHandler]


@pytest.mark.parametrize(
    ("prefix", "text", "message"),
    [
        ("json:", "{", "logging refuses json:"),
        ("toml:", "=", "logging refuses toml:"),
        ("json:", "{}", "logging refuses json:"),
        ("json:", '{"version": 1, "handlers": {"a": {"class": "no.Such"}}}', "Unable to configure handler 'a'"),
        ("", "no ini", "logging refuses"),
        ("", None, r"cannot read .*log.conf'?: No such file"),
        ("json:", None, r"cannot read .*log.conf'?: No such file"),
    ],
)
def test_wrong_logconfig_is_named(prefix: str, text: str | None, message: str, tmp_path: Path) -> None:
    file = tmp_path / "log.conf"
    if text is not None:
        file.write_text(text)
    with pytest.raises(ConfigError, match="^logconfig: .*" + message) as caught:
        Logger(Settings(logconfig=prefix + str(file)))
    assert "\n" not in str(caught.value) or "no ini" in str(caught.value)


def test_methods_are_coroutines(capsys: pytest.CaptureFixture[str]) -> None:
    async def main() -> None:
        log = Logger(Settings(loglevel="DEBUG"))
        for name in ("critical", "error", "warning", "info", "debug"):
            await getattr(log, name)("%s", name)
        await log.log(logging.INFO, "logged")
        try:
            1 / 0
        except ZeroDivisionError:
            await log.exception("caught")
        await log.access({**SCOPE, "http_version": "2"}, {"status": 200, "headers": []}, 0.1)

    asyncio.run(main())
    out, err = capsys.readouterr()
    assert [line.split("] ")[-1] for line in err.splitlines() if line.startswith("[")] == [
        "critical",
        "error",
        "warning",
        "info",
        "debug",
        "logged",
        "caught",
    ]
    assert "ZeroDivisionError" in err
    assert out.endswith("GET / 200\n")


def test_other_attributes_are_those_of_the_error_logger() -> None:
    log = Logger(Settings())
    assert log.isEnabledFor(logging.INFO)
    with pytest.raises(AttributeError):
        Logger(Settings(errorlog=None)).isEnabledFor  # noqa: B018


def test_plain_logger_is_used_without_a_detour() -> None:
    log = Logger(Settings())
    assert error_log(log) is log.error_logger
    assert isinstance(access_log(log), AccessLog)


def test_subclass_with_its_own_atoms(capsys: pytest.CaptureFixture[str]) -> None:
    class Own(Logger):
        def atoms(self, request: Any, response: Any, request_time: float) -> Any:
            return AccessLogAtoms(request, response, request_time) | {"s": "own"}

    async def main() -> None:
        call = access_log(Own(Settings(access_log_format="%(s)s")))
        assert call is not None
        call(SCOPE, 200, [], 0, 0.0)
        await asyncio.sleep(0)

    asyncio.run(main())
    assert capsys.readouterr().out.endswith("own\n")


def test_class_of_hypercorns_kind() -> None:
    lines: list[Any] = []

    class Foreign:
        async def access(self, request: Any, response: Any, request_time: float) -> None:
            lines.append((request["path"], response))

        async def error(self, message: str, *args: Any, **kwargs: Any) -> None:
            lines.append(message % args)

        warning = info = debug = error

    async def main() -> None:
        log = Foreign()
        plain = error_log(log)
        assert isinstance(plain, PlainLog)
        plain.error("broke %s", "here")
        call = access_log(log)
        assert call is not None
        call(SCOPE, None, [], 0, 0.0)
        call(SCOPE, 200, [(b"a", b"b")], 0, 0.0)
        await asyncio.sleep(0)
        with pytest.raises(AttributeError):
            plain.nosuch  # noqa: B018

    asyncio.run(main())
    assert lines == ["broke here", ("/", None), ("/", {"status": 200, "headers": [(b"a", b"b")]})]


def test_methods_of_a_class_may_be_called_without_a_loop() -> None:
    lines: list[str] = []

    class Foreign:
        async def error(self, message: str) -> None:
            lines.append(message)

        def warning(self, message: str) -> None:
            lines.append(message)

        info = debug = warning

    plain = error_log(Foreign())
    plain.error("coroutine")
    plain.warning("function")
    assert lines == ["coroutine", "function"]


def test_class_without_the_methods_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"^logger_class: object has no method error\(\)"):
        error_log(object())
