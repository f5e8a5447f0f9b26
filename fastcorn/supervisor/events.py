# SPDX-License-Identifier: MIT
"""Changes of files told by the kernel, through the package watchfiles.

Used by fastcorn.supervisor.watching in the watcher's process, which may have threads: watchfiles waits in one. Where it
cannot go on (the limit of watches is reached, a watched directory was replaced), EventsEnded says why, and the caller
polls instead.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from typing import TYPE_CHECKING

from fastcorn.supervisor.polling import Poller, walk
from fastcorn.supervisor.watched import Watched

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

# How long the kernel's events are gathered before they are handed on, and for how long at most.
STEP_MILLISECONDS = 50
GATHER_MILLISECONDS = 200
LOOK_MILLISECONDS = 250

# Single files, and whether the directories are still the ones that are watched, are looked at this often.
TURN_SECONDS = 0.5


class EventsEnded(Exception):
    """The events are of no use any more; the text says why."""


class Events:
    """Waits for the events of directories, and polls single files.

    Args:
        watched: what to look at.

    Raises:
        EventsEnded: watchfiles is not installed, or cannot watch the directories.
    """

    def __init__(self, watched: Watched) -> None:
        try:
            from watchfiles import watch
        except ImportError:
            raise EventsEnded("the package watchfiles is not installed; pip install fastcorn[reload]") from None
        self._watch = watch
        self._watched = watched
        self._files = Poller(Watched((), watched.files))
        self._queue: queue.SimpleQueue[set[str] | EventsEnded] = queue.SimpleQueue()
        self._identities = self._identify()
        # The directories that lead to files that count: the move of one away is told as that of the directory only.
        self._places: set[str] = set()
        for root in watched.directories:
            for path in walk(watched, root):
                self._remember(path, root)
        threading.Thread(target=self._run, name="fastcorn-events", daemon=True).start()
        self._early = self._take(None)

    def wait(self, timeout: float | None) -> set[str]:
        """The paths that have changed; as Poller.wait().

        Raises:
            EventsEnded: no more events will come.
        """
        early, self._early = self._early, set()
        if early:
            return early
        ends = None if timeout is None else time.monotonic() + timeout
        while True:
            left = TURN_SECONDS if ends is None else max(0.0, min(TURN_SECONDS, ends - time.monotonic()))
            changes = self._take(left) | self._files.changes()
            if changes or (ends is not None and time.monotonic() >= ends):
                return changes
            if self._identify() != self._identities:
                raise EventsEnded("a watched directory was removed or replaced")

    def _take(self, timeout: float | None) -> set[str]:
        try:
            found = self._queue.get(timeout=timeout)
        except queue.Empty:
            return set()
        if isinstance(found, EventsEnded):
            raise found
        return found

    def _identify(self) -> list[tuple[int, int] | None]:
        return [identity(directory) for directory in self._watched.directories]

    def _run(self) -> None:
        """In the thread: hands on what watchfiles tells; the first item says that it watches."""
        try:
            # What counts is decided here: watchfiles knows nothing of what is passed over.
            batches = self._watch(
                *self._watched.directories, watch_filter=None, debounce=GATHER_MILLISECONDS, step=STEP_MILLISECONDS,
                rust_timeout=LOOK_MILLISECONDS, yield_on_timeout=True, force_polling=False, raise_interrupt=False,
                ignore_permission_denied=True,
            )  # fmt: skip
            for number, batch in enumerate(batches):
                counted = self._counted(batch)
                if number == 0 or counted:
                    self._queue.put(counted)
        except Exception as error:
            self._queue.put(EventsEnded(f"{' '.join(str(error).split()) or type(error).__name__}"))
            return
        self._queue.put(EventsEnded("watchfiles has stopped"))

    def _counted(self, batch: Iterable[tuple[Any, str]]) -> set[str]:
        """The paths of a batch that count; those of the files in a directory that came as a whole."""
        found: set[str] = set()
        for change, path in batch:
            if self._watched.counts(path):
                found.add(path)
            elif change.name == "deleted":
                found.update({path} & self._places)
            elif change.name == "added" and os.path.isdir(path):
                root = self._watched.root_of(path)
                found.update(() if root is None else walk(self._watched, root, path))
        for path in found:
            for root in self._watched.directories:
                self._remember(path, root)
        return found

    def _remember(self, path: str, root: str) -> None:
        directory = os.path.dirname(path)
        while directory not in self._places and directory.startswith(root.rstrip(os.sep) + os.sep):
            self._places.add(directory)
            directory = os.path.dirname(directory)


def identity(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino
