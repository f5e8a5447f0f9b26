# SPDX-License-Identifier: MIT
"""fastcorn check: each part has its line, every mistake is told, and the code is that of the start it would stop."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from fastcorn import cli
from tests.certificates import DAY, NOW, authority

CERTIFICATES = Path(__file__).resolve().parents[1] / "config" / "certificates"


class LoadError(Exception):
    exit_code = 4


@pytest.fixture(autouse=True)
def loader(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Stands for the application loader; its error, if any, is raised."""
    stand_in: Any = ModuleType("fastcorn.asgi.application")
    state = SimpleNamespace(error=None, settings=None)

    def load(settings: object) -> object:
        state.settings = settings
        if state.error is not None:
            raise state.error
        return SimpleNamespace(interface="asgi3")

    stand_in.load = load
    monkeypatch.setitem(sys.modules, "fastcorn.asgi.application", stand_in)
    return state


@pytest.fixture
def taken() -> Iterator[str]:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        yield f"127.0.0.1:{sock.getsockname()[1]}"


def test_all_is_well(capsys: pytest.CaptureFixture[str], loader: SimpleNamespace) -> None:
    assert cli.main(["check", "main:app", "-b", "127.0.0.1:0"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "settings: 2 given, the others have their defaults",
        "application: main:app (asgi3)",
        "TLS: off",
        "addresses: 127.0.0.1:0",
    ]
    assert loader.settings.application_path == "main:app"


def test_settings_without_effect_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", "main:app", "-b", "127.0.0.1:0", "--statsd-host", "localhost:8125"]) == 0
    assert "settings: statsd_host (--statsd-host) has no effect: statsd is not" in capsys.readouterr().out


def test_every_mistake_is_told(capsys: pytest.CaptureFixture[str], loader: SimpleNamespace, taken: str) -> None:
    loader.error = LoadError("cannot find the module 'main'")
    assert cli.main(["check", "main:app", "-k", "trio", "-b", taken]) == 2
    err = capsys.readouterr().err.splitlines()
    assert err[0].startswith("fastcorn: settings: -k: worker_class: the trio worker is not available yet")
    assert err[1] == "fastcorn: application: cannot find the module 'main'"
    assert err[2].startswith(f"fastcorn: addresses: -b: bind: cannot listen on {taken}: address already in use")
    assert len(err) == 3


def test_the_code_is_that_of_the_start_it_would_stop(
    capsys: pytest.CaptureFixture[str], loader: SimpleNamespace, taken: str
) -> None:
    assert cli.main(["check", "main:app", "-b", taken]) == 1
    loader.error = LoadError("no")
    assert cli.main(["check", "main:app", "-b", "127.0.0.1:0"]) == 4
    assert cli.main(["check", "-b", "127.0.0.1:0"]) == 2
    assert "application: none is given; write fastcorn check package.module:app" in capsys.readouterr().err


def test_an_error_of_the_applications_own_code_has_its_traceback(
    capsys: pytest.CaptureFixture[str], loader: SimpleNamespace
) -> None:
    loader.error = LoadError("main raised ZeroDivisionError")
    loader.error.__cause__ = ZeroDivisionError("division by zero")
    assert cli.main(["check", "main:app", "-b", "127.0.0.1:0"]) == 4
    err = capsys.readouterr().err
    assert "ZeroDivisionError: division by zero" in err
    assert err.endswith("fastcorn: application: main raised ZeroDivisionError\n")


def test_contradictions_do_not_hide_other_mistakes(capsys: pytest.CaptureFixture[str], loader: SimpleNamespace) -> None:
    loader.error = LoadError("no such module")
    assert cli.main(["check", "main:app", "-b", "127.0.0.1:0", "--keyfile", "k.pem"]) == 2
    err = capsys.readouterr().err
    assert "settings: --keyfile: a key alone does not turn TLS on" in err
    assert "application: no such module" in err


def test_tls_files_are_loaded(capsys: pytest.CaptureFixture[str]) -> None:
    base = ["check", "main:app", "-b", "127.0.0.1:0"]
    cli.main([*base, "--certfile", str(CERTIFICATES / "both.pem")])
    assert f"TLS: {CERTIFICATES / 'both.pem'} (localhost; until 2126-10-31)" in capsys.readouterr().out
    assert cli.main([*base, "--certfile", "/missing.pem"]) == 2
    assert "TLS: --certfile: '/missing.pem' cannot be read" in capsys.readouterr().err


def test_certificates_are_told_with_their_names_and_ends(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, ends in (("shop", NOW + 9 * DAY), ("old", NOW - DAY)):
        authority().issue(f"{name}.example", f"*.{name}.example", begins=NOW - 9 * DAY, ends=ends).write(tmp_path, name)
    base = ["check", "main:app", "-b", "127.0.0.1:0", "--certfile", "shop.pem", "--keyfile", "shop.key"]
    assert cli.main([*base, "--certificate", '{"certfile": "old.pem", "keyfile": "old.key"}']) == 0
    out = capsys.readouterr().out
    assert f"TLS: old.pem (old.example) has expired on {NOW - DAY:%Y-%m-%d %H:%M} UTC; clients refuse it\n" in out
    assert (
        f"TLS: shop.pem (shop.example, *.shop.example; until {NOW + 9 * DAY:%Y-%m-%d}), "
        f"old.pem (old.example, *.old.example; until {NOW - DAY:%Y-%m-%d})\n"
    ) in out
