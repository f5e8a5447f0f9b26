# SPDX-License-Identifier: MIT
"""The application runs as a true asyncio task: context, cancellation, timeouts, task groups, and receive()/send() as
coroutines that frameworks wrap in tasks of their own."""

from __future__ import annotations

import asyncio
import collections.abc
import contextvars
import inspect
import sys
from typing import Any

import anyio
import pytest

from tests.applications import Recorder, answering, body, start
from tests.exchanges import Event, Receive, Scope, Send
from tests.fakes import Driver
from tests.serving import Serve

ok = answering(b"ok")


def test_application_runs_on_the_loop(serve: Serve, driver: Driver) -> None:
    """C1: on the loop of the context, in its thread."""
    loops: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        loops.append(asyncio.get_running_loop())
        await ok(scope, receive, send)

    serve(app).request()
    assert loops == [driver.loop]


def test_current_task_is_a_task_of_its_own(serve: Serve) -> None:
    """C1: the same one before and after waiting, another one for each request."""
    tasks: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        before = asyncio.current_task()
        await asyncio.sleep(0)
        assert asyncio.current_task() is before
        await receive()
        assert asyncio.current_task() is before
        tasks.append(before)
        await ok(scope, receive, send)

    served = serve(app)
    served.request()
    served.request()
    assert all(isinstance(task, asyncio.Task) for task in tasks)
    assert tasks[0] is not tasks[1]


def test_task_of_an_answer_without_waiting_is_a_task_too(serve: Serve) -> None:
    """C1: also when the application is over before data_received() returns."""
    tasks: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        tasks.append(asyncio.current_task())
        await ok(scope, receive, send)

    serve(app).request()
    assert isinstance(tasks[0], asyncio.Task)


def test_application_that_need_not_wait_is_over_at_once(serve: Serve, driver: Driver) -> None:
    """C1: it is started eagerly where Python can (3.12), else it takes one turn of the loop."""
    exchange = serve(ok).open()
    exchange.begin()
    if sys.version_info < (3, 12):
        driver.step()
    assert exchange.answer.complete


def test_context_variables_are_the_request_s_own(serve: Serve) -> None:
    """C1: what one request sets, the next on the same connection does not see."""
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")
    seen: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(variable.get())
        variable.set(scope["path"])
        await asyncio.sleep(0)
        assert variable.get() == scope["path"]
        await ok(scope, receive, send)

    exchange = serve(app).request("GET", "/a")
    for path in ("/b", "/c"):
        assert exchange.follow("GET", path).answer.body == b"ok"
    assert seen == ["unset"] * 3


def test_context_variables_of_concurrent_requests_do_not_meet(serve: Serve) -> None:
    """C1: on two connections at once."""
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")
    gate = asyncio.Event()
    seen: dict[str, str] = {}

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        variable.set(scope["path"])
        await gate.wait()
        seen[scope["path"]] = variable.get()
        await ok(scope, receive, send)

    served = serve(app)
    exchanges = [served.request("GET", path) for path in ("/a", "/b")]
    gate.set()
    exchanges[0].driver.settle()
    assert seen == {"/a": "/a", "/b": "/b"}


def test_receive_and_send_are_coroutines(serve: Serve) -> None:
    """C1: what asyncio, inspect and typing ask before they wrap one; never awaited, they warn of nothing."""
    seen: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        for awaitable in (receive(), send(start())):
            seen.append(
                (
                    isinstance(awaitable, collections.abc.Awaitable),
                    isinstance(awaitable, collections.abc.Coroutine),
                    inspect.isawaitable(awaitable),
                    asyncio.iscoroutine(awaitable),
                )
            )
        await send(body(b"ok"))

    serve(app).request()
    assert seen == [(True, True, True, True)] * 2


def test_receive_in_create_task(serve: Serve) -> None:
    """C1: with a message that is there, and with one that comes later."""
    results: list[Event] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        results.append(await asyncio.create_task(receive()))  # type: ignore[arg-type]
        task = asyncio.create_task(receive())  # type: ignore[arg-type,var-annotated]
        results.append(await task)
        await ok(scope, receive, send)

    exchange = serve(app).request("POST", "/", body=b"one", end=False)
    exchange.send_body(b"two", end=True)
    assert [event["body"] for event in results] == [b"one", b"two"]
    assert exchange.answer.body == b"ok"


def test_send_in_create_task_and_ensure_future(serve: Serve) -> None:
    """C1: in the order in which send() was called."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.create_task(send(start()))  # type: ignore[arg-type]
        await asyncio.ensure_future(send(body(b"one", True)))
        first = asyncio.ensure_future(send(body(b"two", True)))
        second = asyncio.ensure_future(send(body(b"three")))
        await asyncio.gather(first, second)

    answer = serve(app).request().answer
    assert (answer.body, answer.complete) == (b"onetwothree", True)


def test_gather_of_receive_and_send(serve: Serve) -> None:
    """C1: gather() wraps what it is given."""
    results: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        results.extend(await asyncio.gather(receive(), send(start())))
        await send(body(b"ok"))

    assert serve(app).request().answer.body == b"ok"
    assert results == [{"type": "http.request", "body": b"", "more_body": False}, None]


def test_error_of_send_in_a_task_reaches_it(serve: Serve) -> None:
    """C5: a refused event in a task of its own."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        with pytest.raises((TypeError, ValueError, RuntimeError, KeyError)):
            await asyncio.ensure_future(send({"type": "made.up"}))
        await ok(scope, receive, send)

    assert serve(app).request().answer.body == b"ok"


def test_send_returns_none(serve: Serve) -> None:
    """C11."""
    results: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        results.append(await send(start()))
        results.append(await send(body(b"", True)))
        results.append(await send(body(b"ok")))

    serve(app).request()
    assert results == [None, None, None]


def test_wait_for_times_out_and_loses_nothing(serve: Serve, driver: Driver) -> None:
    """R6: a receive() that was cancelled by a timeout leaves the message to the next one."""
    log: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        log.append((await receive())["body"])
        try:
            await asyncio.wait_for(receive(), 1)
        except TimeoutError:
            log.append("timeout")
        log.append((await asyncio.wait_for(receive(), 1))["body"])
        await ok(scope, receive, send)

    exchange = serve(app).request("POST", "/", body=b"one", end=False)
    driver.advance(1.5)
    assert log == [b"one", "timeout"]
    exchange.send_body(b"two", end=True)
    assert log == [b"one", "timeout", b"two"]
    assert exchange.answer.body == b"ok"


def test_asyncio_timeout_works_around_receive(serve: Serve, driver: Driver) -> None:
    """C1: it needs a true task."""
    log: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        try:
            async with asyncio.timeout(2):
                await receive()
        except TimeoutError:
            log.append("timeout")
        await ok(scope, receive, send)

    exchange = serve(app).request()
    driver.advance(1)
    assert log == []
    driver.advance(1.5)
    assert log == ["timeout"]
    assert exchange.answer.body == b"ok"


def test_cancelled_receive_task_loses_no_message(serve: Serve) -> None:
    """R6: cancelled in the very turn in which the message came."""
    log: list[Any] = []
    ready = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        log.append((await receive())["body"])
        task = asyncio.ensure_future(receive())
        await ready.wait()
        task.cancel()
        try:
            log.append((await task)["body"])
        except asyncio.CancelledError:
            log.append((await receive())["body"])
        await ok(scope, receive, send)

    exchange = serve(app).request("POST", "/", body=b"one", end=False)
    ready.set()
    exchange.send_body(b"two", end=True)
    assert log == [b"one", b"two"]
    assert exchange.answer.body == b"ok"


@pytest.mark.parametrize("before", [True, False])
def test_cancelled_receive_before_and_after_it_began(serve: Serve, before: bool) -> None:
    """R6: a task that never ran, and one that waits."""
    log: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        task = asyncio.create_task(receive())  # type: ignore[arg-type,var-annotated]
        if not before:
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        task.cancel()
        try:
            event = await task
        except asyncio.CancelledError:
            event = await receive()
        log.append(event["body"])
        await ok(scope, receive, send)

    served = serve(app)
    exchange = served.request("POST", "/", body=b"", end=False)
    exchange.send_body(b"data", end=True)
    if not log:
        exchange.driver.settle()
    assert b"".join(log) in (b"data", b"")
    assert exchange.answer.body == b"ok"


def test_two_receives_at_once_end_both(serve: Serve) -> None:
    """R6: a framework's listener beside the application's own read; neither hangs when the client goes."""
    results: list[list[Any]] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        results.append(await asyncio.gather(receive(), receive(), return_exceptions=True))

    served = serve(app)
    served.request().disconnect()
    served.take_errors()
    assert len(results) == 1
    for result in results[0]:
        assert result == {"type": "http.disconnect"} or isinstance(result, RuntimeError)


def test_anyio_task_group_with_a_disconnect_listener(serve: Serve) -> None:
    """C1, R6: how Starlette streams: a listener beside the sender, cancelled when that is done."""
    log: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        async def listen() -> None:
            try:
                while (await receive())["type"] != "http.disconnect":
                    pass
                log.append("gone")
            except BaseException as error:
                log.append(type(error).__name__)
                raise

        async def stream() -> None:
            await send(start())
            for n in range(3):
                await send(body(b"%d" % n, True))
                await anyio.sleep(0)
            await send(body())

        async with anyio.create_task_group() as group:

            async def run(function: Any) -> None:
                await function()
                group.cancel_scope.cancel()

            group.start_soon(run, listen)
            await run(stream)

    answer = serve(app).request().answer
    assert (answer.body, answer.complete) == (b"012", True)
    assert log in (["CancelledError"], ["gone"])


def test_anyio_listener_stops_a_stream_whose_client_left(serve: Serve) -> None:
    """R6, R5."""
    log: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        async with anyio.create_task_group() as group:

            async def listen() -> None:
                while (await receive())["type"] != "http.disconnect":
                    pass
                log.append("gone")
                group.cancel_scope.cancel()

            group.start_soon(listen)
            await send(start())
            await send(body(b"first", True))
            await anyio.sleep_forever()

    exchange = serve(app).request()
    assert exchange.answer.body == b"first"
    exchange.disconnect()
    assert log == ["gone"]


def test_poll_for_disconnect_in_a_cancelled_scope(serve: Serve) -> None:
    """R6: Starlette's is_disconnected(): what is queued comes, what is not is not waited for, and nothing is lost."""
    polls: list[Any] = []
    gate = asyncio.Event()

    async def poll(receive: Receive) -> None:
        event: Event = {}
        with anyio.CancelScope() as scope:
            scope.cancel()
            event = await receive()
        polls.append(event.get("type"))

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await poll(receive)
        await gate.wait()
        await poll(receive)

    exchange = serve(app).request()
    assert polls == [None]
    exchange.disconnect()
    gate.set()
    exchange.driver.settle()
    assert polls == [None, "http.disconnect"]


def test_asyncio_task_group(serve: Serve) -> None:
    """C1: Python's own task group around receive() and send()."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(receive())  # type: ignore[arg-type]
            group.create_task(send(start()))  # type: ignore[arg-type]
        await send(body(b"ok"))

    assert serve(app).request().answer.body == b"ok"


def test_application_may_answer_from_another_task(serve: Serve) -> None:
    """C1: send() belongs to the request, not to the task that called the application."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        async def answer() -> None:
            await asyncio.sleep(0)
            await ok(scope, receive, send)

        await asyncio.create_task(answer())

    assert serve(app).request().answer.body == b"ok"


def test_awaitable_is_consumed_once(serve: Serve) -> None:
    """C1: awaiting the same receive() twice is a mistake that does not hang or repeat a message."""
    outcomes: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        awaitable = receive()
        outcomes.append((await awaitable)["body"])
        try:
            outcomes.append(await asyncio.wait_for(awaitable, 1))
        except (TimeoutError, RuntimeError) as error:
            outcomes.append(error)
        await ok(scope, receive, send)

    served = serve(app)
    exchange = served.request("POST", "/", body=b"data")
    exchange.driver.advance(2)
    assert exchange.answer.body == b"ok"
    assert outcomes[0] == b"data"
    assert not isinstance(outcomes[1], dict) or outcomes[1].get("body") in (b"", None, b"data")


def test_task_is_not_kept_after_the_exchange(serve: Serve, driver: Driver) -> None:
    """C1: no task of a finished request is left on a kept connection."""
    exchange = serve(Recorder()).request()
    assert asyncio.all_tasks(driver.loop) == set()
    assert not exchange.ended


def test_sleeping_applications_are_many_at_once(serve: Serve, driver: Driver) -> None:
    """C1, H2: one waits, the others go on."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(float(scope["query_string"]))
        await ok(scope, receive, send)

    served = serve(app)
    exchanges = [served.request("GET", f"/?{seconds}") for seconds in (3, 1, 2)]
    done = []
    for _ in range(3):
        driver.advance(1.01)
        done.append([exchange.answer.complete for exchange in exchanges])
    assert done == [[False, True, False], [False, True, True], [True, True, True]]
