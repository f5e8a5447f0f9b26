# SPDX-License-Identifier: MIT
"""Installs and runs the fuzzing client of the Autobahn testsuite. Called by `__main__`.

The suite is written for Python 2.7, so it gets a folder of its own (`pip install --target`) and runs as another
process; PYTHON2 names an interpreter that is not found otherwise. Its reports go below the same folder.
"""

import glob
import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from conformance.errors import ConformanceError

REQUIREMENT = "autobahntestsuite==25.10.1"
INSTALL_SECONDS = 600
PLACES = ("python2.7", "python2", "pypy", "~/.pyenv/versions/2.7.*/bin/python", "~/.pyenv/versions/pypy2.7-*/bin/pypy")
IS_PYTHON_2 = "import sys, pip; sys.exit(sys.version_info[:2] != (2, 7))"
# A folder that is no site folder lacks what its .pth files do (zope is found by one): hence addsitedir. The folder
# goes first, before what the interpreter itself has installed.
START = """
import site, sys
folder = sys.argv.pop(1)
site.addsitedir(folder)
sys.path.insert(0, folder)
from autobahntestsuite.wstest import run
run()
"""


def find_python() -> str:
    """An interpreter of Python 2.7 that has pip.

    Raises:
        ConformanceError: there is none.
    """
    given = os.environ.get("PYTHON2")
    for place in [given] if given else PLACES:
        found = sorted(glob.glob(os.path.expanduser(place))) if "/" in place else [shutil.which(place)]
        for path in filter(None, found):
            try:
                if (
                    subprocess.run([path, "-c", IS_PYTHON_2], capture_output=True, timeout=60, check=False).returncode
                    == 0
                ):
                    return path
            except (OSError, subprocess.TimeoutExpired):
                continue
    where = f"PYTHON2={given} is not one" if given else "none was found; set PYTHON2 to its path"
    raise ConformanceError(f"the Autobahn testsuite needs a Python 2.7 with pip: {where}")


def install(python: str, folder: Path) -> None:
    """Installs the suite into `folder`, once.

    Raises:
        ConformanceError: pip failed; the message has its last line.
    """
    stamp = folder / REQUIREMENT.replace("==", "-")
    if stamp.exists():
        return
    shutil.rmtree(folder, ignore_errors=True)
    command = [python, "-m", "pip", "install", "--disable-pip-version-check", "--target", str(folder), REQUIREMENT]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise ConformanceError(f"pip did not install {REQUIREMENT} within {INSTALL_SECONDS} s") from None
    if done.returncode:
        words = [line for line in done.stderr.strip().splitlines() if line.startswith("ERROR")]
        raise ConformanceError(f"pip could not install {REQUIREMENT}: {words[-1] if words else done.stderr[-200:]}")
    stamp.touch()


def run(
    python: str, folder: Path, agents: Mapping[str, str], cases: Sequence[str], reports: Path, seconds: int
) -> dict[str, dict[str, dict[str, object]]]:
    """Runs the cases against each agent.

    Args:
        python: from `find_python`.
        folder: where `install` put the suite.
        agents: the address (`ws://...`) of each server by its name.
        cases: patterns of case numbers, such as "6.*".
        reports: an empty or missing folder for the reports, one HTML page for each case.
        seconds: when to give up.

    Returns:
        The content of index.json: for each agent and case, `behavior`, `behaviorClose` and others.

    Raises:
        ConformanceError: the suite failed, took too long or left no results.
    """
    shutil.rmtree(reports, ignore_errors=True)
    reports.mkdir(parents=True)
    specification = {
        "outdir": str(reports),
        "servers": [{"agent": name, "url": url} for name, url in agents.items()],
        "cases": list(cases),
        "exclude-cases": [],
        "exclude-agent-cases": {},
    }
    (reports / "fuzzingclient.json").write_text(json.dumps(specification), encoding="utf-8")
    command = [python, "-c", START, str(folder), "-m", "fuzzingclient", "-s", str(reports / "fuzzingclient.json")]
    with (reports / "fuzzingclient.log").open("wb") as log:
        try:
            done = subprocess.run(
                command, cwd=reports, stdin=subprocess.DEVNULL, stdout=log, stderr=log, timeout=seconds, check=False
            )
        except subprocess.TimeoutExpired:
            raise ConformanceError(
                f"the suite did not end within {seconds} s; see {reports}/fuzzingclient.log"
            ) from None
    try:
        content: dict[str, dict[str, dict[str, object]]] = json.loads((reports / "index.json").read_bytes())
    except (OSError, ValueError):
        raise ConformanceError(
            f"the suite ended with code {done.returncode} and left no results; see {reports}/fuzzingclient.log"
        ) from None
    return content
