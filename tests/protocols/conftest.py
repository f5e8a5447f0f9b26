# SPDX-License-Identifier: MIT
"""`serve(app, **settings)`: an application behind a context on a fresh loop, checked for leftovers after the test.

The modules `test_websocket_*.py` run on each protocol; a test of what only one has is marked `protocol("1.1")`. Those
of HTTP/2 in ON_EACH_ENGINE run on each of its engines.
"""

from __future__ import annotations

import pytest

from tests.serving import fixture_driver as driver
from tests.serving import fixture_serve as serve
from tests.serving import on_each_engine, on_each_protocol

__all__ = ["driver", "serve"]

ON_EACH_ENGINE = (
    "test_http2_flow",
    "test_http2_lifecycle",
    "test_http2_messages",
    "test_http2_priorities",
    "test_http2_push",
    "test_http2_streams",
    "test_http2_windows",
)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    on_each_protocol(metafunc, "test_websocket_")
    on_each_engine(metafunc, ON_EACH_ENGINE)
