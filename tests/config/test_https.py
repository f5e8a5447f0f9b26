# SPDX-License-Identifier: MIT
"""The settings of https beside certificates: hsts, redirect_to_https, redirect_port."""

from __future__ import annotations

from typing import Any

import pytest

from fastcorn.config import Config
from fastcorn.config.errors import ConfigError

TLS: dict[str, Any] = {"certfile": "cert.pem"}


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("365d", "max-age=31536000"),
        ("3600", "max-age=3600"),
        (3600, "max-age=3600"),
        (0.5, "max-age=0"),
        (0, "max-age=0"),
        ("1h30m", "max-age=5400"),
        ("max-age=60", "max-age=60"),
        (" max-age=60 ; includeSubDomains ", "max-age=60 ; includeSubDomains"),
        ('includesubdomains;max-age="60"', 'includesubdomains;max-age="60"'),
        ("max-age=31536000; includeSubDomains; preload", "max-age=31536000; includeSubDomains; preload"),
        ("off", None),
        (None, None),
        ("", None),
    ],
)
def test_policies(given: object, kept: str | None) -> None:
    assert Config(hsts=given).hsts == kept


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ("soon", "must be a time or a policy, not 'soon', or off; for example 365d or "),
        (True, "must be a time or a policy, not True"),
        ([], "must be a time or a policy"),
        (-1, "must be a time or a policy, not '-1s'"),
        ("max-age=a", "must hold max-age=SECONDS, not 'max-age=a'; for example"),
        ("max-age=", "must hold max-age=SECONDS, not"),
        ("max-age=²", "must hold max-age=SECONDS, not"),
        ("includeSubDomains;preload", "must hold max-age=SECONDS, not"),
        ("max-age=1; max-age=2", "must hold max-age=SECONDS, includeSubDomains and preload, each once"),
        ("max-age=1; nosuch", "must hold max-age=SECONDS, includeSubDomains and preload, each once"),
        ("max-age=1; preload=1", "must hold max-age=SECONDS, includeSubDomains and preload, each once"),
        ("max-age=1;", "must hold max-age=SECONDS, includeSubDomains and preload, each once"),
        ("max-age=31536000; preload", "must hold includeSubDomains and max-age=31536000 with preload"),
        ("max-age=1; includeSubDomains; preload", "must hold includeSubDomains and max-age=31536000 with preload"),
        ("max-age=1\r\nx: y", "must not hold control characters"),
    ],
)
def test_what_is_no_policy(given: object, problem: str) -> None:
    with pytest.raises(ConfigError) as raised:
        Config(hsts=given)
    assert "hsts" in str(raised.value)
    assert problem in str(raised.value)


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"hsts": "1d"}, "it is sent over TLS only; set certfile too"),
        ({"redirect_to_https": True}, "there is no https to redirect to; set certfile too"),
        ({**TLS, "redirect_to_https": True}, "there is no address without TLS; set insecure_bind too"),
        ({**TLS, "redirect_port": 443}, "nothing is redirected; set redirect_to_https too"),
    ],
)
def test_what_contradicts(settings: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        Config(**settings).freeze()


def test_what_goes_together() -> None:
    settings = Config(**TLS, hsts="1d", insecure_bind="127.0.0.1:0", redirect_to_https=True, redirect_port=443).freeze()
    assert (settings.hsts, settings.redirect_port) == ("max-age=86400", 443)


@pytest.mark.parametrize("port", [0, 65536, -1])
def test_ports(port: int) -> None:
    if port == 0:
        assert Config(redirect_port=port).redirect_port is None
    else:
        with pytest.raises(ConfigError, match="must be from 1 to 65535"):
            Config(redirect_port=port)
