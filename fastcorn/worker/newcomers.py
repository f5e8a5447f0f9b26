# SPDX-License-Identifier: MIT
"""Turning newcomers away from a listening socket that is about to close, while those that have come are still accepted.

Called by fastcorn.worker.listener. Between the last accept() and close() another client may connect and send a request,
and the kernel then resets it. So the kernel is told first to let nobody in: on Linux a packet filter drops the packets
that open a TCP connection, so that the client's kernel tries again and finds the port closed or its next owner; a unix
socket refuses after a shutdown of its reading side and gives out what waits. Elsewhere the small gap remains.

Both act on the socket and not on the descriptor, so on every process that has it: only for one whose server stops.
"""

from __future__ import annotations

import array
import contextlib
import socket
import struct
import sys

# How long connections that are half open get to complete: the last packet of the handshake is on the way. On loopback
# that takes a scheduler's turn at most.
SETTLE_SECONDS = 0.1
SETTLE_LOOPBACK_SECONDS = 0.01

# <linux/socket.h> has it and the socket module has not.
SO_ATTACH_FILTER = 26

# Classic BPF, one (code, jump if true, jump if false, operand) a line; the packet begins with its TCP header.
NO_SYN = (
    (0x30, 0, 0, 13),  # load the byte of the flags
    (0x45, 0, 1, 0x02),  # SYN?
    (0x06, 0, 0, 0),  # drop
    (0x06, 0, 0, 0xFFFFFFFF),  # keep
)


def turn_away(sock: socket.socket) -> float:
    """Lets no new connection reach the accept queue of a socket, where the system can do that.

    Returns:
        Seconds after which the queue has all that had begun to connect before; 0 when it has already.
    """
    if not sys.platform.startswith("linux"):
        return 0.0
    if sock.family == getattr(socket, "AF_UNIX", None):
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RD)
        return 0.0
    program = array.array("B", b"".join(struct.pack("HBBI", *line) for line in NO_SYN))
    try:
        # struct sock_fprog: the number of lines and where they are; the kernel copies them in the call.
        sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HP", len(NO_SYN), program.buffer_info()[0]))
    except OSError:
        return 0.0  # a sandbox may refuse it
    import ipaddress  # late: it is needed at a stop only

    return SETTLE_LOOPBACK_SECONDS if ipaddress.ip_address(sock.getsockname()[0]).is_loopback else SETTLE_SECONDS
