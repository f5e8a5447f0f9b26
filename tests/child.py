# SPDX-License-Identifier: MIT
"""`in_a_child()`: what a function finds in a process of its own, for what cannot be undone, such as giving up root.

Used by tests/worker and tests/supervisor.
"""

from __future__ import annotations

import os
import traceback
import warnings
from collections.abc import Callable


def in_a_child(find: Callable[[], str]) -> str:
    """Runs a function in a fork of this process; returns its text, or the traceback of its failure."""
    reader, writer = os.pipe()
    with warnings.catch_warnings():
        # From Python 3.12 on, fork warns when a thread of an earlier test has not ended yet.
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid == 0:
        found = "nothing"
        try:
            found = find()
        except BaseException:
            found = traceback.format_exc()
        finally:
            os.write(writer, found.encode())
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        report = pipe.read().decode()
    os.waitpid(pid, 0)
    return report
