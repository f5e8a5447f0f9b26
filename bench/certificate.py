# SPDX-License-Identifier: MIT
"""A certificate for the length of a run: made by openssl, self-signed, for localhost and 127.0.0.1.

Called by the commands that measure TLS; the clients of the harness trust it through `trusting`. The key is an ECDSA key
on P-256, as most sites have, in PKCS #8, which is the only form that granian reads.
"""

import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

from bench.errors import BenchError

SUBJECT = ("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1")


@dataclass(frozen=True)
class Certificate:
    """Where it lies: two files in PEM."""

    certfile: Path
    keyfile: Path

    def trusting(self, *protocols: str) -> ssl.SSLContext:
        """A context for clients that trusts this certificate alone and offers these protocols by ALPN."""
        context = ssl.create_default_context(cafile=self.certfile)
        if protocols:
            context.set_alpn_protocols([*protocols])
        return context


def make(folder: Path) -> Certificate:
    """Makes a certificate in `folder`, once, and returns it.

    Raises:
        BenchError: openssl is missing or refused.
    """
    made = Certificate(folder / "certificate.pem", folder / "key.pem")
    if made.certfile.exists():
        return made
    command = [
        *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
        *("-days", "2", *SUBJECT, "-keyout", str(made.keyfile), "-out", str(made.certfile)),
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        raise BenchError(
            "cannot run openssl, which makes the certificate; on Debian: apt-get install openssl"
        ) from None
    if done.returncode:
        raise BenchError(f"openssl made no certificate: {(done.stderr.strip().splitlines() or ['no reason'])[-1]}")
    return made
