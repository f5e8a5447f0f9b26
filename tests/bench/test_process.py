# SPDX-License-Identifier: MIT
"""bench.process, floor, servers and interpreter: real child processes, the C floor foremost."""

import os
import sys
from pathlib import Path

import pytest

from bench import floor, procfs
from bench.backpressure import MemoryLog
from bench.endurance import batches
from bench.errors import BenchError
from bench.exchange import Exchange
from bench.interpreter import Interpreter, find_interpreter
from bench.process import ServerProcess, raise_open_files, wait_until
from bench.rounds import rotated
from bench.servers import FLOOR, SERVERS, Server, choose

PACKAGES = {server.distribution: "1" for server in SERVERS if server.name in ("fastcorn", "uvicorn")}


@pytest.fixture
def interpreter(tmp_path: Path) -> Interpreter:
    return Interpreter(sys.executable, tmp_path, dict(os.environ), "3.13.1", "CPython", PACKAGES)


@pytest.mark.parametrize("app", sorted(floor.BODY_BYTES))
def test_the_floor_serves_and_is_stopped(interpreter: Interpreter, app: str) -> None:
    with ServerProcess(FLOOR, interpreter, app) as process:
        assert process.alive
        assert 0 < process.ready_seconds < 60
        assert process.resident_bytes() > 0
        assert process.cpu_seconds() >= 0
        with Exchange(process.port) as exchange:
            for _ in range(3):
                answer = exchange.get()
                assert (answer.status, len(answer.body)) == (200, floor.BODY_BYTES[app])
        session = process.session
    assert procfs.session_processes(session) == []


def test_the_floor_refuses_bad_arguments(interpreter: Interpreter) -> None:
    with pytest.raises(BenchError, match=r"failed with code 2: usage: floor PORT"):
        Interpreter(str(floor.build(interpreter.folder)), interpreter.folder, {}, "", "", {}).run(["0"])


@pytest.mark.parametrize(("compiler", "message"), [("/no/such/cc", "set CC"), ("false", "refused floor.c")])
def test_a_compiler_that_does_not_work_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compiler: str, message: str
) -> None:
    monkeypatch.setenv("CC", compiler)
    with pytest.raises(BenchError, match=message):
        floor.build(tmp_path)


def python_server(code: str) -> Server:
    return Server("broken", "", ("-c", code, "{app}", "{port}"))


def test_a_server_that_ends_has_its_last_words_reported(interpreter: Interpreter) -> None:
    server = python_server("print('first'); print('no luck'); raise SystemExit(3)")
    with pytest.raises(BenchError, match="broken ended instead of serving: no luck"):
        ServerProcess(server, interpreter, "a:b").__enter__()


def test_a_server_that_answers_wrongly_is_reported_and_stopped(interpreter: Interpreter) -> None:
    code = (
        "import http.server, sys\n"
        "http.server.HTTPServer(('127.0.0.1', int(sys.argv[2])), http.server.BaseHTTPRequestHandler).serve_forever()"
    )
    process = ServerProcess(python_server(code), interpreter, "a:b")
    with pytest.raises(BenchError, match="broken answered 501 to GET /: "):
        process.__enter__()
    assert procfs.session_processes(process.session) == []


def test_a_python_that_is_not_there_is_named(interpreter: Interpreter) -> None:
    missing = Interpreter("/no/such/python", interpreter.folder, {}, "", "", {})
    with pytest.raises(BenchError, match="cannot run /no/such/python: No such file"):
        ServerProcess(python_server("pass"), missing, "a:b").__enter__()
    with pytest.raises(BenchError, match="give a Python with --python PATH"):
        find_interpreter("/no/such/python", interpreter.folder)


def test_the_running_python_is_found_and_sees_this_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONASYNCIODEBUG", "1")
    monkeypatch.setenv("UVICORN_WORKERS", "3")
    found = find_interpreter(None, tmp_path)
    assert {"PYTHONASYNCIODEBUG", "PYTHONDONTWRITEBYTECODE", "UVICORN_WORKERS"}.isdisjoint(found.environment)
    assert found.path == sys.executable
    assert found.short_version == f"{sys.version_info.major}.{sys.version_info.minor}"
    assert found.run(["-c", "import bench.apps; print(len(bench.apps.HELLO))"]) == "13\n"


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("raise SystemExit('it broke')", "failed with code 1: it broke"),
        ("import time; time.sleep(30)", "more than 0.2 s"),
    ],
)
def test_a_python_that_fails_is_reported(interpreter: Interpreter, code: str, message: str) -> None:
    with pytest.raises(BenchError, match=message):
        interpreter.run(["-c", code], timeout=0.2 if "sleep" in code else 60.0)


def test_memory_is_followed_to_its_peak(interpreter: Interpreter) -> None:
    with ServerProcess(FLOOR, interpreter, "bench.apps:hello") as process:
        log = MemoryLog(process)
        log.look()
        row = log.row(1.0)
    assert row["seconds"] == 1.0
    assert isinstance(row["growth_mib"], float)
    assert 0 <= row["growth_mib"] < 1


def test_commands_are_filled_in() -> None:
    for server in SERVERS:
        command = server.command("python", "bench.apps:hello", 4321, idle=True)
        assert command[0] == "python"
        assert "bench.apps:hello" in command
        assert sum("4321" in word for word in command) == 1
        assert not any("{" in word for word in command)
        assert set(server.idle) <= set(command)


def test_servers_are_chosen_by_what_is_installed() -> None:
    assert [server.name for server in choose(None, PACKAGES)] == ["fastcorn", "uvicorn"]
    assert [server.name for server in choose(None, PACKAGES, floor=True)] == ["fastcorn", "uvicorn", "floor"]
    assert [server.name for server in choose(["uvicorn", "fastcorn", "uvicorn"], PACKAGES)] == ["uvicorn", "fastcorn"]


@pytest.mark.parametrize(
    ("name", "message"), [("unicorn", "unknown server 'unicorn'; known are fastcorn,"), ("granian", "make bench")]
)
def test_servers_that_cannot_be_chosen_are_named(name: str, message: str) -> None:
    with pytest.raises(BenchError, match=message):
        choose([name], PACKAGES)


def test_each_round_begins_with_another_server() -> None:
    servers = list(SERVERS[:3])
    firsts = [rotated(servers, number)[0].name for number in range(4)]
    assert firsts == ["fastcorn", "uvicorn", "granian", "fastcorn"]
    assert sorted(server.name for server in rotated(servers, 2)) == sorted(server.name for server in servers)


@pytest.mark.parametrize(("count", "size", "expected"), [(10, 4, [4, 4, 2]), (3, 5, [3]), (0, 5, []), (4, 2, [2, 2])])
def test_batches(count: int, size: int, expected: list[int]) -> None:
    assert list(batches(count, size)) == expected


def test_waiting_ends() -> None:
    assert wait_until(lambda: True, 0.0)
    assert not wait_until(lambda: False, 0.0)


def test_enough_open_files_are_left_alone() -> None:
    before = raise_open_files(1)
    assert raise_open_files(before) == before
