# SPDX-License-Identifier: MIT
"""bench.procfs and bench.disturbance: reading /proc, and what counts as a disturbance."""

import os

import pytest

from bench import procfs
from bench.disturbance import Disturbance, Watch
from bench.machine import parse_processor

TICK = procfs.TICKS_PER_SECOND


def test_a_process_with_an_awkward_name() -> None:
    text = "4242 (a) b (c) S 1 4240 4239 0 -1 4194560 1 0 0 0 250 50 0 0 20 0 3 0 1 2 3 4\n"
    assert procfs.parse_process_stat(text) == procfs.ProcessStat(4242, "a) b (c", 4239, 300 / TICK, "S")


def test_the_machine() -> None:
    text = "cpu  100 20 30 4000 50 6 7 8 0 0\ncpu0 1 2 3 4 5 6 7 8 0 0\n"
    assert procfs.parse_machine_stat(text.splitlines()[0]) == procfs.MachineTime(163 / TICK, 8 / TICK)


def test_this_process_is_seen() -> None:
    session = os.getsid(0)
    assert os.getpid() in [stat.pid for stat in procfs.session_processes(session)]
    assert procfs.session_cpu_seconds(session) > 0
    assert procfs.session_resident_bytes(session) >= procfs.resident_bytes(os.getpid()) // 2 > 1 << 20


def test_a_process_that_has_gone_counts_as_nothing() -> None:
    assert procfs.resident_bytes(2**22 + 1) == 0
    assert procfs.session_processes(2**22 + 1) == []


@pytest.mark.parametrize(
    ("disturbance", "expected"),
    [
        (Disturbance(0.05, 0.04, "cc1 (process 5, 0.05)"), ""),
        (Disturbance(0.50, 0.0, ""), "disturbed: 0.50 cores were used by others"),
        (
            Disturbance(0.50, 0.25, "cc1 (7, 0.40)"),
            "disturbed: 0.50 cores were used by others, most of it by cc1 (7, 0.40), 0.25 taken by the hypervisor",
        ),
    ],
)
def test_a_warning_names_the_culprit(disturbance: Disturbance, expected: str) -> None:
    assert disturbance.warning == expected


def test_a_watch_ends_with_figures() -> None:
    disturbance = Watch(os.getsid(0)).end()
    assert disturbance.cores >= 0.0
    assert disturbance.stolen >= 0.0


def test_the_name_of_the_processor() -> None:
    assert parse_processor("processor\t: 0\nmodel name\t: Fast One: 3\nmodel name\t: x\n") == "Fast One: 3"
    assert parse_processor("Features : fp asimd\n") == ""
