# SPDX-License-Identifier: MIT
"""Who blocks the loop: one warning a block, with the stack and the request (fastcorn.worker.watchdog)."""

import asyncio
import logging
import sys
import threading
from typing import Any

import pytest

from fastcorn.asgi.application import wrap
from fastcorn.config import Config
from fastcorn.worker import watchdog
from fastcorn.worker.watchdog import Watchdog, application_stack, running_request
from fastcorn.worker.worker import Worker
from tests.loops import LIMIT_SECONDS, connect, each_loop, run_on

SHORT = 0.02


class Log:
    """Keeps warnings; a thread can wait for the first one."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.warned = threading.Event()

    def warning(self, text: str, *args: Any) -> None:
        self.lines.append(text % args)
        self.warned.set()


@each_loop
def test_one_warning_for_a_block_and_one_line_when_it_is_over(loop_name: str) -> None:
    log = Log()

    async def main() -> None:
        with Watchdog(SHORT, log):
            assert log.warned.wait(LIMIT_SECONDS)  # blocks the loop
            while len(log.lines) < 2:
                await asyncio.sleep(0.001)

    run_on(loop_name, main)
    assert len(log.lines) >= 2
    assert log.lines[0].startswith("the event loop has been blocked for 0.")
    assert "(slow_callback) by:\n" in log.lines[0]
    assert "assert log.warned.wait(LIMIT_SECONDS)" in log.lines[0]
    assert log.lines[1].startswith("the event loop runs again after 0.")


def test_no_limit_means_no_thread() -> None:
    async def main() -> None:
        before = threading.active_count()
        with Watchdog(None, Log()):
            assert threading.active_count() == before

    run_on("asyncio", main)


def test_it_ends_with_the_context_also_during_a_block() -> None:
    log = Log()

    async def main() -> None:
        before = threading.active_count()
        with Watchdog(SHORT, log):
            assert log.warned.wait(LIMIT_SECONDS)
        assert threading.active_count() == before

    run_on("asyncio", main)
    assert len(log.lines) == 1


def test_a_block_that_does_not_matter_is_not_told() -> None:
    log, asked = Log(), threading.Event()

    def wanted() -> bool:
        asked.set()
        return False

    async def main() -> None:
        with Watchdog(SHORT, log, wanted):
            assert asked.wait(LIMIT_SECONDS)

    run_on("asyncio", main)
    assert log.lines == []


def test_a_loop_that_answers_late_but_is_not_blocked_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """As after the process was suspended: the limit has passed, and the loop answers at once."""
    monkeypatch.setattr(watchdog, "RECOVERY_SECONDS", LIMIT_SECONDS)
    log = Log()

    async def main() -> None:
        dog = Watchdog(None, log)
        threading.Timer(2 * SHORT, dog._answered.set).start()
        assert dog._is_blocked(100 * SHORT) is False

    run_on("asyncio", main)


@each_loop
def test_the_request_is_named_as_the_client_wrote_it(loop_name: str) -> None:
    log = Log()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            assert log.warned.wait(LIMIT_SECONDS)
            await send({"type": "http.response.start", "status": 204})
            await send({"type": "http.response.body"})

    async def main() -> None:
        worker = Worker(wrap(app), Config(bind="127.0.0.1:0", errorlog=logging.getLogger("test.watchdog")))
        await worker.start()
        with Watchdog(SHORT, log), connect(worker.listeners[0].sock) as client:
            client.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_sendall(client, b"POST /a%0Ab?key=secret HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n")
            assert (await loop.sock_recv(client, 12)) == b"HTTP/1.1 204"
        await worker.stop()

    run_on(loop_name, main)
    head, _, stack = log.lines[0].partition("\n")
    assert head.endswith(" at POST /a%0Ab by:")
    assert "in app\n" in stack


def test_a_loop_between_tasks_runs_no_request() -> None:
    loop = asyncio.new_event_loop()
    try:
        assert running_request(loop) == ""
    finally:
        loop.close()


def test_stack_without_an_application_is_shown_whole() -> None:
    frame = sys._getframe()
    assert "test_stack_without_an_application_is_shown_whole" in application_stack(frame)
