# SPDX-License-Identifier: MIT
"""The TLS context: what the settings turn on, and what is told when a file does not fit."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from fastcorn.config import Config, ConfigError

FOLDER = Path(__file__).parent / "certificates"
CERT, KEY, BOTH, LOCKED, OTHER = (str(FOLDER / f"{n}.pem") for n in ("cert", "key", "both", "locked", "other"))


def context_of(**settings: object) -> ssl.SSLContext:
    context = Config(**settings).create_ssl_context()
    assert context is not None
    return context


def test_without_a_certificate_there_is_no_context() -> None:
    assert Config().create_ssl_context() is None
    assert Config().ssl_enabled is False
    assert Config(certfile=CERT).ssl_enabled is True


def test_the_hardened_defaults_are_kept() -> None:
    context = context_of(certfile=CERT, keyfile=KEY)
    default = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    assert context.options & default.options == default.options
    assert context.options & ssl.OP_NO_COMPRESSION
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
    assert context.verify_mode is ssl.CERT_NONE


def test_one_file_may_hold_certificate_and_key() -> None:
    assert context_of(certfile=BOTH).get_ca_certs() == []


def test_a_password_opens_the_key() -> None:
    context_of(certfile=CERT, keyfile=LOCKED, keyfile_password="hush")
    for password in ("wrong", None):
        with pytest.raises(ConfigError, match="keyfile_password: it does not open the private key"):
            context_of(certfile=CERT, keyfile=LOCKED, keyfile_password=password)


def test_clients_can_be_verified() -> None:
    context = context_of(
        certfile=CERT, keyfile=KEY, ca_certs=CERT, verify_mode="CERT_REQUIRED", verify_flags="VERIFY_X509_STRICT"
    )
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.verify_flags & ssl.VERIFY_X509_STRICT
    assert len(context.get_ca_certs()) == 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"certfile": "/no/cert.pem"}, "certfile: '/no/cert.pem' cannot be read as a file: No such file"),
        ({"certfile": CERT, "keyfile": "/no/key.pem"}, "keyfile: '/no/key.pem' cannot be read as a file: No such"),
        ({"certfile": CERT}, "does not hold a certificate and its private key"),
        ({"certfile": CERT, "keyfile": OTHER}, "keyfile: the private key does not belong to the certificate"),
        ({"certfile": KEY, "keyfile": KEY}, "are no certificate and private key in PEM form"),
        ({"certfile": BOTH, "ciphers": "NOT-A-CIPHER"}, "ciphers: OpenSSL knows no cipher of 'NOT-A-CIPHER'"),
        ({"certfile": BOTH, "ca_certs": "/no/ca.pem"}, "ca_certs: '/no/ca.pem' cannot be read as certificates"),
        ({"certfile": BOTH, "ca_certs": KEY}, "cannot be read as certificates"),
        ({"certfile": str(FOLDER)}, "cannot be read as a file"),
    ],
)
def test_what_does_not_fit_is_told_by_setting(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        context_of(**settings)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_ca_certs_may_be_a_file_only() -> None:
    with pytest.raises(ConfigError, match="^ca_certs: "):
        context_of(certfile=BOTH, ca_certs=str(FOLDER))


def test_the_origin_is_told() -> None:
    config = Config()
    config.put("certfile", "/no/cert.pem", "--ssl-certfile")
    with pytest.raises(ConfigError, match="^--ssl-certfile: certfile: "):
        config.create_ssl_context()
