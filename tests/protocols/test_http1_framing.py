# SPDX-License-Identifier: MIT
"""How answers are put on an HTTP/1 wire: writes, chunks, lengths, close-delimited bodies, 100-continue."""

from __future__ import annotations

import asyncio

import pytest

from tests.applications import Recorder, answering, body, echo, read_body, sending, start
from tests.exchanges import Receive, Scope, Send
from tests.serving import Serve

GET = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"
GET10 = b"GET / HTTP/1.0\r\n\r\n"


def test_head_and_first_body_leave_in_one_write(serve: Serve) -> None:
    """P1: with a length."""
    client = serve(answering(b"hello")).connect()
    client.send(GET)
    assert len(client.transport.writes) == 1
    assert client.answers[0].body == b"hello"


def test_head_and_chunked_body_leave_in_one_write(serve: Serve) -> None:
    """P1: without a length, the last chunk included."""
    client = serve(sending(start(), body(b"hello", True), body())).connect()
    client.send(GET)
    assert len(client.transport.writes) == 1
    assert client.received.endswith(b"\r\n\r\n5\r\nhello\r\n0\r\n\r\n")


def test_body_in_one_message_is_given_its_length(serve: Serve) -> None:
    """P1, P5: the end is known with the beginning, so nothing is chunked and HTTP/1.0 may keep the connection."""
    for request in (GET, b"GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n"):
        client = serve(sending(start(), body(b"hello"))).connect()
        client.send(request)
        answer = client.answers[0]
        assert (answer.header(b"content-length"), answer.header(b"transfer-encoding")) == (b"5", None)
        assert not client.ended


def test_messages_of_one_step_leave_in_one_write(serve: Serve) -> None:
    """P1: small pieces sent without waiting between them."""
    client = serve(sending(start(), body(b"a", True), body(b"b", True), body(b"c"))).connect()
    client.send(GET)
    assert len(client.transport.writes) == 1
    assert client.answers[0].body == b"abc"


def test_piece_that_is_sent_leaves_while_the_application_waits(serve: Serve) -> None:
    """P1: nothing is held back for a later write."""
    gate = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start())
        await send(body(b"event", True))
        await gate.wait()
        await send(body(b"next", True))

    client = serve(app).connect()
    client.send(GET)
    assert client.received.endswith(b"5\r\nevent\r\n")
    client.vanish()
    gate.set()
    client.driver.settle()


def test_answer_without_length_is_chunked(serve: Serve) -> None:
    """P5: HTTP/1.1."""
    client = serve(sending(start(), body(b"one", True), body(b"two"))).connect()
    client.send(GET)
    answer = client.answers[0]
    assert answer.header(b"transfer-encoding") == b"chunked"
    assert answer.header(b"content-length") is None
    assert not client.closed


def test_chunked_answer_without_a_byte_ends_with_its_last_chunk(serve: Serve) -> None:
    """P5: no empty chunk in between."""
    client = serve(sending(start(), body(b"", True), body())).connect()
    client.send(GET)
    assert client.answers[0].complete
    assert client.received.count(b"0\r\n\r\n") <= 1


def test_answer_without_length_ends_with_the_connection_in_http10(serve: Serve) -> None:
    """P5: no chunks for HTTP/1.0, also when it asked to keep the connection."""
    for request in (GET10, b"GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n"):
        client = serve(sending(start(), body(b"one", True), body(b"two"))).connect()
        client.send(request)
        answer = client.answers[0]
        assert client.ended
        assert answer.header(b"transfer-encoding") is None
        assert (answer.body, answer.complete) == (b"onetwo", True)
        assert client.received.endswith(b"\r\n\r\nonetwo")


def test_failed_answer_without_length_is_reset_in_http10(serve: Serve) -> None:
    """P9: the end of the connection would look like the end of the body, so the connection is aborted."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start())
        await send(body(b"part", True))
        raise ValueError

    served = serve(app)
    client = served.connect()
    client.send(GET10)
    assert client.transport.aborted
    served.take_errors()


def test_version_of_the_answer_is_11(serve: Serve) -> None:
    """P5: RFC 9112 2.3: the server's own version, also to an HTTP/1.0 client."""
    for request in (GET, GET10):
        client = serve(answering(b"x")).connect()
        client.send(request)
        assert client.received.startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize(
    ("status", "line"),
    [(200, b"200 OK"), (404, b"404 Not Found"), (418, b"418 "), (299, b"299 "), (999, b"999 ")],
)
def test_status_line_is_well_formed(serve: Serve, status: int, line: bytes) -> None:
    """P5: the space before the phrase is there also without one (RFC 9112 4)."""
    client = serve(answering(b"", status)).connect()
    client.send(GET)
    assert client.received.startswith(b"HTTP/1.1 " + line)
    assert client.received.split(b"\r\n")[0].count(b" ") >= 2


def test_names_are_lower_case_and_fields_well_formed(serve: Serve) -> None:
    """P11: an application's capitals are not passed on."""
    client = serve(answering(b"", 200, [(b"X-Upper", b"Value")])).connect()
    client.send(GET)
    assert b"\r\nx-upper: Value\r\n" in client.received


def test_empty_body_of_an_error_has_a_length(serve: Serve) -> None:
    """P5: every final answer tells its end."""
    client = serve(sending(start(404), body())).connect()
    client.send(GET)
    assert client.answers[0].complete
    assert not client.closed


# Keeping the connection.


def test_http11_is_kept(serve: Serve) -> None:
    """P6: without a word."""
    client = serve(answering(b"x")).connect()
    client.send(GET)
    client.send(GET)
    assert len(client.answers) == 2
    assert client.answers[0].header(b"connection") is None
    assert not client.closed


@pytest.mark.parametrize("value", [b"close", b"Close", b"foo, close", b"keep-alive, close"])
def test_close_of_the_client_is_honoured(serve: Serve, value: bytes) -> None:
    """P6: and announced."""
    client = serve(answering(b"x")).connect()
    client.send(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: " + value + b"\r\n\r\n" + GET)
    assert client.ended
    assert len(client.answers) == 1
    assert client.answers[0].header(b"connection") == b"close"


def test_close_of_the_application_is_honoured(serve: Serve) -> None:
    """P6: once in the head, and done."""
    client = serve(answering(b"x", 200, [(b"Connection", b"close")])).connect()
    client.send(GET)
    assert client.ended
    assert client.answers[0].header(b"connection") == b"close"


def test_http10_is_closed(serve: Serve) -> None:
    """P6: unless asked."""
    client = serve(answering(b"x")).connect()
    client.send(GET10)
    assert client.ended
    assert client.answers[0].body == b"x"


def test_http10_is_kept_when_asked(serve: Serve) -> None:
    """P6: the answer has to say so."""
    client = serve(answering(b"x")).connect()
    for _ in range(2):
        client.send(b"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n")
    assert not client.closed
    assert [answer.header(b"connection") for answer in client.answers] == [b"keep-alive"] * 2


def test_no_keep_alive_when_the_timeout_is_zero(serve: Serve) -> None:
    """P6, D2: each connection serves one request."""
    client = serve(answering(b"x"), keep_alive_timeout=0.0).connect()
    client.send(GET)
    assert client.ended
    assert client.answers[0].header(b"connection") == b"close"


# 100-continue.

EXPECT = b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\nexpect: 100-continue\r\n\r\n"


def test_continue_is_sent_when_the_application_reads(serve: Serve) -> None:
    """P3: before the body comes."""
    client = serve(echo).connect()
    client.send(EXPECT)
    assert client.received == b"HTTP/1.1 100 Continue\r\n\r\n"
    client.send(b"hello")
    answer = client.answers[0]
    assert [status for status, _ in answer.interim] == [100]
    assert (answer.status, answer.body) == (200, b"hello")


def test_continue_is_not_sent_before_the_application_reads(serve: Serve) -> None:
    """P3: it may refuse first."""
    gate = asyncio.Event()
    client = serve(Recorder(gate=gate, reads=False)).connect()
    client.send(EXPECT)
    assert client.received == b""
    gate.set()
    client.driver.settle()
    assert client.answers[0].interim == []
    assert client.answers[0].status == 200


def test_continue_is_sent_once(serve: Serve) -> None:
    """P3: however often the application reads."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        first = asyncio.ensure_future(receive())
        await asyncio.sleep(0)
        first.cancel()
        data = await read_body(receive)
        await answering(data)(scope, receive, send)

    client = serve(app).connect()
    client.send(EXPECT)
    client.send(b"he")
    client.send(b"llo")
    assert client.received.count(b"100 Continue") == 1
    assert client.answers[0].body == b"hello"


def test_continue_is_not_sent_when_the_body_is_there(serve: Serve) -> None:
    """P3: RFC 9110 10.1.1 lets it be left out."""
    client = serve(echo).connect()
    client.send(EXPECT + b"hello")
    assert client.answers[0].interim == []
    assert client.answers[0].body == b"hello"


def test_continue_is_not_sent_to_http10(serve: Serve) -> None:
    """P3: RFC 9110 10.1.1."""
    client = serve(echo).connect()
    client.send(b"POST / HTTP/1.0\r\ncontent-length: 5\r\nexpect: 100-continue\r\n\r\n")
    assert client.received == b""
    client.send(b"hello")
    assert client.answers[0].body == b"hello"


def test_continue_is_not_sent_after_the_answer_began(serve: Serve) -> None:
    """P3: an interim answer inside an answer would break it."""
    gate = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start(200, [(b"content-length", b"7")]))
        await send(body(b"ab", True))
        await gate.wait()
        data = await read_body(receive)
        await send(body(data))

    client = serve(app).connect()
    client.send(EXPECT)
    gate.set()
    client.driver.settle()
    client.send(b"hello")
    assert b"100 Continue" not in client.received
    assert client.answers[0].body == b"abhello"


def test_refusal_instead_of_continue_leaves_no_ambiguity(serve: Serve) -> None:
    """P3: the client may or may not send the body it announced; it is never taken for a request."""
    app = Recorder(b"no", reads=False)
    client = serve(app).connect()
    client.send(EXPECT)
    assert client.answers[0].body == b"no"
    if not client.ended:
        client.send(b"GET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n")
        assert [scope["path"] for scope in app.scopes] == ["/"]
    else:
        assert client.answers[0].header(b"connection") == b"close"


# Request bodies and the request after them.


@pytest.mark.parametrize("pieces", [1, 3, 1000])
def test_request_after_a_body_is_found(serve: Serve, pieces: int) -> None:
    """P2: with a length, in chunks with extensions and trailers, split anywhere."""
    data = (
        b"POST /a HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nhello"
        b"POST /b HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n"
        b'3;name="a;b"\r\nabc\r\n00A\r\n0123456789\r\n0;last\r\nx-trailer: 1\r\n\r\n'
        b"POST /c HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n"
        b"GET /d HTTP/1.1\r\nhost: a\r\n\r\n"
    )
    app = Recorder()
    client = serve(app).connect()
    size = max(1, len(data) // pieces)
    for index in range(0, len(data), size):
        client.send(data[index : index + size])
    assert [scope["path"] for scope in app.scopes] == ["/a", "/b", "/c", "/d"]
    assert app.body == b"helloabc0123456789"
    assert [answer.status for answer in client.answers] == [200] * 4


def test_unread_body_is_skipped(serve: Serve) -> None:
    """P2: it never becomes a request."""
    app = Recorder(b"x", reads=False)
    client = serve(app).connect()
    client.send(b"POST /a HTTP/1.1\r\nhost: a\r\ncontent-length: 26\r\n\r\nGET /no HTTP/1.1\r\nhost: a\r\n")
    if not client.ended:
        client.send(b"GET /b HTTP/1.1\r\nhost: a\r\n\r\n")
    paths = [scope["path"] for scope in app.scopes]
    assert paths == (["/a"] if client.ended else ["/a", "/b"])


def test_unread_rest_of_a_body_is_skipped(serve: Serve) -> None:
    """P2: also what comes after the answer."""
    app = Recorder(b"x", reads=False)
    client = serve(app).connect()
    client.send(b"POST /a HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n")
    assert client.answers[0].complete
    if not client.ended:
        client.send(b"5\r\nworld\r\n0\r\n\r\nGET /b HTTP/1.1\r\nhost: a\r\n\r\n")
        assert [scope["path"] for scope in app.scopes] == ["/a", "/b"]
        assert len(client.answers) == 2


def test_broken_chunk_ends_the_request(serve: Serve) -> None:
    """P2: 400 when nothing was answered yet, and the application learns that the body is not whole."""
    app = Recorder()
    client = serve(app).connect()
    client.send(b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n")
    client.send(b"zz\r\n")
    assert app.events[-1]["type"] == "http.disconnect"
    assert client.ended
    assert client.answers[0].status == 400


def test_upgrade_that_is_not_supported_is_ignored(serve: Serve) -> None:
    """P2: RFC 9110 7.8; in particular h2c, which proxies forward by mistake."""
    app = Recorder()
    client = serve(app).connect()
    client.send(
        b"GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade, http2-settings\r\n"
        b"upgrade: h2c\r\nhttp2-settings: AAA\r\n\r\n"
    )
    assert client.answers[0].status == 200
    assert app.scope["type"] == "http"


def test_absolute_form_overrides_host(serve: Serve) -> None:
    """H11, P2: RFC 9112 3.2.2."""
    app = Recorder()
    client = serve(app).connect()
    client.send(b"GET http://other.example:81/p%20q?x HTTP/1.1\r\nhost: a\r\n\r\n")
    scope = app.scope
    assert (scope["path"], scope["raw_path"], scope["query_string"]) == ("/p q", b"/p%20q", b"x")
    assert [tuple(pair) for pair in scope["headers"]] == [(b"host", b"other.example:81")]


def test_absolute_form_without_a_path_is_the_root(serve: Serve) -> None:
    """H7, P2: RFC 9112 3.2.2."""
    app = Recorder()
    serve(app).connect().send(b"GET http://other.example?x HTTP/1.1\r\nhost: a\r\n\r\n")
    assert (app.scope["path"], app.scope["raw_path"], app.scope["query_string"]) == ("/", b"/", b"x")


def test_asterisk_form(serve: Serve) -> None:
    """H7, P2: OPTIONS *."""
    app = Recorder()
    serve(app).connect().send(b"OPTIONS * HTTP/1.1\r\nhost: a\r\n\r\n")
    assert (app.scope["path"], app.scope["raw_path"]) == ("*", b"*")


def test_http10_without_host(serve: Serve) -> None:
    """H4, H11: its version, and no host invented."""
    app = Recorder()
    serve(app).connect().send(GET10)
    assert app.scope["http_version"] == "1.0"
    assert list(app.scope["headers"]) == []


@pytest.mark.parametrize("gone", [b"GET", GET[:-2], b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nhel"])
def test_every_byte_may_come_alone(serve: Serve, gone: bytes) -> None:
    """P2: and a client that leaves in the middle leaves nothing behind."""
    app = Recorder()
    client = serve(app).connect()
    for byte in GET + gone:
        client.send(bytes([byte]))
    assert client.answers[0].status == 200
    client.vanish()
    assert not client.served.context.connections
