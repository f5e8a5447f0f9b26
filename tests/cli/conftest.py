# SPDX-License-Identifier: MIT
"""The tests of the command do not see the settings of whoever runs them."""

from __future__ import annotations

import os

import pytest

from fastcorn.config.table import SETTINGS

GENERAL = {name for setting in SETTINGS.values() for name in setting.environment}


@pytest.fixture(autouse=True)
def _no_settings_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("FASTCORN_") or name in GENERAL:
            monkeypatch.delenv(name)
