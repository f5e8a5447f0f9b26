# SPDX-License-Identifier: MIT
"""WebSockets over HTTP/2 that come and go: closed, reset, refused, failed, or lost with their connection."""

import hpack

from tests.http2_frames import PREFACE, raw_frame
from tests.http2_websockets import handshake_fields
from tests.isolated.growth import check
from tests.isolated.rooms import ENDS, room
from tests.isolated.served import Worker
from tests.websockets import text

STREAMS = 28  # on each connection,
WEBSOCKETS = 10 * 26  # of which two are refused by the server
DATA, HEADERS, RESET, SETTINGS = 0, 1, 3, 4
END_STREAM, END_HEADERS = 1, 4


def block(target: str, version: str) -> bytes:
    """A header block that leaves nothing in the decoder's table."""
    fields = handshake_fields(
        target, [("x-unknown", "value"), ("sec-websocket-protocol", "chat"), ("sec-websocket-version", version)]
    )
    return hpack.Encoder().encode([hpack.NeverIndexedHeaderTuple(name, value) for name, value in fields])


HANDSHAKE, BAD, REFUSED = block("/path?query=1", "13"), block("/", "8"), block("/refused", "13")
START = PREFACE + raw_frame(SETTINGS)
CANCEL = (8).to_bytes(4, "big")

worker = Worker(room, h2_max_overhead_frames=10_000)


def work() -> None:
    for connection in range(10):
        client = worker.connect()
        client.deliver(START)
        for number in range(STREAMS):
            stream_id = 2 * number + 1
            head = BAD if number % 20 == 3 else REFUSED if number % 20 == 4 else HANDSHAKE
            client.deliver(
                raw_frame(HEADERS, head, flags=END_HEADERS, stream_id=stream_id)
                + raw_frame(DATA, text("early"), stream_id=stream_id)
            )
            worker.driver.settle()
            client.deliver(raw_frame(DATA, text("some text") + text("more"), stream_id=stream_id))
            worker.driver.settle()
            client.deliver(raw_frame(DATA, ENDS[number % len(ENDS)], stream_id=stream_id))
            worker.driver.settle()
            if number % 4 == 0:
                client.deliver(raw_frame(DATA, text("x" * 300)[:150], stream_id=stream_id))
            if number % 3 == 0:
                client.deliver(raw_frame(RESET, CANCEL, stream_id=stream_id))
            elif number % 3 == 1:
                client.deliver(raw_frame(DATA, flags=END_STREAM, stream_id=stream_id))
            worker.driver.settle()
        client.lose(None if connection % 3 else ConnectionResetError())
        worker.driver.settle()
    worker.driver.errors.clear()
    worker.tick()
    assert worker.context.requests_total % WEBSOCKETS == 0
    assert not worker.context.connections
    assert not worker.context.websockets
    assert not worker.context.active_requests


check(work)
