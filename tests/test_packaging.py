# SPDX-License-Identifier: MIT
"""The project around the code: versions, the two copies of the wheel pipeline, links, the sdist and the wheel.

The last part is slow and runs once: it builds the sdist, the wheel from the sdist, installs that wheel in an empty
environment far from the tree and serves a request with it. It fetches nothing when build/wheelhouse is there
(`make wheelhouse`), else it asks the package index for the run-time dependencies.
"""

import contextlib
import http.client
import importlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import tomllib
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
WAIT_SECONDS = 300
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def version() -> str:
    match = re.search(
        r'^__version__ = "(.+)"$', (ROOT / "fastcorn/_version.py").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert match, "fastcorn/_version.py has no __version__"
    return match[1]


def test_the_newest_entry_of_the_changelog_is_the_version() -> None:
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert newest is not None
    assert newest[1] == version()


def test_the_wheel_pipeline_is_where_it_is_read() -> None:
    assert (ROOT / ".github/workflows/wheels.yml").read_bytes() == (ROOT / "wheels.yml").read_bytes(), "run `make ci`"


def test_each_job_of_the_pipeline_is_bounded_in_time() -> None:
    jobs = (ROOT / "wheels.yml").read_text(encoding="utf-8").split("\njobs:\n")[1]
    names = re.findall(r"^  (\w+):$", jobs, re.MULTILINE)
    assert names == ["test", "sdist", "wheels", "publish"]
    assert jobs.count("timeout-minutes:") == len(names)


def headings_of(text: str) -> set[str]:
    """Anchors as GitHub makes them from the headings of a document."""
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        linked = (path.parent / name).resolve() if name else path
        assert linked.exists(), f"{path.name} links to {target}, which does not exist"
        if anchor and linked.suffix == ".md":
            assert anchor in headings_of(linked.read_text(encoding="utf-8")), f"{path.name}: no heading for {target}"


@pytest.mark.parametrize(
    ("stages", "code", "closing"),
    [
        (["good", "fine"], 0, "stages: 2 passed, 0 failed"),
        (["good", "bad", "fine"], 1, "stages: 1 passed, 1 failed"),
        (["good:no-such-program", "fine"], 0, "stages: 1 passed, 0 failed"),
    ],
)
def test_stages_stop_at_a_failure_and_say_so(tmp_path: Path, stages: list[str], code: int, closing: str) -> None:
    make = tmp_path / "make"
    make.write_text('#!/bin/sh\n[ "$2" != bad ]\n', encoding="utf-8")
    make.chmod(0o755)
    done = subprocess.run(
        [ROOT / ".ci/stages", *stages], env=os.environ | {"MAKE": str(make)},
        capture_output=True, text=True, timeout=WAIT_SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == code
    assert done.stdout.splitlines()[-1] == closing
    assert ("good: not run, it needs no-such-program" in done.stdout) is (":" in stages[0])
    assert ("######## fine" in done.stdout) is (code == 0)


def test_the_extensions_are_the_cython_files() -> None:
    listed = set(re.findall(r'"(fastcorn\.[\w.]+)": \(', (ROOT / "setup.py").read_text(encoding="utf-8")))
    found = {".".join(path.relative_to(ROOT).with_suffix("").parts) for path in (ROOT / "fastcorn").rglob("*.pyx")}
    assert listed == found


def test_each_extension_has_its_stub() -> None:
    modules = sorted((ROOT / "fastcorn").rglob("*.pyx"))
    assert [path.name for path in modules if not path.with_suffix(".pyi").exists()] == []


@pytest.mark.parametrize("name", sorted(path.stem for path in (ROOT / "fastcorn").rglob("*.pyx")))
def test_the_compiled_modules_are_of_the_build_under_test(name: str) -> None:
    [path] = (ROOT / "fastcorn").rglob(f"{name}.pyx")
    module = importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    build = Path(os.environ.get("FASTCORN_TEST_BUILD", ROOT))
    assert Path(str(module.__file__)).parent == build / path.parent.relative_to(ROOT)


def test_a_child_process_gets_the_build_under_test(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import fastcorn; print(fastcorn.__file__)"]
    child = subprocess.run(command, capture_output=True, text=True, check=True, timeout=WAIT_SECONDS, cwd=tmp_path)
    assert child.stdout.strip() == importlib.import_module("fastcorn").__file__


# --- sdist, wheel, installation --------------------------------------------------------------------------------------


def run(*command: str | Path, cwd: Path) -> str:
    """Runs the command far from the tree's settings; its output is in the message when it fails."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "FASTCORN"))}
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=environment, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=WAIT_SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist and the wheel that was built from it."""
    folder = tmp_path_factory.mktemp("dist")
    copy = folder / "tree"  # a build leaves metadata in its tree, which would change what other tests import
    left_out = shutil.ignore_patterns(
        ".git", ".venv*", ".*_cache", "build", "dist", "*.so", "*.egg-info", "__pycache__"
    )
    shutil.copytree(ROOT, copy, ignore=left_out)
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, copy, cwd=folder)
    return folder


@pytest.fixture(scope="module")
def installed(dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of a new environment that holds the wheel and its dependencies."""
    folder = tmp_path_factory.mktemp("empty")
    venv.create(folder, with_pip=True)
    wheelhouse = ROOT / "build/wheelhouse"
    index = ["--no-index", "--find-links", wheelhouse] if wheelhouse.exists() else ["--retries", "10"]
    [wheel] = dist.glob("*.whl")
    run(folder / "bin/python", "-m", "pip", "install", "-q", *index, wheel, cwd=folder)
    return folder / "bin"


@pytest.mark.slow
def test_the_sdist_is_complete_and_clean(dist: Path) -> None:
    [archive] = dist.glob("*.tar.gz")
    assert archive.name == f"fastcorn-{version()}.tar.gz"
    with tarfile.open(archive) as tar:
        names = {name.partition("/")[2] for name in tar.getnames()}
    assert {"csrc/head.h", "csrc/head.c", "setup.py", "pyproject.toml", "wheels.yml", "Makefile", "LICENSE",
            ".ci/run", ".ci/stages", "tests/conftest.py", "fastcorn/py.typed"} <= names  # fmt: skip
    assert {str(path.relative_to(ROOT)) for path in (ROOT / "fastcorn").rglob("*.p[yx][xdi]")} <= names
    unwanted = [name for name in names if name.startswith("build/") or name.endswith((".so", ".pyc", ".o"))]
    assert unwanted == []


@pytest.mark.slow
def test_the_wheel_holds_no_sources_of_extensions(dist: Path) -> None:
    [archive] = dist.glob("*.whl")
    names = [name for name in zipfile.ZipFile(archive).namelist() if ".dist-info/" not in name]
    assert {Path(name).suffix for name in names} == {".py", ".pyi", ".so", ".typed"}
    assert all(name.startswith("fastcorn/") for name in names)
    modules = {str(path.relative_to(ROOT).with_suffix("")) for path in (ROOT / "fastcorn").rglob("*.pyx")}
    assert {name.split(".")[0] for name in names if name.endswith(".so")} == modules


APPLICATION = """
async def app(scope, receive, send):
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
    await send({"type": "http.response.body", "body": b"hello"})
"""


@contextlib.contextmanager
def started(command: list[str], cwd: Path) -> Iterator[subprocess.Popen[str]]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "FASTCORN"))}
    process = subprocess.Popen(
        command, cwd=cwd, env=environment | {"PYTHONUNBUFFERED": "1"}, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=WAIT_SECONDS)


@pytest.mark.slow
@pytest.mark.parametrize("command", [["fastcorn"], ["python", "-m", "fastcorn"]], ids=["script", "module"])
def test_the_installed_wheel_serves(installed: Path, tmp_path: Path, command: list[str]) -> None:
    (tmp_path / "hello.py").write_text(APPLICATION, encoding="utf-8")
    line = [str(installed / command[0]), *command[1:], "hello:app", "--bind", "127.0.0.1:0"]
    with started(line, tmp_path) as process:
        assert process.stdout is not None
        seen: list[str] = []
        port = None
        for text in process.stdout:  # ends when the server does, so it cannot wait for ever on a failed start
            seen.append(text)
            if match := re.search(r"http://127\.0\.0\.1:(\d+)", text):
                port = int(match[1])
                break
        assert port, f"no address was printed:\n{''.join(seen)}"
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT_SECONDS)
        client.request("GET", "/")
        answer = client.getresponse()
        assert (answer.status, answer.read()) == (200, b"hello")
        client.close()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=WAIT_SECONDS) == 0


@pytest.mark.slow
def test_the_installed_wheel_knows_its_version(installed: Path, tmp_path: Path) -> None:
    assert version() in run(installed / "fastcorn", "--version", cwd=tmp_path)
    assert (
        run(installed / "python", "-c", "import fastcorn; print(fastcorn.__version__)", cwd=tmp_path).strip()
        == version()
    )
    run(installed / "python", "-m", "pip", "check", cwd=tmp_path)
