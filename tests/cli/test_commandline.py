# SPDX-License-Identifier: MIT
"""The notation of the command line, and the words of its mistakes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastcorn.config.commandline import CommandLine, parse_command_line
from fastcorn.config.errors import ConfigError, UsageError
from fastcorn.config.flags import UNAVAILABLE, all_flags


def values(*arguments: str) -> dict[str, object]:
    return {name: value for name, value, _ in parse_command_line(arguments).values}


@pytest.mark.parametrize(
    "arguments",
    [["-w", "4"], ["-w4"], ["-w=4"], ["--workers", "4"], ["--workers=4"], ["-Dw4"], ["-w", "2", "--workers", "4"]],
)
def test_ways_to_write_a_value(arguments: list[str]) -> None:
    assert values(*arguments)["workers"] == 4


def test_switches_have_a_positive_a_negative_and_a_written_form() -> None:
    assert values("--reload") == {"use_reloader": True}
    assert values("--no-reload") == {"use_reloader": False}
    assert values("--no-use-reloader") == {"use_reloader": False}
    assert values("--reload=off") == {"use_reloader": False}
    assert values("-D", "--no-daemon") == {"daemon": False}
    assert values("--no-server-header") == {"include_server_header": False}
    assert values("--no-date-header") == {"include_date_header": False}
    assert values("--access-logfile", "-", "--no-access-log") == {"accesslog": None}


def test_lists_add_up_within_the_command_line() -> None:
    assert values("-b", "localhost:1", "--bind=localhost:2,localhost:3") == {
        "bind": ["localhost:1", "localhost:2", "localhost:3"]
    }
    assert values("--header", "A: 1, 2", "--header", "B: 3") == {"headers": [("A", "1, 2"), ("B", "3")]}


def test_the_application_stands_anywhere_and_flags_end_at_two_dashes() -> None:
    assert values("main:app", "-w", "0") == values("-w", "0", "main:app") == values("-w", "0", "--", "main:app")
    assert values("--", "--odd:app") == {"application_path": "--odd:app"}


def test_commands_are_words_and_no_applications() -> None:
    assert parse_command_line(["check", "main:app"]).command == "check"
    assert parse_command_line(["-w0", "check", "main:app"]).command == "check"
    assert parse_command_line(["check:app"]).command == "serve"
    line = parse_command_line(["completion", "zsh"])
    assert (line.command, line.operand) == ("completion", "zsh")


@pytest.mark.parametrize(
    ("arguments", "bind", "origin"),
    [
        (["--host", "0.0.0.0"], "0.0.0.0:8000", "--host"),
        (["--port", "80"], "127.0.0.1:80", "--port"),
        (["--host", "::1", "--port", "80"], "[::1]:80", "--host, --port"),
        (["--host", "[::1]"], "[::1]:8000", "--host"),
        (["--port=0", "--host=localhost"], "localhost:0", "--host, --port"),
        (["--uds", "/run/a.sock"], "unix:/run/a.sock", "--uds"),
        (["--fd", "3"], "fd://3", "--fd"),
    ],
)
def test_flags_of_uvicorn_that_make_a_bind(arguments: list[str], bind: str, origin: str) -> None:
    (row,) = parse_command_line(arguments).values
    assert row[:2] == ("bind", [bind])
    assert set(row[2].split(", ")) == set(origin.split(", "))


def test_flags_with_other_words_for_the_same() -> None:
    assert values("--interface", "asgi2") == {"mode": "asgi"}
    assert values("--interface", "auto") == {"mode": None}
    assert values("--loop", "uvloop") == {"worker_class": "uvloop"}
    assert values("--limit-concurrency", "5") == {"max_concurrent_requests": 5}
    assert values("--ssl-cert-reqs", "2") == values("--verify-mode", "CERT_REQUIRED")


@pytest.mark.parametrize(
    ("flag", "value", "instead"),
    [
        ("--access-log", "-", "--access-logfile"),
        ("--error-log", "-", "--error-logfile"),
        ("--cert-reqs", "2", "--verify-mode"),
    ],
)
def test_deprecated_flags_work_with_a_warning(flag: str, value: str, instead: str) -> None:
    line = parse_command_line([flag, value])
    assert line.warnings == [f"{flag} is deprecated; use {instead}"]
    assert [row[2] for row in line.values] == [flag]


def test_the_jitter_flag_sets_the_jitter() -> None:
    assert values("--max-requests-jitter", "5") == {"max_requests_jitter": 5}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--bnd", "x"], "--bnd: is not a flag of fastcorn; did you mean --bind?"),
        (["--time-out-keep-alive", "x"], "did you mean --timeout-keep-alive?"),
        (["--qqq"], "--qqq: is not a flag of fastcorn; fastcorn --help lists the flags"),
        (["-x"], "-x: is not a flag of fastcorn; fastcorn --help lists"),
        (["-workers", "3"], "-workers: is not a flag of fastcorn; did you mean --workers?"),
        (["--bind"], "--bind: needs a value (ADDRESS), for example 127.0.0.1:8000"),
        (["--bind", "--workers", "2"], "--bind: needs a value (ADDRESS)"),
        (["-w"], "-w: needs a value (N)"),
        (["-c"], "-c: needs a value (FILE)"),
        (["--access-log"], "--access-log: needs a file; write --access-logfile - for an access log on stdout"),
        (["--workers", "many"], "--workers: must be a whole number or auto, not 'many'"),
        (["-w", "many"], "-w: workers: must be a whole number or auto, not 'many'"),
        (["--workers", "5000"], "--workers: must be from 0 to 1024, not 5000"),
        (["--keep-alive", "5x"], "--keep-alive: keep_alive_timeout: must be a duration, not '5x'"),
        (["--bind", "localhost:99999"], "--bind: port 99999 of 'localhost:99999' is out of range"),
        (["--port", "99999"], "--port: must be a port from 0 to 65535, not '99999'"),
        (["--port", "http"], "--port: must be a port"),
        (["--host", "a b"], "--host: bind: 'a b:8000' is no address"),
        (["--fd", "x"], "--fd: bind: 'fd://x' names no descriptor"),
        (["--uds", "/a", "--port", "8"], "--uds: --port is given too; write both as --bind"),
        (["--host", "a", "-b", "localhost:1"], "--host: -b is given too; write everything as --bind"),
        (["--factory=maybe"], "--factory: must be true or false, not 'maybe'"),
        (["--no-factory=yes"], "--no-factory: takes no value, not 'yes'; write --no-factory alone"),
        (["--help=x"], "--help: takes no value"),
        (["--loop", "trop"], "--loop: worker_class: must be auto, asyncio, uvloop or trio, not 'trop'"),
        (["--interface", "asgi9"], "--interface: must be auto, asgi, asgi2, asgi3, wsgi, not 'asgi9'; or use --mode"),
        (["--cert-reqs", "9"], "--cert-reqs: verify_mode: must be CERT_NONE"),
        (["a:b", "c:d"], "unexpected argument 'c:d': one application is served, 'a:b'"),
        (["a:b", "--application", "c:d"], "--application: the application is given as 'a:b' too; write one"),
        (["a\nb"], "command line: application_path: must not hold control characters"),
    ],
)
def test_a_mistake_is_one_line_with_flag_value_and_remedy(arguments: list[str], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_command_line(arguments)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("flag", UNAVAILABLE)
def test_flags_that_cannot_be_honoured_say_what_to_use(flag: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_command_line([flag, "x"])
    assert str(caught.value) == f"{flag}: is not a flag of fastcorn: {UNAVAILABLE[flag]}"
    assert all(word in all_flags() for word in UNAVAILABLE[flag].replace(",", "").split() if word.startswith("--"))


@given(
    st.lists(
        st.one_of(
            st.sampled_from([*all_flags(), "-", "--", "check", "localhost:1", "5", "main:app"]),
            st.text(alphabet="-=:abw019 \n\0é", max_size=6),
        ),
        max_size=6,
    )
)
def test_any_arguments_are_understood_or_refused(arguments: list[str]) -> None:
    try:
        line = parse_command_line(arguments)
    except ConfigError as error:
        line, sentence = CommandLine(), str(error)
        assert_one_line(sentence, arguments)
    assert line.command in ("serve", "check", "completion")


def assert_one_line(sentence: str, arguments: list[str]) -> None:
    told = sentence
    for argument in arguments:
        told = told.replace(argument.partition("=")[0], "") if argument.strip() else told
    assert "\n" not in told
