# SPDX-License-Identifier: MIT
"""Pipelined requests: answered in order, batched, paused while answers wait, and fair to the rest of the loop."""

from __future__ import annotations

import asyncio
import contextvars

import pytest

from tests.applications import Recorder, answering, body, echo, path_echo, read_body, start
from tests.exchanges import Receive, Scope, Send
from tests.fakes import Driver
from tests.serving import Serve


def get(path: str) -> bytes:
    return b"GET /%b HTTP/1.1\r\nhost: a\r\n\r\n" % path.encode()


def test_ready_answers_leave_in_order_in_one_write(serve: Serve) -> None:
    """P2: of requests that came in one read."""
    client = serve(path_echo).connect()
    client.send(*[get(str(n)) for n in range(16)])
    assert [answer.body for answer in client.answers] == [b"/%d" % n for n in range(16)]
    assert len(client.transport.writes) == 1


def test_answers_are_in_order_when_applications_wait(serve: Serve, driver: Driver) -> None:
    """P2: a later request never overtakes."""
    calls: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        calls.append(scope["path"])
        await asyncio.sleep(3 - len(calls))
        await path_echo(scope, receive, send)

    client = serve(app).connect()
    client.send(get("a"), get("b"), get("c"))
    for _ in range(4):
        driver.advance(3)
    assert calls == ["/a", "/b", "/c"]
    assert [answer.body for answer in client.answers] == [b"/a", b"/b", b"/c"]


def test_request_split_across_reads(serve: Serve) -> None:
    """P2: whole ones and a part in each read."""
    data = b"".join(get(f"{n:03}") for n in range(50))
    client = serve(path_echo).connect()
    for index in range(0, len(data), 37):
        client.send(data[index : index + 37])
    assert [answer.body for answer in client.answers] == [b"/%03d" % n for n in range(50)]


def test_bodies_and_heads_mix(serve: Serve) -> None:
    """P2: HEAD, bodies and statuses without body between others."""
    app = Recorder(b"data")
    client = serve(app).connect()
    client.send(
        b"HEAD /a HTTP/1.1\r\nhost: a\r\n\r\n",
        b"POST /b HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nabc",
        get("c"),
        methods=["HEAD", "POST", "GET"],
    )
    assert [answer.body for answer in client.answers] == [b"", b"data", b"data"]
    assert all(answer.complete for answer in client.answers)
    assert app.body == b"abc"


def test_second_request_is_not_begun_before_the_first_is_over(serve: Serve) -> None:
    """P2: one exchange at a time, so a client cannot fan out inside a connection."""
    gate = asyncio.Event()
    app = Recorder(gate=gate)
    client = serve(app).connect()
    client.send(get("a"), get("b"))
    assert [scope["path"] for scope in app.scopes] == ["/a"]
    gate.set()
    client.driver.settle()
    assert [scope["path"] for scope in app.scopes] == ["/a", "/b"]
    assert len(client.answers) == 2


def test_next_request_does_not_wait_for_background_work(serve: Serve) -> None:
    """P2: what an application does after its answer does not hold up the connection."""
    gate = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await path_echo(scope, receive, send)
        await gate.wait()

    client = serve(app).connect()
    client.send(get("a"))
    client.send(get("b"))
    bodies = [answer.body for answer in client.answers]
    gate.set()
    client.driver.settle()
    assert bodies == [b"/a", b"/b"]


def test_error_in_a_pipeline_comes_after_the_good_answers(serve: Serve) -> None:
    """P2: and ends it; the request after it is not served."""
    app = Recorder()
    client = serve(app).connect()
    client.send(get("a"), b"BAD\r\n\r\n", get("c"))
    assert [answer.status for answer in client.answers] == [200, 400]
    assert client.ended
    assert [scope["path"] for scope in app.scopes] == ["/a"]


def test_error_in_a_pipeline_waits_for_a_slow_answer(serve: Serve) -> None:
    """P2: the bytes were read early, the answer keeps its place."""
    gate = asyncio.Event()
    client = serve(Recorder(gate=gate)).connect()
    client.send(get("a"), b"BAD\r\n\r\n")
    assert client.received == b""
    gate.set()
    client.driver.settle()
    assert [answer.status for answer in client.answers] == [200, 400]


def test_close_ends_a_pipeline(serve: Serve) -> None:
    """P2, P6: what comes after `connection: close` is not served (RFC 9112 9.6)."""
    app = Recorder()
    client = serve(app).connect()
    client.send(get("a"), b"GET /b HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n", get("c"))
    assert [scope["path"] for scope in app.scopes] == ["/a", "/b"]
    assert len(client.answers) == 2


def test_failing_application_ends_a_pipeline(serve: Serve) -> None:
    """P2, C7: an answer that is cut is the last."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start())
        await send(body(b"part", True))
        raise ValueError

    served = serve(app)
    client = served.connect()
    client.send(get("a"), get("b"))
    (answer,) = client.answers
    assert answer.truncated
    assert len(served.take_errors()) == 1


def test_client_that_pipelines_and_does_not_read_is_paused(serve: Serve) -> None:
    """P10: neither requests nor answers pile up."""
    app = Recorder(b"x" * 10_000)
    client = serve(app).connect()
    client.transport.stop_client()
    data = get("a") * 2000
    for _ in range(40):
        client.send(data)
    assert client.transport.reading_paused
    assert client.transport.bytes_delivered <= 1024 * 1024
    assert len(client.transport.pending) <= 1024 * 1024
    served = len(app.scopes)
    assert served < 40 * 2000
    client.driver.settle()
    assert len(app.scopes) == served


def test_paused_pipeline_goes_on_when_the_client_reads(serve: Serve) -> None:
    """P10: each request is answered in the end, in order."""
    client = serve(path_echo).connect()
    client.transport.set_write_buffer_limits(1000)
    client.transport.stop_client()
    count = 3000
    client.send(*[get(str(n)) for n in range(count)], methods=["GET"] * count)
    assert len(client.received) + len(client.transport.pending) < 100 * count
    for _ in range(10_000):
        if not client.transport.pending:
            break
        client.transport.resume_client(5000)
        client.driver.settle()
    assert [answer.body for answer in client.answers] == [b"/%d" % n for n in range(count)]


def test_client_that_pipelines_while_the_application_waits_is_paused(serve: Serve) -> None:
    """P10: requests behind one that takes long are left in the kernel."""
    gate = asyncio.Event()
    app = Recorder(gate=gate)
    client = serve(app).connect()
    client.send(get("a"))
    data = get("b") * 500
    for _ in range(20):
        client.send(data)
    assert client.transport.reading_paused
    assert client.transport.bytes_delivered <= 1024 * 1024
    gate.set()
    client.driver.settle()
    assert len(app.scopes) == 1 + 20 * 500


@pytest.mark.parametrize("waits", [False, True])
def test_greedy_pipeline_yields_to_the_loop(serve: Serve, driver: Driver, waits: bool) -> None:
    """P12: a read full of small requests is answered in portions."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if waits:
            await asyncio.sleep(0)
        await answering(b"x")(scope, receive, send)

    client = serve(app).connect()
    request = get("")
    count = 2000
    client.transport.deliver(request * count)
    driver.step()
    assert client.received.count(b"HTTP/1.1 200") < count / 2
    driver.settle()
    assert client.received.count(b"HTTP/1.1 200") == count


def test_small_request_is_answered_beside_a_greedy_pipeline(serve: Serve, driver: Driver) -> None:
    """P12: within a few turns."""
    served = serve(path_echo)
    greedy = served.connect()
    other = served.connect()
    request = get("greedy")
    count = 2000
    greedy.transport.deliver(request * count)
    other.transport.deliver(get("other"))
    for _ in range(3):
        driver.step()
    assert other.answers[0].body == b"/other"
    assert greedy.received.count(b"HTTP/1.1 200") < count
    driver.settle()


def test_body_of_the_next_request_is_not_given_to_this_one(serve: Serve) -> None:
    """P2: also when both arrive while the first is served."""
    gate = asyncio.Event()
    bodies: list[bytes] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await gate.wait()
        bodies.append(await read_body(receive))
        await answering(b"x")(scope, receive, send)

    client = serve(app).connect()
    post = b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\n"
    client.send(post + b"one" + post + b"two")
    gate.set()
    client.driver.settle()
    assert bodies == [b"one", b"two"]


def test_context_variables_do_not_leak_along_a_pipeline(serve: Serve) -> None:
    """P2, C1: a request that is begun by the end of another does not inherit its context."""
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")
    seen: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(variable.get())
        variable.set(scope["path"])
        if scope["path"] == "/waits":
            await asyncio.sleep(0)
        await path_echo(scope, receive, send)

    client = serve(app).connect()
    client.send(get("a") + get("waits") + get("b") + get("waits") + get("c"))
    client.send(get("d"))
    assert seen == ["unset"] * 6


def test_context_variables_do_not_leak_into_paused_reads(serve: Serve) -> None:
    """P10, C1: nor does one whose bytes an application let in by reading its body."""
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")
    seen: list[str] = []
    gate = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(variable.get())
        variable.set("set")
        await gate.wait()
        await echo(scope, receive, send)

    client = serve(app).connect()
    client.send(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1000000\r\n\r\n" + b"x" * 1_000_000 + get("next"))
    assert client.transport.reading_paused
    gate.set()
    client.driver.settle()
    assert seen == ["unset", "unset"]
    assert len(client.answers) == 2


def test_old_request_cannot_speak_into_the_next(serve: Serve) -> None:
    """P2, R3: messages of an exchange that is over go nowhere."""
    held: list[Send] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        held.append(send)
        if len(held) == 2:
            await held[0](body(b"late"))
        await answering(b"%d" % len(held))(scope, receive, send)

    client = serve(app).connect()
    client.send(get("a"))
    client.send(get("b"))
    assert [answer.body for answer in client.answers] == [b"1", b"2"]
