# SPDX-License-Identifier: MIT
"""Sockets that the service manager has opened for this process: systemd's LISTEN_FDS, LISTEN_FDNAMES and LISTEN_PID.

Called by fastcorn.config.sockets for the addresses systemd and systemd:NAME, and when no address is given. The
variables are taken out of the environment the first time, so that no program that the application starts believes they
are its own.
"""

from __future__ import annotations

import contextlib
import os
from functools import lru_cache

from fastcorn.config.errors import SocketTypeError

FIRST_FD = 3
MOST_SOCKETS = 1024
VARIABLES = ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PIDFDID")


@lru_cache(maxsize=1)
def inherited_sockets() -> tuple[tuple[str, int], ...]:
    """The (name, descriptor) of each socket that was handed over to this process; none where nothing was.

    As sd_listen_fds(3) has it, LISTEN_PID must be there and name this process.

    Raises:
        SocketTypeError: the variables are there and make no sense.
    """
    values = {name: os.environ.pop(name, None) for name in VARIABLES}
    pid, count = values["LISTEN_PID"], values["LISTEN_FDS"]
    if count is None or pid is None or pid.strip() != str(os.getpid()):
        return ()
    if not count.isdecimal() or not count.isascii() or len(count) > 4 or int(count) > MOST_SOCKETS:
        raise SocketTypeError(f"LISTEN_FDS is {count!r}, which is no number of sockets; start it by its socket unit")
    given = (values["LISTEN_FDNAMES"] or "").split(":")
    names = [given[index] if index < len(given) and given[index] else "unknown" for index in range(int(count))]
    for index in range(int(count)):
        # Also those that no address names: a program that the application starts must not keep them.
        with contextlib.suppress(OSError):
            os.set_inheritable(FIRST_FD + index, False)
    return tuple((name, FIRST_FD + index) for index, name in enumerate(names))


def descriptors(name: str) -> list[int]:
    """The descriptors with a name, or all of them for "".

    Raises:
        SocketTypeError: there is none.
    """
    sockets = inherited_sockets()
    found = [fd for given, fd in sockets if not name or given == name]
    if not found and not sockets:
        raise SocketTypeError("systemd has passed no sockets to this process; start it by its socket unit")
    if not found:
        known = ", ".join(sorted({given for given, _ in sockets}))
        raise SocketTypeError(f"systemd has passed no socket named {name!r}; there is {known} (FileDescriptorName=)")
    return found
