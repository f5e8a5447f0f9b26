# SPDX-License-Identifier: MIT
"""What a supervisor does later: callbacks by the time at which they are due. Used by fastcorn.supervisor.supervisor."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable


class Timer:
    """A callback that is due at a time; cancel() forgets it."""

    def __init__(self, callback: Callable[[], object]) -> None:
        self.callback: Callable[[], object] | None = callback

    def cancel(self) -> None:
        self.callback = None


class Timers:
    """Timers on one clock.

    Args:
        clock: the time in seconds, which never goes back.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self._heap: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()

    def after(self, seconds: float, callback: Callable[[], object]) -> Timer:
        """Calls a function once, so many seconds from now."""
        timer = Timer(callback)
        heapq.heappush(self._heap, (self.clock() + seconds, next(self._order), timer))
        return timer

    def wait(self, most: float) -> float:
        """Seconds until the next one is due, at most `most`, at least 0."""
        while self._heap and self._heap[0][2].callback is None:
            heapq.heappop(self._heap)
        return min(most, max(0.0, self._heap[0][0] - self.clock())) if self._heap else most

    def run(self) -> None:
        """Calls what is due; not what becomes due by that."""
        now, due = self.clock(), []
        while self._heap and self._heap[0][0] <= now:
            due.append(heapq.heappop(self._heap)[2])
        for timer in due:
            callback, timer.callback = timer.callback, None
            if callback is not None:
                callback()
