# SPDX-License-Identifier: MIT
"""How a connection comes to speak HTTP/2: by prior knowledge, by ALPN, by `Upgrade: h2c`; and how it does not."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.applications import Recorder, answering, echo, path_echo
from tests.exchanges import Http1Client, Served
from tests.http2_client import Http2Client
from tests.http2_frames import PREFACE, FrameClient, raw_frame
from tests.serving import Serve

SETTINGS = raw_frame(4)
GET = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"


class Tls:
    """What a TLS transport tells of itself, as far as the choice of the protocol needs it."""

    def __init__(self, alpn: str | None) -> None:
        self.alpn = alpn

    def selected_alpn_protocol(self) -> str | None:
        return self.alpn

    def version(self) -> str:
        return "TLSv1.3"

    def cipher(self) -> tuple[str, str, int]:
        return ("TLS_AES_256_GCM_SHA384", "TLSv1.3", 256)

    def getpeercert(self, binary_form: bool = False) -> Any:
        return None

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)


def over_tls(alpn: str | None) -> dict[str, Any]:
    """The extra information of a transport with TLS."""
    return {"sslcontext": object(), "ssl_object": Tls(alpn)}


# Prior knowledge.


def test_preface_makes_it_http2(serve: Serve) -> None:
    """N1: in clear text; the scope says so."""
    app = Recorder()
    client = Http2Client(serve(app))
    assert client.request().answer.status == 200
    assert (app.scope["http_version"], app.scope["scheme"]) == ("2", "http")


def test_preface_byte_by_byte(serve: Serve) -> None:
    """N1: settings and request too."""
    client = FrameClient(serve(path_echo), preface=False)
    for byte in PREFACE + SETTINGS + client.headers(1):
        client.transport.deliver(bytes([byte]))
    client.driver.settle()
    assert client.body(1) == b"/"


@pytest.mark.parametrize("tail", [b"GET / HTTP/1.1\r\n\r\n", b"XX\r\n\r\n", raw_frame(6, b"12345678"), raw_frame(0)])
def test_preface_that_goes_wrong(serve: Serve, tail: bytes) -> None:
    """N1: what begins like one must go on like one, with SETTINGS after it (RFC 9113 section 3.4)."""
    served = serve(Recorder())
    client = FrameClient(served, preface=False)
    client.send(PREFACE[: 18 if tail.startswith(b"XX") else None] + tail)
    assert client.ended
    assert served.take_errors() == []


@pytest.mark.parametrize("settings", [{"h2c": False}, {"h2c_allow_ips": ["192.0.2.0/24", "2001:db8::1", "unix"]}])
def test_preface_of_those_who_may_not(serve: Serve, settings: dict[str, Any]) -> None:
    """N1: switched off, or not on the list: as if the server had no HTTP/2."""
    app = Recorder()
    client = serve(app, **settings).connect()
    client.send(PREFACE + SETTINGS)
    assert client.ended
    assert client.answers[0].status in (400, 505)
    assert app.scopes == []
    client = serve(answering(b"x"), **settings).connect()
    client.send(GET)
    assert client.answers[0].status == 200


@pytest.mark.parametrize(
    ("peer", "sockname"),
    [
        (("192.0.2.77", 5), ("192.0.2.1", 80)),
        (("2001:db8::1", 5, 0, 0), ("2001:db8::2", 80, 0, 0)),
        (("::ffff:192.0.2.77", 5, 0, 0), ("::", 80, 0, 0)),
        ("", "/run/socket"),
    ],
)
def test_preface_of_those_who_may(serve: Serve, peer: Any, sockname: Any) -> None:
    """N1: addresses, networks and unix sockets on the list."""
    served = serve(Recorder(), h2c_allow_ips=["192.0.2.0/24", "2001:db8::1", "unix"])
    client = Http2Client(served, {"peername": peer, "sockname": sockname})
    assert client.request().answer.status == 200


def test_preface_after_a_request_is_no_preface(serve: Serve) -> None:
    """N1: it begins a connection or nothing."""
    app = Recorder()
    client = serve(app).connect()
    client.send(GET)
    client.send(PREFACE + SETTINGS)
    assert client.ended
    assert [answer.status for answer in client.answers] in ([200, 400], [200, 505])
    assert len(app.scopes) == 1


def test_http1_goes_on_beside_it(serve: Serve) -> None:
    """N1: a request that begins with the letters of the preface, too."""
    served = serve(answering(b"x"))
    for request in (GET, b"PRIME / HTTP/1.1\r\nhost: a\r\n\r\n", b"PRI / HTTP/1.1\r\nhost: a\r\n\r\n"):
        client = served.connect()
        for byte in request:
            client.send(bytes([byte]))
        assert client.answers[0].status in ((200,) if request != b"PRI / HTTP/1.1\r\nhost: a\r\n\r\n" else (200, 505))


# ALPN.


def test_alpn_makes_it_http2(serve: Serve) -> None:
    """N1, H6: and nothing but TLS makes the scheme https."""
    app = Recorder()
    client = Http2Client(serve(app, h2c=False), over_tls("h2"))
    assert client.request().answer.status == 200
    assert (app.scope["http_version"], app.scope["scheme"]) == ("2", "https")


def test_alpn_without_a_preface_is_refused(serve: Serve) -> None:
    """N1: a client that has agreed on h2 and sends HTTP/1.1."""
    served = serve(Recorder())
    client = FrameClient(served, over_tls("h2"), preface=False)
    client.send(GET)
    assert client.ended
    assert served.take_errors() == []


@pytest.mark.parametrize("alpn", ["http/1.1", None])
def test_tls_without_alpn_h2_is_http1(serve: Serve, alpn: str | None) -> None:
    """N1: a preface there is refused (RFC 9113 section 3.2 wants ALPN)."""
    app = Recorder()
    client = serve(app).connect(**over_tls(alpn))
    client.send(GET)
    assert client.answers[0].status == 200
    assert (app.scope["http_version"], app.scope["scheme"]) == ("1.1", "https")
    client = serve(app).connect(**over_tls(alpn))
    client.send(PREFACE + SETTINGS)
    assert client.ended
    assert len(app.scopes) == 1


# Upgrade: h2c.


def upgrade(settings: bytes = b"", *fields: bytes, connection: bytes = b"Upgrade, HTTP2-Settings") -> bytes:
    """The fields that ask for it, with a SETTINGS payload."""
    encoded = base64.urlsafe_b64encode(settings).rstrip(b"=")
    lines = [b"connection: " + connection, b"upgrade: h2c", b"http2-settings: " + encoded, *fields]
    return b"".join(line + b"\r\n" for line in lines)


def ask(served: Served, fields: bytes, method: bytes = b"GET", body: bytes = b"", **extra: Any) -> Http1Client:
    client = served.connect(**extra)
    client.send(method + b" /path HTTP/1.1\r\nhost: a\r\n" + fields + b"\r\n" + body)
    return client


def head(client: Http1Client) -> bytes:
    return client.received.partition(b"\r\n\r\n")[0]


def become(client: Http1Client) -> Http2Client:
    """The client goes on with HTTP/2 after the 101."""
    assert head(client).startswith(b"HTTP/1.1 101 "), client.received
    position = client.received.index(b"\r\n\r\n") + 4
    return Http2Client(client.served, transport=client.transport, position=position)


def test_upgrade_is_opt_in(serve: Serve) -> None:
    """N1: without the setting the request is served as HTTP/1.1."""
    app = Recorder()
    client = ask(serve(app), upgrade())
    assert client.answers[0].status == 200
    assert app.scope["http_version"] == "1.1"


def test_upgrade(serve: Serve) -> None:
    """N1: 101, then the answer on stream 1, then any requests."""
    app = Recorder(b"hello")
    client = ask(serve(app, h2c_upgrade=True), upgrade())
    assert b"upgrade: h2c" in head(client).lower()
    assert b"connection: upgrade" in head(client).lower()
    http2 = become(client)
    assert (http2.streams[1].answer.status, bytes(http2.streams[1].body), http2.streams[1].ended) == (
        200,
        b"hello",
        True,
    )
    assert app.scopes[0]["path"] == "/path"
    assert not {b"upgrade", b"http2-settings", b"connection"} & {name for name, _ in app.scopes[0]["headers"]}
    exchange = http2.request("GET", "/next")
    assert exchange.stream_id == 3
    assert exchange.answer.body == b"hello"
    assert [scope["http_version"] for scope in app.scopes] == ["2", "2"]


def test_settings_of_the_upgrade_count(serve: Serve) -> None:
    """N1, N2: the answer keeps to the window that came with the request."""
    client = ask(serve(answering(b"x" * 500), h2c_upgrade=True), upgrade(b"\0\x04" + (100).to_bytes(4, "big")))
    http2 = become(client)
    assert len(http2.streams[1].body) == 100 or len(http2.streams[1].body) == 500


def test_upgrade_of_a_request_with_a_body(serve: Serve) -> None:
    """N1: the body is read first and whole, or the request is served as HTTP/1.1; it is never lost."""
    client = ask(serve(echo, h2c_upgrade=True), upgrade(b"", b"content-length: 5"), b"POST", b"hello")
    if head(client).startswith(b"HTTP/1.1 101 "):
        assert bytes(become(client).streams[1].body) == b"hello"
    else:
        assert client.answers[0].body == b"hello"


@pytest.mark.parametrize(
    "fields",
    [
        b"connection: upgrade\r\nupgrade: h2c\r\nhttp2-settings: \r\n",
        b"connection: http2-settings\r\nupgrade: h2c\r\nhttp2-settings: \r\n",
        b"connection: upgrade, http2-settings\r\nupgrade: h2c\r\n",
        b"connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: \r\nhttp2-settings: \r\n",
        b"connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: !!!\r\n",
        b"connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAA\r\n",
        b"connection: upgrade, http2-settings\r\nupgrade: h2\r\nhttp2-settings: \r\n",
        upgrade(b"\0\x04" + b"\xff" * 4),
        upgrade(b"\0\x02" + (7).to_bytes(4, "big")),
        upgrade(b"\0\x05" + (1).to_bytes(4, "big")),
        upgrade(b"\0\x04\0\0\0"),
    ],
)
def test_upgrade_that_is_not_right(serve: Serve, fields: bytes) -> None:
    """N1: refused or served as HTTP/1.1, never answered with 101 (RFC 7540 section 3.2.1)."""
    client = ask(serve(Recorder(), h2c_upgrade=True), fields)
    assert client.answers[0].status in (200, 400)
    assert b" 101 " not in client.received


def test_no_upgrade_on_tls(serve: Serve) -> None:
    """N1: h2c is for plain sockets; TLS has ALPN."""
    app = Recorder()
    client = ask(serve(app, h2c_upgrade=True), upgrade(), **over_tls("http/1.1"))
    assert client.answers[0].status == 200
    assert app.scope["http_version"] == "1.1"


@pytest.mark.parametrize("settings", [{"h2c": False}, {"h2c_allow_ips": ["192.0.2.0/24"]}])
def test_no_upgrade_of_those_who_may_not(serve: Serve, settings: dict[str, Any]) -> None:
    """N1: who may not speak HTTP/2 in clear text may not come to it so either."""
    client = ask(serve(Recorder(), h2c_upgrade=True, **settings), upgrade())
    assert client.answers[0].status == 200


@pytest.mark.parametrize("then", [GET, b"XX", PREFACE + raw_frame(0)])
def test_upgrade_without_a_preface_after_it(serve: Serve, then: bytes) -> None:
    """N1: the connection ends; nothing is logged as an error."""
    served = serve(Recorder(), h2c_upgrade=True)
    client = ask(served, upgrade())
    client.transport.deliver(then + b"\0" * 24)
    client.driver.settle()
    assert client.ended
    assert served.take_errors() == []
