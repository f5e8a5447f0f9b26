# SPDX-License-Identifier: MIT
"""WebSocket scopes, and what the handshake has to look like (ASGI WebSocket 2.5, RFC 6455 section 4.2)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.exchanges import Receive, Scope, Send
from tests.serving import Serve
from tests.websockets import Http1WebSocketClient, handshake, new_client, open_websocket


class Accepting:
    """Accepts, and receives until the end."""

    def __init__(self, **message: Any) -> None:
        self.message = message
        self.scopes: list[Scope] = []
        self.events: list[dict[str, Any]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scopes.append(scope)
        self.events.append(await receive())
        await send({"type": "websocket.accept", **self.message})
        while self.events[-1]["type"] != "websocket.disconnect":
            self.events.append(await receive())

    @property
    def scope(self) -> Scope:
        """The scope of the only call."""
        (scope,) = self.scopes
        return scope


def test_scope(serve: Serve) -> None:
    """W1: every key, with the types of the specification."""
    app = Accepting()
    served = serve(app, root_path="/mount", state={"pool": 1})
    client = open_websocket(served, "/chat%20room?q=%31", [("X-Token", "abc"), ("x-token", "def")])
    assert client.accepted
    scope = app.scope
    headers = scope.pop("headers")
    assert (b"x-token", b"abc") in headers
    assert (b"x-token", b"def") in headers
    assert (b"host", b"testserver") in headers
    asgi = scope.pop("asgi")
    assert asgi["version"] == "3.0"
    assert isinstance(asgi["spec_version"], str)
    assert scope == {
        "type": "websocket",
        "http_version": client.http_version,
        "scheme": "ws",
        "path": "/chat room",
        "raw_path": b"/chat%20room",
        "query_string": b"q=%31",
        "root_path": "/mount",
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 8000),
        "subprotocols": [],
        "state": {"pool": 1},
        "extensions": {"websocket.http.response": {}},
    }


def test_scope_over_tls(serve: Serve) -> None:
    """W1: the scheme is wss on a TLS connection."""
    app = Accepting()
    served = serve(app)
    client = new_client(served, sslcontext=object())
    client.open()
    assert client.accepted
    assert app.scope["scheme"] == "wss"


def test_state_is_a_copy(serve: Serve) -> None:
    """W1: each WebSocket has its own copy of the state."""
    app = Accepting()
    served = serve(app, state={"list": []})
    open_websocket(served)
    open_websocket(served)
    first, second = (scope["state"] for scope in app.scopes)
    assert first == second
    assert first is not second
    assert first["list"] is second["list"]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ([("sec-websocket-protocol", "chat, superchat")], ["chat", "superchat"]),
        ([("sec-websocket-protocol", "a"), ("Sec-WebSocket-Protocol", "b,c")], ["a", "b", "c"]),
        ([("sec-websocket-protocol", " , a ,,")], ["a"]),
        ([], []),
    ],
)
def test_subprotocols(serve: Serve, fields: list[tuple[str, str]], expected: list[str]) -> None:
    """W1: the offered subprotocols, in their order, from all fields."""
    app = Accepting()
    open_websocket(serve(app), headers=fields)
    assert app.scope["subprotocols"] == expected


@pytest.mark.protocol("1.1")
@pytest.mark.parametrize("version", ["8", "0", "14", "13, 14", "x", ""])
def test_wrong_version_is_426(serve: Serve, version: str) -> None:
    """M1: another version is told which one is spoken (RFC 6455 section 4.4)."""
    app = Accepting()
    client = open_websocket(serve(app), headers=[("sec-websocket-version", version)])
    assert client.answer.status == 426
    assert client.answer.header(b"sec-websocket-version") == b"13"
    assert client.answer.header(b"upgrade") == b"websocket"
    assert client.answer.complete
    assert not app.scopes


@pytest.mark.protocol("1.1")
def test_missing_version_is_426(serve: Serve) -> None:
    """M1: no version at all, and two of them."""
    app = Accepting()
    served = serve(app)
    assert open_websocket(served, without=["sec-websocket-version"]).answer.status == 426
    twice = open_websocket(served, headers=[("sec-websocket-version", "13"), ("sec-websocket-version", "13")])
    assert twice.answer.status == 426
    assert not app.scopes


@pytest.mark.protocol("1.1")
@pytest.mark.parametrize(
    "key",
    [
        "",
        "x",
        "dGhlIHNhbXBsZSBub25jZQ",
        "dGhlIHNhbXBsZSBub25jZQ==, dGhlIHNhbXBsZSBub25jZQ==",
        "dGhlIHNhbXBsZSBub25jZTE=",
        "dGhlIHNhbXBsZSBub25jZ===",
        "dGhlIHNhbXBsZSB*b25jZQ==",
        "\xff" * 24,
    ],
)
def test_wrong_key_is_400(serve: Serve, key: str) -> None:
    """M1: a key is 16 bytes in base64."""
    app = Accepting()
    client = open_websocket(serve(app), headers=[("sec-websocket-key", key)])
    assert (client.answer.status, client.answer.complete) == (400, True)
    assert b"Sec-WebSocket-Key" in client.answer.body
    assert client.ended
    assert not app.scopes


@pytest.mark.protocol("1.1")
def test_missing_or_double_key_is_400(serve: Serve) -> None:
    """M1: there is exactly one key."""
    served = serve(Accepting())
    assert open_websocket(served, without=["sec-websocket-key"]).answer.status == 400
    key = ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
    assert open_websocket(served, headers=[key, key]).answer.status == 400


@pytest.mark.protocol("1.1")
def test_body_is_400(serve: Serve) -> None:
    """M1: a handshake has no body."""
    served = serve(Accepting())
    client = open_websocket(served, headers=[("content-length", "3")], data=b"abc")
    assert client.answer.status == 400
    assert client.ended


@pytest.mark.protocol("1.1")
@pytest.mark.parametrize(
    "fields",
    [
        [("upgrade", "WebSocket"), ("connection", "upgrade")],
        [("upgrade", "h2c, websocket"), ("connection", "keep-alive, Upgrade")],
        [("upgrade", "h2c"), ("upgrade", "websocket"), ("connection", "foo"), ("connection", "upgrade")],
    ],
)
def test_tokens_in_any_case_and_list(serve: Serve, fields: list[tuple[str, str]]) -> None:
    """M1: Upgrade and Connection are lists of tokens in any case."""
    assert open_websocket(serve(Accepting()), headers=fields).accepted


@pytest.mark.protocol("1.1")
@pytest.mark.parametrize(
    "request_bytes",
    [
        handshake(method="POST", headers=[("content-length", "0")]),
        handshake(version="1.0"),
        handshake(headers=[("connection", "keep-alive")]),
        handshake(headers=[("upgrade", "h2c")]),
        handshake(without=["upgrade"]),
    ],
)
def test_other_upgrades_are_ignored(serve: Serve, request_bytes: bytes) -> None:
    """M1: what asks for no WebSocket is an HTTP request like any other (RFC 9110 section 7.8)."""
    types: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        types.append(scope["type"])
        await send({"type": "http.response.start", "status": 204})
        await send({"type": "http.response.body"})

    client = Http1WebSocketClient(serve(app))
    client.send(request_bytes)
    assert types == ["http"]
    assert client.answer.status == 204


def test_server_names_apply(serve: Serve) -> None:
    """M1, L7: a host that is not the server's gets 404."""
    app = Accepting()
    served = serve(app, server_names=["example.org"])
    assert open_websocket(served).answer.status == 404
    assert open_websocket(served, headers=[("host", "example.org")]).accepted
    assert len(app.scopes) == 1


def test_limit_of_requests_applies(serve: Serve) -> None:
    """M1, L4: a WebSocket counts as a request as long as its application runs."""
    served = serve(Accepting(), max_concurrent_requests=1)
    first = open_websocket(served)
    assert first.accepted
    assert open_websocket(served).answer.status == 503
    first.close(1000)
    assert open_websocket(served).accepted


@pytest.mark.protocol("1.1")
def test_names_keep_their_case_when_asked(serve: Serve) -> None:
    """M1: h11_pass_raw_headers does not disturb the handshake."""
    app = Accepting()
    served = serve(app, h11_pass_raw_headers=True)
    fields = [
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
    ]
    assert open_websocket(served, headers=fields).accepted
    assert (b"Upgrade", b"websocket") in app.scope["headers"]


@pytest.mark.protocol("1.1")
def test_after_other_requests(serve: Serve) -> None:
    """M1: a connection may carry requests before, also pipelined with the handshake."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 204})
            await send({"type": "http.response.body"})
        else:
            await send({"type": "websocket.accept"})
            await receive()

    client = Http1WebSocketClient(serve(app))
    client.send(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n", handshake())
    first, _, rest = bytes(client.transport.received).partition(b"\r\n\r\n")
    assert first.startswith(b"HTTP/1.1 204 ")
    assert rest.startswith(b"HTTP/1.1 101 Switching Protocols\r\n")
