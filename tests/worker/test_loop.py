# SPDX-License-Identifier: MIT
"""Choosing the loop, and ending it within bounds (fastcorn.worker.loop)."""

import asyncio
import sys
import threading
from typing import Any

import pytest

from fastcorn.config.errors import ConfigError
from fastcorn.worker import loop as loop_module
from fastcorn.worker.listener import is_uvloop
from fastcorn.worker.loop import choose_loop, run_loop
from tests.loops import LIMIT_SECONDS, LOOPS, each_loop


def kind_of(worker_class: str) -> bool:
    loop = choose_loop(worker_class)()
    try:
        return is_uvloop(loop)
    finally:
        loop.close()


def test_asyncio_is_asyncio() -> None:
    assert kind_of("asyncio") is False


def test_auto_takes_uvloop_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert kind_of("auto") is ("uvloop" in LOOPS)
    monkeypatch.setitem(sys.modules, "uvloop", None)
    assert kind_of("auto") is False


def test_uvloop_insists(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvloop", None)
    with pytest.raises(ConfigError, match="^worker_class: uvloop is not installed; install it, or use asyncio"):
        choose_loop("uvloop")


def test_other_loops_are_refused() -> None:
    with pytest.raises(ConfigError, match="^worker_class: 'trio' cannot be used here; use uvloop or asyncio"):
        choose_loop("trio")


@each_loop
def test_result_and_debug(loop_name: str) -> None:
    async def main() -> bool:
        return asyncio.get_running_loop().get_debug()

    assert run_loop(main(), choose_loop(loop_name)) is False
    assert run_loop(main(), choose_loop(loop_name), debug=True) is True


@each_loop
def test_leftover_tasks_and_generators_are_ended(loop_name: str) -> None:
    ended: list[str] = []

    async def background() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("task")

    async def numbers() -> Any:
        try:
            yield 1
        finally:
            ended.append("generator")

    kept: list[Any] = []

    async def main() -> None:
        kept.append(asyncio.create_task(background()))
        generator = numbers()
        await anext(generator)
        kept.append(generator)
        await asyncio.sleep(0)

    run_loop(main(), choose_loop(loop_name))
    assert sorted(ended) == ["generator", "task"]


@each_loop
def test_error_of_main_is_raised_after_the_end(loop_name: str) -> None:
    ended: list[str] = []

    async def background() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("task")

    async def main() -> None:
        kept = asyncio.create_task(background())
        await asyncio.sleep(0)
        assert kept
        raise ValueError("main failed")

    with pytest.raises(ValueError, match="main failed"):
        run_loop(main(), choose_loop(loop_name))
    assert ended == ["task"]


def test_error_of_a_leftover_task_is_reported() -> None:
    async def background() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise ValueError("at the end")

    reported: list[Any] = []

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: reported.append(context["exception"]))
        kept = asyncio.create_task(background())
        await asyncio.sleep(0)
        assert kept

    run_loop(main(), choose_loop("asyncio"))
    assert [str(error) for error in reported] == ["at the end"]


def test_task_that_ignores_its_cancellation_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop_module, "LEFTOVER_SECONDS", 0.01)
    release = asyncio.Event()
    stuck: list[Any] = []

    async def stubborn() -> None:
        while not release.is_set():
            try:
                await asyncio.sleep(LIMIT_SECONDS)
            except asyncio.CancelledError:
                continue

    async def main() -> None:
        kept = asyncio.create_task(stubborn())
        await asyncio.sleep(0)
        kept._log_destroy_pending = False  # type: ignore[attr-defined]

    run_loop(main(), choose_loop("asyncio"), on_stuck=lambda *arguments: stuck.append(arguments))
    assert stuck == [("1 tasks of the application ignore their cancellation", False)]


@each_loop
def test_threads_end_with_the_loop(loop_name: str) -> None:
    names: list[str] = []

    async def main() -> None:
        await asyncio.to_thread(lambda: names.append(threading.current_thread().name))

    run_loop(main(), choose_loop(loop_name))
    assert not [thread for thread in threading.enumerate() if thread.name == names[0]]


def test_thread_that_does_not_return_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop_module, "LEFTOVER_SECONDS", 0.01)
    release = threading.Event()
    stuck: list[Any] = []

    async def main() -> None:
        asyncio.get_running_loop().run_in_executor(None, release.wait, LIMIT_SECONDS)
        await asyncio.sleep(0)

    run_loop(main(), choose_loop("asyncio"), on_stuck=lambda *arguments: stuck.append(arguments))
    release.set()
    assert stuck == [("threads of the application still run", True)]


@each_loop
@pytest.mark.parametrize("wish", [SystemExit(7), KeyboardInterrupt()])
def test_task_that_ends_the_process_lets_main_end_in_order(loop_name: str, wish: BaseException) -> None:
    ended: list[str] = []

    async def other() -> None:
        raise wish

    async def main() -> None:
        kept = asyncio.create_task(other())
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.append("main")
        assert kept

    with pytest.raises(type(wish)):
        run_loop(main(), choose_loop(loop_name))
    assert ended == ["main"]


def test_who_is_in_a_hurry_does_not_wait_for_what_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop_module, "LEFTOVER_SECONDS", 10 * LIMIT_SECONDS)
    release = threading.Event()
    stuck: list[Any] = []
    asked: list[int] = []

    async def stubborn() -> None:
        while not release.is_set():
            try:
                await asyncio.sleep(LIMIT_SECONDS)
            except asyncio.CancelledError:
                continue

    def hurry() -> bool:
        asked.append(1)
        return len(asked) > 3

    async def main() -> None:
        asyncio.get_running_loop().run_in_executor(None, release.wait, LIMIT_SECONDS)
        kept = asyncio.create_task(stubborn())
        await asyncio.sleep(0)
        kept._log_destroy_pending = False  # type: ignore[attr-defined]

    run_loop(main(), choose_loop("asyncio"), on_stuck=lambda *arguments: stuck.append(arguments), hurry=hurry)
    release.set()
    assert stuck == [
        ("1 tasks of the application ignore their cancellation", False),
        ("threads of the application still run", True),
    ]
