# SPDX-License-Identifier: MIT
"""Field lists of HTTP/2: which requests are malformed, what a scope is made of, what goes out for an application."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fastcorn.asgi._context import Context
from fastcorn.config import Config
from fastcorn.errors import MessageError
from fastcorn.protocols._http2_fields import RequestHead, check_request, check_response, check_trailers, push_fields
from tests.fakes import Driver

Fields = list[tuple[bytes, bytes]]
Read = Callable[..., RequestHead]

GET: Fields = [(b":method", b"GET"), (b":scheme", b"https"), (b":authority", b"example.com"), (b":path", b"/")]
TOKEN = b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"


def changed(**pseudo: bytes | None) -> Fields:
    """GET with other pseudo-fields; None leaves one out, a name it lacks is added."""
    fields = [(name, pseudo.pop(name[1:].decode(), value)) for name, value in GET]
    fields += [(b":" + name.encode(), value) for name, value in pseudo.items()]
    return [(name, value) for name, value in fields if value is not None]


async def application(scope: Any, receive: Any, send: Any) -> None: ...


@pytest.fixture(name="read")
def fixture_read(driver: Driver) -> Read:
    """`read(fields, secure=False, **settings)`: the head of a request."""

    default = Context(application, Config().freeze(), driver.loop)

    def read(fields: Fields, secure: bool = False, **settings: Any) -> RequestHead:
        if not settings:
            return check_request(default, fields, secure)
        config = Config()
        for name, value in settings.items():
            setattr(config, name, value)
        return check_request(Context(application, config.freeze(), driver.loop), fields, secure)

    return read


def scope_of(head: RequestHead) -> dict[str, Any]:
    assert head.error is None
    assert head.status == 0
    assert head.scope is not None
    return head.scope


def malformed(head: RequestHead) -> str:
    """The error of a request that resets its stream."""
    assert head.status == 0
    assert head.scope is None
    assert head.error
    return head.error


# --- scopes -----------------------------------------------------------------------------------------------------------


def test_the_scope_of_a_request(read: Read) -> None:
    head = read([*changed(path=b"/a%20b/%C3%A9?x=%20&y?"), (b"accept", b"*/*"), (b"x-own", b"1"), (b"accept", b"b")])
    scope = scope_of(head)
    assert (scope["type"], scope["http_version"], scope["method"], scope["scheme"]) == ("http", "2", "GET", "http")
    assert (scope["path"], scope["raw_path"], scope["query_string"]) == ("/a b/é", b"/a%20b/%C3%A9", b"x=%20&y?")
    assert scope["root_path"] == ""
    assert scope["headers"] == [(b"host", b"example.com"), (b"accept", b"*/*"), (b"x-own", b"1"), (b"accept", b"b")]
    assert (head.method, head.authority, head.protocol, head.priority) == (b"GET", b"example.com", None, None)
    assert (head.content_length, head.head_request, head.te_trailers, head.expect_continue) == (-1, False, False, False)
    assert head.connect is False
    assert {type(pair) for pair in scope["headers"]} == {tuple}


def test_scopes_have_the_keys_of_http1_and_are_not_shared(read: Read, driver: Driver) -> None:
    context = Context(application, Config().freeze(), driver.loop)
    first, second = check_request(context, GET), check_request(context, GET)
    assert scope_of(first) is not scope_of(second)
    assert scope_of(first)["headers"] is not scope_of(second)["headers"]
    assert {"client", "server", "asgi", "state", "extensions"} <= scope_of(first).keys()


def test_the_scheme_is_the_connections(read: Read) -> None:
    assert scope_of(read(changed(scheme=b"http"), secure=True))["scheme"] == "https"
    assert scope_of(read(changed(scheme=b"HTTPS")))["scheme"] == "http"


def test_known_names_are_shared_and_pairs_are_tuples(read: Read) -> None:
    class Pair(tuple[bytes, bytes]):
        pass

    def fields() -> Fields:
        return [*GET, Pair((bytes(bytearray(b"user-agent")), b"x")), Pair((b"x-one", b"y"))]

    first, second = (scope_of(read(fields()))["headers"] for _ in range(2))
    assert first[1][0] is second[1][0]
    assert {type(pair) for pair in first} == {tuple}


@pytest.mark.parametrize(
    ("method", "text"),
    [(b"GET", "GET"), (b"HEAD", "HEAD"), (b"POST", "POST"), (b"PATCH", "PATCH"), (b"PROPFIND", "PROPFIND"),
     (b"get", "GET"), (b"x-Y", "X-Y"), (b"M" * 64, "M" * 64)],
)  # fmt: skip
def test_methods(read: Read, method: bytes, text: str) -> None:
    head = read(changed(method=method))
    assert scope_of(head)["method"] == text
    assert head.method == method
    assert head.head_request is (method == b"HEAD")


@pytest.mark.parametrize(
    ("path", "scope_path", "raw_path", "query"),
    [
        (b"/", "/", b"/", b""),
        (b"/?", "/", b"/", b""),
        (b"/?a#".rstrip(b"#"), "/", b"/", b"a"),
        (b"//x", "//x", b"//x", b""),
        (b"/%", "/%", b"/%", b""),
        (b"/%ff", "/\ufffd", b"/%ff", b""),
        (b"/a?b=%20%", "/a", b"/a", b"b=%20%"),
    ],
)
def test_paths(read: Read, path: bytes, scope_path: str, raw_path: bytes, query: bytes) -> None:
    scope = scope_of(read(changed(path=path)))
    assert (scope["path"], scope["raw_path"], scope["query_string"]) == (scope_path, raw_path, query)


def test_options_of_the_server(read: Read) -> None:
    scope = scope_of(read(changed(method=b"OPTIONS", path=b"*")))
    assert (scope["path"], scope["raw_path"], scope["query_string"]) == ("*", b"*", b"")


# --- the host ---------------------------------------------------------------------------------------------------------


def test_host_without_authority_stays_where_it_is(read: Read) -> None:
    head = read([*changed(authority=None), (b"accept", b"*/*"), (b"host", b"b.example:81")])
    assert scope_of(head)["headers"] == [(b"accept", b"*/*"), (b"host", b"b.example:81")]
    assert head.authority == b"b.example:81"


@pytest.mark.parametrize(
    ("scheme", "authority", "host"),
    [
        (b"https", b"example.com", b"example.com"),
        (b"https", b"Example.com", b"eXAMPLE.com"),
        (b"https", b"example.com:443", b"example.com"),
        (b"https", b"example.com", b"example.com:443"),
        (b"https", b"example.com:", b"example.com"),
        (b"http", b"example.com:80", b"example.com:"),
        (b"http", b"[::1]:80", b"[::1]"),
    ],
)
def test_host_that_agrees_is_replaced(read: Read, scheme: bytes, authority: bytes, host: bytes) -> None:
    head = read([*changed(scheme=scheme, authority=authority), (b"a", b"1"), (b"host", host)])
    assert scope_of(head)["headers"] == [(b"host", authority), (b"a", b"1")]
    assert head.authority == authority


@pytest.mark.parametrize(
    ("scheme", "authority", "host"),
    [
        (b"https", b"example.com", b"example.org"),
        (b"https", b"example.com", b"example.com.org"),
        (b"https", b"example.com:80", b"example.com"),
        (b"http", b"example.com:443", b"example.com"),
        (b"https", b"example.com:8443", b"example.com:8444"),
        (b"https", b"[::1]", b"[::2]"),
    ],
)
def test_host_that_differs_is_malformed(read: Read, scheme: bytes, authority: bytes, host: bytes) -> None:
    fields = [*changed(scheme=scheme, authority=authority), (b"host", host)]
    assert malformed(read(fields)) == "Host differs from :authority"


@pytest.mark.parametrize(
    "bad", [b"user@a", b"u:p@a", b"a b", b"a/b", b"a,b", b"[::1", b"a:b", b":80", b"a\x00", b"\xe9"]
)
def test_malformed_hosts(read: Read, bad: bytes) -> None:
    assert "malformed" in malformed(read(changed(authority=bad)))
    assert malformed(read([*changed(authority=None), (b"host", bad)]))


def test_a_host_there_must_be(read: Read) -> None:
    for fields in (
        changed(authority=None),
        changed(authority=b""),
        [*changed(authority=None), (b"host", b"")],
        [*GET, (b"host", b"")],
    ):
        assert malformed(read(fields)) == "no :authority and no Host, or an empty one"
    assert "repeated" in malformed(read([*GET, (b"host", b"example.com"), (b"host", b"example.com")]))


# --- pseudo-fields ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["method", "scheme", "path"])
def test_each_pseudo_field_is_there_once(read: Read, name: str) -> None:
    assert malformed(read(changed(**{name: None}))) == f"no :{name}"
    twice = next(pair for pair in GET if pair[0] == b":" + name.encode())
    assert malformed(read([*GET, twice])) == "pseudo-field repeated"


@pytest.mark.parametrize(
    "name", [b":status", b":", b":Path", b":method ", b":pathx", b":protocols", b":authorit", b":x", b"::path"]
)
def test_unknown_pseudo_fields(read: Read, name: bytes) -> None:
    assert malformed(read([(name, b"x"), *GET])) == "pseudo-field that no request has"
    assert malformed(read([*GET, (b"a", b"b"), (name, b"x")])) == "pseudo-field that no request has"


def test_pseudo_fields_come_first(read: Read) -> None:
    for place in range(len(GET)):
        fields = [*GET[:place], (b"a", b"b"), *GET[place:]]
        assert malformed(read(fields)) == "pseudo-field after a field or in trailers"
    for order in range(24):
        shuffled = random.Random(order).sample(GET, len(GET))
        assert scope_of(read(shuffled))["headers"] == [(b"host", b"example.com")]
    assert malformed(read([])) == "no :method"


@pytest.mark.parametrize("method", [b"", b" ", b"G ET", b"GET\r\n", b"GET/", b"\x00", b"M" * 65, b"\xe9"])
def test_malformed_methods(read: Read, method: bytes) -> None:
    assert "method" in malformed(read(changed(method=method)))


@pytest.mark.parametrize("scheme", [b"", b"1http", b"ht tp", b"http:", b"-x", b"h\x00", b"http\r\n", b"\xe9"])
def test_malformed_schemes(read: Read, scheme: bytes) -> None:
    assert malformed(read(changed(scheme=scheme))) == "malformed :scheme"


@pytest.mark.parametrize("scheme", [b"ftp", b"ws", b"wss", b"httpx", b"a+b-c.d1"])
def test_other_schemes_are_refused(read: Read, scheme: bytes) -> None:
    head = read(changed(scheme=scheme))
    assert (head.status, head.scope, head.error) == (400, None, "the scheme is neither http nor https")


@pytest.mark.parametrize(
    "path", [b"", b"a", b"http://example.com/", b"*", b"/a b", b"/a#b", b"/\x00", b"/\x7f", b"/\xe9", b"?a"]
)
def test_malformed_paths(read: Read, path: bytes) -> None:
    assert malformed(read(changed(path=path))) == "malformed :path"
    assert malformed(read(changed(method=b"OPTIONS", path=path + b" "))) == "malformed :path"


# --- CONNECT ----------------------------------------------------------------------------------------------------------


def test_connect_is_not_supported(read: Read) -> None:
    head = read([(b":method", b"CONNECT"), (b":authority", b"example.com:443")])
    assert (head.status, head.error, head.connect) == (501, "CONNECT is not supported", True)


@pytest.mark.parametrize(
    "fields",
    [
        changed(method=b"CONNECT"),
        changed(method=b"CONNECT", scheme=None),
        changed(method=b"CONNECT", path=None),
        changed(method=b"CONNECT", scheme=None, path=None),
        changed(method=b"CONNECT", scheme=None, path=None, authority=b"example.com:"),
        changed(method=b"CONNECT", scheme=None, path=None, authority=None),
        [*changed(method=b"CONNECT", scheme=None, path=None, authority=None), (b"host", b"example.com:443")],
        changed(method=b"CONNECT", scheme=None, path=None, authority=b"u@example.com:443"),
    ],
)
def test_malformed_connects(read: Read, fields: Fields) -> None:
    head = read(fields)
    assert malformed(head)
    assert head.connect


def test_extended_connect(read: Read) -> None:
    head = read([*changed(method=b"CONNECT", protocol=b"websocket", path=b"/chat?a=b"), (b"origin", b"x")])
    scope = scope_of(head)
    assert (head.connect, head.protocol) == (True, b"websocket")
    assert (scope["method"], scope["path"], scope["query_string"]) == ("CONNECT", "/chat", b"a=b")
    assert scope["headers"] == [(b"host", b"example.com"), (b"origin", b"x")]


@pytest.mark.parametrize(
    "fields",
    [
        changed(protocol=b"websocket"),
        changed(method=b"connect", protocol=b"websocket"),
        changed(method=b"CONNECT", protocol=b""),
        changed(method=b"CONNECT", protocol=b"web socket"),
        changed(method=b"CONNECT", protocol=b"websocket", scheme=None),
        changed(method=b"CONNECT", protocol=b"websocket", path=None),
        changed(method=b"CONNECT", protocol=b"websocket", authority=None),
    ],
)
def test_malformed_extended_connects(read: Read, fields: Fields) -> None:
    assert malformed(read(fields))


# --- fields -----------------------------------------------------------------------------------------------------------


def test_each_byte_of_a_name(read: Read) -> None:
    for byte in range(256):
        name = bytes([byte])
        for field in (name + b"x", b"x" + name, b"x-long-enough-" + name, name):
            head = read([*GET, (field, b"v")])
            if byte in TOKEN:
                assert scope_of(head)["headers"][1] == (field, b"v")
            else:
                assert malformed(head) or field.startswith(b":")
    assert malformed(read([*GET, (b"", b"v")])) == "field name is not a token in lower case"
    assert malformed(read([*GET, (b"Accept", b"v")])) == "field name is not a token in lower case"


def test_each_byte_of_a_value(read: Read) -> None:
    for byte in range(256):
        one = bytes([byte])
        outer = byte > 0x20 and byte != 0x7F
        inner = outer or byte in b" \t"
        for value, valid in (
            (b"a" + one + b"b", inner),
            (b"a value of some length" + one + b"and more of it", inner),
            (one + b"b", outer),
            (b"a" + one, outer),
            (one, outer),
        ):
            head = read([*GET, (b"x-own", value)])
            if valid:
                assert scope_of(head)["headers"][1] == (b"x-own", value)
            else:
                assert "field value" in malformed(head)
    assert scope_of(read([*GET, (b"x-own", b"")]))["headers"][1] == (b"x-own", b"")


@pytest.mark.parametrize("name", [b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"])
def test_fields_of_a_connection(read: Read, name: bytes) -> None:
    assert malformed(read([*GET, (name, b"x")])) == "field that is for one connection only"
    assert check_trailers([(name, b"x")]) == "field that is for one connection only"


def test_te(read: Read) -> None:
    for value in (b"trailers", b"Trailers"):
        assert read([*GET, (b"te", value)]).te_trailers
    for value in (b"", b"gzip", b"trailers, gzip", b"trailers;q=1"):
        assert malformed(read([*GET, (b"te", value)])) == "TE is not 'trailers'"


def test_content_length(read: Read) -> None:
    for value in (b"0", b"7", b"007", b"9223372036854775807"):
        assert read([*GET, (b"content-length", value)]).content_length == int(value)
    for value in (b"", b"-1", b"+1", b"1,1", b"1, 1", b"0x1", b"1.0", b"9223372036854775808", b"9" * 40):
        assert "Content-Length" in malformed(read([*GET, (b"content-length", value)]))
    assert "Content-Length" in malformed(read([*GET, (b"content-length", b"1"), (b"content-length", b"1")]))


def test_expect(read: Read) -> None:
    assert read([*GET, (b"expect", b"100-Continue")]).expect_continue
    head = read([*GET, (b"expect", b"tea")])
    assert (head.status, head.error) == (417, "unknown expectation")
    # what is malformed decides first
    assert malformed(read([*GET, (b"expect", b"tea"), (b"te", b"tea")])) == "TE is not 'trailers'"


def test_priority(read: Read) -> None:
    assert read([*GET, (b"priority", b"u=1, i")]).priority == b"u=1, i"
    assert read([*GET, (b"priority", b"u=1"), (b"priority", b"i")]).priority == b"u=1, i"
    assert len(read([*GET, *[(b"priority", b"u=1")] * 90]).priority or b"") < 300


def test_cookies_are_passed_as_they_come(read: Read) -> None:
    cookies = [(b"cookie", b"a=%d" % number) for number in range(200)]
    assert scope_of(read([*GET, *cookies], max_header_fields=1))["headers"][1:] == cookies


def test_limits(read: Read) -> None:
    fields = [(b"x-%d" % number, b"v") for number in range(5)]
    assert scope_of(read([*GET, *fields], max_header_fields=5))
    head = read([*GET, *fields], max_header_fields=4)
    assert (head.status, head.error, head.scope) == (431, "too many fields", None)
    assert scope_of(read([*GET, (b"x", b"v" * 97)], max_field_size=100))
    head = read([*changed(method=b"HEAD"), (b"x", b"v" * 98)], max_field_size=100)
    assert (head.status, head.error, head.head_request) == (431, "field too long", True)
    assert read(changed(authority=b"a" * 95), max_field_size=100).status == 431
    assert scope_of(read(changed(path=b"/" * 100), max_target_size=100))
    head = read(changed(path=b"/" * 101), max_target_size=100)
    assert (head.status, head.error) == (414, "request target too long")


def test_trailers() -> None:
    assert check_trailers([]) is None
    assert check_trailers([(b"grpc-status", b"0"), (b"x", b"")]) is None
    for field in (
        (b":path", b"/"),
        (b":status", b"200"),
        (b"X-Own", b"v"),
        (b"a b", b"v"),
        (b"x", b"a\nb"),
        (b"x", b" v"),
    ):
        assert check_trailers([(b"x", b"v"), field])


def test_requests_of_any_kind(read: Read, driver: Driver) -> None:
    """Whatever is valid has a host, a path and lower-case names; nothing raises."""
    context = Context(application, Config().freeze(), driver.loop)
    generator = random.Random(9113)
    names = [b":method", b":path", b":scheme", b":authority", b":protocol", b":status", b"host", b"te", b"cookie", b"x",
             b"X", b"content-length", b"connection", b"expect", b"priority", b""]  # fmt: skip
    values = [
        b"GET",
        b"/",
        b"https",
        b"a",
        b"a:1",
        b"b",
        b"trailers",
        b"1",
        b"",
        b"*",
        b"websocket",
        b"CONNECT",
        b"\x00",
        b" ",
    ]
    valid = 0
    for _ in range(20_000):
        fields = list(GET) if generator.random() < 0.7 else []
        for _ in range(generator.randint(0, 4)):
            place = generator.randint(0, len(fields))
            fields.insert(place, (generator.choice(names), generator.choice(values)))
        if generator.random() < 0.3 and fields:
            del fields[generator.randrange(len(fields))]
        head = check_request(context, fields)
        assert (head.scope is None) == (head.error is not None)
        if head.scope is not None:
            valid += 1
            hosts = [value for name, value in head.scope["headers"] if name == b"host"]
            assert hosts == [head.authority]
            assert head.scope["raw_path"][:1] in (b"/", b"*")
            assert all(name == name.lower() and name[:1] != b":" for name, _ in head.scope["headers"])
    assert valid > 1000


# --- what goes out ----------------------------------------------------------------------------------------------------


def test_response_fields() -> None:
    fields, facts = check_response(
        [(b"Content-Type", b"text/plain"), (b"content-length", b"12"), [b"X-Own", bytearray(b"v")],
         (b"set-cookie", b"a"), (b"Set-Cookie", b"b"), (b"DATE", b"now"), (b"server", b"mine")]
    )  # fmt: skip
    assert fields == [
        (b"content-type", b"text/plain"), (b"content-length", b"12"), (b"x-own", b"v"), (b"set-cookie", b"a"),
        (b"set-cookie", b"b"), (b"date", b"now"), (b"server", b"mine"),
    ]  # fmt: skip
    assert facts == (12, False, True, True)
    assert check_response([]) == ([], (-1, False, False, False))
    assert check_response({b"a": b"b"}.items()) == ([(b"a", b"b")], (-1, False, False, False))


def test_fields_that_are_right_are_passed_on() -> None:
    for field in ((b"content-type", b"x"), (b"x-own", b"")):
        assert check_response([field])[0][0] is field
    assert check_response([(b"Content-Type", b"x"), [b"x-own", b"y"]])[0] == [(b"content-type", b"x"), (b"x-own", b"y")]


def test_fields_of_a_connection_are_left_out() -> None:
    fields, facts = check_response(
        [(b"Connection", b"keep-alive, Close"), (b"keep-alive", b"x"), (b"Transfer-Encoding", b"chunked"),
         (b"upgrade", b"x"), (b"proxy-connection", b"x"), (b"a", b"b")]
    )  # fmt: skip
    assert fields == [(b"a", b"b")]
    assert facts == (-1, True, False, False)


@pytest.mark.parametrize("status", [0, 103, 204])
def test_content_length_without_a_body_is_left_out(status: int) -> None:
    assert check_response([(b"content-length", b"0"), (b"a", b"b")], status)[0] == [(b"a", b"b")]


@pytest.mark.parametrize("value", [b" v", b"v ", b"\tv\t ", b"  v"])
def test_outer_white_space_is_taken_away(value: bytes) -> None:
    assert check_response([(b"x", value)])[0] == [(b"x", b"v")]
    assert check_response([(b"x", b" ")])[0] == [(b"x", b"")]


@pytest.mark.parametrize(
    ("headers", "text"),
    [
        ([(b":status", b"200")], "not a token"),
        ([(b"a b", b"v")], "not a token"),
        ([(b"", b"v")], "not a token"),
        ([(b"a", b"v\r\nb: c")], "CR, LF or NUL"),
        ([(b"a", b"\x00")], "CR, LF or NUL"),
        ([(b"content-length", b"x")], "not a number"),
        ([(b"content-length", b"1"), (b"content-length", b"1")], "two content-length"),
        ([("a", b"b")], "encode it"),
        ([(b"a", "b")], "encode it"),
        ([b"ab"], "pair"),
        ([(b"a", b"b", b"c")], "pair"),
        ("text", "list of"),
        (17, "list of"),
    ],
)
def test_mistakes_of_the_application(headers: Any, text: str) -> None:
    with pytest.raises(MessageError, match=text):
        check_response(headers)
    if "content-length" not in text and "number" not in text:
        with pytest.raises(MessageError, match=text):
            push_fields(headers)


def test_push_fields() -> None:
    headers = [(b"Accept", b"*/*"), (b"host", b"evil"), (b"content-length", b"x"), (b"connection", b"close"),
               (b"expect", b"100-continue"), (b"upgrade", b"x"), [b"x-own", b" v "]]  # fmt: skip
    assert push_fields(headers) == [(b"accept", b"*/*"), (b"x-own", b"v")]
    assert push_fields(()) == []


def test_a_list_that_changes_while_it_is_read() -> None:
    headers: list[Any] = [(b"a", b"b")]

    class Odd:
        def __iter__(self) -> Iterator[bytes]:
            headers.clear()
            return iter((b"c", b"d"))

    headers += [Odd(), (b"e", b"f")]
    assert check_response(headers)[0] == [(b"a", b"b"), (b"c", b"d")]
    headers += [(b"a", b"b"), Odd(), (b"e", b"f")]
    assert push_fields(headers) == [(b"a", b"b"), (b"c", b"d"), (b"e", b"f")]
