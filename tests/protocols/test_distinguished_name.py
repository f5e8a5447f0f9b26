# SPDX-License-Identifier: MIT
"""The subject of a certificate by RFC 4514, from certificates that are put together here, byte by byte."""

from __future__ import annotations

import contextlib
import random
import ssl
from pathlib import Path

import pytest

from fastcorn.protocols.distinguished_name import escaped, subject_of

CERTIFICATE = Path(__file__).parents[1] / "config" / "certificates" / "cert.pem"

CN, O, OU, C, L = "550403", "55040a", "55040b", "550406", "550407"  # noqa: E741
EMAIL, DC = "2a864886f70d010901", "0992268993f22c640119"
UTF8, PRINTABLE, IA5, T61, BMP, UNIVERSAL, OCTETS = 0x0C, 0x13, 0x16, 0x14, 0x1E, 0x1C, 0x04


def value(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    if len(content) < 128:
        return bytes([tag, len(content)]) + content
    size = len(content).to_bytes((len(content).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(size)]) + size + content


def attribute(identifier: str, text: bytes, tag: int = UTF8) -> bytes:
    return value(0x30, value(0x06, bytes.fromhex(identifier)), value(tag, text))


def certificate(*names: list[bytes], version: bool = True) -> bytes:
    """A certificate with a subject of these steps, each a list of attributes; nothing else in it is real."""
    subject = value(0x30, *(value(0x31, *step) for step in names))
    fields = [value(0xA0, value(2, b"\x02"))] if version else []
    fields += [value(2, b"\x07"), value(0x30), value(0x30, b"\x31\x00"), value(0x30), subject, value(0x30)]
    return value(0x30, value(0x30, *fields), value(0x30), value(3, b"\x00"))


def name_of(*attributes: bytes) -> str:
    return subject_of(certificate(*([one] for one in attributes)))


def test_steps_are_given_from_the_last_to_the_first() -> None:
    name = name_of(attribute(C, b"NL", PRINTABLE), attribute(O, b"Tulips"), attribute(CN, b"Zoe"))
    assert name == "CN=Zoe,O=Tulips,C=NL"


def test_attributes_of_one_step_keep_together() -> None:
    step = [attribute(CN, b"Zoe"), attribute(OU, b"Bulbs")]
    assert subject_of(certificate([attribute(O, b"Tulips")], step)) == "CN=Zoe+OU=Bulbs,O=Tulips"


@pytest.mark.parametrize("version", [True, False])
def test_an_empty_subject(version: bool) -> None:
    assert subject_of(certificate(version=version)) == ""


@pytest.mark.parametrize(
    ("tag", "encoding"),
    [(UTF8, "utf-8"), (T61, "latin-1"), (BMP, "utf-16-be"), (UNIVERSAL, "utf-32-be")],
)
def test_every_type_of_text(tag: int, encoding: str) -> None:
    assert name_of(attribute(L, "Orléans".encode(encoding), tag)) == "L=Orléans"


def test_domains_are_ascii() -> None:
    assert name_of(attribute(DC, b"org", IA5), attribute(DC, b"example", IA5)) == "DC=example,DC=org"


def test_what_has_no_short_name_is_given_by_number_and_in_hex() -> None:
    assert name_of(attribute(EMAIL, b"z@x.org", IA5)) == "1.2.840.113549.1.9.1=#16077A40782E6F7267"
    assert name_of(attribute("8837", b"a")) == "2.999=#0C0161"  # X.660: 2.999 is for examples


def test_what_is_no_text_is_given_in_hex() -> None:
    assert name_of(attribute(CN, b"\x01\x02", OCTETS)) == "CN=#04020102"
    assert name_of(attribute(CN, b"\xff")) == "CN=#0C01FF"


# The examples of RFC 4514 section 4, and each rule of section 2.4.
@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("L. Eagle", "L. Eagle"),
        ("Sue, Grabbit and Runn", r"Sue\, Grabbit and Runn"),
        ('James "Jim" Smith, III', r"James \"Jim\" Smith\, III"),
        ("Before\rAfter", r"Before\0DAfter"),
        ("Lučić", "Lučić"),
        (" both ", r"\ both\ "),
        ("  two  ", r"\  two \ "),
        (" ", r"\ "),
        ("#1 and #2", r"\#1 and #2"),
        ('"+,;<>\\', r"\"\+\,\;\<\>\\"),
        ("a\0b\x1f\x7f", r"a\00b\1F\7F"),
        ("a=b", "a=b"),
        ("", ""),
    ],
)
def test_escapes(text: str, shown: str) -> None:
    assert escaped(text) == shown


def test_a_long_name() -> None:
    assert name_of(attribute(CN, b"x" * 70_000)) == "CN=" + "x" * 70_000


def test_a_real_certificate() -> None:
    assert subject_of(ssl.PEM_cert_to_DER_cert(CERTIFICATE.read_text())) == "CN=localhost"


def test_what_is_no_certificate_raises_value_error() -> None:
    whole = certificate([attribute(CN, b"Zoe")])
    for end in range(len(whole) - 12):
        with pytest.raises(ValueError, match="no certificate"):
            subject_of(whole[:end])
    generator = random.Random(4514)
    for _ in range(5000):
        broken = bytearray(whole)
        broken[generator.randrange(len(broken))] = generator.randrange(256)
        with contextlib.suppress(ValueError):
            subject_of(bytes(broken))
