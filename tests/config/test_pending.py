# SPDX-License-Identifier: MIT
"""Settings of features that are not there yet: refused where ignoring them would surprise, else named for the log."""

from __future__ import annotations

import pytest

from fastcorn.config import Config, ConfigError
from fastcorn.config.pending import REMEDIES, check_pending
from fastcorn.config.table import SETTINGS


@pytest.mark.parametrize(
    "settings",
    [
        {}, {"workers": 0}, {"workers": 1}, {"worker_class": "asyncio"}, {"worker_class": "uvloop"}, {"daemon": True},
        {"certfile": "c", "keyfile": "k"}, {"certfile": "c", "insecure_bind": ["localhost:1"]},
    ],
)  # fmt: skip
def test_a_plain_server_has_nothing_pending(settings: dict[str, object]) -> None:
    assert check_pending(Config(**settings).freeze()) == []


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"worker_class": "trio"}, "worker_class: the trio worker is not available yet; set it to auto"),
        ({"certfile": "c", "quic_bind": ["localhost:1"]}, "quic_bind: HTTP/3 is not available yet"),
    ],
)
def test_what_must_not_be_ignored_is_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_pending(Config(**settings).freeze())
    assert message in str(caught.value)


@pytest.mark.parametrize(("setting", "package"), [("websocket_engine", "wsproto"), ("http2_engine", "h2")])
def test_a_missing_engine_is_refused(setting: str, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Config(**{setting: package}).freeze()
    assert check_pending(settings) == []
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    install = rf"the package {package} is not installed; pip install 'fastcorn\[{package}\]'"
    with pytest.raises(ConfigError, match=f"{setting}.*: {install}"):
        check_pending(settings)
    assert check_pending(Config().freeze()) == []


def test_the_origin_is_told() -> None:
    config = Config()
    config.put("worker_class", "trio", "FASTCORN_WORKER_CLASS")
    with pytest.raises(ConfigError, match="^FASTCORN_WORKER_CLASS: the trio worker"):
        check_pending(config.freeze())


def test_what_may_be_ignored_is_named() -> None:
    config = Config(statsd_host="localhost:8125", statsd_prefix="web", h2_max_concurrent_streams=100)
    assert check_pending(config.freeze()) == [
        "statsd_host (code) has no effect: statsd is not available yet",
        "statsd_prefix (code) has no effect: statsd is not available yet",
    ]


def test_each_refused_setting_has_a_remedy() -> None:
    assert {name for name, setting in SETTINGS.items() if setting.refused} == set(REMEDIES)
    assert all(SETTINGS[name].later for name in REMEDIES)
