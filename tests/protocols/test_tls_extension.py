# SPDX-License-Identifier: MIT
"""The extension `tls` of scopes (ASGI TLS extension 0.2; X5 of the checklist), and Strict-Transport-Security."""

from __future__ import annotations

import gc
import ssl
from typing import Any
from weakref import ref

import pytest

from fastcorn.protocols.tls import certificates, client_chain, own_certificate, suite_number, tls_extension
from tests.applications import Recorder, answering
from tests.exchanges import Scope
from tests.secure import CERTIFICATE, SecureClient, client_context, server_context
from tests.serving import Serve

GET = b"GET / HTTP/1.1\r\nhost: testserver\r\n\r\n"
UPGRADE = (
    b"GET / HTTP/1.1\r\nhost: testserver\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
    b"sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
PEM = CERTIFICATE.read_text()


def scopes_of(serve: Serve, data: bytes = GET, **options: Any) -> list[Scope]:
    app = Recorder(reads=False)
    client = SecureClient(serve(app), **options)
    client.send(data)
    client.vanish()
    client.served.take_errors()  # the application answers a WebSocket as if it were none
    return app.scopes


@pytest.mark.parametrize(("version", "number"), [(ssl.TLSVersion.TLSv1_2, 0x0303), (ssl.TLSVersion.TLSv1_3, 0x0304)])
def test_without_a_client_certificate(serve: Serve, version: ssl.TLSVersion, number: int) -> None:
    """X5: the keys that are always there."""
    (scope,) = scopes_of(serve, client=client_context(version))
    tls = scope["extensions"]["tls"]
    suite = tls.pop("cipher_suite")
    assert tls == {
        "server_cert": PEM,
        "client_cert_chain": (),
        "client_cert_name": None,
        "client_cert_error": None,
        "tls_version": number,
    }
    assert 0 < suite <= 0xFFFF
    assert (suite >> 8 == 0x13) == (number == 0x0304)


def test_a_client_certificate(serve: Serve) -> None:
    """X5: the chain in PEM, leaf first, and its name."""
    (scope,) = scopes_of(serve, client=client_context(shows=True), server=server_context(ssl.CERT_OPTIONAL))
    tls = scope["extensions"]["tls"]
    assert tls["client_cert_chain"] == (PEM,)
    assert (tls["client_cert_name"], tls["client_cert_error"]) == ("CN=localhost", None)


def test_a_certificate_that_may_be_left_out(serve: Serve) -> None:
    """X5: CERT_OPTIONAL."""
    (scope,) = scopes_of(serve, server=server_context(ssl.CERT_OPTIONAL))
    assert (scope["extensions"]["tls"]["client_cert_chain"], scope["extensions"]["tls"]["client_cert_name"]) == (
        (),
        None,
    )


def test_a_websocket_has_it_too(serve: Serve) -> None:
    """X5: scopes of both types."""
    (scope,) = scopes_of(serve, UPGRADE)
    assert (scope["type"], scope["scheme"]) == ("websocket", "wss")
    assert scope["extensions"]["tls"]["server_cert"] == PEM
    assert "websocket.http.response" in scope["extensions"]


@pytest.mark.parametrize("data", [GET, UPGRADE])
def test_never_on_plain_connections(serve: Serve, data: bytes) -> None:
    """X5: forbidden where there is no TLS."""
    app = Recorder(reads=False)
    client = serve(app).connect()
    client.send(data)
    client.vanish()
    client.served.take_errors()
    assert "tls" not in app.scope["extensions"]


def test_what_an_application_changes_is_its_own(serve: Serve) -> None:
    """X5: each request gets a dictionary of its own, made once for the connection."""
    first, second, third = scopes_of(serve, GET * 3)
    first["extensions"]["tls"]["server_cert"] = "changed"
    second["extensions"]["tls"].clear()
    assert third["extensions"]["tls"]["server_cert"] == PEM


def test_connections_share_what_is_the_same(serve: Serve) -> None:
    """X5: without a client's certificate a connection costs no dictionary."""
    one, two = (SecureClient(serve(answering())).below for _ in range(2))
    assert tls_extension(one) is tls_extension(two)


class Opaque:
    def get_extra_info(self, name: str) -> Any:
        return None


def test_a_transport_that_keeps_it_to_itself() -> None:
    """X5: the mandatory keys are there all the same."""
    facts = tls_extension(Opaque())
    assert set(facts) == {
        "server_cert", "client_cert_chain", "client_cert_name", "client_cert_error", "tls_version", "cipher_suite",
    }  # fmt: skip
    assert facts["server_cert"] is None
    assert facts["tls_version"] is None
    assert facts["cipher_suite"] is None


def test_numbers_of_cipher_suites() -> None:
    """X5: IANA's numbers."""
    context = server_context()
    assert suite_number(context, "TLS_AES_256_GCM_SHA384") == 0x1302
    assert suite_number(context, "ECDHE-ECDSA-AES128-GCM-SHA256") == 0xC02B
    assert suite_number(context, "unheard-of") is None


def test_the_own_certificate_is_asked_for_once_a_context() -> None:
    """X5: server_cert, also where clients need a certificate of their own, and not kept longer than the context."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE, CERTIFICATE.with_name("key.pem"))
    context.load_verify_locations(CERTIFICATE)
    context.verify_mode = ssl.CERT_REQUIRED
    assert own_certificate(context) == PEM
    assert own_certificate(context) is own_certificate(context)
    gone = ref(context)
    del context
    gc.collect()
    assert gone() is None


def test_the_own_certificate_where_names_are_needed() -> None:
    """X5: server_cert of a context whose callback refuses clients without a name; the callback stays."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE, CERTIFICATE.with_name("key.pem"))

    def refuse(*_: object) -> int:
        return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME

    context.sni_callback = refuse
    assert own_certificate(context) == PEM
    assert context.sni_callback is refuse


def test_an_own_certificate_that_cannot_be_found_out() -> None:
    """X5: server_cert may be None."""
    assert own_certificate(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)) is None


class Session:
    """An SSLObject that has seen more certificates than it should believe."""

    def __init__(self, verified: list[bytes]) -> None:
        self.verified = verified

    def getpeercert(self, binary: bool) -> bytes:
        return b"leaf"

    def get_unverified_chain(self) -> list[bytes]:
        return [b"leaf", b"stray", b"middle"]

    def get_verified_chain(self) -> list[bytes]:
        return self.verified


def test_only_what_was_sent_and_verified_is_shown() -> None:
    """X5: each certificate signs the one before; the root that the server has is not the client's; resumed sessions."""
    assert client_chain(Session([b"leaf", b"middle", b"root"])) == [b"leaf", b"middle"]
    assert client_chain(Session([])) == [b"leaf"]


class OldCertificate:
    def public_bytes(self) -> str:
        return PEM


class OldSession:
    """An SSLObject of Python 3.11 and 3.12: what is public later is on the object beneath."""

    class _sslobj:  # noqa: N801
        @staticmethod
        def get_verified_chain() -> list[OldCertificate]:
            return [OldCertificate()]

        @staticmethod
        def get_unverified_chain() -> None:
            return None


def test_chains_of_older_pythons() -> None:
    """X5: on every version of Python."""
    assert certificates(OldSession(), "get_verified_chain") == [ssl.PEM_cert_to_DER_cert(PEM)]
    assert certificates(OldSession(), "get_unverified_chain") == []


# ---- Strict-Transport-Security


def test_hsts_is_sent_over_tls_only(serve: Serve) -> None:
    """X5: RFC 6797 section 7.2: never over plain HTTP."""
    served = serve(answering(b"ok", headers=[(b"date", b"today")]), hsts="1d", certfile="cert.pem")
    secure, plain = SecureClient(served), served.connect()
    for client in (secure, plain):
        client.send(GET)
        client.send(b"GET / HTTP/9.9\r\n\r\n")
    assert secure.received.count(b"\r\nstrict-transport-security: max-age=86400\r\n") == 2
    assert b"strict-transport-security" not in plain.received


def test_no_hsts_unless_asked_for(serve: Serve) -> None:
    """X5: off by default."""
    client = SecureClient(serve(answering(b"ok")))
    client.send(GET)
    assert b"strict-transport-security" not in client.received
