# SPDX-License-Identifier: MIT
"""The scope of an HTTP request: each key, its exact type, and that nothing of it is shared between requests."""

from __future__ import annotations

from typing import Any

import pytest

from tests.applications import Recorder, answering
from tests.exchanges import Receive, Scope, Send
from tests.serving import Serve


def scope_of(serve: Serve, target: str = "/", headers: Any = (), *, method: str = "GET", **settings: Any) -> Scope:
    app = Recorder()
    exchange = serve(app, **settings).request(method, target, headers)
    assert exchange.answer.status == 200
    return app.scope


def test_scope_is_a_dict_with_type_and_asgi_version(serve: Serve) -> None:
    """C2, H1, H3: the scope is a real dict; type and versions are str."""
    scope = scope_of(serve)
    assert type(scope) is dict
    assert scope["type"] == "http"
    assert scope["asgi"] == {"version": "3.0", "spec_version": "2.5"}
    assert {type(value) for value in scope["asgi"].values()} == {str}


def test_spec_version_can_be_overridden(serve: Serve) -> None:
    """H3, R10: applications that decide by the version can be told an older one."""
    assert scope_of(serve, asgi_spec_version="2.3")["asgi"] == {"version": "3.0", "spec_version": "2.3"}


def test_spec_version_promises_oserror_from_send(serve: Serve) -> None:
    """R10: 2.4 or later lets Starlette skip its disconnect listener."""
    version = scope_of(serve)["asgi"]["spec_version"]
    assert tuple(map(int, version.split("."))) >= (2, 4)


def test_every_key_is_str_and_every_value_has_its_documented_type(serve: Serve) -> None:
    """C10, H4, H5, H6, H7, H8, H9, H10, H11: exact types, not subclasses."""
    scope = scope_of(serve, "/a%20b?c=%20d", [("X-One", "1")])
    assert {type(key) for key in scope} == {str}
    expected = {
        "type": str, "asgi": dict, "http_version": str, "method": str, "scheme": str, "path": str, "raw_path": bytes,
        "query_string": bytes, "root_path": str, "extensions": dict,
    }  # fmt: skip
    assert {key: type(scope[key]) for key in expected} == expected
    for pair in scope["headers"]:
        assert [type(part) for part in pair] == [bytes, bytes]


def test_keys_are_the_documented_ones(serve: Serve) -> None:
    """C2, C10: nothing undocumented rides in the scope."""
    documented = {
        "type", "asgi", "http_version", "method", "scheme", "path", "raw_path", "query_string", "root_path",
        "headers", "client", "server", "state", "extensions",
    }  # fmt: skip
    assert set(scope_of(serve)) - documented == set()


def test_http_version_is_the_one_of_the_request(serve: Serve) -> None:
    """H4: a str."""
    app = Recorder()
    exchange = serve(app).request()
    assert app.scope["http_version"] == exchange.http_version


@pytest.mark.parametrize(
    "method", ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "M-SEARCH"]
)
def test_method_is_passed_on(serve: Serve, method: str) -> None:
    """H5: known and unknown methods alike."""
    scope = scope_of(serve, method=method)
    assert scope["method"] == method
    assert type(scope["method"]) is str


def test_method_in_lower_case_is_made_upper_case(serve: Serve) -> None:
    """H5: the application is always given upper case."""
    assert scope_of(serve, method="get")["method"] == "GET"


@pytest.mark.protocol("1.1")
def test_scheme_defaults_to_http(serve: Serve) -> None:
    """H6, X5: a clear-text connection; no tls extension is allowed there."""
    scope = scope_of(serve)
    assert scope["scheme"] == "http"
    assert "tls" not in scope["extensions"]


@pytest.mark.parametrize(
    ("target", "path", "raw_path", "query"),
    [
        ("/", "/", b"/", b""),
        ("/plain", "/plain", b"/plain", b""),
        ("/a?b=c", "/a", b"/a", b"b=c"),
        ("/a?", "/a", b"/a", b""),
        ("/a?b?c", "/a", b"/a", b"b?c"),
        ("/?%20+&x=%2F", "/", b"/", b"%20+&x=%2F"),
        ("/%61%62", "/ab", b"/%61%62", b""),
        ("/a%2Fb", "/a/b", b"/a%2Fb", b""),
        ("/a%2fb%3Fc", "/a/b?c", b"/a%2fb%3Fc", b""),
        ("/caf%C3%A9", "/café", b"/caf%C3%A9", b""),
        ("/%F0%9F%8C%BD", "/\U0001f33d", b"/%F0%9F%8C%BD", b""),
        ("/a+b", "/a+b", b"/a+b", b""),
        ("//a//b", "//a//b", b"//a//b", b""),
        ("/a/../b/.", "/a/../b/.", b"/a/../b/.", b""),
        ("/%", "/%", b"/%", b""),
        ("/%4", "/%4", b"/%4", b""),
        ("/%zz", "/%zz", b"/%zz", b""),
        ("/%25zz%2525", "/%zz%25", b"/%25zz%2525", b""),
        ("/%00", "/\0", b"/%00", b""),
        ("/a;b=c", "/a;b=c", b"/a;b=c", b""),
    ],
)
def test_path_is_decoded_and_raw_path_and_query_are_not(
    serve: Serve, target: str, path: str, raw_path: bytes, query: bytes
) -> None:
    """H7, H8, H9: percent- and UTF-8-decoded path, the bytes of the target beside it."""
    scope = scope_of(serve, target)
    assert (scope["path"], scope["raw_path"], scope["query_string"]) == (path, raw_path, query)


@pytest.mark.parametrize("target", ["/%FF", "/a%C3", "/%ED%A0%80", "/%F8%88%80%80%80", "/%C0%AF"])
def test_path_that_is_not_utf8_does_no_harm(serve: Serve, target: str) -> None:
    """H7: one policy for all; the raw bytes stay at hand."""
    app = Recorder()
    exchange = serve(app).request("GET", target)
    assert exchange.answer.status in (200, 400)
    for scope in app.scopes:
        assert type(scope["path"]) is str
        assert scope["raw_path"] == target.encode()


def test_root_path_defaults_to_nothing(serve: Serve) -> None:
    """H10."""
    assert scope_of(serve)["root_path"] == ""


def test_root_path_is_the_setting(serve: Serve) -> None:
    """H10: the mount point that a proxy in front has taken off."""
    scope = scope_of(serve, "/x", root_path="/mounted")
    assert scope["root_path"] == "/mounted"
    assert scope["raw_path"] == b"/x"


def test_headers_keep_order_and_duplicates_and_are_lower_case(serve: Serve) -> None:
    """H11, H12: nothing is merged, not even cookies."""
    sent = [("X-B", "1"), ("Cookie", "a=1"), ("x-a", "2"), ("X-B", "3"), ("COOKIE", "b=2"), ("Set-Cookie", "c")]
    scope = scope_of(serve, "/", sent)
    names = {b"x-a", b"x-b", b"cookie", b"set-cookie"}
    assert [tuple(pair) for pair in scope["headers"] if pair[0] in names] == [
        (name.lower().encode(), value.encode()) for name, value in sent
    ]


def test_header_names_of_one_letter(serve: Serve) -> None:
    """H11: CPython shares its bytes objects of one byte; lower-casing a name must not reach those."""
    scope = scope_of(serve, "/", [(chr(letter), "1") for letter in range(ord("A"), ord("Z") + 1)])
    assert [bytes([letter])[0] for letter in range(256)] == list(range(256))
    names = [name for name, _ in scope["headers"] if len(name) == 1]
    assert [name[0] for name in names] == list(range(ord("a"), ord("z") + 1))


def test_headers_have_no_pseudo_header_and_one_host(serve: Serve) -> None:
    """H11: the authority is the host field, first or in its place."""
    scope = scope_of(serve)
    assert [tuple(pair) for pair in scope["headers"] if pair[0] == b"host"] == [(b"host", b"testserver")]
    assert not [name for name, _ in scope["headers"] if name.startswith(b":")]


def test_header_values_are_the_bytes_that_came(serve: Serve) -> None:
    """H11: surrounding white space goes, obs-text and inner tabs stay."""
    scope = scope_of(serve, "/", [("x-padded", " \t a\tb \t"), ("x-latin", "\xe9\xff"), ("x-empty", "")])
    values = dict(scope["headers"])
    assert values[b"x-padded"] == b"a\tb"
    assert values[b"x-latin"] == b"\xe9\xff"
    assert values[b"x-empty"] == b""


def test_client_and_server_are_host_and_port(serve: Serve) -> None:
    """H13, H14."""
    scope = scope_of(serve, extra={"peername": ("192.0.2.1", 4711), "sockname": ("192.0.2.2", 443)})
    assert list(scope["client"]) == ["192.0.2.1", 4711]
    assert list(scope["server"]) == ["192.0.2.2", 443]
    assert [type(part) for part in scope["client"]] == [str, int]


def test_client_and_server_of_ipv6_have_two_parts(serve: Serve) -> None:
    """H13, H14: flow label and scope id of the socket name are left out."""
    scope = scope_of(serve, extra={"peername": ("2001:db8::1", 4711, 0, 0), "sockname": ("2001:db8::2", 443, 0, 0)})
    assert list(scope["client"]) == ["2001:db8::1", 4711]
    assert list(scope["server"]) == ["2001:db8::2", 443]


@pytest.mark.parametrize("peername", ["", None, b""])
def test_unix_socket_has_a_path_and_no_port(serve: Serve, peername: Any) -> None:
    """H13, H14: [path, None]; the client of a unix socket has no address."""
    scope = scope_of(serve, extra={"peername": peername, "sockname": "/run/app.sock"})
    assert scope.get("client") is None
    assert list(scope["server"]) == ["/run/app.sock", None]


def test_socket_without_names_is_served(serve: Serve) -> None:
    """H13, H14: a transport that knows no names still works."""
    scope = scope_of(serve, extra={"peername": None, "sockname": None})
    assert scope.get("client") is None
    assert scope.get("server") is None


def test_state_is_a_shallow_copy(serve: Serve) -> None:
    """H15: the copy is the request's own, the values in it are shared."""
    shared: list[int] = []
    state = {"pool": shared}
    scope = scope_of(serve, state=state)
    assert scope["state"] == {"pool": shared}
    assert scope["state"] is not state
    assert scope["state"]["pool"] is shared


def test_state_of_one_request_is_not_seen_by_the_next(serve: Serve) -> None:
    """H15."""
    state: dict[str, Any] = {"n": 1}
    seen: list[dict[str, Any]] = []
    answer = answering()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(dict(scope["state"]))
        scope["state"]["n"] = 2
        scope["state"]["extra"] = True
        await answer(scope, receive, send)

    served = serve(app, state=state)
    served.request()
    served.request()
    assert seen == [{"n": 1}, {"n": 1}]
    assert state == {"n": 1}


def test_each_request_has_a_scope_of_its_own(serve: Serve) -> None:
    """H2, C13: what an application or its middleware changes is gone for the next request."""
    scopes: list[Scope] = []
    snapshots: list[tuple[Any, ...]] = []
    answer = answering()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        snapshots.append((dict(scope["asgi"]), dict(scope["extensions"]), list(scope["headers"]), scope["path"]))
        scopes.append(scope)
        scope["asgi"]["spec_version"] = "0.0"
        scope["extensions"]["made.up"] = {}
        scope["headers"] = [*scope["headers"], (b"x-added", b"1")]
        scope["path"] = "/changed"
        scope["added"] = 1
        await answer(scope, receive, send)

    served = serve(app)
    served.request()
    served.request()
    assert snapshots[0] == snapshots[1]
    assert scopes[0] is not scopes[1]
    assert snapshots[0][0]["spec_version"] == "2.5"


def test_requests_on_one_connection_do_not_share_a_scope(serve: Serve) -> None:
    """H2, C1: one call for each request, also on a kept connection."""
    app = Recorder()
    exchange = serve(app).request("GET", "/one", [("x-only", "one")])
    assert exchange.follow("GET", "/two?q", [("host", "b")]).answer.status == 200
    first, second = app.scopes
    assert first is not second
    assert (first["path"], first["query_string"]) == ("/one", b"")
    assert (second["path"], second["query_string"]) == ("/two", b"q")
    assert [tuple(pair) for pair in second["headers"]] == [(b"host", b"b")]
    assert second["headers"] is not first["headers"]


def test_extensions_are_empty_dicts_under_their_names(serve: Serve) -> None:
    """C9, X3, X4, X6, X7: an extension that is offered is a dict; debug is never offered (X8)."""
    extensions = scope_of(serve)["extensions"]
    offered = {
        "http.response.trailers", "http.response.early_hint", "http.response.pathsend", "http.response.zerocopysend",
    }  # fmt: skip
    assert offered <= set(extensions)
    assert {type(value) for value in extensions.values()} == {dict}
    assert "http.response.debug" not in extensions
