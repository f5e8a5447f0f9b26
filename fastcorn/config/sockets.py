# SPDX-License-Identifier: MIT
"""Sockets: the addresses of bind, insecure_bind and quic_bind, bound but not yet listening.

Called by Config.create_sockets() at start and by the check command; the worker makes them listen and closes them.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat
import sys
from dataclasses import dataclass, field

from fastcorn.config.addresses import Address, parse_address
from fastcorn.config.errors import AddressError, SocketTypeError
from fastcorn.config.inherited import descriptors, inherited_sockets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from fastcorn.config.config import Config

REMEDIES = {
    errno.EADDRINUSE: "stop the program that has it, or choose another; port 0 takes a free one",
    errno.EACCES: "this user may not; ports below 1024 and protected directories need more rights",
    errno.EADDRNOTAVAIL: "it is no address of this machine; 0.0.0.0 and [::] are all of them",
    errno.ENOENT: "its directory does not exist; make it first",
    errno.ENOTDIR: "a part of its path is no directory",
    errno.EEXIST: "remove it or choose another",
    errno.ENAMETOOLONG: "choose a shorter one, or one relative to the working directory",
}

# sun_path of struct sockaddr_un has 108 bytes on Linux and 104 on BSD and macOS, the last one a NUL.
UNIX_PATH_BYTES = 107 if sys.platform.startswith("linux") else 103


@dataclass
class Sockets:
    """The bound sockets of a server, by what is spoken on them, and the unix socket files made for them.

    Attributes:
        certificates: where root is given up after binding: what the secure ones are served with, read as root.
    """

    secure_sockets: list[socket.socket] = field(default_factory=list)
    insecure_sockets: list[socket.socket] = field(default_factory=list)
    quic_sockets: list[socket.socket] = field(default_factory=list)
    files: list[SocketFile] = field(default_factory=list)
    certificates: Any = None

    def close(self) -> None:
        """Closes all sockets and removes the files of those that were bound here (not of inherited ones)."""
        for sock in (*self.secure_sockets, *self.insecure_sockets, *self.quic_sockets):
            sock.close()
        self.remove_files()

    def remove_files(self) -> None:
        """Removes the files of the unix sockets that were bound here; nobody can connect to these any more."""
        for file in self.files:
            file.remove()
        self.files.clear()


class OwnSocket(socket.socket):
    """A socket that was bound here, not inherited: nobody else accepts on it once this server has stopped."""


class SocketFile:
    """The file of a bound unix socket.

    Removed only while it is still that file, since a successor may have replaced it, and only by the process that made
    it: what that one has forked does not serve when it ends.
    """

    def __init__(self, path: str) -> None:
        self.path = os.path.abspath(path)
        self.pid = os.getpid()
        self.identity = self.current_identity()

    def current_identity(self) -> tuple[int, int] | None:
        try:
            status = os.lstat(self.path)
        except OSError:
            return None
        return status.st_dev, status.st_ino

    def remove(self) -> None:
        if self.pid == os.getpid() and self.identity is not None and self.current_identity() == self.identity:
            with contextlib.suppress(OSError):
                os.unlink(self.path)


def bind_all(config: Config) -> Sockets:
    """Binds every address of a configuration, or none: after an error the ones bound before are closed.

    With TLS, bind is secure and insecure_bind is not; without, bind is insecure.
    """
    sockets = Sockets()
    stream, datagram = socket.SOCK_STREAM, socket.SOCK_DGRAM
    secure = sockets.secure_sockets if config.ssl_enabled else sockets.insecure_sockets
    try:
        bind_group(config, "bind", stream, secure, sockets.files)
        if config.ssl_enabled:
            bind_group(config, "insecure_bind", stream, sockets.insecure_sockets, sockets.files)
            bind_group(config, "quic_bind", datagram, sockets.quic_sockets, sockets.files)
    except BaseException:
        sockets.close()
        raise
    return sockets


def bind_group(
    config: Config,
    setting: str,
    kind: socket.SocketKind,
    bound: list[socket.socket],
    files: list[SocketFile],
    beside: Iterable[str] = (),
) -> None:
    """Binds the addresses of one setting; sockets and files are added as they are made, for close() after an error.

    Args:
        config: has the setting.
        setting: its name.
        kind: of the sockets.
        bound: gets the sockets.
        files: gets the files of unix sockets.
        beside: other addresses of the server, which decide what [::] takes.
    """
    addresses = [(text, parse_address(text)) for text in bind_texts(config, setting)]
    others = [*[address for _, address in addresses], *map(parse_address, beside)]
    for text, address in addresses:
        try:
            if address.path is not None:
                bound.append(bind_unix(config, address.path, kind, files))
            elif address.fd is not None:
                bound.append(adopt(address.fd, kind))
            else:
                bound.append(bind_port(address, kind, others, config.accept))
        except SocketTypeError as error:
            raise SocketTypeError(f"{text}: {error.problem}", setting=setting, origin=config.origin(setting)) from None
        except UnicodeError:
            raise bind_error(socket.gaierror(), setting, text, config.origin(setting)) from None
        except OSError as error:
            raise bind_error(error, setting, text, config.origin(setting)) from None


def bind_texts(config: Config, setting: str) -> list[str]:
    """The addresses of a setting, one for each socket: those of systemd by their descriptors.

    When bind is not set and systemd has passed sockets, they are what is served.

    Raises:
        SocketTypeError: systemd has passed no such socket.
    """
    texts: list[str] = []
    given = list(getattr(config, setting))
    if setting == "bind" and takes_inherited(config):
        given = ["systemd"]
    for text in given:
        address = parse_address(text)
        try:
            texts += [text] if address.systemd is None else [f"fd://{fd}" for fd in descriptors(address.systemd)]
        except SocketTypeError as error:
            raise SocketTypeError(f"{text}: {error.problem}", setting=setting, origin=config.origin(setting)) from None
    return texts


def takes_inherited(config: Config) -> bool:
    """Whether the sockets of systemd are served because no address is set.

    Raises:
        SocketTypeError: systemd's variables make no sense.
    """
    return config.origin("bind") == "default" and bool(inherited_sockets())


def bind_port(
    address: Address, kind: socket.SocketKind, all_addresses: list[Address], accept: str = "shared"
) -> socket.socket:
    sock = OwnSocket(socket.AF_INET6 if address.is_ipv6 else socket.AF_INET, kind)
    try:
        exclusive = getattr(socket, "SO_EXCLUSIVEADDRUSE", None)
        # On Windows SO_REUSEADDR lets another program take the port from us; elsewhere it only skips TIME_WAIT.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR if exclusive is None else exclusive, 1)
        if address.is_ipv6:
            # Linux and BSD differ in what [::] means, so it is said: IPv4 too, unless an IPv4 bind has the same port.
            taken = any(other.host and not other.is_ipv6 and other.port == address.port for other in all_addresses)
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(taken or address.host != "::"))
        reuseport = getattr(socket, "SO_REUSEPORT", None)
        host, _, zone = (address.host or "").partition("%")
        target = (host, address.port, 0, socket.if_nametoindex(zone)) if zone else (host, address.port)
        sock.bind(target)
        if accept == "reuseport" and reuseport is not None:
            # After the bind: another server on the port is an error first, and our own further sockets are none.
            sock.setsockopt(socket.SOL_SOCKET, reuseport, 1)
        return settled(sock)
    except BaseException:
        sock.close()
        raise


def can_share_port(sock: socket.socket) -> bool:
    """Whether several sockets may listen on the address of this one (SO_REUSEPORT): not for unix and inherited ones."""
    reuseport = getattr(socket, "SO_REUSEPORT", None)
    own = isinstance(sock, OwnSocket) and sock.family in (socket.AF_INET, socket.AF_INET6)
    if reuseport is None or not own:
        return False
    return bool(sock.getsockopt(socket.SOL_SOCKET, reuseport))


def bind_again(sock: socket.socket) -> socket.socket:
    """One more socket on the address of a bound one, for which can_share_port() is true.

    Raises:
        OSError: the system does not allow it.
    """
    again = OwnSocket(sock.family, sock.type)
    try:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if sock.family == socket.AF_INET6:
            only = sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)
            again.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, only)
        again.bind(sock.getsockname())
        return settled(again)
    except BaseException:
        again.close()
        raise


def bind_unix(config: Config, path: str, kind: socket.SocketKind, files: list[SocketFile]) -> socket.socket:
    if not hasattr(socket, "AF_UNIX"):
        raise OSError(errno.EAFNOSUPPORT, "this system has no unix sockets")
    length = len(os.fsencode(path))
    if length > UNIX_PATH_BYTES:
        problem = f"the path of a unix socket has at most {UNIX_PATH_BYTES} bytes and this one has {length}"
        raise OSError(errno.ENAMETOOLONG, problem)
    if path.startswith("@"):
        return bind_abstract(path, kind)
    remove_stale(path, kind)
    sock = OwnSocket(socket.AF_UNIX, kind)
    file = None
    try:
        # The mode is right from the first moment: chmod after bind would leave one in which others may connect.
        with umask(config.umask if config.unix_socket_mode is None else 0o777 & ~config.unix_socket_mode):
            sock.bind(path)
        file = SocketFile(path)
        give(path, config.user, config.group)
    except BaseException:
        sock.close()
        if file is not None:
            file.remove()
        raise
    files.append(file)
    return settled(sock)


def give(path: str, user: int | None, group: int | None) -> None:
    """Makes a socket file a user's and a group's.

    Raises:
        OSError: this process may not.
    """
    if user is None and group is None:
        return
    try:
        os.chown(path, -1 if user is None else user, -1 if group is None else group)
    except OSError as error:
        owner = " and ".join(
            f"{name} {number}" for name, number in (("user", user), ("group", group)) if number is not None
        )
        reason = f"its file cannot be given to {owner} ({(error.strerror or str(error)).lower()})"
        # No number: the remedy of a path that is no permission to bind would mislead.
        raise OSError(None, f"{reason}; start as root, or leave them out") from None


def bind_abstract(path: str, kind: socket.SocketKind) -> socket.socket:
    """A socket of Linux's abstract namespace, which has no file and no owner."""
    sock = OwnSocket(socket.AF_UNIX, kind)
    try:
        sock.bind("\0" + path[1:])
        return settled(sock)
    except BaseException:
        sock.close()
        raise


def adopt(fd: int, kind: socket.SocketKind) -> socket.socket:
    """The socket of a descriptor that this process inherited; closing it closes the descriptor."""
    try:
        sock = socket.socket(fileno=fd)
    except OSError as error:
        raise SocketTypeError(f"the descriptor is not an open socket ({os.strerror(error.errno or 0)})") from None
    if sock.type != kind:
        wanted, actual = socket.SocketKind(kind).name, getattr(sock.type, "name", sock.type)
        sock.detach()
        raise SocketTypeError(f"the descriptor is a {actual}, and {wanted} is needed")
    if kind == socket.SOCK_STREAM and is_connected(sock):
        sock.detach()
        problem = "the descriptor is a connection with one client, and a socket to listen on is needed"
        raise SocketTypeError(f"{problem}; a systemd socket unit needs Accept=no")
    return settled(sock)


def is_connected(sock: socket.socket) -> bool:
    """Whether a socket has a peer."""
    try:
        sock.getpeername()
    except OSError:
        return False
    return True


def settled(sock: socket.socket) -> socket.socket:
    sock.setblocking(False)
    with contextlib.suppress(OSError, AttributeError):
        # Workers get it by fork; a program that the application starts must not keep the address when we are gone.
        sock.set_inheritable(False)
    return sock


def remove_stale(path: str, kind: socket.SocketKind) -> None:
    """Removes the socket file that a dead server left; refuses one that somebody has.

    Raises:
        OSError: EEXIST when the path is no socket, EADDRINUSE when a server listens on it or is about to.
    """
    try:
        before = os.lstat(path)
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(before.st_mode):
        raise OSError(errno.EEXIST, "the path exists and is no socket")
    if not is_deserted(path, kind):
        raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
    with contextlib.suppress(FileNotFoundError):
        # Binding beside it and renaming would replace whatever is there by then, also the socket of a server that
        # has started meanwhile; so the file goes only while it is the one that was looked at.
        if os.path.samestat(os.lstat(path), before):
            os.unlink(path)


def is_deserted(path: str, kind: socket.SocketKind) -> bool:
    """Whether no process has the socket of a path.

    A connection tells of one that listens. One that is bound and does not yet listen, because its application is still
    starting, refuses connections just as a file without a process does; only Linux's list of unix sockets has it.
    """
    with socket.socket(socket.AF_UNIX, kind) as probe:
        probe.settimeout(1)
        try:
            probe.connect(path)
        except FileNotFoundError:
            return True
        except ConnectionRefusedError:
            return os.path.abspath(path) not in starting_paths()
        except (TimeoutError, BlockingIOError):
            pass  # its backlog is full, so somebody has it
    return False


def starting_paths() -> set[str]:
    """The absolute paths of unix sockets that are bound and do not listen; none where the system does not tell."""
    try:
        with open("/proc/net/unix", encoding="utf-8", errors="surrogateescape") as table:
            lines = [line.rstrip("\n").split(None, 7) for line in table]
    except OSError:
        return set()
    # Num RefCount Protocol Flags Type St Inode Path. A listening socket has a flag, a connection another state.
    return {words[7] for words in lines if len(words) == 8 and words[3] == "00000000" and words[5] == "01"}


@contextlib.contextmanager
def umask(mask: int | None) -> Iterator[None]:
    if mask is None:
        yield
        return
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def bind_error(error: OSError, setting: str, text: str, origin: str) -> AddressError:
    if isinstance(error, socket.gaierror):
        reason, remedy = "the host name is not known here", "write an address of this machine"
    else:
        reason = (error.strerror or str(error)).lower()
        remedy = REMEDIES.get(error.errno or 0, "")
    problem = f"cannot listen on {text}: {reason}{'; ' if remedy else ''}{remedy}"
    made = AddressError(problem, setting=setting, origin=origin)
    made.errno = error.errno
    return made
