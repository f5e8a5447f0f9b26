# SPDX-License-Identifier: MIT
"""Hooks: how they are given, what is refused, and what becomes of what they raise."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fastcorn.config import Config
from fastcorn.config.errors import ConfigError
from fastcorn.errors import HookError
from fastcorn.typing import LifecycleEvent
from fastcorn.worker.hooks import NAMES, Hooks

MODULE = """
seen = []

def note(event):
    seen.append(event)

async def waiting(event): ...

def two(event, other): ...

def none(): ...

number = 5

class Callable:
    async def __call__(self, event): ...

asynchronous = Callable()
"""


class Log:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def error(self, text: str, *args: Any, exc_info: BaseException | None = None) -> None:
        self.lines.append(f"{text % args}: {exc_info!r}")


@pytest.fixture(autouse=True)
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "hooks_of_test.py").write_text(MODULE)
    (tmp_path / "broken_hooks.py").write_text("1 / 0")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield
    sys.modules.pop("hooks_of_test", None)


def hooks(log: Any = None, **settings: Any) -> Hooks:
    return Hooks(Config(**settings).freeze(), log)


@pytest.mark.parametrize("name", NAMES)
def test_callable_and_name(name: str) -> None:
    seen: list[LifecycleEvent] = []
    hooks(**{name: seen.append}).call(name, pid=5, reason="why")
    assert seen == [LifecycleEvent(name, pid=5, reason="why")]
    hooks(**{name: "hooks_of_test:note"}).call(name, worker=1)
    assert sys.modules["hooks_of_test"].seen == [LifecycleEvent(name, worker=1)]


def test_names_are_looked_for_in_app_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "hooks_of_test.py").rename(tmp_path / "src" / "hooks_of_test.py")
    hooks(when_ready="hooks_of_test.note", app_dir="src").call("when_ready")


def test_not_set_is_not_called() -> None:
    hooks().call("on_starting")


@pytest.mark.parametrize(
    "hook",
    [
        print,
        functools.partial(lambda number, event: None, 5),
        lambda event, more=1: None,
        lambda *events: None,
        [].append,
    ],
)
def test_anything_that_takes_one_argument(hook: Callable[[Any], object]) -> None:
    hooks(on_exit=hook)


@pytest.mark.parametrize(
    ("hook", "problem"),
    [
        ("hooks_of_test:waiting", "must be a plain function, not an async one"),
        ("hooks_of_test:asynchronous", "must be a plain function, not an async one"),
        ("hooks_of_test:two", "must take one argument, the LifecycleEvent"),
        ("hooks_of_test:none", "must take one argument, the LifecycleEvent"),
        ("hooks_of_test:number", "must be a function, not int"),
        ("hooks_of_test:missing", "'hooks_of_test:missing' cannot be imported"),
        ("no_such_module:hook", "'no_such_module:hook' cannot be imported: No module named 'no_such_module'"),
        ("broken_hooks:hook", "'broken_hooks:hook' cannot be imported: ZeroDivisionError: division by zero"),
    ],
)
def test_what_is_refused(hook: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=f"^on_reload: {problem}"):
        hooks(on_reload=hook)


@pytest.mark.parametrize("value", ["", "hook", 5, "module:", "a b:c"])
def test_value_of_another_kind(value: Any) -> None:
    if value == "":
        assert Config(on_exit=value).on_exit is None
        return
    with pytest.raises(ConfigError, match="on_exit: must be a function or its name"):
        Config(on_exit=value)


def boom(event: LifecycleEvent) -> None:
    raise LookupError("boom")


def leave(event: LifecycleEvent) -> None:
    sys.exit(5)


@pytest.mark.parametrize(("hook", "told"), [(boom, "LookupError: boom"), (leave, "SystemExit: 5")])
def test_on_starting_stops_the_start(hook: Callable[[LifecycleEvent], object], told: str) -> None:
    with pytest.raises(HookError, match=f"the hook on_starting raised {told}") as caught:
        hooks(on_starting=hook).call("on_starting")
    assert caught.value.__cause__ is not None


@pytest.mark.parametrize("name", NAMES[1:])
@pytest.mark.parametrize("hook", [boom, leave])
def test_others_are_logged(name: str, hook: Callable[[LifecycleEvent], object]) -> None:
    log = Log()
    hooks(log, **{name: hook}).call(name)
    assert log.lines[0].startswith(f"the hook {name} failed: ")
    hooks(None, **{name: hook}).call(name)


def test_coroutine_that_a_hook_returns_is_told() -> None:
    async def work() -> None: ...

    log = Log()
    hooks(log, on_exit=lambda event: work()).call("on_exit")
    assert "what this one returned is never awaited" in log.lines[0]


def test_functions_of_a_python_file_are_hooks(tmp_path: Path) -> None:
    file = tmp_path / "conf.py"
    file.write_text(
        "seen = []\ndef when_ready(event):\n    print(event.name)\ndef helper(): ...\ndef _on_exit(): ...\n"
    )
    file.write_text(file.read_text().replace("seen = []\n", ""))
    config = Config.from_pyfile(file)
    assert callable(config.when_ready)
    assert config.given() == ["when_ready"]
    assert config.files == [str(file)]


def test_methods_of_a_configuration_object_are_hooks() -> None:
    class Settings:
        workers = 2

        def on_exit(self, event: LifecycleEvent) -> None: ...

    config = Config.from_object(Settings())
    assert config.given() == ["workers", "on_exit"]
    hooks(on_exit=config.on_exit).call("on_exit")


def test_hook_as_method_of_a_subclass(capsys: pytest.CaptureFixture[str]) -> None:
    class Own(Config):
        def when_ready(self, event: LifecycleEvent) -> None:
            print(event.name, self.workers)

    Hooks(Own(workers=3).freeze()).call("when_ready")
    assert capsys.readouterr().out == "when_ready 3\n"
