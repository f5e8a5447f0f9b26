# SPDX-License-Identifier: MIT
"""WebSockets that come and go: closed by either side, lost, refused, failed, with messages still on their way."""

from typing import Any

from tests.isolated.growth import check
from tests.isolated.served import Worker
from tests.websockets import close, frame, handshake, text

HANDSHAKE = handshake("/path?query=1", [("x-unknown", "value"), ("sec-websocket-protocol", "chat")])
BAD = handshake(without=["sec-websocket-key"])
ENDS = [b"", close(1000), close(4000, "bye"), frame(3), text("close"), text("raise"), text("return")]


async def echo(scope: dict[str, Any], receive: Any, send: Any) -> None:
    await receive()
    if scope["path"] == "/refused":
        await send({"type": "websocket.close"})
        return
    await send({"type": "websocket.accept", "subprotocol": "chat", "headers": [(b"x-a", b"b")]})
    while (event := await receive())["type"] == "websocket.receive":
        if event["text"] == "close":
            await send({"type": "websocket.close", "code": 4001})
        elif event["text"] == "raise":
            raise RuntimeError("the application fails on purpose")
        elif event["text"] == "return":
            return
        else:
            await send({"type": "websocket.send", "text": event["text"]})


worker = Worker(echo)


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
