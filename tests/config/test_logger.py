# SPDX-License-Identifier: MIT
"""Config.log and the class that makes it."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest

from fastcorn.config import Config, ConfigError


class Recorder:
    def __init__(self, config: Config) -> None:
        self.config = config


class Statsd(Recorder):
    pass


def test_the_logger_is_made_once_by_its_class() -> None:
    config = Config(logger_class=Recorder)
    assert isinstance(config.log, Recorder)
    assert config.log is config.log
    assert config.log.config is config


def test_a_class_may_be_named() -> None:
    module: Any = ModuleType("fc_test_logs")
    module.Recorder = Recorder
    sys.modules["fc_test_logs"] = module
    try:
        assert isinstance(Config(logger_class="fc_test_logs:Recorder").log, Recorder)
        assert isinstance(Config(logger_class="fc_test_logs.Recorder").log, Recorder)
    finally:
        del sys.modules["fc_test_logs"]


def test_a_class_that_cannot_be_imported_is_told_with_its_origin() -> None:
    config = Config()
    config.put("logger_class", "no_such_module:Logger", "fastcorn.toml")
    with pytest.raises(ConfigError, match="^fastcorn.toml: logger_class: 'no_such_module:Logger' cannot be imported"):
        _ = config.log
    with pytest.raises(ConfigError, match="logger_class: 'os:Nothing' cannot be imported"):
        _ = Config(logger_class="os:Nothing").log


def test_a_statsd_logger_is_used_where_statsd_is_and_no_other_class() -> None:
    with_host = Config(statsd_host="localhost:8125")
    with_host.set_statsd_logger_class(Statsd)
    assert isinstance(with_host.log, Statsd)
    without_host = Config()
    without_host.set_statsd_logger_class(Statsd)
    assert without_host.logger_class is None
    own = Config(statsd_host="localhost:8125", logger_class=Recorder)
    own.set_statsd_logger_class(Statsd)
    assert own.logger_class is Recorder
