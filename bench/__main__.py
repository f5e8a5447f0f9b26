# SPDX-License-Identifier: MIT
"""The command line of the benchmarks: `python -m bench COMMAND --help`.

Reads the options, finds the Python that runs the servers, and calls the module of the command.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from bench import results
from bench.errors import BenchError
from bench.interpreter import Interpreter, find_interpreter


def whole_number(least: int) -> Callable[[str], int]:
    """A reader of whole numbers not below `least`, for argparse."""

    def read(text: str) -> int:
        value = int(text)
        if value < least:
            raise argparse.ArgumentTypeError(f"must be at least {least}")
        return value

    read.__name__ = "whole number"
    return read


def names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def size(text: str) -> int:
    """A size in bytes: a number, or one followed by KiB, MiB or GiB."""
    units = {"kib": 10, "mib": 20, "gib": 30}
    lower = text.strip().lower()
    if lower[-3:] in units:
        return int(float(lower[:-3]) * (1 << units[lower[-3:]]))
    return int(lower)


def run_http1(options: argparse.Namespace, interpreter: Interpreter, folder: Path | None) -> None:
    from bench import chart
    from bench.http1 import Comparison
    from bench.servers import choose
    from bench.works import choose_works

    servers = choose(options.servers, interpreter.packages, floor=True)
    shape = {"rounds": options.rounds, "seconds": options.seconds, "warmup": options.warmup}
    comparison = Comparison(interpreter, servers, choose_works(options.work), **shape)
    recorder = results.Recorder("http1", interpreter, folder, {**shape})
    comparison.run(recorder)
    if recorder.path is not None:
        recorder.path.with_suffix(".svg").write_text(chart.draw(recorder.results), encoding="utf-8")


def run_start(options: argparse.Namespace, interpreter: Interpreter, folder: Path | None) -> None:
    from bench import start
    from bench.servers import choose

    servers = choose(options.servers, interpreter.packages)
    start.run(
        interpreter,
        servers,
        options.rounds,
        results.Recorder("start", interpreter, folder, {"rounds": options.rounds}),
    )


def run_commands(options: argparse.Namespace, interpreter: Interpreter, folder: Path | None) -> None:
    from bench import commands

    recorder = results.Recorder("commands", interpreter, folder, {"rounds": options.rounds})
    commands.run(interpreter, options.rounds, recorder)


def run_idle(options: argparse.Namespace, interpreter: Interpreter, folder: Path | None) -> None:
    from bench import idle
    from bench.servers import choose

    servers = choose(options.servers, interpreter.packages)
    recorder = results.Recorder("idle", interpreter, folder, {"connections": options.connections})
    idle.run(interpreter, servers, options.connections, recorder)


def run_backpressure(options: argparse.Namespace, interpreter: Interpreter, folder: Path | None) -> None:
    from bench import backpressure
    from bench.servers import choose

    servers = choose(options.servers or ["fastcorn"], interpreter.packages)
    recorder = results.Recorder(options.name, interpreter, folder, {"size": options.size})
    measure = backpressure.upload_slow if options.name == "upload-slow" else backpressure.stalled_client
    measure(interpreter, servers, options.size, recorder)


def run_endurance(options: argparse.Namespace, interpreter: Interpreter, folder: Path | None) -> None:
    from bench import endurance
    from bench.servers import choose

    servers = choose(options.servers or ["fastcorn"], interpreter.packages)
    counts = (options.requests, options.connects, options.aborts)
    endurance.run(interpreter, servers, counts, results.Recorder("endurance", interpreter, folder, {}))


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit code."""
    options = make_parser().parse_args(arguments)
    folder = None if options.no_save else options.results
    try:
        with tempfile.TemporaryDirectory(prefix="fastcorn-bench-") as neutral:
            options.run(options, find_interpreter(options.python, Path(neutral)), folder)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("bench: interrupted", file=sys.stderr)
        return 130
    return 0


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measures fastcorn beside its peers.")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--python", metavar="PATH", help="Python that runs the servers (default: this one)")
    shared.add_argument("--results", metavar="DIR", type=Path, default=results.FOLDER, help="where JSON files go")
    shared.add_argument("--no-save", action="store_true", help="print only")
    servers = argparse.ArgumentParser(add_help=False, parents=[shared])
    servers.add_argument("--servers", type=names, metavar="A,B", help="only these (default: all installed)")
    http1 = commands.add_parser("http1", parents=[servers], help="requests a second, CPU time, latency, memory")
    http1.add_argument("--rounds", type=whole_number(1), default=3, help="interleaved rounds (default: 3)")
    http1.add_argument("--seconds", type=whole_number(1), default=4, help="length of a measurement (default: 4)")
    http1.add_argument("--warmup", type=whole_number(0), default=2, help="seconds of load before it (default: 2)")
    http1.add_argument("--work", type=names, metavar="A,B", help="only these works (default: all)")
    http1.set_defaults(run=run_http1)
    start = commands.add_parser("start", parents=[servers], help="from exec to the first answer")
    start.add_argument("--rounds", type=whole_number(1), default=11, help="starts of each (default: 11)")
    start.set_defaults(run=run_start)
    timed = commands.add_parser("commands", parents=[shared], help="import and --help against uvicorn's")
    timed.add_argument("--rounds", type=whole_number(1), default=15, help="runs of each (default: 15)")
    timed.set_defaults(run=run_commands)
    idle = commands.add_parser("idle", parents=[servers], help="bytes for each idle keep-alive connection")
    idle.add_argument("--connections", type=whole_number(1), default=10_000, help="kept open (default: 10000)")
    idle.set_defaults(run=run_idle)
    for name, what in (("upload-slow", "memory while an application reads slowly"),
                       ("stalled-client", "memory while a client does not read")):
        slow = commands.add_parser(name, parents=[servers], help=what)
        slow.add_argument("--size", type=size, default=1 << 30, help="bytes of the body, as 64MiB (default: 1GiB)")
        slow.set_defaults(run=run_backpressure, name=name)
    endurance = commands.add_parser("endurance", parents=[servers], help="growth of memory over many exchanges")
    endurance.add_argument("--requests", type=whole_number(20), default=300_000, help="kept alive (default: 300000)")
    endurance.add_argument("--connects", type=whole_number(20), default=30_000, help="new ones (default: 30000)")
    endurance.add_argument("--aborts", type=whole_number(20), default=20_000, help="aborted ones (default: 20000)")
    endurance.set_defaults(run=run_endurance)
    return parser


if __name__ == "__main__":
    sys.exit(main())
