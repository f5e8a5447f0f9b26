# SPDX-License-Identifier: MIT
"""The line between a supervisor and one of its workers: short messages over a pair of sockets, both ways.

fastcorn.supervisor holds one end of each channel, fastcorn.worker.child the other. A message is one line: a verb and
perhaps an argument. Neither end ever waits for the other: a message that does not fit into the socket's buffer is
dropped, which only happens to a worker that has read nothing for hundreds of messages.
"""

from __future__ import annotations

import socket

RECEIVE_BYTES = 65536

Message = tuple[str, str]


class Channel:
    """One end of the line.

    Args:
        sock: a connected stream socket; closed by close().
    """

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self._sock = sock
        self._tail = b""
        self.ended = False

    @classmethod
    def pair(cls) -> tuple[Channel, Channel]:
        """The two ends of a new line."""
        one, other = socket.socketpair()
        return cls(one), cls(other)

    def fileno(self) -> int:
        return self._sock.fileno()

    def send(self, verb: str, argument: str = "") -> bool:
        """Sends a message; False when it could not be sent because the other end has gone or reads nothing."""
        line = f"{verb} {' '.join(argument.split())}".rstrip().encode() + b"\n"
        try:
            return self._sock.send(line) == len(line)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:
            return False  # receive() tells the end, after what was sent before it

    def receive(self) -> list[Message]:
        """The messages that have come since the last call, without waiting; sets `ended` when no more will come."""
        while not self.ended:
            try:
                data = self._sock.recv(RECEIVE_BYTES)
            except (BlockingIOError, InterruptedError):
                break
            except OSError:
                data = b""
            self.ended = not data
            self._tail += data
        *lines, self._tail = self._tail.split(b"\n")
        messages = []
        for line in lines:
            verb, _, argument = line.decode("utf-8", "replace").partition(" ")
            messages.append((verb, argument))
        return messages

    def close(self) -> None:
        """Closes this end; the other end's `ended` becomes true."""
        self.ended = True
        self._sock.close()
