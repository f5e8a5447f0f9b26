# SPDX-License-Identifier: MIT
"""Types of the compiled module: fields and paths between bytes and Python objects. It has C functions only."""

__test__: dict[str, str]
__pyx_capi__: dict[str, object]
