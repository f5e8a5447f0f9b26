# SPDX-License-Identifier: MIT
"""The task of a WebSocket's application: whatever it awaits, whoever drives its steps, asyncio's rules hold.

A message that finds the application waiting for receive() runs its next step at once, in the name of its task (see
Cycle.step_now); these tests are the ones that would notice.
"""

from __future__ import annotations

import asyncio
import contextvars
from typing import Any

import anyio
import pytest

from tests.exchanges import Receive, Scope, Send
from tests.serving import Serve
from tests.websockets import WebSocketClient, open_websocket, text

Event = dict[str, Any]
ACCEPT: Event = {"type": "websocket.accept"}

variable: contextvars.ContextVar[int] = contextvars.ContextVar("variable", default=0)


async def reply(send: Send, message: object) -> None:
    await send({"type": "websocket.send", "text": str(message)})


def exchange(client: WebSocketClient, *messages: str) -> list[str | bytes]:
    """Sends messages, each in a read of its own, and returns all answers so far."""
    for message in messages:
        client.send(text(message))
    return client.messages


def test_one_task_and_one_context(serve: Serve) -> None:
    """C1: each step sees the same current task and the same context variables."""
    tasks = set()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send(ACCEPT)
        while (await receive())["type"] == "websocket.receive":
            tasks.add(asyncio.current_task())
            variable.set(variable.get() + 1)
            await reply(send, variable.get())

    client = open_websocket(serve(app))
    other = open_websocket(client.served)
    assert exchange(client, "a", "b", "c") == ["1", "2", "3"]
    assert exchange(other, "a") == ["1"]
    assert exchange(client, "d") == ["1", "2", "3", "4"]
    assert len(tasks) == 2
    assert variable.get() == 0


def test_other_awaits_between(serve: Serve) -> None:
    """C1: futures, sleeps, bare yields and other tasks between two receive() calls."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send(ACCEPT)
        loop = asyncio.get_running_loop()
        while (event := await receive())["type"] == "websocket.receive":
            await asyncio.sleep(0)
            future = loop.create_future()
            loop.call_soon(future.set_result, event["text"])
            first = await future
            second = await asyncio.create_task(asyncio.sleep(0, "task"))
            await reply(send, f"{first} {second}")

    client = open_websocket(serve(app))
    assert exchange(client, "a", "b") == ["a task", "b task"]
    client.send(text("c") + text("d") + text("e"))
    assert client.messages == [f"{name} task" for name in "abcde"]


@pytest.mark.parametrize("error", [ValueError, SystemExit])
def test_error_in_a_later_step(serve: Serve, error: type[BaseException]) -> None:
    """C7: an exception in a step of any kind is logged once and closes with 1011."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send(ACCEPT)
        await receive()
        await receive()
        raise error("on purpose")

    served = serve(app)
    client = open_websocket(served)
    exchange(client, "a", "b")
    assert client.closed_with == (1011, "")
    assert len(served.take_errors()) == 1
    assert not served.context.running


@pytest.mark.parametrize("error", [KeyboardInterrupt, asyncio.CancelledError])
def test_base_exceptions_reach_the_task(serve: Serve, error: type[BaseException]) -> None:
    """C7: what is not an Exception ends the task, not the connection's callback."""
    tasks: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        tasks.append(asyncio.current_task())
        await receive()
        await send(ACCEPT)
        await receive()
        await receive()
        raise error

    served = serve(app)
    client = open_websocket(served)
    client.send(text("a"))
    if error is asyncio.CancelledError:
        client.send(text("b"))
    else:
        with pytest.raises(error):
            client.send(text("b"))
        served.driver.settle()
        assert isinstance(tasks[0].exception(), error)  # retrieved: else asyncio reports it when the task is collected
    assert client.closed_with == (1011, "")
    assert not served.context.running


def test_return_in_a_later_step(serve: Serve) -> None:
    """W9: the application returns in a step of any kind; its task ends."""
    tasks: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        tasks.append(asyncio.current_task())
        await receive()
        await send(ACCEPT)
        await receive()
        await receive()

    served = serve(app)
    client = open_websocket(served)
    exchange(client, "a", "b")
    assert client.closed_with == (1000, "")
    assert tasks[0].done()
    assert tasks[0].exception() is None


@pytest.mark.parametrize("moment", ["waiting", "between", "asleep"])
def test_cancelling_the_task(serve: Serve, moment: str) -> None:
    """C1: a cancellation arrives where the application is."""
    caught: list[str] = []
    gate = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send(ACCEPT)
        await receive()
        try:
            if moment == "asleep":
                await gate.wait()
            await receive()
            await receive()
        except asyncio.CancelledError:
            caught.append("cancelled")
            raise

    served = serve(app)
    client = open_websocket(served)
    exchange(client, "a")
    if moment == "between":
        client.send(text("b"))
    served.driver.call(served.context.cancel_all)
    served.driver.settle()
    assert caught == ["cancelled"]
    assert client.closed_with == (1011, "")


def test_cancelling_oneself(serve: Serve) -> None:
    """C1: a step that cancels its own task is cancelled at its next await, also when that is no receive()."""
    caught: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send(ACCEPT)
        for wait in (receive, lambda: asyncio.sleep(10), lambda: asyncio.get_running_loop().create_future()):
            await receive()
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
            try:
                await wait()
            except asyncio.CancelledError:
                caught.append("cancelled")
                task.uncancel()
        await reply(send, "done")
        await receive()

    client = open_websocket(serve(app))
    assert exchange(client, "a", "b", "c") == ["done"]
    assert caught == ["cancelled"] * 3


def test_timeouts(serve: Serve) -> None:
    """C1: asyncio.timeout, wait_for and anyio's scopes around receive(); the message after it is not lost."""
    timed_out: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send(ACCEPT)
        while True:
            try:
                async with asyncio.timeout(10):
                    event = await receive()
            except TimeoutError:
                timed_out.append("timeout")
                break
            await reply(send, event["text"])
        try:
            await asyncio.wait_for(receive(), 10)
        except TimeoutError:
            timed_out.append("wait_for")
        with anyio.move_on_after(10):
            await receive()
        await reply(send, (await receive())["text"])
        await receive()

    served = serve(app)
    client = open_websocket(served)
    assert exchange(client, "a", "b") == ["a", "b"]
    for _ in range(3):
        served.driver.advance(11)
    assert timed_out == ["timeout", "wait_for"]
    assert exchange(client, "c") == ["a", "b", "c"]


def test_receive_in_another_task(serve: Serve) -> None:
    """C1: a reader task beside the application's own, as many frameworks have it."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send(ACCEPT)
        queue: asyncio.Queue[Event] = asyncio.Queue()

        async def read() -> None:
            while True:
                event = await receive()
                queue.put_nowait(event)
                if event["type"] == "websocket.disconnect":
                    return

        async with asyncio.TaskGroup() as group:
            group.create_task(read())
            while (event := await queue.get())["type"] == "websocket.receive":
                await reply(send, event["text"])

    client = open_websocket(serve(app))
    assert exchange(client, "a", "b") == ["a", "b"]
    client.send(text("c") + text("d"))
    assert client.messages == ["a", "b", "c", "d"]
    client.close(1000)
    assert client.ended


def test_receivers_at_the_same_time(serve: Serve) -> None:
    """C1: each message goes to one of several receive() calls; cancelling one disturbs no other."""
    got: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send(ACCEPT)
        got.append((await receive())["text"])

        async def child() -> None:
            while (event := await receive())["type"] == "websocket.receive":
                got.append(event["text"])

        children = [asyncio.create_task(child()) for _ in range(3)]
        got.append((await receive())["text"])
        children[0].cancel()
        while (event := await receive())["type"] == "websocket.receive":
            got.append(event["text"])
        await asyncio.wait(children[1:])

    served = serve(app)
    client = open_websocket(served)
    exchange(client, "a", "b", "c", "d")
    client.send(text("e") + text("f") + text("g"))
    client.close(1000)
    assert sorted(got) == ["a", "b", "c", "d", "e", "f", "g"]
    assert not served.context.running


def test_eager_child_does_not_share_the_future(serve: Serve) -> None:
    """C1: a child that is cancelled in its receive() does not cancel the application."""
    got: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send(ACCEPT)
        factory = getattr(asyncio, "eager_task_factory", None)
        asyncio.get_running_loop().set_task_factory(factory)
        try:
            await receive()
            child = asyncio.ensure_future(receive())
            await asyncio.sleep(0)
            got.append("before")
            child.cancel()
            got.append((await receive())["text"])
            await receive()
        finally:
            asyncio.get_running_loop().set_task_factory(None)

    client = open_websocket(serve(app))
    exchange(client, "a", "b")
    assert got == ["before", "b"]


def test_broadcast_from_another_task(serve: Serve) -> None:
    """C11: sends from a task that is not the application's; several in one turn are one write."""
    sends: list[Send] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send(ACCEPT)
        sends.append(send)
        while (event := await receive())["type"] == "websocket.receive":
            for each in sends:
                await reply(each, event["text"])
                await reply(each, event["text"])

    served = serve(app)
    clients = [open_websocket(served) for _ in range(3)]
    for client in clients:
        client.transport.writes.clear()
    exchange(clients[0], "a")
    for client in clients:
        assert client.messages == ["a", "a"]
        assert len(client.transport.writes) == 1


def test_close_from_another_task(serve: Serve) -> None:
    """W8: a close that another task sends ends a receive() that waits."""
    sends: list[Send] = []
    events: list[Event] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send(ACCEPT)
        sends.append(send)
        events.append(await receive())

    served = serve(app)
    client = open_websocket(served)

    async def closing() -> None:
        await sends[0]({"type": "websocket.close", "code": 3001})

    served.driver.loop.run_until_complete(closing())
    served.driver.settle()
    assert events == [{"type": "websocket.disconnect", "code": 3001, "reason": ""}]
    assert client.closed_with == (3001, "")


def test_accept_from_another_task(serve: Serve) -> None:
    """W3: the answer to the handshake may come from another task."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await asyncio.create_task(send(ACCEPT))  # type: ignore[arg-type]
        await reply(send, "x")
        await receive()

    client = open_websocket(serve(app))
    assert client.accepted
    assert client.messages == ["x"]


def test_disconnect_grace(serve: Serve) -> None:
    """R10: app_disconnect_grace cancels an application that goes on after its client has left."""
    ended: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send(ACCEPT)
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            ended.append("ended")

    served = serve(app, app_disconnect_grace=5)
    open_websocket(served).vanish()
    assert not ended
    served.driver.advance(6)
    assert ended == ["ended"]
    assert not served.context.running
