# SPDX-License-Identifier: MIT
"""Changes of files found by looking at all of them again and again.

Used by fastcorn.supervisor.watching: alone where file events do not arrive, and beside `events` for single files. A
look costs one stat a file that counts; the pause after it grows with what it took, so that a large tree costs at most a
tenth of a processor.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fastcorn.supervisor.watched import Watched

PAUSE_SECONDS = 0.5
PAUSE_FOR_LOOK = 9.0

# time of modification, size, inode, time of the inode's change; None for what cannot be looked at
Stamp = tuple[int, int, int, int] | None


class Poller:
    """Looks for changes.

    Args:
        watched: what to look at.
        sleep: waits so many seconds.
    """

    def __init__(self, watched: Watched, sleep: Callable[[float], object] = time.sleep) -> None:
        self._watched = watched
        self._sleep = sleep
        self._pause = PAUSE_SECONDS
        self._stamps = self._look()

    def wait(self, timeout: float | None) -> set[str]:
        """The paths that have changed, come or gone since the last call.

        Args:
            timeout: seconds after which an empty set is returned when nothing changes; None waits for a change.
        """
        left = timeout
        while True:
            pause = self._pause if left is None else min(self._pause, left)
            self._sleep(pause)
            changes = self.changes()
            left = None if left is None else left - pause
            if changes or (left is not None and left <= 0):
                return changes

    def changes(self) -> set[str]:
        """The paths that differ from the last look; looks once more."""
        before, self._stamps = self._stamps, self._look()
        if before == self._stamps:
            return set()
        found = before.keys() ^ self._stamps.keys()
        return found | {path for path in before.keys() - found if differs(before[path], self._stamps[path])}

    def _look(self) -> dict[str, Stamp]:
        started = time.monotonic()
        stamps = {path: stamp(path) for path in self._watched.files}
        for root in self._watched.directories:
            for entry in walk(self._watched, root):
                stamps[entry] = stamp(entry)
        self._pause = max(PAUSE_SECONDS, PAUSE_FOR_LOOK * (time.monotonic() - started))
        return stamps


def stamp(path: str) -> Stamp:
    """What tells one content of a file from another, without reading it. Of a link, that of what it leads to."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino, status.st_ctime_ns


def differs(before: Stamp, now: Stamp) -> bool:
    """Whether a file has been written or replaced.

    A file that was moved over another may have its size and time; it has another inode, and the move is noted in that.
    Inodes alone mean nothing: shares make them up anew. Nor does the time of the inode alone: chmod changes it.
    """
    if before is None or now is None:
        return before is not now
    return before[:2] != now[:2] or (before[2] != now[2] and before[3] != now[3])


def walk(watched: Watched, root: str, start: str | None = None) -> Iterator[str]:
    """The files that count below a watched directory, or below one in it.

    What cannot be read is passed over; loops of links are not followed.
    """
    pending, seen = [start or root], set()
    while pending:
        directory = pending.pop()
        try:
            status = os.stat(directory)
            identity = (status.st_dev, status.st_ino)
            if identity in seen:
                continue
            seen.add(identity)
            with os.scandir(directory) as entries:
                found = list(entries)
        except OSError:
            continue
        for entry in found:
            if is_directory(entry):
                if not watched.skips(entry.path, root):
                    pending.append(entry.path)
            elif watched.wants(entry.path, root):
                yield entry.path


def is_directory(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False
