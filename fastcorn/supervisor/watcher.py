# SPDX-License-Identifier: MIT
"""Watcher: the supervisor's side of the process that watches files for a reload.

Made by fastcorn.run and asked by fastcorn.supervisor.supervisor, whose loop selects on its descriptor. Calls
fastcorn.supervisor.watching in a forked process, which holds none of the supervisor's descriptors and obeys no signal
of a terminal: it ends when this side closes the channel, or vanishes.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from typing import TYPE_CHECKING, Any

from fastcorn.supervisor.exits import explain
from fastcorn.supervisor.process import fork_quietly
from fastcorn.supervisor.watched import watched_by
from fastcorn.worker.channel import Channel

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fastcorn.config import Settings

# Its end takes no time; a process that was stopped by a debugger is killed.
CLOSE_SECONDS = 2.0

# A process that something kills again and again (out of memory) is not started for ever.
MOST_RESTARTS = 5

IGNORED_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGTTIN", "SIGTTOU", "SIGQUIT")
SIGKILL = getattr(signal, "SIGKILL", 9)


class Watcher:
    """Tells of changed files.

    Args:
        settings: the frozen settings.
        config_files: what the settings were read from.

    Raises:
        ConfigError: a directory of reload_dirs is none.
    """

    def __init__(self, settings: Settings, config_files: Iterable[str] = ()) -> None:
        self.watched = watched_by(settings, config_files)
        self._delay = settings.reload_delay
        self._poll = settings.reload_poll
        self._restarts = 0
        self.pid = 0
        self._channel: Channel | None = None

    def start(self) -> None:
        """Starts the process.

        Raises:
            OSError: there is no more room for processes.
        """
        ours, theirs = Channel.pair()
        try:
            pid = fork_quietly()
        except OSError:
            ours.close()
            theirs.close()
            raise
        if pid == 0:
            self._watch(theirs)
        theirs.close()
        self.pid, self._channel = pid, ours

    def fileno(self) -> int:
        """The descriptor that becomes readable with a change; -1 while no process runs."""
        return -1 if self._channel is None else self._channel.fileno()

    @property
    def ended(self) -> bool:
        """Whether the process has ended although it should not have."""
        return self._channel is not None and self._channel.ended

    def changes(self, log: Any) -> list[str]:
        """The names of files that have changed since the last call, without waiting.

        Args:
            log: gets what the process has to say.
        """
        changes: list[str] = []
        for verb, argument in () if self._channel is None else self._channel.receive():
            if verb == "note":
                log.info("%s", argument)
            elif verb == "changed":
                changes.extend(json.loads(argument))
        return changes

    def restart(self, log: Any) -> bool:
        """Starts the process anew after it ended; False when that is given up, or fails."""
        why = self._reap(CLOSE_SECONDS)
        if self._channel is not None:
            self._channel.close()
            self._channel = None
        self._restarts += 1
        if self._restarts > MOST_RESTARTS:
            log.error("the watcher of files has ended %d times (%s): changes are no longer seen", self._restarts, why)
            return False
        log.warning("the watcher of files has ended (%s); starting it again", why)
        try:
            self.start()
        except OSError as error:
            log.error("cannot start the watcher of files: %s; changes are no longer seen", error.strerror)
            return False
        return True

    def leave_to_child(self) -> None:
        """In a worker that was just forked: lets go of the descriptor that is the supervisor's."""
        if self._channel is not None:
            self._channel.close()
            self._channel = None

    def close(self) -> None:
        """Ends the process."""
        if self._channel is not None:
            self._channel.close()
            self._channel = None
            self._reap(CLOSE_SECONDS)

    def _reap(self, patience: float) -> str:
        """Waits until the process has ended, and kills it after some seconds; returns why it did."""
        ends = time.monotonic() + patience
        try:
            while time.monotonic() < ends:
                found, status = os.waitpid(self.pid, os.WNOHANG)
                if found:
                    return explain(status)
                time.sleep(0.005)
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, SIGKILL)
            return explain(os.waitpid(self.pid, 0)[1])
        except ChildProcessError:
            return "reaped elsewhere"  # as process 1 the supervisor reaps all its children

    def _watch(self, channel: Channel) -> None:
        """In the new process: never returns."""
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            for name in IGNORED_SIGNALS:
                if hasattr(signal, name):
                    signal.signal(getattr(signal, name), signal.SIG_IGN)
            close_others(channel.fileno())
            from fastcorn.supervisor.watching import Watching

            Watching(self.watched, channel, self._delay, poll=self._poll).run()
            code = 0
        except BaseException as error:
            channel.send("note", f"the watcher of files fails: {type(error).__name__}: {error}")
        finally:
            os._exit(code)


def close_others(kept: int) -> None:
    """Closes every descriptor but the standard streams and one: a copy of a listening socket would hold its port."""
    limit = os.sysconf("SC_OPEN_MAX")
    highest = min(limit if limit > 0 else 65536, 1 << 20)
    os.closerange(3, kept)
    os.closerange(kept + 1, highest)
