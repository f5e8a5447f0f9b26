# SPDX-License-Identifier: MIT
"""What /proc says about processor time and memory: of a server with all its processes, and of the whole machine.

Called by `process` (one server) and `disturbance` (everything else). The parsers take text, so that they can be tested
without a /proc; processes that vanish between two reads count as zero.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class ProcessStat:
    """The fields of /proc/PID/stat that the harness needs (proc(5)).

    Attributes:
        pid: process id.
        name: the command name, at most 15 characters.
        session: session id; every process of a server shares the one its first process was started with.
        cpu_seconds: user + system time of all its threads, in seconds.
        state: one letter; Z is a zombie, whose memory is gone.
    """

    pid: int
    name: str
    session: int
    cpu_seconds: float
    state: str


@dataclass(frozen=True)
class MachineTime:
    """Processor time of the whole machine since it started, in seconds over all cores.

    Attributes:
        busy: user, nice, system and interrupt time.
        stolen: time in which the hypervisor ran somebody else.
    """

    busy: float
    stolen: float


def parse_process_stat(text: str) -> ProcessStat:
    """Reads one line of /proc/PID/stat; the name may hold spaces and parentheses."""
    head, _, tail = text.rpartition(")")
    pid, _, name = head.partition(" (")
    fields = tail.split()
    ticks = int(fields[11]) + int(fields[12])
    return ProcessStat(int(pid), name, int(fields[3]), ticks / TICKS_PER_SECOND, fields[0])


def parse_machine_stat(text: str) -> MachineTime:
    """Reads the first line of /proc/stat: user nice system idle iowait irq softirq steal."""
    user, nice, system, _idle, _iowait, irq, softirq, steal = (int(word) for word in text.split(maxsplit=9)[1:9])
    return MachineTime((user + nice + system + irq + softirq) / TICKS_PER_SECOND, steal / TICKS_PER_SECOND)


def machine_time() -> MachineTime:
    with (PROC / "stat").open(encoding="ascii") as file:
        return parse_machine_stat(file.readline())


def processes() -> Iterator[ProcessStat]:
    """All processes that can be read now."""
    for entry in os.listdir(PROC):
        if entry.isdigit():
            try:
                yield parse_process_stat((PROC / entry / "stat").read_text(encoding="utf-8", errors="replace"))
            except OSError:
                continue


def session_processes(session: int) -> list[ProcessStat]:
    """The living processes of one session, so also those that a server forked."""
    return [stat for stat in processes() if stat.session == session and stat.state != "Z"]


def session_cpu_seconds(session: int) -> float:
    """User + system time of all processes and threads of a session, in seconds."""
    return sum(stat.cpu_seconds for stat in session_processes(session))


def session_resident_bytes(session: int) -> int:
    """Resident memory summed over all processes of a session, in bytes."""
    return sum(resident_bytes(stat.pid) for stat in session_processes(session))


def resident_bytes(pid: int) -> int:
    """Resident memory of one process in bytes; 0 when it has gone."""
    try:
        return int((PROC / str(pid) / "statm").read_text(encoding="ascii").split()[1]) * PAGE_BYTES
    except (OSError, IndexError):
        return 0
