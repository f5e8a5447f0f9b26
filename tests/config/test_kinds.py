# SPDX-License-Identifier: MIT
"""Kinds of values: what is accepted, in which form it is kept, and what is refused with which words."""

from __future__ import annotations

import logging
import ssl
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastcorn.config.kinds import (
    Addresses,
    Boolean,
    Choice,
    Count,
    Duration,
    FilePath,
    Headers,
    Kind,
    LoggerClass,
    LogTarget,
    Mapping,
    Owner,
    Rate,
    RootPath,
    Size,
    Text,
    Texts,
    Umask,
    VerifyFlags,
    VerifyMode,
)
from fastcorn.config.table import SETTINGS

ANY_VALUE = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=30), st.binary(max_size=9),
    st.lists(st.one_of(st.integers(), st.text(max_size=9)), max_size=3), st.dictionaries(st.text(), st.integers()),
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("5", 5.0), ("2.5", 2.5), ("0.1", 0.1), (".5", 0.5), ("5s", 5.0), ("500ms", 0.5), ("2m", 120.0),
        ("2min", 120.0), ("1h30m", 5400.0), ("1d", 86400.0), (" 1 h ", 3600.0), ("5S", 5.0), ("0", None),
        ("off", None), ("NONE", None), ("", None),
    ],
)  # fmt: skip
def test_durations(text: str, seconds: float | None) -> None:
    assert Duration(optional=True).parse(text) == seconds
    assert Duration(optional=True).check(text) == seconds


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("5", 5), ("1k", 1024), ("64KiB", 65536), ("64kib", 65536), ("16 MiB", 2**24), ("1.5KiB", 1536), ("1GB", 10**9),
        ("1.1GB", 1_100_000_000), ("5B", 5), ("off", None), ("0", None), ("2TiB", 2**41),
    ],
)  # fmt: skip
def test_sizes(text: str, size: int | None) -> None:
    assert Size(optional=True, most=2**62).parse(text) == size
    assert Size(optional=True, most=2**62).check(text) == size


@given(st.integers(min_value=0, max_value=365 * 86_400_000))
def test_a_duration_that_is_shown_is_read_back(milliseconds: int) -> None:
    kind = Duration()
    assert kind.parse(kind.show(milliseconds / 1000)) == milliseconds / 1000


@given(st.floats(min_value=0, max_value=365 * 86400))
def test_a_number_of_seconds_is_kept(seconds: float) -> None:
    assert Duration().check(seconds) == seconds


@given(st.integers(min_value=1, max_value=2**62))
def test_a_size_that_is_shown_is_read_back(size: int) -> None:
    kind = Size(most=2**62)
    assert kind.parse(kind.show(size)) == size


def refusal(kind: Kind, value: object) -> str | None:
    """The sentence with which a value is refused, or None."""
    try:
        kind.check(value)
    except ValueError as error:
        return str(error)
    return None


@pytest.mark.parametrize("name", SETTINGS)
@settings(max_examples=25)
@given(value=ANY_VALUE)
def test_any_value_is_checked_or_refused_with_a_sentence(name: str, value: object) -> None:
    kind = SETTINGS[name].kind
    sentence = refusal(kind, value)
    if sentence is None:
        checked = kind.check(value)
        assert kind.check(checked) == checked
    else:
        assert sentence.startswith(("must ", "'", '"', "port "))
        assert "\n" not in sentence


@pytest.mark.parametrize("name", SETTINGS)
@settings(max_examples=25)
@given(text=st.text(max_size=20))
def test_any_text_is_parsed_or_refused(name: str, text: str) -> None:
    kind = SETTINGS[name].kind
    try:
        value = kind.parse(text)
    except ValueError as error:
        value, sentence = None, str(error)
    else:
        sentence = ""
    assert "\n" not in sentence
    assert sentence or kind.check(value) == value


BAD: list[tuple[Kind, object, str]] = [
    (Count(), "5", "must be a whole number, not '5'"),
    (Count(), True, "must be a whole number, not True"),
    (Count(), 1.0, "must be a whole number, not 1.0"),
    (Count(), -1, "must be from 0 to 2147483647, not -1"),
    (Count(least=1, optional=True), -1, "must be from 1 to 2147483647, or off, not -1"),
    (Count(), None, "must be a whole number, not None"),
    (Duration(), "5x", "must be a duration, not '5x'; for example 5, 2.5"),
    (Duration(), "5s5", "must be a duration"),
    (Duration(), "1e3", "must be a duration"),
    (Duration(), "-1", "must be a duration"),
    (Duration(), -1, "must be from 0s to 31536000s, not -1"),
    (Duration(), float("nan"), "must be from 0s"),
    (Duration(), float("inf"), "must be from 0s"),
    (Duration(least=0.001), 0, "must be from 0.001s"),
    (Duration(), timedelta(days=-1), "must be from 0s"),
    (Duration(), [5], "must be a duration, not [5]"),
    (Duration(), "9" * 99, "must be a duration"),
    (Size(), "1.0001KiB", "must be a size"),
    (Size(), "5 parsecs", "must be a size"),
    (Size(), 0, "must be from 1 to"),
    (Size(), 2.0, "must be a size, not 2.0"),
    (Rate(), "fast", "must be a rate in bytes a second"),
    (Boolean(), "true", "must be true or false, not 'true'"),
    (Boolean(), 1, "must be true or false, not 1"),
    (Choice("auto", "off"), "ato", "must be auto or off, not 'ato'; did you mean auto?"),
    (Choice("auto", "off"), 5, "must be auto or off, not 5"),
    (Text(), 5, "must be a text, not 5"),
    (Text(), "a\nb", "must not hold control characters"),
    (RootPath(), "api", "must start with a slash, not 'api'; write /api"),
    (FilePath(), 5, "must be a path, not 5"),
    (Texts(), 5, "must be a list of texts, not 5"),
    (Texts(), b"ab", "must be a list of texts"),
    (Texts(), {"a": 1}, "must be a list of texts"),
    (Texts(), [""], "must hold a text in each place, not ''"),
    (Addresses(), [80], "must hold an address in each place, not 80"),
    (Addresses(), "80", "'80' is a number alone; write :80 or 127.0.0.1:80"),
    (Headers(), "X-A", "must be 'Name: value', not 'X-A'"),
    (Headers(), [("a b", "c")], "must have a header name of letters"),
    (Headers(), [("a", "b\r\nc: d")], "must have a header value of printable"),
    (Headers(), [("a", "\u20ac")], "must have a header value of printable Latin-1"),
    (Headers(), [("Content-Length", "5")], "must not set Content-Length"),
    (Headers(), [("a", 5)], "must hold a pair of name and value"),
    (LogTarget(), 5, "must be -, a path or a logging.Logger, not 5"),
    (Mapping(), [1], "must be a table, not [1]"),
    (Mapping(), {1: 2}, "must be a table"),
    (LoggerClass(), "a b:C", "must be a class or its name"),
    (LoggerClass(), "", "must be a class or its name"),
    (VerifyMode(), "REQUIRED", "must be CERT_NONE, CERT_OPTIONAL or CERT_REQUIRED, not 'REQUIRED'"),
    (VerifyMode(), 7, "must be CERT_NONE"),
    (VerifyMode(), True, "must be CERT_NONE"),
    (VerifyFlags(), "NOPE", "must name VERIFY_"),
    (VerifyFlags(), -1, "must be a sum of ssl.VerifyFlags"),
    (VerifyFlags(), [], "must be names of ssl.VerifyFlags"),
    (Owner("user"), "no-such-user-here", "must be a user of this system"),
    (Owner("group"), "no-such-group-here", "must be a group of this system"),
    (Owner("user"), -1, "must be from 0 to"),
    (Owner("user"), 1.5, "must be the name or number of a user"),
    (Umask(), "8", "must be an octal umask, not '8'"),
    (Umask(), 0o1000, "must be from 000 to 777"),
    (Umask(), True, "must be an octal umask"),
]


@pytest.mark.parametrize(("kind", "value", "message"), BAD)
def test_a_wrong_value_is_refused_in_one_sentence(kind: Kind, value: object, message: str) -> None:
    with pytest.raises(ValueError, match=r"must|is") as caught:
        kind.check(value)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_long_values_are_shortened_in_errors() -> None:
    with pytest.raises(ValueError, match="must be a size") as caught:
        Size().check("x" * 5000)
    assert len(str(caught.value)) < 200


def test_objects_that_are_values_themselves() -> None:
    logger = logging.getLogger("fastcorn.test")
    assert LogTarget().check(logger) is logger
    assert LogTarget().check(Path("a.log")) == "a.log"
    assert LoggerClass().check(logging.Logger) is logging.Logger
    assert FilePath().check(Path("a")) == "a"
    assert VerifyMode().check(ssl.CERT_OPTIONAL) is ssl.CERT_OPTIONAL
    assert VerifyMode().parse("2") is ssl.CERT_REQUIRED
    both = VerifyFlags().parse("VERIFY_CRL_CHECK_LEAF|VERIFY_X509_STRICT")
    assert VerifyFlags().parse(VerifyFlags().show(both)) == both
    assert Headers().check([(b"A", b"b"), ["c", "d"], "E: f"]) == [("A", "b"), ("c", "d"), ("E", "f")]
    assert Duration().check(timedelta(seconds=1.5)) == 1.5


def test_json_that_is_no_table() -> None:
    for text, message in (
        ("{", "must be a JSON object, not '{'"),
        ("[1]", "must be a table"),
        ("[" * 10**5, "JSON object"),
    ):
        with pytest.raises(ValueError, match="must") as caught:
            Mapping().parse(text)
        assert message in str(caught.value)


def test_names_of_users_and_groups_become_numbers() -> None:
    assert Owner("user").check("root") == 0
    assert Owner("user").parse("0") == 0


def test_an_umask_is_octal_as_text_and_itself_as_number() -> None:
    assert Umask().parse("22") == 0o22
    assert Umask().parse("0o077") == 0o77
    assert Umask().check(18) == 18


@pytest.mark.parametrize("word", ["true", "YES", "on", "1"])
def test_true_words(word: str) -> None:
    assert Boolean().parse(word) is True


@pytest.mark.parametrize("word", ["false", "No", "off", "0"])
def test_false_words(word: str) -> None:
    assert Boolean().parse(word) is False
