# SPDX-License-Identifier: MIT
"""Binding: TCP, unix sockets, inherited descriptors, and what happens when one of several cannot be bound."""

from __future__ import annotations

import errno
import os
import socket
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fastcorn.config import AddressError, Config, ConfigError, SocketTypeError
from fastcorn.config.sockets import Sockets

UNIX = pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="this system has no unix sockets")


@pytest.fixture
def taken() -> Iterator[str]:
    """An address that somebody listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        yield f"127.0.0.1:{sock.getsockname()[1]}"


@pytest.fixture
def short_path(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A directory whose paths fit into a socket address (108 bytes)."""
    import tempfile

    with tempfile.TemporaryDirectory(prefix="fc-") as name:
        yield Path(name)


def opened(**settings: object) -> Sockets:
    return Config(**settings).create_sockets()


def test_several_addresses_with_free_ports() -> None:
    sockets = opened(bind=["127.0.0.1:0", "127.0.0.1:0"])
    try:
        first, second = sockets.insecure_sockets
        assert first.getsockname()[1] != second.getsockname()[1]
        assert first.getblocking() is False
        assert (sockets.secure_sockets, sockets.quic_sockets) == ([], [])
    finally:
        sockets.close()


def test_with_tls_bind_is_secure_and_the_others_count() -> None:
    sockets = opened(
        certfile="cert.pem", bind=["127.0.0.1:0"], insecure_bind=["127.0.0.1:0"], quic_bind=["127.0.0.1:0"]
    )
    try:
        counts = [len(part) for part in (sockets.secure_sockets, sockets.insecure_sockets, sockets.quic_sockets)]
        assert counts == [1, 1, 1]
        assert sockets.quic_sockets[0].type == socket.SOCK_DGRAM
    finally:
        sockets.close()


def test_a_taken_port_is_told_with_a_remedy(taken: str) -> None:
    with pytest.raises(AddressError) as caught:
        opened(bind=[taken])
    assert str(caught.value) == (
        f"bind: cannot listen on {taken}: address already in use; stop the program that has it, or choose another; "
        "port 0 takes a free one"
    )
    assert isinstance(caught.value, OSError)
    assert caught.value.errno == errno.EADDRINUSE
    assert caught.value.exit_code == 1


def test_the_origin_is_told(taken: str) -> None:
    config = Config()
    config.put("bind", [taken], "PORT")
    with pytest.raises(AddressError, match="^PORT: bind: cannot listen on"):
        config.create_sockets()


def test_after_an_error_nothing_stays_bound(taken: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(AddressError):
        opened(bind=[address, taken])
    opened(bind=[address]).close()


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("192.0.2.1:0", "it is no address of this machine"),
        ("a" * 70 + ":80", "the host name is not known here"),
        ("unix:/no/such/directory/x.sock", "its directory does not exist"),
    ],
)
def test_addresses_that_cannot_be_bound(address: str, message: str) -> None:
    with pytest.raises(AddressError) as caught:
        opened(bind=[address])
    assert f"bind: cannot listen on {address}: " in str(caught.value)
    assert message in str(caught.value)


def test_a_host_name_that_no_resolver_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    class Unresolved(socket.socket):
        def bind(self, address: object) -> None:
            raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "socket", Unresolved)
    with pytest.raises(AddressError, match="cannot listen on name.example:80: the host name is not known here; write"):
        opened(bind=["name.example:80"])


@UNIX
def test_a_unix_socket_has_its_mode_and_goes_with_close(short_path: Path) -> None:
    path = short_path / "app.sock"
    before = os.umask(0)
    os.umask(before)
    sockets = opened(bind=[f"unix:{path}"], umask=0o077, user=os.getuid(), group=os.getgid())
    assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0
    now = os.umask(before)
    assert now == before
    sockets.close()
    assert not path.exists()


@UNIX
def test_a_stale_unix_socket_is_replaced_and_a_living_one_is_not(short_path: Path) -> None:
    path = short_path / "app.sock"
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(path))
    dead.close()
    sockets = opened(bind=[f"unix:{path}"])
    try:
        sockets.insecure_sockets[0].listen()
        with pytest.raises(AddressError, match="address already in use"):
            opened(bind=[f"unix:{path}"])
        assert path.exists()
    finally:
        sockets.close()


@UNIX
def test_a_file_that_is_no_socket_is_not_touched(short_path: Path) -> None:
    path = short_path / "app.sock"
    path.write_text("mine", encoding="utf-8")
    with pytest.raises(AddressError, match="exists and is no socket; remove it"):
        opened(bind=[f"unix:{path}"])
    assert path.read_text(encoding="utf-8") == "mine"


@UNIX
def test_the_socket_of_a_successor_is_not_removed(short_path: Path) -> None:
    path = short_path / "app.sock"
    ours = opened(bind=[f"unix:{path}"])
    path.unlink()
    with socket.socket(socket.AF_UNIX) as theirs:
        theirs.bind(str(path))
        ours.close()
        assert path.exists()


def test_the_umask_is_restored_when_binding_fails(short_path: Path) -> None:
    before = os.umask(0o022)
    try:
        with pytest.raises(AddressError):
            opened(bind=[f"unix:{short_path / 'missing' / 'x.sock'}"], umask=0o077)
        assert os.umask(0o022) == 0o022
    finally:
        os.umask(before)


def test_an_inherited_socket_is_taken_over() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
        sockets = opened(bind=[f"fd://{os.dup(sock.fileno())}"])
    assert sockets.insecure_sockets[0].getsockname()[1] == port
    sockets.close()


def test_a_descriptor_of_the_wrong_kind_is_refused() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        number = os.dup(sock.fileno())
    try:
        with pytest.raises(SocketTypeError, match="the descriptor is a SOCK_DGRAM, and SOCK_STREAM is needed"):
            opened(bind=[f"fd://{number}"])
    finally:
        os.close(number)
    with pytest.raises(SocketTypeError, match="is not an open socket"):
        opened(bind=["fd://999999"])
    with open(os.devnull, encoding="utf-8") as file, pytest.raises(ConfigError, match="is not an open socket"):
        opened(bind=[f"fd://{file.fileno()}"])


@pytest.mark.skipif(not socket.has_ipv6 or sys.platform != "linux", reason="needs Linux with IPv6")
def test_both_families_on_one_port() -> None:
    with socket.socket(socket.AF_INET6) as probe:
        if probe.connect_ex(("::1", 9)) == errno.EADDRNOTAVAIL:
            pytest.skip("this machine has no IPv6 address")
        probe.close()
    alone = opened(bind=["[::]:0"])
    assert alone.insecure_sockets[0].getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY) == 0
    port = alone.insecure_sockets[0].getsockname()[1]
    alone.close()
    both = opened(bind=[f"[::]:{port}", f"0.0.0.0:{port}"])
    assert both.insecure_sockets[0].getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY) == 1
    both.close()
