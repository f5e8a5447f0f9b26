# SPDX-License-Identifier: MIT
"""Addresses to listen on: Hypercorn's forms, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastcorn.config.addresses import parse_address


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("localhost:80", "localhost", 80),
        ("localhost", "localhost", 8000),
        ("0.0.0.0:0", "0.0.0.0", 0),
        (":80", "0.0.0.0", 80),
        ("[::1]:80", "::1", 80),
        ("[::1]", "::1", 8000),
        ("::1:80", "::1", 80),
        (":::80", "::", 80),
        ("::", "::", 8000),
        ("::1", "::1", 8000),
        ("[fe80::1%eth0]:80", "fe80::1%eth0", 80),
        ("2001:db8::5:65535", "2001:db8::5", 65535),
    ],
)
def test_host_and_port(text: str, host: str, port: int) -> None:
    address = parse_address(text)
    assert (address.host, address.port, address.path, address.fd) == (host, port, None, None)
    assert address.is_ipv6 == (":" in host)


def test_paths_and_descriptors() -> None:
    assert parse_address("unix:/run/app.sock").path == "/run/app.sock"
    assert parse_address("unix:app.sock").path == "app.sock"
    assert parse_address("unix:///run/app.sock").path == "/run/app.sock"
    assert parse_address("fd://3").fd == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "'' is no address"),
        ("a b:80", "holds blanks"),
        ("localhost:99999", "port 99999 of 'localhost:99999' is out of range; ports are 0 to 65535"),
        ("localhost:http", "has no port number after the colon; write host:port"),
        ("localhost:", "has no port number"),
        ("localhost:-1", "has no port number"),
        ("8000", "'8000' is a number alone; write :8000"),
        ("http://localhost:80", "is a URL; write host:port"),
        ("unix:", "names no path"),
        ("unix:@", "names no path"),
        ("systemd:", "names no socket; write systemd, or systemd:NAME"),
        ("fd://x", "names no descriptor; write fd://3"),
        ("[::1:80", "is no IPv6 address in brackets"),
        ("[::1]80", "is no IPv6 address in brackets"),
        ("[localhost]:80", "is no IPv6 address in brackets"),
        ("a:b:c", "is no IPv6 address; write [::1]:8000"),
        ("/run/app.sock", "is no host name"),
    ],
)
def test_what_is_no_address(text: str, message: str) -> None:
    with pytest.raises(ValueError, match="write|ports|blanks") as caught:
        parse_address(text)
    assert message in str(caught.value)


@given(st.text(alphabet="[]:.%/abcunixfd0123456789", max_size=20))
def test_any_text_is_an_address_or_refused(text: str) -> None:
    try:
        address = parse_address(text)
    except ValueError as error:
        address, sentence = None, str(error)
    if address is None:
        assert repr(text) in sentence
        return
    assert sum(part is not None for part in (address.host, address.path, address.fd)) == 1
    assert 0 <= address.port <= 65535
