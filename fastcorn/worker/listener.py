# SPDX-License-Identifier: MIT
"""Listening sockets -> connections.

Called by fastcorn.worker.worker. A Listener accepts either through the loop's own server, which is quickest on uvloop,
or by accept() when the socket is readable, which alone allows an exact limit of connections and which is needed on
asyncio: its server drops a connection that it accepted in the very turn in which it is closed.

Some facts about closing. The kernel resets connections that wait in the accept queue when the last descriptor of a
listening socket is closed; their clients believe to be connected and may have sent a request already. So close() first
lets no more of them in (`newcomers`) and accepts all that wait there. The loop's server works on a duplicate of the
descriptor: it can be closed, to pause or to take the queue by hand, while the queue goes on to fill.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable
from typing import Any

from fastcorn.config.sockets import OwnSocket
from fastcorn.worker.balance import YIELD_SECONDS, Balance
from fastcorn.worker.newcomers import turn_away

# Accepted in one turn of the loop before others get theirs.
ACCEPTS_PER_TURN = 64

# No descriptors or no memory: wait until some connections have ended.
EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
EXHAUSTED_PAUSE_SECONDS = 1.0

# Closing takes at most this many waiting connections: what comes faster than it can be accepted has to end somewhere.
QUEUE_LIMIT = 65536

# Closing waits this long for accepted connections to be made, which takes a turn of the loop.
ARRIVAL_SECONDS = 5.0

Factory = Callable[[], asyncio.BaseProtocol]


class Listener:
    """One listening socket.

    Args:
        sock: bound, not blocking; closed by close().
        factory: makes the protocol of a new connection.
        room: how many more connections may be accepted now, or None for no limit.
        backlog: connections that may wait to be accepted.
        ssl_context: for TLS; None = plain.
        secure: makes the protocol of a new TLS connection from the context that holds then; needed with ssl_context.
        log: gets warnings.
        load: where other processes accept on the same socket: how many connections this one has, and the balance.
    """

    def __init__(
        self,
        sock: socket.socket,
        factory: Factory,
        *,
        backlog: int,
        room: Callable[[], int] | None = None,
        ssl_context: Any = None,
        secure: Callable[[Any], asyncio.BaseProtocol] | None = None,
        log: Any = None,
        load: tuple[Callable[[], int], Balance] | None = None,
    ) -> None:
        self.sock = sock
        self.address = describe(sock)
        self.arriving: set[asyncio.Task[Any]] = set()
        self.ssl_context = ssl_context
        # The loop's own TLS is not used: see fastcorn.protocols._tls.
        self._factory = factory if secure is None or ssl_context is None else lambda: secure(self.ssl_context)
        self._room = room
        self._backlog = backlog
        self._log = log
        self._load = load
        self._yielding: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self._server: asyncio.AbstractServer | None = None
        self._reading = False
        self._wanted = False
        self._full = False
        self._closed = False
        self._starting: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """Where the socket listens: http://127.0.0.1:8000, http://[::1]:8000 or http://unix:/run/app.sock."""
        return f"{'https' if self.ssl_context else 'http'}://{self.address}"

    def renew_tls(self, ssl_context: Any) -> None:
        """Takes another context for the connections that come from now on; where there is no TLS, nothing happens."""
        if self.ssl_context:
            self.ssl_context = ssl_context

    async def start(self) -> None:
        """Begins to listen and to accept.

        Raises:
            OSError: another socket listens on the address.
        """
        if self.sock.family in (socket.AF_INET, socket.AF_INET6):
            # Accepted sockets inherit it. asyncio sets it only on sockets made with an explicit protocol number.
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.listen(self._backlog)
        self._wanted = True
        if self._load is not None:
            # From here on others leave connections to this worker; before, they took all.
            connections, balance = self._load
            balance.tell(connections())
        if self._by_server():
            await self._start_server()
        else:
            self._start_reading()

    def pause(self) -> None:
        """Stops accepting; new connections wait in the queue of the kernel."""
        self._wanted = False
        self._stop_accepting()

    def resume(self) -> None:
        """Accepts again, also after the limit was reached."""
        if self._closed or (self._wanted and not self._full):
            return
        self._wanted, self._full = True, False
        if not self._by_server():
            self._start_reading()
        elif self._starting is None:
            self._starting = self._loop.create_task(self._start_server())

    async def close(self, *, leave_queue: bool = False) -> None:
        """Accepts all that waits in the queue of the kernel, then closes the socket.

        Args:
            leave_queue: what waits is left to other processes that have the same socket.
        """
        self._closed = True
        self.pause()
        if self._starting is not None:
            await asyncio.wait({self._starting})
            self._stop_accepting()
        if self.sock.fileno() >= 0 and not leave_queue:
            await self._empty_queue()
        self.sock.close()
        if self.arriving:
            await asyncio.wait(self.arriving, timeout=ARRIVAL_SECONDS)

    async def _empty_queue(self) -> None:
        """Accepts all that waits, and on a socket that ends with this server all that is about to."""
        settle = turn_away(self.sock) if isinstance(self.sock, OwnSocket) else 0.0
        self._accept_all()
        if settle:
            await asyncio.sleep(settle)
            self._accept_all()

    def _accept_all(self) -> None:
        for _ in range(QUEUE_LIMIT):
            if not self._accept_one():
                break

    def drop(self) -> None:
        """Closes the socket at once."""
        self._closed = True
        self.pause()
        self.sock.close()

    def _by_server(self) -> bool:
        # A loop without readers (Windows' proactor) has only its own server.
        if type(self._loop).add_reader is asyncio.AbstractEventLoop.add_reader:
            return True
        return is_uvloop(self._loop) and self._room is None and self._load is None

    async def _start_server(self) -> None:
        while self._wanted and self._server is None:
            duplicate = self.sock.dup()
            server = await self._loop.create_server(self._factory, sock=duplicate, backlog=self._backlog)
            if self._wanted:
                self._server = server
            else:
                server.close()
        self._starting = None

    def _start_reading(self) -> None:
        if self._wanted and not self._reading:
            self._reading = True
            self._loop.add_reader(self.sock.fileno(), self._readable)

    def _stop_accepting(self) -> None:
        if self._reading:
            self._reading = False
            self._loop.remove_reader(self.sock.fileno())
        if self._yielding is not None:
            self._yielding.cancel()
        if self._server is not None:
            server, self._server = self._server, None
            server.close()

    def _readable(self) -> None:
        allowed = ACCEPTS_PER_TURN
        if self._load is not None:
            connections, balance = self._load
            allowed = balance.share(connections(), ACCEPTS_PER_TURN)
            if not allowed:
                self._leave_to_others()
        for _ in range(allowed):
            if self._room is not None and self._room() <= 0:
                self._full = True
                self._stop_accepting()  # the owner calls resume() when a connection has ended
                return
            if not self._accept_one():
                return

    def _leave_to_others(self) -> None:
        """Leaves what waits to other workers, for a moment."""
        self._reading = False
        self._loop.remove_reader(self.sock.fileno())
        self._yielding = self._loop.call_later(YIELD_SECONDS, self._start_reading)

    def _accept_one(self) -> bool:
        """Accepts one connection; False when there is none or none can be accepted now."""
        try:
            accepted, _ = self.sock.accept()
        except (BlockingIOError, InterruptedError):
            return False
        except OSError as error:
            if error.errno in EXHAUSTED:
                self._wait_for_resources(error)
                return False
            return error.errno != errno.EBADF  # this one has gone already (ECONNABORTED and its like): the next
        accepted.setblocking(False)
        task = self._loop.create_task(self._connect(accepted))
        self.arriving.add(task)
        task.add_done_callback(self.arriving.discard)
        return True

    async def _connect(self, accepted: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._factory, accepted)
        except (OSError, asyncio.CancelledError):
            accepted.close()  # the client has gone
        # From its connection_made() until here this one was counted twice, so there may be more room than there seemed.
        self.arriving.discard(asyncio.current_task())
        if self._full and self._room is not None and self._room() > 0:
            self.resume()

    def _wait_for_resources(self, error: OSError) -> None:
        if self._log is not None:
            self._log.warning("cannot accept a connection: %s; trying again in a second", error.strerror)
        if self._reading:
            self._reading = False
            self._loop.remove_reader(self.sock.fileno())
            self._loop.call_later(EXHAUSTED_PAUSE_SECONDS, self._start_reading)


def is_uvloop(loop: asyncio.AbstractEventLoop) -> bool:
    """Whether a loop is uvloop's, without importing it."""
    return type(loop).__module__.partition(".")[0] == "uvloop"


def describe(sock: socket.socket) -> str:
    """The address of a socket as a URL has it; unix:PATH for a unix socket, with @ for an abstract one."""
    name = sock.getsockname()
    if isinstance(name, tuple):
        return f"[{name[0]}]:{name[1]}" if ":" in name[0] else f"{name[0]}:{name[1]}"
    path = name.decode("utf-8", "replace") if isinstance(name, bytes) else name
    return "unix:" + ("@" + path[1:] if path.startswith("\0") else path)
