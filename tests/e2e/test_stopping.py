# SPDX-License-Identifier: MIT
"""Stopping under load: whoever was connected is answered, whatever the number of processes."""

import contextlib
import signal
import socket
import time
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.e2e.workers import Server, serving
from tests.load import Link, Load
from tests.loops import LIMIT_SECONDS, LOOPS

PROCESSES = {
    "in this process": ["--workers", "0"],
    "one worker": ["--workers", "1", "--max-requests", "1000000"],
    "two workers": ["--workers", "2"],
    "two sockets": ["--workers", "2", "--accept", "reuseport"],
}
each_processes = pytest.mark.parametrize("arguments", PROCESSES.values(), ids=PROCESSES.keys())


def stop_under_load(server: Server, number: int, answers: int = 300) -> Load:
    """Signals a server that clients keep asking; returns what became of their requests."""
    with Load(server.address) as load:
        load.wait_for(answers)
        signalled_at = time.monotonic()
        assert server.stop(number) == 0
        load.wait_refused()
    assert load.lost(signalled_at) == []
    return load


@each_processes
@pytest.mark.parametrize(("number", "loop_name"), [(signal.SIGTERM, LOOPS[-1]), (signal.SIGINT, LOOPS[0])])
def test_no_accepted_request_is_lost(tmp_path: Path, arguments: list[str], number: int, loop_name: str) -> None:
    with serving(tmp_path, *arguments, "-k", loop_name) as server:
        load = stop_under_load(server, number)
        assert load.workers() <= {str(pid) for pid in server.ready() or [server.supervisor]}
        workers = len(server.ready()) or 1
        assert server.command.err.count("application has shut down") == workers


@each_processes
def test_no_accepted_request_is_lost_on_a_unix_socket(tmp_path: Path, arguments: list[str]) -> None:
    with serving(tmp_path, *arguments, bind=f"unix:{tmp_path}/socket") as server:
        stop_under_load(server, signal.SIGTERM)


def test_drain_delay_goes_on_accepting(tmp_path: Path) -> None:
    """Balancers that still send connections after the signal are served until the delay is over, or cut short."""
    with serving(tmp_path, "--workers", "2", "--drain-delay", "600") as server, Load(server.address) as load:
        load.wait_for(100)
        server.command.signal(signal.SIGTERM)
        server.wait_for("Stopping")
        load.wait_for(200)
        assert load.lost() == []
        server.command.signal(signal.SIGTERM)
        assert server.command.wait() == 128 + signal.SIGTERM
        load.wait_refused()


class Crowd:
    """The clients of the next test, all of whom the server has taken notice of."""

    def __init__(self, server: Server) -> None:
        self.idle = [self.answered(server) for _ in range(200)]
        self.streams = [server.send("/endless") for _ in range(20)]
        for link in self.streams:
            assert link.sock.recv(4) == b"HTTP"
        url = server.command.url().replace("http", "ws", 1)
        self._open = contextlib.ExitStack()
        self.websockets = [self._open.enter_context(connect(url, open_timeout=LIMIT_SECONDS)) for _ in range(20)]
        self.slow = [server.send("/wait/2") for _ in range(20)]

    def answered(self, server: Server) -> Link:
        link = server.send()
        assert link.read_answer().status == 200
        return link

    def close(self) -> None:
        for link in (*self.idle, *self.streams, *self.slow):
            link.close()
        self._open.close()


def rest_of(link: Link) -> bytes:
    """What comes until the connection ends, or is reset."""
    parts = []
    try:
        while data := link.sock.recv(65536):
            parts.append(data)
    except ConnectionResetError:
        pass
    return b"".join(parts)


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["0", "2"])
def test_crowd_of_every_kind(tmp_path: Path, workers: str) -> None:
    """Slow requests are answered, idle connections closed, WebSockets told to come again, endless streams cut."""
    with serving(tmp_path, "--workers", workers, "--graceful-timeout", "4") as server:
        crowd = Crowd(server)
        assert server.stop() == 0
        for link in crowd.slow:
            assert link.read_answer().status == 200
        assert [link.sock.recv(1) for link in crowd.idle] == [b""] * 200
        for link in crowd.streams:
            received = rest_of(link)
            assert b"tick" in received
            assert not received.endswith(b"0\r\n\r\n"), "a cut stream must not look complete"
        for websocket in crowd.websockets:
            with pytest.raises(ConnectionClosed) as closed:
                websocket.recv(LIMIT_SECONDS)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1012
        crowd.close()
        assert server.command.err.count("websocket has ended with 1012") == 20
        assert server.command.err.count("stream was cancelled") == 20
        assert server.command.err.count("application has shut down") == max(1, int(workers))
        assert "graceful_timeout (4 s) is over" in server.command.err


@pytest.mark.parametrize("workers", ["0", "2"])
def test_second_signal_forces(tmp_path: Path, workers: str) -> None:
    with serving(tmp_path, "--workers", workers) as server:
        link = server.send("/endless")
        assert link.sock.recv(4) == b"HTTP"
        server.command.signal(signal.SIGINT)
        server.wait_for("Stopping")
        server.command.signal(signal.SIGINT)
        assert server.command.wait() == 128 + signal.SIGINT
        rest_of(link)
        link.close()
        assert server.command.err.count("application has shut down") == max(1, int(workers))


def test_client_that_never_closes_holds_nobody(tmp_path: Path) -> None:
    """Connected and silent, half a head, half a body, and one that was answered: none of them delays the end."""
    halves = [b"", b"GET / HT", b"POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nhalf"]
    with serving(tmp_path, "--workers", "2", "--graceful-timeout", "1") as server:
        links = [Link(server.address) for _ in halves]
        for link, half in zip(links, halves, strict=True):
            link.sock.sendall(half)
        idle = server.send()
        assert idle.read_answer().status == 200
        assert server.stop() == 0
        assert idle.sock.recv(1) == b""
        for link in (*links, idle):
            link.sock.shutdown(socket.SHUT_RD)
            link.close()
