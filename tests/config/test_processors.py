# SPDX-License-Identifier: MIT
"""The number of processors for workers = auto: affinity, and the quotas of control groups."""

import os
from pathlib import Path

import pytest

from fastcorn.config import Config, processors
from fastcorn.config.processors import quotas, usable_processors


@pytest.fixture
def group(tmp_path: Path) -> Path:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "cpu" / "c").mkdir(parents=True)
    return tmp_path


def limits(group: Path, membership: str) -> list[float]:
    (group / "membership").write_text(membership)
    return quotas(str(group), str(group / "membership"))


def test_version_2_and_the_groups_above(group: Path) -> None:
    (group / "a" / "b" / "cpu.max").write_text("max 100000\n")
    (group / "a" / "cpu.max").write_text("150000 100000\n")
    (group / "cpu.max").write_text("400000 100000\n")
    assert limits(group, "0::/a/b\n") == [1.5, 4.0]


def test_version_1(group: Path) -> None:
    (group / "cpu" / "c" / "cpu.cfs_quota_us").write_text("200000\n")
    (group / "cpu" / "c" / "cpu.cfs_period_us").write_text("100000\n")
    (group / "cpu" / "cpu.cfs_quota_us").write_text("-1\n")
    (group / "cpu" / "cpu.cfs_period_us").write_text("100000\n")
    assert limits(group, "5:memory:/c\n4:cpu,cpuacct:/c\n") == [2.0]


@pytest.mark.parametrize("text", ["", "max", "x y", "5 0", "-1 100000", "\xff"])
def test_what_makes_no_sense_is_no_limit(group: Path, text: str) -> None:
    (group / "a" / "cpu.max").write_text(text, encoding="latin-1")
    assert min(limits(group, "0::/a\n")) > 1000


def test_a_path_of_the_host_falls_back_to_the_root(group: Path) -> None:
    (group / "cpu.max").write_text("50000 100000\n")
    assert limits(group, "0::/../../kubepods/pod1\n") == [0.5]


def test_no_membership_is_no_limit(group: Path) -> None:
    assert min(quotas(str(group), str(group / "missing"))) > 1000


@pytest.mark.parametrize(("quota", "affinity", "expected"), [(0.5, 8, 1), (1.5, 8, 2), (100.0, 8, 8), (4.0, 1, 1)])
def test_the_least_limit_counts_and_parts_are_rounded_up(
    monkeypatch: pytest.MonkeyPatch, quota: float, affinity: int, expected: int
) -> None:
    monkeypatch.setattr(processors, "quotas", lambda: [quota])
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(affinity)), raising=False)
    assert usable_processors() == expected


def test_auto_is_resolved_in_every_source(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processors, "usable_processors", lambda: 6)
    assert Config(workers="auto").workers == 6
    assert Config.from_mapping({"workers": "AUTO"}).workers == 6
