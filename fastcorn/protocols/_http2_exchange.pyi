# SPDX-License-Identifier: MIT
"""Types of the compiled module: what becomes of a request over HTTP/2, which has nothing for Python."""

__test__: dict[str, str]
__pyx_capi__: dict[str, object]
