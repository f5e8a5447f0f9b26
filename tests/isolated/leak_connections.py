# SPDX-License-Identifier: MIT
"""Connections that come, ask once and go: closed by the client, lost while idle, or lost before they asked."""

from tests.isolated.growth import check
from tests.isolated.served import GET, Worker, hello

worker = Worker(hello)


def work() -> None:
    for number in range(300):
        client = worker.connect()
        if number % 3:
            client.deliver(GET)
            worker.driver.settle()
        if number % 2:
            client.deliver_eof()
            worker.driver.settle()
        client.lose(None if number % 5 else ConnectionResetError())
        worker.driver.settle()
    worker.tick()
    assert not worker.context.connections


check(work)
