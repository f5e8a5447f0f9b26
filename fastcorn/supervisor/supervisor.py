# SPDX-License-Identifier: MIT
"""Supervisor: starts workers, watches them, replaces them and stops them.

Longer: this file - every event of a worker or of the operator is a decision about the same slots.

Called by fastcorn.run. One thread and a plain loop over descriptors: the signals, a channel to each worker, the watcher
of source files. Decisions are here; forking is in `process`, what a worker is started with in `plan`, why one ended in
`exits`.

A slot is the place of one worker: its number, the worker that serves (`active`) and, while that is being replaced, its
successor (`successor`). A replacement is ready before the one it replaces retires, whatever the reason: SIGHUP, reload,
max_requests and its like. Replacements happen one at a time.
"""

from __future__ import annotations

import enum
import functools
import os
import selectors
import signal
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fastcorn.config.errors import ConfigError
from fastcorn.errors import EXIT_FAILURE, EXIT_OK, EXIT_SIGNAL_BASE, FastcornError
from fastcorn.observability.logger import error_log
from fastcorn.supervisor.backoff import Backoff
from fastcorn.supervisor.exits import TOLD, MemoryEvents, exit_code, explain
from fastcorn.supervisor.modules import forget_sources
from fastcorn.supervisor.plan import Plan
from fastcorn.supervisor.process import SIGKILL, Processes, State, WorkerProcess
from fastcorn.supervisor.signals import SignalQueue
from fastcorn.supervisor.timers import Timer, Timers
from fastcorn.worker.balance import Balance, Seats
from fastcorn.worker.channel import Channel
from fastcorn.worker.child import DUMP_SIGNAL, Post, run_child
from fastcorn.worker.listener import describe
from fastcorn.worker.process import report
from fastcorn.worker.systemd import notify, reloading, watchdog_interval

if TYPE_CHECKING:
    from fastcorn.config import Config
    from fastcorn.config.sockets import Sockets

# The loop wakes at least this often, to look for silent workers.
TURN_SECONDS = 1.0

# When the supervisor itself stood still longer (the machine slept, a container was paused, Ctrl+Z), so did the workers:
# their silence meanwhile says nothing.
STOOD_STILL_SECONDS = 3.0

# A worker that was told to dump its stacks gets this long to write them before it is killed.
DUMP_SECONDS = 1.0

# What a graceful end may take beyond its own timeouts, then a forced one, before the process is killed.
GRACE_SECONDS = 3.0
FORCE_SECONDS = 5.0

# From the end of a worker's event loop to that of its process: the threads of its application get some seconds.
LEAVE_SECONDS = 10.0

# The end of a worker that a reload replaces: a developer does not wait for open streams.
RELOAD_SECONDS = 1.0

MOST_WORKERS = 1024

# Several of these that have come meanwhile are as one.
AT_ONCE = [getattr(signal, name) for name in ("SIGHUP", "SIGUSR1") if hasattr(signal, name)]


class Phase(enum.Enum):
    BOOTING = "booting"
    SERVING = "serving"
    STOPPING = "stopping"


class Slot:
    """The place of one worker."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.active: WorkerProcess | None = None
        self.successor: WorkerProcess | None = None
        self.backoff = Backoff()
        self.restart: Timer | None = None


@dataclass
class Replacement:
    """A worker that is to be replaced.

    Attributes:
        slot: where.
        reason: why, for the log.
        plan: what its successor is started with.
        roll: whether it is part of a change of all workers, which ends when one fails.
        patience: seconds that the old one gets to end; None as its timeouts allow.
        old: the worker that it is about; None for whichever serves there.
    """

    slot: Slot
    reason: str
    plan: Plan
    roll: bool
    patience: float | None = None
    old: WorkerProcess | None = None


class Supervisor:
    """Serves an application by worker processes until a signal.

    Args:
        plan: what to start with; its addresses are bound by run().
        reread: reads the configuration again for SIGHUP; None when there is nothing to read it from.
        processes: makes processes.
        clock: the time in seconds, which never goes back.
        watcher: tells of changed files (fastcorn.supervisor.watcher.Watcher), or None.
    """

    def __init__(
        self,
        plan: Plan,
        reread: Callable[[], Config] | None = None,
        *,
        processes: Processes | None = None,
        clock: Callable[[], float] = time.monotonic,
        watcher: Any = None,
    ) -> None:
        self.plan = plan
        self.log: Any = error_log(plan.config.log)
        self.hooks = plan.hooks
        self.hooks.log = self.log
        self.phase = Phase.BOOTING
        self.slots: list[Slot] = []
        self.target = max(1, plan.settings.workers)
        self.code = EXIT_OK
        self.workers: dict[int, WorkerProcess] = {}
        self._reread = reread
        self._processes = processes or Processes()
        self._clock = clock
        self._watcher = watcher
        self._timers = Timers(clock)
        self._selector = selectors.DefaultSelector()
        self._signals = SignalQueue()
        self._lifeline = (-1, -1)
        self._queue: deque[Replacement] = deque()
        self._current: Replacement | None = None
        self._rolled: tuple[Plan, float, str] | None = None
        self._changed: list[str] = []
        self._signals_to_stop = 0
        self._memory = MemoryEvents()
        self._seats = Seats()
        self._started_at = clock()
        self._turned_at = self._started_at

    # ---- the life of the server ------------------------------------------------------------------------------------

    def run(self) -> int:
        """Starts, serves and stops; returns the exit code.

        Raises:
            FastcornError, ConfigError: the server could not start.
        """
        self._lifeline = os.pipe()
        with self._signals:
            try:
                self._selector.register(self._signals, selectors.EVENT_READ, self._take_signals)
                self._begin()
                while self.workers or self.phase is not Phase.STOPPING:
                    self.turn()
            finally:
                self._end()
        return self.code

    def _begin(self) -> None:
        if self._watcher is not None:
            self._watcher.start()
            self._selector.register(self._watcher, selectors.EVENT_READ, self._take_changes)
        self._watch_for_systemd()
        self._name_threads()
        # One worker first: a mistake of the application is told once, and ends the command.
        self._add_slot()

    def _end(self) -> None:
        for worker in list(self.workers.values()):
            self._processes.kill(worker.pid, SIGKILL)
        if self._watcher is not None:
            self._watcher.close()
        self.hooks.call("on_exit", exit_code=self.code, duration=self._clock() - self._started_at)
        for plan in self._plans():
            plan.close()
        self._selector.close()
        for descriptor in self._lifeline:
            os.close(descriptor)

    def turn(self) -> None:
        """One turn of the loop: waits for an event or a timer, and deals with what is there."""
        for key, _ in self._selector.select(self._timers.wait(TURN_SECONDS)):
            key.data()
        self._reap()
        self._timers.run()
        self._find_silent()
        self._turned_at = self._clock()
        self._reload_changed()
        self._go_on()

    def _watch_for_systemd(self) -> None:
        interval = watchdog_interval()
        if interval is not None:
            notify("WATCHDOG=1")
            self._timers.after(interval, self._watch_for_systemd)

    # ---- starting workers ------------------------------------------------------------------------------------------

    def _add_slot(self) -> None:
        slot = Slot(len(self.slots))
        self.slots.append(slot)
        self._start_active(slot)

    def _start_active(self, slot: Slot) -> None:
        slot.restart = None
        try:
            slot.active = self._fork(slot, self.plan)
        except OSError as error:
            problem = f"cannot start a worker process: {error.strerror}"
            if self.phase is Phase.BOOTING:
                self._give_up(f"{problem}; stopping", EXIT_FAILURE)
            else:
                self._start_later(slot, 0.0, problem)

    def _start_later(self, slot: Slot, healthy: float, problem: str) -> None:
        pause = slot.backoff.next(healthy)
        self.log.error("%s; starting another %s", problem, f"in {pause:g} s" if pause else "now")
        slot.restart = self._timers.after(pause, functools.partial(self._start_active, slot))

    def _fork(self, slot: Slot, plan: Plan) -> WorkerProcess:
        # Made here, so that what waits in their queues when the worker ends is its successor's.
        sockets = plan.sockets(slot.number)
        ours, theirs = Channel.pair()
        seat = self._seats.take()
        try:
            pid = self._processes.fork(functools.partial(self._run_child, plan, sockets, (ours, theirs), seat))
        except BaseException:
            self._seats.give_back(seat)
            ours.close()
            raise
        finally:
            theirs.close()
        worker = WorkerProcess(slot.number, plan, pid, ours, seat, self._clock())
        self.workers[pid] = worker
        self._selector.register(ours, selectors.EVENT_READ, functools.partial(self._listen, worker))
        return worker

    def _run_child(self, plan: Plan, sockets: Sockets, pair: tuple[Channel, Channel], seat: int) -> int:
        """In the new process: lets go of what is the supervisor's, and serves."""
        ours, channel = pair
        for theirs in [ours, *[worker.channel for worker in self.workers.values()]]:
            theirs.close()
        for known in self._plans(plan):
            known.leave_to_child(sockets)
        self._signals.leave_to_child()
        self._selector.close()
        os.close(self._lifeline[1])
        if self._watcher is not None:
            self._watcher.leave_to_child()
        balance = Balance(self._seats, seat)
        return run_child(Post(plan.config, plan.loader, sockets, channel, balance, self._lifeline[0]))

    def _plans(self, *others: Plan) -> list[Plan]:
        """All plans that have sockets: the one that is served, and one that is on its way."""
        return [self.plan, *others, *(() if self._rolled is None else (self._rolled[0],))]

    # ---- what workers tell -----------------------------------------------------------------------------------------

    def _listen(self, worker: WorkerProcess) -> None:
        for verb, argument in worker.channel.receive():
            worker.last_beat, worker.excused = self._clock(), 0.0
            if verb == "ready":
                self._worker_ready(worker)
            elif verb == "recycle":
                self._recycle(worker, argument)
            elif verb == "leaving":
                self._leaving(worker)
        if worker.channel.ended:
            self._selector.unregister(worker.channel)

    def _leaving(self, worker: WorkerProcess) -> None:
        """Its event loop has ended, so there are no more heartbeats: what is left to do has a time of its own."""
        worker.leaving = True
        worker.timers.append(self._timers.after(LEAVE_SECONDS, functools.partial(self._kill, worker)))

    def _worker_ready(self, worker: WorkerProcess) -> None:
        if worker.state is not State.STARTING:
            return
        now = self._clock()
        worker.state, worker.ready_at = State.READY, now
        self.log.info("%s is ready after %.2f s", worker, now - worker.started_at)
        self.hooks.call("on_worker_ready", pid=worker.pid, worker=worker.slot + 1, duration=now - worker.started_at)
        slot = self._slot_of(worker)
        if slot is None:
            self._retire(worker, "its slot is gone", None)
        elif slot.successor is worker:
            self._succeed(slot)
        if self.phase is Phase.BOOTING:
            self._boot_further()

    def _boot_further(self) -> None:
        """One worker is ready: start the others; all are ready: the server is."""
        while len(self.slots) < self.target and self.phase is Phase.BOOTING:
            self._add_slot()
        if self.phase is not Phase.BOOTING:
            return
        if all(slot.active is not None and slot.active.state is State.READY for slot in self.slots):
            self.phase = Phase.SERVING
            duration = self._clock() - self._started_at
            urls = self.urls()
            for url in urls:
                self.log.info("Running on %s (CTRL + C to quit)", url)
            self.log.info(
                "%s ready after %.2f s", "1 worker is" if self.target == 1 else f"{self.target} workers are", duration
            )
            notify("READY=1", f"MAINPID={os.getpid()}", f"STATUS={len(self.slots)} workers")
            self.hooks.call("when_ready", urls=urls, duration=duration)

    def urls(self) -> list[str]:
        """Where the workers listen, with real ports."""
        secure = self.plan.settings.ssl_enabled
        return [
            f"{'https' if secure and bound.group == 'bind' else 'http'}://{describe(bound.sock)}"
            for bound in self.plan.bound
            if bound.group != "quic_bind"
        ]

    def _slot_of(self, worker: WorkerProcess) -> Slot | None:
        for slot in self.slots:
            if worker in (slot.active, slot.successor):
                return slot
        return None

    # ---- the end of workers ----------------------------------------------------------------------------------------

    def _reap(self) -> None:
        for pid, status in self._processes.reap(list(self.workers)):
            worker = self.workers.pop(pid)
            if not worker.channel.ended:
                self._listen(worker)
            if not worker.channel.ended:
                self._selector.unregister(worker.channel)
            worker.channel.close()
            worker.forget_timers()
            self._seats.give_back(worker.seat)
            self._worker_gone(worker, status)

    def _worker_gone(self, worker: WorkerProcess, status: int) -> None:
        now = self._clock()
        why = "it did not answer" if worker.hung else explain(status, out_of_memory=self._memory.killed())
        told = worker.state is State.ENDING
        line = f"{worker} has ended after {now - worker.started_at:.1f} s: {worker.reason or why}"
        if told and worker.reason and exit_code(status):
            line += f" ({why})"
        self.hooks.call(
            "on_worker_exit", pid=worker.pid, worker=worker.slot + 1, reason=worker.reason or why,
            exit_code=exit_code(status), duration=now - worker.started_at,
        )  # fmt: skip
        slot = self._slot_of(worker)
        if self.phase is Phase.STOPPING:
            (self.log.info if not exit_code(status) else self.log.warning)("%s", line)
            # One that was not ready yet was simply killed; what the others say is how the stop went.
            if self._signals_to_stop < 2 and self.code == EXIT_OK and worker.ready_at is not None:
                self.code = exit_code(status)
        elif slot is None:
            self.log.info("%s", line)
        elif slot.successor is worker:
            slot.successor = None
            self.log.error("%s, before it was ready", line)
            self._replacement_failed(slot)
        elif self.phase is Phase.BOOTING and worker.ready_at is None:
            self._boot_failed(worker, line, exit_code(status))
        else:
            slot.active = None
            if slot.successor is not None:
                self.log.error("%s; its successor is on the way", line)
            else:
                self._start_later(slot, worker.healthy(now), line)

    def _boot_failed(self, worker: WorkerProcess, line: str, code: int) -> None:
        """A worker ended before all were ready: the worker has told why, and the command ends."""
        if code in TOLD and worker.ready_at is None and len(self.workers) == 0:
            self.log.debug("%s", line)
        else:
            self.log.error("%s; stopping, because it was not ready yet", line)
        self._give_up("", code or EXIT_FAILURE)

    def _give_up(self, why: str, code: int) -> None:
        """Ends a start that has failed."""
        if why:
            self.log.error("%s", why)
        self.code = code
        self._stop("")
        self._force()

    def _find_silent(self) -> None:
        """Ends workers that have given no sign of life for as long as their settings allow."""
        now = self._clock()
        stood_still = now - self._turned_at
        for worker in self.workers.values():
            if stood_still > STOOD_STILL_SECONDS:
                worker.excused += stood_still
            limit = worker.patience
            if worker.hung or limit is None or worker.silence(now) < limit:
                continue
            worker.hung = True
            self.log.error(
                "%s has not answered for %.1f s (%s): its stacks follow, then it is killed",
                worker, worker.silence(now),
                "worker_timeout" if worker.ready_at is not None else "startup_timeout and worker_timeout",
            )  # fmt: skip
            self._processes.kill(worker.pid, DUMP_SIGNAL)
            worker.timers.append(self._timers.after(DUMP_SECONDS, functools.partial(self._kill, worker)))

    def _kill(self, worker: WorkerProcess) -> None:
        if worker.pid in self.workers:
            self._processes.kill(worker.pid, SIGKILL)

    def _retire(self, worker: WorkerProcess, reason: str, patience: float | None) -> None:
        """Lets a worker end that others have replaced."""
        self.log.info("%s retires: %s", worker, reason)
        gone = worker.slot >= self.target
        if gone:
            self.plan.let_go(worker.slot)
        kept = " ".join(self.plan.kept_addresses(worker.slot if gone else None))
        self._end_worker(worker, f"retire {kept}", reason, patience)

    def _end_worker(self, worker: WorkerProcess, verb: str, reason: str, patience: float | None) -> None:
        settings = worker.plan.settings
        if patience is None:
            patience = settings.graceful_timeout + settings.shutdown_timeout + GRACE_SECONDS
            patience += settings.drain_delay if verb == "stop" else 0.0
        worker.state = State.ENDING
        worker.reason = worker.reason or reason
        if worker.last_beat is None:
            # Its loop does not run yet, so it cannot read; importing is not worth finishing.
            self._processes.kill(worker.pid, signal.SIGTERM)
        worker.channel.send(*verb.split(" ", 1))
        worker.timers.append(self._timers.after(patience, functools.partial(self._force_worker, worker)))

    def _force_worker(self, worker: WorkerProcess) -> None:
        if worker.pid in self.workers:
            worker.channel.send("force")
            worker.timers.append(self._timers.after(FORCE_SECONDS, functools.partial(self._kill, worker)))

    # ---- replacing workers -----------------------------------------------------------------------------------------

    def _recycle(self, worker: WorkerProcess, reason: str) -> None:
        slot = self._slot_of(worker)
        known = any(entry.slot is slot for entry in (self._current, *self._queue) if entry is not None)
        worker.wish = reason
        if self.phase is not Phase.STOPPING and slot is not None and slot.active is worker and not known:
            self.log.info("%s is to be replaced: %s", worker, reason)
            self._queue.append(Replacement(slot, reason, self.plan, roll=False, old=worker))

    def roll(self, reason: str, plan: Plan, patience: float | None = None) -> None:
        """Replaces all workers, one after the other, by workers of a plan; a roll that is under way is replaced too."""
        self._abandon_roll(patience)
        self._rolled = (plan, self._clock(), reason)
        self._queue.extend(Replacement(slot, reason, plan, roll=True, patience=patience) for slot in self.slots)

    def _abandon_roll(self, patience: float | None) -> None:
        """Forgets a roll that a newer one makes pointless, and ends the successor that it is starting."""
        self._queue = deque(entry for entry in self._queue if not entry.roll)
        if self._current is not None and self._current.roll:
            slot, self._current = self._current.slot, None
            successor, slot.successor = slot.successor, None
            if successor is not None:
                self._retire(successor, "there is a newer change", patience)
            if slot.active is None and slot.restart is None:
                self._start_later(slot, 0.0, f"worker {slot.number + 1} is missing")
        if self._rolled is not None and self._rolled[0] is not self.plan:
            self._rolled[0].close(keep=self.plan)

    def _go_on(self) -> None:
        """Begins the next replacement when none is under way."""
        while self._current is None and self._queue and self.phase is Phase.SERVING:
            entry = self._queue.popleft()
            slot = entry.slot
            if slot not in self.slots or slot.successor is not None:
                continue
            if not entry.roll and (slot.active is None or slot.active is not entry.old):
                continue
            try:
                slot.successor = self._fork(slot, entry.plan if entry.roll else self.plan)
            except OSError as error:
                self.log.error("cannot start a worker process: %s", error.strerror)
                self._replacement_failed(slot, entry)
                continue
            self._current = entry
        if self.phase is Phase.SERVING and self._current is None and not any(entry.roll for entry in self._queue):
            self._roll_complete()

    def _succeed(self, slot: Slot) -> None:
        """A successor is ready: it takes the slot, and the one before it retires."""
        entry, self._current = self._current, None
        old, slot.active, slot.successor = slot.active, slot.successor, None
        slot.backoff = Backoff()
        if slot.restart is not None:
            slot.restart.cancel()
            slot.restart = None
        if entry is not None and entry.roll and entry.plan is not self.plan:
            self._adopt(entry.plan)
        if old is not None and entry is not None:
            self._retire(old, entry.reason, entry.patience)

    def _replacement_failed(self, slot: Slot, entry: Replacement | None = None) -> None:
        entry, self._current = entry or self._current, None
        if entry is None:
            return
        given_up = entry.roll and entry.plan is not self.plan
        if given_up:
            # Nothing of the change serves yet. Once a worker of it does, the others are tried again until they do too.
            self._queue = deque(other for other in self._queue if not other.roll)
            self.log.error("%s failed; the workers from before go on", entry.reason)
            notify("READY=1")
            if self._rolled is not None and self._rolled[0] is not self.plan:
                self._rolled[0].close(keep=self.plan)
            self._rolled = None
            for other in self.slots:
                if other.active is not None and other.active.wish:
                    self._replace_later(other, other.active.wish)
        if slot.active is None:
            if slot.restart is None:
                self._start_later(slot, 0.0, f"worker {slot.number + 1} is missing")
        elif not given_up:
            self._replace_later(slot, entry.reason)

    def _replace_later(self, slot: Slot, reason: str) -> None:
        """Tries again to give a worker a successor."""
        pause = slot.backoff.next(0.0)
        self.log.error("trying to replace worker %d again in %g s", slot.number + 1, pause)
        retry = Replacement(slot, reason, self.plan, roll=False, old=slot.active)
        self._timers.after(pause, functools.partial(self._queue.append, retry))

    def _adopt(self, plan: Plan) -> None:
        """The first worker of a new plan is ready: from now on it is the plan of all."""
        before = self.urls()
        old, self.plan = self.plan, plan
        self.log = error_log(plan.config.log)
        self.hooks = plan.hooks
        self.hooks.log = self.log
        for url in self.urls():
            if url not in before:
                self.log.info("Running on %s", url)
        # Workers have descriptors of their own, so what only the old plan had can be closed here at once.
        old.close(keep=plan)
        self._resize(max(1, plan.settings.workers), plan)

    def _roll_complete(self) -> None:
        if self._rolled is None:
            return
        _, since, reason = self._rolled
        self._rolled = None
        whom = "the worker is" if len(self.slots) == 1 else "all workers are"
        self.log.info("%s: %s replaced after %.2f s", reason, whom, self._clock() - since)
        notify("READY=1", f"STATUS={len(self.slots)} workers")

    def _resize(self, target: int, plan: Plan | None = None) -> None:
        """More or fewer workers."""
        self.target = min(max(1, target), MOST_WORKERS)
        while len(self.slots) < self.target:
            self._add_slot()
            if self._rolled is not None and self._rolled[0] is not self.plan:
                # Nobody knows yet whether the new plan works; until then the old one is what new slots begin with.
                self._queue.append(Replacement(self.slots[-1], self._rolled[2], self._rolled[0], roll=True))
        while len(self.slots) > self.target:
            slot = self.slots.pop()
            if slot.restart is not None:
                slot.restart.cancel()
            if self._current is not None and self._current.slot is slot:
                self._current = None
            for worker in (slot.active, slot.successor):
                if worker is not None and worker.state is not State.ENDING:
                    self._retire(worker, f"{self.target} workers are wanted", None)
            self.plan.let_go(slot.number)  # also that of a slot without a worker, which nobody would accept on

    # ---- what the operator wants -----------------------------------------------------------------------------------

    def _take_signals(self) -> None:
        taken = self._signals.take()
        # A stop makes what came beside it pointless, and what SIGHUP runs may take long.
        numbers = [number for number in taken if number in (signal.SIGINT, signal.SIGTERM)] or taken
        for index, number in enumerate(numbers):
            if number not in AT_ONCE or number not in numbers[index + 1 :]:
                self.obey(number)

    def obey(self, number: int) -> None:
        """Does what a signal asks for."""
        name = signal.Signals(number).name
        if name in ("SIGINT", "SIGTERM"):
            self._stop_signal(number)
        elif name == "SIGCHLD":
            pass  # each turn looks for ended workers
        elif self.phase is not Phase.SERVING:
            self.log.warning("%s is ignored while the server is %s", name, self.phase.value)
        elif name == "SIGHUP":
            self._reload_configuration(name, None)
        elif name in ("SIGTTIN", "SIGTTOU"):
            self._change_workers(name)
        elif name == "SIGUSR1":
            self._reopen_logs()

    def _change_workers(self, name: str) -> None:
        wanted = self.target + (1 if name == "SIGTTIN" else -1)
        if not 1 <= wanted <= MOST_WORKERS:
            self.log.warning("%s: the number of workers stays at %d", name, self.target)
            return
        self.log.info("%s: %d workers instead of %d", name, wanted, self.target)
        self._resize(wanted)

    def _reopen_logs(self) -> None:
        reopen = getattr(self.plan.config.log, "reopen", None)
        if reopen is not None:
            reopen()
        for worker in self.workers.values():
            worker.channel.send("reopen")
        self.log.info("SIGUSR1: log files are reopened")

    def _take_changes(self) -> None:
        changes = self._watcher.changes(self.log)
        if self._watcher.ended:
            self._selector.unregister(self._watcher)
            if self.phase is not Phase.STOPPING and self._watcher.restart(self.log):
                self._selector.register(self._watcher, selectors.EVENT_READ, self._take_changes)
        self._changed.extend(changes)

    def _reload_changed(self) -> None:
        """Replaces the workers when files have changed; while they are starting for the first time, that waits."""
        if self._changed and self.phase is Phase.SERVING:
            changes, self._changed = self._changed, []
            more = f" and {len(changes) - 1} more" if len(changes) > 1 else ""
            self._reload_configuration(f"{changes[0]}{more} changed", RELOAD_SECONDS)

    def _reload_configuration(self, reason: str, patience: float | None) -> None:
        """Reads the configuration again and replaces all workers; a mistake in it changes nothing."""
        notify(*reloading())
        count = len(self.slots)
        self.log.info("%s: replacing %s", reason, "the worker" if count == 1 else f"{count} workers")
        self.hooks.call("on_reload", reason=reason)
        watched = None if self._watcher is None else self._watcher.watched
        forgotten = forget_sources(self.plan.settings, self.plan.config.files, watched and watched.counts)
        try:
            with self._signals.interrupting():
                plan = self._new_plan()
        except (Exception, SystemExit, KeyboardInterrupt) as problem:
            sys.modules.update(forgotten)
            if isinstance(problem, KeyboardInterrupt):
                return  # the signal is in the queue too
            if isinstance(problem, (FastcornError, ConfigError)):
                report(problem, self.log)
            else:
                self.log.error("%s raised %s", reason, type(problem).__name__, exc_info=problem)
            self.log.error("%s failed; the workers from before go on", reason)
            notify("READY=1")
            return
        for name in plan.changes_without_effect(self.plan):
            self.log.warning("%s has changed; it takes effect when the server is restarted", name)
        for line in plan.tls_notices():
            self.log.warning("%s", line)
        self.roll(reason, plan, patience)

    def _new_plan(self) -> Plan:
        """A plan of the configuration as it is now, with its addresses bound and its logs open."""
        config = self.plan.config if self._reread is None else self._reread()
        plan = Plan(config, self.plan.first_loader)
        error_log(config.log)
        plan.bind(self.plan)
        try:
            plan.preload(again=True)
        except BaseException:
            plan.close(keep=self.plan)
            raise
        self._name_threads()
        return plan

    def _name_threads(self) -> None:
        """A fork takes along one thread only: what others would do never happens in the workers."""
        others = self._processes.other_threads()
        if others:
            self.log.warning(
                "threads run in the supervisor (%s); workers do not have them: start them in the lifespan, not during "
                "the import or in a hook", ", ".join(others),
            )  # fmt: skip

    def _stop_signal(self, number: int) -> None:
        self._signals_to_stop += 1
        if self._signals_to_stop == 1:
            self._stop(signal.Signals(number).name)
        elif self._signals_to_stop == 2:
            self.code = EXIT_SIGNAL_BASE + number
            self.log.warning("Stopping at once")
            self._force()
        else:
            for worker in self.workers.values():
                self._kill(worker)

    def _stop(self, why: str) -> None:
        if self.phase is Phase.STOPPING:
            return
        self.phase = Phase.STOPPING
        self._queue.clear()
        self._current = None
        for slot in self.slots:
            if slot.restart is not None:
                slot.restart.cancel()
        if why:
            self.log.info("Stopping: %s (once more to stop at once)", why)
        notify("STOPPING=1")
        # The workers have descriptors of their own. While ours were open, clients would go on connecting to nobody.
        for plan in self._plans():
            plan.let_go()
        # A path that is gone can be connected to by nobody, and the workers go on accepting for drain_delay.
        self._timers.after(self.plan.settings.drain_delay, self._remove_files)
        # A developer does not wait for open streams, here as little as at a reload.
        patience = None if self._watcher is None else self.plan.settings.drain_delay + RELOAD_SECONDS
        for worker in self.workers.values():
            self._end_worker(worker, "stop", "", patience)

    def _remove_files(self) -> None:
        for plan in self._plans():
            plan.remove_files()

    def _force(self) -> None:
        for worker in self.workers.values():
            self._force_worker(worker)
