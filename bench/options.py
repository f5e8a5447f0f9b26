# SPDX-License-Identifier: MIT
"""Reads the command line of the benchmarks. Called by `__main__`; refuses a bad value with a line that names it."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from bench.results import FOLDER

if TYPE_CHECKING:
    _Commands = argparse._SubParsersAction[argparse.ArgumentParser]

UNITS = {"kib": 10, "mib": 20, "gib": 30}


def whole_number(least: int) -> Callable[[str], int]:
    """A reader of whole numbers not below `least`."""

    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None
        if value < least:
            raise argparse.ArgumentTypeError(f"{value} is below {least}, the least that makes sense")
        return value

    return read


def names(text: str) -> list[str]:
    """Names separated by commas."""
    found = [name.strip() for name in text.split(",") if name.strip()]
    if not found:
        raise argparse.ArgumentTypeError("give at least one name")
    return found


def byte_size(text: str) -> int:
    """A size of at least one byte: a number, or a number and KiB, MiB or GiB."""
    lower = text.strip().lower()
    digits, shift = (lower[:-3], UNITS[lower[-3:]]) if lower[-3:] in UNITS else (lower, 0)
    try:
        size = int(digits) << shift
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size such as 64MiB") from None
    if size < 1:
        raise argparse.ArgumentTypeError("a size must be at least one byte")
    return size


def make_parser() -> argparse.ArgumentParser:
    """The parser of all commands; the chosen one is in `command`."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measures fastcorn beside its peers.")
    commands = parser.add_subparsers(title="commands", required=True, dest="command", metavar="COMMAND")
    results = argparse.ArgumentParser(add_help=False)
    results.add_argument("--results", metavar="DIR", type=Path, default=FOLDER, help="where results are kept")
    measured = argparse.ArgumentParser(add_help=False, parents=[results])
    measured.add_argument("--python", metavar="PATH", help="Python that runs the servers (default: this one)")
    measured.add_argument("--no-save", action="store_true", help="print only")
    _add_comparisons(commands, measured)
    _add_checks(commands, measured)
    goals = commands.add_parser("goals", parents=[results], help="hold the results against the goals")
    goals.add_argument("--strict", action="store_true", help="exit with 1 when a goal is missed")
    commands.add_parser("chart", parents=[results], help="draw the results of http1 and http2 again")
    table = commands.add_parser("comparison", parents=[results], help="the results as Markdown")
    table.add_argument("--write", metavar="FILE", type=Path, help="put it between the marks of this file")
    return parser


def _add_comparisons(commands: "_Commands", measured: argparse.ArgumentParser) -> None:
    servers = argparse.ArgumentParser(add_help=False, parents=[measured])
    servers.add_argument("--servers", type=names, metavar="A,B", help="only these (default: all installed)")
    _add_http1(commands, servers)
    _add_http2(commands, servers)
    http2_idle = commands.add_parser("http2-idle", parents=[servers], help="bytes for each idle HTTP/2 connection")
    _add_number(http2_idle, "--connections", 1000, "kept open")
    transfer = commands.add_parser("transfer", parents=[servers], help="one large body over HTTP/2: speed and memory")
    transfer.add_argument("--size", type=byte_size, default=1 << 30, help="of the body, as 64MiB (default: 1GiB)")
    _add_number(transfer, "--rounds", 3, "transfers of each")
    transfer.add_argument("--work", type=names, metavar="A,B", help="only these ways (default: all)")
    websocket = commands.add_parser(
        "websocket", parents=[servers], help="WebSocket messages a second, CPU time, latency"
    )
    _add_number(websocket, "--rounds", 3, "interleaved rounds")
    _add_number(websocket, "--seconds", 3, "length of a measurement")
    _add_number(websocket, "--warmup", 1, "seconds of load before it", least=0)
    websocket.add_argument("--work", type=names, metavar="A,B", help="only these works (default: all)")
    memory = commands.add_parser("websocket-memory", parents=[servers], help="memory of WebSockets: idle, many, abused")
    _add_number(memory, "--idle", 2000, "kept open")
    _add_number(memory, "--connects", 20_000, "opened and closed", least=20)
    start = commands.add_parser("start", parents=[servers], help="from exec to the first answer")
    _add_number(start, "--rounds", 11, "starts of each")
    idle = commands.add_parser("idle", parents=[servers], help="bytes for each idle keep-alive connection")
    _add_number(idle, "--connections", 10_000, "kept open")
    idle.add_argument("--tls", action="store_true", help="over TLS")
    timed = commands.add_parser("commands", parents=[measured], help="import and --help against uvicorn's")
    _add_number(timed, "--rounds", 15, "runs of each")
    several = commands.add_parser("processes", parents=[measured], help="workers: memory, start, spread, requests lost")
    _add_number(several, "--rounds", 5, "starts of each, and repetitions of each event")
    fair = commands.add_parser("fairness", parents=[measured], help="how connections spread over two workers")
    _add_number(fair, "--rounds", 3, "runs of each; the worst counts")
    micro = commands.add_parser("micro", parents=[measured], help="parse, scope and response alone")
    _add_number(micro, "--rounds", 5, "rounds; the fastest counts")


def _add_http1(commands: "_Commands", servers: argparse.ArgumentParser) -> None:
    http1 = commands.add_parser("http1", parents=[servers], help="requests a second, CPU time, latency, memory")
    _add_number(http1, "--rounds", 3, "interleaved rounds")
    _add_number(http1, "--seconds", 4, "length of a measurement")
    _add_number(http1, "--warmup", 2, "seconds of load before it", least=0)
    http1.add_argument("--tls", action="store_true", help="over TLS")
    http1.add_argument("--work", type=names, metavar="A,B", help="only these works (default: all)")


def _add_http2(commands: "_Commands", servers: argparse.ArgumentParser) -> None:
    http2 = commands.add_parser(
        "http2", parents=[servers], help="all of HTTP/2: requests, 100 MiB each way, idle connections, attacks"
    )
    _add_number(http2, "--rounds", 3, "interleaved rounds")
    _add_number(http2, "--seconds", 4, "length of a measurement")
    _add_number(http2, "--warmup", 1, "seconds of load before it", least=0)
    http2.add_argument(
        "--work", type=names, metavar="A,B", help="only these works or ways of transfer, and nothing else"
    )
    http2.add_argument(
        "--quick", action="store_true", help="what `goals` reads, in six minutes: 2 rounds of 2 s, few servers"
    )


def _add_checks(commands: "_Commands", measured: argparse.ArgumentParser) -> None:
    servers = argparse.ArgumentParser(add_help=False, parents=[measured])
    servers.add_argument("--servers", type=names, metavar="A,B", help="these (default: fastcorn)")
    for name, what in (
        ("upload-slow", "memory while an application reads slowly"),
        ("stalled-client", "memory while a client does not read"),
    ):
        slow = commands.add_parser(name, parents=[servers], help=what)
        slow.add_argument("--size", type=byte_size, default=1 << 30, help="of the body, as 64MiB (default: 1GiB)")
    attacks = commands.add_parser(
        "attacks", parents=[servers], help="what HTTP/2 attacks cost, and honest clients notice"
    )
    _add_number(attacks, "--seconds", 2, "length of an attack")
    attacks.add_argument("--attacks", type=names, metavar="A,B", help="only these (default: all)")
    endurance = commands.add_parser("endurance", parents=[servers], help="growth of memory over many exchanges")
    _add_number(endurance, "--requests", 300_000, "on kept-alive connections", least=20)
    _add_number(endurance, "--connects", 30_000, "connections with one request", least=20)
    _add_number(endurance, "--aborts", 20_000, "requests whose client goes away", least=20)


def _add_number(parser: argparse.ArgumentParser, name: str, default: int, what: str, *, least: int = 1) -> None:
    parser.add_argument(
        name, metavar="N", type=whole_number(least), default=default, help=f"{what} (default: {default})"
    )
