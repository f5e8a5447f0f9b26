# SPDX-License-Identifier: MIT
"""Replacing workers under load: nobody is refused, and no request is lost but those on a worker that was killed."""

import os
import re
import signal
import time
from pathlib import Path

import pytest

from tests.e2e.workers import ROLLED, Server, is_gone, processes_of, serving, wait_until
from tests.load import REUSED, Load

# The old worker, which may take a connection until it has read that it retires.
ENDED = r"has ended after [^\n]*: SIGHUP"
ACCEPT = pytest.mark.parametrize("accept", ["shared", "reuseport"])


def nothing_lost(load: Load) -> None:
    """Fails when somebody was refused or a request is lost."""
    load.stop()
    assert load.lost() == [], str(load)
    assert load.refused == 0


@ACCEPT
def test_hangup_five_times(tmp_path: Path, accept: str) -> None:
    with serving(tmp_path, "--workers", "2", "--accept", accept) as server, Load(server.address) as load:
        load.wait_for(100)
        for number in range(1, 6):
            server.command.signal(signal.SIGHUP)
            server.wait_for(ROLLED, number)
            load.wait_for(50)
        nothing_lost(load)
        assert len(server.ready()) == 12
        assert len(load.workers()) >= 6
        assert server.stop() == 0
        assert server.command.err.count("application has shut down") == 12


@ACCEPT
def test_max_requests(tmp_path: Path, accept: str) -> None:
    arguments = ["--workers", "2", "--accept", accept, "--max-requests", "500", "--max-requests-jitter", "100"]
    with serving(tmp_path, *arguments) as server, Load(server.address) as load:
        server.wait_ready(5)
        nothing_lost(load)
        assert server.stop() == 0
    counts = re.findall(r"retires: it has served (\d+) requests \(max_requests\)", server.command.err)
    assert len(counts) >= 3
    assert all(500 <= int(count) <= 600 for count in counts)


@ACCEPT
def test_terminated_worker_is_replaced(tmp_path: Path, accept: str) -> None:
    with serving(tmp_path, "--workers", "2", "--accept", accept) as server, Load(server.address) as load:
        first = server.wait_ready(2)[0]
        load.wait_for(100)
        os.kill(first, signal.SIGTERM)
        server.wait_ready(3)
        wait_until(lambda: is_gone(first))
        load.wait_for(50)
        nothing_lost(load)
        assert "to be replaced: SIGTERM" in server.command.err
        assert server.stop() == 0


@ACCEPT
def test_killed_worker_loses_only_what_it_ran(tmp_path: Path, accept: str) -> None:
    with serving(tmp_path, "--workers", "2", "--accept", accept) as server, Load(server.address) as load:
        first = server.wait_ready(2)[0]
        load.wait_for(100)
        os.kill(first, signal.SIGKILL)
        server.wait_for(rf"worker 1 \(pid {first}\) has ended .*killed by SIGKILL")
        ended_at = time.monotonic()
        server.wait_ready(3)
        load.wait_for(50)
        load.stop()
        assert load.refused == 0
        gone = load.lost(ended_at)
        # A client whose connection the killed worker had may send its request a moment later; each has one at most.
        assert all(outcome.worker in ("", str(first)) for outcome in gone), gone
        assert len(gone) <= sum(load.clients.values())
        assert server.stop() == 0


@ACCEPT
def test_more_and_fewer_workers(tmp_path: Path, accept: str) -> None:
    arguments = ["--workers", "1", "--max-requests", "1000000", "--accept", accept]
    with serving(tmp_path, *arguments) as server, Load(server.address) as load:
        for count in (2, 3):
            server.command.signal(signal.SIGTTIN)
            server.wait_ready(count)
        load.wait_for(100)
        for wanted in (2, 1):
            server.command.signal(signal.SIGTTOU)
            server.wait_for(f"has ended .*{wanted} workers are wanted")
        server.command.signal(signal.SIGTTOU)
        server.wait_for("SIGTTOU: the number of workers stays at 1")
        load.wait_for(100)
        nothing_lost(load)
        assert server.stop() == 0


def test_broken_application_changes_nothing(tmp_path: Path) -> None:
    with serving(tmp_path, "--workers", "2") as server, Load(server.address) as load:
        before = server.wait_ready(2)
        source = (tmp_path / "main.py").read_text()
        (tmp_path / "main.py").write_text("1 +")
        server.command.signal(signal.SIGHUP)
        server.wait_for("SIGHUP failed; the workers from before go on")
        assert "SyntaxError" in server.command.err
        load.wait_for(100)
        assert load.workers() <= {str(pid) for pid in before}
        (tmp_path / "main.py").write_text(source.replace("version one", "a later version"))
        server.command.signal(signal.SIGHUP)
        server.wait_for(ENDED, 2)
        nothing_lost(load)
        assert server.ask("/message")[1] == b"a later version"


def test_preloaded_application_is_loaded_again(tmp_path: Path) -> None:
    with serving(tmp_path, "--workers", "2", "--preload") as server:
        assert server.ask("/message")[1] == b"version one"
        source = (tmp_path / "main.py").read_text()
        (tmp_path / "main.py").write_text(source.replace("version one", "a later version"))
        server.command.signal(signal.SIGHUP)
        server.wait_for(ENDED, 2)
        assert server.ask("/message")[1] == b"a later version"
        assert server.stop() == 0


def test_running_request_outlives_its_replacement(tmp_path: Path) -> None:
    with serving(tmp_path, "--workers", "1", "--max-requests", "1000000") as server:
        link = server.send("/gate")
        kept = server.send()
        worker = kept.read_answer().fields["x-worker"]
        server.command.signal(signal.SIGHUP)
        assert kept.sock.recv(1) == b"", "it is idle, so it is closed when the worker retires"
        (tmp_path / "gate").touch()
        answer = link.read_answer()
        assert (answer.status, answer.closes) == (200, True)
        assert answer.fields["x-worker"] == worker
        assert server.ask()[0] == str(server.ready()[1])
        for connection in (link, kept):
            connection.close()
        assert server.stop() == 0


def test_only_worker_is_replaced(tmp_path: Path) -> None:
    """Between the old one and the new one there is no moment in which nobody listens."""
    arguments = ["--workers", "1", "--max-requests", "200"]
    with serving(tmp_path, *arguments) as server, Load(server.address) as load:
        server.wait_ready(4)
        nothing_lost(load)
        assert server.stop() == 0


def test_stop_in_the_middle_of_a_restart(tmp_path: Path) -> None:
    with serving(tmp_path, "--workers", "3") as server, Load(server.address) as load:
        load.wait_for(50)
        server.command.signal(signal.SIGHUP)
        server.wait_ready(4)
        signalled_at = time.monotonic()
        assert server.stop() == 0
        load.wait_refused()
        assert load.lost(signalled_at) == []


@ACCEPT
def test_restarts_leave_no_descriptor_behind(tmp_path: Path, accept: str) -> None:
    with serving(tmp_path, "--workers", "2", "--accept", accept) as server:
        before = descriptors(server)
        for number in range(1, 4):
            server.command.signal(signal.SIGHUP)
            server.wait_for(ENDED, 2 * number)
        assert descriptors(server) == before
        assert server.stop() == 0


def descriptors(server: Server) -> list[int]:
    """How many descriptors are open in the supervisor and in its two newest workers."""
    server.command.url()
    return [len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in (server.supervisor, *server.ready()[-2:])]


def test_everything_at_once(tmp_path: Path) -> None:
    """Signals that come faster than they can be obeyed end in a server with the right number of workers."""
    with serving(tmp_path, "--workers", "2") as server, Load(server.address, {REUSED: 4}) as load:
        load.wait_for(50)
        for number in (signal.SIGHUP, signal.SIGTTIN, signal.SIGHUP, signal.SIGTTOU, signal.SIGUSR1, signal.SIGHUP):
            server.command.signal(number)
            load.wait_for(5)
        server.wait_for(ROLLED)
        load.wait_for(50)
        nothing_lost(load)
        check_settled(server, 2)
        assert server.stop() == 0


def check_settled(server: Server, workers: int) -> None:
    """Waits until so many processes serve, beside the supervisor."""
    wait_until(lambda: len(processes_of(server.folder)) == workers + 1)
