# SPDX-License-Identifier: MIT
"""Applications that fail, say nothing, or outlive their client: what the client sees and what is logged."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.applications import answering, body, sending, start
from tests.exchanges import Receive, Scope, Send, Served
from tests.serving import Serve


class Mistake(Exception):
    """What the applications raise."""


def the_error(served: Served) -> logging.LogRecord:
    """The only error record; it carries the traceback of the application."""
    (record,) = served.take_errors()
    return record


def test_error_before_start_is_500_and_logged(serve: Serve) -> None:
    """C7, R9: the client gets a whole answer, the log the traceback, once."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise Mistake("before start")

    served = serve(app)
    exchange = served.request()
    assert (exchange.answer.status, exchange.answer.complete) == (500, True)
    assert b"before start" not in exchange.answer.body
    record = the_error(served)
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], Mistake)


def test_error_after_waiting_is_500_and_logged(serve: Serve) -> None:
    """C7: also when the application had waited before."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(0)
        await receive()
        raise Mistake

    served = serve(app)
    assert served.request().answer.status == 500
    assert the_error(served).exc_info is not None


def test_error_after_start_is_visible(serve: Serve) -> None:
    """R9: a response that was started is cut, also when not a byte of it has left yet."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start(200, [(b"x-lost", b"1")]))
        raise Mistake

    served = serve(app)
    answer = served.request().answer
    assert answer.truncated
    assert answer.header(b"x-lost") is None
    the_error(served)


@pytest.mark.parametrize("length", [True, False])
def test_error_in_the_body_is_visible(serve: Serve, length: bool) -> None:
    """R9, C7: with a length or in chunks the answer has no end, and the connection has one."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start(200, [(b"content-length", b"100")] if length else []))
        await send(body(b"part", True))
        raise Mistake

    served = serve(app)
    exchange = served.request()
    assert (exchange.answer.status, exchange.answer.body) == (200, b"part")
    assert exchange.answer.truncated
    assert not exchange.answer.complete
    assert isinstance(the_error(served).exc_info[1], Mistake)  # type: ignore[index]


def test_error_after_the_answer_is_logged_and_changes_nothing(serve: Serve) -> None:
    """C7: background work of a framework fails; the answer was whole."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await answering(b"ok")(scope, receive, send)
        raise Mistake

    served = serve(app)
    exchange = served.request()
    assert (exchange.answer.body, exchange.answer.complete) == (b"ok", True)
    assert isinstance(the_error(served).exc_info[1], Mistake)  # type: ignore[index]


def test_silent_return_is_500(serve: Serve) -> None:
    """R9: and the log says what the application did not do."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()

    served = serve(app)
    answer = served.request().answer
    assert (answer.status, answer.complete) == (500, True)
    assert "http.response.start" in the_error(served).getMessage()


def test_return_after_start_alone_does_not_hang(serve: Serve) -> None:
    """R9: start was sent, no body message followed."""
    served = serve(sending(start(200)))
    assert served.request().answer.truncated
    assert len(served.take_errors()) == 1


@pytest.mark.parametrize("length", [True, False])
def test_return_before_the_last_body_is_visible(serve: Serve, length: bool) -> None:
    """R9, R8: more_body was True, nothing came."""
    served = serve(sending(start(200, [(b"content-length", b"100")] if length else []), body(b"part", True)))
    answer = served.request().answer
    assert answer.truncated
    assert not answer.complete
    assert len(served.take_errors()) == 1


def test_one_failing_request_does_not_break_the_next(serve: Serve) -> None:
    """C7, C14: neither on other connections nor for the server."""
    calls: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        calls.append(scope["path"])
        if scope["path"] == "/bad":
            raise Mistake
        await answering(b"ok")(scope, receive, send)

    served = serve(app)
    for target, status in (("/bad", 500), ("/good", 200), ("/bad", 500), ("/good", 200)):
        assert served.request("GET", target).answer.status == status
    assert len(served.take_errors()) == 2


@pytest.mark.parametrize(
    "error", [Mistake(), KeyError("x"), AssertionError(), StopAsyncIteration(), RecursionError(), OSError("disk full")]
)
def test_any_exception_is_handled_alike(serve: Serve, error: BaseException) -> None:
    """C7: an OSError that does not come from send() is an error like another."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise error

    served = serve(app)
    assert served.request().answer.status == 500
    assert the_error(served).exc_info[1] is error  # type: ignore[index]


def test_cancellation_by_the_application_itself_is_an_end(serve: Serve) -> None:
    """C7: an application that lets CancelledError out is over; its client is not left waiting."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise asyncio.CancelledError

    served = serve(app)
    answer = served.request().answer
    assert answer.status in (500, 503) or answer.truncated
    served.take_errors()


@pytest.mark.parametrize("result", [None, 7, "text", b"bytes", [1]])
def test_application_that_returns_no_awaitable_is_500(serve: Serve, result: Any) -> None:
    """C7: a plain function instead of a coroutine function."""
    served = serve(lambda scope, receive, send: result)
    assert served.request().answer.status == 500
    the_error(served)


def test_application_that_raises_when_called_is_500(serve: Serve) -> None:
    """C7: before there is a coroutine."""

    def app(scope: Scope, receive: Receive, send: Send) -> Any:
        raise Mistake

    served = serve(app)
    assert served.request().answer.status == 500
    assert isinstance(the_error(served).exc_info[1], Mistake)  # type: ignore[index]


def test_application_with_other_parameters_is_500(serve: Serve) -> None:
    """C7: the double callable of ASGI 2 that nobody wrapped, say."""
    served = serve(lambda scope: None)
    assert served.request().answer.status == 500
    assert isinstance(the_error(served).exc_info[1], TypeError)  # type: ignore[index]


def test_application_may_return_any_awaitable(serve: Serve) -> None:
    """C1: a future, or an object with __await__."""

    class Awaitable:
        def __init__(self, *arguments: Any) -> None:
            self.arguments = arguments

        def __await__(self) -> Any:
            return answering(b"awaited")(*self.arguments).__await__()

    assert serve(Awaitable).request().answer.body == b"awaited"

    def app(scope: Scope, receive: Receive, send: Send) -> Any:
        return asyncio.ensure_future(answering(b"future")(scope, receive, send))

    assert serve(app).request().answer.body == b"future"


# The client goes first.


def test_send_after_disconnect_raises_oserror(serve: Serve) -> None:
    """R5, C8: a subclass of its own, so that it can be told from other errors; never logged when it escapes."""
    raised: list[BaseException] = []
    gate = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await gate.wait()
        try:
            await send(start())
            await send(body(b"x"))
        except BaseException as error:
            raised.append(error)
            raise

    served = serve(app)
    exchange = served.request()
    exchange.disconnect()
    gate.set()
    exchange.driver.settle()
    assert isinstance(raised[0], OSError)
    assert type(raised[0]) is not OSError
    assert served.take_errors() == []


def test_each_send_after_disconnect_raises(serve: Serve) -> None:
    """R5: an application that catches it once is told again; a stream ends."""
    raised: list[BaseException] = []
    gate = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start())
        await send(body(b"first", True))
        await gate.wait()
        for _ in range(3):
            try:
                await send(body(b"more", True))
            except OSError as error:
                raised.append(error)

    served = serve(app)
    exchange = served.request()
    exchange.disconnect()
    gate.set()
    exchange.driver.settle()
    assert len(raised) == 3


def test_error_of_a_disconnect_wrapped_by_the_application_is_an_error_of_its_own(serve: Serve) -> None:
    """R5, C7: only the server's own exception is silent, and what Starlette makes of it."""
    gate = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await gate.wait()
        try:
            await send(start())
            await send(body(b"x"))
        except OSError as error:
            raise Mistake from error

    served = serve(app)
    exchange = served.request()
    exchange.disconnect()
    gate.set()
    exchange.driver.settle()
    assert isinstance(the_error(served).exc_info[1], Mistake)  # type: ignore[index]


@pytest.mark.parametrize("how", ["sends", "receives"])
def test_starlette_s_error_of_a_disconnect_is_silent(serve: Serve, how: str) -> None:
    """R5, C7: a client that goes in the middle of a stream or of its upload leaves no traceback."""
    pytest.importorskip("starlette")
    from starlette.requests import Request
    from starlette.responses import Response, StreamingResponse

    gate = asyncio.Event()
    ends: list[BaseException] = []

    async def stream() -> AsyncIterator[bytes]:
        yield b"first"
        await gate.wait()
        yield b"second"

    async def app(scope: Scope, receive: Receive, send: Any) -> None:
        try:
            if how == "receives":
                await Request(scope, receive).body()
            response: Response = StreamingResponse(stream())
            await response(scope, receive, send)
        except Exception as error:
            ends.append(error)
            raise

    served = serve(app)
    exchange = served.request("POST", body=b"x", end=how == "sends")
    exchange.disconnect()
    gate.set()
    exchange.driver.settle()
    assert [type(end).__name__ for end in ends] == ["ClientDisconnect"]
    assert served.take_errors() == []
    assert served.context.errors_total == 0


def test_return_after_disconnect_is_no_error(serve: Serve) -> None:
    """R6, R9: an application that stops because its client left has done nothing wrong."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    served = serve(app)
    served.request().disconnect()
    assert served.take_errors() == []


def test_wrong_event_after_disconnect_raises_no_other_error_to_the_loop(serve: Serve) -> None:
    """C8, R5: whatever it sends, the application gets an exception or silence."""
    outcomes: list[Any] = []
    gate = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await gate.wait()
        for event in ({"type": "made.up"}, start("no"), body(b"x")):  # type: ignore[arg-type]
            try:
                outcomes.append(await send(event))
            except Exception as error:
                outcomes.append(error)

    exchange = serve(app).request()
    exchange.disconnect()
    gate.set()
    exchange.driver.settle()
    assert len(outcomes) == 3
    assert isinstance(outcomes[2], OSError)


def test_a_disconnect_leaves_the_application_running(serve: Serve) -> None:
    """R10, C7: without a grace a lost client cancels nothing."""
    gate = asyncio.Event()
    done: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await gate.wait()
        done.append("work")

    served = serve(app)
    exchange = served.request()
    exchange.disconnect()
    served.tick(100)
    assert done == []
    gate.set()
    exchange.driver.settle()
    assert done == ["work"]


def test_disconnect_grace_cancels_the_application(serve: Serve) -> None:
    """R10: an idle stream learns that its client left when a grace is set; nothing is logged as an error."""
    ends: list[BaseException] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await asyncio.Event().wait()
        except BaseException as error:
            ends.append(error)
            raise

    served = serve(app, app_disconnect_grace=3.0)
    served.request().disconnect()
    served.tick(2)
    assert ends == []
    served.tick(4)
    assert [type(end) for end in ends] == [asyncio.CancelledError]
    assert served.take_errors() == []


def test_disconnect_grace_spares_those_who_finish(serve: Serve) -> None:
    """R10: clean-up within the grace is not disturbed."""
    done: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        await asyncio.sleep(1)
        done.append("cleaned up")

    served = serve(app, app_disconnect_grace=3.0)
    served.request().disconnect()
    served.tick(10)
    assert done == ["cleaned up"]
