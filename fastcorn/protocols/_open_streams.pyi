# SPDX-License-Identifier: MIT
"""Types of the compiled module: the streams of an HTTP/2 connection by their ids."""

from collections.abc import Iterable
from typing import Any, final

@final
class OpenStreams:
    """The streams of a connection that are open."""

    def __len__(self) -> int: ...

def id_of(stream: Any) -> int:
    """The id of a stream."""

def check_against_a_dict(steps: Iterable[int]) -> list[int]:
    """Open (id > 0) and close (id < 0) streams of these ids; the ids that are open at the end, each found by its own."""

__test__: dict[str, str]
__pyx_capi__: dict[str, object]
