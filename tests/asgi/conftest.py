# SPDX-License-Identifier: MIT
"""`serve(app, **settings)`: an application behind a context on a fresh loop, checked for leftovers after the test.

The modules `test_http_*.py` and `test_websocket_*.py` run on each protocol. A test of what only one has is marked
`protocol("1.1")`.
"""

from __future__ import annotations

import pytest

from tests.serving import fixture_driver as driver
from tests.serving import fixture_serve as serve
from tests.serving import on_each_protocol

__all__ = ["driver", "serve"]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    on_each_protocol(metafunc, "test_http_")
    on_each_protocol(metafunc, "test_websocket_")
