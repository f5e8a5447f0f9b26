# SPDX-License-Identifier: MIT
"""The fastcorn command as a whole: what it prints where, and its exit codes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from fastcorn import cli
from fastcorn._version import __version__
from fastcorn.config import Config


class Runs:
    """Stands for fastcorn.run: keeps the configurations it is asked to run."""

    def __init__(self) -> None:
        self.configs: list[Config] = []
        self.result: int | BaseException = 0

    def run(self, config: Config, *, reread: Callable[[], Config]) -> int:
        self.configs.append(config)
        if isinstance(self.result, BaseException):
            raise self.result
        return self.result


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Runs:
    stand_in: Any = ModuleType("fastcorn.run")
    recorder = Runs()
    stand_in.run = recorder.run
    monkeypatch.setitem(sys.modules, "fastcorn.run", stand_in)
    return recorder


def test_the_settings_reach_the_server_and_its_code_is_returned(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FASTCORN_BACKLOG", "5")
    runs.result = 3
    assert cli.main(["main:app", "-w0"]) == 3
    (config,) = runs.configs
    assert (config.application_path, config.workers, config.backlog) == ("main:app", 0, 5)


def test_the_arguments_of_the_process_are_the_default(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["fastcorn", "other:app"])
    assert cli.main() == 0
    assert runs.configs[0].application_path == "other:app"


def test_help_and_version(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--help"]) == 0
    assert capsys.readouterr().out.startswith("Usage: fastcorn")
    assert cli.main(["-V"]) == 0
    assert capsys.readouterr().out.startswith(f"fastcorn {__version__} (cpython ")
    assert cli.main(["--help", "a:b", "c:d"]) == 0


def test_a_mistake_is_one_line_on_stderr_and_exit_code_2(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["main:app", "--workers", "x\ny"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "fastcorn: --workers: must be a whole number or auto, not 'x\\ny'; for example 4\n"
    assert runs.configs == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "no application is given; write fastcorn package.module:app, or fastcorn --help"),
        (["a:b", "--quic-bind", "localhost:1"], "--quic-bind: HTTP/3 needs TLS; set certfile too"),
        (["a:b", "--keyfile", "k.pem"], "--keyfile: a key alone does not turn TLS on; set certfile too"),
        (["a:b", "-c", "/missing.toml"], "/missing.toml: cannot be read: no such file or directory"),
    ],
)
def test_nothing_starts_with_a_wrong_configuration(
    runs: Runs, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert cli.main(arguments) == 2
    assert capsys.readouterr().err == f"fastcorn: {message}\n"
    assert runs.configs == []


def test_warnings_do_not_stop_the_start(
    runs: Runs, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FASTCORN_WORKER", "1")
    assert cli.main(["a:b", "--access-log", "-"]) == 0
    assert capsys.readouterr().err.splitlines() == [
        "fastcorn: warning: --access-log is deprecated; use --access-logfile",
        "fastcorn: warning: the environment variable FASTCORN_WORKER is no setting; did you mean workers?",
    ]
    assert runs.configs[0].accesslog == "-"


def test_print_config_needs_no_application_and_tells_contradictions(
    runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["--print-config", "--workers", "0"]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["workers", "=", "0", "#", "--workers"] in rows
    assert cli.main(["--print-config", "--keyfile", "k.pem"]) == 2
    out, err = capsys.readouterr()
    assert "keyfile = " in out
    assert "set certfile too" in err


def test_an_interrupt_is_quiet(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    runs.result = KeyboardInterrupt()
    assert cli.main(["a:b"]) == 130
    assert capsys.readouterr() == ("", "")


def test_completion_prints_a_script(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["completion", "fish"]) == 0
    assert "complete -c fastcorn" in capsys.readouterr().out
    assert cli.main(["completion", "tcsh"]) == 2
    assert "must be bash, zsh or fish, not 'tcsh'" in capsys.readouterr().err


def command(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "fastcorn", *arguments], capture_output=True, text=True, timeout=30, **options
    )


def test_as_a_process() -> None:
    done = command("--version")
    assert (done.returncode, done.stderr) == (0, "")
    done = command("--bnd", "x")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "fastcorn: --bnd: is not a flag of fastcorn; did you mean --bind?\n"


@pytest.mark.skipif(sys.platform == "win32", reason="arguments are bytes only on Unix")
def test_arguments_that_are_no_text_and_streams_that_are_closed() -> None:
    python = [os.fsencode(sys.executable), b"-m", b"fastcorn"]
    done = subprocess.run([*python, b"\xff:app", b"--print-config"], capture_output=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b'application_path = "\\udcff:app"' in done.stdout
    done = subprocess.run([*python, b"--\xff\x1b\n"], capture_output=True, timeout=30, check=False)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.splitlines()[0].startswith(b"fastcorn: --")
    assert len(done.stderr.splitlines()) == 1
    closed = subprocess.run(
        ["/bin/sh", "-c", f"'{sys.executable}' -m fastcorn --help >&-"],
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert (closed.returncode, closed.stdout, closed.stderr) == (0, b"", b"")


def test_a_reader_that_leaves_is_no_error() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "fastcorn", "--help"], stdout=writer, stderr=subprocess.PIPE, timeout=30, check=False
        )
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")


def test_help_and_config_import_nothing_heavy(tmp_path: Path) -> None:
    script = (
        "import sys\nbefore = set(sys.modules)\nfrom fastcorn import cli\nimport fastcorn.config\n"
        "from fastcorn.config import Config\nConfig().freeze()\ncli.main(['--help'])\n"
        "heavy = {'ssl', 'socket', 'asyncio', 'logging', 'tomllib', 'click', 'argparse', 'inspect',"
        " 'dataclasses', 'decimal', 'difflib', 'json', 'uvloop', 'shutil'}\n"
        "print(sorted(heavy & (set(sys.modules) - before)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=True)
    assert done.stderr == "[]\n"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for one process")
def test_ctrl_c_while_starting_is_quiet(tmp_path: Path) -> None:
    (tmp_path / "fc_slow_settings.py").write_text(
        "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nwhile True: pass\n", encoding="utf-8"
    )
    done = command(
        "a:b", "-c", "python:fc_slow_settings", cwd=tmp_path, env={**os.environ, "PYTHONPATH": package_path()}
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def package_path() -> str:
    """The folder that this run's fastcorn comes from, for a process that starts elsewhere."""
    return str(Path(cli.__file__).resolve().parents[1])
