# SPDX-License-Identifier: MIT
"""The fixtures `driver` and `serve` of tests/asgi and tests/protocols.

`serve` may be parametrised indirectly with the protocol of its exchanges, one of `OPENERS`; the conftest modules do it
by `on_each_protocol`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.exchanges import Exchange, Served
from tests.fakes import Driver
from tests.http2_client import open_exchange
from tests.secure import open_secure

Serve = Callable[..., Served]

OPENERS: dict[str, Callable[[Served], Exchange] | None] = {
    "1.1": None,
    "2": open_exchange,
    "1.1 over TLS": open_secure,
}

# What a test of one of the suites runs on, unless it is marked `protocol(version, ...)`.
PROTOCOLS = ("1.1", "2")


def on_each_protocol(metafunc: pytest.Metafunc, prefix: str, protocols: tuple[str, ...] = PROTOCOLS) -> None:
    """Parametrises `serve` for the tests of the modules whose names begin with prefix.

    Those of HTTP in tests/asgi run over TLS too, once.
    """
    if "serve" in metafunc.fixturenames and metafunc.module.__name__.rpartition(".")[2].startswith(prefix):
        marker = metafunc.definition.get_closest_marker("protocol")
        wanted: list[Any] = list(marker.args if marker is not None else protocols)
        if marker is None and prefix == "test_http_" and metafunc.module.__name__.startswith("tests.asgi"):
            wanted.append(pytest.param("1.1 over TLS", marks=pytest.mark.slow))
        metafunc.parametrize("serve", wanted, indirect=True)


@pytest.fixture(name="driver")
def fixture_driver() -> Iterator[Driver]:
    """A fresh loop; the test fails when something unexpected reached its exception handler."""
    driver = Driver()
    yield driver
    driver.close()
    assert not driver.errors, f"the loop's exception handler was called: {driver.errors}"


@pytest.fixture(name="serve")
def fixture_serve(request: pytest.FixtureRequest, driver: Driver) -> Iterator[Serve]:
    """Makes a `Served`; it is checked after the test."""
    made: list[Served] = []
    opener = OPENERS[getattr(request, "param", "1.1")]

    def serve(app: Any, **settings: Any) -> Served:
        made.append(Served(app, driver, **{"opener": opener, **settings}))
        return made[-1]

    yield serve
    for served in made:
        served.check()
