# SPDX-License-Identifier: MIT
"""What send() makes of response messages: heads, bodies, and the checks that tell an application its mistakes."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.applications import answering, body, path_echo, sending, start
from tests.exchanges import Answer, Event, Receive, Scope, Send
from tests.serving import Serve

APPLICATION_ERRORS = (RuntimeError, TypeError, ValueError, KeyError)


def raised_by(serve: Serve, *events: Event, method: str = "GET") -> tuple[BaseException | None, Answer]:
    """Sends the events; returns what the last send() raised, and what the client got.

    The application lets the error go, so it is also logged, once.
    """
    raised: list[BaseException] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        for event in events[:-1]:
            await send(event)
        try:
            await send(events[-1])
        except BaseException as error:
            raised.append(error)
            raise

    served = serve(app)
    exchange = served.request(method)
    assert [record.exc_info is not None for record in served.take_errors()] == [True] * len(raised)
    return (raised[0] if raised else None), exchange.answer


def assert_refused(serve: Serve, *events: Event, naming: str = "") -> None:
    """The last event is refused: an error to the application; 500 to the client, or no answer once one was started."""
    error, answer = raised_by(serve, *events)
    assert isinstance(error, APPLICATION_ERRORS), error
    assert not isinstance(error, OSError)
    assert naming in str(error)
    assert str(error)
    if len(events) == 1:
        assert answer.status == 500
    else:
        assert (answer.status, answer.truncated) == (0, True)


def test_status_headers_and_body_arrive(serve: Serve) -> None:
    """R2, R3: headers keep their order and duplicates."""
    fields = [(b"x-b", b"1"), (b"set-cookie", b"a=1"), (b"x-a", b"2"), (b"set-cookie", b"b=2")]
    answer = serve(answering(b"hello", 201, fields)).request().answer
    assert (answer.status, answer.body, answer.complete) == (201, b"hello", True)
    assert [pair for pair in answer.headers if pair in fields] == fields


@pytest.mark.parametrize("status", [200, 201, 202, 206, 299, 301, 302, 400, 404, 418, 451, 499, 500, 503, 599, 999])
def test_every_status_is_passed_on(serve: Serve, status: int) -> None:
    """R2: known or not."""
    answer = serve(answering(b"x", status)).request().answer
    assert (answer.status, answer.body) == (status, b"x")


def test_headers_default_to_none(serve: Serve) -> None:
    """R2: `headers` may be left out; so may `body` and `more_body`."""
    app = sending({"type": "http.response.start", "status": 200}, {"type": "http.response.body"})
    answer = serve(app).request().answer
    assert (answer.status, answer.body, answer.complete) == (200, b"", True)


@pytest.mark.parametrize(
    "headers",
    [
        [[b"x-a", b"1"], [b"x-b", b"2"]],
        ((b"x-a", b"1"), (b"x-b", b"2")),
        ([b"x-a", b"1"], (b"x-b", b"2")),
    ],
)
def test_headers_may_be_lists_or_tuples(serve: Serve, headers: Any) -> None:
    """R2: an iterable of pairs."""
    app = sending({"type": "http.response.start", "status": 200, "headers": headers}, body())
    answer = serve(app).request().answer
    assert (answer.header(b"x-a"), answer.header(b"x-b")) == (b"1", b"2")


def test_headers_may_be_a_generator(serve: Serve) -> None:
    """R2: any iterable, also one that can be read only once."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": ((b"x-%d" % n, b"v") for n in range(3))})
        await send(body(b"ok"))

    answer = serve(app).request().answer
    assert [name for name, _ in answer.headers if name.startswith(b"x-")] == [b"x-0", b"x-1", b"x-2"]


def test_header_values_with_odd_bytes_are_passed_on(serve: Serve) -> None:
    """R2: obs-text, tabs and empty values are legal."""
    fields = [(b"x-latin", b"\xe9"), (b"x-tab", b"a\tb"), (b"x-empty", b"")]
    answer = serve(answering(b"", 200, fields)).request().answer
    assert [pair for pair in answer.headers if pair in fields] == fields


def test_many_and_long_headers_are_passed_on(serve: Serve) -> None:
    """R2: no hidden limit on what an application sends."""
    fields = [(b"x-%d" % n, b"v" * 100) for n in range(300)]
    answer = serve(answering(b"x", 200, fields)).request().answer
    assert [pair for pair in answer.headers if pair in fields] == fields


def test_head_may_wait_for_the_first_body_but_no_longer(serve: Serve) -> None:
    """R2: delaying the head is allowed; the first body message brings it."""
    gate = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start(200, [(b"x-early", b"1")]))
        await send(body(b"first", True))
        await gate.wait()
        await send(body(b"second"))

    exchange = serve(app).request()
    assert (exchange.answer.status, exchange.answer.body, exchange.answer.complete) == (200, b"first", False)
    gate.set()
    exchange.driver.settle()
    assert (exchange.answer.body, exchange.answer.complete) == (b"firstsecond", True)


def test_empty_body_messages_send_nothing_but_the_head(serve: Serve) -> None:
    """R3: an empty message does not end the answer (a zero chunk would)."""
    app = sending(start(), body(b"", True), body(b"a", True), body(b"", True), body(b"b", True), body())
    answer = serve(app).request().answer
    assert (answer.body, answer.complete) == (b"ab", True)


def test_messages_after_the_end_are_ignored(serve: Serve) -> None:
    """R3, C8: more_body False completes; what follows changes nothing and raises nothing."""
    after: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start(200, [(b"content-length", b"2")]))
        await send(body(b"ok"))
        await send(body(b"surplus"))
        after.append("sent")

    exchange = serve(app).request()
    assert after == ["sent"]
    assert (exchange.answer.body, exchange.answer.complete) == (b"ok", True)


def test_extra_keys_are_ignored(serve: Serve) -> None:
    """C6: in both messages."""
    app = sending({**start(200), "x-future": object()}, {**body(b"ok"), "x-future": [1], 7: 8})  # type: ignore[dict-item]
    assert serve(app).request().answer.body == b"ok"


def test_body_of_the_application_s_buffer_is_copied(serve: Serve) -> None:
    """R3: when send() has returned, the application may use its buffer again."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        buffer = bytearray(b"one")
        await send(start(200, [(b"content-length", b"6")]))
        await send({"type": "http.response.body", "body": bytes(buffer), "more_body": True})
        buffer[:] = b"two"
        await send({"type": "http.response.body", "body": bytes(buffer)})

    assert serve(app).request().answer.body == b"onetwo"


@pytest.mark.parametrize("kind", [bytearray, memoryview])
def test_body_of_another_bytes_type_is_taken_or_refused(serve: Serve, kind: Any) -> None:
    """C5, R3: Starlette passes memoryview on; whatever is decided, the client never gets something else."""
    error, answer = raised_by(serve, start(200), {"type": "http.response.body", "body": kind(b"bytes")})
    if error is None:
        assert (answer.status, answer.body) == (200, b"bytes")
    else:
        assert isinstance(error, APPLICATION_ERRORS)
        assert answer.truncated


# Mistakes in an event. Each is told to the application by the call that makes it.


@pytest.mark.parametrize(
    "event",
    [
        {"type": "http.response.begin"},
        {"type": "websocket.accept"},
        {"type": "http.request"},
        {"type": ""},
        {"type": b"http.response.start", "status": 200},
        {"type": None},
    ],
)
def test_unknown_type_is_refused(serve: Serve, event: Event) -> None:
    """C5."""
    assert_refused(serve, event)


@pytest.mark.parametrize("event", [{}, {"status": 200}])
def test_missing_type_is_refused(serve: Serve, event: Event) -> None:
    """C5."""
    assert_refused(serve, event, naming="type")


@pytest.mark.parametrize("event", [None, 1, "http.response.start", [("type", "http.response.start")]])
def test_event_that_is_no_dict_is_refused(serve: Serve, event: Any) -> None:
    """C5."""
    assert_refused(serve, event)


def test_missing_status_is_refused(serve: Serve) -> None:
    """C5."""
    assert_refused(serve, {"type": "http.response.start", "headers": []}, naming="status")


@pytest.mark.parametrize("status", ["200", b"200", 200.0, None, [], 0, -1, 1, 99, 1000, 10**30])
def test_bad_status_is_refused(serve: Serve, status: Any) -> None:
    """C5, R2: an int of three digits."""
    assert_refused(serve, start(status), naming="status")


@pytest.mark.parametrize("status", [100, 101, 102, 103, 199])
def test_informational_status_is_no_answer(serve: Serve, status: int) -> None:
    """R7, R2: an informational answer never ends an exchange, so it cannot be the response."""
    assert_refused(serve, start(status), naming="status")


@pytest.mark.parametrize(
    "headers",
    [
        [("x-str", b"1")],
        [(b"x-str", "1")],
        [("x-str", "1")],
        [(b"x-int", 1)],
        [(b"x-none", None)],
        [(None, b"1")],
        [b"x-no-pair"],
        [(b"x-one",)],
        [(b"x-three", b"1", b"2")],
        [1],
        [None],
        "text",
        7,
    ],
)
def test_headers_of_a_wrong_type_are_refused(serve: Serve, headers: Any) -> None:
    """C5: str is the usual mistake."""
    assert_refused(serve, {"type": "http.response.start", "status": 200, "headers": headers})


@pytest.mark.parametrize("headers", [{b"x": b"1"}, None])
def test_headers_of_a_mapping_or_none_do_not_pass_silently(serve: Serve, headers: Any) -> None:
    """C5: either refused or understood as no header, never a broken head."""
    error, answer = raised_by(serve, {"type": "http.response.start", "status": 200, "headers": headers}, body())
    assert answer.status == (200 if error is None else 500)


def test_headers_whose_iteration_fails_give_the_error_to_the_application(serve: Serve) -> None:
    """C5: the error is the application's own."""

    class Broken:
        def __iter__(self) -> Any:
            raise ZeroDivisionError("broken headers")

    error, answer = raised_by(serve, {"type": "http.response.start", "status": 200, "headers": Broken()})
    assert isinstance(error, ZeroDivisionError)
    assert answer.status == 500


@pytest.mark.parametrize("byte", [*range(0x21), *b'"(),/:;<=>?@[\\]{}', 0x7F, 0x80, 0xFF])
def test_header_name_with_a_byte_no_token_has_is_refused(serve: Serve, byte: int) -> None:
    """R2, C5: all controls, separators and non-ASCII bytes (RFC 9110 5.6.2); it also keeps pseudo-headers out."""
    assert_refused(serve, start(200, [(b"x%cy" % byte, b"1")]))


def test_empty_header_name_is_refused(serve: Serve) -> None:
    """R2, C5."""
    assert_refused(serve, start(200, [(b"", b"1")]))


@pytest.mark.parametrize("byte", b"\r\n\0")
@pytest.mark.parametrize("form", [b"a%cb", b"%ca", b"a%c"])
def test_header_value_that_would_split_the_head_is_refused(serve: Serve, byte: int, form: bytes) -> None:
    """R2, C5: CR, LF and NUL anywhere (RFC 9110 5.5)."""
    assert_refused(serve, start(200, [(b"x-ok", b"1"), (b"x-bad", form % byte)]))


@pytest.mark.parametrize("name", [b":status", b":path", b":"])
def test_pseudo_header_is_refused(serve: Serve, name: bytes) -> None:
    """R2."""
    assert_refused(serve, start(200, [(name, b"200")]))


@pytest.mark.parametrize("value", ["text", 1, [b"x"], object()])
def test_body_of_a_wrong_type_is_refused(serve: Serve, value: Any) -> None:
    """C5: str is the usual mistake; nothing has been written by then."""
    assert_refused(serve, start(200), {"type": "http.response.body", "body": value})


def test_body_before_start_is_refused(serve: Serve) -> None:
    """R4."""
    assert_refused(serve, body(b"x"), naming="http.response.start")


def test_second_start_is_refused(serve: Serve) -> None:
    """R4: before the first body message and after it."""
    assert_refused(serve, start(200), start(200), naming="http.response.start")
    error, answer = raised_by(serve, start(200), body(b"x", True), start(200))
    assert isinstance(error, APPLICATION_ERRORS)
    assert answer.truncated


def test_application_may_correct_a_refused_start(serve: Serve) -> None:
    """C5: a refused message has no effect, so the application can answer otherwise."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        with pytest.raises(APPLICATION_ERRORS):
            await send(start(200, [(b"x-kept", b"1"), (b"x bad", b"1")]))
        await send(start(500, [(b"content-length", b"5")]))
        await send(body(b"sorry"))

    answer = serve(app).request().answer
    assert (answer.status, answer.body, answer.header(b"x-kept")) == (500, b"sorry", None)


# Answers that have no body on the wire.


@pytest.mark.parametrize("length", [True, False])
def test_head_is_answered_without_body(serve: Serve, length: bool) -> None:
    """R7: the length of the answer to GET stays in the head; the exchange is complete."""
    fields = [(b"content-length", b"5")] if length else []
    exchange = serve(sending(start(200, fields), body(b"hel", True), body(b"lo"))).request("HEAD")
    assert (exchange.answer.status, exchange.answer.body, exchange.answer.complete) == (200, b"", True)
    if length:
        assert exchange.answer.header(b"content-length") == b"5"


def test_head_may_be_answered_with_a_length_and_no_body_message(serve: Serve) -> None:
    """R7, R8: a length that no byte follows is right for HEAD."""
    answer = serve(sending(start(200, [(b"content-length", b"5")]), body())).request("HEAD").answer
    assert (answer.header(b"content-length"), answer.complete) == (b"5", True)


@pytest.mark.parametrize("status", [204, 304])
@pytest.mark.parametrize("data", [b"", b"surplus"])
def test_status_without_body_is_answered_without_one(serve: Serve, status: int, data: bytes) -> None:
    """R7: no body, no chunk framing (RFC 9110 6.4.1, RFC 9112 6.3)."""
    exchange = serve(sending(start(status), body(data))).request()
    assert (exchange.answer.status, exchange.answer.body, exchange.answer.complete) == (status, b"", True)
    assert exchange.answer.header(b"transfer-encoding") is None


def test_204_carries_no_length(serve: Serve) -> None:
    """R7: RFC 9110 8.6 forbids one, also `0`."""
    answer = serve(sending(start(204, [(b"content-length", b"0")]), body())).request().answer
    assert answer.header(b"content-length") is None
    assert serve(sending(start(204), body())).request().answer.header(b"content-length") is None


def test_304_may_carry_the_length_of_the_full_answer(serve: Serve) -> None:
    """R7: RFC 9110 8.6."""
    answer = serve(sending(start(304, [(b"content-length", b"500")]), body())).request().answer
    assert (answer.header(b"content-length"), answer.complete) == (b"500", True)


def test_connection_is_used_again_after_an_answer_without_body(serve: Serve) -> None:
    """R7: the exchange counts as complete."""
    for method, status in (("HEAD", 200), ("GET", 204), ("GET", 304)):
        first = serve(sending(start(status), body(b"x"))).request(method)
        second = first.follow(method)
        assert [first.answer.status, second.answer.status] == [status, status]
        assert second.answer.complete
        assert not second.ended


# Content-Length against the body.


def test_more_body_than_the_length_is_refused(serve: Serve) -> None:
    """R8: the surplus never leaves; the application is told; the connection is not used again."""
    error, answer = raised_by(serve, start(200, [(b"content-length", b"3")]), body(b"abcd"))
    assert isinstance(error, APPLICATION_ERRORS)
    assert "ength" in str(error)
    assert answer.body in (b"", b"abc")


def test_more_body_in_a_later_message_closes_the_connection(serve: Serve) -> None:
    """R8: what was right has left already."""
    raised: list[BaseException] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start(200, [(b"content-length", b"3")]))
        await send(body(b"ab", True))
        try:
            await send(body(b"cd"))
        except Exception as error:
            raised.append(error)

    served = serve(app)
    exchange = served.request()
    assert isinstance(raised[0], APPLICATION_ERRORS)
    assert exchange.answer.body in (b"ab", b"abc")
    assert exchange.ended
    served.take_errors()


def test_less_body_than_the_length_is_visible(serve: Serve) -> None:
    """R8: the connection is aborted, so that the client sees the answer is short; the mistake is logged."""
    served = serve(sending(start(200, [(b"content-length", b"5")]), body(b"abc")))
    exchange = served.request()
    assert exchange.answer.truncated
    assert not exchange.answer.complete
    assert len(served.take_errors()) == 1


@pytest.mark.parametrize("value", [b"abc", b"-1", b"+1", b"1.0", b"", b"1 2", b"0x1", b"99999999999999999999999"])
def test_length_that_is_no_number_is_refused(serve: Serve, value: bytes) -> None:
    """R8, C5."""
    assert_refused(serve, start(200, [(b"content-length", value)]))


def test_two_differing_lengths_are_refused(serve: Serve) -> None:
    """R8, C5: what a proxy would take for two answers."""
    assert_refused(serve, start(200, [(b"content-length", b"1"), (b"content-length", b"2")]))


def test_transfer_encoding_of_the_application_is_ignored(serve: Serve) -> None:
    """R2: the server frames the answer."""
    app = sending(start(200, [(b"Transfer-Encoding", b"gzip")]), body(b"hello"))
    answer = serve(app).request().answer
    assert (answer.body, answer.complete) == (b"hello", True)
    assert answer.header(b"transfer-encoding") in (None, b"chunked")
    app = sending(start(200, [(b"transfer-encoding", b"chunked"), (b"content-length", b"5")]), body(b"hello"))
    answer = serve(app).request().answer
    assert (answer.body, answer.header(b"transfer-encoding"), answer.complete) == (b"hello", None, True)


# Headers of the server.


def test_date_and_server_are_added(serve: Serve) -> None:
    """R2: RFC 9110 6.6.1; both can be switched off."""
    answer = serve(answering()).request().answer
    assert answer.header(b"server") == b"fastcorn"
    date = answer.header(b"date")
    assert date is not None
    assert date.endswith(b" GMT")
    answer = serve(answering(), include_date_header=False, include_server_header=False).request().answer
    assert (answer.header(b"server"), answer.header(b"date")) == (None, None)


def test_date_and_server_of_the_application_win(serve: Serve) -> None:
    """R2: never twice."""
    fields = [(b"Date", b"Thu, 01 Jan 1970 00:00:00 GMT"), (b"Server", b"mine")]
    answer = serve(answering(b"", 200, fields)).request().answer
    assert answer.header(b"date") == b"Thu, 01 Jan 1970 00:00:00 GMT"
    assert answer.header(b"server") == b"mine"


def test_headers_of_the_settings_are_added(serve: Serve) -> None:
    """R2: the server's name, and headers for every answer."""
    served = serve(answering(), server_header="else", headers=[("x-every", "answer")])
    answer = served.request().answer
    assert (answer.header(b"server"), answer.header(b"x-every")) == (b"else", b"answer")


def test_mixed_requests_do_not_mix_answers(serve: Serve) -> None:
    """H2, C1: concurrent exchanges on several connections."""
    served = serve(path_echo)
    exchanges = [served.request("GET", f"/{n}") for n in range(20)]
    assert [exchange.answer.body for exchange in exchanges] == [b"/%d" % n for n in range(20)]
