# SPDX-License-Identifier: MIT
# Futures of those who wait for the same thing: the next message, or that more may be written.


cdef inline int wake_all(list waiters) except -1:
    """Let all of them go on; None = there are none. One that was cancelled is done already."""
    if waiters is not None:
        for future in waiters:
            if not future.done():
                future.set_result(None)
    return 0
