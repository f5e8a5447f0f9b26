# SPDX-License-Identifier: MIT
"""The watcher's process: looks for changes of files and tells the supervisor of them.

Entered by fastcorn.supervisor.watcher after a fork; calls `events`, or `polling` where events do not arrive. A process
of its own, because watchfiles needs threads and a supervisor that forks must have none. Its messages are lines on a
fastcorn.worker.channel: `note TEXT` for the log, `changed NAMES` with a JSON list. It ends when the other end closes.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import threading
import time
from typing import TYPE_CHECKING, Protocol

from fastcorn.supervisor.events import Events, EventsEnded
from fastcorn.supervisor.mounts import silent_type
from fastcorn.supervisor.polling import Poller

if TYPE_CHECKING:
    from fastcorn.supervisor.watched import Watched
    from fastcorn.worker.channel import Channel

# Changes that go on and on (a build writes into the tree) are told after so many times the delay, or seconds.
MOST_DELAYS = 10
MOST_SECONDS = 3.0

# A message is one piece of a socket's buffer; the log names one file and counts the others.
MOST_NAMES = 20
MOST_CHARS = 300
AGAIN_SECONDS = 0.2


class Source(Protocol):
    """A way to find changes."""

    def wait(self, timeout: float | None) -> set[str]:
        """The paths that have changed; an empty set after timeout seconds, None waits for a change."""


class Watching:
    """Watches until the supervisor has gone.

    Args:
        watched: what to look at.
        channel: this end.
        delay: seconds without a further change before changes are told.
        poll: the setting reload_poll.
    """

    def __init__(self, watched: Watched, channel: Channel, delay: float, *, poll: bool) -> None:
        self._watched = watched
        self._channel = channel
        self._delay = delay
        try:
            self._here = os.getcwd() + os.sep
        except OSError:
            self._here = os.sep  # the directory is gone
        # The state of now: what changes until the events flow is found by one more look.
        self._poller: Poller | None = Poller(watched)
        self._reason = "reload_poll is set" if poll else silent_reason(watched)

    def run(self) -> None:
        threading.Thread(target=end_with, args=(self._channel.fileno(),), name="fastcorn-lifeline", daemon=True).start()
        while True:
            source, changes = self._source()
            try:
                while True:
                    self._tell(self._settled(source, changes))
                    changes = set()
            except EventsEnded as problem:
                # What went unseen is unknown, so it counts as a change.
                self._reason = str(problem)
                self._tell(set(self._watched.directories[:1]))

    def _source(self) -> tuple[Source, set[str]]:
        """The way to look, and what has changed since this process began."""
        poller, self._poller = self._poller or Poller(self._watched), None
        if not self._reason:
            try:
                events = Events(self._watched)
            except EventsEnded as problem:
                self._reason = str(problem)
            else:
                changes = poller.changes()
                self._note("file events")
                return events, changes
        self._note(f"polling: {self._reason}")
        return poller, set()

    def _note(self, way: str) -> None:
        places = [*self._watched.directories, *self._watched.files]
        self._channel.send(
            "note",
            f"Watching {', '.join(printable(place) for place in places[:4])}"
            f"{f' and {len(places) - 4} more' if len(places) > 4 else ''} by {way}",
        )

    def _settled(self, source: Source, changes: set[str]) -> set[str]:
        """Waits for changes, and then until none has come for the delay."""
        found = changes or source.wait(None)
        ends = time.monotonic() + max(MOST_SECONDS, MOST_DELAYS * self._delay)
        while time.monotonic() < ends:
            more = source.wait(self._delay)
            if not more:
                break
            found |= more
        return found

    def _tell(self, changes: set[str]) -> None:
        for path in changes:
            forget_bytecode(path)
        names = [printable(self._short(path)) for path in sorted(changes)]
        extra = [""] * (len(names) - MOST_NAMES)
        message = json.dumps([*names[:MOST_NAMES], *extra], separators=(",", ":"))
        while not self._channel.send("changed", message):
            time.sleep(AGAIN_SECONDS)

    def _short(self, path: str) -> str:
        """A path as a developer says it: below the current directory without that."""
        return path.removeprefix(self._here)[:MOST_CHARS]


def silent_reason(watched: Watched) -> str:
    """Why events would not arrive, or ""."""
    for directory in watched.directories:
        kind = silent_type(directory)
        if kind:
            return f"{printable(directory)} is on {kind}, where file events do not arrive"
    return "" if watched.directories else "there is no directory to watch, only files"


def forget_bytecode(path: str) -> None:
    """Removes the compiled form of a changed module.

    Python takes it for good when the size and the second of the source have not changed, so two savings of a file
    within a second could be served as the first.
    """
    from importlib.util import cache_from_source

    if path.endswith(".py"):
        with contextlib.suppress(OSError, NotImplementedError, ValueError):
            os.unlink(cache_from_source(path))


def printable(path: str) -> str:
    text = os.fsencode(path).decode("utf-8", "replace")
    return "".join(char if char.isprintable() else "?" for char in text)


def end_with(descriptor: int) -> None:
    """Ends this process when the other end of the channel is closed; the supervisor never writes to it."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    while not poll.poll():
        pass
    os._exit(0)
