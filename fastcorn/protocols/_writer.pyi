# SPDX-License-Identifier: MIT
"""Types of the compiled module: what a connection has to write, and how it leaves."""

from typing import final

@final
class Writer:
    """The output of one connection; its methods are C functions (`_writer.pxd`)."""

__test__: dict[str, str]
__pyx_capi__: dict[str, object]
