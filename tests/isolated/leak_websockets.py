# SPDX-License-Identifier: MIT
"""WebSockets that come and go: closed by either side, lost, refused, failed, with messages still on their way."""

from tests.isolated.growth import check
from tests.isolated.rooms import ENDS, room
from tests.isolated.served import Worker
from tests.websockets import handshake, text

HANDSHAKE = handshake("/path?query=1", [("x-unknown", "value"), ("sec-websocket-protocol", "chat")])
BAD = handshake(without=["sec-websocket-key"])

worker = Worker(room)


def work() -> None:
    for number in range(280):
        client = worker.connect()
        client.deliver(BAD if number % 20 == 0 else HANDSHAKE + text("early"))
        worker.driver.settle()
        client.deliver(text("some text") + text("more"))
        worker.driver.settle()
        client.deliver(ENDS[number % len(ENDS)])
        worker.driver.settle()
        if number % 4 == 0:
            client.deliver(text("x" * 300)[:150])
        client.lose(None if number % 3 else ConnectionResetError())
        worker.driver.settle()
    worker.driver.errors.clear()
    worker.tick()
    assert not worker.context.connections
    assert not worker.context.websockets
    assert not worker.context.active_requests


check(work)
