# SPDX-License-Identifier: MIT
"""The extension `tls` of a scope: what an application may know of the TLS of its connection (ASGI TLS extension 0.2).

The connections call `tls_extension` once, at the first request; each scope gets a copy. Where clients show no
certificate, all connections with the same protocol and cipher have one dictionary between them.

Python has no call for the server's own certificate, so a handshake with oneself, in memory, once for each SSLContext,
tells which one clients get. A failed verification ends the handshake, so an application never sees one.
"""

from __future__ import annotations

import contextlib
import ssl
from typing import Any
from weakref import WeakKeyDictionary

from fastcorn.protocols.distinguished_name import subject_of

_VERSIONS = {"TLSv1": 0x0301, "TLSv1.1": 0x0302, "TLSv1.2": 0x0303, "TLSv1.3": 0x0304}

# Flights of a handshake until the client has the server's certificate, in every version: hello, answer; and one spare.
_FLIGHTS = 3

_own: WeakKeyDictionary[ssl.SSLContext, str | None] = WeakKeyDictionary()
_shared: WeakKeyDictionary[ssl.SSLContext, dict[tuple[str | None, str | None], dict[str, Any]]] = WeakKeyDictionary()
_suites: WeakKeyDictionary[ssl.SSLContext, dict[str, int]] = WeakKeyDictionary()


def tls_extension(transport: Any) -> dict[str, Any]:
    """The value of `scope["extensions"]["tls"]`; not to be changed.

    Args:
        transport: of a TLS connection whose handshake has ended.
    """
    session = transport.get_extra_info("ssl_object")
    if not isinstance(session, ssl.SSLObject):
        return facts(None, None, None)  # a transport that keeps it to itself
    version, cipher = session.version(), session.cipher()
    key = version, cipher[0] if cipher else None
    shared = _shared.setdefault(session.context, {})
    if key not in shared:
        shared[key] = facts(session.context, *key)
    chain = client_chain(session)
    if not chain:
        return shared[key]
    pems = tuple(ssl.DER_cert_to_PEM_cert(certificate) for certificate in chain)
    return {**shared[key], "client_cert_chain": pems, "client_cert_name": subject_of(chain[0])}


def facts(context: ssl.SSLContext | None, version: str | None, suite: str | None) -> dict[str, Any]:
    """What is known without a client's certificate."""
    return {
        "server_cert": None if context is None else own_certificate(context),
        "client_cert_chain": (),
        "client_cert_name": None,
        "client_cert_error": None,
        "tls_version": None if version is None else _VERSIONS.get(version),
        "cipher_suite": None if context is None or suite is None else suite_number(context, suite),
    }


def client_chain(session: Any) -> list[bytes]:
    """The client's certificate and those above it that it sent, each signed by the next, in DER; empty without one.

    What a client sent beside its chain is left out: nobody has verified it. A resumed session has the first one alone.
    """
    leaf = session.getpeercert(True)
    if leaf is None:
        return []
    sent, verified = (certificates(session, name) for name in ("get_unverified_chain", "get_verified_chain"))
    return [leaf, *(certificate for certificate in verified[1:] if certificate in sent)]


def certificates(session: Any, call: str) -> list[bytes]:
    """One of the chains of a session, in DER. Public from Python 3.13; before, the object beneath has it."""
    method = getattr(session, call, None)
    if method is not None:
        return list(method())
    method = getattr(session._sslobj, call)
    return [ssl.PEM_cert_to_DER_cert(certificate.public_bytes()) for certificate in method() or ()]


def suite_number(context: ssl.SSLContext, name: str) -> int | None:
    """The 16 bits that IANA gave a cipher suite, by its OpenSSL name; None when the context does not have it."""
    suites = _suites.get(context)
    if suites is None:
        suites = _suites[context] = {
            str(cipher["name"]): int(cipher["id"]) & 0xFFFF for cipher in context.get_ciphers()
        }
    return suites.get(name)


def own_certificate(context: ssl.SSLContext) -> str | None:
    """The certificate that clients of a server's context get, in PEM; None when it cannot be found out."""
    if context not in _own:
        # The context has been chosen already; a callback that wants a name would refuse us.
        callback = context.sni_callback
        context.sni_callback = None
        try:
            _own[context] = _ask(context)
        finally:
            context.sni_callback = callback
    return _own[context]


def _ask(context: ssl.SSLContext) -> str | None:
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.check_hostname = False
    trusting.verify_mode = ssl.CERT_NONE
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    client, server = trusting.wrap_bio(back, there), context.wrap_bio(there, back, server_side=True)
    for _ in range(_FLIGHTS):
        try:
            flight(client)
            certificate = client.getpeercert(True)
            return None if certificate is None else ssl.DER_cert_to_PEM_cert(certificate)
        except ValueError:
            pass  # not yet
        except OSError:
            return None
        try:
            flight(server)
        except OSError:
            return None  # TLS 1.2: nobody without a certificate gets so far
    return None


def flight(side: ssl.SSLObject) -> None:
    """Takes what the other side has sent and answers it."""
    with contextlib.suppress(ssl.SSLWantReadError):
        side.do_handshake()
