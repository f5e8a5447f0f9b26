# SPDX-License-Identifier: MIT
"""A supervisor whose processes and clock are the test's: nothing is forked and nothing waits."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from typing import Any

from fastcorn.asgi.application import Application
from fastcorn.config import Config
from fastcorn.supervisor.plan import Plan
from fastcorn.supervisor.supervisor import TURN_SECONDS, Supervisor
from fastcorn.worker.channel import Channel


def no_application(settings: Any) -> Application:
    raise AssertionError("workers load the application, not the supervisor")


class World:
    """A supervisor that has begun, and the far end of everything it talks to.

    Args:
        reread: gives the configuration for SIGHUP.
        **settings: settings.
    """

    def __init__(self, *, reread: Callable[[], Config] | None = None, **settings: Any) -> None:
        self.now = 1000.0
        self.forked: list[int] = []
        self.killed: list[tuple[int, int]] = []
        self.lines: list[str] = []
        self._ended: list[tuple[int, int]] = []
        self._channels: dict[int, Channel] = {}
        self.settings = {"bind": "127.0.0.1:0", "errorlog": self._logger(), **settings}
        plan = Plan(Config(**self.settings), no_application)
        plan.bind()
        self.supervisor = Supervisor(plan, reread, processes=self, clock=lambda: self.now)  # type: ignore[arg-type]
        self.supervisor._timers.wait = lambda most: 0.0  # type: ignore[method-assign]
        self.supervisor._lifeline = os.pipe()
        self.supervisor._begin()
        self.turn()

    def _logger(self) -> logging.Logger:
        logger = logging.Logger("supervisor", logging.INFO)
        handler = logging.Handler()
        handler.emit = lambda record: self.lines.append(record.getMessage())  # type: ignore[method-assign]
        logger.addHandler(handler)
        return logger

    # What the supervisor calls, in place of fastcorn.supervisor.process.Processes.

    def fork(self, run: Any) -> int:
        pid = 101 + len(self.forked)
        self.forked.append(pid)
        theirs = next(value for value in run.args if isinstance(value, tuple))[1]
        self._channels[pid] = Channel(theirs._sock.dup())
        return pid

    def other_threads(self) -> list[str]:
        return []

    def kill(self, pid: int, number: int) -> None:
        self.killed.append((pid, number))

    def reap(self, pids: list[int]) -> list[tuple[int, int]]:
        ended, self._ended = [entry for entry in self._ended if entry[0] in pids], []
        return ended

    # What workers and the clock do.

    def turn(self, seconds: float = 0.0) -> None:
        """Moves the clock and lets the supervisor run until it has nothing more to do now."""
        end = self.now + seconds
        while self.now < end:
            self.now = min(end, self.now + TURN_SECONDS)
            self.supervisor.turn()
        for _ in range(4):
            self.supervisor.turn()

    def stand_still(self, seconds: float) -> None:
        """The supervisor is stopped for a while, as by Ctrl+Z; its workers may have been too."""
        self.now += seconds
        self.turn()

    def say(self, pid: int, verb: str, argument: str = "") -> None:
        self._channels[pid].send(verb, argument)
        self.turn()

    def ready(self, *pids: int) -> None:
        for pid in pids:
            self.say(pid, "ready")

    def die(self, pid: int, code: int = 0, *, by_signal: int = 0) -> None:
        """A worker ends; code and signal as in a wait status."""
        self._ended.append((pid, by_signal or code << 8))
        self._channels[pid].close()
        self.turn()

    def told(self, pid: int) -> list[str]:
        """The verbs that a worker was told since the last call."""
        return [verb for verb, _ in self._channels[pid].receive()]

    @property
    def alive(self) -> list[int]:
        return sorted(self.supervisor.workers)

    def close(self) -> None:
        for worker in self.supervisor.workers.values():
            worker.channel.close()
        self.supervisor.workers.clear()
        self.supervisor._end()
        for channel in self._channels.values():
            channel.close()
