# SPDX-License-Identifier: MIT
"""A loop that is driven step by step, and a transport whose client end the test plays.

Used by the behavioural suites (tests/asgi, tests/protocols, tests/fuzz). The loop is a real asyncio loop: tasks,
timeouts and task groups are the true ones. Only its clock is the test's, so that nothing ever waits: `Driver.settle()`
steps until no callback is ready, `Driver.advance()` moves the clock. What the transport reports to the protocol is
reported from inside the loop, as a real transport does (an eager task starts only there).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

STEP_LIMIT = 20_000
READ_SIZE = 256 * 1024  # bytes that one data_received() brings at most, as in asyncio and uvloop


class Driver:
    """An asyncio loop, its clock, and the errors that reached its exception handler."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.now = time.monotonic()
        self.loop.time = lambda: self.now  # type: ignore[method-assign]
        self.errors: list[dict[str, Any]] = []
        self.loop.set_exception_handler(lambda _loop, context: self.errors.append(context))

    def step(self) -> None:
        """Runs one turn of the loop: what is ready now, not what that makes ready."""
        self.loop.call_soon(self.loop.stop)
        self.loop.run_forever()

    @property
    def is_quiet(self) -> bool:
        return not self.loop._ready  # type: ignore[attr-defined]

    def settle(self, limit: int = STEP_LIMIT) -> None:
        """Steps until no callback is ready; fails after `limit` turns."""
        for _ in range(limit):
            self.step()
            if self.is_quiet:
                return
        raise AssertionError(f"the loop is still busy after {limit} turns")

    def settle_until(self, reached: Callable[[], bool], seconds: float = 30) -> None:
        """Settles until something is so that another thread may have to bring about; fails after `seconds`."""
        end = time.monotonic() + seconds
        self.settle()
        while not reached():
            assert time.monotonic() < end, "it did not come about"
            # wakes when a thread calls call_soon_threadsafe(), at the latest after 10 ms
            self.loop._selector.select(0.01)  # type: ignore[attr-defined]
            self.settle()

    def call(self, function: Callable[..., Any], *args: Any) -> Any:
        """Calls function inside the loop, in a turn of its own; returns or raises what it does."""
        outcome: list[Any] = []

        def run() -> None:
            try:
                outcome.append((function(*args), None))
            except BaseException as error:
                outcome.append((None, error))

        self.loop.call_soon(run)
        self.step()
        result, error = outcome[0]
        if error is not None:
            raise error
        return result

    def advance(self, seconds: float) -> None:
        """Moves the clock and runs the timers that are due by then."""
        self.now += seconds
        self.settle()

    def close(self) -> None:
        """Cancels what still runs and closes the loop."""
        tasks = asyncio.all_tasks(self.loop)
        for task in tasks:
            task.cancel()
        self.settle()
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()


class FakeTransport(asyncio.Transport):
    """What a connection sees of its socket. It has no 'socket', so the connection must use write().

    Attributes:
        writes: the bytes of each write() call.
        received: the bytes that the client has read.
        pending: the bytes that wait because the client does not read.
        faults: misuse by the connection; the suites check that it stays empty.
        high_water: the most bytes that ever waited in `pending`.
        reader: called in a later turn when the client has read something, for a client that answers by itself.
    """

    def __init__(self, driver: Driver, protocol: Any, extra: Mapping[str, Any] | None = None) -> None:
        super().__init__(
            {"peername": ("127.0.0.1", 50000), "sockname": ("127.0.0.1", 8000), **(extra or {})},
        )
        self.driver = driver
        self.protocol = protocol
        self.writes: list[bytes] = []
        self.received = bytearray()
        self.pending = bytearray()
        self.inbox = bytearray()
        self.faults: list[str] = []
        self.high, self.low = 64 * 1024, 16 * 1024
        self.high_water = 0
        self.bytes_written = 0
        self.bytes_delivered = 0
        self.pauses = self.resumes = 0
        self.client_reads = True
        self.keeps_bytes = True
        self.reading_paused = self.writing_paused = False
        self.closing = self.closed = self.aborted = False
        self.inbox_ends = self.eof_delivered = self.eof_sent = False
        self.reader: Callable[[], None] | None = None

    # What the connection calls.

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not isinstance(data, (bytes, bytearray, memoryview)):
            self.faults.append(f"write({type(data).__name__})")
            return
        if self.closing or self.eof_sent:
            self.faults.append(f"write of {bytes(data)[:40]!r} after close")
            return
        self.bytes_written += len(data)
        if not self.keeps_bytes:
            return
        self.writes.append(bytes(data))
        if self.client_reads and not self.pending:
            self.received += data
            self._tell_reader()
            return
        self.pending += data
        self.high_water = max(self.high_water, len(self.pending))
        self._pause_writing_when_full()

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        self.write(b"".join(list_of_data))

    def close(self) -> None:
        if self.closing:
            return
        self.closing = True
        if not self.pending:
            self.driver.loop.call_soon(self._lose, None)

    def abort(self) -> None:
        self.aborted = True
        self.closing = True
        self.pending.clear()
        self.driver.loop.call_soon(self._lose, None)

    def is_closing(self) -> bool:
        return self.closing

    def pause_reading(self) -> None:
        if not self.reading_paused:
            self.pauses += 1
        self.reading_paused = True

    def resume_reading(self) -> None:
        if self.reading_paused:
            self.resumes += 1
            self.driver.loop.call_soon(self._pump)
        self.reading_paused = False

    def is_reading(self) -> bool:
        return not self.reading_paused and not self.closing

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        if high is None:
            high = 64 * 1024 if low is None else 4 * low
        self.high, self.low = high, high // 4 if low is None else low
        self._pause_writing_when_full()

    def get_write_buffer_size(self) -> int:
        return len(self.pending)

    def get_write_buffer_limits(self) -> tuple[int, int]:
        return self.low, self.high

    def write_eof(self) -> None:
        """The connection sends no more; it may go on reading."""
        self.eof_sent = True

    def can_write_eof(self) -> bool:
        return True

    def get_protocol(self) -> Any:
        return self.protocol

    def set_protocol(self, protocol: Any) -> None:
        self.protocol = protocol

    # What the client does.

    def deliver(self, data: bytes) -> None:
        """The client sends data; it reaches the connection as soon as that reads."""
        self.inbox += data
        self.driver.call(self._pump)

    def enqueue(self, data: bytes) -> None:
        """The client sends data, also from inside the loop; it reaches the connection in a later turn."""
        if data and not self.closed:
            self.inbox += data
            self.driver.loop.call_soon(self._pump)

    def deliver_eof(self) -> None:
        """The client closes its sending half."""
        self.inbox_ends = True
        self.driver.call(self._pump)

    def lose(self, error: Exception | None = None) -> None:
        """The connection is gone, without a warning."""
        self.closing = True
        self.pending.clear()
        self.driver.call(self._lose, error)

    def stop_client(self) -> None:
        """The client no longer reads: what is written waits."""
        self.client_reads = False

    def resume_client(self, count: int | None = None) -> None:
        """The client reads count bytes, or (without a count) all there is and from now on all that comes."""
        if count is None:
            self.client_reads = True
            count = len(self.pending)
        self.received += self.pending[:count]
        del self.pending[:count]
        self._tell_reader()
        self.driver.call(self._written_out)

    def _tell_reader(self) -> None:
        if self.reader is not None:
            self.driver.loop.call_soon(self.reader)

    def _written_out(self) -> None:
        if self.writing_paused and len(self.pending) <= self.low:
            self.writing_paused = False
            self.protocol.resume_writing()
        if self.closing and not self.pending and not self.closed:
            self._lose(None)

    def _pause_writing_when_full(self) -> None:
        if len(self.pending) > self.high and not self.writing_paused:
            self.writing_paused = True
            self.protocol.pause_writing()

    def _pump(self) -> None:
        """Brings one read's worth of bytes, the rest in later turns."""
        if self.reading_paused or self.closing or self.closed:
            return
        if self.inbox:
            data = bytes(self.inbox[:READ_SIZE])
            del self.inbox[: len(data)]
            self.bytes_delivered += len(data)
            if self.inbox or self.inbox_ends:
                self.driver.loop.call_soon(self._pump)
            self.protocol.data_received(data)
        elif self.inbox_ends and not self.eof_delivered:
            self.eof_delivered = True
            if not self.protocol.eof_received():
                self.close()

    def _lose(self, error: Exception | None) -> None:
        if not self.closed:
            self.closed = True
            self.protocol.connection_lost(error)
