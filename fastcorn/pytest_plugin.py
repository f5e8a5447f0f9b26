# SPDX-License-Identifier: MIT
"""The pytest plugin: the fixture fastcorn_serve. Loaded by pytest's entry point; imports no server until it is used."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from fastcorn.testing import TestServer


@pytest.fixture
def fastcorn_serve() -> Iterator[Callable[..., TestServer]]:
    """A function that serves an application until the test ends: server = fastcorn_serve(app); server.url."""
    from fastcorn.testing import serve

    with contextlib.ExitStack() as servers:

        def start(app: Any, *args: Any, **settings: Any) -> TestServer:
            return servers.enter_context(serve(app, *args, **settings))

        yield start
