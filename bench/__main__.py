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


def run_http1(options: argparse.Namespace, interpreter: Interpreter, folder: Path | None) -> None:
    from bench.http1 import Comparison
    from bench.servers import choose
    from bench.works import choose_works

    servers = choose(options.servers, interpreter.packages, floor=True)
    shape = {"rounds": options.rounds, "seconds": options.seconds, "warmup": options.warmup}
    comparison = Comparison(interpreter, servers, choose_works(options.work), **shape)
    comparison.run(results.Recorder("http1", interpreter, folder, {**shape}))


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
    return parser


if __name__ == "__main__":
    sys.exit(main())
