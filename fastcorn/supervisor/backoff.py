# SPDX-License-Identifier: MIT
"""How long a worker that keeps dying is waited for. One for each slot of fastcorn.supervisor.supervisor."""

from __future__ import annotations

# The first replacement comes at once; then the pause doubles. systemd and Kubernetes end at minutes: a web server is
# missed sooner.
FIRST_SECONDS = 0.1
MOST_SECONDS = 30.0

# A worker that was ready this long was healthy; what ends it then is a new trouble.
HEALTHY_SECONDS = 60.0


class Backoff:
    """The pauses before the restarts of one worker."""

    def __init__(self) -> None:
        self.failures = 0

    def next(self, healthy: float) -> float:
        """The pause before the next start.

        Args:
            healthy: how long the worker that ended had been ready, in seconds; 0 when it never was.

        Returns:
            Seconds.
        """
        if healthy >= HEALTHY_SECONDS:
            self.failures = 0
        pause = 0.0 if self.failures == 0 else FIRST_SECONDS * 2.0 ** min(self.failures - 1, 16)
        self.failures += 1
        return min(pause, MOST_SECONDS)
