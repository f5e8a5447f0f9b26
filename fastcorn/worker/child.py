# SPDX-License-Identifier: MIT
"""What a supervisor's worker process does after the fork: serves, tells how it goes, obeys, and outlives nobody.

Called by fastcorn.supervisor in the new process; calls fastcorn.worker.process. Facts that shape it: Ctrl+C in a
terminal reaches every process of the group, so the stop is the supervisor's to decide and the signals of the terminal
and of operators are ignored here (by handlers, not SIG_IGN, which the application's own subprocesses would inherit);
SIGTERM to a worker asks the supervisor to replace it.
"""

from __future__ import annotations

import asyncio
import faulthandler
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fastcorn.errors import EXIT_FAILURE
from fastcorn.observability.files import LogFile
from fastcorn.worker.channel import Channel
from fastcorn.worker.process import run_worker
from fastcorn.worker.serving import Serving, serve_worker
from fastcorn.worker.worker import Worker

if TYPE_CHECKING:
    from fastcorn.config import Config, Settings
    from fastcorn.config.sockets import Sockets
    from fastcorn.worker.balance import Balance
    from fastcorn.worker.process import Loader

# The supervisor sends it to a worker that does not answer, which then writes its stacks; the handler is in C, so it
# works while Python does not.
DUMP_SIGNAL = getattr(signal, "SIGQUIT", 3)
IGNORED_SIGNALS = ("SIGINT", "SIGHUP", "SIGTTIN", "SIGTTOU", "SIGUSR1", "SIGUSR2", "SIGCHLD")

# A heartbeat each second is enough for a timeout of seconds; shorter timeouts get four beats.
BEAT_SECONDS = 1.0
BEATS_IN_TIMEOUT = 4

# What a graceful stop may take beyond its own timeouts when nobody is left to end it.
SPARE_SECONDS = 5.0


@dataclass
class Post:
    """What a worker process is given.

    Attributes:
        config: the settings.
        loader: makes the application.
        sockets: bound sockets; their files are the supervisor's to remove.
        channel: this worker's end.
        balance: spreads the connections of shared sockets over the workers.
        lifeline: a descriptor that reads as ended when the supervisor has gone.
    """

    config: Config
    loader: Loader
    sockets: Sockets
    channel: Channel
    balance: Balance
    lifeline: int


def run_child(post: Post) -> int:
    """Serves until the supervisor says stop or has gone; returns the exit code of this process."""
    take_signals(post.config)
    settings = post.config.freeze()
    noticed = threading.Event()
    watch_lifeline(post.lifeline, settings, noticed)

    async def main(worker: Worker) -> int:
        return await Line(worker, post.channel, beat_interval(settings.worker_timeout), noticed).serve()

    return run_worker(post.config, post.loader, main, sockets=post.sockets, balance=post.balance, announce=False)


def take_signals(config: Config) -> None:
    """Gives the signals of this process the meaning they have in a worker."""
    signal.set_wakeup_fd(-1)
    numbers = [getattr(signal, name) for name in IGNORED_SIGNALS if hasattr(signal, name)]
    for number in numbers:
        signal.signal(number, ignore)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    target = dump_target(config)
    if target is not None:
        faulthandler.enable(target)
        faulthandler.register(DUMP_SIGNAL, target, all_threads=True, chain=False)
    # The supervisor blocked them for the fork.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM, *numbers])


def ignore(number: int, frame: object) -> None:
    """A signal that is not a worker's business."""


def dump_target(config: Config) -> Any:
    """The open file that stacks are written to: that of the error log where it has one, else stderr.

    faulthandler writes to a descriptor, whatever has become of it. A LogFile keeps its descriptor for good; of the
    files of other handlers, which may be closed when they are rotated, a copy of the descriptor is taken.
    """
    try:
        handlers = getattr(config.log.error_logger, "handlers", ())
    except Exception:
        handlers = ()
    streams: list[Any] = [*(getattr(handler, "stream", None) for handler in handlers), sys.stderr]
    for stream in streams:
        try:
            descriptor = stream.fileno()
            kept = descriptor <= 2 or any(isinstance(handler, LogFile) for handler in handlers)
            return stream if kept else os.dup(descriptor)
        except (AttributeError, OSError, ValueError):
            continue
    return None


def watch_lifeline(
    lifeline: int, settings: Settings, noticed: threading.Event, end: Callable[[int], None] = os._exit
) -> None:
    """Ends this process some time after the supervisor has gone, whatever the event loop does then.

    A loop that runs notices it by its channel and stops gracefully; one that does not within worker_timeout is hung,
    and nobody else is left to end it. There is no flush at that end: what hangs may hold the lock of a log.

    Args:
        lifeline: a descriptor that reads as ended when the supervisor has gone.
        settings: the frozen settings.
        noticed: set by the loop when it has noticed.
        end: called with the exit code.
    """
    patience = settings.drain_delay + settings.graceful_timeout + settings.shutdown_timeout + SPARE_SECONDS

    def watch() -> None:
        while os.read(lifeline, 64):
            pass
        if noticed.wait(patience if settings.worker_timeout is None else settings.worker_timeout):
            time.sleep(patience)
        end(EXIT_FAILURE)

    threading.Thread(target=watch, name="fastcorn-lifeline", daemon=True).start()


def beat_interval(timeout: float | None) -> float:
    """Seconds between two heartbeats, for a worker_timeout in seconds."""
    return BEAT_SECONDS if timeout is None else min(BEAT_SECONDS, timeout / BEATS_IN_TIMEOUT)


class Line:
    """A worker's side of the talk with its supervisor, on the event loop.

    Args:
        worker: not started yet.
        channel: this worker's end.
        interval: seconds between two heartbeats.
        noticed: set when the supervisor has gone.
    """

    def __init__(self, worker: Worker, channel: Channel, interval: float, noticed: threading.Event) -> None:
        self._noticed = noticed
        self._worker = worker
        self._channel = channel
        self._interval = interval
        self._loop = asyncio.get_running_loop()
        self._serving: Serving | None = None
        self._stopping = False
        self._terminating = False
        self._beating: asyncio.TimerHandle | None = None
        worker.on_recycle = self._recycle
        worker.on_started = self._started

    async def serve(self) -> int:
        """Serves until told to stop; returns the exit code."""
        self._loop.add_reader(self._channel.fileno(), self._read)
        self._loop.add_signal_handler(signal.SIGTERM, self._terminated)
        self._beat()
        try:
            return await serve_worker(self._worker, on_serving=self._begin, signals=())
        finally:
            self._loop.remove_reader(self._channel.fileno())
            if self._beating is not None:
                self._beating.cancel()
            self._channel.send("leaving")

    def _begin(self, serving: Serving) -> None:
        self._serving = serving

    def _terminated(self) -> None:
        """SIGTERM: meant for this worker alone, or for all processes of a group or a systemd unit.

        Which of them, the supervisor knows: it replaces this worker before it lets it go, or says stop to all. A second
        one does not wait for that.
        """
        if self._stopping:
            return
        if self._worker.ready and not self._terminating:
            self._terminating = True
            self._channel.send("recycle", "SIGTERM")
            return
        self._worker.error_log.info("SIGTERM: this worker stops")
        self._stop(leave_queues=[listener.address for listener in self._worker.listeners])

    def _started(self) -> None:
        if self._serving is not None and not self._stopping:
            # Until the supervisor says otherwise: closing for all would close what other workers serve.
            self._serving.leave_queues = [listener.address for listener in self._worker.listeners]
        self._channel.send("ready")

    def _recycle(self, reason: str) -> None:
        self._channel.send("recycle", reason)

    def _beat(self) -> None:
        self._channel.send("beat")
        self._beating = self._loop.call_later(self._interval, self._beat)

    def _read(self) -> None:
        for verb, argument in self._channel.receive():
            self._obey(verb, argument)
        if self._channel.ended:
            self._loop.remove_reader(self._channel.fileno())
            self._noticed.set()
            self._worker.error_log.error("the supervisor has gone; worker %d stops", os.getpid())
            self._stop()

    def _obey(self, verb: str, argument: str) -> None:
        if verb == "stop":
            self._stop()
        elif verb == "retire":
            self._stop(leave_queues=frozenset(argument.split()))
        elif verb == "force" and self._serving is not None:
            self._serving.force()
        elif verb == "reopen":
            reopen = getattr(self._worker.log, "reopen", None)
            if reopen is not None:
                reopen()

    def _stop(self, *, leave_queues: Collection[str] = ()) -> None:
        self._stopping = True
        if self._serving is not None:
            self._serving.stop(leave_queues=leave_queues)
