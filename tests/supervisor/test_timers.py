# SPDX-License-Identifier: MIT
"""Timers and pauses of a supervisor."""

from fastcorn.supervisor.backoff import HEALTHY_SECONDS, MOST_SECONDS, Backoff
from fastcorn.supervisor.timers import Timers


def test_timers_run_in_their_order_when_they_are_due() -> None:
    now, ran = [0.0], list[str]()
    timers = Timers(lambda: now[0])
    timers.after(2, lambda: ran.append("second"))
    timers.after(1, lambda: ran.append("first"))
    cancelled = timers.after(1.5, lambda: ran.append("never"))
    timers.after(0, lambda: timers.after(0, lambda: ran.append("later")))
    cancelled.cancel()
    assert timers.wait(10) == 0
    timers.run()
    assert ran == []
    timers.run()
    assert ran == ["later"]
    assert timers.wait(10) == 1
    assert timers.wait(0.5) == 0.5
    now[0] = 2
    timers.run()
    assert ran == ["later", "first", "second"]
    assert timers.wait(10) == 10


def test_pauses_double_up_to_a_bound_and_health_resets_them() -> None:
    backoff = Backoff()
    pauses = [backoff.next(0) for _ in range(40)]
    assert pauses[:5] == [0, 0.1, 0.2, 0.4, 0.8]
    assert pauses[-1] == MOST_SECONDS
    assert backoff.next(HEALTHY_SECONDS - 1) == MOST_SECONDS
    assert backoff.next(HEALTHY_SECONDS) == 0
