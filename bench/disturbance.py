# SPDX-License-Identifier: MIT
"""Tells whether something else used the processor while a figure was taken.

A `Watch` is opened around one measurement by `http1`, `micro` and the others. It compares the busy time of the machine
with the time of the processes that belong to the measurement and names the process that took most of the rest.
"""

import os
import time
from dataclasses import dataclass

from bench import procfs

TOLERATED = 0.10
"""Cores that others may use before a measurement is called disturbed; a tenth moves a ratio by a few percent."""


@dataclass(frozen=True)
class Disturbance:
    """Processor time of others during a measurement.

    Attributes:
        cores: cores used by processes outside the measurement, on average.
        stolen: cores taken by the hypervisor, on average.
        culprit: name and share of the busiest foreign process; empty when it has ended or none stands out.
    """

    cores: float
    stolen: float
    culprit: str

    @property
    def warning(self) -> str:
        """One line for people, or an empty string when the measurement was left alone."""
        if self.cores + self.stolen <= TOLERATED:
            return ""
        by = f", most of it by {self.culprit}" if self.culprit else ""
        stolen = f", {self.stolen:.2f} taken by the hypervisor" if self.stolen > TOLERATED else ""
        return f"disturbed: {self.cores:.2f} cores were used by others{by}{stolen}"


class Watch:
    """Processor time of everything outside some sessions, from construction to `end`.

    Args:
        sessions: ids of the sessions that belong to the measurement; the harness itself and its children (the load
            generator) always do.
    """

    def __init__(self, *sessions: int) -> None:
        self._sessions = {*sessions}
        self._started = time.monotonic()
        self._machine = procfs.machine_time()
        self._processes = {stat.pid: stat.cpu_seconds for stat in procfs.processes()}
        self._own = self._own_seconds(self._session_seconds())

    def end(self) -> Disturbance:
        """Closes the measurement and says what others did meanwhile."""
        elapsed = max(time.monotonic() - self._started, 1e-3)
        machine = procfs.machine_time()
        own = self._own_seconds(self._session_seconds())
        foreign = max(machine.busy - self._machine.busy - (own - self._own), 0.0)
        stolen = max(machine.stolen - self._machine.stolen, 0.0)
        return Disturbance(foreign / elapsed, stolen / elapsed, self._culprit(elapsed))

    def _session_seconds(self) -> float:
        return sum(procfs.session_cpu_seconds(session) for session in self._sessions)

    @staticmethod
    def _own_seconds(sessions: float) -> float:
        times = os.times()
        return sessions + times.user + times.system + times.children_user + times.children_system

    def _culprit(self, elapsed: float) -> str:
        used = [
            (stat.cpu_seconds - self._processes.get(stat.pid, 0.0), stat.name, stat.pid)
            for stat in procfs.processes()
            if stat.session not in self._sessions and stat.pid != os.getpid()
        ]
        seconds, name, pid = max(used, default=(0.0, "", 0))
        return f"{name} (process {pid}, {seconds / elapsed:.2f})" if seconds / elapsed > TOLERATED / 2 else ""
