# SPDX-License-Identifier: MIT
"""Listeners on real sockets: accepting, pausing, limits, and closing without losing a connection."""

import asyncio
import errno
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from fastcorn.worker import listener as listener_module
from fastcorn.worker.balance import Balance, Seats
from fastcorn.worker.listener import Listener, describe
from tests.loops import bound_socket, connect, each_loop, has_ipv6, run_on, turns, until


class Echo(asyncio.Protocol):
    """Keeps what it received in a list that all connections of a test share."""

    def __init__(self, connections: list["Echo"]) -> None:
        self.received = b""
        self.transport: Any = None
        self.lost = False
        self._connections = connections

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self._connections.append(self)

    def data_received(self, data: bytes) -> None:
        self.received += data
        self.transport.write(data)

    def connection_lost(self, error: Exception | None) -> None:
        self.lost = True


class Fixture:
    """A listener, its connections, and the clients, all closed at the end."""

    def __init__(self, sock: socket.socket, limit: int | None = None, log: Any = None, load: Any = None) -> None:
        self.connections: list[Echo] = []
        self.clients: list[socket.socket] = []
        self.limit = limit
        self.listener = Listener(
            sock,
            lambda: Echo(self.connections),
            backlog=100,
            room=None if limit is None else self.room,
            log=log,
            load=load,
        )

    def room(self) -> int:
        assert self.limit is not None
        return self.limit - len([one for one in self.connections if not one.lost]) - len(self.listener.arriving)

    def load(self) -> int:
        return len(self.connections) + len(self.listener.arriving)

    def connect(self, count: int = 1, data: bytes = b"x") -> None:
        self.clients += [connect(self.listener.sock, data) for _ in range(count)]

    async def __aenter__(self) -> "Fixture":
        await self.listener.start()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.listener.close()
        for client in self.clients:
            client.close()
        for connection in self.connections:
            connection.transport.abort()
        await until(lambda: all(connection.lost for connection in self.connections))

    def served(self) -> int:
        return len([connection for connection in self.connections if connection.received == b"x"])


@each_loop
def test_what_no_other_worker_takes_is_accepted(loop_name: str) -> None:
    """Another worker has fewer connections, so it gets its chance; when it does not accept, nobody waits in vain."""

    async def main() -> None:
        seats = Seats()
        ours, other = Balance(seats, seats.take()), Balance(seats, seats.take())
        other.tell(0)
        taken: list[Fixture] = []
        fixture = Fixture(bound_socket(), load=(lambda: 100 + taken[0].load(), ours))
        taken.append(fixture)
        async with fixture:
            fixture.connect(60)
            await until(lambda: fixture.served() == 60)

    run_on(loop_name, main)


@each_loop
def test_workers_that_share_a_socket_get_half_of_the_connections_each(loop_name: str) -> None:
    async def main() -> None:
        seats = Seats()
        sock = bound_socket()
        made: list[Fixture] = []
        for number in range(2):
            balance = Balance(seats, seats.take())
            load = (lambda number=number: made[number].load(), balance)
            made.append(Fixture(sock.dup() if number else sock, load=load))
        async with made[0], made[1]:
            made[0].connect(100)
            await until(lambda: sum(fixture.served() for fixture in made) == 100)
            assert all(40 <= fixture.served() <= 60 for fixture in made), [fixture.served() for fixture in made]

    run_on(loop_name, main)


limits = pytest.mark.parametrize("limit", [None, 1000], ids=["unlimited", "limited"])


@each_loop
@limits
def test_accepts(loop_name: str, limit: int | None) -> None:
    async def main() -> None:
        async with Fixture(bound_socket(), limit) as fixture:
            fixture.connect(20)
            await until(lambda: fixture.served() == 20)
            assert fixture.clients[7].recv(1) == b"x"

    run_on(loop_name, main)


@each_loop
@limits
def test_accepted_sockets_have_tcp_nodelay(loop_name: str, limit: int | None) -> None:
    async def main() -> None:
        async with Fixture(bound_socket(), limit) as fixture:
            fixture.connect()
            await until(lambda: fixture.served() == 1)
            accepted = fixture.connections[0].transport.get_extra_info("socket")
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)

    run_on(loop_name, main)


@each_loop
@limits
def test_close_serves_what_waits_to_be_accepted(loop_name: str, limit: int | None) -> None:
    """The clients below are connected, as far as they know, and have sent a request; nothing accepted them yet."""

    async def main() -> None:
        async with Fixture(bound_socket(), limit) as fixture:
            fixture.listener.pause()
            await turns()
            fixture.connect(30)
            assert fixture.connections == []
            await fixture.listener.close()
            await until(lambda: fixture.served() == 30)
            assert [client.recv(1) for client in fixture.clients] == [b"x"] * 30

    run_on(loop_name, main)


@each_loop
@limits
def test_connection_accepted_in_the_turn_of_closing_is_served(loop_name: str, limit: int | None) -> None:
    async def main() -> None:
        for turn in range(4):
            async with Fixture(bound_socket(), limit) as fixture:
                fixture.connect(30)
                await turns(turn)
                await fixture.listener.close()
                await until(lambda fixture=fixture: fixture.served() == 30)  # type: ignore[misc]

    run_on(loop_name, main)


@each_loop
@limits
def test_closed_listener_refuses(loop_name: str, limit: int | None) -> None:
    async def main() -> None:
        async with Fixture(bound_socket(), limit) as fixture:
            address = fixture.listener.sock.getsockname()
            await fixture.listener.close()
            await turns()
            with socket.socket() as client, pytest.raises(ConnectionRefusedError):
                client.connect(address)
            await fixture.listener.close()  # again is no error
            fixture.listener.resume()

    run_on(loop_name, main)


@each_loop
@limits
def test_paused_listener_lets_connections_wait(loop_name: str, limit: int | None) -> None:
    async def main() -> None:
        async with Fixture(bound_socket(), limit) as fixture:
            fixture.connect()
            await until(lambda: fixture.served() == 1)
            fixture.listener.pause()
            await turns()
            fixture.connect(5)
            await turns()
            assert len(fixture.connections) == 1
            fixture.listener.resume()
            fixture.listener.resume()
            await until(lambda: fixture.served() == 6)

    run_on(loop_name, main)


@each_loop
@limits
def test_pause_right_after_resume_wins(loop_name: str, limit: int | None) -> None:
    async def main() -> None:
        async with Fixture(bound_socket(), limit) as fixture:
            fixture.listener.pause()
            fixture.listener.resume()
            fixture.listener.pause()
            await turns()
            fixture.connect()
            await turns()
            assert fixture.connections == []

    run_on(loop_name, main)


@each_loop
def test_limit_is_exact(loop_name: str) -> None:
    async def main() -> None:
        async with Fixture(bound_socket(), limit=2) as fixture:
            fixture.connect(5)
            await until(lambda: fixture.served() == 2)
            await turns()
            assert len(fixture.connections) == 2
            fixture.connections[0].transport.abort()
            await until(lambda: fixture.connections[0].lost)
            fixture.listener.resume()
            await until(lambda: fixture.served() == 3)
            await turns()
            assert len(fixture.connections) == 3

    run_on(loop_name, main)


@each_loop
@limits
def test_no_descriptors_left_is_waited_out(loop_name: str, limit: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the loop's own server accepts, it deals with that itself; by hand, accept() fails here once."""
    monkeypatch.setattr(listener_module, "EXHAUSTED_PAUSE_SECONDS", 0.0)
    warnings: list[Any] = []

    class Log:
        def warning(self, message: str, *args: Any) -> None:
            warnings.append(message % args)

    class Exhausted(socket.socket):
        failures = 1

        def accept(self) -> Any:
            if self.failures:
                self.failures -= 1
                raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
            return super().accept()

    async def main() -> None:
        sock = bound_socket()
        exhausted = Exhausted(sock.family, sock.type, fileno=sock.detach())
        exhausted.setblocking(False)
        async with Fixture(exhausted, 1000, Log()) as fixture:
            fixture.connect()
            await until(lambda: fixture.served() == 1)
            assert warnings == ["cannot accept a connection: Too many open files; trying again in a second"]

    run_on(loop_name, main)


@each_loop
@limits
def test_client_that_left_before_it_was_accepted_is_no_error(loop_name: str, limit: int | None) -> None:
    async def main() -> None:
        async with Fixture(bound_socket(), limit) as fixture:
            fixture.listener.pause()
            await turns()
            gone = connect(fixture.listener.sock)
            gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            gone.close()
            fixture.connect()
            fixture.listener.resume()
            await until(lambda: fixture.served() == 1)

    run_on(loop_name, main)


@each_loop
def test_address_in_use_is_an_error_of_start(loop_name: str) -> None:
    async def main() -> None:
        first = bound_socket()
        second = socket.socket()
        second.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        second.bind(first.getsockname())  # both have SO_REUSEADDR and none listens, so the mistake shows only later
        first.listen()
        listener = Listener(second, lambda: Echo([]), backlog=1)
        with pytest.raises(OSError, match="in use"):
            await listener.start()
        listener.drop()
        first.close()

    run_on(loop_name, main)


@each_loop
@limits
def test_unix_socket(loop_name: str, limit: int | None, tmp_path: Path) -> None:
    async def main() -> None:
        sock = socket.socket(socket.AF_UNIX)
        sock.setblocking(False)
        sock.bind(str(tmp_path / "s"))
        async with Fixture(sock, limit) as fixture:
            assert fixture.listener.url == f"http://unix:{tmp_path}/s"
            fixture.connect()
            await until(lambda: fixture.served() == 1)
            fixture.listener.pause()
            await turns()
            fixture.connect(3)
            await fixture.listener.close()
            await until(lambda: fixture.served() == 4)

    run_on(loop_name, main)


def test_url_of_ipv4() -> None:
    async def main() -> None:
        sock = bound_socket()
        listener = Listener(sock, lambda: Echo([]), backlog=1)
        assert listener.url == f"http://127.0.0.1:{sock.getsockname()[1]}"
        listener.drop()

    run_on("asyncio", main)


def test_names_of_other_addresses() -> None:
    class Named:
        def __init__(self, name: Any) -> None:
            self.name = name

        def getsockname(self) -> Any:
            return self.name

    assert describe(Named(("::1", 80, 0, 0))) == "[::1]:80"  # type: ignore[arg-type]
    assert describe(Named(b"\0name")) == "unix:@name"  # type: ignore[arg-type]
    assert describe(Named("\0name")) == "unix:@name"  # type: ignore[arg-type]


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no ::1")
@each_loop
def test_ipv6(loop_name: str) -> None:
    async def main() -> None:
        async with Fixture(bound_socket("::1")) as fixture:
            assert fixture.listener.url.startswith("http://[::1]:")
            fixture.connect()
            await until(lambda: fixture.served() == 1)

    run_on(loop_name, main)
