# SPDX-License-Identifier: MIT
"""Priorities of RFC 9218: urgency and incremental decide which stream writes next, by field and by PRIORITY_UPDATE."""

from __future__ import annotations

import pytest
from h2.settings import SettingCodes

from tests.applications import answering
from tests.exchanges import Receive, Scope, Send
from tests.http2_client import Http2Client, Http2Exchange
from tests.http2_frames import raw_frame
from tests.serving import Serve

DATA, PRIORITY, PRIORITY_UPDATE = 0, 2, 16
FRAME = 16_384
SIZE = 3 * FRAME
WINDOW = 65_535  # of the connection, until the client credits it


class Queue:
    """Answers of three frames each, which wait because the connection's window is used up."""

    def __init__(self, serve: Serve) -> None:
        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await answering(b"x" * (WINDOW if scope["path"] == "/fill" else SIZE))(scope, receive, send)

        self.client = Http2Client(serve(app), settings={SettingCodes.INITIAL_WINDOW_SIZE: 2**20})
        self.client.credits = False
        assert self.client.request("GET", "/fill").answer.complete
        self._seen = len(self.client.frames_of(DATA))

    def ask(self, priority: str | None = None) -> Http2Exchange:
        """A request, with a priority field or without one."""
        return self.client.request("GET", "/", [] if priority is None else [("priority", priority)])

    def update(self, exchange: Http2Exchange, value: bytes) -> None:
        """Sends PRIORITY_UPDATE for a stream (RFC 9218 section 7.1)."""
        self.client.send(raw_frame(PRIORITY_UPDATE, exchange.stream_id.to_bytes(4, "big") + value))

    def order(self, *exchanges: Http2Exchange) -> list[int]:
        """Lets one frame out at a time; returns whose it was, as positions in `exchanges`."""
        ids = {exchange.stream_id: position for position, exchange in enumerate(exchanges)}
        for _ in range(3 * (len(exchanges) + 2)):
            self.client.h2.increment_flow_control_window(FRAME)
            self.client.flush()
            self.client.settle()
        frames = self.client.frames_of(DATA)[self._seen :]
        runs = [ids[frame.stream_id] for frame in frames if frame.stream_id in ids and frame.payload]
        assert all(exchange.answer.complete for exchange in exchanges)
        return runs


def once(order: list[int]) -> list[int]:
    """The order without immediate repetitions."""
    return [position for n, position in enumerate(order) if n == 0 or order[n - 1] != position]


def test_urgent_streams_write_first(serve: Serve) -> None:
    """N4: 0 is the most urgent, 7 the least, 3 the default."""
    queue = Queue(serve)
    exchanges = [queue.ask(value) for value in ("u=7", "u=5", None, "u=0", "u=2")]
    assert once(queue.order(*exchanges)) == [3, 4, 2, 1, 0]


def test_streams_of_one_urgency_go_one_after_another(serve: Serve) -> None:
    """N4: a part of an answer is of no use to a client that did not say so."""
    queue = Queue(serve)
    exchanges = [queue.ask("u=3") for _ in range(4)]
    assert once(queue.order(*exchanges)) == [0, 1, 2, 3]


def test_incremental_streams_take_turns(serve: Serve) -> None:
    """N4: each gets a share."""
    queue = Queue(serve)
    exchanges = [queue.ask("u=3, i") for _ in range(3)]
    order = queue.order(*exchanges)
    assert sorted(order[:3]) == [0, 1, 2]
    assert [order.count(position) for position in range(3)] == [order.count(0)] * 3
    assert len(once(order)) >= 6


def test_incremental_gives_way_to_urgency(serve: Serve) -> None:
    """N4."""
    queue = Queue(serve)
    exchanges = [queue.ask("u=4, i"), queue.ask("u=1"), queue.ask("i, u=4")]
    order = queue.order(*exchanges)
    assert once(order)[0] == 1
    assert 1 not in once(order)[1:]


def test_priority_update_changes_the_order(serve: Serve) -> None:
    """N4: of streams that wait."""
    queue = Queue(serve)
    exchanges = [queue.ask() for _ in range(3)]
    queue.update(exchanges[2], b"u=0")
    queue.update(exchanges[0], b"u=6")
    assert once(queue.order(*exchanges)) == [2, 1, 0]


def test_priority_update_wins_over_the_field(serve: Serve) -> None:
    """N4: the frame is the newer one; what it does not name has its default (RFC 9218 section 7)."""
    queue = Queue(serve)
    exchanges = [queue.ask("u=0"), queue.ask("u=1")]
    queue.update(exchanges[0], b"i")
    assert once(queue.order(*exchanges))[0] == 1


@pytest.mark.parametrize("value", ["", "u=8", "u=-1", "u=x", "u", "i=?2", "u=1.0", "\xff", "u=0;", ",,,", "u=0, u=9"])
def test_priority_that_is_not_understood_is_ignored(serve: Serve, value: str) -> None:
    """N4: the request is served (RFC 9218 section 4)."""
    client = Http2Client(serve(answering(b"ok")))
    assert client.request("GET", "/", [("priority", value)] if value else []).answer.body == b"ok"
    exchange = client.request("POST", "/", end=False)
    client.send(raw_frame(PRIORITY_UPDATE, exchange.stream_id.to_bytes(4, "big") + value.encode("latin-1")))
    exchange.send_body(end=True)
    assert exchange.answer.body == b"ok"
    assert not client.goaways


def test_priority_update_of_streams_that_do_not_live(serve: Serve) -> None:
    """N4: before they open, and after they have ended; neither is an error."""
    client = Http2Client(serve(answering(b"ok")))
    first = client.request()
    for stream_id in (first.stream_id, first.stream_id + 2, first.stream_id + 20):
        client.send(raw_frame(PRIORITY_UPDATE, stream_id.to_bytes(4, "big") + b"u=1"))
    assert client.request().answer.body == b"ok"
    assert not client.goaways


def test_priorities_of_rfc_7540_are_ignored(serve: Serve) -> None:
    """N4, N5: PRIORITY frames, also for circles; the server says that it has none of it."""
    client = Http2Client(serve(answering(b"ok")))
    for stream_id, depends_on in ((1, 3), (3, 1), (5, 5), (7, 0)):
        client.send(raw_frame(PRIORITY, depends_on.to_bytes(4, "big") + b"\x10", stream_id=stream_id))
    if not client.closed:
        assert client.request().answer.body == b"ok"
    assert client.h2.remote_settings.get(9) == 1
