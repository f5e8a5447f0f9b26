# SPDX-License-Identifier: MIT
"""The load client judges rightly: against a server that does what a script says with each connection."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests import load as load_module
from tests.load import FRESH, POSTING, REUSED, Kind, Link, Load, Verdict, exchange
from tests.loops import LIMIT_SECONDS

ONCE = Kind("once", reuses=True)


def answer(body: str, *, close: bool = False, status: int = 200, length: int | None = None) -> bytes:
    head = f"HTTP/1.1 {status} OK\r\ncontent-length: {len(body) if length is None else length}\r\nX-Worker: 7\r\n"
    return f"{head}{'connection: close' if close else 'x: y'}\r\n\r\n{body}".encode()


class Script:
    """A server: for each connection the bytes to send after each piece that it receives, then what to do at the end."""

    def __init__(self, *connections: list[bytes], reset: bool = False) -> None:
        self.sock = socket.create_server(("127.0.0.1", 0))
        self.sock.settimeout(LIMIT_SECONDS)
        self.connections = connections
        self.reset = reset
        self.thread = threading.Thread(target=self.run, daemon=True)

    @property
    def address(self) -> tuple[str, int]:
        host, port = self.sock.getsockname()
        return host, port

    def run(self) -> None:
        for answers in self.connections:
            accepted, _ = self.sock.accept()
            with accepted:
                accepted.settimeout(LIMIT_SECONDS)
                for data in answers:
                    accepted.recv(65536)
                    accepted.sendall(data)
                if self.reset:
                    if len(answers) == 1:
                        accepted.recv(65536)
                    accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.sock.close()


@contextmanager
def scripted(*connections: list[bytes], reset: bool = False) -> Iterator[Script]:
    script = Script(*connections, reset=reset)
    script.thread.start()
    try:
        yield script
    finally:
        script.thread.join(LIMIT_SECONDS)


@pytest.mark.parametrize(
    ("data", "verdict", "goes_on"),
    [
        (answer("/?1"), Verdict.ANSWERED, True),
        (answer("/?1", close=True), Verdict.ANSWERED, False),
        (answer("/?2"), Verdict.LOST, False),
        (answer("/?1", status=503), Verdict.LOST, False),
        (answer("/?1", length=10), Verdict.LOST, False),
        (b"HTTP/1.1 200 OK\r\n", Verdict.LOST, False),
        (b"", Verdict.LOST, False),
    ],
)
def test_first_request(data: bytes, verdict: Verdict, goes_on: bool) -> None:
    with scripted([data]) as script:
        link = Link(script.address)
        outcome, keep = exchange(link, ONCE, 1)
        link.close()
    assert (outcome.verdict, keep) == (verdict, goes_on)
    assert outcome.worker == ("7" if b"7" in data and verdict is not Verdict.LOST else outcome.worker)


@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize(("data", "verdict"), [(b"", Verdict.CROSSED), (b"HTTP", Verdict.LOST)])
def test_second_request_of_a_connection(data: bytes, verdict: Verdict, reset: bool) -> None:
    """Closed without a byte of an answer it has crossed the end of the connection; cut in the middle it is lost."""
    answers = [answer("/?1"), *([data] if data else [])]
    with scripted(answers, reset=reset) as script:
        link = Link(script.address)
        assert exchange(link, ONCE, 1)[0].verdict is Verdict.ANSWERED
        if not data and not reset:
            script.thread.join(LIMIT_SECONDS)
        outcome, keep = exchange(link, ONCE, 2)
        link.close()
    assert (outcome.verdict, keep) == (verdict, False)
    assert outcome.worker == "7"


def test_silence_is_a_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load_module, "LIMIT_SECONDS", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        link = Link(silent.getsockname())
        link.answers = 1  # not crossed either: the connection has not ended
        outcome, _ = exchange(link, ONCE, 1)
        link.close()
    assert outcome.verdict is Verdict.LOST
    assert "silence" in outcome.detail


def test_body_is_sent_in_pieces_and_expected_back() -> None:
    pieces, expected = POSTING.pieces(5)
    assert len(pieces) == 2
    assert pieces[0].endswith(b"\r\n\r\n")
    assert pieces[1] == expected == b"/echo?5" * 50


def test_refused_clients_end() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        address = closed.getsockname()
    with Load(address, {FRESH: 2, REUSED: 2}) as load:
        load.wait_refused()
    assert load.refused == 4
    assert load.outcomes == []
    with pytest.raises(AssertionError, match="1 answers are wanted"):
        load.wait_for(1)


def test_load_counts_and_ends() -> None:
    stop = threading.Event()

    def serve(sock: socket.socket) -> None:
        while not stop.is_set():
            accepted, _ = sock.accept()
            with accepted:
                target = accepted.recv(65536).split(b" ")[1].decode() if not stop.is_set() else ""
                accepted.sendall(answer(target, close=True))

    with socket.create_server(("127.0.0.1", 0)) as sock:
        address = sock.getsockname()
        thread = threading.Thread(target=serve, args=(sock,), daemon=True)
        thread.start()
        with Load(address, {FRESH: 2, REUSED: 1}) as load:
            load.wait_for(10)
            load.wait_for(10)
        stop.set()
        socket.create_connection(address).close()
        thread.join(LIMIT_SECONDS)
    assert load.answered >= 20
    assert load.lost() == load.crossed == []
    assert load.workers() == {"7"}
    assert "0 lost" in str(load)


def test_crossed_requests_that_were_sent_before_a_signal_are_lost() -> None:
    load = Load(("127.0.0.1", 1), {})
    early = time.monotonic()
    with scripted([answer("/?1")]) as script:
        link = Link(script.address)
        exchange(link, ONCE, 1)
        script.thread.join(LIMIT_SECONDS)
        load.outcomes.append(exchange(link, ONCE, 2)[0])
        link.close()
    assert load.crossed == load.outcomes
    assert load.lost() == load.lost(early) == []
    assert load.lost(time.monotonic()) == load.outcomes
