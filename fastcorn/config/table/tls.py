# SPDX-License-Identifier: MIT
"""TLS: certificates, verification, protocols.

Rows of the table of settings; joined by fastcorn.config.table.
"""

from __future__ import annotations

from fastcorn.config.kinds import Duration, FilePath, Text, Texts, VerifyFlags, VerifyMode
from fastcorn.config.setting import Setting

SETTINGS = (
    Setting(
        "certfile",
        FilePath(example="cert.pem"),
        None,
        "Certificate chain (PEM); turns TLS on for bind",
        aliases=("--ssl-certfile",),
        later="TLS",
        refused=True,
    ),
    Setting(
        "keyfile",
        FilePath(example="key.pem"),
        None,
        "Private key (PEM); off looks for it in certfile",
        aliases=("--ssl-keyfile",),
        later="TLS",
        refused=True,
    ),
    Setting(
        "keyfile_password",
        Text(optional=True, example="secret", off_word=False),
        None,
        "Password of the private key; better given in the environment",
        aliases=("--ssl-keyfile-password",),
        later="TLS",
        secret=True,
    ),
    Setting(
        "ca_certs",
        FilePath(example="ca.pem"),
        None,
        "Certificates of the authorities that sign client certificates (PEM)",
        aliases=("--ssl-ca-certs",),
        later="TLS",
    ),
    Setting(
        "verify_mode",
        VerifyMode(optional=True),
        None,
        "Whether clients must show a certificate",
        later="TLS",
    ),
    Setting("verify_flags", VerifyFlags(optional=True), None, "Further checks of client certificates", later="TLS"),
    Setting(
        "ciphers",
        Text(example="ECDHE+AESGCM", metavar="CIPHERS"),
        "ECDHE+AESGCM",
        "Ciphers of TLS 1.2, in OpenSSL's notation",
        aliases=("--ssl-ciphers",),
        later="TLS",
    ),
    Setting(
        "alpn_protocols",
        Texts(example="h2,http/1.1", metavar="PROTOCOL"),
        ["h2", "http/1.1"],
        "Protocols offered in the TLS handshake, best first",
        flags=("--alpn-protocol",),
        later="TLS",
    ),
    Setting("ssl_handshake_timeout", Duration(least=0.001), 60.0, "Time for a TLS handshake", later="TLS"),
)
