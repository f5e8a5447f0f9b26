# SPDX-License-Identifier: MIT
"""Certificates are read without OpenSSL, and what is no certificate raises ValueError and nothing else."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fastcorn.config.x509 import Facts, pem_certificates, read_certificate, validity_notice
from tests.certificates import DAY, NOW, Authority, authority, localhost

FOLDER = Path(__file__).parent / "certificates"


def facts_of(text: bytes) -> Facts:
    return read_certificate(pem_certificates(text)[0])


def test_what_a_certificate_says() -> None:
    made = authority().issue("Example.org", "*.example.org", "10.0.0.1", common_name="Zoë", ends=NOW + DAY)
    facts = facts_of(made.key + made.chain)
    assert facts == Facts(made.serial, "Zoë", ("example.org", "*.example.org"), NOW - DAY, NOW + DAY)


def test_an_authority_has_its_organization_and_a_far_end() -> None:
    facts = facts_of(authority().pem)
    assert (facts.subject, facts.names) == ("fastcorn tests", ())
    assert facts.ends.year == 3000


def test_a_certificate_of_openssl() -> None:
    facts = facts_of((FOLDER / "cert.pem").read_bytes())
    assert (facts.subject, facts.names, facts.ends.year) == ("localhost", ("localhost",), 2126)


def test_all_certificates_of_a_chain_are_found() -> None:
    chain = Authority("the middle", authority()).issue().chain
    assert [facts.subject for facts in map(read_certificate, pem_certificates(b"text\n" + chain))][1] == "the middle"
    assert pem_certificates(b"") == []
    assert pem_certificates(b"-----BEGIN CERTIFICATE-----\nA\n-----END CERTIFICATE-----") == []


def test_controls_in_a_name_do_not_reach_the_log() -> None:
    assert facts_of(authority().issue("a.example", common_name="a\nb\x1b[31m").chain).subject == "a?b?[31m"


def test_damage_is_a_value_error() -> None:
    der = pem_certificates(localhost().chain)[0]
    numbers = random.Random(5)
    refused = 0
    for length in range(len(der)):
        with pytest.raises(ValueError, match="certificate|unpack|time"):
            read_certificate(der[:length])
    for _ in range(5000):
        damaged = bytearray(der)
        for _ in range(numbers.randint(1, 4)):
            damaged[numbers.randrange(len(damaged))] = numbers.randrange(256)
        try:
            read_certificate(bytes(damaged))
        except ValueError:
            refused += 1
    assert refused > 500


def test_what_is_told_of_a_validity() -> None:
    now, day = datetime(2030, 1, 1, tzinfo=UTC), timedelta(days=1)
    facts = Facts(1, "a", (), now, now + 10 * day)
    assert validity_notice(facts, now) == validity_notice(facts, now + 9 * day) == ""
    assert validity_notice(facts, now + 9.1 * day) == "expires on 2030-01-11 00:00 UTC; renew it"
    assert validity_notice(facts, now + 11 * day) == "has expired on 2030-01-11 00:00 UTC; clients refuse it"
    assert validity_notice(facts, now - 2 * day) == "is not valid before 2030-01-01 00:00 UTC; clients refuse it"
    year = Facts(1, "a", (), now, now + 365 * day)
    assert [bool(validity_notice(year, now + (365 - left) * day)) for left in (8, 6)] == [False, True]
