# SPDX-License-Identifier: MIT
"""Who of several workers accepts the next connection."""

import pytest

from fastcorn.worker.balance import SEATS, SLACK, Balance, Seats

MOST = 64


@pytest.fixture
def seats() -> Seats:
    return Seats()


def workers(seats: Seats, *loads: int) -> list[Balance]:
    made = [Balance(seats, seats.take()) for _ in loads]
    for worker, load in zip(made, loads, strict=True):
        worker.tell(load)
    return made


def test_a_worker_alone_takes_all_it_can(seats: Seats) -> None:
    (only,) = workers(seats, 0)
    assert [only.share(load, MOST) for load in (0, 10, 1000)] == [MOST] * 3


def test_clearly_more_than_the_least_waits(seats: Seats) -> None:
    busy, idle, _ = workers(seats, 5, 5, 100)
    assert busy.share(5 + SLACK, MOST) == 1
    assert busy.share(6 + SLACK, MOST) == 0
    assert busy.share(6 + SLACK, MOST) == 1, "nobody took it, so it is ours"
    assert busy.share(7 + SLACK, MOST) == 0
    idle.tell(7)
    assert busy.share(7 + SLACK, MOST) == 1, "another took some, so it is even"


def test_one_that_takes_none_is_waited_for_less_and_less(seats: Seats) -> None:
    busy, hung = workers(seats, 50, 0)
    shares = [busy.share(50, MOST) for _ in range(16)]
    assert shares[0::2] == [0] * 8, "it always gets its chance"
    assert shares[1::2] == [1, 2, 4, 8, 16, 32, MOST, MOST]
    hung.tell(1)
    assert [busy.share(50, MOST) for _ in range(2)] == [0, 1], "it is back"


def test_as_long_as_others_take_them_it_waits(seats: Seats) -> None:
    busy, other = workers(seats, 50, 0)
    for load in range(1, 40):
        other.tell(load)
        assert busy.share(50, MOST) == 0


def test_the_slack_grows_with_the_load(seats: Seats) -> None:
    busy, _ = workers(seats, 0, 1600)
    assert busy.share(1700, MOST) == 1
    assert busy.share(1701, MOST) == 0


def test_one_that_accepts_no_more_is_not_waited_for(seats: Seats) -> None:
    busy, leaving = workers(seats, 50, 0)
    leaving.leave()
    leaving.tell(0)
    assert busy.share(50, MOST) == MOST


def test_seats_are_used_again(seats: Seats) -> None:
    for _ in range(SEATS + 10):
        seat = seats.take()
        assert seat == 1
        Balance(seats, seat).tell(7)
        seats.give_back(seat)
    (worker,) = workers(seats, 100)
    assert worker.share(100, MOST) == MOST, "what the ones before had is forgotten"
