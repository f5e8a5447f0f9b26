# SPDX-License-Identifier: MIT
"""A worker's side of the talk with its supervisor, on a loop, with a worker that only keeps what it is asked for."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
from collections.abc import Collection, Coroutine, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

if sys.platform == "win32":
    pytest.skip("Windows has no fork", allow_module_level=True)

from fastcorn.config import Config
from fastcorn.worker.channel import Channel
from fastcorn.worker.child import Line, beat_interval, dump_target, watch_lifeline
from tests.loops import LIMIT_SECONDS, each_loop, run_on, until

SELDOM = 10 * LIMIT_SECONDS


class Worker:
    """What a Line and serve_worker() ask of a worker."""

    def __init__(self) -> None:
        self.error_log = logging.getLogger("test.child")
        self.log = SimpleNamespace(reopen=lambda: self.asked.append("reopen"))
        self.listeners = [SimpleNamespace(address="127.0.0.1:1")]
        self.asked: list[Any] = []
        self.ready = False
        self.may_start = asyncio.Event()
        self.may_start.set()
        self.on_started: Any = None
        self.on_recycle: Any = None

    async def start(self) -> None:
        await self.may_start.wait()
        self.ready = True
        self.on_started()

    async def stop(self, leave_queues: Collection[str] = ()) -> None:
        self.asked.append(("stop", *leave_queues))

    def force(self) -> None:
        self.asked.append("force")


@pytest.fixture(autouse=True)
def handler_of_before() -> Iterator[None]:
    """A worker keeps its handler for the rest of its life, this process does not."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


class Talk:
    """A Line that serves, and the supervisor's end of its channel."""

    def __init__(self, interval: float = SELDOM) -> None:
        self.worker = Worker()
        self.ours, self.theirs = Channel.pair()
        self.noticed = threading.Event()
        self.line = Line(self.worker, self.theirs, interval, self.noticed)  # type: ignore[arg-type]
        self.heard: list[tuple[str, str]] = []
        self.serving = asyncio.ensure_future(self.line.serve())

    async def hear(self, *expected: str) -> None:
        """Waits until the messages so far begin with these."""
        verbs = list[str]()

        def come() -> bool:
            self.heard += self.ours.receive()
            verbs[:] = [" ".join(message).strip() for message in self.heard]
            return len(verbs) >= len(expected)

        await until(come)
        assert verbs[: len(expected)] == list(expected)

    async def ended(self) -> int:
        code = await self.serving
        self.ours.close()
        self.theirs.close()
        return code


def talk(loop_name: str, main: Any, interval: float = SELDOM) -> None:
    def run() -> Coroutine[Any, Any, None]:
        async def bounded() -> None:
            await main(Talk(interval))

        return bounded()

    run_on(loop_name, run)


@each_loop
def test_a_life(loop_name: str) -> None:
    async def main(talk: Talk) -> None:
        await talk.hear("beat", "ready")
        talk.worker.on_recycle("it has served 500 requests (max_requests)")
        await talk.hear("beat", "ready", "recycle it has served 500 requests (max_requests)")
        talk.ours.send("reopen")
        talk.ours.send("retire", "127.0.0.1:1 [::1]:1")
        assert await talk.serving == 0
        await talk.hear("beat", "ready", "recycle it has served 500 requests (max_requests)", "leaving")
        assert talk.worker.asked[0] == "reopen"
        assert sorted(talk.worker.asked[1]) == sorted(("stop", "127.0.0.1:1", "[::1]:1"))
        await talk.ended()

    talk(loop_name, main)


@each_loop
def test_beats_go_on_while_it_starts(loop_name: str) -> None:
    async def main(talk: Talk) -> None:
        talk.worker.may_start.clear()
        await talk.hear("beat", "beat", "beat")
        talk.ours.send("stop")
        assert await talk.ended() == 0
        assert talk.worker.asked == []

    talk(loop_name, main, 0.001)


@each_loop
def test_stop_then_force(loop_name: str) -> None:
    async def main(talk: Talk) -> None:
        await talk.hear("beat", "ready")
        talk.ours.send("stop")
        talk.ours.send("force")
        talk.ours.send("a verb of another version")
        assert await talk.ended() == 0
        assert talk.worker.asked == ["force", ("stop",)]

    talk(loop_name, main)


@each_loop
def test_a_supervisor_that_has_gone_is_noticed(loop_name: str) -> None:
    async def main(talk: Talk) -> None:
        await talk.hear("beat", "ready")
        talk.ours.close()
        assert await talk.serving == 0
        assert talk.noticed.is_set()
        assert talk.worker.asked == [("stop",)]
        await talk.ended()

    talk(loop_name, main)


@each_loop
def test_sigterm_asks_for_a_successor_and_a_second_one_stops(loop_name: str) -> None:
    async def main(talk: Talk) -> None:
        await talk.hear("beat", "ready")
        os.kill(os.getpid(), signal.SIGTERM)
        await talk.hear("beat", "ready", "recycle SIGTERM")
        assert talk.worker.asked == []
        os.kill(os.getpid(), signal.SIGTERM)
        assert await talk.ended() == 0
        assert talk.worker.asked == [("stop", "127.0.0.1:1")]

    talk(loop_name, main)


@each_loop
def test_sigterm_during_the_start_ends_it(loop_name: str) -> None:
    async def main(talk: Talk) -> None:
        talk.worker.may_start.clear()
        await talk.hear("beat")
        os.kill(os.getpid(), signal.SIGTERM)
        assert await talk.ended() == 0

    talk(loop_name, main)


@pytest.mark.parametrize(("timeout", "interval"), [(None, 1), (30, 1), (4, 1), (2, 0.5), (0.1, 0.025)])
def test_beats_are_several_in_a_timeout(timeout: float | None, interval: float) -> None:
    assert beat_interval(timeout) == interval


@pytest.mark.parametrize("noticed", [False, True])
def test_a_process_does_not_outlive_its_supervisor(noticed: bool) -> None:
    settings = Config(
        worker_timeout=0.1 if not noticed else SELDOM, graceful_timeout=0, shutdown_timeout=0.001
    ).freeze()  # fmt: skip
    codes: list[int] = []
    ended, event = threading.Event(), threading.Event()

    def end(code: int) -> None:
        codes.append(code)
        ended.set()

    if noticed:
        event.set()
    reader, writer = os.pipe()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fastcorn.worker.child.SPARE_SECONDS", 0.01)
        watch_lifeline(reader, settings, event, end)
    assert codes == []
    os.close(writer)
    assert ended.wait(LIMIT_SECONDS)
    os.close(reader)
    assert codes == [1]


def test_stacks_go_to_the_error_log(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "error.log"
    config = Config(errorlog=str(path))
    target = dump_target(config)
    os.write(target if isinstance(target, int) else target.fileno(), b"stack\n")
    for handler in config.log.error_logger.handlers[:]:
        config.log.error_logger.removeHandler(handler)
        handler.close()
    assert path.read_text().endswith("stack\n")
    monkeypatch.setattr(sys, "stderr", None)
    assert dump_target(Config(errorlog=None)) is None
