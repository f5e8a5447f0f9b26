# SPDX-License-Identifier: MIT
"""Sockets that systemd passes: LISTEN_FDS, LISTEN_FDNAMES, LISTEN_PID."""

import os
import socket
from collections.abc import Iterator

import pytest

from fastcorn.config import Config
from fastcorn.config.errors import SocketTypeError
from fastcorn.config.inherited import FIRST_FD, descriptors, inherited_sockets


@pytest.fixture(autouse=True)
def nothing_read_yet() -> Iterator[None]:
    inherited_sockets.cache_clear()
    yield
    inherited_sockets.cache_clear()


def passed(monkeypatch: pytest.MonkeyPatch, **variables: str) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


def test_nothing_is_passed() -> None:
    assert inherited_sockets() == ()


def test_names_and_descriptors(monkeypatch: pytest.MonkeyPatch) -> None:
    passed(monkeypatch, LISTEN_PID=str(os.getpid()), LISTEN_FDS="3", LISTEN_FDNAMES="web::admin")
    assert inherited_sockets() == (("web", 3), ("unknown", 4), ("admin", 5))
    assert not any(name.startswith("LISTEN_") for name in os.environ)
    assert descriptors("") == [3, 4, 5]
    assert descriptors("admin") == [5]


def test_several_sockets_may_have_one_name(monkeypatch: pytest.MonkeyPatch) -> None:
    passed(monkeypatch, LISTEN_PID=str(os.getpid()), LISTEN_FDS="2", LISTEN_FDNAMES="web:web")
    assert descriptors("web") == [3, 4]


def test_those_of_another_process_are_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    passed(monkeypatch, LISTEN_PID="1", LISTEN_FDS="1")
    assert inherited_sockets() == ()


def test_without_a_process_they_are_nobody_s(monkeypatch: pytest.MonkeyPatch) -> None:
    """They may have been inherited from a shell that systemd started."""
    passed(monkeypatch, LISTEN_FDS="1")
    assert inherited_sockets() == ()


@pytest.mark.parametrize("count", ["many", "-1", "", "99999", "\u0663"])
def test_a_wrong_number_is_an_error(monkeypatch: pytest.MonkeyPatch, count: str) -> None:
    passed(monkeypatch, LISTEN_PID=str(os.getpid()), LISTEN_FDS=count)
    with pytest.raises(SocketTypeError, match=f"LISTEN_FDS is '{count}', which is no number of sockets"):
        inherited_sockets()


def test_those_that_no_address_names_do_not_reach_other_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        sock.set_inheritable(True)
        monkeypatch.setattr("fastcorn.config.inherited.FIRST_FD", sock.fileno())
        passed(monkeypatch, LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", LISTEN_FDNAMES="web")
        assert inherited_sockets() == (("web", sock.fileno()),)
        assert not sock.get_inheritable()


def test_a_name_that_is_not_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    passed(monkeypatch, LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", LISTEN_FDNAMES="web")
    with pytest.raises(
        SocketTypeError, match=r"^bind: systemd:api: systemd has passed no socket named 'api'; there is web"
    ):
        Config(bind="systemd:api").create_sockets()


def test_systemd_was_not_there() -> None:
    with pytest.raises(
        SocketTypeError, match=r"^bind: systemd: systemd has passed no sockets to this process; start it"
    ):
        Config(bind="systemd").create_sockets()


@pytest.mark.parametrize("settings", [{}, {"bind": "systemd"}, {"bind": "systemd:web"}])
def test_they_are_served(monkeypatch: pytest.MonkeyPatch, settings: dict[str, str]) -> None:
    """Without bind they are what is served."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        duplicate = os.dup(sock.fileno())
        monkeypatch.setattr("fastcorn.config.inherited.FIRST_FD", duplicate)
        passed(monkeypatch, LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", LISTEN_FDNAMES="web")
        sockets = Config(**settings).create_sockets()
        (served,) = sockets.insecure_sockets
        assert served.getsockname() == sock.getsockname()
        assert not os.get_inheritable(served.fileno())
        sockets.close()


def test_an_address_that_is_set_is_not_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    passed(monkeypatch, LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
    sockets = Config(bind="127.0.0.1:0").create_sockets()
    assert [sock.fileno() == FIRST_FD for sock in sockets.insecure_sockets] == [False]
    sockets.close()
