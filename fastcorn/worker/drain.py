# SPDX-License-Identifier: MIT
"""Closing a listening socket so that no client which believes to be connected is reset.

Called by fastcorn.worker.listener. The facts: the kernel completes handshakes by itself and queues the connections;
when the last descriptor of a listening socket is closed, it resets those that are queued. Between the last accept() and
close() there is always a moment in which one more may come. So first no new handshake may begin: on Linux a socket
filter drops SYN segments and lets all others pass, so that handshakes under way end, and a dropped SYN comes again
later, when it is refused in the open. The file of a unix socket is removed first, by its owner.
"""

from __future__ import annotations

import array
import contextlib
import socket
import struct
import sys

# linux/filter.h: load the byte with the TCP flags; SYN set -> keep nothing of the segment, else all of it.
SO_ATTACH_FILTER = 26
LOAD_BYTE, JUMP_IF_SET, RETURN = 0x30, 0x45, 0x06
TCP_FLAGS_OFFSET, SYN = 13, 0x02
PROGRAM = (
    (LOAD_BYTE, 0, 0, TCP_FLAGS_OFFSET),
    (JUMP_IF_SET, 0, 1, SYN),
    (RETURN, 0, 0, 0),
    (RETURN, 0, 0, 0xFFFFFFFF),
)

# How long handshakes that had begun get to end: some round trips to a balancer in the same place.
SETTLE_SECONDS = 0.02


def refuse_handshakes(sock: socket.socket) -> None:
    """Lets no new connection begin on a listening socket that nobody will accept on again; a best effort."""
    if sock.family in (socket.AF_INET, socket.AF_INET6) and sys.platform == "linux":
        code = array.array("B", b"".join(struct.pack("HBBI", *instruction) for instruction in PROGRAM))
        address, _ = code.buffer_info()
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HL", len(PROGRAM), address))
