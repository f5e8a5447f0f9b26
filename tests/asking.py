# SPDX-License-Identifier: MIT
"""A client that keeps asking, on kept and on fresh connections, and knows of each request how it ended.

Used by the end-to-end tests of stops and restarts. It runs on a loop in a thread of its own, so that a test can send
signals meanwhile. What counts as lost: a request on a connection that was accepted, without a complete answer. Two
things are no loss and are counted apart. `refused`: no connection came about, because nobody listens any more.
`crossed`: the server closed a kept connection between two requests, and the next request met the close on its way (RFC
9112 section 9.3.1: a client has to be ready for that and ask again on a new connection, which this one does).
"""

from __future__ import annotations

import asyncio
import threading
from types import TracebackType
from typing import Self

from tests.loops import LIMIT_SECONDS


class Load:
    """Asks while entered.

    Args:
        host, port: the server.
        kept: connections that are kept open.
        fresh: clients that open a connection for each request.
        path: what is asked for; the answer has to have a content-length.
    """

    def __init__(self, port: int, *, host: str = "127.0.0.1", kept: int = 4, fresh: int = 4, path: str = "/") -> None:
        self.answered = 0
        self.lost: list[str] = []
        self.crossed = 0
        self.refused = 0
        self.statuses: dict[int, int] = {}
        self.bodies: dict[bytes, int] = {}
        self._address = (host, port)
        self._request = f"GET {path} HTTP/1.1\r\nhost: {host}\r\n".encode()
        self._clients = (kept, fresh)
        self._changed = threading.Condition()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Lets the requests that are under way end, and asks no more."""
        self._stopped.set()
        self._thread.join(LIMIT_SECONDS)
        assert not self._thread.is_alive(), "a request is neither answered nor refused"

    def wait_for(self, more: int) -> None:
        """Waits until so many more requests were answered."""
        with self._changed:
            wanted = self.answered + more
            done = self._changed.wait_for(lambda: self.answered >= wanted or self.lost, LIMIT_SECONDS)
            assert done, f"{self.answered} answers instead of {wanted}"

    def wait_refused(self) -> None:
        """Waits until no client gets a connection any more."""
        self._thread.join(LIMIT_SECONDS)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        asyncio.run(self._ask_all())

    async def _ask_all(self) -> None:
        kept, fresh = self._clients
        await asyncio.gather(
            *[self._ask(keep=True) for _ in range(kept)], *[self._ask(keep=False) for _ in range(fresh)]
        )

    async def _ask(self, *, keep: bool) -> None:
        streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        while not self._stopped.is_set():
            reused = streams is not None
            if streams is None:
                try:
                    streams = await asyncio.open_connection(*self._address)
                except OSError:
                    self.refused += 1
                    return
            if not await self._exchange(*streams, keep=keep, reused=reused):
                streams[1].close()
                streams = None
        if streams is not None:
            streams[1].close()

    async def _exchange(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, keep: bool, reused: bool
    ) -> bool:
        """One request; returns whether the connection may be used again."""
        received = b""
        try:
            writer.write(self._request + (b"\r\n" if keep else b"connection: close\r\n\r\n"))
            async with asyncio.timeout(LIMIT_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
                received = head
                length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
                body = await reader.readexactly(length)
        except (OSError, asyncio.IncompleteReadError, TimeoutError) as error:
            received = received or getattr(error, "partial", b"")
            with self._changed:
                if reused and not received and not isinstance(error, TimeoutError):
                    self.crossed += 1
                else:
                    self.lost.append(f"{error!r} after {received!r}")
                self._changed.notify_all()
            return False
        with self._changed:
            self.answered += 1
            self.statuses[int(head.split()[1])] = self.statuses.get(int(head.split()[1]), 0) + 1
            self.bodies[body] = self.bodies.get(body, 0) + 1
            self._changed.notify_all()
        return keep and b"connection: close" not in head.lower()
