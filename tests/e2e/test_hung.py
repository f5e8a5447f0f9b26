# SPDX-License-Identifier: MIT
"""Workers whose event loop stands still: they are named, their stacks are told, and they are replaced."""

import os
import re
import signal
import sys
from pathlib import Path

import pytest

from tests.e2e.workers import is_gone, serving, wait_until
from tests.load import FRESH, Load
from tests.loops import LOOPS

if sys.platform == "win32":
    pytest.skip("Windows has neither fork nor these signals", allow_module_level=True)


@pytest.mark.parametrize(
    ("loop_name", "accept"),
    [
        (LOOPS[-1], "shared"),
        pytest.param(LOOPS[0], "shared", marks=pytest.mark.slow),
        pytest.param(LOOPS[-1], "reuseport", marks=pytest.mark.slow),
    ],
)
def test_hung_worker_is_replaced_and_others_serve(tmp_path: Path, loop_name: str, accept: str) -> None:
    arguments = ["--workers", "2", "--worker-timeout", "2", "-k", loop_name, "--accept", accept]
    with serving(tmp_path, *arguments) as server:
        link = server.send("/block")
        blocked = int(server.command.wait_for(r"blocking in process (\d+)")[1])
        other = next(pid for pid in server.wait_ready(2) if pid != blocked)
        with Load(server.address, {FRESH: 4}) as load:
            if accept == "shared":
                load.wait_for(50)
            server.wait_for(rf"\(pid {blocked}\) has not answered for [^\n]*: its stacks follow, then it is killed")
            server.wait_for(rf"\(pid {blocked}\) has ended after [^\n]*: it did not answer")
            server.wait_ready(3)
            load.wait_for(50)
        wait_until(lambda: is_gone(blocked))
        assert re.search(r'File ".*main\.py", line \d+ in request', server.command.err)
        assert not is_gone(other)
        assert load.lost() == []
        assert load.refused == 0
        assert str(blocked) not in load.workers()
        link.close()
        assert server.stop() == 0


def test_stopped_worker_is_replaced(tmp_path: Path) -> None:
    """SIGSTOP stops a whole process, so it cannot even tell its stacks."""
    with serving(tmp_path, "--workers", "2", "--worker-timeout", "1") as server:
        first = server.wait_ready(2)[0]
        os.kill(first, signal.SIGSTOP)
        server.wait_for(rf"\(pid {first}\) has ended after [^\n]*: it did not answer")
        server.wait_ready(3)
        server.is_fine()
        assert server.stop() == 0


def test_hung_worker_does_not_hold_the_stop(tmp_path: Path) -> None:
    with serving(tmp_path, "--workers", "2", "--worker-timeout", "2") as server:
        link = server.send("/block")
        server.wait_for("blocking")
        server.command.signal(signal.SIGTERM)
        assert server.command.wait() != 0
        assert "its stacks follow" in server.command.err
        assert server.command.err.count("application has shut down") == 1
        link.close()


@pytest.mark.parametrize("workers", ["0", "2"])
def test_what_blocks_the_loop_is_named(tmp_path: Path, workers: str) -> None:
    with serving(tmp_path, "--workers", workers, "--slow-callback", "0.2") as server:
        link = server.send("/block")
        server.wait_for(r"the event loop has been blocked for [^\n]* \(slow_callback\) at GET /block by:")
        (tmp_path / "unblock").touch()
        server.wait_for(r"the event loop runs again after")
        assert link.read_answer().status == 200
        link.close()
        assert re.search(r'File ".*main\.py", line \d+, in request\n', server.command.err)
        server.command.signal(signal.SIGTERM)
        assert server.command.wait() == 0
