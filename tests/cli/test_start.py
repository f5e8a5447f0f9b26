# SPDX-License-Identifier: MIT
"""Starts that must not succeed: each mistake is one line that names the setting and its source, with its exit code.

The command runs whole, with the real application loader and the real sockets; a process of its own is used where what
Python prints at its end matters.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import fastcorn
from fastcorn import cli

ROOT = str(Path(fastcorn.__file__).resolve().parents[1])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory: applications that are fine, broken and missing, and configuration files."""
    files = {
        "fc_good.py": "async def app(scope, receive, send): ...\n\n\nnumber = 5\n",
        "fc_broken.py": "import no_such_module_here\n",
        "fc_raising.py": "raise RuntimeError('the database is away')\n",
        "unknown.toml": "keepalive_timeout = 5\n",
        "type.toml": 'backlog = "many"\n',
        "syntax.toml": "backlog = 5\nworkers =\n",
        "port.toml": 'bind = ["127.0.0.1:99999"]\n',
        "quic.toml": 'quic_bind = ["127.0.0.1:0"]\n',
        "workers.toml": "workers = 4\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    return tmp_path


@pytest.fixture
def taken() -> Iterator[str]:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        yield f"127.0.0.1:{sock.getsockname()[1]}"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["-c", "unknown.toml"], 2, "unknown.toml: there is no setting 'keepalive_timeout'; did you mean keep_alive"),
        (["-c", "type.toml"], 2, "type.toml: backlog: must be a whole number, not 'many'"),
        (["-c", "syntax.toml"], 2, "syntax.toml: is not valid TOML: Invalid value (at line 2,"),
        (["-c", "missing.toml"], 2, "missing.toml: cannot be read: no such file or directory"),
        (["-c", "port.toml"], 2, "port.toml: bind: port 99999 of '127.0.0.1:99999' is out of range"),
        (["-c", "quic.toml"], 2, "quic.toml: quic_bind: HTTP/3 needs TLS; set certfile too"),
        (["--bind", "127.0.0.1:99999"], 2, "--bind: port 99999 of '127.0.0.1:99999' is out of range"),
        (["--certfile", "c.pem"], 2, "--certfile: 'c.pem' cannot be read as a file: No such file or directory"),
        (["--insecure-bind", "127.0.0.1:0"], 2, "--insecure-bind: it is for listening without TLS beside bind with"),
        (["-k", "trio"], 2, "-k: worker_class: the trio worker is not available yet"),
        (["--bind", "192.0.2.1:0"], 1, "--bind: cannot listen on 192.0.2.1:0: "),
        (
            ["--bind", "unix:/no/such/directory/x"],
            1,
            "--bind: cannot listen on unix:/no/such/directory/x: no such file",
        ),
    ],
)
def test_a_wrong_setting(
    folder: Path, capfd: pytest.CaptureFixture[str], arguments: list[str], code: int, message: str
) -> None:
    assert cli.main(["fc_good:app", *arguments]) == code
    out, err = capfd.readouterr()
    assert message in err
    assert "Traceback" not in err
    assert len(err.splitlines()) == 1
    assert out == ""


@pytest.mark.parametrize(
    ("application", "message", "traceback"),
    [
        ("fc_missing:app", "fc_missing", False),
        ("fc_good:ap", "app", False),
        ("fc_good:number", "fc_good:number", False),
        ("fc_broken:app", "no_such_module_here", True),
        ("fc_raising:app", "the database is away", True),
    ],
)
def test_an_application_that_cannot_be_loaded(
    folder: Path, capfd: pytest.CaptureFixture[str], application: str, message: str, traceback: bool
) -> None:
    assert cli.main([application, "--bind", "127.0.0.1:0"]) == 4
    err = capfd.readouterr().err
    assert message in err.splitlines()[-1]
    assert ("Traceback" in err) == traceback


def test_a_taken_port(folder: Path, capfd: pytest.CaptureFixture[str], taken: str) -> None:
    assert cli.main(["fc_good:app", "--bind", taken]) == 1
    err = capfd.readouterr().err
    assert f"--bind: cannot listen on {taken}: address already in use; stop the program that has it" in err
    assert "Traceback" not in err


def test_check_with_the_real_loader(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", "fc_good:app", "--bind", "127.0.0.1:0"]) == 0
    assert "application: fc_good:app (asgi3)" in capfd.readouterr().out
    assert cli.main(["check", "fc_raising:app", "--bind", "127.0.0.1:0"]) == 4
    err = capfd.readouterr().err
    assert "RuntimeError: the database is away" in err
    assert "Traceback" in err


def start(*arguments: str, cwd: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "fastcorn", *arguments],
        cwd=cwd, env={**os.environ, "PYTHONPATH": ROOT}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_as_a_process_a_mistake_is_one_line(folder: Path, taken: str) -> None:
    for arguments, code in (
        (["fc_good:app", "-b", taken], 1),
        (["fc_missing:app"], 4),
        (["fc_good:app", "-k", "trio"], 2),
    ):
        process = start(*arguments, cwd=folder)
        out, err = process.communicate(timeout=30)
        assert (process.returncode, out) == (code, "")
        assert len(err.splitlines()) == 1
        assert "Traceback" not in err


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for one process")
def test_ctrl_c_is_quiet_and_a_stop_as_asked(folder: Path) -> None:
    process = start("fc_good:app", "-b", "127.0.0.1:0", cwd=folder)
    assert process.stderr is not None
    assert "Running on http://127.0.0.1:" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "Traceback" not in err
    assert "KeyboardInterrupt" not in err
