# SPDX-License-Identifier: MIT
"""Config: assignment, class-level settings, freezing, and what contradicts."""

from __future__ import annotations

import copy
import pickle
from datetime import timedelta

import pytest

from fastcorn.config import Config, ConfigError, UnknownSettingError
from fastcorn.config.table import SETTINGS


def test_a_value_is_brought_into_its_one_form() -> None:
    config = Config()
    config.keep_alive_timeout = "2m"  # type: ignore[assignment]
    config.h11_max_incomplete_size = "32KiB"  # type: ignore[assignment]
    config.bind = "localhost:80"
    config.graceful_timeout = timedelta(minutes=1)  # type: ignore[assignment]
    assert config.keep_alive_timeout == 120.0
    assert config.h11_max_incomplete_size == 32768
    assert config.bind == ["localhost:80"]
    assert config.graceful_timeout == 60.0


def test_an_unknown_name_is_refused_with_the_nearest_one() -> None:
    config = Config()
    with pytest.raises(UnknownSettingError, match="no setting 'keepalive_timeout'; did you mean keep_alive_timeout"):
        config.keepalive_timeout = 3  # type: ignore[attr-defined]
    with pytest.raises(AttributeError, match="did you mean bind"):
        _ = config.binds  # type: ignore[attr-defined]
    with pytest.raises(UnknownSettingError, match="did you mean max_concurrent_requests"):
        Config(limit_concurrency=4)
    with pytest.raises(UnknownSettingError, match="--help lists"):
        Config(xyzzy=4)


def test_methods_are_no_settings_but_can_be_replaced() -> None:
    config = Config()
    with pytest.raises(UnknownSettingError, match="no setting 'freeze'"):
        setattr(config, "freeze", 5)
    setattr(config, "create_ssl_context", lambda: None)
    assert config.create_ssl_context() is None


def test_instances_share_no_list() -> None:
    first, second = Config(), Config()
    first.bind.append("[::1]:8000")
    first.alpn_protocols.clear()
    assert second.bind == ["127.0.0.1:8000"]
    assert second.alpn_protocols == ["h2", "http/1.1"]
    assert SETTINGS["bind"].default == ["127.0.0.1:8000"]


def test_the_list_that_was_assigned_is_not_kept() -> None:
    mine = ["127.0.0.1:1"]
    config = Config(bind=mine)
    mine.append("127.0.0.1:2")
    assert config.bind == ["127.0.0.1:1"]


def test_class_level_settings_reach_every_instance(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Config, "keep_alive_timeout", 9, raising=False)
    monkeypatch.setattr(Config, "bind", ["localhost:1"], raising=False)
    config = Config()
    assert config.keep_alive_timeout == 9.0
    assert config.bind == ["localhost:1"]
    assert config.origin("keep_alive_timeout") == "class Config"
    config.bind.append("localhost:2")
    assert Config.bind == ["localhost:1"]


def test_class_level_mistakes_are_refused() -> None:
    with pytest.raises(ConfigError, match="class Config: backlog: must be a whole number"):
        Config.backlog = "many"  # type: ignore[assignment]
    with pytest.raises(UnknownSettingError, match="class Config: .*did you mean workers"):
        Config.worker = 3  # type: ignore[attr-defined]
    assert Config.backlog == 2048


def test_a_subclass_sets_defaults_and_may_hold_more() -> None:
    class Mine(Config):
        graceful_timeout = "1m"  # type: ignore[assignment]
        bind = ["localhost:5"]  # noqa: RUF012
        colour = "red"

    config = Mine()
    assert config.freeze().graceful_timeout == 60.0
    assert config.bind == ["localhost:5"]
    config.colour = "blue"
    assert config.colour == "blue"
    assert Config().graceful_timeout == 30.0
    with pytest.raises(ConfigError, match="class Wrong: workers"):
        type("Wrong", (Config,), {"workers": -1})


def test_frozen_settings_hold_every_name_and_cannot_change() -> None:
    settings = Config(bind=["localhost:0"]).freeze()
    assert all(hasattr(settings, name) for name in SETTINGS)
    assert settings.bind == ("localhost:0",)
    assert settings.origin("bind") == "code"
    assert settings.origin("workers") == "default"
    with pytest.raises(AttributeError, match="settings are fixed"):
        settings.workers = 3
    with pytest.raises(AttributeError, match="settings are fixed"):
        del settings.bind


def test_the_package_names_what_it_has() -> None:
    import fastcorn.config as package

    assert all(getattr(package, name) for name in package.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = package.nothing


def test_freezing_checks_lists_that_were_changed_in_place() -> None:
    config = Config()
    config.bind.append("localhost:99999")
    with pytest.raises(ConfigError, match="port 99999 of 'localhost:99999' is out of range"):
        config.freeze()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"quic_bind": ["localhost:443"]}, "quic_bind: HTTP/3 needs TLS; set certfile"),
        ({"insecure_bind": ["localhost:80"]}, "insecure_bind: .*move it to bind"),
        ({"keyfile": "key.pem"}, "keyfile: .*set certfile"),
        ({"keyfile_password": "hush"}, "keyfile_password: it is for the key of certfile, .*set certfile too"),
        ({"ca_certs": "ca.pem"}, "ca_certs: .*set certfile"),
        ({"verify_mode": "CERT_REQUIRED"}, "verify_mode: .*set certfile"),
        ({"logconfig": "a.ini", "logconfig_dict": {"version": 1}}, "logconfig_dict: logconfig is set too"),
        ({"bind": []}, "bind: there is no address to listen on"),
        ({"bind": ["localhost:80", "localhost:80"]}, "bind: localhost:80 is there twice"),
        ({"max_field_size": 9000, "h11_max_incomplete_size": 8000}, "max_field_size: 9000 is more than h11_max"),
    ],
)
def test_contradictions_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Config(**settings).freeze()


def test_a_smaller_head_than_the_default_field_is_no_contradiction() -> None:
    assert Config(h11_max_incomplete_size=1024).freeze().h11_max_incomplete_size == 1024


def test_a_config_can_be_copied_and_pickled() -> None:
    config = Config(bind=["localhost:1"], workers=3)
    for twin in (copy.deepcopy(config), pickle.loads(pickle.dumps(config))):
        twin.bind.append("localhost:2")
        twin.workers = 4
        assert (config.bind, config.workers) == (["localhost:1"], 3)
        assert twin.origin("backlog") == "default"


def test_repr_tells_what_was_set_and_no_secret() -> None:
    config = Config(workers=0, keyfile_password="hush")
    assert repr(config) == "Config(workers=0, keyfile_password=********)"


def test_cert_reqs_is_deprecated_and_sets_verify_mode() -> None:
    config = Config()
    with pytest.warns(DeprecationWarning, match="set verify_mode"):
        config.cert_reqs = 2
    assert config.verify_mode is not None
    assert config.verify_mode.name == "CERT_REQUIRED"
    with pytest.raises(AttributeError, match="read verify_mode"):
        _ = config.cert_reqs


def test_response_headers_follow_the_settings() -> None:
    config = Config(server_header="mine", headers=["X-One: 1"], alt_svc_headers=['h3=":443"'])
    names = [name for name, _ in config.response_headers("h11")]
    assert names == [b"date", b"server", b"alt-svc", b"x-one"]
    assert (b"server", b"mine") in config.response_headers("h2")
    config.include_date_header = config.include_server_header = False
    assert [name for name, _ in config.response_headers("h11")] == [b"alt-svc", b"x-one"]
