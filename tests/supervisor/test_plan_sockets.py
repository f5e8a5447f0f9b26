# SPDX-License-Identifier: MIT
"""The sockets of a plan: which slot listens on what, and what becomes of them when root is given up or a slot goes."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fastcorn.config import Config
from fastcorn.config.sockets import Sockets
from fastcorn.supervisor.plan import Plan
from fastcorn.worker.privileges import drop_privileges
from tests.child import in_a_child
from tests.supervisor.world import no_application

if sys.platform != "linux":
    pytest.skip("SO_REUSEPORT spreads connections on Linux", allow_module_level=True)

NOBODY = 65534


@pytest.fixture
def folder() -> Iterator[Path]:
    """A directory whose paths fit into a socket address."""
    with tempfile.TemporaryDirectory(prefix="fc-") as name:
        yield Path(name)


class Log(logging.Logger):
    """Keeps what it is told."""

    def __init__(self) -> None:
        super().__init__("plan", logging.INFO)
        self.lines: list[str] = []
        handler = logging.Handler()
        handler.emit = lambda record: self.lines.append(record.getMessage())  # type: ignore[method-assign]
        self.addHandler(handler)


@contextlib.contextmanager
def bound(log: logging.Logger | None = None, **settings: Any) -> Iterator[Plan]:
    """A plan whose addresses are bound."""
    plan = Plan(Config(errorlog=log or Log(), **settings), no_application)
    plan.bind()
    try:
        yield plan
    finally:
        plan.close()


def numbers(sockets: Sockets) -> list[int]:
    return [sock.fileno() for sock in sockets.insecure_sockets]


def test_shared_sockets_are_the_same_in_all_slots() -> None:
    with bound(bind="127.0.0.1:0", workers=3) as plan:
        assert numbers(plan.sockets(0)) == numbers(plan.sockets(1)) == numbers(plan.sockets(9))


def test_with_reuseport_each_slot_has_its_own_on_the_same_port(folder: Path) -> None:
    log, path = Log(), folder / "app.sock"
    with bound(log, bind=["127.0.0.1:0", f"unix:{path}"], workers=2, accept="reuseport") as plan:
        assert log.lines == [f"unix:{path} is shared by all workers: reuseport is for TCP addresses bound here"]
        first, second = plan.sockets(0).insecure_sockets, plan.sockets(1).insecure_sockets
        assert first[0].getsockname() == second[0].getsockname()
        assert first[0] is not second[0]
        assert first[1] is second[1]
        assert numbers(plan.sockets(1)) == [sock.fileno() for sock in second], "a successor gets the same"
        # When this slot is gone, others go on with the unix socket, and nobody with its own port.
        assert plan.kept_addresses(1) == [f"unix:{path}"]
        assert len(plan.kept_addresses(None)) == 2
    assert not path.exists()


def test_a_slot_that_can_have_no_copy_shares_the_first_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    log = Log()

    def refuse(sock: socket.socket) -> socket.socket:
        raise PermissionError(errno.EACCES, "Permission denied")

    with bound(log, bind="127.0.0.1:0", workers=2, accept="reuseport") as plan:
        monkeypatch.setattr("fastcorn.supervisor.plan.bind_again", refuse)
        first = numbers(plan.sockets(0))
        assert numbers(plan.sockets(1)) != first, "made when the address was bound"
        assert numbers(plan.sockets(2)) == numbers(plan.sockets(2)) == first
        assert log.lines == ["worker 3 shares 127.0.0.1:0 with the first: Permission denied"]
        assert len(plan.kept_addresses(2)) == 1, "what waits there is not this slot's to turn away"
        assert plan.kept_addresses(1) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_the_workers_that_are_wanted_have_their_own_after_root_is_given_up() -> None:
    """The kernel lets sockets share a port only among those of one user."""

    def find() -> str:
        with bound(bind="127.0.0.1:0", workers=3, accept="reuseport", user=NOBODY, group=NOBODY) as plan:
            drop_privileges(plan.settings)
            return str([numbers(plan.sockets(slot)) != numbers(plan.sockets(0)) for slot in range(3)])

    assert in_a_child(find) == "[False, True, True]"
