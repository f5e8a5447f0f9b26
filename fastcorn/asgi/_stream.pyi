# SPDX-License-Identifier: MIT
"""Types of the compiled module: what a cycle may ask of the connection that carries its exchange."""

from typing_extensions import disjoint_base

@disjoint_base
class Stream:
    """One exchange as its connection sees it; its methods are C functions (`_stream.pxd`)."""

class PyStream(Stream):
    """A Stream for protocols written in Python: each C function calls the method `on_` and its name of a subclass."""

__test__: dict[str, str]
