# SPDX-License-Identifier: MIT
"""H1Connection against random clients and random applications.

Everything comes from seeded generators, so a case that fails once fails each time: its number is in the test's name.
The watchdog counts turns of the loop (`Driver.settle`), not seconds. Whatever comes in, and whatever the application
does, the connection writes well-formed answers, tells nobody of an error that is not the application's, and ends.
"""

from __future__ import annotations

import asyncio
import random
from typing import Any

import h11
import pytest

from fastcorn.errors import MessageError
from tests.applications import body, start
from tests.exchanges import App, Event, Http1Client, Receive, Scope, Send, read_answers
from tests.fakes import Driver
from tests.serving import Serve

SEEDS = 40
CASES = 60  # in one test, on one context

METHODS = ["GET", "GET", "GET", "POST", "POST", "HEAD", "PUT", "OPTIONS"]
FIELDS = [
    b"x-a: 1", b"accept: */*", b"connection: keep-alive", b"connection: close", b"te: trailers",
    b"expect: 100-continue", b"x-long: " + b"y" * 300, b"cookie: a=b; c=d", b"upgrade: h2c",
    b"connection: upgrade", b"x-empty:",
]  # fmt: skip
BROKEN_FIELDS = [
    b"no colon", b"x y: 1", b"x : 1", b": 1", b"x: a\0b", b"x: a\nb", b" folded", b"host: b", b"content-length: x",
    b"content-length: -1", b"transfer-encoding: gzip", b"transfer-encoding: chunked", b"expect: magic", b"x: \x7f",
]  # fmt: skip
PIECES = [b"\r\n", b"\r", b"\n", b"\0", b" ", b":", b"0\r\n\r\n", b"GET ", b" HTTP/1.1\r\n", b"ffffffffffffffff\r\n"]


def chunked(random_: random.Random, data: bytes) -> bytes:
    """data in chunks of random sizes, with an occasional extension or trailer."""
    encoded = bytearray()
    while data:
        size = random_.randint(1, len(data))
        extension = random_.choice([b"", b"", b"", b";a=b", b';q="x;y"'])
        encoded += b"%x%b\r\n%b\r\n" % (size, extension, data[:size])
        data = data[size:]
    return bytes(encoded) + random_.choice([b"0\r\n\r\n", b"0\r\n\r\n", b"000;e\r\n\r\n", b"0\r\nx-t: 1\r\n\r\n"])


def valid_request(random_: random.Random, method: str, bodies: dict[bytes, bytes]) -> bytes:
    """A request to a path of its own; notes its body under that."""
    version = random_.choice([b"1.1"] * 5 + [b"1.0"])
    path = b"/%d" % len(bodies)
    lines = [b"%b %b?q HTTP/%b" % (method.encode(), path, version), b"Host: a"]
    lines += random_.sample(FIELDS, random_.randint(0, 3))
    content = bodies[path] = b""
    if method in ("POST", "PUT"):
        data = bodies[path] = random_.randbytes(random_.choice([0, 1, 10, 1000, 100_000]))
        if version == b"1.1" and random_.random() < 0.5:
            lines.append(b"Transfer-Encoding: chunked")
            content = chunked(random_, data)
        else:
            lines.append(b"Content-Length: %d" % len(data))
            content = data
    return b"\r\n".join(lines) + b"\r\n\r\n" + content


def mutated(random_: random.Random, data: bytes) -> bytes:
    """data with one to three bytes, lines or pieces changed; mostly in its first 200 bytes, where the decisions are."""
    buffer = bytearray(data)
    for _ in range(random_.randint(1, 3)):
        place = random_.randrange(min(len(buffer), 200) + 1)
        kind = random_.randrange(6)
        if kind == 0:
            buffer[place:place] = random_.choice(PIECES)
        elif kind == 1:
            del buffer[place : place + random_.randint(1, 20)]
        elif kind == 2 and place < len(buffer):
            buffer[place] = random_.randrange(256)
        elif kind == 3:
            buffer[place:place] = random_.randbytes(random_.randint(1, 30))
        elif kind == 4:
            line_end = bytes(buffer).find(b"\r\n")
            buffer[line_end:line_end] = b"\r\n" + random_.choice(BROKEN_FIELDS)
        else:
            buffer[place:place] = buffer[: random_.randrange(len(buffer) + 1)]
    return bytes(buffer)


def pieces(random_: random.Random, data: bytes) -> list[bytes]:
    """data, split at random."""
    style = random_.randrange(4)
    if style == 0 or not data:
        return [data]
    if style == 1 and len(data) < 400:
        return [data[index : index + 1] for index in range(len(data))]
    cuts = sorted(random_.randrange(len(data) + 1) for _ in range(random_.randint(1, 12)))
    return [data[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]


class Failure(Exception):
    """What the applications raise."""


def random_application(random_: random.Random, failures: list[bool], received: dict[bytes, bytes]) -> App:
    """An application that decides anew at each call how it behaves.

    It notes in `failures` when it misbehaves, and in `received` the bodies it was given, by path.
    """

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["raw_path"]
        received[path] = b""

        async def receive_and_note() -> Event:
            event = await receive()
            received[path] += event.get("body", b"")
            return event

        plan = [random_.choice(ACTIONS) for _ in range(random_.randint(0, 4))]
        try:
            for action in plan:
                await action(random_, receive_and_note, send)
            if random_.random() < 0.8:
                await answer(random_, path, send)
                if random_.random() < 0.2:
                    await receive_and_note()
        except OSError:
            raise
        except Exception:
            failures.append(True)
            raise

    return app


async def read_one(random_: random.Random, receive: Receive, send: Send) -> None:
    await receive()


async def read_all(random_: random.Random, receive: Receive, send: Send) -> None:
    for _ in range(1000):
        event = await receive()
        if event["type"] != "http.request" or not event["more_body"]:
            break


async def wait(random_: random.Random, receive: Receive, send: Send) -> None:
    await asyncio.sleep(random_.choice([0, 0, 0.5]))


async def abandon_a_read(random_: random.Random, receive: Receive, send: Send) -> None:
    task = asyncio.ensure_future(receive())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def misuse(random_: random.Random, receive: Receive, send: Send) -> None:
    events: list[Any] = [
        {"type": "made.up"}, {}, None, start("x"), start(200, [(b"x y", b"1")]), start(200, [("s", "t")]),  # type: ignore[arg-type]
        body("text"), body(b"early", True), {"type": "http.response.trailers"},  # type: ignore[arg-type]
    ]  # fmt: skip
    try:
        await send(random_.choice(events))
    except OSError:
        raise
    except Exception:
        if random_.random() < 0.3:
            raise


async def hint(random_: random.Random, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.early_hint", "links": [b"</a>"]})


async def fail(random_: random.Random, receive: Receive, send: Send) -> None:
    if random_.random() < 0.3:
        raise Failure


async def answer(random_: random.Random, path: bytes, send: Send) -> None:
    data = random_.randbytes(random_.choice([0, 1, 100, 5000, 300_000]))
    status = random_.choice([200, 200, 200, 204, 304, 404, 500])
    length = len(data) + random_.choice([0, 0, 0, 0, 0, 0, 0, 1, -1])
    fields = [(b"x-path", path)]
    if random_.random() < 0.6:
        fields.append((b"content-length", b"%d" % max(length, 0)))
    if random_.random() < 0.1:
        fields.append((b"connection", b"close"))
    trailers = random_.random() < 0.2
    await send(start(status, fields, trailers=trailers))
    for part in pieces(random_, data) if len(data) > 400 else [data]:
        await send(body(part, True))
        if random_.random() < 0.2:
            await asyncio.sleep(0)
        if random_.random() < 0.03:
            raise Failure
    if random_.random() < 0.95:
        await send(body())
        if trailers:
            await send({"type": "http.response.trailers", "headers": [(b"x-t", b"1")]})


ACTIONS = [read_one, read_all, read_all, wait, abandon_a_read, misuse, hint, fail]


def converse(random_: random.Random, client: Http1Client, data: bytes) -> None:
    """Sends data in pieces, with pauses, a client that stops reading, time that passes, and some kind of end."""
    transport = client.transport
    patience = 4  # seconds that pass in all: less than any deadline, so that whole requests are answered as such
    for piece in pieces(random_, data):
        if transport.closed:
            break
        transport.deliver(piece)
        event = random_.randrange(12)
        if event == 0:
            transport.stop_client()
        elif event == 1:
            transport.resume_client(random_.choice([1, 1000, None]))
        elif event == 2:
            client.driver.settle()
        elif event == 3 and patience:
            patience -= 1
            client.served.tick(1)
    client.driver.settle()
    end = random_.randrange(4)
    if end == 0 and not transport.closed:
        client.vanish(random_.choice([None, ConnectionResetError()]))
    elif end == 1 and not transport.closed:
        transport.resume_client()
        client.finish()


def finish(client: Http1Client) -> None:
    """The client reads everything and waits for a deadline to close the connection; the last resort is to leave.

    Only an application that still runs (it waits for a disconnect, say) keeps a connection open beyond the deadlines.
    """
    transport = client.transport
    context = client.served.context
    if not transport.closed:
        transport.resume_client()
    for _ in range(40):
        client.driver.settle()
        if transport.closed and not context.active_requests:
            return
        client.served.tick(1)
    assert context.active_requests == 1, "the connection is open, and nobody knows why"
    if not transport.closed:
        client.vanish()
    client.served.tick(3)
    assert context.active_requests == 0, "the application was not told that its client left"


def assert_well_formed(client: Http1Client, methods: list[str], paths: list[bytes], whole: bool) -> None:
    """What was written is a sequence of answers, each to the request in its place; only the last may be cut."""
    received = client.received
    if whole:
        try:
            answers = read_answers(received, methods, ended=True)
        except h11.RemoteProtocolError as error:
            raise AssertionError(f"{error}: {received[-300:]!r}") from error
        assert all(answer.complete for answer in answers[:-1])
        for answer, path in zip(answers, paths, strict=False):
            assert answer.header(b"x-path") in (path, None)
    else:
        assert received[:9] == b"HTTP/1.1 "[: len(received)]


@pytest.mark.parametrize("seed", range(SEEDS))
def test_any_client_with_any_application(serve: Serve, driver: Driver, seed: int) -> None:
    """F1: valid and mutated requests, any split, any application."""
    random_ = random.Random(seed)
    failures: list[bool] = []
    settings: dict[str, Any] = {"body_timeout": 20.0, "write_timeout": 20.0, "app_disconnect_grace": 1.0}
    if seed % 4 == 0:
        settings |= {"max_request_body_size": 500, "max_concurrent_requests": 2, "keep_alive_max_requests": 3}
    bodies: dict[bytes, bytes] = {}
    received: dict[bytes, bytes] = {}
    served = serve(random_application(random_, failures, received), **settings)
    for _ in range(CASES):
        client = served.connect()
        methods = [random_.choice(METHODS) for _ in range(random_.randint(1, 5))]
        first = len(bodies)
        requests = [valid_request(random_, method, bodies) for method in methods]
        whole = random_.random() < 0.6
        if not whole:
            victim = random_.randrange(len(requests))
            requests[victim] = mutated(random_, requests[victim])
        converse(random_, client, b"".join(requests))
        finish(client)
        paths = list(bodies)[first:]
        assert_well_formed(client, methods, paths, whole)
        if whole:
            assert all(bodies[path].startswith(received.get(path, b"")) for path in paths)
    raised = [record.exc_info[1] for record in served.take_errors() if record.exc_info]
    assert len(raised) == len(failures)
    assert {type(error) for error in raised} <= {Failure, MessageError}
    assert not served.context.connections
    assert served.context.active_requests == 0


@pytest.mark.parametrize("seed", range(10))
def test_any_bytes(serve: Serve, driver: Driver, seed: int) -> None:
    """F1: noise gets 400 or another refusal, or a close; nothing is logged as an error."""
    random_ = random.Random(1000 + seed)
    calls: list[Scope] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        calls.append(scope)
        await send(start(200, [(b"content-length", b"0")]))
        await send(body())

    served = serve(app)
    for _ in range(100):
        alphabet = random_.choice([bytes(range(256)), b"GET /HTP1.\r\n: ah", b"0123456789abcdef\r\n;", b"\r\n"])
        data = bytes(random_.choices(alphabet, k=random_.randint(1, 200)))
        if random_.random() < 0.5:
            data = random_.choice([b"GET / HTTP/1.1\r\n", b"POST / HTTP/1.1\r\nHost: a\r\n"]) + data
        client = served.connect()
        for piece in pieces(random_, data):
            if not client.closed:
                client.transport.deliver(piece)
        finish(client)
        received = client.received
        assert received[:9] == b"HTTP/1.1 "[: len(received)]
        assert b" 500 " not in received.partition(b"\r\n")[0]


def test_every_cut_of_a_conversation(serve: Serve) -> None:
    """F1: a client that is lost after each byte, and one that closes its half there."""
    data = (
        b"POST /a HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3;e\r\nabc\r\n0\r\nt: 1\r\n\r\n"
        b"GET /b HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\nxy"
    )

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await read_all(random.Random(0), receive, send)
        await send(start())
        await send(body(b"one", True))
        await asyncio.sleep(0)
        await send(body(b"two"))

    served = serve(app)
    for cut in range(len(data) + 1):
        lost, finished = served.connect(), served.connect()
        for client in (lost, finished):
            client.send(data[:cut])
        lost.vanish()
        finished.finish()
        finish(finished)
        assert served.context.active_requests == 0
    assert [record for record in served.take_errors() if record.exc_info] == []
