# SPDX-License-Identifier: MIT
"""What a certificate says of itself: names, validity, serial number (RFC 5280 section 4.1), read from its DER form.

Called by fastcorn.config.certificate. Python's ssl shows these of a peer's certificate only. Nothing is verified here;
OpenSSL does that. The reader takes the few fields that operators want to see and skips the rest.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

# Of 90 days, certbot renews in the last 30; of 6 days, in the last 3.
LATEST_RENEWAL = timedelta(days=7)

PEM_CERTIFICATE = re.compile(
    rb"-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----(.*?)-----END (?:X509 |TRUSTED )?CERTIFICATE-----", re.DOTALL
)

# Tags of X.690 section 8.1.2: the class, whether it holds others, the number.
INTEGER, OCTETS, OID, SEQUENCE, SET = 0x02, 0x04, 0x06, 0x30, 0x31
VERSION, EXTENSIONS = 0xA0, 0xA3
UTC_TIME, GENERALIZED_TIME = 0x17, 0x18
DNS_NAME = 0x82

SUBJECT_ALT_NAME = b"\x55\x1d\x11"  # 2.5.29.17
COMMON_NAME = b"\x55\x04\x03"  # 2.5.4.3
ORGANIZATION = b"\x55\x04\x0a"  # 2.5.4.10
ENCODINGS = {0x1E: "utf-16-be", 0x1C: "utf-32-be", 0x0C: "utf-8"}


@dataclass(frozen=True)
class Facts:
    """A certificate.

    Attributes:
        serial: its serial number.
        subject: its common name, else its first DNS name, else its organization, else "".
        names: its DNS names, in lower case.
        begins, ends: when it is valid.
    """

    serial: int
    subject: str
    names: tuple[str, ...]
    begins: datetime
    ends: datetime


def pem_certificates(text: bytes) -> list[bytes]:
    """The certificates of a PEM file, each as DER; what else it holds is skipped."""
    found = []
    for match in PEM_CERTIFICATE.finditer(text):
        try:
            found.append(base64.b64decode(match[1], validate=False))
        except binascii.Error:
            continue
    return found


def read_certificate(der: bytes) -> Facts:
    """What a certificate says.

    Raises:
        ValueError: it is no certificate.
    """
    try:
        return _facts(der)
    except (IndexError, UnicodeError, OverflowError) as error:
        raise ValueError(f"no certificate: {error}") from None


def _facts(der: bytes) -> Facts:
    fields = list(_items(_inner(_inner(der, SEQUENCE), SEQUENCE)))
    if fields[0][0] == VERSION:
        del fields[0]
    (_, serial), _, _, (_, validity), (_, subject) = fields[:5]
    begins, ends = (_time(tag, text) for tag, text in _items(validity))
    names = next((_dns_names(value) for tag, value in fields[5:] if tag == EXTENSIONS), ())
    known = dict(_attributes(subject))
    told = known.get(COMMON_NAME) or (names[0] if names else known.get(ORGANIZATION, ""))
    printable = "".join(char if char.isprintable() else "?" for char in told)
    return Facts(int.from_bytes(serial, "big"), printable, names, begins, ends)


def _items(data: bytes) -> list[tuple[int, bytes]]:
    """The tags and contents of a sequence."""
    items, at = [], 0
    while at < len(data):
        tag, length = data[at], data[at + 1]
        at += 2
        if length & 0x80:
            count = length & 0x7F
            length = int.from_bytes(data[at : at + count], "big")
            at += count
        if at + length > len(data):
            raise ValueError("no certificate: it is cut short")
        items.append((tag, data[at : at + length]))
        at += length
    return items


def _inner(data: bytes, wanted: int) -> bytes:
    tag, content = _items(data)[0]
    if tag != wanted:
        raise ValueError(f"no certificate: {tag:#x} stands where {wanted:#x} belongs")
    return content


def _attributes(name: bytes) -> list[tuple[bytes, str]]:
    """Types and values of a distinguished name, the last of a type being the most specific."""
    found = []
    for _, relative in _items(name):
        for _, pair in _items(relative):
            (_, kind), (tag, value) = _items(pair)[:2]
            found.append((kind, value.decode(ENCODINGS.get(tag, "latin-1"), "replace")))
    return found


def _dns_names(extensions: bytes) -> tuple[str, ...]:
    for _, extension in _items(_inner(extensions, SEQUENCE)):
        parts = _items(extension)
        if parts[0][1] == SUBJECT_ALT_NAME:
            names = _items(_inner(parts[-1][1], SEQUENCE))
            return tuple(name.decode("ascii", "replace").lower() for tag, name in names if tag == DNS_NAME)
    return ()


def _time(tag: int, text: bytes) -> datetime:
    digits = text.decode("ascii").removesuffix("Z")
    if tag == UTC_TIME:  # RFC 5280 section 4.1.2.5.1: from 50 on it is the last century
        digits = ("19" if digits[:2] >= "50" else "20") + digits
    elif tag != GENERALIZED_TIME:
        raise ValueError("no certificate: its validity is no time")
    return datetime.strptime(digits, "%Y%m%d%H%M%S").replace(tzinfo=UTC)


def validity_notice(facts: Facts, now: datetime | None = None) -> str:
    """What an operator has to know of a certificate's validity at a time, or "".

    It is told when the last tenth of its life begins, but not sooner than a week before its end.
    """
    now = now or datetime.now(UTC)
    if now > facts.ends:
        return f"has expired on {facts.ends:%Y-%m-%d %H:%M} UTC; clients refuse it"
    if now < facts.begins - timedelta(seconds=1):
        return f"is not valid before {facts.begins:%Y-%m-%d %H:%M} UTC; clients refuse it"
    if facts.ends - now < min(LATEST_RENEWAL, (facts.ends - facts.begins) / 10):
        return f"expires on {facts.ends:%Y-%m-%d %H:%M} UTC; renew it"
    return ""
