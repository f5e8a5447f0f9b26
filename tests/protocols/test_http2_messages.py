# SPDX-License-Identifier: MIT
"""Requests and answers in HTTP/2's own form: fields, authority, cookies, bodies that are none, trailers, limits."""

from __future__ import annotations

from typing import Any

import pytest

from tests.applications import Recorder, answering, body, echo, sending, start
from tests.exchanges import Headers, Receive, Scope, Send
from tests.http2_client import Http2Client
from tests.serving import Serve

DATA, HEADERS = 0, 1
END_STREAM = 1
TE = [("te", "trailers")]


def pseudo(**values: str) -> Headers:
    """The pseudo-fields of a GET of `/`, some of them otherwise; an empty value leaves one out."""
    fields = {"method": "GET", "scheme": "http", "authority": "testserver", "path": "/", **values}
    return [(b":" + name.encode(), value.encode()) for name, value in fields.items() if value]


# Requests.


def test_scope_of_a_request(serve: Serve) -> None:
    """H4, H11: version 2; the authority is the host field and comes first, no pseudo-field is left."""
    app = Recorder()
    client = Http2Client(serve(app))
    client.request_fields([*pseudo(authority="example.com:81", path="/a%20b?c"), (b"x-a", b"1")])
    scope = app.scope
    assert (scope["http_version"], scope["scheme"], scope["method"]) == ("2", "http", "GET")
    assert (scope["path"], scope["raw_path"], scope["query_string"]) == ("/a b", b"/a%20b", b"c")
    assert [tuple(pair) for pair in scope["headers"]] == [(b"host", b"example.com:81"), (b"x-a", b"1")]
    assert {type(part) for pair in scope["headers"] for part in pair} == {bytes}


def test_cookies_are_passed_as_they_came(serve: Serve) -> None:
    """H12: in one field or in several (RFC 9113 section 8.2.3)."""
    app = Recorder()
    client = Http2Client(serve(app))
    cookies = [(b"cookie", b"a=1"), (b"x", b"y"), (b"cookie", b"b=2"), (b"cookie", b"c=3; d=4")]
    client.request_fields([*pseudo(), *cookies])
    assert [tuple(pair) for pair in app.scope["headers"]][1:] == cookies


def test_many_cookies_count_as_one_field(serve: Serve) -> None:
    """H12: browsers keep 180 for a site, and send each as a field of its own."""
    app = Recorder()
    client = Http2Client(serve(app, max_header_fields=10))
    cookies = [(b"cookie", b"a=%d" % number) for number in range(180)]
    client.request_fields([*pseudo(), *cookies])
    assert [tuple(pair) for pair in app.scope["headers"]][1:] == cookies


@pytest.mark.parametrize(
    ("fields", "seen"),
    [
        ([(b"cookie", b"a=1"), (b"x", b"y"), (b"cookie", b"b=2"), (b"cookie", b"c=3")], [b"cookie", b"x"]),
        ([(b"x", b"y"), (b"cookie", b"a=1; b=2; c=3")], [b"x", b"cookie"]),
        ([(b"cookie", b"a=1"), (b"cookie", b"b=2; c=3"), (b"cookie-x", b"z")], [b"cookie", b"cookie-x"]),
        ([(b"x", b"y")], [b"x"]),
    ],
)
def test_cookies_are_joined_on_demand(serve: Serve, fields: Headers, seen: list[bytes]) -> None:
    """H12: RFC 9113 section 8.2.3, in the place of the first; also when the request comes again."""
    app = Recorder()
    client = Http2Client(serve(app, h2_join_cookies=True))
    for _ in range(4):
        client.request_fields([*pseudo(), *fields])
    for scope in app.scopes:
        assert [name for name, _ in scope["headers"]] == [b"host", *seen]
        assert dict(scope["headers"]).get(b"cookie") in (None, b"a=1; b=2; c=3")


@pytest.mark.parametrize(
    ("authority", "host", "seen"),
    [
        ("testserver", None, b"testserver"),
        ("testserver", b"testserver", b"testserver"),
        ("testserver:80", b"testserver:80", b"testserver:80"),
        ("", b"testserver", b"testserver"),
        ("[::1]:8000", None, b"[::1]:8000"),
    ],
)
def test_authority_and_host(serve: Serve, authority: str, host: bytes | None, seen: bytes) -> None:
    """H11: either, or both when they say the same; the application sees one."""
    app = Recorder()
    client = Http2Client(serve(app))
    fields = pseudo(authority=authority) + ([] if host is None else [(b"host", host)])
    assert client.request_fields(fields).answer.status == 200
    assert [value for name, value in app.scope["headers"] if name == b"host"] == [seen]


def test_request_without_authority_and_host_is_refused(serve: Serve) -> None:
    """L1: nobody could tell whom it is for."""
    app = Recorder()
    exchange = Http2Client(serve(app)).request_fields(pseudo(authority=""))
    assert exchange.answer.status == 400 or exchange.answer.truncated
    assert app.scopes == []


def test_asterisk_form_of_options(serve: Serve) -> None:
    """H7, H8: `OPTIONS *`."""
    app = Recorder()
    assert Http2Client(serve(app)).request_fields(pseudo(method="OPTIONS", path="*")).answer.status == 200
    assert app.scope["raw_path"] == b"*"


def test_connect_is_refused(serve: Serve) -> None:
    """L1: no tunnels; the status says so."""
    app = Recorder()
    fields = [(b":method", b"CONNECT"), (b":authority", b"testserver:443")]
    exchange = Http2Client(serve(app)).request_fields(fields, end=False)
    assert exchange.answer.status == 501
    assert app.scopes == []


@pytest.mark.parametrize("end", ["headers", "data", "empty data", "trailers"])
def test_ends_of_a_body(serve: Serve, end: str) -> None:
    """R1, H16: END_STREAM on whatever frame."""
    app = Recorder()
    client = Http2Client(serve(app))
    if end == "headers":
        client.request("POST")
    else:
        exchange = client.request("POST", body=b"" if end == "empty data" else b"data", end=end == "data")
        if end == "trailers":
            exchange.send_trailers([(b"x-sum", b"7")])
        elif end == "empty data":
            exchange.send_body(b"", end=True)
    assert app.body == (b"data" if end in ("data", "trailers") else b"")
    assert app.events[-1]["more_body"] is False
    assert not [name for name, _ in app.scope["headers"] if name == b"x-sum"]


def test_body_of_the_length_it_says(serve: Serve) -> None:
    """R1: content-length is not needed, and right when it is there."""
    client = Http2Client(serve(echo))
    exchange = client.request("POST", "/", [("content-length", "6")], body=b"abc", end=False)
    exchange.send_body(b"def", end=True)
    assert exchange.answer.body == b"abcdef"


def test_continue_when_the_application_reads(serve: Serve) -> None:
    """P3: 100 for a client that waits for it, and none when the application answers without reading."""
    client = Http2Client(serve(echo))
    exchange = client.request("POST", "/", [("expect", "100-continue")], end=False)
    assert [status for status, _ in exchange.answer.interim] == [100]
    exchange.send_body(b"data", end=True)
    assert exchange.answer.body == b"data"
    client = Http2Client(serve(answering(b"no", 403)))
    exchange = client.request("POST", "/", [("expect", "100-continue")], end=False)
    assert (exchange.answer.status, exchange.answer.interim) == (403, [])


# Limits.


@pytest.mark.parametrize(
    ("settings", "fields", "status"),
    [
        ({"max_target_size": 100}, pseudo(path="/" + "x" * 100), 414),
        ({"max_field_size": 400}, [*pseudo(), (b"x", b"y" * 500)], 431),
        ({"max_header_fields": 10}, [*pseudo(), *[(b"x", b"y")] * 11], 431),
        ({"h2_max_header_list_size": 1000}, [*pseudo(), *[(b"x", b"y" * 100)] * 10], 431),
    ],
)
def test_head_over_a_limit(serve: Serve, settings: dict[str, Any], fields: Headers, status: int) -> None:
    """L2: an answer on its stream; the connection goes on."""
    app = Recorder()
    client = Http2Client(serve(app, **settings))
    exchange = client.request_fields(fields)
    assert (exchange.answer.status, exchange.answer.complete) == (status, True)
    assert app.scopes == []
    assert client.request().answer.status == 200
    assert not client.goaways


def test_head_far_over_the_limit_ends_the_connection(serve: Serve) -> None:
    """L2: four times the limit is no mistake any more."""
    client = Http2Client(serve(Recorder(), h2_max_header_list_size=1000))
    client.request_fields([*pseudo(), *[(b"x-%d" % n, b"y" * 100) for n in range(100)]])
    assert [code for code, _, _ in client.goaways] == [11]
    assert client.ended


def test_settings_that_the_client_is_told(serve: Serve) -> None:
    """N5: all of them, in the first frame."""
    settings = {
        "h2_max_concurrent_streams": 7,
        "h2_max_header_list_size": 5000,
        "h2_max_inbound_frame_size": 20_000,
        "h2_initial_stream_window": 123_456,
    }
    client = Http2Client(serve(Recorder(), **settings))
    told = dict(client.h2.remote_settings.items())
    assert (told[3], told[4], told[5], told[6], told[8]) == (7, 123_456, 20_000, 5000, 1)
    assert client.frames[0].type == 4


def test_frame_of_the_size_that_was_allowed(serve: Serve) -> None:
    """N5: and what is larger is FRAME_SIZE_ERROR."""
    client = Http2Client(serve(echo, h2_max_inbound_frame_size=50_000))
    assert client.request("POST", body=b"x" * 50_000).answer.body == b"x" * 50_000
    client.send((50_001).to_bytes(3, "big") + b"\0\0" + (1).to_bytes(4, "big") + b"x" * 50_001)
    assert client.goaways[-1][0] == 6


@pytest.mark.parametrize("stated", [True, False])
def test_body_over_the_limit_is_413(serve: Serve, stated: bool) -> None:
    """L3: before it is read when it says its length; else as soon as it is too long. Its stream alone ends."""
    app = Recorder()
    client = Http2Client(serve(app, max_request_body_size=100))
    exchange = client.request("POST", "/", [("content-length", "120")] if stated else [], body=b"x" * 60, end=False)
    if not stated:
        exchange.send_body(b"x" * 60)
    assert (exchange.answer.status, exchange.answer.complete) == (413, True)
    assert len(app.body) <= 100
    assert app.scopes == [] or app.events[-1]["type"] == "http.disconnect"
    assert client.request("POST", body=b"x" * 100).answer.status == 200


def test_host_that_is_not_ours_is_404(serve: Serve) -> None:
    """L7: by :authority or by host."""
    app = Recorder()
    client = Http2Client(serve(app, server_names=["example.com", "example.com:8000"]))
    for fields, status in (
        (pseudo(authority="example.com"), 200),
        (pseudo(authority="EXAMPLE.com:8000"), 200),
        ([*pseudo(authority=""), (b"host", b"example.com")], 200),
        (pseudo(authority="evil.test"), 404),
        ([*pseudo(authority=""), (b"host", b"evil.test")], 404),
    ):
        assert client.request_fields(fields).answer.status == status
    assert len(app.scopes) == 3


# Answers.


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304), ("HEAD", 404)])
def test_answer_without_body_is_one_frame(serve: Serve, method: str, status: int) -> None:
    """R7: END_STREAM is on HEADERS, whatever the application sends as a body."""
    client = Http2Client(serve(sending(start(status), body(b"something"))))
    exchange = client.request(method)
    assert (exchange.answer.status, exchange.answer.body, exchange.answer.complete) == (status, b"", True)
    assert client.frames_of(DATA, exchange.stream_id) == []
    (head,) = client.frames_of(HEADERS, exchange.stream_id)
    assert head.flags & END_STREAM


def test_small_answer_is_one_write(serve: Serve) -> None:
    """P1: head and body, with END_STREAM on the last frame and no empty one after it."""
    client = Http2Client(serve(answering(b"hello")))
    client.transport.writes.clear()
    exchange = client.request()
    assert len(client.transport.writes) == 1
    frames = [frame for frame in client.frames if frame.stream_id == exchange.stream_id]
    assert [(frame.type, frame.flags & END_STREAM) for frame in frames] == [(HEADERS, 0), (DATA, END_STREAM)]


def test_length_is_added_to_an_answer_that_is_whole(serve: Serve) -> None:
    """R3: or the answer has none; never a wrong one."""
    answer = Http2Client(serve(sending(start(), body(b"hello")))).request().answer
    assert answer.header(b"content-length") in (None, b"5")
    assert answer.body == b"hello"


def test_fields_of_the_connection_are_dropped(serve: Serve) -> None:
    """R2: HTTP/2 has none of them (RFC 9113 section 8.2.2)."""
    fields = [
        (b"connection", b"close"),
        (b"keep-alive", b"timeout=5"),
        (b"proxy-connection", b"x"),
        (b"transfer-encoding", b"chunked"),
        (b"upgrade", b"h3"),
        (b"x-kept", b"1"),
    ]
    answer = Http2Client(serve(answering(b"x", 200, fields))).request().answer
    names = {name for name, _ in answer.headers}
    assert names == {b"x-kept", b"content-length", b"date", b"server"}


def test_names_are_sent_in_lower_case(serve: Serve) -> None:
    """R2: as HTTP/2 demands, however the application writes them."""
    fields = [(b"X-Upper", b"Value"), (b"Set-Cookie", b"a=1"), (b"set-cookie", b"b=2")]
    answer = Http2Client(serve(answering(b"x", 200, fields))).request().answer
    assert (b"x-upper", b"Value") in answer.headers
    assert [value for name, value in answer.headers if name == b"set-cookie"] == [b"a=1", b"b=2"]


def test_server_date_and_alternatives_are_added(serve: Serve) -> None:
    """R2: on each answer, refusals included."""
    served = serve(answering(b"x"), alt_svc_headers=['h3=":443"'], headers=[("x-every", "1")], max_target_size=100)
    client = Http2Client(served)
    for fields in (pseudo(), pseudo(path="/" + "x" * 200)):
        answer = client.request_fields(fields).answer
        assert answer.header(b"server") == b"fastcorn"
        assert answer.header(b"alt-svc") == b'h3=":443"'
        assert answer.header(b"x-every") == b"1"
        assert (answer.header(b"date") or b"").endswith(b" GMT")


def test_large_head_is_sent_in_pieces(serve: Serve) -> None:
    """R2: HEADERS and CONTINUATION, no frame larger than the client takes."""
    fields = [(b"x-%d" % n, bytes([97 + n % 26]) * 1000) for n in range(50)]
    client = Http2Client(serve(answering(b"x", 200, fields)))
    exchange = client.request()
    assert [pair for pair in exchange.answer.headers if pair in fields] == fields
    assert exchange.answer.complete
    assert max(len(frame.payload) for frame in client.frames) <= 16_384


def test_same_and_differing_fields_again_and_again(serve: Serve) -> None:
    """R2: the field table of the answers stays right."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        value = scope["query_string"]
        await answering(value, 200, [(b"x-same", b"1"), (b"x-value", value), (b"cache-control", b"no-store")])(
            scope, receive, send
        )

    client = Http2Client(serve(app))
    for number in range(300):
        answer = client.request("GET", f"/?{number % 70}").answer
        assert answer.header(b"x-value") == answer.body == b"%d" % (number % 70)


def test_trailers_beside_a_length(serve: Serve) -> None:
    """X7: HTTP/2 has room for both."""
    app = sending(
        start(200, [(b"content-length", b"4")], trailers=True),
        body(b"data"),
        {"type": "http.response.trailers", "headers": [(b"x-sum", b"7")]},
    )
    answer = Http2Client(serve(app)).request("GET", "/", TE).answer
    assert (answer.header(b"content-length"), answer.body, answer.trailers) == (b"4", b"data", [(b"x-sum", b"7")])


def test_trailers_after_an_empty_body(serve: Serve) -> None:
    """X7: two HEADERS frames."""
    app = sending(start(200, trailers=True), body(), {"type": "http.response.trailers", "headers": [(b"x-sum", b"7")]})
    exchange = Http2Client(serve(app)).request("GET", "/", TE)
    assert (exchange.answer.body, exchange.answer.trailers, exchange.answer.complete) == (b"", [(b"x-sum", b"7")], True)


def test_trailers_wait_for_the_body(serve: Serve) -> None:
    """X7: which waits for the client's window."""
    app = sending(
        start(200, trailers=True), body(b"x" * 100_000), {"type": "http.response.trailers", "headers": [(b"x", b"7")]}
    )
    exchange = Http2Client(serve(app)).exchange()
    exchange.stop_reading()
    exchange.begin("GET", "/", TE)
    exchange.driver.settle()
    assert (exchange.answer.trailers, exchange.unread) == ([], 65_535)
    exchange.resume_reading()
    assert (len(exchange.answer.body), exchange.answer.trailers) == (100_000, [(b"x", b"7")])
