# SPDX-License-Identifier: MIT
"""Requests on one connection, one by one and pipelined."""

from tests.isolated.growth import check
from tests.isolated.served import GET, Worker, hello

worker = Worker(hello)
client = worker.connect()


def work() -> None:
    for _ in range(300):
        client.deliver(GET)
        worker.driver.settle()
    client.deliver(GET * 300)
    worker.driver.settle()
    worker.tick()


check(work)
assert client.bytes_written > 600 * 40
