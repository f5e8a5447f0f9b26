# SPDX-License-Identifier: MIT
"""The command line of the benchmarks: `python -m bench COMMAND --help`.

Finds the Python that runs the servers and calls the module of the command; `options` reads the arguments.
"""

import argparse
import importlib.util
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench import (
    attacks,
    backpressure,
    certificate,
    chart,
    commands,
    comparison,
    endurance,
    fairness,
    goals,
    http2_servers,
    idle,
    micro,
    options,
    processes,
    start,
    websocket_memory,
    websocket_servers,
    websocket_works,
)
from bench.attack_frames import choose_attacks
from bench.errors import BenchError
from bench.http1 import Comparison
from bench.interpreter import Interpreter, find_interpreter
from bench.results import Recorder, load, path_of
from bench.servers import choose
from bench.websocket import WebSocketComparison
from bench.works import choose_works


def run_http1(chosen: argparse.Namespace, interpreter: Interpreter, folder: Path | None) -> None:
    servers = choose(chosen.servers, interpreter.packages, floor=True, tls=chosen.tls)
    shape = {"rounds": chosen.rounds, "seconds": chosen.seconds, "warmup": chosen.warmup}
    made = certificate.make(interpreter.folder) if chosen.tls else None
    recorder = Recorder("http1-tls" if chosen.tls else "http1", interpreter, folder, {**shape})
    Comparison(interpreter, servers, choose_works(chosen.work), **shape, certificate=made).run(recorder)
    if folder is not None:
        write_charts(folder)


def require_h2() -> None:
    """The client that checks answers over HTTP/2 is written on h2; what imports it is imported after this.

    Raises:
        BenchError: h2 is not installed.
    """
    if importlib.util.find_spec("h2") is None:
        raise BenchError("the package h2 is needed to check answers over HTTP/2; `make bench` installs it")


def run_http2(chosen: argparse.Namespace, interpreter: Interpreter, folder: Path | None) -> None:
    require_h2()
    from bench import http2_table

    extent = http2_table.extent_of(chosen, interpreter.packages)
    http2_table.run(interpreter, extent, folder)
    if folder is not None and extent.works:
        write_charts(folder)


def run_http2_idle(chosen: argparse.Namespace, interpreter: Interpreter, folder: Path | None) -> None:
    require_h2()
    from bench import http2_idle

    servers = http2_servers.choose(chosen.servers, interpreter.packages)
    recorder = Recorder("http2-idle", interpreter, folder, {"connections": chosen.connections})
    http2_idle.run(interpreter, servers, chosen.connections, recorder)


def run_transfer(chosen: argparse.Namespace, interpreter: Interpreter, folder: Path | None) -> None:
    require_h2()
    from bench import transfer

    servers = http2_servers.choose(chosen.servers, interpreter.packages)
    recorder = Recorder("transfer", interpreter, folder, {"size": chosen.size, "rounds": chosen.rounds})
    transfer.run(interpreter, servers, transfer.choose_ways(chosen.work), chosen.size, chosen.rounds, recorder)


def run_start(chosen: argparse.Namespace, interpreter: Interpreter, folder: Path | None) -> None:
    recorder = Recorder("start", interpreter, folder, {"rounds": chosen.rounds})
    start.run(interpreter, choose(chosen.servers, interpreter.packages), chosen.rounds, recorder)


def run_commands(chosen: argparse.Namespace, interpreter: Interpreter, folder: Path | None) -> None:
    commands.run(interpreter, chosen.rounds, Recorder("commands", interpreter, folder, {"rounds": chosen.rounds}))


def run_idle(chosen: argparse.Namespace, interpreter: Interpreter, folder: Path | None) -> None:
    recorder = Recorder("idle-tls" if chosen.tls else "idle", interpreter, folder, {"connections": chosen.connections})
    made = certificate.make(interpreter.folder) if chosen.tls else None
    servers = choose(chosen.servers, interpreter.packages, tls=chosen.tls)
    idle.run(interpreter, servers, chosen.connections, recorder, made)


def run_backpressure(chosen: argparse.Namespace, interpreter: Interpreter, folder: Path | None) -> None:
    recorder = Recorder(chosen.command, interpreter, folder, {"size": chosen.size})
    measure = backpressure.upload_slow if chosen.command == "upload-slow" else backpressure.stalled_client
    measure(interpreter, choose(chosen.servers or ["fastcorn"], interpreter.packages), chosen.size, recorder)


def run_attacks(chosen: argparse.Namespace, interpreter: Interpreter, folder: Path | None) -> None:
    servers = http2_servers.choose(chosen.servers, interpreter.packages)
    if chosen.servers is None:
        servers = [server for server in servers if server.name in attacks.SERVERS]
    recorder = Recorder("attacks", interpreter, folder, {"seconds": chosen.seconds})
    attacks.run(interpreter, servers, choose_attacks(chosen.attacks), chosen.seconds, recorder)


def run_endurance(chosen: argparse.Namespace, interpreter: Interpreter, folder: Path | None) -> None:
    counts = (chosen.requests, chosen.connects, chosen.aborts)
    servers = choose(chosen.servers or ["fastcorn"], interpreter.packages)
    endurance.run(interpreter, servers, counts, Recorder("endurance", interpreter, folder, {}))


def run_micro(chosen: argparse.Namespace, interpreter: Interpreter, folder: Path | None) -> None:
    recorder = Recorder("micro", interpreter, folder, {"rounds": chosen.rounds})
    micro.run(interpreter, chosen.rounds, recorder)


def run_websocket(chosen: argparse.Namespace, interpreter: Interpreter, folder: Path | None) -> None:
    servers = websocket_servers.choose(chosen.servers, interpreter.packages)
    shape = {"rounds": chosen.rounds, "seconds": chosen.seconds, "warmup": chosen.warmup}
    works = websocket_works.choose_works(chosen.work)
    WebSocketComparison(interpreter, servers, works, **shape).run(Recorder("websocket", interpreter, folder, {**shape}))


def run_websocket_memory(chosen: argparse.Namespace, interpreter: Interpreter, folder: Path | None) -> None:
    servers = websocket_servers.choose(chosen.servers, interpreter.packages)
    recorder = Recorder("websocket-memory", interpreter, folder, {"idle": chosen.idle, "connects": chosen.connects})
    websocket_memory.run(interpreter, servers, chosen.idle, chosen.connects, recorder)


def run_processes(chosen: argparse.Namespace, interpreter: Interpreter, folder: Path | None) -> None:
    recorder = Recorder("processes", interpreter, folder, {"rounds": chosen.rounds})
    processes.run(interpreter, chosen.rounds, recorder)


def run_fairness(chosen: argparse.Namespace, interpreter: Interpreter, folder: Path | None) -> None:
    recorder = Recorder("fairness", interpreter, folder, {"rounds": chosen.rounds})
    fairness.run(interpreter, chosen.rounds, recorder)


MEASUREMENTS = {
    "http1": run_http1,
    "http2": run_http2,
    "http2-idle": run_http2_idle,
    "transfer": run_transfer,
    "websocket": run_websocket,
    "websocket-memory": run_websocket_memory,
    "start": run_start,
    "commands": run_commands,
    "idle": run_idle,
    "upload-slow": run_backpressure,
    "stalled-client": run_backpressure,
    "attacks": run_attacks,
    "endurance": run_endurance,
    "micro": run_micro,
    "processes": run_processes,
    "fairness": run_fairness,
}


def write_charts(folder: Path) -> None:
    """Draws a chart for each Python that http1 and http2 were run with; that of the newest once more as http1.svg.

    Raises:
        BenchError: neither was ever run.
    """
    drawn = [subject for subject in chart.SUBJECTS if any(folder.glob(f"{subject.command}-[0-9]*.json"))]
    for subject in drawn or chart.SUBJECTS[:1]:
        newest = comparison.newest_python(folder, subject.command)
        for path in sorted(folder.glob(f"{subject.command}-[0-9]*.json")):
            path.with_suffix(".svg").write_text(chart.draw(load(path), subject), encoding="utf-8")
        picture = path_of(subject.command, newest, folder, ".svg").read_text(encoding="utf-8")
        (folder / f"{subject.command}.svg").write_text(picture, encoding="utf-8")


def show(chosen: argparse.Namespace) -> int:
    """Runs a command that only reads results; returns the exit code."""
    if chosen.command == "goals":
        return 1 if goals.run(chosen.results) and chosen.strict else 0
    if chosen.command == "chart":
        write_charts(chosen.results)
        return 0
    content = comparison.render(chosen.results)
    if chosen.write is None:
        print(content)
    else:
        comparison.write(chosen.write, content)
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit code: 0, 1 for a missed goal, 2 for a mistake, 130 when interrupted."""
    chosen = options.make_parser().parse_args(arguments)
    try:
        if chosen.command not in MEASUREMENTS:
            return show(chosen)
        with tempfile.TemporaryDirectory(prefix="fastcorn-bench-") as neutral:
            interpreter = find_interpreter(chosen.python, Path(neutral))
            MEASUREMENTS[chosen.command](chosen, interpreter, None if chosen.no_save else chosen.results)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("bench: interrupted", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
