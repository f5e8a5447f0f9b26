# SPDX-License-Identifier: MIT
"""The command line: `python -m conformance`.

Starts fastcorn with each engine, calls `suite` for the findings and `verdicts` to judge them, prints them, and lets
`summary` write the page.
"""

import argparse
import contextlib
import os
import platform
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from conformance import suite, summary, verdicts
from conformance.errors import ConformanceError

ROOT = Path(__file__).resolve().parents[1]
ENGINES = ("native", "wsproto")
START_SECONDS = 30
STRICT = "native"
"""The engine whose failures fail the run; the other has limits that its library sets."""


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m conformance", description="Runs the Autobahn testsuite against fastcorn."
    )
    parser.add_argument(
        "--engines", default=",".join(ENGINES), metavar="A,B", help="of fastcorn (default: %(default)s)"
    )
    parser.add_argument("--cases", default="*", metavar="A,B", help="patterns of case numbers, such as 6.*,7.*")
    parser.add_argument("--server", action="append", default=[], metavar="NAME=URL", help="judge this server instead")
    parser.add_argument(
        "--folder", type=Path, default=ROOT / "build", metavar="DIR", help="for the suite and its reports"
    )
    parser.add_argument("--seconds", type=int, default=1500, metavar="N", help="when to give up on one server")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the summary of a whole run here")
    return parser


@contextlib.contextmanager
def serving(engine: str, log: Path) -> Iterator[str]:
    """fastcorn with one engine, as a process; yields its address.

    Raises:
        ConformanceError: it did not start.
    """
    command = [sys.executable, "-m", "fastcorn", "--bind", "127.0.0.1:0", "--websocket-engine", engine]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH"), str(ROOT)]))}
    with log.open("w", encoding="utf-8") as kept:
        process = subprocess.Popen(
            [*command, "conformance.application:echo"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        late = threading.Timer(START_SECONDS, process.kill)
        late.start()
        reading: threading.Thread | None = None
        try:
            assert process.stderr is not None
            address = ""
            for line in process.stderr:
                kept.write(line)
                if found := re.search(r"Running on http://(\S+)", line):
                    address = found[1]
                    break
            late.cancel()
            if not address:
                raise ConformanceError(f"fastcorn did not start with the {engine} engine; see {log}")
            reading = threading.Thread(target=kept.writelines, args=(process.stderr,), daemon=True)
            reading.start()
            yield f"ws://{address}"
        finally:
            late.cancel()
            process.terminate()
            try:
                process.wait(START_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if reading is not None:
                reading.join(START_SECONDS)
            if process.stderr is not None:
                process.stderr.close()


def tracebacks(log: Path) -> int:
    """Tracebacks in the server's log: a client must not be able to cause one."""
    return log.read_text(encoding="utf-8", errors="replace").count("Traceback (most recent call last)")


def judge(name: str, url: str, chosen: argparse.Namespace, python: str) -> verdicts.Verdicts:
    """Runs the suite against one server and prints what it found."""
    reports = chosen.folder / "conformance" / name
    results = suite.run(
        python, chosen.folder / "autobahn", {name: url}, chosen.cases.split(","), reports, chosen.seconds
    )
    found = verdicts.read(results.get(name, {}))
    ok, informational, strict, missing, failed = summary.row(found)
    print(
        f"{name}: {found.cases} cases: {ok} OK, {informational} informational, {strict} non-strict, "
        f"{missing} not implemented, {failed} failed"
    )
    for case, what in found.wrong.items():
        print(f"  {case}: {what} ({reports / f'{name}_case_'}{case.replace('.', '_')}.html)")
    return found


def run(chosen: argparse.Namespace) -> int:
    """Judges what was asked for; returns the exit code."""
    python = suite.find_python()
    suite.install(python, chosen.folder / "autobahn")
    if chosen.server:
        pairs = [server.partition("=")[::2] for server in chosen.server]
        judged = [judge(name, url, chosen, python) for name, url in pairs]
        return 1 if any(each.wrong for each in judged) else 0
    found: dict[str, verdicts.Verdicts] = {}
    bad = 0
    for engine in chosen.engines.split(","):
        log = chosen.folder / f"conformance-{engine}.log"
        with serving(engine, log) as url:
            found[engine] = judge(engine, url, chosen, python)
        if count := tracebacks(log):
            print(f"  {engine}: {count} tracebacks in {log}")
            bad += 1
    if chosen.write is not None and chosen.cases == "*" and found.keys() == {*ENGINES}:
        versions = f"{platform.python_implementation()} {platform.python_version()} on {platform.system()}"
        chosen.write.write_text(summary.render(found, suite.REQUIREMENT.replace("==", " "), versions), encoding="utf-8")
    return 1 if bad or (STRICT in found and found[STRICT].wrong) else 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns 0, 1 for a case that the native engine did not pass, 2 for a mistake, 130 when interrupted."""
    chosen = make_parser().parse_args(arguments)
    try:
        return run(chosen)
    except ConformanceError as error:
        print(f"conformance: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("conformance: interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
