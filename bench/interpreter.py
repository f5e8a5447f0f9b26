# SPDX-License-Identifier: MIT
"""The Python that runs the servers: where it is, what it can import, and the environment it is started in.

Children run in a neutral folder that holds only a link to this package, so that `import fastcorn` finds what
PYTHONPATH or the environment provides and never, by accident, an unbuilt source tree in the current folder. The source
tree is the last resort: it is used when nothing else provides fastcorn. Called by `__main__`; used by `process`.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from bench.errors import BenchError

ROOT = Path(__file__).resolve().parent.parent

DISTRIBUTIONS = (
    "fastcorn", "uvicorn", "granian", "gunicorn", "gunicorn_h1c", "hypercorn", "daphne", "fastpysgi", "socketify",
    "uvloop", "httptools", "h11", "starlette", "fastapi", "pydantic", "click", "websockets", "wsproto", "autobahn",
    "h2", "hpack", "zttp",
)  # fmt: skip

PROBE = """
import importlib, importlib.metadata, json, platform, sys
found = {}
for name in sys.argv[1:]:
    try:
        found[name] = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        pass
try:
    import fastcorn.protocols._http1
    found["fastcorn"] = importlib.import_module("fastcorn._version").__version__
except ImportError:
    found.pop("fastcorn", None)
print(json.dumps({"version": platform.python_version(), "implementation": platform.python_implementation(),
                  "packages": found}))
"""


class _Facts(TypedDict):
    version: str
    implementation: str
    packages: dict[str, str]


@dataclass(frozen=True)
class Interpreter:
    """A Python that servers are started with.

    Attributes:
        path: the executable.
        folder: the neutral working folder of the children.
        environment: their environment variables.
        version: such as "3.13.1".
        implementation: such as "CPython".
        packages: installed distributions of interest and their versions.
    """

    path: str
    folder: Path
    environment: Mapping[str, str]
    version: str
    implementation: str
    packages: Mapping[str, str]

    @property
    def short_version(self) -> str:
        """Major and minor version, such as "3.13"."""
        return ".".join(self.version.split(".")[:2])

    def run(self, arguments: Sequence[str], *, timeout: float = 60.0) -> str:
        """Runs this Python with arguments and returns what it printed.

        Raises:
            BenchError: it could not be run, failed, or took longer than `timeout` seconds.
        """
        return _run([self.path, *arguments], self.folder, self.environment, timeout)


def find_interpreter(path: str | None, folder: Path) -> Interpreter:
    """Looks at a Python executable and what it can import.

    Args:
        path: the executable; the running one when None.
        folder: an empty folder that outlives the result.

    Raises:
        BenchError: there is no such executable, or it does not work.
    """
    executable = path or sys.executable
    link = folder / "bench"
    if not link.exists():
        link.symlink_to(ROOT / "bench", target_is_directory=True)
    inherited = [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    search = [*(str(Path(entry).resolve()) for entry in inherited), str(folder)]
    environment = _environment(search)
    facts = _probe(executable, folder, environment)
    if "fastcorn" not in facts["packages"]:
        with_tree = _environment([*search, str(ROOT)])
        facts_with_tree = _probe(executable, folder, with_tree)
        if "fastcorn" in facts_with_tree["packages"]:
            environment, facts = with_tree, facts_with_tree
    return Interpreter(executable, folder, environment, facts["version"], facts["implementation"], facts["packages"])


def _environment(search: Sequence[str]) -> dict[str, str]:
    # Settings of a server or of Python that come from the environment would make runs differ unseen; without bytecode
    # files, for one, a server that is not installed would be compiled at each start.
    foreign = ("UVICORN_", "GRANIAN_", "GUNICORN_", "FASTCORN_", "WEB_CONCURRENCY", "PYTHON")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return kept | {"PYTHONPATH": os.pathsep.join(search)}


def _probe(executable: str, folder: Path, environment: Mapping[str, str]) -> _Facts:
    facts: _Facts = json.loads(_run([executable, "-c", PROBE, *DISTRIBUTIONS], folder, environment, 60.0))
    return facts


def _run(command: Sequence[str], folder: Path, environment: Mapping[str, str], timeout: float) -> str:
    try:
        done = subprocess.run(
            command, cwd=folder, env=dict(environment), capture_output=True, text=True, timeout=timeout, check=False
        )
    except OSError as error:
        raise BenchError(f"cannot run {command[0]}: {error.strerror}; give a Python with --python PATH") from None
    except subprocess.TimeoutExpired:
        raise BenchError(f"{command[0]} took more than {timeout:g} s") from None
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise BenchError(f"{command[0]} failed with code {done.returncode}: {reason}")
    return done.stdout
