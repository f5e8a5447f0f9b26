# SPDX-License-Identifier: MIT
"""The sockets of plans: what a new one takes over, what an old one closes, and what processes let go of."""

from __future__ import annotations

import signal
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fastcorn.config import Config
from fastcorn.config.errors import AddressError
from fastcorn.config.sockets import can_share_port

if sys.platform == "win32":
    pytest.skip("Windows has no fork", allow_module_level=True)

from fastcorn.supervisor.plan import Plan
from tests.supervisor.world import World, no_application

Maker = Callable[..., Plan]


@pytest.fixture
def make() -> Iterator[Maker]:
    """Makes plans whose sockets are closed at the end."""
    plans: list[tuple[Plan, list[Any]]] = []

    def maker(old: Plan | None = None, **settings: Any) -> Plan:
        plan = Plan(Config(errorlog=None, **settings), no_application)
        plan.bind(old)
        plans.append((plan, list(plan.bound)))
        return plan

    yield maker
    for _, bounds in plans:
        for bound in bounds:
            bound.close()


def is_open(sock: socket.socket) -> bool:
    return sock.fileno() >= 0


def test_addresses_of_both_are_taken_over(make: Maker, tmp_path: Path) -> None:
    gone, kept, new = (f"unix:{tmp_path}/{name}" for name in ("gone", "kept", "new"))
    old = make(bind=[gone, kept])
    sockets = [bound.sock for bound in old.bound]
    plan = make(old, bind=[kept, new])
    assert plan.bound[0].sock is sockets[1]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["gone", "kept", "new"]
    old.close(keep=plan)
    assert [is_open(sock) for sock in sockets] == [False, True]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kept", "new"]
    plan.close()
    assert list(tmp_path.iterdir()) == []


def test_an_address_that_cannot_be_had_binds_none(make: Maker, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    old = make(bind=[f"unix:{tmp_path}/old"])
    with pytest.raises(AddressError):
        make(old, bind=[f"unix:{tmp_path}/new", f"unix:{tmp_path}/file"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "old"]
    assert is_open(old.bound[0].sock)


def test_a_slot_keeps_its_socket_until_it_is_gone(make: Maker) -> None:
    plan = make(bind="127.0.0.1:0", accept="reuseport", workers=2)
    if not can_share_port(plan.bound[0].sock):
        pytest.skip("this system cannot share a port")
    first, second = plan.sockets(0).insecure_sockets, plan.sockets(1).insecure_sockets
    assert first[0] is not second[0]
    assert first[0].getsockname() == second[0].getsockname()
    assert plan.sockets(1).insecure_sockets == second
    plan.let_go(1)
    assert [is_open(first[0]), is_open(second[0])] == [True, False]


def test_a_process_closes_the_sockets_of_others(make: Maker) -> None:
    plan = make(bind="127.0.0.1:0", accept="reuseport", workers=3)
    if not can_share_port(plan.bound[0].sock):
        pytest.skip("this system cannot share a port")
    sockets = [plan.sockets(slot) for slot in range(3)]
    plan.leave_to_child(sockets[1])
    assert [is_open(own.insecure_sockets[0]) for own in sockets] == [False, True, False]


def test_changes_that_need_a_restart(make: Maker, tmp_path: Path) -> None:
    old = make(bind="127.0.0.1:0")
    plan = make(old, bind="127.0.0.1:0", workers=3, accept="reuseport", pid_path=str(tmp_path / "pid"))
    assert plan.changes_without_effect(old) == ["accept", "pid_path"]


def test_the_file_of_a_socket_stays_while_workers_accept(tmp_path: Path) -> None:
    path = tmp_path / "server"
    world = World(workers=1, max_requests=9, bind=f"unix:{path}", drain_delay=5)
    try:
        world.ready(101)
        ours = world.supervisor.plan.bound[0].sock
        world.supervisor.obey(signal.SIGTERM)
        world.turn(4)
        assert [is_open(ours), path.exists()] == [False, True]
        world.turn(1)
        assert not path.exists()
    finally:
        world.close()


def test_a_new_address_is_told_when_it_is_served(tmp_path: Path) -> None:
    paths = [tmp_path / "first", tmp_path / "second"]
    world = World(
        workers=1, max_requests=9, bind=f"unix:{paths[0]}",
        reread=lambda: Config(**{**world.settings, "bind": f"unix:{paths[1]}"}),
    )  # fmt: skip
    try:
        world.ready(101)
        world.supervisor.obey(signal.SIGHUP)
        world.turn()
        assert [path.exists() for path in paths] == [True, True]
        world.ready(102)
        assert [path.exists() for path in paths] == [False, True]
        assert [line for line in world.lines if "Running on" in line][1:] == [f"Running on http://unix:{paths[1]}"]
    finally:
        world.close()
