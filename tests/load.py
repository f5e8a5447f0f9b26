# SPDX-License-Identifier: MIT
"""`Load`: clients that keep asking a server, and a verdict on each request that they sent.

Used by tests/e2e and bench/processes.py; imports nothing of fastcorn. Each client is a thread with a blocking socket,
so that "sent" means what it says: the bytes are in the kernel, on loopback in the server's own socket.

What may be expected of a server that stops or replaces its processes:

* A connection that could not be established is *refused*: nothing was accepted, nothing is lost.
* A request on a new connection has to be answered in full. If not, it is *lost*.
* A connection that has carried an answer already may be closed by the server at any moment between two requests
  (RFC 9112 section 9.5), and a request may meet that end on the wire. Closed without one byte of an answer, it is
  *crossed*: the client knows that it may send it again. It counts as lost when it was sent before the moment that the
  caller names (a signal): it was in the server's socket by then.
* Anything cut in the middle, wrong, or silent for LIMIT_SECONDS is lost, on any connection.
"""

from __future__ import annotations

import errno
import itertools
import os
import select
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from types import TracebackType
from typing import Self

LIMIT_SECONDS = 30.0
RECEIVE_BYTES = 65536
POLL_SECONDS = 0.02

Address = tuple[str, int] | str


class Verdict(Enum):
    ANSWERED = "answered"
    CROSSED = "crossed"
    LOST = "lost"


@dataclass(frozen=True)
class Outcome:
    """What became of one request.

    Attributes:
        verdict: see above.
        client: the kind of client that sent it.
        sent_at: when its last byte had been given to the kernel (or when that failed), in seconds of time.monotonic().
        detail: what went wrong.
        worker: the process that answered, or that answered before on the same connection; "" when none had.
    """

    verdict: Verdict
    client: str
    sent_at: float
    detail: str = ""
    worker: str = ""


@dataclass
class Answer:
    """A response: status, fields by lower-case name, body."""

    status: int
    fields: dict[str, str]
    body: bytes

    @property
    def closes(self) -> bool:
        return self.fields.get("connection", "") == "close"


class NoAnswer(Exception):
    """The connection ended before the answer did.

    Attributes:
        received: bytes of the answer that had come.
    """

    def __init__(self, reason: str, received: int) -> None:
        super().__init__(f"{reason} after {received} bytes of an answer")
        self.received = received


class Link:
    """A connection to the server; `answers` counts what it has carried.

    Args:
        address: of the server.
        has_ended: says that nobody can be there any more. The kernel asks a second time only after a second.

    Raises:
        OSError: it could not be established.
    """

    def __init__(self, address: Address, has_ended: Callable[[], bool] = lambda: False) -> None:
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        self.sock = socket.socket(family)
        self.answers = 0
        self.worker = ""
        self._rest = b""
        try:
            self._connect(address, has_ended)
            self.sock.settimeout(LIMIT_SECONDS)
            if family == socket.AF_INET:
                self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except BaseException:
            self.sock.close()
            raise

    def _connect(self, address: Address, has_ended: Callable[[], bool]) -> None:
        if isinstance(address, str):
            self.sock.settimeout(LIMIT_SECONDS)
            self.sock.connect(address)
            return
        self.sock.setblocking(False)
        end = time.monotonic() + LIMIT_SECONDS
        error = self.sock.connect_ex(address)
        while error == errno.EINPROGRESS:
            ended = has_ended() or time.monotonic() > end
            if select.select([], [self.sock], [], 0 if ended else POLL_SECONDS)[1]:
                error = self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            elif ended:
                error = errno.ETIMEDOUT
        if error:
            raise OSError(error, os.strerror(error))

    def read_answer(self) -> Answer:
        """The next response, which has a length.

        Raises:
            NoAnswer: the connection ended, or LIMIT_SECONDS passed.
        """
        head = self._read(lambda data: data.find(b"\r\n\r\n") + 4 if b"\r\n\r\n" in data else 0)
        status_line, *lines = head.decode("latin-1").rstrip().split("\r\n")
        fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(fields.get("content-length", "0"))
        body = self._read(lambda data: length if len(data) >= length else 0, len(head)) if length else b""
        self.answers += 1
        self.worker = fields.get("x-worker", "")
        return Answer(int(status_line.split()[1]), fields, body)

    def _read(self, end_of: Callable[[bytes], int], before: int = 0) -> bytes:
        while not (end := end_of(self._rest)):
            try:
                data = self.sock.recv(RECEIVE_BYTES)
            except TimeoutError:
                raise NoAnswer(f"silence of {LIMIT_SECONDS:g} s", before + len(self._rest) or 1) from None
            except OSError as error:
                raise NoAnswer(type(error).__name__, before + len(self._rest)) from None
            if not data:
                raise NoAnswer("end", before + len(self._rest))
            self._rest += data
        found, self._rest = self._rest[:end], self._rest[end:]
        return found

    def close(self) -> None:
        self.sock.close()


@dataclass(frozen=True)
class Kind:
    """A kind of client.

    Attributes:
        name: for the verdicts.
        path: what it asks for; the answer's body has to be the path with its query.
        posts: sends a body in a second piece, and expects it back.
        reuses: keeps its connection for the next request.
    """

    name: str
    path: str = "/"
    posts: bool = False
    reuses: bool = False

    def pieces(self, number: int) -> tuple[list[bytes], bytes]:
        """A request as it is sent, piece by piece, and the body of its answer."""
        target = f"{self.path}?{number}"
        if not self.posts:
            return [f"GET {target} HTTP/1.1\r\nhost: load\r\n\r\n".encode()], target.encode()
        body = target.encode() * 50
        return [f"POST {target} HTTP/1.1\r\nhost: load\r\ncontent-length: {len(body)}\r\n\r\n".encode(), body], body


# Paths of tests/e2e/workload.py.
REUSED = Kind("reused", reuses=True)
FRESH = Kind("fresh")
WAITING = Kind("waiting", path="/wait/0.02")
POSTING = Kind("posting", path="/echo", posts=True, reuses=True)
MIXTURE = {REUSED: 3, FRESH: 3, WAITING: 3, POSTING: 2}


@dataclass
class Load:
    """Clients that ask until stop(), or until they are refused; use it as a context manager.

    Args:
        address: of the server: (host, port), or the path of a unix socket.
        clients: how many clients of which kind.
    """

    address: Address
    clients: dict[Kind, int] = field(default_factory=lambda: dict(MIXTURE))

    def __post_init__(self) -> None:
        self.outcomes: list[Outcome] = []
        self.answered = 0
        self.refused = 0
        self._changed = threading.Condition()
        self._numbers = itertools.count(1)
        self._stopping = self._ended = False
        self._threads = [
            threading.Thread(target=self._ask, args=(kind,), daemon=True)
            for kind, count in self.clients.items()
            for _ in range(count)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    # ---- what the caller asks --------------------------------------------------------------------------------------

    def wait_for(self, answers: int) -> None:
        """Waits until so many more requests have been answered.

        Raises:
            AssertionError: that took more than LIMIT_SECONDS, or a client has ended.
        """
        with self._changed:
            wanted = self.answered + answers
            self._changed.wait_for(lambda: self.answered >= wanted or self.refused == len(self._threads), LIMIT_SECONDS)
            assert self.answered >= wanted, f"{wanted} answers are wanted: {self}"

    def stop(self) -> None:
        """Lets every client finish the request that it has begun, and end.

        Raises:
            AssertionError: a client has not ended.
        """
        self._stopping = True
        for thread in self._threads:
            thread.join(2 * LIMIT_SECONDS)
            assert not thread.is_alive(), "a client of the load has not ended"

    def wait_refused(self) -> None:
        """Waits until every client has been refused; for a server that has ended.

        Raises:
            AssertionError: some still found a server after twice LIMIT_SECONDS.
        """
        self._ended = True
        for thread in self._threads:
            thread.join(2 * LIMIT_SECONDS)
            assert not thread.is_alive(), f"a client of the load still finds a server: {self}"

    @property
    def crossed(self) -> list[Outcome]:
        """Requests that met the end of a connection that had been used before."""
        return [outcome for outcome in self.outcomes if outcome.verdict is Verdict.CROSSED]

    def lost(self, signalled_at: float | None = None) -> list[Outcome]:
        """Requests that should have been answered.

        Args:
            signalled_at: until when also requests on connections that were used before had to be answered: they were
                in the server's socket when it began to stop.
        """
        return [
            outcome
            for outcome in self.outcomes
            if outcome.verdict is Verdict.LOST
            or (outcome.verdict is Verdict.CROSSED and signalled_at is not None and outcome.sent_at < signalled_at)
        ]

    def workers(self) -> set[str]:
        """The processes that have answered."""
        return {outcome.worker for outcome in self.outcomes if outcome.verdict is Verdict.ANSWERED}

    def __str__(self) -> str:
        return (
            f"{self.answered} answered, {self.refused} refused, {len(self.crossed)} crossed, {len(self.lost())} lost: "
            f"{self.lost()[:5]}"
        )

    # ---- one client ------------------------------------------------------------------------------------------------

    def _note(self, outcome: Outcome | None) -> None:
        with self._changed:
            if outcome is None:
                self.refused += 1
            else:
                self.outcomes.append(outcome)
                self.answered += outcome.verdict is Verdict.ANSWERED
            self._changed.notify_all()

    def _ask(self, kind: Kind) -> None:
        link: Link | None = None
        while not self._stopping:
            if link is None:
                try:
                    link = Link(self.address, lambda: self._ended)
                except OSError:
                    self._note(None)
                    return
            outcome, keep = exchange(link, kind, next(self._numbers))
            self._note(outcome)
            if not keep:
                link.close()
                link = None
        if link is not None:
            link.close()


def exchange(link: Link, kind: Kind, number: int) -> tuple[Outcome, bool]:
    """Sends one request and judges what comes; returns the outcome and whether the connection goes on."""
    pieces, expected = kind.pieces(number)
    reused, worker = link.answers > 0, link.worker
    sent_at = 0.0

    def outcome(verdict: Verdict, detail: str = "") -> Outcome:
        return Outcome(verdict, kind.name, sent_at, detail, link.worker or worker)

    try:
        for piece in pieces:
            link.sock.sendall(piece)
            sent_at = time.monotonic()
    except OSError:
        sent_at = time.monotonic()  # the server may have answered and closed before the last piece: read on
    try:
        answer = link.read_answer()
    except NoAnswer as error:
        crossed = reused and error.received == 0
        return outcome(Verdict.CROSSED if crossed else Verdict.LOST, str(error)), False
    if answer.status != 200 or answer.body != expected:
        return outcome(Verdict.LOST, f"a wrong answer: {answer}"), False
    return outcome(Verdict.ANSWERED), kind.reuses and not answer.closes
