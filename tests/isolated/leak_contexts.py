# SPDX-License-Identifier: MIT
"""Whole workers that come and go, with a connection still open and an application still waiting."""

from typing import Any

from tests.isolated.growth import check
from tests.isolated.served import GET, Worker


async def waiting(scope: dict[str, Any], receive: Any, send: Any) -> None:
    await receive()
    await receive()


def work() -> None:
    for _ in range(60):
        worker = Worker(waiting)
        client = worker.connect()
        client.deliver(GET)
        worker.driver.settle()
        client.lose()
        worker.driver.settle()
        worker.driver.close()


check(work)
