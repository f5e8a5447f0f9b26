# SPDX-License-Identifier: MIT
"""`serve(app, **settings)`: an application behind a context on a fresh loop, checked for leftovers after the test."""

from __future__ import annotations

from tests.serving import fixture_driver as driver
from tests.serving import fixture_serve as serve

__all__ = ["driver", "serve"]
