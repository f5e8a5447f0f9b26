# SPDX-License-Identifier: MIT
"""All of HTTP/2 in one command: `python -m bench http2 [--quick]`. Which works, with which servers, and how long.

The whole table has every work on every server, then 100 MiB each way, idle connections and attacks. `--quick` has what
`goals` reads, and of the servers those that the goals compare with. Called by `__main__`; calls http2, transfer,
http2_idle and attacks.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import attacks, http2_idle, http2_servers, transfer
from bench.attack_frames import ATTACKS
from bench.errors import BenchError
from bench.http2 import Http2Comparison
from bench.http2_servers import Http2Server
from bench.http2_works import WORKS, Http2Work
from bench.interpreter import Interpreter
from bench.results import Recorder
from bench.transfer import WAYS, Way

TRANSFER_BYTES = 100 << 20
CONNECTIONS = 1000
TRANSFERS = 5
"""Rounds of a transfer, which is short."""

QUICK_WORKS = ("hello", "hello-tls", "10kib", "echo", "hello-m1", "hello-m100", "browser")
QUICK_ROUNDS = QUICK_SECONDS = 2
QUICK_ATTACK_SECONDS = 1
MAIN = ("fastcorn", "granian")
WITH_H2 = ("fastcorn", "fastcorn-h2", "granian", "hypercorn")
"""For what has goals of the h2 engine, too."""
QUICK_SERVERS: Mapping[str, Sequence[str]] = {
    "hello": (*WITH_H2, http2_servers.REFERENCE),
    "hello-tls": (*WITH_H2, http2_servers.REFERENCE),
    "transfer": WITH_H2,
    "attacks": ("fastcorn", "fastcorn-h2"),
}
"""Servers of a work or a command; MAIN for all others."""


@dataclass(frozen=True)
class Extent:
    """What is measured, and how long.

    Attributes:
        works: kinds of requests.
        ways: directions of a large body.
        servers: who may take part.
        rounds: measurements of each server for each work.
        seconds: length of one; of an attack half of it.
        warmup: seconds of load before it.
        alone: only these works and ways: no idle connections, no attacks.
        quick: only the servers that goals compare with.
        named: whether the user named the servers: then all of them take part in everything they can.
    """

    works: Sequence[Http2Work]
    ways: Sequence[Way]
    servers: Sequence[Http2Server]
    rounds: int
    seconds: int
    warmup: int
    alone: bool = False
    quick: bool = False
    named: bool = False

    def servers_of(self, name: str) -> list[Http2Server]:
        """Who takes part in a work or a command; nghttpd has no application, so in works alone."""
        works = {work.name for work in WORKS}
        allowed = [each for each in self.servers if name in works or each.name != http2_servers.REFERENCE]
        wanted = QUICK_SERVERS.get(name, MAIN) if self.quick else attacks.SERVERS if name == "attacks" else None
        return allowed if self.named or wanted is None else [each for each in allowed if each.name in wanted]


def extent_of(chosen: argparse.Namespace, packages: Mapping[str, str]) -> Extent:
    """What the arguments ask for.

    Args:
        chosen: from `options`.
        packages: installed distributions, from `Interpreter.packages`.

    Raises:
        BenchError: a name is unknown, or a named server is not installed.
    """
    works, ways = choose(QUICK_WORKS if chosen.quick and chosen.work is None else chosen.work)
    return Extent(
        works,
        WAYS if chosen.work is None else ways,
        http2_servers.choose(chosen.servers, packages, reference=True),
        min(chosen.rounds, QUICK_ROUNDS) if chosen.quick else chosen.rounds,
        min(chosen.seconds, QUICK_SECONDS) if chosen.quick else chosen.seconds,
        chosen.warmup,
        alone=chosen.work is not None,
        quick=chosen.quick,
        named=chosen.servers is not None,
    )


def choose(names: Sequence[str] | None) -> tuple[list[Http2Work], list[Way]]:
    """The works and the ways of transfer of these names, all for None.

    Raises:
        BenchError: a name is unknown.
    """
    works, ways = {work.name: work for work in WORKS}, {way.name: way for way in WAYS}
    if names is None:
        return list(WORKS), list(WAYS)
    for name in names:
        if name not in works and name not in ways:
            raise BenchError(f"unknown work {name!r}; known are {', '.join((*works, *ways))}")
    unique = dict.fromkeys(names)
    return [works[name] for name in unique if name in works], [ways[name] for name in unique if name in ways]


def run(interpreter: Interpreter, extent: Extent, folder: Path | None) -> None:
    """Measures, prints and records all that the extent has; each command's part goes into its own file.

    Raises:
        BenchError: the certificate cannot be made, or too few files may be open.
    """
    shape = {"rounds": extent.rounds, "seconds": extent.seconds, "warmup": extent.warmup}
    recorder = Recorder("http2", interpreter, folder, {**shape})
    for work in extent.works:
        Http2Comparison(interpreter, extent.servers_of(work.name), [work], **shape).run(recorder)
    if (servers := extent.servers_of("transfer")) and extent.ways:
        rounds = TRANSFERS if extent.rounds > 1 else 1
        recorder = Recorder("transfer", interpreter, folder, {"size": TRANSFER_BYTES, "rounds": rounds})
        transfer.run(interpreter, servers, extent.ways, TRANSFER_BYTES, rounds, recorder)
    if extent.alone:
        return
    recorder = Recorder("http2-idle", interpreter, folder, {"connections": CONNECTIONS})
    http2_idle.run(interpreter, extent.servers_of("http2-idle"), CONNECTIONS, recorder)
    seconds = QUICK_ATTACK_SECONDS if extent.quick else max(extent.seconds // 2, 1)
    recorder = Recorder("attacks", interpreter, folder, {"seconds": seconds})
    attacks.run(interpreter, extent.servers_of("attacks"), ATTACKS, seconds, recorder)
