# SPDX-License-Identifier: MIT
"""Why a process ended, in words: its exit code, the name of a signal, or the kernel's out-of-memory killer.

Used by fastcorn.supervisor.supervisor for its log lines. The kernel counts the processes that it killed for memory in
the events of the control group; a SIGKILL while that count rises was such a kill.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

from fastcorn.errors import EXIT_APPLICATION, EXIT_FAILURE, EXIT_OK, EXIT_STARTUP, EXIT_USAGE

CODES = {
    EXIT_OK: "it ended by itself",
    EXIT_FAILURE: "it failed, see above",
    EXIT_USAGE: "a setting is wrong",
    EXIT_STARTUP: "the application refused to start",
    EXIT_APPLICATION: "the application could not be loaded",
}
# With these a worker has said itself what the mistake is.
TOLD = (EXIT_USAGE, EXIT_STARTUP, EXIT_APPLICATION)

HINTS = {
    "SIGSEGV": "a crash in compiled code; its stacks are above",
    "SIGBUS": "a crash in compiled code; its stacks are above",
    "SIGILL": "compiled code that this processor does not know",
    "SIGFPE": "a crash in compiled code",
}


def exit_code(status: int) -> int:
    """The exit code of a wait status, as a shell has it: 128 + n after signal n."""
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def explain(status: int, *, out_of_memory: bool = False) -> str:
    """A wait status in words.

    Args:
        status: as os.waitpid() gives it.
        out_of_memory: whether the control group counted a kill for want of memory meanwhile.
    """
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        meaning = CODES.get(code)
        return f"exit code {code}" + (f", {meaning}" if meaning else "")
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    if name == "SIGKILL" and out_of_memory:
        return "killed by the kernel, which was out of memory (see the memory limit of this control group)"
    return f"killed by {name}" + (f", {HINTS[name]}" if name in HINTS else "")


class MemoryEvents:
    """The kernel's count of processes of this control group that it killed for want of memory.

    Args:
        root: where the control groups are mounted.
        membership: the file that says which one is ours.
    """

    def __init__(self, root: str = "/sys/fs/cgroup", membership: str = "/proc/self/cgroup") -> None:
        self._files = list(event_files(Path(root), Path(membership)))
        self._seen = self._count()

    def killed(self) -> bool:
        """Whether the count has risen since the last call."""
        before, self._seen = self._seen, self._count()
        return self._seen > before

    def _count(self) -> int:
        for file in self._files:
            try:
                lines = file.read_text(encoding="ascii").splitlines()
            except OSError:
                continue
            for line in lines:
                name, _, value = line.partition(" ")
                if name == "oom_kill" and value.strip().isdigit():
                    return int(value)
        return 0


def event_files(root: Path, membership: Path) -> list[Path]:
    """Where the count may be: version 2 of control groups, then version 1."""
    files = []
    try:
        lines = membership.read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers == "":
            files.append(root / path.lstrip("/") / "memory.events")
        elif "memory" in controllers.split(","):
            files.append(root / "memory" / path.lstrip("/") / "memory.oom_control")
    return [*files, root / "memory.events", root / "memory" / "memory.oom_control"]
