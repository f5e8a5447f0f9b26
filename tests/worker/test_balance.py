# SPDX-License-Identifier: MIT
"""Who of several workers accepts the next connection."""

import pytest

from fastcorn.worker.balance import SEATS, SLACK, Balance, Seats


@pytest.fixture
def seats() -> Seats:
    return Seats()


def workers(seats: Seats, *loads: int) -> list[Balance]:
    made = [Balance(seats, seats.take()) for _ in loads]
    for worker, load in zip(made, loads, strict=True):
        worker.tell(load)
    return made


def test_a_worker_alone_never_waits(seats: Seats) -> None:
    (only,) = workers(seats, 0)
    assert not any(only.should_wait(load) for load in (0, 10, 1000))


def test_clearly_more_than_the_least_waits_once(seats: Seats) -> None:
    busy, idle, _ = workers(seats, 5, 5, 100)
    assert not busy.should_wait(5 + SLACK)
    assert busy.should_wait(6 + SLACK)
    assert not busy.should_wait(6 + SLACK), "nobody took it, so it is ours"
    assert busy.should_wait(6 + SLACK)
    idle.tell(6)
    assert not busy.should_wait(6 + SLACK), "another took one, so it is even"


def test_as_long_as_others_take_them_it_waits(seats: Seats) -> None:
    busy, other = workers(seats, 50, 0)
    for load in range(1, 40):
        other.tell(load)
        assert busy.should_wait(50)


def test_the_slack_grows_with_the_load(seats: Seats) -> None:
    busy, _ = workers(seats, 0, 1600)
    assert not busy.should_wait(1700)
    assert busy.should_wait(1701)


def test_one_that_accepts_no_more_is_not_waited_for(seats: Seats) -> None:
    busy, leaving = workers(seats, 50, 0)
    leaving.leave()
    assert not busy.should_wait(50)


def test_seats_are_used_again(seats: Seats) -> None:
    for _ in range(SEATS + 10):
        seat = seats.take()
        assert seat == 1
        Balance(seats, seat).tell(7)
        seats.give_back(seat)
    (worker,) = workers(seats, 100)
    assert not worker.should_wait(100), "what the ones before had is forgotten"
