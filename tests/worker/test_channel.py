# SPDX-License-Identifier: MIT
"""The line between a supervisor and a worker."""

from collections.abc import Iterator

import pytest

from fastcorn.worker.channel import Channel


@pytest.fixture
def pair() -> Iterator[tuple[Channel, Channel]]:
    one, other = Channel.pair()
    yield one, other
    one.close()
    other.close()


def test_messages_go_both_ways_in_order(pair: tuple[Channel, Channel]) -> None:
    one, other = pair
    assert one.send("ready")
    assert one.send("recycle", "it has  served\n500 requests")
    assert other.receive() == [("ready", ""), ("recycle", "it has served 500 requests")]
    assert other.send("stop")
    assert one.receive() == [("stop", "")]
    assert one.receive() == []
    assert not one.ended


def test_parts_of_a_message_wait_for_the_rest(pair: tuple[Channel, Channel]) -> None:
    one, other = pair
    one._sock.sendall(b"re")
    assert other.receive() == []
    one._sock.sendall(b"ady\nbe")
    assert other.receive() == [("ready", "")]
    one._sock.sendall(b"at\n")
    assert other.receive() == [("beat", "")]


def test_the_end_comes_after_the_last_message(pair: tuple[Channel, Channel]) -> None:
    one, other = pair
    one.send("recycle", "last words")
    one.close()
    assert other.receive() == [("recycle", "last words")]
    assert other.ended
    assert other.receive() == []
    assert not other.send("stop")


def test_an_end_that_reads_nothing_holds_up_nobody(pair: tuple[Channel, Channel]) -> None:
    one, other = pair
    sent = 0
    while one.send("beat"):
        sent += 1
        assert sent < 10**6
    heard = other.receive()
    assert heard[:sent] == [("beat", "")] * sent
    assert one.send("ready")
