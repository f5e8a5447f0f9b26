# SPDX-License-Identifier: MIT
"""TLS: certificates, verification, protocols.

Rows of the table of settings; joined by fastcorn.config.table.
"""

from __future__ import annotations

from fastcorn.config.kinds import (
    Boolean,
    Certificates,
    Choice,
    ContextFactory,
    Duration,
    FilePath,
    Text,
    Texts,
    VerifyFlags,
    VerifyMode,
)
from fastcorn.config.setting import Setting

SETTINGS = (
    Setting(
        "certfile",
        FilePath(example="cert.pem"),
        None,
        "Certificate chain (PEM), which may hold the key too; turns TLS on for bind",
        aliases=("--ssl-certfile", "--ssl-certificate"),
    ),
    Setting(
        "keyfile",
        FilePath(example="key.pem"),
        None,
        "Private key (PEM); off looks for it in certfile",
        aliases=("--ssl-keyfile",),
    ),
    Setting(
        "keyfile_password",
        Text(optional=True, example="secret", off_word=False),
        None,
        "Password of the private key; better given in the environment",
        aliases=("--ssl-keyfile-password",),
        secret=True,
    ),
    Setting(
        "certificates",
        Certificates(),
        [],
        "Further certificates, chosen by the name that a client asks for; [[tls.certificate]] in TOML",
        flags=("--certificate",),
    ),
    Setting(
        "sni_strict",
        Boolean(),
        False,
        "Refuse clients that ask for a name no certificate has, or for none; else they get the first certificate",
        precedents="nginx, HAProxy and Traefik answer with the first one too",
    ),
    Setting("watch_certificates", Boolean(), True, "Serve new connections with certificate files that were replaced"),
    Setting(
        "ssl_context",
        ContextFactory(),
        None,
        "Function that makes the TLS context of the Config and of a function that makes the default one",
        aliases=("--ssl-context-factory",),
    ),
    Setting(
        "ca_certs",
        FilePath(example="ca.pem"),
        None,
        "Certificates of the authorities that sign client certificates (PEM)",
        aliases=("--ssl-ca-certs", "--ssl-ca"),
    ),
    Setting(
        "crl_file",
        FilePath(example="crl.pem"),
        None,
        "Revocation lists for client certificates (PEM)",
        aliases=("--ssl-crl",),
    ),
    Setting("verify_mode", VerifyMode(optional=True), None, "Whether clients must show a certificate"),
    Setting("verify_flags", VerifyFlags(optional=True), None, "Further checks of client certificates"),
    Setting(
        "ssl_minimum_version",
        Choice("1.2", "1.3"),
        "1.2",
        "Oldest version of TLS that is spoken",
        precedents="Hypercorn and nginx 1.2, granian 1.3; RFC 8996 retires what is older",
    ),
    Setting(
        "ciphers",
        Text(example="ECDHE+AESGCM", metavar="CIPHERS"),
        "ECDHE+AESGCM",
        "Ciphers of TLS 1.2, in OpenSSL's notation",
        aliases=("--ssl-ciphers",),
    ),
    Setting(
        "tls13_ciphers",
        Text(optional=True, example="TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256", metavar="CIPHERS"),
        None,
        "Ciphers of TLS 1.3, best first; off leaves them to OpenSSL",
    ),
    Setting(
        "alpn_protocols",
        Texts(example="h2,http/1.1", metavar="PROTOCOL"),
        ["h2", "http/1.1"],
        "Protocols offered in the TLS handshake, best first",
        flags=("--alpn-protocol",),
    ),
    Setting("ssl_handshake_timeout", Duration(least=0.001), 60.0, "Time for a TLS handshake"),
)
