# SPDX-License-Identifier: MIT
"""What goes wrong: applications that raise before or after their head or answer nothing, and refused requests."""

from typing import Any

from tests.isolated.growth import check
from tests.isolated.served import GET, Worker

failures = 0


async def failing(scope: dict[str, Any], receive: Any, send: Any) -> None:
    global failures
    failures += 1
    if failures % 3 == 0:
        return
    if failures % 3 == 1:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"some", "more_body": True})
    raise RuntimeError("the application fails on purpose")


BAD = [
    b"GET  / HTTP/1.1\r\n\r\n",
    b"\x16\x03\x01\x02\x00",
    b"GET / HTTP/1.1\r\nhost : x\r\n\r\n",
    b"GET /" + b"a" * 70000,
]
worker = Worker(failing)


def work() -> None:
    for number in range(240):
        client = worker.connect()
        client.deliver(BAD[number % 4] if number % 8 < 4 else GET)
        worker.driver.settle()
        client.lose()
        worker.driver.settle()
    worker.driver.errors.clear()
    worker.tick()
    assert not worker.context.connections


check(work)
assert failures
