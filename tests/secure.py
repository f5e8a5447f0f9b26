# SPDX-License-Identifier: MIT
"""The client end of a TLS connection on a fake transport: OpenSSL on both sides, in memory.

`SecureClient` is an `Http1Client` whose bytes are encrypted, `SecureHttp2Client` the same of HTTP/2, so that the suites
run over TLS too; `open_secure` and `open_secure_http2` make an exchange on a fresh one. The certificate is that of
tests/config/certificates.
"""

from __future__ import annotations

import functools
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fastcorn.protocols._http1 import H1Connection
from fastcorn.protocols._tls import TLSTransport
from tests.exchanges import Http1Client, Http1Exchange, Served
from tests.fakes import Driver, FakeTransport
from tests.http2_client import Http2Client, Http2Exchange

CERTIFICATES = Path(__file__).parent / "config" / "certificates"
CERTIFICATE = CERTIFICATES / "cert.pem"
FLIGHTS = 4


@functools.cache
def server_context(verify: ssl.VerifyMode = ssl.CERT_NONE, alpn: str = "http/1.1") -> ssl.SSLContext:
    """A server's context; with `verify` it trusts the certificate that `client_context(shows=True)` shows."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(CERTIFICATE, CERTIFICATES / "key.pem")
    context.load_verify_locations(CERTIFICATE)
    context.set_alpn_protocols([alpn])
    context.verify_mode = verify
    return context


def client_context(version: ssl.TLSVersion | None = None, *, shows: bool = False) -> ssl.SSLContext:
    """A client's context, for one version of TLS or for any; `shows` = it has a certificate of its own."""
    context = ssl.create_default_context(cafile=CERTIFICATE)
    context.check_hostname = False
    if version is not None:
        context.minimum_version = context.maximum_version = version
    if shows:
        context.load_cert_chain(CERTIFICATE, CERTIFICATES / "key.pem")
    return context


class SecureTransport(FakeTransport):
    """A fake transport whose client speaks TLS: `deliver` encrypts, `plain` is what it has decrypted.

    Attributes:
        tls: the client's side.
        ended: the client has got close_notify.
        broken: the error that ended the client's side, or None.
    """

    def __init__(
        self, driver: Driver, protocol: Any, extra: dict[str, Any] | None = None, client: ssl.SSLContext | None = None
    ) -> None:
        super().__init__(driver, protocol, extra)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = (client or client_context()).wrap_bio(self.incoming, self.outgoing)
        self.taken = 0
        self.decrypted = bytearray()
        self.ended = False
        self.broken: ssl.SSLError | None = None

    def shake_hands(self) -> None:
        """The whole handshake.

        Raises:
            ssl.SSLError: the client's reason against it, or the server's alert.
        """
        for _ in range(FLIGHTS):
            self._take()
            try:
                self.tls.do_handshake()
            except ssl.SSLWantReadError:
                self.flush()
                continue
            return self.flush()
        raise AssertionError("the server does not answer")

    def deliver_raw(self, data: bytes) -> None:
        """The client's socket brings these bytes as they are."""
        super().deliver(data)

    def flush(self) -> None:
        """Delivers what the client's OpenSSL has written."""
        if self.outgoing.pending:
            super().deliver(self.outgoing.read())

    def encrypted(self, data: bytes) -> bytes:
        """Data as the client would send it."""
        while data:
            data = data[self.tls.write(data) :]
        return self.outgoing.read()

    def deliver(self, data: bytes) -> None:
        super().deliver(self.encrypted(data))

    def enqueue(self, data: bytes) -> None:
        if not self.closed:
            super().enqueue(self.encrypted(data))

    def deliver_eof(self) -> None:
        """The client ends its side as TLS has it: by close_notify."""
        try:
            self.tls.unwrap()
        except ssl.SSLError:
            pass  # it waits for the server's
        super().deliver(self.outgoing.read())

    def end_socket(self) -> None:
        """The client's socket ends."""
        super().deliver_eof()

    def _take(self) -> None:
        self.incoming.write(self.received[self.taken :])
        self.taken = len(self.received)

    @property
    def plain(self) -> bytes:
        """What the client has got so far."""
        return bytes(self.decrypt())

    def decrypt(self) -> bytearray:
        """The same, without a copy."""
        self._take()
        while not self.ended and self.broken is None:
            try:
                data = self.tls.read(65536)
            except ssl.SSLWantReadError:
                break
            except ssl.SSLZeroReturnError:
                self.ended = True
                break
            except ssl.SSLError as error:
                self.broken = error
                break
            self.ended = not data
            self.decrypted += data
        return self.decrypted


class SecureClient(Http1Client):
    """The client end of one HTTP/1.1 connection over TLS.

    Args:
        served: with its context.
        extra: overrides of the transport's extra information.
        client, server: the contexts of both sides.
        make: makes the connection.
        shakes: do the handshake at once.
    """

    def __init__(
        self,
        served: Served,
        extra: dict[str, Any] | None = None,
        *,
        client: ssl.SSLContext | None = None,
        server: ssl.SSLContext | None = None,
        make: Callable[[Any], Any] = H1Connection,
        shakes: bool = True,
    ) -> None:
        self.served = served
        self.driver = served.driver
        self.methods = []
        self.below = TLSTransport(served.context, server or server_context(), make)
        self.secure = SecureTransport(self.driver, self.below, extra, client)
        self.transport = self.secure
        self.driver.call(self.below.connection_made, self.secure)
        served.clients.append(self)
        if shakes:
            self.secure.shake_hands()

    @property
    def received(self) -> bytes:
        return self.secure.plain

    @property
    def logged(self) -> list[str]:
        """What the log has at level debug."""
        return [record.getMessage() for record in self.served.records]


class SecureHttp2Client(Http2Client):
    """The client end of one HTTP/2 connection over TLS, which both sides have agreed on by ALPN."""

    def connect(self, extra: dict[str, Any]) -> FakeTransport:
        context = client_context()
        context.set_alpn_protocols(["h2"])
        below = TLSTransport(self.served.context, server_context(alpn="h2"), H1Connection)
        self.secure = True
        self.encrypted = SecureTransport(self.driver, below, extra, context)
        self.driver.call(below.connection_made, self.encrypted)
        self.encrypted.shake_hands()
        assert self.encrypted.tls.selected_alpn_protocol() == "h2"
        return self.encrypted

    def received(self) -> bytes | bytearray:
        return self.encrypted.decrypt()


def open_secure(served: Served) -> Http1Exchange:
    """An exchange on a fresh TLS connection that has not begun."""
    return Http1Exchange(SecureClient(served, served.extra))


def open_secure_http2(served: Served) -> Http2Exchange:
    """The same of HTTP/2."""
    return Http2Exchange(SecureHttp2Client(served))
