# SPDX-License-Identifier: MIT
"""Why a process ended, in words."""

import signal
from pathlib import Path

import pytest

from fastcorn.supervisor.exits import MemoryEvents, exit_code, explain


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (0, 0, "exit code 0, it ended by itself"),
        (1 << 8, 1, "exit code 1, it failed, see above"),
        (3 << 8, 3, "exit code 3, the application refused to start"),
        (4 << 8, 4, "exit code 4, the application could not be loaded"),
        (77 << 8, 77, "exit code 77"),
        (signal.SIGTERM, 143, "killed by SIGTERM"),
        (signal.SIGKILL, 137, "killed by SIGKILL"),
        (signal.SIGSEGV | 0x80, 139, "killed by SIGSEGV, a crash in compiled code; its stacks are above"),
    ],
)
def test_wait_status(status: int, code: int, words: str) -> None:
    assert exit_code(status) == code
    assert explain(status) == words


def test_out_of_memory_is_said_of_sigkill_alone() -> None:
    assert explain(signal.SIGKILL, out_of_memory=True).startswith("killed by the kernel, which was out of memory")
    assert explain(signal.SIGTERM, out_of_memory=True) == "killed by SIGTERM"


@pytest.mark.parametrize(
    ("membership", "file"),
    [
        ("0::/pod/app\n", "pod/app/memory.events"),
        ("5:cpu:/x\n4:memory:/pod\n", "memory/pod/memory.oom_control"),
        ("0::/of/the/host\n", "memory.events"),
    ],
)
def test_the_kernels_count(tmp_path: Path, membership: str, file: str) -> None:
    (tmp_path / "membership").write_text(membership)
    counted = tmp_path / file
    counted.parent.mkdir(parents=True, exist_ok=True)
    counted.write_text("low 0\noom 1\noom_kill 1\n")
    events = MemoryEvents(str(tmp_path), str(tmp_path / "membership"))
    assert not events.killed()
    counted.write_text("low 0\noom 2\noom_kill 2\n")
    assert events.killed()
    assert not events.killed()


def test_no_control_groups_is_no_error(tmp_path: Path) -> None:
    assert not MemoryEvents(str(tmp_path), str(tmp_path / "missing")).killed()
