# SPDX-License-Identifier: MIT
"""The fixtures `driver` and `serve`, as in tests/asgi."""

from __future__ import annotations

from tests.serving import fixture_driver as driver
from tests.serving import fixture_serve as serve

__all__ = ["driver", "serve"]
