# SPDX-License-Identifier: MIT
"""The fixtures `driver` and `serve` of tests/asgi and tests/protocols.

`serve` may be parametrised indirectly with the protocol of its exchanges, one of `OPENERS`, or with an engine of
HTTP/2; the conftest modules do it by `on_each_protocol` and `on_each_engine`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.exchanges import Exchange, Served
from tests.fakes import Driver
from tests.http2_client import open_exchange
from tests.http2_frames import ENGINES
from tests.secure import open_secure

Serve = Callable[..., Served]

OPENERS: dict[str, Callable[[Served], Exchange] | None] = {
    "1.1": None,
    "2": open_exchange,
    "1.1 over TLS": open_secure,
}

# What the setting http2_engine says by default.
DEFAULT_ENGINE = ENGINES[0]

# What a test of one of the suites runs on, unless it is marked `protocol(version, ...)`.
PROTOCOLS = ("1.1", "2")


def on_each_protocol(metafunc: pytest.Metafunc, prefix: str, protocols: tuple[str, ...] = PROTOCOLS) -> None:
    """Parametrises `serve` for the tests of the modules whose names begin with prefix.

    Those of HTTP in tests/asgi run over TLS too, and on the engines of HTTP/2 that are not the default, once.
    """
    if "serve" in metafunc.fixturenames and metafunc.module.__name__.rpartition(".")[2].startswith(prefix):
        marker = metafunc.definition.get_closest_marker("protocol")
        wanted: list[Any] = list(marker.args if marker is not None else protocols)
        if marker is None and prefix == "test_http_" and metafunc.module.__name__.startswith("tests.asgi"):
            others = [name for name in ENGINES if name != DEFAULT_ENGINE]
            wanted += [pytest.param(name, marks=pytest.mark.slow) for name in ("1.1 over TLS", *others)]
        metafunc.parametrize("serve", wanted, indirect=True)


def on_each_engine(metafunc: pytest.Metafunc, modules: tuple[str, ...]) -> None:
    """Parametrises `serve` with the engine of HTTP/2 for the tests of some modules."""
    if "serve" in metafunc.fixturenames and metafunc.module.__name__.rpartition(".")[2] in modules:
        metafunc.parametrize("serve", ENGINES, indirect=True)


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
    param = getattr(request, "param", "1.1")
    defaults: dict[str, Any] = {"opener": OPENERS.get(param, open_exchange)}
    if param in ENGINES:
        defaults["http2_engine"] = param

    def serve(app: Any, **settings: Any) -> Served:
        made.append(Served(app, driver, **{**defaults, **settings}))
        return made[-1]

    yield serve
    for served in made:
        served.check()
