# SPDX-License-Identifier: MIT
"""`serve(app, **settings)`: an application behind a context on a fresh loop, checked for leftovers after the test.

The modules `test_http_*.py` run on each protocol. A test of what only one has is marked `protocol("1.1")`.
"""

from __future__ import annotations

import pytest

from tests.serving import fixture_driver as driver
from tests.serving import fixture_serve as serve

__all__ = ["driver", "serve"]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "serve" in metafunc.fixturenames and metafunc.module.__name__.rpartition(".")[2].startswith("test_http_"):
        marker = metafunc.definition.get_closest_marker("protocol")
        metafunc.parametrize("serve", marker.args if marker is not None else ["1.1"], indirect=True)
