# SPDX-License-Identifier: MIT
"""An authority of the tests' own, and the certificates that it signs: for servers, for clients, expired, revoked.

Used by tests that need TLS. `authority()` is made once per run; keys are ECDSA, so a certificate takes a millisecond.
Certificates that are the same on each run are in tests/config/certificates.
"""

from __future__ import annotations

import datetime
import functools
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trustme
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")
NOW = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
DAY = datetime.timedelta(days=1)


@dataclass(frozen=True)
class Certificate:
    """A certificate and its key, each as PEM: the chain from the leaf, the key, and the serial number."""

    chain: bytes
    key: bytes
    serial: int

    def write(self, folder: Path, name: str = "server") -> dict[str, Any]:
        """Writes NAME.pem and NAME.key; returns their paths as the settings certfile and keyfile."""
        certfile, keyfile = folder / f"{name}.pem", folder / f"{name}.key"
        certfile.write_bytes(self.chain)
        keyfile.write_bytes(self.key)
        return {"certfile": str(certfile), "keyfile": str(keyfile)}

    def write_both(self, folder: Path, name: str = "both") -> str:
        """Writes key and chain into one file; returns its path."""
        path = folder / f"{name}.pem"
        path.write_bytes(self.key + self.chain)
        return str(path)


class Authority:
    """Signs certificates.

    Args:
        name: of its organization.
        parent: the authority that signs it; None for one that signs itself.
    """

    def __init__(self, name: str = "fastcorn tests", parent: Authority | None = None) -> None:
        self._ca: trustme.CA = trustme.CA(organization_name=name, parent_cert=None if parent is None else parent._ca)

    @property
    def pem(self) -> bytes:
        """The authority's own certificate."""
        return self._ca.cert_pem.bytes()

    def write(self, folder: Path, name: str = "ca") -> str:
        """Writes NAME.pem; returns its path, for ca_certs and for clients."""
        path = folder / f"{name}.pem"
        path.write_bytes(self.pem)
        return str(path)

    def issue(
        self,
        *names: str,
        common_name: str | None = None,
        begins: datetime.datetime | None = None,
        ends: datetime.datetime | None = None,
    ) -> Certificate:
        """A certificate for hosts, addresses and mailboxes; also right for clients.

        Args:
            names: its alternative names; the loopback interface's when there is none.
            common_name: of its subject.
            begins, ends: when it is valid; from yesterday on for a year.
        """
        made = self._ca.issue_cert(
            *(names or LOCAL_NAMES),
            common_name=common_name,
            not_before=begins or NOW - DAY,
            not_after=ends or NOW + 365 * DAY,
        )
        chain = b"".join(blob.bytes() for blob in made.cert_chain_pems)
        return Certificate(chain, made.private_key_pem.bytes(), x509.load_pem_x509_certificate(chain).serial_number)

    def revoke(self, *certificates: Certificate) -> bytes:
        """The PEM of a revocation list with these certificates."""
        own = x509.load_pem_x509_certificate(self.pem)
        builder = x509.CertificateRevocationListBuilder().issuer_name(own.subject)
        builder = builder.last_update(NOW - DAY).next_update(NOW + 365 * DAY)
        for certificate in certificates:
            entry = x509.RevokedCertificateBuilder().serial_number(certificate.serial).revocation_date(NOW - DAY)
            builder = builder.add_revoked_certificate(entry.build())
        key = load_pem_private_key(self._ca.private_key_pem.bytes(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        return builder.sign(key, SHA256()).public_bytes(Encoding.PEM)

    def trust(self, alpn: Sequence[str] = (), client: dict[str, str] | None = None) -> ssl.SSLContext:
        """A client's context that trusts this authority alone.

        Args:
            alpn: protocols to ask for.
            client: certfile and keyfile of a certificate to show, as Certificate.write() gives them.
        """
        context = ssl.create_default_context(cadata=self.pem.decode())
        if alpn:
            context.set_alpn_protocols(list(alpn))
        if client is not None:
            context.load_cert_chain(client["certfile"], client["keyfile"])
        return context


@functools.cache
def authority() -> Authority:
    """The authority of this run, for tests that need no other."""
    return Authority()


@functools.cache
def localhost() -> Certificate:
    """A certificate of authority() for localhost, 127.0.0.1 and ::1."""
    return authority().issue()


def handshake(server: ssl.SSLContext, client: ssl.SSLContext, name: str | None) -> tuple[ssl.SSLObject, ssl.SSLObject]:
    """A TLS handshake in memory; returns the client's and the server's side.

    Args:
        server, client: the contexts.
        name: the host that the client asks for; None asks for none, and then nothing is compared with it.

    Raises:
        ssl.SSLError: what the side that refuses the other one says.
    """
    if name is None:
        client.check_hostname = False
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    asking = client.wrap_bio(to_client, to_server, server_hostname=name)
    answering = server.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(3):
        for side in (asking, answering):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    asking.do_handshake()
    answering.do_handshake()
    return asking, answering
