# SPDX-License-Identifier: MIT
"""Priorities (RFC 9218): what the field says, and who of the streams of a connection writes next."""

from __future__ import annotations

import gc
import random
import weakref

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastcorn.protocols._priority import WriteQueue, parse_priority

DEFAULT = (3, False)


@pytest.mark.parametrize("urgency", range(8))
@pytest.mark.parametrize(
    ("suffix", "incremental"), [(b"", False), (b", i", True), (b",i=?1", True), (b", i=?0", False)]
)
def test_what_clients_send(urgency: int, suffix: bytes, incremental: bool) -> None:
    assert parse_priority(b"u=%d" % urgency + suffix) == (urgency, incremental)


@pytest.mark.parametrize(
    ("value", "priority"),
    [
        (b"", DEFAULT),
        (b"  ", DEFAULT),
        (b"i", (3, True)),
        (b" u=1 , i ", (1, True)),
        (b"u=1\t,\ti", (1, True)),
        (b"i, u=5", (5, True)),
        (b"u=05", (5, False)),
        (b"u=-0", (0, False)),
        # the last of equal members counts, also when it is ignored itself
        (b"u=1, u=6", (6, False)),
        (b"u=1, u=8", DEFAULT),
        (b"i, i=?0", DEFAULT),
        # out of range or of another type: that member is ignored
        (b"u=8, i", (3, True)),
        (b"u=-1, i", (3, True)),
        (b"u=10, i", (3, True)),
        (b"u=1.0, i", (3, True)),
        (b"u=?1, i", (3, True)),
        (b"u, i", (3, True)),
        (b'u="1", i', (3, True)),
        (b"u=one, i", (3, True)),
        (b"u=(1 2), i", (3, True)),
        (b"u=@1, i", (3, True)),
        (b"i=1, u=2", (2, False)),
        (b"i=yes, u=2", (2, False)),
        # unknown members of every type, and parameters
        (b'x=1, y="a\\"b\\\\", z=:aGk=:, a=?0, b=tok/en:*, c=(1 "a";p tok);q=2, d=@5, e=%"f%c3%bc", u=2', (2, False)),
        (b"*a-b_c.d*=1, u=2", (2, False)),
        (b"u=2;x;y=1; z=?0, i;a", (2, True)),
        (b"ui=1, iu, u=4", (4, False)),
    ],
)
def test_members(value: bytes, priority: tuple[int, bool]) -> None:
    assert parse_priority(value) == priority


@pytest.mark.parametrize(
    "broken",
    [b",", b"u=2,", b"u=2 i", b"u=2;", b"u=2;=1", b"U=2", b"u =2", b"u= 2", b"=2", b"u=", b"x=\"a", b'x="\x01"',
     b'x="\\a"', b'x="\xff"', b"x=:a", b"x=:-:", b"x=?2", b"x=?", b"x=(1", b"x=(1,2)", b'x=("a""b")',
     b"x=1.", b"x=1.0000", b"x=-",
     b"x=1234567890123456", b"x=1234567890123.1", b"x=@", b"x=@1.5", b"x=@a", b'x=%a', b'x=%"%C3"', b'x=%"%c"',
     b'x=%"a', b"x=\xff", b"x=!", b"\x00", b"u=2\x00", b"u=2\r\n"],
)  # fmt: skip
def test_what_is_no_dictionary_is_ignored_as_a_whole(broken: bytes) -> None:
    assert parse_priority(broken) == DEFAULT
    assert parse_priority(b"u=1, i," + broken) == DEFAULT


def test_bytes_of_any_kind() -> None:
    generator = random.Random(9218)
    alphabet = b'ui=?01,; \t"\\:(@%.-*ax/' + bytes((0, 127, 128, 255))
    for _ in range(20_000):
        urgency, incremental = parse_priority(bytes(generator.choices(alphabet, k=generator.randint(0, 24))))
        assert 0 <= urgency <= 7
        assert type(incremental) is bool


def fill(queue: WriteQueue, *streams: tuple[int, int, bool]) -> None:
    for stream_id, urgency, incremental in streams:
        queue.add(stream_id, stream_id, urgency, incremental)


def test_the_most_urgent_is_taken_first() -> None:
    queue = WriteQueue()
    fill(queue, (1, 7, False), (3, 0, True), (5, 3, False), (7, 3, True), (9, 1, False))
    assert len(queue) == 5
    taken = [queue.take() for _ in range(5)]
    assert taken[:2] == [3, 9]
    assert sorted(taken[2:4]) == [5, 7]
    assert taken[4] == 1
    assert queue.take() is None
    assert len(queue) == 0


def test_responses_in_order_are_written_one_by_one() -> None:
    queue = WriteQueue()
    fill(queue, (5, 3, False), (1, 3, False), (3, 3, False))
    for _ in range(3):
        assert queue.take() == 1
        queue.add(1, 1, 3, False)
    assert [queue.take(), queue.take(), queue.take()] == [1, 3, 5]


def test_incremental_responses_share() -> None:
    queue = WriteQueue()
    fill(queue, (5, 3, True), (1, 3, True), (3, 3, True))
    taken = []
    for _ in range(9):
        taken.append(queue.take())
        queue.add(taken[-1], taken[-1], 3, True)
    assert taken == [5, 1, 3] * 3


def test_neither_kind_waits_for_the_end_of_the_other() -> None:
    queue = WriteQueue()
    fill(queue, (1, 3, False), (3, 3, False), (5, 3, True), (7, 3, True))
    taken = []
    for _ in range(8):
        taken.append(queue.take())
        queue.add(taken[-1], taken[-1], 3, taken[-1] >= 5)
    assert sorted(taken[:4]) == [1, 1, 5, 7]
    assert taken[4:] == taken[:4]


def test_a_queued_stream_keeps_its_turn() -> None:
    queue = WriteQueue()
    fill(queue, (1, 3, True), (3, 3, True))
    queue.add(1, "again", 3, True)
    queue.update(1, 2, True)
    queue.update(1, 3, True)
    assert len(queue) == 2
    assert [queue.take(), queue.take()] == ["again", 3]


def test_an_update_moves_between_kinds_and_urgencies() -> None:
    queue = WriteQueue()
    fill(queue, (1, 3, False), (3, 3, True), (5, 5, False))
    queue.update(5, 1, True)
    queue.update(3, 2, False)
    queue.update(99, 0, False)
    assert [queue.take(), queue.take(), queue.take(), queue.take()] == [5, 3, 1, None]
    queue.update(1, 0, False)
    queue.discard(1)
    assert len(queue) == 0


def test_urgencies_out_of_range_are_the_nearest() -> None:
    queue = WriteQueue()
    fill(queue, (1, 100, False), (3, -5, False), (5, 7, False))
    assert [queue.take(), queue.take(), queue.take()] == [3, 1, 5]


def test_what_left_the_queue_is_free() -> None:
    class Stream:
        pass

    queue = WriteQueue()
    streams = [Stream() for _ in range(50)]
    references = [weakref.ref(stream) for stream in streams]
    for index, stream in enumerate(streams):
        queue.add(2 * index + 1, stream, index % 8, bool(index % 3))
    del stream
    streams.clear()
    for index in range(0, 50, 2):
        queue.discard(2 * index + 1)
    while queue.take() is not None:
        pass
    gc.collect()
    assert [reference() for reference in references] == [None] * 50


def test_many_streams_leave_nothing() -> None:
    queue = WriteQueue()
    for stream_id in range(1, 200_001, 2):
        queue.add(stream_id, stream_id, stream_id % 8, bool(stream_id % 3))
    taken = [queue.take() for _ in range(100_000)]
    assert [stream_id % 8 for stream_id in taken] == sorted(stream_id % 8 for stream_id in taken)
    assert sorted(taken) == list(range(1, 200_001, 2))
    assert queue.take() is None


class Model:
    """The rules, plainly: a list that is searched."""

    def __init__(self) -> None:
        self.waiting: dict[int, list[int]] = {}  # stream id -> urgency, incremental, turn
        self.turns = 0
        self.shared_next = False

    def add(self, stream_id: int, urgency: int, incremental: bool) -> None:
        if stream_id in self.waiting:
            self.update(stream_id, urgency, incremental)
            return
        self.turns += incremental
        self.waiting[stream_id] = [urgency, incremental, self.turns if incremental else stream_id]

    def update(self, stream_id: int, urgency: int, incremental: bool) -> None:
        if stream_id not in self.waiting:
            return
        if self.waiting[stream_id][1] != incremental:
            del self.waiting[stream_id]
            self.add(stream_id, urgency, incremental)
        self.waiting[stream_id][0] = urgency

    def take(self) -> int | None:
        if not self.waiting:
            return None
        kinds = [
            sorted(
                (urgency, turn, stream_id) for stream_id, (urgency, kind, turn) in self.waiting.items() if kind == want
            )
            for want in (False, True)
        ]
        heads = [kind[0] for kind in kinds if kind]
        chosen = heads[0]
        if len(heads) == 2:
            shared = heads[1][0] < heads[0][0] or (heads[1][0] == heads[0][0] and self.shared_next)
            chosen = heads[1] if shared else heads[0]
            self.shared_next = not shared
        del self.waiting[chosen[2]]
        return chosen[2]


STREAMS = st.integers(0, 9).map(lambda number: 2 * number + 1)
STEPS = st.one_of(
    st.tuples(st.sampled_from(["add", "add", "update"]), STREAMS, st.integers(0, 7), st.booleans()),
    st.tuples(st.just("discard"), STREAMS, st.just(0), st.just(False)),
    st.tuples(st.just("take"), st.just(0), st.just(0), st.just(False)),
)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.lists(STEPS, max_size=60))
def test_any_steps_against_the_plain_rules(steps: list[tuple[str, int, int, bool]]) -> None:
    queue, model = WriteQueue(), Model()
    for step, stream_id, urgency, incremental in steps:
        if step == "add":
            queue.add(stream_id, stream_id, urgency, incremental)
            model.add(stream_id, urgency, incremental)
        elif step == "update":
            queue.update(stream_id, urgency, incremental)
            model.update(stream_id, urgency, incremental)
        elif step == "discard":
            queue.discard(stream_id)
            model.waiting.pop(stream_id, None)
        else:
            assert queue.take() == model.take()
        assert len(queue) == len(model.waiting)
    while model.waiting:
        assert queue.take() == model.take()
    assert queue.take() is None
