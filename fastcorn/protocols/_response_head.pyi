# SPDX-License-Identifier: MIT
"""Types of the compiled module: heads of HTTP/2 responses, which has nothing for Python."""

from typing import final

@final
class ResponseHead:
    """An application's response head, checked."""

@final
class ResponseHeads:
    """The heads that a worker keeps."""

__test__: dict[str, str]
__pyx_capi__: dict[str, object]
