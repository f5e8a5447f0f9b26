# SPDX-License-Identifier: MIT
"""Interleaved rounds of servers, and what a server uses under one load.

Called by the commands that compare whole servers: http1, http2, transfer and websocket. Calls process and disturbance.
"""

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Protocol, Self, TypeVar

from bench.disturbance import Watch
from bench.errors import BenchError
from bench.process import ServerProcess
from bench.results import Row

SATURATED = 0.95
"""Share of its core from which on the load generator, not the server, is what is measured."""


class Named(Protocol):
    """A server: rows are found by its name."""

    @property
    def name(self) -> str: ...


AnyServer = TypeVar("AnyServer", bound=Named)
Sample = TypeVar("Sample")


def rotated(servers: Sequence[AnyServer], number: int) -> list[AnyServer]:
    """The servers in the order of a round: each round begins with another one, so that drift favours nobody."""
    start = number % len(servers)
    return [*servers[start:], *servers[:start]]


def measure_rounds(
    servers: Sequence[AnyServer],
    rounds: int,
    measure: Callable[[AnyServer], Sample],
    summarise: Callable[[Sequence[Sample]], Row],
) -> dict[str, Row]:
    """Measures every server once a round; one that fails is left out from then on.

    Args:
        servers: who takes part.
        rounds: measurements of each.
        measure: takes one; a `BenchError` that it raises becomes the server's row.
        summarise: makes a row of what a server's rounds gave.
    """
    samples: dict[str, list[Sample]] = {}
    errors: dict[str, str] = {}
    for number in range(rounds):
        for server in rotated(servers, number):
            if server.name in errors:
                continue
            try:
                samples.setdefault(server.name, []).append(measure(server))
            except BenchError as error:
                errors[server.name] = str(error)
    return {
        server.name: {"error": errors[server.name]} if server.name in errors else summarise(samples[server.name])
        for server in servers
    }


class Use:
    """What a server uses while a block loads it. Warns when something else used the machine meanwhile.

    Attributes:
        seconds: processor time of the server, set at the end.

    Raises:
        BenchError: at the end, when the server is not there any more.
    """

    def __init__(self, process: ServerProcess) -> None:
        self.seconds = 0.0
        self._process = process

    def __enter__(self) -> Self:
        self._watch = Watch(self._process.session)
        self._before = self._process.cpu_seconds()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.seconds = self._process.cpu_seconds() - self._before
        disturbance, name = self._watch.end(), self._process.server.name
        if disturbance.warning:
            print(f"  {name}: {disturbance.warning}", flush=True)
        if kind is None and not self._process.alive:
            raise BenchError(f"{name} ended under load: {self._process.last_words()}")


def warn_saturated(server: str, client: str, busy: float) -> None:
    """Says that a load generator used all of its core."""
    if busy > SATURATED:
        print(f"  {server}: {client} was busy all the time; the server may be faster", flush=True)
