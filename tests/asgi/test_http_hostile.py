# SPDX-License-Identifier: MIT
"""Applications and tools that do what few do: inspect or cancel their task, stop the server from within a request, keep
receive() and send() for later, debug the loop. Nothing hangs, crashes or reaches the next request.
"""

from __future__ import annotations

import asyncio
import io
import sys
from typing import Any

import anyio
import pytest

from fastcorn.errors import MessageError
from tests.applications import Recorder, answering, body, start
from tests.exchanges import Event, Receive, Scope, Send, Served
from tests.fakes import Driver
from tests.serving import Serve

ok = answering(b"ok")


def test_asyncio_debug_mode(serve: Serve, driver: Driver) -> None:
    """C1: the setting `debug` turns it on; it looks closely at coroutines, futures and callbacks."""
    driver.loop.set_debug(True)
    driver.loop.slow_callback_duration = 3600

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.create_task(receive())  # type: ignore[arg-type]
        await asyncio.sleep(0)
        await ok(scope, receive, send)

    exchange = serve(app).request("POST", "/", body=b"data")
    assert exchange.answer.body == b"ok"
    assert exchange.follow().answer.body == b"ok"


def test_task_can_be_inspected(serve: Serve) -> None:
    """C1: repr, stack and coroutine of the task, which debuggers print while it runs, while it waits, and after."""
    gate = asyncio.Event()
    tasks: list[asyncio.Task[Any]] = []
    seen: list[str] = []

    def inspect_task(task: asyncio.Task[Any]) -> None:
        stack = io.StringIO()
        task.print_stack(file=stack)
        seen.extend([repr(task), repr(task.get_coro()), stack.getvalue(), task.get_name()])

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.append(task)
        inspect_task(task)
        assert anyio.get_current_task().id == id(task)
        await gate.wait()
        await ok(scope, receive, send)

    exchange = serve(app).request()
    inspect_task(tasks[0])
    assert len(asyncio.all_tasks(exchange.driver.loop)) == 1
    gate.set()
    exchange.driver.settle()
    inspect_task(tasks[0])
    assert tasks[0].done()
    assert all(seen)
    assert exchange.answer.body == b"ok"


def test_eager_task_factory(serve: Serve, driver: Driver) -> None:
    """C1: receive() and send() in tasks that begin at once, where Python has them (3.12)."""
    factory = getattr(asyncio, "eager_task_factory", None)
    assert (factory is not None) == (sys.version_info >= (3, 12))
    driver.loop.set_task_factory(factory)
    got: list[bytes] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        got.append((await asyncio.create_task(receive()))["body"])  # type: ignore[arg-type]
        async with asyncio.TaskGroup() as group:
            task = group.create_task(receive())  # type: ignore[arg-type,var-annotated]
            group.create_task(send(start()))  # type: ignore[arg-type]
        got.append(task.result()["body"])
        await send(body(b"ok"))

    exchange = serve(app).request("POST", "/", body=b"one", end=False)
    exchange.send_body(b"two", end=True)
    assert got == [b"one", b"two"]
    assert exchange.answer.body == b"ok"


@pytest.mark.parametrize("waits", [False, True])
def test_application_that_cancels_its_own_task(serve: Serve, waits: bool) -> None:
    """C7: in its first step and in a later one; its client is answered or cut, and the server goes on."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/good":
            await ok(scope, receive, send)
            return
        if waits:
            await asyncio.sleep(0)
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(0)
        await ok(scope, receive, send)

    served = serve(app)
    answer = served.request().answer
    assert answer.status in (500, 503) or answer.truncated
    served.take_errors()
    assert served.context.active_requests == 0
    assert served.request("GET", "/good").answer.body == b"ok"


@pytest.mark.parametrize("stop", ["begin_drain", "cancel_all", "abort_all", "tick"])
@pytest.mark.parametrize("when", ["before start", "after the start", "in the body", "after the end"])
@pytest.mark.parametrize("waits", [False, True])
def test_server_that_is_stopped_from_within_a_request(serve: Serve, stop: str, when: str, waits: bool) -> None:
    """C7, C14: an administration route, say; the other connections are stopped too."""
    held: list[Served] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if waits:
            await asyncio.sleep(0)
        if when == "before start":
            getattr(held[0].context, stop)()
        await send(start())
        if when == "after the start":
            getattr(held[0].context, stop)()
        await send({"type": "http.response.early_hint", "links": [b"</a>"]})
        await send(body(b"part", True))
        if when == "in the body":
            getattr(held[0].context, stop)()
        await send(body(b"end"))
        if when == "after the end":
            getattr(held[0].context, stop)()

    served = serve(app)
    held.append(served)
    idle, exchange = served.open(), served.request()
    served.tick(3)
    served.take_errors()
    answer = exchange.answer
    assert answer.complete or answer.truncated
    assert exchange.ended or stop in ("tick", "cancel_all")
    if stop in ("begin_drain", "abort_all"):
        assert idle.ended
    if stop == "tick" or (stop, when) == ("begin_drain", "after the end"):
        assert (answer.body, answer.complete) == (b"partend", True)
    assert served.context.active_requests == 0


def test_receive_and_send_of_a_finished_exchange(serve: Serve) -> None:
    """R3, R6, C8: kept and called long after, also when the connection is gone."""
    kept: list[tuple[Receive, Send]] = []
    results: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        for old_receive, old_send in kept:
            results.append(await old_receive())
            results.append(await old_send(body(b"late")))
            results.append(await old_send({"type": "http.response.trailers", "headers": []}))
        kept.append((receive, send))
        await receive()
        await ok(scope, receive, send)

    served = serve(app)
    first = served.request()
    second = first.follow()
    first.disconnect()
    third = served.request()
    assert [first.answer.body, second.answer.body, third.answer.body] == [b"ok"] * 3
    assert results == [{"type": "http.disconnect"}, None, None] * 3


def test_messages_are_read_when_they_are_sent(serve: Serve) -> None:
    """R2, R3: one dict used again and again, changed after each send()."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"x-a", b"1")]
        message: dict[str, Any] = {"type": "http.response.start", "status": 200, "headers": headers}
        await send(message)
        headers.append((b"x-b", b"2"))
        message["status"] = 500
        message = {"type": "http.response.body", "body": b"one", "more_body": True}
        await send(message)
        message["body"] = b"two"
        await send(message)
        message.update(body=b"", more_body=False)
        await send(message)

    answer = serve(app).request().answer
    assert (answer.status, answer.header(b"x-a"), answer.header(b"x-b")) == (200, b"1", None)
    assert (answer.body, answer.complete) == (b"onetwo", True)


class Keys(dict[str, Any]):
    """A dict of another class."""


class Text(str):
    """A str of another class."""

    __slots__ = ()


def test_messages_of_other_classes(serve: Serve) -> None:
    """C6, R2: subclasses of dict and str, and keys that were made at run time."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(Keys(type=Text("http.response.start"), status=200, headers=[]))
        await send({Text("type"): "http.response.body", Text("body"): b"ok", sys.argv[0][:0] + "more_body": 0})

    answer = serve(app).request().answer
    assert (answer.body, answer.complete) == (b"ok", True)


def test_headers_that_change_while_they_are_read(serve: Serve) -> None:
    """C5: a field whose unpacking runs code of the application's."""
    headers: list[Any] = []

    class Field:
        def __iter__(self) -> Any:
            headers.clear()
            return iter((b"x-a", b"1"))

    headers.extend([Field(), (b"x-b", b"2")])

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start(200))
        await send(body(b"ok"))

    async def mean(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send(body(b"ok"))

    served = serve(mean)
    answer = served.request().answer
    assert answer.status in (200, 500)
    served.take_errors()
    assert serve(app).request().answer.body == b"ok"


@pytest.mark.parametrize("inner", [start(404), body(b"x"), {"type": "http.response.early_hint", "links": [b"</a>"]}])
@pytest.mark.parametrize("access", [False, True])
def test_header_whose_reading_sends_another_message(serve: Serve, inner: Event, access: bool) -> None:
    """C5, R4: send() inside send() is refused, so that no head is written into another."""
    sends: list[Send] = []

    class Field:
        def __iter__(self) -> Any:
            sends[0](inner)
            return iter((b"x-a", b"1"))

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        sends.append(send)
        await send({"type": "http.response.start", "status": 200, "headers": [Field()]})
        await send(body(b"ok"))

    served = serve(app, access=access)
    assert served.request().answer.status == 500
    (record,) = served.take_errors()
    assert isinstance(record.exc_info[1], MessageError)  # type: ignore[index]


def test_deep_recursion_of_the_application(serve: Serve) -> None:
    """C7: RecursionError is an error like another."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await app(scope, receive, send)

    served = serve(app)
    assert served.request().answer.status == 500
    (record,) = served.take_errors()
    assert isinstance(record.exc_info[1], RecursionError)  # type: ignore[index]


def test_error_log_that_fails(serve: Serve, driver: Driver) -> None:
    """C7: a broken log handler is the operator's mistake; the client is answered or cut all the same."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise ValueError

    served = serve(app)

    def broken(*arguments: Any, **more: Any) -> None:
        raise ZeroDivisionError("broken log")

    served.context.error_log.error = broken  # type: ignore[method-assign]
    assert served.request().answer.status == 500
    assert served.context.active_requests == 0
    assert [type(error["exception"]) for error in driver.errors] == [ZeroDivisionError]
    driver.errors.clear()


def test_generator_based_coroutine(serve: Serve) -> None:
    """C1: compiled and old-style coroutines need only send(), throw() and close()."""

    class Coroutine:
        def __init__(self, coroutine: Any) -> None:
            self.coroutine = coroutine

        def __await__(self) -> Any:
            return self

        def __iter__(self) -> Any:
            return self

        def __next__(self) -> Any:
            return self.coroutine.send(None)

        def send(self, value: Any) -> Any:
            return self.coroutine.send(value)

        def throw(self, *error: Any) -> Any:
            return self.coroutine.throw(*error)

        def close(self) -> None:
            self.coroutine.close()

    recorder = Recorder(b"wrapped")
    exchange = serve(lambda scope, receive, send: Coroutine(recorder(scope, receive, send))).request(
        "POST", "/", body=b"a", end=False
    )
    exchange.send_body(b"b", end=True)
    assert exchange.answer.body == b"wrapped"
    assert recorder.body == b"ab"
