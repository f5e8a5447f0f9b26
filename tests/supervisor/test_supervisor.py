# SPDX-License-Identifier: MIT
"""What a supervisor decides, with processes and a clock that are the test's."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fastcorn.config import Config

if sys.platform == "win32":
    pytest.skip("Windows has no fork", allow_module_level=True)

from fastcorn.supervisor.supervisor import DUMP_SECONDS, FORCE_SECONDS, GRACE_SECONDS, LEAVE_SECONDS, Phase
from fastcorn.worker.child import DUMP_SIGNAL
from tests.supervisor.world import World

Maker = Callable[..., World]


@pytest.fixture
def make() -> Iterator[Maker]:
    made: list[World] = []

    def maker(**settings: Any) -> World:
        made.append(World(**settings))
        return made[-1]

    yield maker
    for world in made:
        world.close()


@pytest.fixture
def serving(make: Maker) -> Maker:
    """Makes a world whose workers are all ready."""

    def maker(workers: int = 2, **settings: Any) -> World:
        world = make(workers=workers, **settings)
        world.ready(101)
        world.ready(*range(102, 101 + workers))
        assert world.supervisor.phase is Phase.SERVING
        return world

    return maker


# ---- the start -------------------------------------------------------------------------------------------------------


def test_one_worker_first_then_the_others(make: Maker) -> None:
    world = make(workers=3)
    assert world.forked == [101]
    world.ready(101)
    assert world.forked == [101, 102, 103]
    assert not any("Running on" in line for line in world.lines)
    world.ready(103, 102)
    assert sum("Running on http://127.0.0.1:" in line for line in world.lines) == 1
    assert "3 workers are ready after 0.00 s" in world.lines


@pytest.mark.parametrize("code", [2, 3, 4])
def test_a_first_worker_that_fails_ends_the_command_with_its_code(make: Maker, code: int) -> None:
    world = make(workers=4)
    world.die(101, code)
    assert (world.supervisor.phase, world.supervisor.code) == (Phase.STOPPING, code)
    assert world.forked == [101]
    assert world.lines == [], "the worker has told why"


def test_another_worker_that_fails_at_the_start_ends_the_command_too(make: Maker) -> None:
    world = make(workers=3)
    world.ready(101)
    world.die(102, 3)
    assert (world.supervisor.phase, world.supervisor.code) == (Phase.STOPPING, 3)
    assert "stop" in world.told(101)
    assert world.forked == [101, 102, 103]


@pytest.mark.parametrize("begun", [False, True])
def test_a_start_that_hangs_is_ended(make: Maker, begun: bool) -> None:
    world = make(workers=1, startup_timeout=20, worker_timeout=10)
    if begun:
        world.say(101, "beat")
    world.turn(29)
    assert world.killed == []
    world.turn(1)
    assert world.killed == [(101, DUMP_SIGNAL)]
    world.turn(DUMP_SECONDS)
    assert world.killed[-1] == (101, signal.SIGKILL)
    world.die(101, by_signal=signal.SIGKILL)
    assert world.supervisor.code == 128 + signal.SIGKILL


def test_a_worker_that_dies_after_it_was_ready_does_not_end_the_start(make: Maker) -> None:
    world = make(workers=2)
    world.ready(101)
    world.die(101, by_signal=signal.SIGSEGV)
    assert world.alive == [102, 103]
    world.ready(102)
    assert not any("Running on" in line for line in world.lines)
    world.ready(103)
    assert world.supervisor.phase is Phase.SERVING


def test_threads_that_a_fork_would_lose_are_named(make: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(World, "other_threads", lambda self: ["metrics"])
    world = make(workers=2)
    assert world.lines[0].startswith("threads run in the supervisor (metrics); workers do not have them")


# ---- workers that end ------------------------------------------------------------------------------------------------


def test_a_worker_that_dies_is_replaced_at_once_and_then_ever_later(serving: Maker) -> None:
    world = serving()
    world.die(102, by_signal=signal.SIGSEGV)
    assert "killed by SIGSEGV, a crash in compiled code; its stacks are above; starting another now" in world.lines[-1]
    assert world.alive == [101, 103]
    for pid, pause in ((103, 0.1), (104, 0.2), (105, 0.4)):
        world.die(pid, 3)
        assert world.lines[-1].endswith(f"the application refused to start; starting another in {pause:g} s")
        world.turn(pause * 0.9)
        assert world.alive == [101]
        world.turn(pause * 0.2)
        assert world.alive == [101, pid + 1]


def test_a_healthy_life_makes_the_next_restart_quick_again(serving: Maker) -> None:
    world = serving()
    world.die(102, 1)
    world.ready(103)
    for _ in range(70):
        world.say(101, "beat")
        world.say(103, "beat")
        world.turn(1)
    world.die(103, 1)
    assert world.lines[-1].endswith("starting another now")


def test_a_silent_worker_shows_its_stacks_and_is_killed(serving: Maker) -> None:
    world = serving(worker_timeout=5)
    for _ in range(4):
        world.turn(1)
        world.say(101, "beat")
    assert world.killed == []
    world.turn(1)
    assert world.killed == [(102, DUMP_SIGNAL)]
    assert "has not answered for 5.0 s (worker_timeout): its stacks follow" in world.lines[-1]
    world.turn(DUMP_SECONDS)
    assert world.killed == [(102, DUMP_SIGNAL), (102, signal.SIGKILL)]
    world.die(102, by_signal=signal.SIGKILL)
    assert world.lines[-1].endswith("it did not answer; starting another now")


def test_without_worker_timeout_silence_is_no_fault(serving: Maker) -> None:
    world = serving(worker_timeout=None)
    world.turn(1000)
    assert world.killed == []


def test_silence_while_the_supervisor_stood_still_too_is_no_fault(serving: Maker) -> None:
    world = serving(worker_timeout=5)
    world.turn(3)
    world.stand_still(600)
    world.turn(1)
    assert world.killed == []
    world.say(101, "beat")
    world.turn(1)
    assert world.killed == [(102, DUMP_SIGNAL)], "the silence before counts"


def test_one_whose_event_loop_has_ended_is_not_hung(serving: Maker) -> None:
    world = serving(worker_timeout=1)
    world.supervisor.obey(signal.SIGTERM)
    world.say(101, "leaving")
    world.say(102, "leaving")
    world.turn(3)
    assert world.killed == []
    world.die(102)
    world.turn(LEAVE_SECONDS)
    assert world.killed == [(101, signal.SIGKILL)]


@pytest.mark.parametrize("ready", [[], [101]])
def test_a_fork_that_fails_ends_the_start(make: Maker, monkeypatch: pytest.MonkeyPatch, ready: list[int]) -> None:
    real, count = World.fork, iter(range(10))

    def no_room(world: World, run: Any) -> int:
        if next(count) < len(ready):
            return real(world, run)
        raise OSError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(World, "fork", no_room)
    world = make(workers=4)
    world.ready(*ready)
    assert (world.supervisor.phase, world.supervisor.code) == (Phase.STOPPING, 1)
    assert world.lines[-1] == "cannot start a worker process: Resource temporarily unavailable; stopping"
    assert world.forked == ready
    for pid in ready:
        assert world.told(pid) == ["stop", "force"]


def test_a_fork_that_fails_is_tried_again(serving: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    world = serving()

    def no_room(run: Any) -> int:
        raise OSError(11, "Resource temporarily unavailable")

    with monkeypatch.context() as patch:
        patch.setattr(world, "fork", no_room)
        world.die(102, 1)
        world.turn(0.2)
        assert (
            "cannot start a worker process: Resource temporarily unavailable; starting another in 0.2 s" in world.lines
        )
    world.turn(1)
    assert world.alive == [101, 103]


# ---- replacing -------------------------------------------------------------------------------------------------------


def test_a_worker_retires_when_its_successor_is_ready(serving: Maker) -> None:
    world = serving()
    world.say(101, "recycle", "it has served 500 requests (max_requests)")
    assert world.alive == [101, 102, 103]
    assert world.told(101) == []
    world.ready(103)
    assert world.told(101) == ["retire"]
    world.die(101)
    assert world.lines[-1].endswith("has ended after 0.0 s: it has served 500 requests (max_requests)")
    assert world.alive == [102, 103]


def test_replacements_happen_one_at_a_time(serving: Maker) -> None:
    world = serving()
    world.say(101, "recycle", "one")
    world.say(102, "recycle", "two")
    assert world.forked == [101, 102, 103]
    world.ready(103)
    assert world.forked == [101, 102, 103, 104]


def test_a_successor_that_fails_is_tried_again_while_the_old_one_serves(serving: Maker) -> None:
    world = serving()
    world.say(101, "recycle", "enough")
    world.die(103, 3)
    assert world.told(101) == []
    assert "before it was ready" in world.lines[-2]
    world.turn(0.0)
    world.turn(0.2)
    assert 104 in world.alive
    world.ready(104)
    assert world.told(101) == ["retire"]


def test_a_worker_that_dies_while_it_is_replaced_has_its_successor(serving: Maker) -> None:
    world = serving()
    world.say(101, "recycle", "enough")
    world.die(101, by_signal=signal.SIGKILL)
    assert world.lines[-1].endswith("its successor is on the way")
    world.ready(103)
    assert world.alive == [102, 103]
    assert world.forked == [101, 102, 103]


def test_a_slot_whose_worker_and_successor_have_died_is_filled_again(serving: Maker) -> None:
    world = serving()
    world.say(101, "recycle", "enough")
    world.die(101, by_signal=signal.SIGKILL)
    world.die(103, 3)
    world.turn(1)
    assert world.alive == [102, 104]
    world.ready(104)
    world.turn(100)
    assert world.forked == [101, 102, 103, 104]


def test_a_replacement_is_of_the_worker_that_asked_for_it(serving: Maker) -> None:
    world = serving()
    world.say(101, "recycle", "enough")
    world.die(103, 3)
    world.die(101, by_signal=signal.SIGKILL)
    world.turn(1)
    world.ready(104)
    world.turn(100)
    assert world.alive == [102, 104]
    assert world.told(104) == []


def test_one_that_does_not_retire_is_forced_and_then_killed(serving: Maker) -> None:
    world = serving(graceful_timeout=10, shutdown_timeout=5, worker_timeout=None)
    world.say(101, "recycle", "enough")
    world.ready(103)
    assert world.told(101) == ["retire"]
    world.turn(15 + GRACE_SECONDS)
    assert world.told(101) == ["force"]
    world.turn(FORCE_SECONDS)
    assert world.killed == [(101, signal.SIGKILL)]


def test_sighup_replaces_all_one_after_the_other(serving: Maker) -> None:
    world = serving(workers=3)
    world.supervisor.obey(signal.SIGHUP)
    for old, new in ((101, 104), (102, 105), (103, 106)):
        world.turn()
        assert world.forked[-1] == new
        assert world.told(old) == []
        world.ready(new)
        assert world.told(old) == ["retire"]
    assert any(line.startswith("SIGHUP: all workers are replaced after") for line in world.lines)


def test_a_roll_that_fails_ends_there_and_keeps_the_old_ones(serving: Maker) -> None:
    world = serving()
    world.supervisor.obey(signal.SIGHUP)
    world.turn()
    world.die(103, 4)
    assert any("SIGHUP failed; the workers from before go on" in line for line in world.lines)
    world.turn(100)
    assert world.forked == [101, 102, 103]
    assert world.told(101) == world.told(102) == []


def test_a_wish_to_be_replaced_outlives_a_roll_that_fails(serving: Maker) -> None:
    world = serving()
    world.supervisor.obey(signal.SIGHUP)
    world.turn()
    world.say(102, "recycle", "it has served 500 requests (max_requests)")
    world.die(103, 4)
    world.turn(1)
    world.ready(104)
    assert world.told(102) == ["retire"]
    assert world.told(101) == []


def test_a_slot_that_is_added_during_a_roll_is_rolled_too(serving: Maker) -> None:
    world: World = serving(reread=lambda: Config(**{**world.settings, "workers": 3}))
    world.supervisor.obey(signal.SIGHUP)
    world.turn()
    world.supervisor.obey(signal.SIGTTIN)
    assert world.forked == [101, 102, 103, 104]
    world.ready(104)
    for pid in (103, 105, 106):
        world.ready(pid)
    assert world.alive == [101, 102, 103, 104, 105, 106]
    assert [world.told(pid) for pid in (101, 102, 104)] == [["retire"]] * 3
    plans = {slot.active.plan for slot in world.supervisor.slots if slot.active is not None}
    assert plans == {world.supervisor.plan}


def test_signals_of_one_kind_that_came_together_are_one(serving: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    world = serving()
    numbers = [signal.SIGHUP, signal.SIGTTIN, signal.SIGHUP, signal.SIGTTIN, signal.SIGHUP]
    monkeypatch.setattr(world.supervisor._signals, "take", lambda: numbers)
    world.supervisor._take_signals()
    assert world.supervisor.target == 4
    assert sum(line.startswith("SIGHUP: replacing") for line in world.lines) == 1


@pytest.mark.parametrize("error", [SystemExit(1), RuntimeError("what"), MemoryError()])
def test_a_configuration_that_raises_changes_nothing(serving: Maker, error: BaseException) -> None:
    def raising() -> Config:
        raise error

    world = serving(reread=raising)
    world.supervisor.obey(signal.SIGHUP)
    world.turn()
    assert world.forked == [101, 102]
    assert f"SIGHUP raised {type(error).__name__}" in world.lines
    assert world.lines[-1] == "SIGHUP failed; the workers from before go on"


def test_a_stop_interrupts_the_reading_of_a_configuration(serving: Maker) -> None:
    def endless() -> Config:
        world.supervisor._signals._noticed(signal.SIGTERM, None)
        raise AssertionError("it goes on although it was interrupted")

    world: World = serving(reread=endless)
    world.supervisor.obey(signal.SIGHUP)
    world.supervisor.obey(signal.SIGTERM)
    assert world.told(101) == ["stop"]
    assert not any("raised" in line for line in world.lines)
    world.supervisor._signals._noticed(signal.SIGTERM, None)


def test_a_configuration_with_a_mistake_changes_nothing(serving: Maker) -> None:
    world = serving(reread=lambda: Config(workers="many"))
    world.supervisor.obey(signal.SIGHUP)
    world.turn()
    assert world.forked == [101, 102]
    assert any("workers: must be a whole number or auto, not 'many'" in line for line in world.lines)


def test_a_new_number_of_workers_is_taken_from_the_configuration(serving: Maker) -> None:
    world: World = serving(reread=lambda: Config(**{**world.settings, "workers": 3}))
    world.supervisor.obey(signal.SIGHUP)
    world.turn()
    world.ready(103)
    assert world.alive == [101, 102, 103, 104, 105]
    world.ready(*world.forked[3:])
    assert len(world.supervisor.slots) == 3


def test_what_takes_a_restart_is_named(serving: Maker) -> None:
    world: World = serving(reread=lambda: Config(**{**world.settings, "pid_path": "/run/other"}))
    world.supervisor.obey(signal.SIGHUP)
    assert "pid_path has changed; it takes effect when the server is restarted" in world.lines


def test_workers_are_added_and_removed(serving: Maker) -> None:
    world = serving()
    world.supervisor.obey(signal.SIGTTIN)
    assert world.alive == [101, 102, 103]
    world.ready(103)
    world.supervisor.obey(signal.SIGTTOU)
    world.turn()
    assert world.told(103) == ["retire"]
    world.die(103)
    world.turn(100)
    assert world.alive == [101, 102]


def test_the_last_worker_stays(serving: Maker) -> None:
    world = serving(workers=1, max_requests=5)
    world.supervisor.obey(signal.SIGTTOU)
    world.turn()
    assert world.told(101) == []
    assert world.lines[-1] == "SIGTTOU: the number of workers stays at 1"


def test_logs_are_reopened_everywhere(serving: Maker) -> None:
    world = serving()
    world.supervisor.obey(signal.SIGUSR1)
    assert world.told(101) == world.told(102) == ["reopen"]


# ---- the stop --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_waits_for_all(serving: Maker, number: int) -> None:
    world = serving()
    world.supervisor.obey(number)
    assert world.told(101) == world.told(102) == ["stop"]
    world.die(101)
    world.die(102)
    assert (world.alive, world.supervisor.code, world.killed) == ([], 0, [])


def test_the_code_of_a_shutdown_that_failed_is_the_servers(serving: Maker) -> None:
    world = serving()
    world.supervisor.obey(signal.SIGTERM)
    world.die(101, 1)
    world.die(102)
    assert world.supervisor.code == 1


def test_a_second_signal_forces_and_a_third_kills(serving: Maker) -> None:
    world = serving()
    world.supervisor.obey(signal.SIGTERM)
    world.supervisor.obey(signal.SIGINT)
    assert world.told(101) == ["stop", "force"]
    assert world.supervisor.code == 128 + signal.SIGINT
    world.supervisor.obey(signal.SIGTERM)
    assert world.killed == [(101, signal.SIGKILL), (102, signal.SIGKILL)]


def test_a_forced_stop_kills_in_the_end(serving: Maker) -> None:
    world = serving(worker_timeout=None)
    world.supervisor.obey(signal.SIGTERM)
    world.supervisor.obey(signal.SIGTERM)
    world.turn(FORCE_SECONDS)
    assert {pid for pid, _ in world.killed} == {101, 102}


def test_a_stop_during_the_start(make: Maker) -> None:
    world = make(workers=4)
    world.supervisor.obey(signal.SIGTERM)
    assert (101, signal.SIGTERM) in world.killed
    world.die(101, by_signal=signal.SIGTERM)
    assert (world.alive, world.supervisor.code, world.forked) == ([], 0, [101])


def test_nothing_is_started_during_a_stop(serving: Maker) -> None:
    world = serving()
    world.say(101, "recycle", "enough")
    world.supervisor.obey(signal.SIGTERM)
    for number in (signal.SIGHUP, signal.SIGTTIN):
        world.supervisor.obey(number)
    world.die(102, by_signal=signal.SIGKILL)
    world.turn(100)
    assert world.forked == [101, 102, 103]


def test_other_signals_are_named_and_ignored_during_the_start(make: Maker) -> None:
    world = make(workers=2)
    world.supervisor.obey(signal.SIGTTIN)
    assert world.lines == ["SIGTTIN is ignored while the server is booting"]


def test_a_slot_whose_successor_is_abandoned_and_whose_worker_is_gone_is_filled(serving: Maker) -> None:
    """A newer change ends the successor of a slot whose worker has died meanwhile, and then fails itself."""
    world = serving()
    world.supervisor.obey(signal.SIGHUP)
    world.turn()
    world.ready(103)
    world.turn()
    assert 104 in world.alive, "the successor of the second worker"
    world.die(102, by_signal=signal.SIGKILL)
    world.supervisor.obey(signal.SIGHUP)
    world.turn(100)
    newest = world.forked[-1]
    world.die(newest, 3)
    world.turn(100)
    world.ready(*[pid for pid in world.alive if pid > 104])
    assert all(slot.active is not None for slot in world.supervisor.slots)


def test_a_roll_that_fails_midway_is_tried_again_until_all_are_alike(serving: Maker) -> None:
    world = serving(workers=2)
    world.supervisor.obey(signal.SIGHUP)
    world.turn()
    world.ready(103)
    world.turn()
    world.die(104, 3)
    assert not any("go on" in line for line in world.lines)
    world.turn()
    world.turn(1)
    world.ready(105)
    assert "retire" in world.told(102)


def test_a_stop_during_a_roll_does_not_complete_it(serving: Maker) -> None:
    world = serving()
    world.supervisor.obey(signal.SIGHUP)
    world.turn()
    world.supervisor.obey(signal.SIGTERM)
    world.turn()
    assert not any("replaced after" in line for line in world.lines)


def test_a_stop_in_one_batch_with_sighup_is_all_that_counts(serving: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    world = serving()
    monkeypatch.setattr(world.supervisor._signals, "take", lambda: [signal.SIGHUP, signal.SIGTERM])
    world.supervisor._take_signals()
    assert world.supervisor.phase is Phase.STOPPING
    assert not any("SIGHUP" in line for line in world.lines)


def test_accept_stays_as_it_is_until_a_restart(serving: Maker) -> None:
    world: World = serving(accept="reuseport", reread=lambda: Config(**{**world.settings, "accept": "shared"}))
    before = world.supervisor.plan
    world.supervisor.obey(signal.SIGHUP)
    world.turn()
    world.ready(103)
    plan = world.supervisor.plan
    assert plan is not before
    assert plan.sockets(1).insecure_sockets != plan.sockets(0).insecure_sockets


def test_the_socket_of_a_slot_without_a_worker_is_closed_with_it(serving: Maker) -> None:
    world = serving(accept="reuseport")
    for pid in (102, 103):
        world.die(pid, 3)
    (bound,) = world.supervisor.plan.bound
    assert set(bound.copies) == {1}
    world.supervisor.obey(signal.SIGTTOU)
    assert bound.copies == {}
