# SPDX-License-Identifier: MIT
"""The table of a connection's streams: whatever is opened and closed in which order, it has what a dict would have."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fastcorn.protocols._open_streams import check_against_a_dict

# Few ids, so that they meet; and ids of all sizes.
IDS = st.one_of(st.integers(1, 40), st.integers(1, 2**31 - 1))


@given(st.lists(st.tuples(st.booleans(), IDS), max_size=300))
def test_streams_are_found_again(wishes: list[tuple[bool, int]]) -> None:
    open_ids: set[int] = set()
    steps = []
    for opens, stream_id in wishes:
        if opens and stream_id in open_ids:
            continue
        steps.append(stream_id if opens else -stream_id)
        (open_ids.add if opens else open_ids.discard)(stream_id)
    assert check_against_a_dict(steps) == sorted(open_ids)


def test_many_streams_and_none() -> None:
    ids = list(range(1, 20_001, 2))
    assert check_against_a_dict(ids) == ids
    assert check_against_a_dict([*ids, *(-stream_id for stream_id in ids), 7]) == [7]
    clash = [(stream_id << 24) + 1 for stream_id in range(100)]
    assert check_against_a_dict([*clash, *(-stream_id for stream_id in clash[::2])]) == clash[1::2]
