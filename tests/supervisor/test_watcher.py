# SPDX-License-Identifier: MIT
"""The watcher's process: what it tells, what it holds, and how it ends."""

from __future__ import annotations

import importlib.util
import logging
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fastcorn.config import Config
from fastcorn.supervisor import watcher as watcher_module
from fastcorn.supervisor import watching
from fastcorn.supervisor.watched import Watched
from fastcorn.supervisor.watcher import Watcher
from fastcorn.worker.channel import Channel
from tests.loops import LIMIT_SECONDS

# The test's process may have threads of other tests; what is forked here uses none of theirs.
pytestmark = [
    pytest.mark.filterwarnings("ignore:This process:DeprecationWarning"),
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork"),
]

with_events = pytest.mark.skipif(importlib.util.find_spec("watchfiles") is None, reason="needs watchfiles")
each_way = pytest.mark.parametrize("poll", [True, pytest.param(False, marks=with_events)])


class Log:
    """Keeps lines."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def info(self, text: str, *args: Any) -> None:
        self.lines.append(text % args)

    warning = error = info


class Watch:
    """A watcher of a directory, with bounded waits."""

    def __init__(self, root: Path, **settings: Any) -> None:
        self.log = Log()
        self.watcher = Watcher(Config(reload_dirs=[str(root)], reload_delay=0.05, **settings).freeze())
        self.watcher.start()

    def wait(self) -> list[str]:
        """The next changes, or [] at the end of the process or after a note."""
        assert select.select([self.watcher], [], [], LIMIT_SECONDS)[0], "nothing came from the watcher"
        return self.watcher.changes(self.log)

    def started(self) -> str:
        """Waits for the line that says how it watches."""
        while not self.log.lines:
            assert self.wait() == []
        return self.log.lines[0]

    def changed(self) -> list[str]:
        while True:
            changes = self.wait()
            if changes:
                return changes
            assert not self.watcher.ended


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    root.mkdir()
    (root / "app.py").write_text("one")
    return root


@pytest.fixture
def watch(root: Path) -> Iterator[Callable[..., Watch]]:
    made: list[Watch] = []

    def make(**settings: Any) -> Watch:
        made.append(Watch(root, **settings))
        return made[-1]

    yield make
    for one in made:
        one.watcher.close()


def save(path: Path, text: str) -> None:
    """Writes a file at once: a watcher that looks meanwhile would find two changes."""
    path.with_suffix(".tmp").write_text(text)
    path.with_suffix(".tmp").replace(path)


def has_ended(pid: int) -> bool:
    """Whether a process has ended; as an orphan it may wait to be reaped."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return True
    return text.rpartition(")")[2].split()[0] in ("Z", "X")


def wait_for_end(pid: int) -> None:
    ends = time.monotonic() + LIMIT_SECONDS
    while not has_ended(pid):
        assert time.monotonic() < ends, "the process goes on"
        time.sleep(0.005)


@each_way
def test_changes_are_told(watch: Callable[..., Watch], root: Path, poll: bool) -> None:
    one = watch(reload_poll=poll)
    assert ("polling: reload_poll is set" if poll else "file events") in one.started()
    save(root / "app.py", "another")
    assert one.changed() == [str(root / "app.py")]
    save(root / "notes.txt", "")
    (root / "package").mkdir()
    save(root / "package" / "page.html", "")
    assert one.changed() == [str(root / "package" / "page.html")]
    (root / "app.py").unlink()
    assert one.changed() == [str(root / "app.py")]


@with_events
def test_change_before_it_watches_is_not_lost(watch: Callable[..., Watch], root: Path) -> None:
    one = watch()
    # Its first look comes at some moment from now on; the file is written until one time was after that.
    size = 3
    while not select.select([one.watcher], [], [], 0.01)[0] or not one.watcher.changes(one.log):
        size += 1
        save(root / "app.py", "x" * size)
        assert size < LIMIT_SECONDS * 100


@with_events
def test_directories_that_come_and_go_as_a_whole(watch: Callable[..., Watch], root: Path) -> None:
    outside = root.parent / "package"
    (outside / "deep").mkdir(parents=True)
    (outside / "deep" / "x.py").write_text("")
    one = watch()
    one.started()
    outside.rename(root / "package")
    assert one.changed() == [str(root / "package" / "deep" / "x.py")]
    (root / "package").rename(outside)
    assert one.changed() == [str(root / "package")]


@with_events
def test_replaced_directory_is_polled_from_then_on(watch: Callable[..., Watch], root: Path) -> None:
    one = watch()
    one.started()
    root.rename(root.parent / "old")
    root.mkdir()
    save(root / "app.py", "new")
    while not any("polling: a watched directory was removed or replaced" in line for line in one.log.lines):
        one.wait()
    save(root / "b.py", "")
    while str(root / "b.py") not in one.changed():
        pass


def test_without_watchfiles_it_polls_and_says_so(
    watch: Callable[..., Watch], root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "watchfiles", None)
    one = watch()
    assert "polling: the package watchfiles is not installed; pip install fastcorn[reload]" in one.started()
    save(root / "app.py", "another")
    assert one.changed() == [str(root / "app.py")]


@with_events
def test_limit_of_watches_leads_to_polling(
    watch: Callable[..., Watch], root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import watchfiles

    def refuse(*paths: str, **options: object) -> Any:
        raise OSError(28, "OS file watch limit reached.")
        yield

    monkeypatch.setattr(watchfiles, "watch", refuse)
    one = watch()
    assert "polling: [Errno 28] OS file watch limit reached." in one.started()
    save(root / "app.py", "another")
    assert one.changed() == [str(root / "app.py")]


def test_silent_filesystem_is_polled(watch: Callable[..., Watch], root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "silent_type", lambda directory: "9p")
    assert f"polling: {root} is on 9p, where file events do not arrive" in watch().started()


def test_it_ends_when_closed(watch: Callable[..., Watch]) -> None:
    one = watch(reload_poll=True)
    pid = one.watcher.pid
    one.watcher.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    one.watcher.close()


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_it_ends_when_the_supervisor_vanishes(root: Path) -> None:
    reader, writer = os.pipe()
    supervisor = os.fork()
    if supervisor == 0:
        one = Watch(root, reload_poll=True)
        os.write(writer, b"%d\n" % one.watcher.pid)
        signal.pause()
    try:
        os.close(writer)
        pid = int(os.read(reader, 32))
        assert not has_ended(pid)
    finally:
        os.kill(supervisor, signal.SIGKILL)
        os.waitpid(supervisor, 0)
        os.close(reader)
    wait_for_end(pid)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
def test_it_holds_nothing_of_the_supervisors(watch: Callable[..., Watch]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        inode = os.fstat(server.fileno()).st_ino
        one = watch(reload_poll=True)
        one.started()
        held = {os.stat(entry.path).st_ino for entry in os.scandir(f"/proc/{one.watcher.pid}/fd")}
        assert inode not in held
        assert len(list(Path(f"/proc/{one.watcher.pid}/fd").iterdir())) <= 4


def test_it_leaves_the_signals_of_a_terminal_to_the_supervisor(watch: Callable[..., Watch], root: Path) -> None:
    one = watch(reload_poll=True)
    one.started()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
        os.kill(one.watcher.pid, number)
    save(root / "app.py", "another")
    assert one.changed() == [str(root / "app.py")]


def test_it_is_started_again_when_it_was_killed(
    watch: Callable[..., Watch], root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watcher_module, "MOST_RESTARTS", 1)
    one = watch(reload_poll=True)
    one.started()
    os.kill(one.watcher.pid, signal.SIGKILL)
    while not one.watcher.ended:
        one.wait()
    assert one.watcher.restart(one.log)
    assert "ended (killed by SIGKILL); starting it again" in one.log.lines[-1]
    one.log.lines.clear()
    one.started()
    save(root / "app.py", "another")
    assert one.changed() == [str(root / "app.py")]
    os.kill(one.watcher.pid, signal.SIGKILL)
    while not one.watcher.ended:
        one.wait()
    assert not one.watcher.restart(one.log)
    assert "changes are no longer seen" in one.log.lines[-1]
    assert one.watcher.fileno() == -1


# ---- what it tells, without a process --------------------------------------------------------------------------------


class Script:
    """A source of given answers; wait() notes its timeouts."""

    def __init__(self, *answers: set[str]) -> None:
        self.answers = list(answers)
        self.timeouts: list[float | None] = []

    def wait(self, timeout: float | None) -> set[str]:
        self.timeouts.append(timeout)
        return self.answers.pop(0)


def watching_of(channel: Channel) -> Any:
    return watching.Watching(Watched(()), channel, 0.5, poll=True)


def test_changes_settle_before_they_are_told() -> None:
    ours, theirs = Channel.pair()
    source = Script({"a"}, {"b"}, {"c"}, set())
    assert watching_of(theirs)._settled(source, set()) == {"a", "b", "c"}
    assert source.timeouts == [None, 0.5, 0.5, 0.5]
    ours.close()
    theirs.close()


def test_endless_changes_are_told_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = Channel.pair()
    clock = iter(range(1000))
    monkeypatch.setattr(time, "monotonic", lambda: float(next(clock)))
    source = Script(*({str(number)} for number in range(1000)))
    assert len(watching_of(theirs)._settled(source, {"first"})) == 1 + watching.MOST_DELAYS * 0.5 - 1
    ours.close()
    theirs.close()


def test_many_and_odd_names_fit_into_one_message() -> None:
    ours, theirs = Channel.pair()
    one = Watcher(Config().freeze())
    one._channel = ours
    names = {f"/x/{number:04}/\udcff\n  {'y' * 4000}" for number in range(500)}
    watching_of(theirs)._tell(names)
    changes = one.changes(logging.getLogger("none"))
    assert len(changes) == 500
    assert changes[0].startswith("/x/0000/")
    assert all(change.isprintable() for change in changes)
    one._channel = None
    ours.close()
    theirs.close()


def test_compiled_form_of_a_changed_module_is_removed(tmp_path: Path) -> None:
    source = tmp_path / "module.py"
    source.write_text("")
    compiled = Path(importlib.util.cache_from_source(str(source)))
    compiled.parent.mkdir(exist_ok=True)
    compiled.write_bytes(b"")
    watching.forget_bytecode(str(source))
    assert not compiled.exists()
    watching.forget_bytecode(str(source))
    watching.forget_bytecode(str(tmp_path / "page.html"))
