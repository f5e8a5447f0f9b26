# SPDX-License-Identifier: MIT
"""Who of several workers accepts the next connection of a socket that they share.

The kernel wakes all of them and the quickest takes all: with epoll that is the one which has least to do, or simply the
last to wait, and a client pool of a hundred keep-alive connections may end in one process for good. So each worker
writes how many connections it has into memory that all share (made by the supervisor before it forks, a seat for each
worker), and one that has clearly more than another leaves the next one alone for a moment. Used by
fastcorn.worker.listener; fastcorn.supervisor gives the seats.
"""

from __future__ import annotations

import mmap

# Seats: as many workers as there can be, twice, because a successor sits beside the one it replaces.
SEATS = 4096
BYTES_A_SEAT = 4
EMPTY = -1

# More than the least loaded worker by this much, and by this part of its load, is clearly more.
SLACK = 2
SLACK_PART = 16

# How long the next connection is left to the others; when nobody has taken it then, it is ours after all.
YIELD_SECONDS = 0.001


class Seats:
    """The memory that the workers share; one for a supervisor.

    The first number says how many seats were ever in use, the others are the connections of each seat.
    """

    def __init__(self) -> None:
        self.memory = memoryview(mmap.mmap(-1, (1 + SEATS) * BYTES_A_SEAT)).cast("i")
        self._free = list(range(SEATS, 0, -1))

    def take(self) -> int:
        """A free seat, for the worker that is forked next."""
        seat = self._free.pop()
        self.memory[seat] = EMPTY
        self.memory[0] = max(self.memory[0], seat)
        return seat

    def give_back(self, seat: int) -> None:
        """The worker of this seat has ended."""
        self.memory[seat] = EMPTY
        self._free.append(seat)


class Balance:
    """One worker's view of the seats.

    Args:
        seats: the shared memory.
        seat: this worker's.
    """

    def __init__(self, seats: Seats, seat: int) -> None:
        self._memory = seats.memory
        self._seat = seat
        self._unchanged: list[int] | None = None
        self._waited = False
        self._patience = 1
        self._left = False

    def tell(self, connections: int) -> None:
        """Tells the others how many connections this worker has."""
        if not self._left:
            self._memory[self._seat] = connections

    def leave(self) -> None:
        """Tells the others that this worker accepts no more, for good."""
        self._left = True
        self._memory[self._seat] = EMPTY

    def share(self, connections: int, most: int) -> int:
        """How many of the connections that wait this worker may accept now; 0 = leave them for YIELD_SECONDS.

        With another worker that has clearly fewer, it is 0, so that the other gets them. When that one has got none
        meanwhile it may be busy, hung or gone: then this worker takes one, after the next wait two, then four, so that
        a worker that does not answer costs a moment and not the throughput of those that do.

        Args:
            connections: what this worker has.
            most: the answer for a worker that has nobody to share with.
        """
        self.tell(connections)
        others = self._others()
        if not others:
            return most
        least = min(others)
        if connections <= least + max(SLACK, least // SLACK_PART):
            self._unchanged, self._patience = None, 1
            return 1
        if others != self._unchanged:
            self._unchanged, self._waited, self._patience = others, True, 1
            return 0
        self._waited = not self._waited
        if self._waited:
            return 0
        allowed = self._patience
        self._patience = min(2 * allowed, most)
        return allowed

    def _others(self) -> list[int]:
        loads = self._memory[1 : 1 + self._memory[0]].tolist()
        loads[self._seat - 1] = EMPTY
        return [load for load in loads if load != EMPTY]
