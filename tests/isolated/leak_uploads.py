# SPDX-License-Identifier: MIT
"""Request bodies, by length and chunked, in pieces, echoed; some of them lost in the middle."""

from tests.isolated.growth import check
from tests.isolated.served import Worker, echo

LENGTH = b"POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 20000\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n"
PIECE = b"x" * 5000

worker = Worker(echo)


def upload(framing: bytes, lost: bool) -> None:
    client = worker.connect()
    client.deliver(framing)
    for _ in range(2 if lost else 4):
        client.deliver(PIECE if framing is LENGTH else b"%x\r\n%s\r\n" % (len(PIECE), PIECE))
        worker.driver.settle()
    if not lost and framing is CHUNKED:
        client.deliver(b"0\r\n\r\n")
    worker.driver.settle()
    client.lose()
    worker.driver.settle()


def work() -> None:
    for number in range(150):
        upload(LENGTH if number % 2 else CHUNKED, lost=number % 3 == 0)
    worker.tick()
    assert not worker.context.connections


check(work)
