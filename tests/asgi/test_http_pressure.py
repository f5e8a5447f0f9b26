# SPDX-License-Identifier: MIT
"""Back-pressure both ways: memory stays bounded with an application that does not read and with a client that does not,
and an exchange that could go on for ever lets the others have their turn."""

from __future__ import annotations

import asyncio

from tests.applications import answering, body, echo, read_body, start
from tests.exchanges import Exchange, Receive, Scope, Send, Served
from tests.fakes import READ_SIZE, Driver
from tests.serving import Serve

MIB = 1024 * 1024
BOUND = MIB  # what a connection may hold of one body


def test_upload_pauses_while_the_application_does_not_read(serve: Serve) -> None:
    """C11: what the server takes is bounded by its buffer and one read."""
    gate = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await gate.wait()
        data = await read_body(receive)
        await answering(b"%d" % len(data))(scope, receive, send)

    exchange = serve(app).request("POST", "/", body=b"x" * (8 * MIB))
    assert exchange.upload_paused
    assert exchange.taken <= BOUND
    gate.set()
    exchange.driver.settle()
    assert exchange.answer.body == b"%d" % (8 * MIB)


def test_upload_in_chunks_pauses_too(serve: Serve) -> None:
    """C11: the bytes that count are the decoded ones."""
    gate = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await gate.wait()
        data = await read_body(receive)
        await answering(b"%d" % len(data))(scope, receive, send)

    exchange = serve(app).request("POST", "/", body=b"", end=False)
    for _ in range(64):
        exchange.send_body(b"y" * 65536)
    assert exchange.upload_paused
    assert exchange.taken <= BOUND
    exchange.send_body(b"", end=True)
    gate.set()
    exchange.driver.settle()
    assert exchange.answer.body == b"%d" % (64 * 65536)


def test_upload_goes_on_message_by_message(serve: Serve) -> None:
    """C11: an application that reads slowly never makes the server hold more than its bound."""
    turns = asyncio.Semaphore(0)
    sizes: list[int] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        more = True
        while more:
            await turns.acquire()
            event = await receive()
            sizes.append(len(event["body"]))
            more = event["more_body"]
        await answering()(scope, receive, send)

    size = 4 * MIB
    exchange = serve(app).request("POST", "/", body=b"z" * size)
    for _ in range(2000):
        if exchange.answer.complete:
            break
        assert exchange.taken - sum(sizes) <= BOUND
        turns.release()
        exchange.driver.settle()
    assert exchange.answer.complete
    assert sum(sizes) == size
    assert max(sizes) <= BOUND


def test_unread_upload_is_paused_when_the_application_never_reads(serve: Serve) -> None:
    """C11: and the exchange can still end."""
    gate = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await gate.wait()
        await answering(b"no thanks")(scope, receive, send)

    exchange = serve(app).request("POST", "/", body=b"x" * (8 * MIB))
    assert exchange.taken <= BOUND
    gate.set()
    exchange.driver.settle()
    assert exchange.answer.body == b"no thanks"


def test_send_waits_while_the_client_does_not_read(serve: Serve) -> None:
    """C11, R3: what waits for a client is bounded, however much the application has."""
    sent = 0

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal sent
        await send(start())
        for _ in range(256):
            await send(body(b"x" * 16384, True))
            sent += 1
        await send(body())

    served = serve(app)
    exchange = slow_exchange(served)
    assert 0 < sent < 256
    assert exchange.unread <= BOUND
    before = sent
    exchange.driver.settle()
    assert sent == before
    exchange.resume_reading()
    assert sent == 256
    assert exchange.answer.complete
    assert len(exchange.answer.body) == 256 * 16384


def slow_exchange(served: Served) -> Exchange:
    """An exchange whose client reads nothing from the beginning."""
    exchange = served.open()
    exchange.stop_reading()
    exchange.begin()
    exchange.driver.settle()
    return exchange


def test_send_wakes_when_the_client_reads_a_little(serve: Serve) -> None:
    """C11: bounded all the way; nothing is lost or repeated."""
    pieces = [bytes([n]) * 32768 for n in range(64)]

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start())
        for piece in pieces:
            await send(body(piece, True))
        await send(body())

    exchange = slow_exchange(serve(app))
    for _ in range(1000):
        if not exchange.unread:
            break
        exchange.resume_reading(20_000)
        assert exchange.unread <= BOUND
    assert exchange.answer.complete
    assert exchange.answer.body == b"".join(pieces)


def test_waiting_send_ends_when_the_client_goes(serve: Serve) -> None:
    """C11, R5: send() returns or raises OSError when the connection closes; it does not hang."""
    outcomes: list[BaseException | None] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start())
        try:
            for _ in range(1000):
                await send(body(b"x" * 16384, True))
        except OSError as error:
            outcomes.append(error)
            raise
        outcomes.append(None)

    exchange = slow_exchange(serve(app))
    assert outcomes == []
    exchange.disconnect()
    assert isinstance(outcomes[0], OSError)


def test_cancelled_waiting_send_can_be_followed_by_another(serve: Serve, driver: Driver) -> None:
    """C11: a timeout around send(); what was handed over before stays in order."""
    log: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start())
        sent = 0
        try:
            while True:
                await asyncio.wait_for(send(body(b"x" * 16384, True)), 1)
                sent += 1
        except TimeoutError:
            log.append("slow")
        await send(body(b"end"))
        log.append("end")

    exchange = slow_exchange(serve(app))
    driver.advance(2)
    assert log[0] == "slow"
    exchange.resume_reading()
    assert log == ["slow", "end"]
    assert exchange.answer.complete
    assert exchange.answer.body.endswith(b"xend")
    assert len(exchange.answer.body) % 16384 == 3


def test_echo_of_a_large_body_is_bounded_both_ways(serve: Serve) -> None:
    """C11: a client that sends and does not read pauses its own upload."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start())
        more = True
        while more:
            event = await receive()
            more = event["more_body"]
            await send(body(event["body"], more))

    data = bytes(range(256)) * (16 * 1024)
    exchange = serve(app).open()
    exchange.stop_reading()
    exchange.begin("POST", "/", body=data)
    exchange.driver.settle()
    assert exchange.taken < len(data)
    assert exchange.taken <= 2 * BOUND
    assert exchange.unread <= BOUND + READ_SIZE
    exchange.resume_reading()
    assert exchange.answer.complete
    assert exchange.answer.body == data


def test_endless_answer_lets_the_others_run(serve: Serve, driver: Driver) -> None:
    """C11: a client that reads as fast as the application sends does not keep the loop to itself."""
    progress: list[int] = []
    finished: list[bool] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start())
        for _ in range(4096):
            await send(body(b"x" * 16384, True))
            progress.append(1)
        await send(body())
        finished.append(True)

    exchange = serve(app).open()
    exchange.discard()
    exchange.begin()
    driver.step()
    driver.step()
    assert not finished
    assert 0 < len(progress) < 4096
    driver.settle()
    assert finished


def test_a_small_request_is_answered_beside_a_large_answer(serve: Serve, driver: Driver) -> None:
    """C11: within a few turns of the loop."""
    finished: list[bool] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/small":
            await answering(b"small")(scope, receive, send)
            return
        await send(start())
        for _ in range(4096):
            await send(body(b"x" * 16384, True))
        await send(body())
        finished.append(True)

    served = serve(app)
    large = served.open()
    large.discard()
    small = served.open()
    large.begin("GET", "/large")
    small.begin("GET", "/small")
    for _ in range(4):
        driver.step()
    assert small.answer.body == b"small"
    assert not finished
    driver.settle()


def test_large_upload_is_read_whole(serve: Serve) -> None:
    """C11: pausing and resuming loses no byte."""
    data = bytes(range(251)) * 20_000
    assert serve(echo).request("POST", "/", body=data).answer.body == data
