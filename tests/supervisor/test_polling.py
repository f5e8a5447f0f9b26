# SPDX-License-Identifier: MIT
"""Changes found by looking: what is one, what is none, and that odd trees do no harm."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fastcorn.supervisor import polling
from fastcorn.supervisor.polling import PAUSE_SECONDS, Poller
from fastcorn.supervisor.watched import Watched


class Tree:
    """A directory with an app.py, its poller, and what the poller has slept."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.file = root / "app.py"
        self.file.write_text("one")
        self.slept: list[float] = []
        self.poller = Poller(Watched([str(root)], [str(root.parent / "fastcorn.toml")]), self.slept.append)

    def changes(self) -> list[str]:
        return sorted(os.path.relpath(path, self.root) for path in self.poller.changes())


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    (tmp_path / "tree").mkdir()
    return Tree(tmp_path / "tree")


def test_nothing_has_changed(tree: Tree) -> None:
    assert tree.changes() == []


def test_written_file(tree: Tree) -> None:
    tree.file.write_text("another")
    assert tree.changes() == ["app.py"]
    assert tree.changes() == []


def test_size_with_the_same_time(tree: Tree) -> None:
    before = tree.file.stat()
    tree.file.write_text("another")
    os.utime(tree.file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert tree.changes() == ["app.py"]


def test_time_that_goes_back(tree: Tree) -> None:
    os.utime(tree.file, ns=(0, 0))
    assert tree.changes() == ["app.py"]


def test_replaced_file_of_the_same_time_and_size(tree: Tree) -> None:
    before, other = tree.file.stat(), tree.root / "app.py.new"
    other.write_text("two")
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    polling_stamp = polling.stamp(str(tree.file))
    other.replace(tree.file)
    now = polling.stamp(str(tree.file))
    assert polling_stamp is not None
    assert now is not None
    assert now[:2] == polling_stamp[:2]
    # The clock of the file system may stand still for some milliseconds, so the time of the move is given.
    assert polling.differs(polling_stamp, (*now[:3], polling_stamp[3] + 1))


@pytest.mark.parametrize(
    ("now", "differs"),
    [
        ((1, 2, 3, 4), False),
        ((9, 2, 3, 4), True),
        ((1, 9, 3, 4), True),
        ((1, 2, 9, 4), False),  # a share that makes up inodes
        ((1, 2, 3, 9), False),  # chmod
        ((1, 2, 9, 9), True),
        (None, True),
    ],
)
def test_stamps(now: polling.Stamp, differs: bool) -> None:
    assert polling.differs((1, 2, 3, 4), now) is differs
    assert polling.differs(now, (1, 2, 3, 4)) is differs
    assert not polling.differs(None, None)


def test_new_and_deleted_files(tree: Tree) -> None:
    (tree.root / "package").mkdir()
    (tree.root / "package" / "new.py").write_text("")
    (tree.root / "package" / "page.html").write_text("")
    (tree.root / "package" / "data.bin").write_text("")
    assert tree.changes() == ["package/new.py", "package/page.html"]
    (tree.root / "package" / "new.py").unlink()
    assert tree.changes() == ["package/new.py"]


def test_single_file_comes_changes_and_goes(tree: Tree) -> None:
    file = tree.root.parent / "fastcorn.toml"
    for change in (lambda: file.write_text("a"), lambda: file.write_text("ab"), file.unlink):
        change()
        assert tree.changes() == ["../fastcorn.toml"]
    assert tree.changes() == []


def test_directory_that_vanishes_and_comes_back(tree: Tree) -> None:
    tree.root.rename(tree.root.parent / "away")
    assert tree.changes() == ["app.py"]
    assert tree.changes() == []
    (tree.root.parent / "away").rename(tree.root)
    assert tree.changes() == ["app.py"]


def test_loops_of_links_and_broken_links(tree: Tree) -> None:
    (tree.root / "again").symlink_to(tree.root)
    (tree.root / "broken.py").symlink_to(tree.root / "none")
    (tree.root / "self.py").symlink_to(tree.root / "self.py")
    assert tree.changes() == ["broken.py", "self.py"]
    (tree.root / "none").write_text("")
    assert tree.changes() == ["broken.py"]


def test_linked_directory_is_looked_at(tree: Tree) -> None:
    shared = tree.root.parent / "shared"
    shared.mkdir()
    (tree.root / "linked").symlink_to(shared)
    (shared / "x.py").write_text("")
    assert tree.changes() == ["linked/x.py"]


def test_directory_that_cannot_be_read(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    (tree.root / "locked").mkdir()
    real = os.scandir

    def refuse(path: str) -> Any:
        if path.endswith("locked"):
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(os, "scandir", refuse)
    tree.file.write_text("another")
    assert tree.changes() == ["app.py"]


def test_wait_ends_with_a_change(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    answers: Iterator[set[str]] = iter([set(), set(), {"x"}])
    monkeypatch.setattr(tree.poller, "changes", lambda: next(answers))
    assert tree.poller.wait(None) == {"x"}
    assert len(tree.slept) == 3


def test_wait_ends_in_time(tree: Tree) -> None:
    assert tree.poller.wait(0.25) == set()
    assert tree.slept == [0.25]
    tree.slept.clear()
    assert tree.poller.wait(0) == set()
    assert tree.slept == [0]


def test_pause_grows_with_the_cost_of_a_look(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    assert tree.poller._pause == PAUSE_SECONDS
    clock = iter([0.0, 2.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    tree.poller.changes()
    assert tree.poller._pause == 18.0


def test_large_tree_costs_one_stat_a_file(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(20):
        (tree.root / f"p{number}").mkdir()
        for module in range(50):
            (tree.root / f"p{number}" / f"m{module}.py").touch()
            (tree.root / f"p{number}" / f"data{module}.bin").touch()
    tree.poller.changes()
    looked: list[str] = []
    real = polling.stamp
    monkeypatch.setattr(polling, "stamp", lambda path: looked.append(path) or real(path))
    assert tree.poller.changes() == set()
    assert len(looked) == len(set(looked)) == 20 * 50 + 2
