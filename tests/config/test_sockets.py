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
from fastcorn.config.sockets import Sockets, bind_again, can_share_port
from tests.loops import has_ipv6

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
@pytest.mark.parametrize("mode", [0o600, 0o660, 0o666])
def test_unix_socket_mode_is_exact_and_wins_over_umask(short_path: Path, mode: int) -> None:
    path = short_path / "app.sock"
    sockets = opened(bind=[f"unix:{path}"], umask=0o777, unix_socket_mode=mode)
    assert stat.S_IMODE(path.stat().st_mode) == mode
    sockets.close()


@UNIX
@pytest.mark.skipif(getattr(os, "geteuid", lambda: 1)() != 0, reason="only root can give files away")
def test_a_unix_socket_goes_to_user_and_group_by_name_or_number(short_path: Path) -> None:
    import pwd

    path, nobody = short_path / "app.sock", pwd.getpwnam("nobody").pw_uid
    for user, group in (("nobody", 12), (str(nobody), "12"), (nobody, None)):
        sockets = opened(bind=[f"unix:{path}"], user=user, group=group)
        assert (path.stat().st_uid, path.stat().st_gid) == (nobody, 12 if group else os.getegid())
        sockets.close()


@UNIX
def test_a_unix_socket_that_cannot_be_given_away_is_told_and_removed(
    short_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "chown", refuse)
    path = short_path / "app.sock"
    with pytest.raises(AddressError) as caught:
        opened(bind=[f"unix:{path}"], user=1234)
    assert str(caught.value) == (
        f"bind: cannot listen on unix:{path}: its file cannot be given to user 1234 (operation not permitted); "
        "start as root, or leave them out"
    )
    assert not path.exists()


@UNIX
@pytest.mark.parametrize("abstract", [False, True])
def test_a_path_that_is_too_long_is_told_with_its_length(abstract: bool) -> None:
    path = ("@" if abstract else "/tmp/") + "x" * 200
    with pytest.raises(
        AddressError, match=rf"the path of a unix socket has at most \d+ bytes and .* {len(path)}; choose"
    ):
        opened(bind=[f"unix:{path}"])


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="abstract sockets are Linux's")
def test_an_abstract_unix_socket_has_no_file_and_is_not_bound_twice() -> None:
    name = f"fastcorn-test-{os.getpid()}"
    sockets = opened(bind=[f"unix:@{name}"])
    try:
        assert sockets.insecure_sockets[0].getsockname() == b"\0" + name.encode()
        assert sockets.files == []
        with pytest.raises(AddressError, match=f"cannot listen on unix:@{name}: address already in use; stop"):
            opened(bind=[f"unix:@{name}"])
    finally:
        sockets.close()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux lists them")
def test_the_socket_of_a_server_that_is_still_starting_is_not_taken(short_path: Path) -> None:
    """It is bound and refuses connections until its application has started."""
    path = short_path / "app.sock"
    first = opened(bind=[f"unix:{path}"])
    try:
        with pytest.raises(AddressError, match="address already in use"):
            opened(bind=[f"unix:{path}"])
        assert path.exists()
    finally:
        first.close()


@UNIX
def test_a_child_process_does_not_remove_the_file(short_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = short_path / "app.sock"
    sockets = opened(bind=[f"unix:{path}"])
    sockets.files[0].pid += 1
    sockets.close()
    assert path.exists()


@UNIX
def test_a_link_to_a_socket_is_left_alone(short_path: Path) -> None:
    target, link = short_path / "other.sock", short_path / "app.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(target))
    link.symlink_to(target)
    with pytest.raises(AddressError, match="the path exists and is no socket"):
        opened(bind=[f"unix:{link}"])
    assert link.is_symlink()
    assert target.exists()


@pytest.mark.skipif(not hasattr(socket, "SO_REUSEPORT"), reason="this system has no SO_REUSEPORT")
@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
def test_reuseport_gives_further_sockets_to_us_and_not_to_a_second_server(host: str) -> None:
    if host == "[::1]" and not has_ipv6():
        pytest.skip("this machine has no IPv6 address")
    sockets = opened(bind=[f"{host}:0"], accept="reuseport")
    first = sockets.insecure_sockets[0]
    again = None
    try:
        assert can_share_port(first)
        again = bind_again(first)
        assert again.getsockname() == first.getsockname()
        assert not again.get_inheritable()
        first.listen()
        again.listen()
        with pytest.raises(AddressError, match="address already in use"):
            opened(bind=[f"{host}:{first.getsockname()[1]}"], accept="reuseport")
    finally:
        if again is not None:
            again.close()
        sockets.close()


@UNIX
def test_what_reuseport_is_not_for(short_path: Path) -> None:
    with socket.socket() as inherited:
        inherited.bind(("127.0.0.1", 0))
        addresses = [f"unix:{short_path / 'app.sock'}", f"fd://{os.dup(inherited.fileno())}"]
        sockets = opened(bind=addresses, accept="reuseport")
        assert [can_share_port(sock) for sock in sockets.insecure_sockets] == [False, False]
        sockets.close()


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
    ours, theirs = socket.socketpair()
    with ours, theirs, pytest.raises(SocketTypeError, match=r"a connection with one client, .* needs Accept=no"):
        opened(bind=[f"fd://{ours.fileno()}"])
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
