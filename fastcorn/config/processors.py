# SPDX-License-Identifier: MIT
"""How many processors this process may use. Called by the kind of the setting workers for "auto".

The least of two limits: the processors that the scheduler may give it (affinity: taskset, cpusets), and the quota of
processor time of its control groups (containers: docker --cpus, Kubernetes limits), which os.cpu_count() knows nothing
of. A quota of one and a half processors makes two: the second is used half the time.
"""

from __future__ import annotations

import math
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

CGROUP_ROOT = "/sys/fs/cgroup"
MEMBERSHIP = "/proc/self/cgroup"


def usable_processors() -> int:
    """The processors that this process may use; at least 1."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(count, *[math.ceil(quota) for quota in quotas()])) if count > 1 else 1


def quotas(root: str = CGROUP_ROOT, membership: str = MEMBERSHIP) -> list[float]:
    """The limits of this process's control groups and those above them, in processors; none where none is set."""
    found = []
    for directory, version in directories(root, membership):
        limit = quota_v2(directory) if version == 2 else quota_v1(directory)
        if limit is not None and limit > 0:
            found.append(limit)
    return found or [float(2**20)]


def directories(root: str, membership: str) -> Iterator[tuple[str, int]]:
    """The directories of the control groups, from ours up to the root, with the version of the interface."""
    try:
        with open(membership, encoding="utf-8") as file:
            lines = file.read().splitlines()
    except OSError:
        lines = []
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers == "":
            base, version = root, 2
        elif "cpu" in controllers.split(","):
            base, version = os.path.join(root, "cpu"), 1
        else:
            continue
        # Inside a container the path may be that of the host, where it leads nowhere; the root is then ours.
        parts = [part for part in path.split("/") if part not in ("", "..")]
        for length in range(len(parts), -1, -1):
            yield os.path.join(base, *parts[:length]), version


def quota_v2(directory: str) -> float | None:
    """cpu.max holds "QUOTA PERIOD" in microseconds, or "max PERIOD"."""
    words = read(directory, "cpu.max").split()
    if len(words) != 2 or not words[0].isdecimal() or not words[1].isdecimal() or int(words[1]) == 0:
        return None
    return int(words[0]) / int(words[1])


def quota_v1(directory: str) -> float | None:
    """cpu.cfs_quota_us is -1 without a limit."""
    quota, period = read(directory, "cpu.cfs_quota_us").strip(), read(directory, "cpu.cfs_period_us").strip()
    if not quota.isdecimal() or not period.isdecimal() or int(period) == 0:
        return None
    return int(quota) / int(period)


def read(directory: str, name: str) -> str:
    try:
        with open(os.path.join(directory, name), encoding="ascii") as file:
            return file.read()
    except (OSError, UnicodeDecodeError):
        return ""
