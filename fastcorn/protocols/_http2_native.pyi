# SPDX-License-Identifier: MIT
"""Types of the compiled module: the compiled HTTP/2 engine."""

from typing import Any

from typing_extensions import disjoint_base

from fastcorn.protocols._http2_engine import HTTP2Engine

@disjoint_base
class NativeEngine(HTTP2Engine):
    """The compiled HTTP/2 engine.

    Args:
        settings: see HTTP2Engine.
    """

    def __init__(self, settings: Any) -> None: ...

__test__: dict[str, str]
