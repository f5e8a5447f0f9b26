# SPDX-License-Identifier: MIT
"""The fixtures `driver` and `serve` of tests/asgi and tests/protocols."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.exchanges import Served
from tests.fakes import Driver

Serve = Callable[..., Served]


@pytest.fixture(name="driver")
def fixture_driver() -> Iterator[Driver]:
    """A fresh loop; the test fails when something unexpected reached its exception handler."""
    driver = Driver()
    yield driver
    driver.close()
    assert not driver.errors, f"the loop's exception handler was called: {driver.errors}"


@pytest.fixture(name="serve")
def fixture_serve(driver: Driver) -> Iterator[Serve]:
    """Makes a `Served`; it is checked after the test."""
    made: list[Served] = []

    def serve(app: Any, **settings: Any) -> Served:
        made.append(Served(app, driver, **settings))
        return made[-1]

    yield serve
    for served in made:
        served.check()
