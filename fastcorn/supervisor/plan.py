# SPDX-License-Identifier: MIT
"""Plan: what workers are started with, which is one configuration, its application and its sockets.

Made by fastcorn.run at the start, and by fastcorn.supervisor.supervisor for SIGHUP and reload. A new plan takes over
the sockets of the addresses that both have, so that no connection is refused in between; those that only the old one
has are closed when its first worker is ready.

With accept = shared there is one set of sockets; with reuseport each slot has a set of its own, which outlives the
workers of the slot: what waits in its queues when a worker leaves is its successor's.
"""

from __future__ import annotations

import gc
import os
import socket
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from fastcorn.asgi.reference import forget_modules
from fastcorn.config.fixed import OF_SUPERVISOR, changes_without_effect
from fastcorn.config.pending import check_pending
from fastcorn.config.sockets import SocketFile, Sockets, bind_again, bind_group, bind_texts, can_share_port
from fastcorn.observability.logger import error_log
from fastcorn.worker.certificates import read_again, read_certificates
from fastcorn.worker.hooks import Hooks
from fastcorn.worker.listener import describe

if TYPE_CHECKING:
    from fastcorn.config import Config, Settings
    from fastcorn.worker.certificates import Certificates
    from fastcorn.worker.process import Loader

# The settings that say where to listen, the attribute of Sockets, and the kind of socket.
GROUPS = (
    ("bind", "secure_sockets", socket.SOCK_STREAM),
    ("insecure_bind", "insecure_sockets", socket.SOCK_STREAM),
    ("quic_bind", "quic_sockets", socket.SOCK_DGRAM),
)


@dataclass
class Bound:
    """A bound address: the group and text it was given as, its socket, its copies by slot, and its file.

    Slots in `sharing` were to have a copy and have the first socket instead, because the system allowed no more.
    """

    group: str
    text: str
    sock: socket.socket
    file: SocketFile | None = None
    copies: dict[int, socket.socket] = field(default_factory=dict)
    sharing: set[int] = field(default_factory=set)

    @property
    def is_shareable(self) -> bool:
        return self.sock.fileno() >= 0 and can_share_port(self.sock)

    def for_slot(self, slot: int, reuseport: bool) -> socket.socket:
        """The socket that a slot's workers listen on; slot 0 has the first one.

        Raises:
            OSError: the slot was to have a copy and can have none; from then on it shares the first one.
        """
        if slot == 0 or slot in self.sharing or not reuseport or not self.is_shareable:
            return self.sock
        if slot not in self.copies:
            try:
                self.copies[slot] = bind_again(self.sock)
            except OSError:
                self.sharing.add(slot)
                raise
        return self.copies[slot]

    def is_kept(self, slot: int) -> bool:
        """Whether others go on with the socket of a slot that is gone."""
        return slot in self.sharing or not self.is_shareable

    def let_go(self, slot: int | None) -> None:
        """Closes the sockets of this process, or the copy for one slot."""
        if slot is not None:
            if slot in self.copies:
                self.copies.pop(slot).close()
            return
        for sock in (self.sock, *self.copies.values()):
            sock.close()

    def remove_file(self) -> None:
        if self.file is not None:
            self.file.remove()

    def close(self) -> None:
        self.remove_file()
        self.let_go(None)


class Plan:
    """One configuration to start workers with.

    Args:
        config: the settings.
        loader: makes the application of the frozen settings.

    Raises:
        ConfigError: a setting is wrong.
    """

    def __init__(self, config: Config, loader: Loader) -> None:
        self.config = config
        self.settings: Settings = config.freeze()
        self.pending = check_pending(self.settings)
        self.hooks = Hooks(self.settings)
        self.accept = self.settings.accept
        self.first_loader = loader
        self.loader = loader
        self.bound: list[Bound] = []
        self.certificates: Certificates | None = None

    def bind(self, old: Plan | None = None) -> None:
        """Reads the certificates and binds the addresses, but for those that an older plan has bound already.

        Raises:
            ConfigError: a certificate cannot be read.
            AddressError: an address cannot be had; then none is bound that was not before.
        """
        if old is None:
            self.certificates = read_certificates(self.config)
            sockets = self.config.create_sockets()
            self.bound = paired(self.config, self.settings, sockets)
            self.prepare_copies(self.bound)
            return
        self.certificates = read_again(self.config, old.certificates, error_log(self.config.log))
        self.accept = old.accept  # a running server keeps it: the sockets are what they are
        known = {(bound.group, bound.text): bound for bound in old.bound}
        fresh: list[Bound] = []
        try:
            for group, _, kind in self.groups():
                texts = bind_texts(self.config, group)
                for text in texts:
                    if (group, text) not in known:
                        fresh.append(bind_one(self, group, text, kind, texts))
                        known[group, text] = fresh[-1]
                    self.bound.append(known[group, text])
        except BaseException:
            self.bound = []
            for bound in fresh:
                bound.close()
            raise
        self.prepare_copies(fresh)

    def prepare_copies(self, fresh: list[Bound]) -> None:
        """With reuseport, binds what all workers need: after root is given up it may not be possible."""
        if self.accept != "reuseport":
            return
        for bound in fresh:
            if not bound.is_shareable:
                log: Any = error_log(self.config.log)
                log.warning("%s is shared by all workers: reuseport is for TCP addresses bound here", bound.text)
        for slot in range(1, self.settings.workers):
            self.sockets(slot)

    def tls_notices(self) -> tuple[str, ...]:
        """What the log should say of the certificates."""
        return () if self.certificates is None else self.certificates.notices

    def groups(self) -> list[tuple[str, str, socket.SocketKind]]:
        """The groups of addresses that are in use: without TLS only bind."""
        return list(GROUPS) if self.settings.ssl_enabled else [GROUPS[0]]

    def sockets(self, slot: int) -> Sockets:
        """The sockets for the worker of a slot, as Worker takes them."""
        sockets, reuseport = Sockets(certificates=self.certificates), self.accept == "reuseport"
        for bound in self.bound:
            attribute = next(name for group, name, _ in GROUPS if group == bound.group)
            if attribute == "secure_sockets" and not self.settings.ssl_enabled:
                attribute = "insecure_sockets"
            try:
                sock = bound.for_slot(slot, reuseport)
            except OSError as error:
                log: Any = error_log(self.config.log)
                log.warning("worker %d shares %s with the first: %s", slot + 1, bound.text, error.strerror)
                sock = bound.sock
            getattr(sockets, attribute).append(sock)
        return sockets

    def preload(self, *, again: bool = False) -> None:
        """Imports the application here, so that the workers share its memory; again = with its modules imported anew.

        Raises:
            NoAppError: it cannot be loaded.
        """
        if not self.settings.preload:
            return
        if again:
            with forget_modules(self.settings.application_path, self.settings.app_dir):
                application = self.loader(self.settings)
        else:
            application = self.loader(self.settings)
        self.loader = lambda settings: application
        # What exists now will not die: the collector of a worker need not write into the shared pages.
        gc.unfreeze()  # the application before this one may die
        gc.collect()
        gc.freeze()

    def let_go(self, slot: int | None = None) -> None:
        """Closes the sockets here, so that those of the workers are the last ones: of all slots, or of one alone."""
        for bound in self.bound:
            bound.let_go(slot)

    def remove_files(self) -> None:
        """Removes the files of unix sockets."""
        for bound in self.bound:
            bound.remove_file()

    def leave_to_child(self, own: Sockets) -> None:
        """In a process that was just forked: closes the sockets that are others', so that these can stop listening."""
        kept = [*own.secure_sockets, *own.insecure_sockets, *own.quic_sockets]
        for bound in self.bound:
            for sock in (bound.sock, *bound.copies.values()):
                if sock not in kept:
                    sock.close()

    def kept_addresses(self, slot: int | None) -> list[str]:
        """The addresses that others go on serving when a worker retires: a slot that is gone has left its own ones."""
        reuseport = self.accept == "reuseport"
        return [describe(bound.sock) for bound in self.bound if slot is None or not reuseport or bound.is_kept(slot)]

    def changes_without_effect(self, old: Plan) -> list[str]:
        """The settings that differ from an older plan's and that a running server keeps."""
        return changes_without_effect(OF_SUPERVISOR, old.settings, self.settings)

    def close(self, keep: Plan | None = None) -> None:
        """Closes the sockets that another plan does not have, and removes their files."""
        kept = [] if keep is None else keep.bound
        for bound in self.bound:
            if not any(bound is other for other in kept):
                bound.close()
        self.bound = []


def paired(config: Config, settings: Settings, sockets: Sockets) -> list[Bound]:
    """The sockets of bind_all() with the addresses they were bound for, which are in the same order."""
    files = {file.path: file for file in sockets.files}
    bound = []
    for group, attribute, _ in GROUPS:
        given = getattr(sockets, attribute)
        if group == "bind" and not settings.ssl_enabled:
            given = sockets.insecure_sockets
        elif not settings.ssl_enabled:
            continue
        for text, sock in zip(bind_texts(config, group), given, strict=True):
            bound.append(Bound(group, text, sock, file_of(sock, files)))
    return bound


def file_of(sock: socket.socket, files: dict[str, SocketFile]) -> SocketFile | None:
    name = sock.getsockname()
    if not isinstance(name, str) or not name:
        return None
    return files.get(os.path.abspath(name))


def bind_one(plan: Plan, group: str, text: str, kind: socket.SocketKind, beside: list[str]) -> Bound:
    """Binds one address with the settings of a plan, beside the other addresses of its group.

    Raises:
        AddressError: it cannot be had.
    """
    one: Any = SimpleNamespace(**{group: [text]}, origin=plan.config.origin, accept=plan.accept)
    for name in ("user", "group", "umask", "unix_socket_mode", "workers"):
        if name != group:
            setattr(one, name, getattr(plan.config, name))
    sockets: list[socket.socket] = []
    files: list[SocketFile] = []
    bind_group(one, group, kind, sockets, files, beside)
    return Bound(group, text, sockets[0], files[0] if files else None)
