# SPDX-License-Identifier: MIT
"""When a worker has served long enough: max_requests, max_worker_lifetime, max_worker_rss.

Asked by fastcorn.worker.worker once a second, but for requests, which the context counts itself. The worker goes on
serving when it has told that it should be replaced; who replaces it is its supervisor's business.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import random

    from fastcorn.config import Settings

# Settings that have no effect where nobody can replace a worker.
SETTINGS = ("max_requests", "max_worker_lifetime", "max_worker_rss")

# The lifetimes of workers that were started together differ by up to this part.
LIFETIME_SPREAD = 0.1


class Recycling:
    """The limits of one worker's life.

    Args:
        settings: the frozen settings.
        now: the time on the clock of check(), in seconds.
        tell: called once, with the reason.
        log: told of a limit that cannot be kept.
        random_source: for the jitter; the tests give their own.
    """

    def __init__(
        self,
        settings: Settings,
        now: float,
        tell: Callable[[str], None],
        *,
        log: Any,
        random_source: random.Random | None = None,
    ) -> None:
        import random  # late: a worker without these limits starts sooner without it

        chance = random_source or random.SystemRandom()
        self._tell = tell
        self._told = False
        self.requests = 0
        if settings.max_requests is not None:
            self.requests = settings.max_requests + chance.randint(0, settings.max_requests_jitter)
        self.ends_at: float | None = None
        self.lifetime = settings.max_worker_lifetime
        if self.lifetime is not None:
            self.ends_at = now + self.lifetime * chance.uniform(1 - LIFETIME_SPREAD, 1 + LIFETIME_SPREAD)
        self.rss = settings.max_worker_rss
        if self.rss is not None and (used := resident_bytes()) > self.rss:
            # Each successor would be too large in its turn, and the server would only replace workers.
            log.error(
                "max_worker_rss (%s) has no effect: this worker uses %s before its first request; set it higher",
                mebibytes(self.rss), mebibytes(used),
            )  # fmt: skip
            self.rss = None

    def watch(self, context: Any) -> None:
        """Lets a context count the requests."""
        context.request_limit_hook = self.requests_reached
        if self.requests:
            context.request_limit = context.requests_total + self.requests  # the warm-up does not count

    def requests_reached(self) -> None:
        self._tell_once(f"it has served {self.requests} requests (max_requests)")

    def check(self, now: float) -> None:
        """Looks whether the time or the memory is used up."""
        if self._told:
            return
        if self.ends_at is not None and now >= self.ends_at:
            self._tell_once(f"it has served for {self.lifetime:g} s (max_worker_lifetime)")
        elif self.rss is not None:
            used = resident_bytes()
            if used > self.rss:
                self._tell_once(f"it uses {mebibytes(used)} (max_worker_rss)")

    def _tell_once(self, reason: str) -> None:
        if not self._told:
            self._told = True
            self._tell(reason)


def mebibytes(size: int) -> str:
    """A size for people."""
    return f"{size / 2**20:.0f} MiB"


def resident_bytes() -> int:
    """The resident memory of this process in bytes; where the system does not tell, the most it ever had."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        import resource  # Windows has none, and no supervisor either

        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * 1024
