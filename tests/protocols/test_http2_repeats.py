# SPDX-License-Identifier: MIT
"""Requests and responses that repeat earlier ones of their connection: what is kept of them shows nowhere.

An engine may know the header block of a request again, a worker the head of a response, an engine the list that leaves
for it. Whatever comes between them (other heads, tables that change, applications that write into what they were
given), each exchange is as if it were the first.
"""

from __future__ import annotations

import copy
import random
import time
from typing import Any

import pytest
from hyperframe.frame import RstStreamFrame, SettingsFrame

from tests.applications import Recorder, path_echo
from tests.exchanges import Headers, Receive, Scope, Send
from tests.http2_client import Http2Client
from tests.http2_frames import REQUEST, FrameClient
from tests.serving import Serve

HEADER_TABLE_SIZE = 1
CANCEL = 8


class Answering:
    """Answers with the heads and bodies of a list, one after the other; its header lists are made anew each time."""

    def __init__(self, *answers: tuple[int, Headers, bytes]) -> None:
        self.answers = list(answers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        status, headers, body = self.answers.pop(0)
        # Tuples and bytes of their own, as a framework makes them.
        own: Any = [(bytes(bytearray(name)), bytes(bytearray(value))) for name, value in headers]
        await send({"type": "http.response.start", "status": status, "headers": own})
        own.append((b"x-late", b"after the head was taken"))
        await send({"type": "http.response.body", "body": body})


def test_each_request_has_a_scope_of_its_own(serve: Serve) -> None:
    """C13, H2: also the tenth of the same bytes, where the applications change theirs."""
    scopes: list[Scope] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scopes.append({name: copy.copy(value) for name, value in scope.items()})
        scope["path"] = "/changed"
        scope["headers"].append((b"x-changed", b"1"))
        for name in ("asgi", "extensions", "state"):
            scope[name]["changed"] = True
        await path_echo(scope, receive, send)

    client = FrameClient(serve(app))
    for number in range(10):
        client.send(client.headers(1 + 2 * number))
    assert all(scope == scopes[0] for scope in scopes)
    assert len(scopes) == 10
    assert (scopes[0]["path"], scopes[0]["headers"]) == ("/", [(b"host", b"testserver")])
    assert (scopes[0]["client"], scopes[0]["server"]) == (("127.0.0.1", 50000), ("127.0.0.1", 8000))
    assert "changed" not in {**scopes[0]["asgi"], **scopes[0]["extensions"], **scopes[0]["state"]}


@pytest.mark.parametrize("seed", range(6))
def test_requests_come_as_they_were_sent(serve: Serve, seed: int) -> None:
    """H11, H8: a few requests in any order, some indexed, some not, while the client's table changes."""
    generator = random.Random(seed)
    app = Recorder()
    client = FrameClient(serve(app))
    client.acknowledge()
    kinds: list[Headers] = [
        [*REQUEST[:3], (b":path", b"/%d" % number), *[(b"x-field-%d" % n, b"%d" % number) for n in range(number)]]
        for number in range(4)
    ]
    sent = []
    for number in range(120):
        fields = kinds[generator.choice((0, 0, 0, 1, 2, 3))]
        if generator.random() < 0.05:
            client.encoder.header_table_size = generator.choice((0, 60, 200, 4096))
        if generator.random() < 0.05:
            fields = [*fields, (b"x-once", b"%d" % number)]
        sent.append(fields)
        client.send(client.headers(1 + 2 * number, fields))
    assert [scope["raw_path"] for scope in app.scopes] == [fields[3][1] for fields in sent]
    assert [[tuple(pair) for pair in scope["headers"]][1:] for scope in app.scopes] == [fields[4:] for fields in sent]


def test_an_index_that_has_come_to_mean_another_field(serve: Serve) -> None:
    """H11: the same bytes behind an eviction are another request, or none."""
    app = Recorder()
    client = FrameClient(serve(app))
    one, other = b"\x40\x01x\x01a", b"\x40\x01x\x01b"  # into the table, literally
    block = client.block([(b":method", b"GET"), (b":scheme", b"http"), (b":path", b"/")]) + b"\x01\x01h"
    stream_id = 1
    for literal in (one, other, one):
        for suffix in (literal, b"\xbe", b"\xbe", b"\xbe"):  # 62: the youngest entry
            client.send(headers_frame(stream_id, block + suffix))
            stream_id += 2
    assert [dict(scope["headers"])[b"x"] for scope in app.scopes] == [b"a"] * 4 + [b"b"] * 4 + [b"a"] * 4


def headers_frame(stream_id: int, block: bytes) -> bytes:
    return len(block).to_bytes(3, "big") + b"\x01\x05" + stream_id.to_bytes(4, "big") + block


def test_same_bytes_after_the_entry_was_evicted_are_a_mistake(serve: Serve) -> None:
    """H11: a table that was emptied by a size update has no entry to repeat."""
    app = Recorder()
    client = FrameClient(serve(app))
    block = client.block([(b":method", b"GET"), (b":scheme", b"http"), (b":path", b"/")]) + b"\x01\x01h"
    for number, suffix in enumerate((b"\x40\x01x\x01a", b"\xbe", b"\xbe", b"\xbe")):
        client.send(headers_frame(1 + 2 * number, block + suffix))
    client.send(headers_frame(9, b"\x20\x3f\xe1\x1f" + block))
    client.send(headers_frame(11, block + b"\xbe"))
    assert len(app.scopes) == 5
    assert client.goaway is not None
    assert client.goaway.error_code == 9


@pytest.mark.parametrize("end", [False, True])
def test_end_of_the_request_is_not_repeated(serve: Serve, end: bool) -> None:
    """R1: the same fields with and without a body."""
    app = Recorder()
    client = FrameClient(serve(app))
    for number in range(6):
        ends = end if number % 2 else not end
        client.send(client.headers(1 + 2 * number, end=ends))
        if not ends:
            client.send(client.data(1 + 2 * number, b"body", end=True))
    assert [client.status(1 + 2 * number) for number in range(6)] == [200] * 6


@pytest.mark.parametrize("seed", range(6))
def test_responses_leave_as_they_were_sent(serve: Serve, seed: int) -> None:
    """R2, P11: a few heads in any order, while the client's table and the date change."""
    generator = random.Random(seed)
    heads: list[Headers] = [
        [],
        [(b"content-type", b"text/plain"), (b"X-Upper", b" spaces ")],
        [(b"content-type", b"text/html"), (b"content-length", b"5")],
        [(b"date", b"Tue, 15 Nov 1994 08:12:31 GMT"), (b"server", b"own")],
        [(b"set-cookie", b"a=1"), (b"set-cookie", b"b=2"), (b"connection", b"close")],
        [(b"x-%d" % number, b"v" * number) for number in range(20)],
        [(b"x-long", b"v" * 1100)],
    ]
    answers = []
    for number in range(150):
        headers = generator.choice(heads)
        if generator.random() < 0.1:
            headers = [*headers, (b"x-id", b"%032d" % number)]
        body = b"12345" if (b"content-length", b"5") in headers else b"x" * generator.randint(0, 3)
        answers.append((generator.choice((200, 200, 404)), headers, body))
    client = Http2Client(serve(Answering(*answers)))
    for status, headers, body in answers:
        if generator.random() < 0.05:
            client.h2.update_settings({HEADER_TABLE_SIZE: generator.choice((0, 100, 4096))})
            client.flush()
        if generator.random() < 0.05:
            client.served.context.tick()
        answer = client.request().answer
        expected = [(name.lower(), value.strip()) for name, value in headers if name != b"connection"]
        if (b"content-length", b"5") not in headers:
            expected.append((b"content-length", b"%d" % len(body)))
        own = [name for name, _ in headers]
        assert (answer.status, answer.body) == (status, body)
        assert [pair for pair in answer.headers if pair[0] in own or pair[0] not in (b"date", b"server")] == expected
        assert sum(name == b"date" for name, _ in answer.headers) == 1


def test_a_size_update_goes_before_a_repeated_head(serve: Serve) -> None:
    """R2: RFC 7541 section 4.2: the next block begins with it, whatever is known of that block."""
    client = FrameClient(serve(Answering(*[(200, [(b"x", b"y")], b"")] * 8)))
    client.acknowledge()
    for number in range(5):
        client.send(client.headers(1 + 2 * number))
    assert client.status(9) == 200  # so much is decoded
    client.send(SettingsFrame(0, settings={HEADER_TABLE_SIZE: 0}))
    client.decoder.max_allowed_table_size = 0
    for number in range(5, 8):
        client.send(client.headers(1 + 2 * number))
    assert [client.status(1 + 2 * number) for number in range(8)] == [200] * 8
    assert [(b"x", b"y") in client.heads[1 + 2 * number][0] for number in range(8)] == [True] * 8
    assert client.decoder.header_table_size == 0


def test_a_head_changes_with_the_second(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """R2: what was kept has the date of its second."""
    client = FrameClient(serve(Answering(*[(200, [], b"")] * 6)))
    sent = []
    for number in range(6):
        client.send(client.headers(1 + 2 * number))
        sent.append(client.served.context.date)
        if number == 3:
            monkeypatch.setattr(time, "time", lambda: 784887151.0)
            client.served.context.tick()
    assert [client.status(1 + 2 * number) for number in range(6)] == [200] * 6
    assert [dict(client.heads[1 + 2 * number][0])[b"date"] for number in range(6)] == sent
    assert sent[4:] == [b"Tue, 15 Nov 1994 08:12:31 GMT"] * 2


def test_resets_behind_many_requests_of_one_read(serve: Serve) -> None:
    """N6: no application is called for a request whose reset came with it, however many came before."""
    app = Recorder()
    client = FrameClient(serve(app))
    frames = [client.headers(1 + 2 * number) for number in range(40)]
    client.send(*frames, *[RstStreamFrame(1 + 2 * number, error_code=CANCEL) for number in range(40)])
    assert app.scopes == []
    client.send(*(client.headers(81 + 2 * number) for number in range(40)))
    assert len(app.scopes) == 40
