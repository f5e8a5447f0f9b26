# SPDX-License-Identifier: MIT
"""A listening socket that lets nobody in any more and still gives out those that wait."""

import asyncio
import select
import socket
import sys
from pathlib import Path

import pytest

from fastcorn.config.sockets import OwnSocket
from fastcorn.worker import newcomers
from fastcorn.worker.listener import Listener
from fastcorn.worker.newcomers import SETTLE_LOOPBACK_SECONDS, SETTLE_SECONDS, turn_away
from tests.loops import LIMIT_SECONDS, bound_socket, connect, each_loop, has_ipv6, run_on

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="packet filters are Linux's")


def own_socket(host: str = "127.0.0.1", port: int = 0) -> OwnSocket:
    sock = OwnSocket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    sock.setblocking(False)
    sock.bind((host, port))
    return sock


def begins_to_connect(sock: socket.socket) -> bool:
    """Whether a client that connects is connected at once, as everybody is on loopback."""
    with socket.socket(sock.family) as client:
        client.setblocking(False)
        client.connect_ex(sock.getsockname())
        return bool(select.select([], [client], [], 0)[1])


@linux
@pytest.mark.parametrize(
    "host", ["127.0.0.1", pytest.param("::1", marks=pytest.mark.skipif(not has_ipv6(), reason="no IPv6"))]
)
def test_tcp_newcomers_stay_outside_and_those_who_wait_come_in(host: str) -> None:
    with own_socket(host) as sock:
        sock.listen(10)
        assert begins_to_connect(sock)
        sock.accept()[0].close()
        with connect(sock, b"hello") as client:
            assert turn_away(sock) == SETTLE_LOOPBACK_SECONDS
            assert not begins_to_connect(sock)
            accepted, _ = sock.accept()
            with accepted:
                accepted.settimeout(LIMIT_SECONDS)
                # The filter is inherited by the accepted socket, and lets everything else pass.
                assert accepted.recv(10) == b"hello"
                accepted.sendall(b"answer")
                assert client.recv(10) == b"answer"
                client.sendall(b"x" * 100_000)
                client.close()
                assert sum(len(data) for data in iter(lambda: accepted.recv(65536), b"")) == 100_000


@linux
def test_other_addresses_get_longer_to_settle() -> None:
    with own_socket("0.0.0.0") as sock:
        sock.listen(10)
        assert turn_away(sock) == SETTLE_SECONDS


@linux
def test_unix_newcomers_are_refused_and_those_who_wait_come_in(tmp_path: Path) -> None:
    path = str(tmp_path / "socket")
    with OwnSocket(socket.AF_UNIX) as sock:
        sock.setblocking(False)
        sock.bind(path)
        sock.listen(10)
        with connect(sock, b"hello"):
            assert turn_away(sock) == 0.0
            with socket.socket(socket.AF_UNIX) as late, pytest.raises(ConnectionRefusedError):
                late.connect(path)
            accepted, _ = sock.accept()
            with accepted:
                assert accepted.recv(10) == b"hello"


def test_elsewhere_nothing_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    with own_socket() as sock:
        sock.listen(10)
        assert turn_away(sock) == 0.0
        assert begins_to_connect(sock)


def test_a_sandbox_that_refuses_filters_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(newcomers, "SO_ATTACH_FILTER", -1)
    with own_socket() as sock:
        assert turn_away(sock) == 0.0


@linux
@each_loop
@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("leave_queue", [True, False])
def test_listener_turns_newcomers_away_only_from_a_socket_that_ends(
    loop_name: str, own: bool, leave_queue: bool
) -> None:
    """Somebody else may have an inherited socket, and other workers go on accepting on one that a worker leaves."""

    async def main() -> None:
        with own_socket() if own else bound_socket() as sock, sock.dup() as other:
            listener = Listener(sock, asyncio.Protocol, backlog=10)
            await listener.start()
            await listener.close(leave_queue=leave_queue)
            assert begins_to_connect(other) == (leave_queue or not own)

    run_on(loop_name, main)
