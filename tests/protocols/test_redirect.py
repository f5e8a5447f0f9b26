# SPDX-License-Identifier: MIT
"""redirect_to_https: requests that came without TLS are sent to https, on both versions of HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from fastcorn.protocols.redirect import location
from tests.applications import Recorder
from tests.exchanges import Headers, Served
from tests.secure import SecureClient
from tests.serving import Serve

SETTINGS: dict[str, Any] = {"redirect_to_https": True, "certfile": "cert.pem", "insecure_bind": "127.0.0.1:80"}


def served_by(serve: Serve, app: Recorder | None = None, **settings: Any) -> Served:
    return serve(app or Recorder(), **{**SETTINGS, **settings})


def scope_of(path: bytes = b"/", query: bytes = b"", headers: Headers | None = None, **more: Any) -> dict[str, Any]:
    scope = {"raw_path": path, "query_string": query, "headers": headers or [], "server": ("192.0.2.1", 80)}
    return {**scope, **more}


@pytest.mark.parametrize(
    ("host", "port", "wanted"),
    [
        (b"example.org", 443, b"https://example.org/"),
        (b"example.org:80", 443, b"https://example.org/"),
        (b"example.org:8080", 8443, b"https://example.org:8443/"),
        (b"[2001:db8::1]", 443, b"https://[2001:db8::1]/"),
        (b"[2001:db8::1]:80", 8443, b"https://[2001:db8::1]:8443/"),
        (b"", 443, b"https://192.0.2.1/"),
        (None, 8443, b"https://192.0.2.1:8443/"),
    ],
)
def test_hosts_and_ports(host: bytes | None, port: int, wanted: bytes) -> None:
    assert location(host, scope_of(), port) == wanted


def test_path_and_query_stay_as_they_came() -> None:
    assert location(b"x", scope_of(b"/a%2Fb//c", b"q=%20&r=?"), 443) == b"https://x/a%2Fb//c?q=%20&r=?"
    assert location(b"x", scope_of(b"*"), 443) == b"https://x"


def test_addresses_without_a_host() -> None:
    assert location(b"", scope_of(server=("::1", 80)), 443) == b"https://[::1]/"
    assert location(b"x", scope_of(server=("/run/app.sock", None)), 443) is None
    assert location(b"x", scope_of(server=None), 443) is None


def test_a_websocket_is_sent_to_wss() -> None:
    assert location(b"x", scope_of(headers=[(b"Upgrade", b" WebSocket")]), 443) == b"wss://x/"
    assert location(b"x", scope_of(headers=[(b"upgrade", b"h2c")]), 443) == b"https://x/"


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS", "FROB"])
def test_every_method_is_redirected(serve: Serve, method: str) -> None:
    app = Recorder()
    served = served_by(serve, app, redirect_port=8443)
    exchange = served.request(method, "/a?b=c", [("host", "testserver:80")])
    assert exchange.answer.status == 308
    assert exchange.answer.header(b"location") == b"https://testserver:8443/a?b=c"
    assert exchange.answer.body == (b"" if method == "HEAD" else b"308 use https\n")
    assert app.scopes == []
    assert served.context.errors_total == 0


@pytest.mark.parametrize("serve", ["2"], indirect=True)
def test_over_http2(serve: Serve) -> None:
    app = Recorder()
    served = served_by(serve, app)
    exchange = served.request("POST", "/a?b=c", [("host", "testserver")], b"body")
    assert exchange.answer.status == 308
    assert exchange.answer.header(b"location") == b"https://testserver/a?b=c"
    assert app.scopes == []
    assert served.context.errors_total == 0


def test_a_websocket_is_answered_so_too(serve: Serve) -> None:
    fields = [("connection", "upgrade"), ("upgrade", "websocket"), ("sec-websocket-version", "13")]
    answer = served_by(serve).request(headers=fields).answer
    assert (answer.status, answer.header(b"location")) == (308, b"wss://testserver/")


def test_the_connection_is_kept(serve: Serve) -> None:
    client = served_by(serve).connect()
    client.send(b"GET /1 HTTP/1.1\r\nhost: a\r\n\r\nGET /2 HTTP/1.1\r\nhost: b\r\n\r\n")
    assert [answer.header(b"location") for answer in client.answers] == [b"https://a/1", b"https://b/2"]
    assert not client.ended


def test_an_unknown_host_is_refused_and_not_redirected(serve: Serve) -> None:
    client = served_by(serve, server_names=["good.example"]).connect()
    client.send(b"GET / HTTP/1.1\r\nhost: evil.example\r\n\r\nGET / HTTP/1.1\r\nhost: good.example\r\n\r\n")
    assert [answer.status for answer in client.answers] == [404, 308]


def test_not_over_tls_and_not_by_a_unix_socket(serve: Serve) -> None:
    served = served_by(serve)
    secure, local = SecureClient(served), served.connect(sockname="/run/app.sock", peername="")
    for client in (secure, local):
        client.send(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        assert client.answers[0].status == 200


def test_without_the_setting_nothing_is_redirected(serve: Serve) -> None:
    served = serve(Recorder())
    assert served.request().answer.status == 200
