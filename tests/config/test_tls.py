# SPDX-License-Identifier: MIT
"""The TLS context: what the settings turn on, and what is told when a file does not fit."""

from __future__ import annotations

import os
import ssl
import sys
from pathlib import Path
from typing import Any

import pytest

from fastcorn.config import Config, ConfigError
from fastcorn.config.tls import tls_files, tls_notices
from tests.certificates import DAY, NOW, Authority, authority, handshake, localhost

FOLDER = Path(__file__).parent / "certificates"
CERT, KEY, BOTH, LOCKED, OTHER = (str(FOLDER / f"{n}.pem") for n in ("cert", "key", "both", "locked", "other"))


def context_of(**settings: object) -> ssl.SSLContext:
    config = Config(**settings)
    config.freeze()
    context = config.create_ssl_context()
    assert context is not None
    return context


def serial(context: ssl.SSLContext, name: str | None) -> int:
    """The serial number of the certificate that a client gets."""
    client, _ = handshake(context, authority().trust(), name)
    return int(str((client.getpeercert() or {})["serialNumber"]), 16)


def test_without_a_certificate_there_is_no_context() -> None:
    assert Config().create_ssl_context() is None
    assert Config().ssl_enabled is False
    for settings in ({"certfile": CERT}, {"certificates": [{"certfile": CERT}]}, {"ssl_context": "a:b"}):
        assert Config(**settings).ssl_enabled is True
        assert Config(**settings).freeze().ssl_enabled is True


def test_the_hardened_defaults_are_kept() -> None:
    context = context_of(certfile=CERT, keyfile=KEY)
    default = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    assert context.options & default.options == default.options
    assert context.options & ssl.OP_NO_COMPRESSION
    assert context.options & ssl.OP_NO_RENEGOTIATION
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.verify_mode is ssl.CERT_NONE
    assert context_of(certfile=BOTH, ssl_minimum_version="1.3").minimum_version is ssl.TLSVersion.TLSv1_3


def test_one_file_may_hold_certificate_and_key(tmp_path: Path) -> None:
    assert context_of(certfile=BOTH).get_ca_certs() == []
    assert serial(context_of(certfile=localhost().write_both(tmp_path)), "localhost") == localhost().serial


def test_a_password_opens_the_key() -> None:
    context_of(certfile=CERT, keyfile=LOCKED, keyfile_password="hush")
    with pytest.raises(ConfigError, match="keyfile_password: it does not open the private key in '.*locked.pem'; set"):
        context_of(certfile=CERT, keyfile=LOCKED, keyfile_password="wrong")
    with pytest.raises(ConfigError, match="keyfile_password: the private key in '.*locked.pem' is under a password"):
        context_of(certfile=CERT, keyfile=LOCKED)


WHOLE = Path(CERT).read_bytes()


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (
            "certfile",
            WHOLE.strip() + WHOLE,
            "is damaged; each BEGIN and each END of a certificate needs a line of its own",
        ),
        ("certfile", b"  " + WHOLE.replace(b"\n", b"\n  "), "is damaged; each BEGIN"),
        ("certfile", WHOLE[:200], "holds no certificate in PEM form; its end is missing: was it copied whole?"),
        (
            "certfile",
            WHOLE.decode().encode("utf-16"),
            "holds no certificate in PEM form; it looks like UTF-16: save it",
        ),
        (
            "certfile",
            WHOLE.replace(b"\n", b"\\n"),
            "holds no certificate in PEM form; it has \\n where lines should end",
        ),
        ("certfile", WHOLE.replace(b"TE-----", b"TE REQUEST-----"), "; it holds a request: the authority makes"),
        ("keyfile", WHOLE, "holds no private key in PEM form; it holds a certificate"),
        (
            "keyfile",
            WHOLE.replace(b"CERTIFICATE", b"PUBLIC KEY"),
            "holds no private key in PEM form; it holds a public",
        ),
        ("keyfile", Path(KEY).read_bytes()[:100], "damaged"),
    ],
)
def test_what_is_wrong_with_a_file_is_told(name: str, text: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "given.pem"
    path.write_bytes(text)
    with pytest.raises(ConfigError) as caught:
        context_of(**{"certfile": CERT, "keyfile": KEY, name: str(path)})
    assert message in str(caught.value)
    assert str(caught.value).startswith(f"{name}: ")


@pytest.mark.parametrize("ends", [b"\r\n", b"\n"])
def test_files_of_other_systems_are_read(ends: bytes, tmp_path: Path) -> None:
    made = {}
    for name, path in (("certfile", CERT), ("keyfile", KEY)):
        made[name] = str(tmp_path / name)
        Path(made[name]).write_bytes(b"\xef\xbb\xbf" + Path(path).read_bytes().strip().replace(b"\n", ends))
    context_of(**made)


def test_a_chain_is_sent_whole(tmp_path: Path) -> None:
    middle = Authority("the middle", authority())
    files = middle.issue().write(tmp_path)
    client, _ = handshake(context_of(**files), authority().trust(), "localhost")
    assert ("organizationName", "the middle") in [pair for (pair,) in (client.getpeercert() or {})["issuer"]]  # type: ignore[misc, str-unpack]


def test_clients_can_be_verified() -> None:
    context = context_of(
        certfile=CERT, keyfile=KEY, ca_certs=CERT, verify_mode="CERT_REQUIRED", verify_flags="VERIFY_X509_STRICT"
    )
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.verify_flags & ssl.VERIFY_X509_STRICT
    assert len(context.get_ca_certs()) == 1


def test_a_revoked_client_is_refused(tmp_path: Path) -> None:
    good, bad = (authority().issue(f"{name}@example.org", common_name=name) for name in ("good", "bad"))
    (tmp_path / "crl.pem").write_bytes(authority().revoke(bad))
    context = context_of(
        **localhost().write(tmp_path),
        ca_certs=authority().write(tmp_path),
        crl_file=str(tmp_path / "crl.pem"),
        verify_mode="CERT_REQUIRED",
    )
    _, served = handshake(context, authority().trust(client=good.write(tmp_path, "good")), "localhost")
    assert (served.getpeercert() or {})["serialNumber"] == f"{good.serial:X}".zfill(len(f"{good.serial:X}") + 1 & ~1)
    with pytest.raises(ssl.SSLError, match="certificate revoked"):
        handshake(context, authority().trust(client=bad.write(tmp_path, "bad")), "localhost")
    with pytest.raises(ssl.SSLError, match="did not return a certificate"):
        handshake(context, authority().trust(), "localhost")


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_ciphers_are_those_of_the_settings(version: str, tmp_path: Path) -> None:
    context = context_of(
        **localhost().write(tmp_path),
        ciphers="ECDHE+CHACHA20",
        tls13_ciphers="TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256",
    )
    client = authority().trust()
    client.minimum_version = client.maximum_version = ssl.TLSVersion[version]
    cipher = handshake(context, client, "localhost")[0].cipher()
    assert cipher is not None
    assert "CHACHA20" in cipher[0]


def test_a_python_that_cannot_set_tls13_ciphers_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ctypes", None)
    monkeypatch.delattr(ssl.SSLContext, "set_ciphersuites", raising=False)
    with pytest.raises(ConfigError, match="tls13_ciphers: this Python cannot set .* OPENSSL_CONF"):
        context_of(certfile=BOTH, tls13_ciphers="TLS_AES_128_GCM_SHA256")


def test_an_old_version_is_refused(tmp_path: Path) -> None:
    client = authority().trust()
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(ssl.SSLError, match="protocol"):
        handshake(context_of(**localhost().write(tmp_path), ssl_minimum_version="1.3"), client, "localhost")


def test_protocols_are_offered_if_they_can_be_spoken(tmp_path: Path) -> None:
    files = localhost().write(tmp_path)

    def chosen(**settings: object) -> str | None:
        client = authority().trust(alpn=["h2", "http/1.1", "http/1.0"])
        return handshake(context_of(**files, **settings), client, "localhost")[0].selected_alpn_protocol()

    assert chosen(alpn_protocols=["http/1.0", "http/1.1"]) == "http/1.0"
    assert chosen(alpn_protocols=[]) is None
    assert chosen() == "h2"
    with pytest.raises(ConfigError, match="alpn_protocols: 'spdy/3' is not spoken over TLS; choose among h2, http/1"):
        chosen(alpn_protocols=["spdy/3"])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"certfile": "/no/cert.pem"}, "certfile: '/no/cert.pem' cannot be read as a file: No such file"),
        ({"certfile": CERT, "keyfile": "/no/key.pem"}, "keyfile: '/no/key.pem' cannot be read as a file: No such"),
        ({"certfile": CERT}, "cert.pem' holds no private key; add it, or set keyfile"),
        ({"certfile": CERT, "keyfile": OTHER}, "other.pem': the private key does not belong to the certificate"),
        ({"certfile": KEY, "keyfile": KEY}, "key.pem' holds no certificate in PEM form; it holds a private key"),
        ({"certfile": CERT, "keyfile": CERT}, "keyfile: "),
        ({"certfile": BOTH, "ciphers": "NOT-A-CIPHER"}, "ciphers: OpenSSL knows no cipher of 'NOT-A-CIPHER'"),
        ({"certfile": BOTH, "ciphers": "TLS_AES_128_GCM_SHA256"}, "; those of TLS 1.3 are for tls13_ciphers"),
        ({"certfile": BOTH, "tls13_ciphers": "ECDHE"}, "tls13_ciphers: must name ciphers of TLS 1.3, not 'ECDHE'; "),
        ({"certfile": BOTH, "ca_certs": "/no/ca.pem"}, "ca_certs: '/no/ca.pem' cannot be read as a file: No such"),
        ({"certfile": BOTH, "ca_certs": KEY}, "key.pem' holds no certificates in PEM form"),
        ({"certfile": BOTH, "crl_file": CERT, "verify_mode": 2}, "crl_file: '"),
        ({"certfile": str(FOLDER)}, "cannot be read as a file: it is a directory"),
        ({"certfile": "/dev/null"}, "certfile: '/dev/null' cannot be read as a file: it is no regular file"),
        ({"certfile": BOTH, "crl_file": CERT}, "crl_file: no client is asked for a certificate that it could revoke"),
        ({"ssl_context": "os:getcwd", "keyfile": KEY}, "keyfile: it is for certfile, which is not set"),
        ({"certificates": [{"certfile": BOTH}], "keyfile_password": "hush"}, "keyfile_password: it is for certfile"),
        ({"certfile": BOTH, "keyfile_password": "h" * 1025}, "keyfile_password: it is longer than 1,024 bytes"),
        ({"crl_file": "crl.pem"}, "crl_file: client certificates are verified over TLS only"),
        ({"sni_strict": True}, "sni_strict: it is for TLS, which is off; set certfile too"),
    ],
)
def test_what_does_not_fit_is_told_by_setting(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        context_of(**settings)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"hello", "holds no certificate in PEM form"),
        (b"\x30\x82\x01\x00", "holds no certificate in PEM form; it looks like DER or PKCS #12: `openssl x509 -inform"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "the first certificate of .* is damaged"),
        (b"x" * (2**24 + 1), "is larger than 16 MiB"),
    ],
)
def test_contents_that_are_no_certificate(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "cert.pem"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=f"^certfile: .*{message}"):
        context_of(certfile=str(path))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names")
def test_a_pipe_does_not_hold_the_start(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "cert.pem")
    with pytest.raises(ConfigError, match="it is no regular file"):
        context_of(certfile=str(tmp_path / "cert.pem"))


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = localhost().write(tmp_path)

    def denied(path: str, *args: object) -> Any:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr("builtins.open", denied)
    with pytest.raises(ConfigError, match="^certfile: '.*server.pem' cannot be read as a file: Permission denied$"):
        context_of(**files)


def test_a_key_that_is_damaged(tmp_path: Path) -> None:
    files = localhost().write(tmp_path)
    key = Path(files["keyfile"])
    key.write_bytes(key.read_bytes()[:60] + b"\n-----END PRIVATE KEY-----\n")
    with pytest.raises(ConfigError, match="keyfile: the private key in '.*server.key' is damaged"):
        context_of(**files)


def test_ca_certs_may_be_a_file_only() -> None:
    with pytest.raises(ConfigError, match="^ca_certs: .* it is a directory"):
        context_of(certfile=BOTH, ca_certs=str(FOLDER))


def test_the_origin_is_told() -> None:
    config = Config()
    config.put("certfile", "/no/cert.pem", "--ssl-certfile")
    with pytest.raises(ConfigError, match="^--ssl-certfile: certfile: "):
        config.create_ssl_context()


def test_a_certificate_out_of_its_time_is_told(tmp_path: Path) -> None:
    old = authority().issue("old.example", common_name="old", begins=NOW - 9 * DAY, ends=NOW - DAY)
    young = authority().issue("young.example", common_name="young", begins=NOW + DAY, ends=NOW + 9 * DAY)
    config = Config(**old.write(tmp_path, "old"), certificates=[young.write(tmp_path, "young")])
    config.create_ssl_context()
    assert tls_notices(config) == [
        f"{tmp_path}/old.pem (old) has expired on {NOW - DAY:%Y-%m-%d %H:%M} UTC; clients refuse it",
        f"{tmp_path}/young.pem (young) is not valid before {NOW + DAY:%Y-%m-%d %H:%M} UTC; clients refuse it",
    ]
    assert tls_notices(Config(**localhost().write(tmp_path))) == []
    assert tls_notices(Config(**localhost().write(tmp_path), ca_certs=CERT)) == [
        "ca_certs has no effect: no client is asked for a certificate; set verify_mode to CERT_REQUIRED"
    ]


# --- several certificates ---------------------------------------------------------------------------------------------


def several(folder: Path, **settings: object) -> tuple[ssl.SSLContext, dict[str, int]]:
    """A context of four certificates, and their serial numbers by their files' names."""
    made = {
        "first": authority().issue("first.example", "shop.example"),
        "shop": authority().issue("*.shop.example", "shop.example"),
        "given": authority().issue("given.example"),
        "plain": authority().issue("plain.example", "later.shop.example"),
    }
    files = {name: certificate.write(folder, name) for name, certificate in made.items()}
    certificates: list[dict[str, object]] = [
        {**files["shop"]},
        {**files["given"], "names": ["Given.Example.", "*.given.example", "a.shop.example"]},
        {**files["plain"]},
    ]
    context = context_of(**files["first"], certificates=certificates, **settings)
    return context, {name: certificate.serial for name, certificate in made.items()}


def test_the_name_that_a_client_asks_for_chooses(tmp_path: Path) -> None:
    context, serials = several(tmp_path)
    got = {}
    for name in (
        "first.example", "shop.example", "x.shop.example", "X.SHOP.example", "later.shop.example", "a.shop.example",
        "given.example", "b.given.example", "plain.example", "x.y.shop.example", "unknown.example",
    ):  # fmt: skip
        trust = authority().trust()
        trust.check_hostname = False
        client, _ = handshake(context, trust, name)
        number = int(str((client.getpeercert() or {})["serialNumber"]), 16)
        got[name] = next(known for known, serial in serials.items() if serial == number)
    assert got == {
        "first.example": "first", "shop.example": "shop", "x.shop.example": "shop", "X.SHOP.example": "shop",
        "later.shop.example": "plain", "a.shop.example": "given", "given.example": "given", "b.given.example": "given",
        "plain.example": "plain", "x.y.shop.example": "first", "unknown.example": "first",
    }  # fmt: skip
    assert serial(context, None) == serials["first"]


def test_strict_names_refuse_what_is_unknown(tmp_path: Path) -> None:
    context, serials = several(tmp_path, sni_strict=True)
    assert serial(context, "first.example") == serials["first"]
    assert serial(context, "shop.example") == serials["shop"]
    for name in ("unknown.example", None):
        with pytest.raises(ssl.SSLError, match="unrecognized name|callback failed"):
            serial(context, name)


def test_the_first_of_certificates_is_the_default_without_certfile(tmp_path: Path) -> None:
    files = localhost().write(tmp_path)
    other = authority().issue("other.example").write(tmp_path, "other")
    context = context_of(certificates=[files, other])
    assert serial(context, None) == localhost().serial
    assert tls_files(Config(certificates=[files, other], ca_certs="ca.pem")) == (
        *files.values(), *other.values(), "ca.pem",
    )  # fmt: skip


def test_all_contexts_ask_clients_for_certificates(tmp_path: Path) -> None:
    """The chosen context verifies: a name must not be a way around."""
    context, _ = several(tmp_path, verify_mode="CERT_REQUIRED", ca_certs=authority().write(tmp_path))
    for name in ("first.example", "x.shop.example"):
        with pytest.raises(ssl.SSLError, match="did not return a certificate"):
            serial(context, name)
        client = authority().trust(client=authority().issue("zoe@example.org").write(tmp_path, "zoe"))
        assert handshake(context, client, name)[1].getpeercert()


def test_a_name_that_is_no_ascii_writes_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    context, _ = several(tmp_path)
    trust = authority().trust()
    trust.check_hostname = False
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = trust.wrap_bio(to_client, to_server, server_hostname="abcdefgh.example")
    server = context.wrap_bio(to_server, to_client, server_side=True)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    hello = to_server.read()
    assert b"abcdefgh" in hello
    to_server.write(hello.replace(b"abcdefgh", b"\xff\xfe\x80\x81gh\xc3\x28"))
    with pytest.raises(ssl.SSLError):
        server.do_handshake()
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"names": ["given.example"]}, "certificate 2: names: 'given.example' is given to another certificate too"),
        ({"certfile": "/no.pem"}, "certificate 2: certfile: '/no.pem' cannot be read as a file: No such file"),
        ({"keyfile": OTHER}, "certificate 2: keyfile: '.*other.pem': the private key does not belong"),
        ({"keyfile": LOCKED, "keyfile_password": "no"}, "certificate 2: keyfile_password: it does not open"),
    ],
)
def test_mistakes_in_further_certificates_are_told_by_number(table: Any, message: str, tmp_path: Path) -> None:
    first = {**localhost().write(tmp_path), "names": ["given.example"]}
    with pytest.raises(ConfigError, match=f"^certificates: {message}"):
        context_of(certfile=BOTH, certificates=[first, {"certfile": CERT, "keyfile": KEY, **table}])


def test_a_certificate_without_a_name_needs_names(tmp_path: Path) -> None:
    nameless = authority().issue("zoe@example.org", common_name="Zoe Example").write(tmp_path, "zoe")
    with pytest.raises(ConfigError, match="certificate 1: certfile: '.*zoe.pem' holds no host name; set names"):
        context_of(certfile=BOTH, certificates=[nameless])
    context_of(certfile=BOTH, certificates=[{**nameless, "names": "zoe.example"}])
    named = authority().issue("zoe@example.org", common_name="Zoe.example").write(tmp_path, "named")
    context_of(certfile=BOTH, certificates=[named])


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("x", "must be a list of tables, not 'x'"),
        ([5], "must hold tables, not 5"),
        ({"file": "x"}, "must not have 'file' in certificate 1; did you mean "),
        ({"keyfile": "x"}, "must have a certfile in certificate 1"),
        ([{"certfile": "x"}, {"certfile": 5}], "must have a text as certfile of certificate 2, not 5"),
        ({"certfile": "x", "names": 5}, "must have a list of host names as names of certificate 1"),
        ({"certfile": "x", "names": ["a b"]}, "must be a host name or *.NAME, not 'a b'"),
        ({"certfile": "x", "names": ["*.com"]}, "must be a host name or *.NAME, not '*.com'"),
        ({"certfile": "x", "names": ["a.*.com"]}, "must be a host name or *.NAME, not 'a.*.com'"),
        ({"certfile": "x", "names": [""]}, "must be a host name or *.NAME, not ''"),
        ({"certfile": "x", "names": ["10.0.0.1"]}, "clients name no addresses in a TLS handshake"),
    ],
)
def test_certificates_are_checked_when_they_are_set(value: object, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Config(certificates=value)
    assert message in str(caught.value)


def test_certificates_come_from_toml_and_the_command_line(tmp_path: Path) -> None:
    for name, head in (("fastcorn.toml", "tls"), ("pyproject.toml", "tool.fastcorn.tls")):
        file = tmp_path / name
        file.write_text(
            f'[[{head}.certificate]]\ncertfile = "a.pem"\n'
            f'[[{head}.certificate]]\ncertfile = "b.pem"\nkeyfile = "b.key"\nnames = ["ü.example", "*.b.example"]\n',
            encoding="utf-8",
        )
        assert Config.from_toml(file).certificates == [
            {"certfile": "a.pem"},
            {"certfile": "b.pem", "keyfile": "b.key", "names": ["xn--tda.example", "*.b.example"]},
        ]


def test_passwords_of_certificates_are_not_shown() -> None:
    from fastcorn.config.printing import print_config

    config = Config(certificates=[{"certfile": "a.pem", "keyfile_password": "hush"}])
    assert "hush" not in repr(config) + print_config(config)
    assert "a.pem" in repr(config)


# --- contexts of the application's own --------------------------------------------------------------------------------


def test_a_factory_makes_the_context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "fc_tls_factory.py").write_text(
        "def make(config, default):\n    context = default()\n    context.set_ciphers('ECDHE+CHACHA20')\n"
        "    return context\n",
        encoding="utf-8",
    )
    monkeypatch.setattr(sys, "path", list(sys.path))
    context = context_of(certfile=BOTH, ssl_context="fc_tls_factory:make", app_dir=str(tmp_path))
    assert {"CHACHA20" in cipher["name"] for cipher in context.get_ciphers() if "TLS_" not in cipher["name"]} == {True}
    sys.modules.pop("fc_tls_factory")
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    assert context_of(ssl_context=lambda config, default: made) is made


def broken(config: object, default: object) -> None:
    raise OSError("no token")


@pytest.mark.parametrize(
    ("factory", "message"),
    [
        ("no_such_module:make", "'no_such_module:make' cannot be imported: No module named"),
        ("os:nothing", "cannot be imported: module 'os' has no attribute 'nothing'"),
        ("os:sep", "'os:sep' is no function; it must take the Config and a function"),
        (broken, "failed: OSError: no token"),
        (lambda config, default: None, "returned NoneType; it must return an ssl.SSLContext"),
        (lambda config, default: ssl.create_default_context(), "returned a context for clients; use ssl.PROTOCOL_TLS"),
        (lambda: None, "failed: TypeError: "),
        (lambda config, default: default(), "certfile: the default context needs a certificate; set it"),
    ],
)
def test_a_factory_that_fails(factory: Any, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        context_of(ssl_context=factory)
    assert message in str(caught.value)


def test_the_flag_that_is_wrong_is_named(tmp_path: Path) -> None:
    config = Config()
    config.put("certfile", CERT, "--certfile")
    config.put("keyfile", str(tmp_path / "no.pem"), "--keyfile")
    with pytest.raises(ConfigError, match=r"^--keyfile: '.*no\.pem' cannot be read"):
        config.create_ssl_context()
