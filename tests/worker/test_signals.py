# SPDX-License-Identifier: MIT
"""Stop signals: delivered to the loop, and the handlers of before put back."""

import asyncio
import signal
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from fastcorn.worker.signals import STOP_SIGNALS, SignalHold, StopSignals, Terminated, Termination, interruption_code
from tests.loops import LIMIT_SECONDS, each_loop, run_on, until


@pytest.fixture(autouse=True)
def python_s_own_handlers() -> Iterator[None]:
    """As a program finds them when it starts, whatever other tests have left."""
    own: dict[int, Any] = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}
    before = {number: signal.signal(number, handler) for number, handler in own.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@each_loop
def test_signals_reach_the_callback(loop_name: str) -> None:
    async def main() -> None:
        seen: list[int] = []
        with StopSignals(asyncio.get_running_loop(), seen.append):
            signal.raise_signal(signal.SIGINT)
            await until(lambda: len(seen) == 1)
            signal.raise_signal(signal.SIGTERM)
            await until(lambda: len(seen) == 2)
        assert seen == [signal.SIGINT, signal.SIGTERM]

    run_on(loop_name, main)


@each_loop
def test_handlers_are_put_back(loop_name: str) -> None:
    def mine(number: int, frame: object) -> None: ...

    before = signal.signal(signal.SIGTERM, mine)
    try:

        async def main() -> None:
            interrupt = signal.getsignal(signal.SIGINT)
            with StopSignals(asyncio.get_running_loop(), lambda number: None):
                assert signal.getsignal(signal.SIGTERM) is not mine
            assert signal.getsignal(signal.SIGTERM) is mine
            assert signal.getsignal(signal.SIGINT) is interrupt

        run_on(loop_name, main)
    finally:
        signal.signal(signal.SIGTERM, before)


def test_other_threads_are_left_alone() -> None:
    before = [signal.getsignal(number) for number in STOP_SIGNALS]
    inside: list[object] = []

    async def main() -> None:
        with StopSignals(asyncio.get_running_loop(), lambda number: None):
            inside.extend(signal.getsignal(number) for number in STOP_SIGNALS)

    thread = threading.Thread(target=lambda: asyncio.run(main()))
    thread.start()
    thread.join(30)
    assert inside == before


def test_loops_without_signal_handlers() -> None:
    """Windows' loops raise NotImplementedError: plain handlers do it there."""

    class Loop:
        def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
            self.call_soon_threadsafe = loop.call_soon_threadsafe

        def add_signal_handler(self, *args: object) -> None:
            raise NotImplementedError

        remove_signal_handler = add_signal_handler

    async def main() -> None:
        seen: list[int] = []
        before = signal.getsignal(signal.SIGTERM)
        with StopSignals(Loop(asyncio.get_running_loop()), seen.append):  # type: ignore[arg-type]
            signal.raise_signal(signal.SIGTERM)
            await until(lambda: seen == [signal.SIGTERM])
        assert signal.getsignal(signal.SIGTERM) is before

    run_on("asyncio", main)


def test_sigterm_interrupts_what_runs_without_a_loop() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(Terminated) as raised, Termination():
        signal.raise_signal(signal.SIGTERM)
    assert interruption_code(raised.value) == 128 + signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) is before


def test_interruption_from_the_keyboard_has_its_own_code() -> None:
    assert interruption_code(KeyboardInterrupt()) == 128 + signal.SIGINT


def test_handler_of_the_program_stays() -> None:
    seen: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: seen.append(number))
    try:
        with Termination():
            signal.raise_signal(signal.SIGTERM)
        assert seen == [signal.SIGTERM]
    finally:
        signal.signal(signal.SIGTERM, before)


def test_termination_in_another_thread_leaves_signals_alone() -> None:
    before = signal.getsignal(signal.SIGTERM)
    seen: list[object] = []

    def enter() -> None:
        with Termination():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join(LIMIT_SECONDS)
    assert seen == [before]


@each_loop
def test_signals_that_are_held_reach_who_obeys_them(loop_name: str) -> None:
    seen: list[int] = []

    async def main() -> None:
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGINT)
        with StopSignals(asyncio.get_running_loop(), seen.append):
            await until(lambda: sorted(seen) == [signal.SIGINT, signal.SIGTERM])
            signal.raise_signal(signal.SIGINT)
            await until(lambda: len(seen) == 3)
        assert hold.numbers == []
        signal.raise_signal(signal.SIGTERM)

    with Termination(), SignalHold() as hold:
        run_on(loop_name, main)
        assert hold.numbers == [signal.SIGTERM]
    assert len(seen) == 3


def test_hold_leaves_handlers_of_the_program_alone() -> None:
    before = [signal.getsignal(number) for number in STOP_SIGNALS]
    with SignalHold():
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
        assert signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    assert [signal.getsignal(number) for number in STOP_SIGNALS] == before
