# SPDX-License-Identifier: MIT
"""The WebSocket benchmarks from end to end, small: fastcorn is the server, ws_client.c the client."""

import contextlib
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import fastcorn
from bench import process, websocket, websocket_load, websocket_memory, websocket_servers, websocket_works
from bench.errors import BenchError
from bench.exchange import ExchangeError
from bench.goals import against_best
from bench.interpreter import Interpreter
from bench.results import Recorder, Row, figure
from bench.servers import Server
from bench.websocket_exchange import BINARY, CLOSE, TEXT, frame, open_websocket, read_frame
from bench.websocket_works import WebSocketWork

ROOT = Path(__file__).resolve().parents[2]
FASTCORN = Server("fastcorn", "", ("-m", "fastcorn", "{app}", "--bind", "127.0.0.1:{port}"))
BROKEN = Server("uvicorn-sansio", "", ("-c", "raise SystemExit('out of order')"))
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\n\r\n"


@pytest.fixture
def interpreter(tmp_path: Path) -> Interpreter:
    path = os.pathsep.join([str(Path(fastcorn.__file__).resolve().parents[1]), str(ROOT)])
    return Interpreter(sys.executable, tmp_path, {**os.environ, "PYTHONPATH": path}, "3.13.1", "CPython", {})


@pytest.fixture
def recorder(interpreter: Interpreter) -> Recorder:
    return Recorder("test", interpreter, None, {})


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return websocket_load.build(tmp_path_factory.mktemp("client"))


@pytest.fixture(autouse=True)
def unpinned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaves this process on its cores: pinning would outlast the test."""
    monkeypatch.setattr(process, "LOAD_CORE", -1)
    monkeypatch.setattr(process, "SERVER_CORE", -1)


def load(client: Path, port: int, work: WebSocketWork, milliseconds: int = 100) -> websocket_load.Load:
    return websocket_load.run(client, websocket_load.arguments(port, work, milliseconds, 0), lambda: 0.0, 1)


WORKS = [
    WebSocketWork("small", "", 64, connections=3, text=True),
    WebSocketWork("flight", "", 125, connections=2, flight=64),
    WebSocketWork("middle", "", 126, connections=2, flight=2),
    WebSocketWork("large", "", 70_000, connections=2, flight=3),
    WebSocketWork("huge", "", 3_000_000, connections=1, flight=2),
    WebSocketWork("room", "", 64, connections=5, flight=3, text=True, broadcast=True),
    WebSocketWork("deflated", "", 5000, connections=2, flight=3, text=True, deflate=True),
    WebSocketWork("deflated", "", 300_000, connections=2, deflate=True),
]


@pytest.mark.parametrize("app", ["echo", "broadcast"])
def test_the_client_gets_back_what_it_sends(interpreter: Interpreter, client: Path, app: str) -> None:
    with process.ServerProcess(FASTCORN, interpreter, f"bench.websocket_apps:{app}") as running:
        for work in WORKS:
            if work.broadcast == (app == "broadcast"):
                try:
                    report = load(client, running.port, work)
                except BenchError as error:
                    if "without zlib" in str(error):
                        continue
                    raise
                assert report.messages > 0
                assert 0 < report.p50_us <= report.p99_us
                assert report.rate == report.messages / report.seconds


@contextlib.contextmanager
def raw_server(*answers: bytes) -> Iterator[int]:
    """Answers one connection with given bytes, one at each read, and closes it; yields the port."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(30)

    def serve() -> None:
        with contextlib.suppress(OSError):
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(30)
                for answer in answers:
                    connection.recv(65536)
                    connection.sendall(answer)
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(65536):
                    pass

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        thread.join(30)
        listener.close()


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        ([b"HTTP/1.1 403 Forbidden\r\n\r\n"], "the handshake was refused: HTTP/1.1 403 Forbidden"),
        ([b"x" * 5000], "the answer to the handshake is too long"),
        ([SWITCH], "the server closed the connection"),
        ([SWITCH, b"\x82\x04oops"], "a message came back changed"),
        ([SWITCH, b'\x82\x04{"us'], "a message came back short"),
        ([SWITCH, b'\x81\x04{"us'], "a message came back as another type"),
        ([SWITCH, b'\x80\x04{"us'], "a frame out of order"),
        ([SWITCH, b"\x88\x00"], "the server closed the WebSocket"),
    ],
)
def test_the_client_names_what_is_wrong(client: Path, answers: list[bytes], error: str) -> None:
    with raw_server(*answers) as port, pytest.raises(BenchError) as raised:
        load(client, port, WebSocketWork("one", "", 8, connections=1), 60_000)
    assert str(raised.value) == error


@pytest.mark.parametrize("given", ["size=0", "size=x", "port=70000", "flight=65", "speed=1", "port"])
def test_the_client_refuses_what_it_does_not_know(client: Path, given: str) -> None:
    with pytest.raises(BenchError, match=f"not an option of ws_client, or out of range: {given}"):
        websocket_load.run(client, ["port=1", given], lambda: 0.0, 1)


def test_reports_that_are_none() -> None:
    with pytest.raises(BenchError, match="printed no report: nothing"):
        websocket_load.read_report("")


def test_a_compiler_that_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "/no/such/cc")
    with pytest.raises(BenchError, match="cannot run the C compiler '/no/such/cc'"):
        websocket_load.build(tmp_path)


@pytest.mark.slow
def test_the_comparison(interpreter: Interpreter, recorder: Recorder, capsys: pytest.CaptureFixture[str]) -> None:
    works = websocket_works.choose_works(["echo-64"])
    websocket.WebSocketComparison(interpreter, [FASTCORN, BROKEN], works, 1, 1, 0).run(recorder)
    rows = recorder.results["echo-64"]["rows"]
    assert (figure(rows["fastcorn"], "messages_per_second") or 0) > 0
    assert rows["fastcorn"]["to_best_peer"] is None
    assert "out of order" in str(rows["uvicorn-sansio"]["error"])
    assert "echo 64 B" in capsys.readouterr().out


def test_ratios_leave_out_own_variants() -> None:
    rates = {"fastcorn": 30.0, "fastcorn-wsproto": 20.0, "uvicorn-sansio": 10.0, "granian": 5.0}
    rows: dict[str, Row] = {name: {"messages_per_second": rate} for name, rate in rates.items()}
    rows["gunicorn"] = {"error": "out of order"}
    websocket.add_ratios(rows)
    assert [row.get("to_best_peer") for row in rows.values()] == [3.0, 2.0, 1.0, 0.5, None]
    assert against_best("messages_per_second")(rows) == 3.0
    assert against_best("messages_per_second")({"fastcorn": rows["fastcorn"]}) is None


@pytest.mark.slow
def test_memory(interpreter: Interpreter, recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket_memory, "STALL_SECONDS", 0.2)
    monkeypatch.setattr(websocket_memory, "FLOOD_BYTES", 1 << 20)
    websocket_memory.run(interpreter, [FASTCORN, BROKEN], 20, 40, recorder)
    rows = {part: recorder.results[part]["rows"] for part in ("idle", "connects", "flood", "stalled")}
    assert rows["idle"]["fastcorn"]["open"] == 20
    assert rows["connects"]["fastcorn"]["exchanges"] == 40
    assert (figure(rows["flood"]["fastcorn"], "taken_mib") or 0) > 0
    assert (figure(rows["stalled"]["fastcorn"], "peak_mb") or 0) > 1
    assert all("out of order" in str(part["uvicorn-sansio"]["error"]) for part in rows.values())


def test_memory_needs_open_files(interpreter: Interpreter, recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "raise_open_files", lambda wanted: 100)
    with pytest.raises(BenchError, match="2000 connections need 2200 open files"):
        websocket_memory.run(interpreter, [], 2000, 20, recorder)


def test_servers_are_chosen_by_name_or_distribution() -> None:
    packages = {"fastcorn": "1", "uvicorn": "2"}
    choose = websocket_servers.choose
    names: Callable[[list[Server]], list[str]] = lambda servers: [server.name for server in servers]  # noqa: E731
    everyone = ["fastcorn", "fastcorn-wsproto", "uvicorn-websockets", "uvicorn-sansio", "uvicorn-wsproto"]
    assert names(choose(None, packages)) == everyone
    assert names(choose(["uvicorn", "fastcorn", "uvicorn-wsproto"], packages)) == [*everyone[2:], "fastcorn"]
    with pytest.raises(BenchError, match="unknown server 'nginx'; known are fastcorn, fastcorn-wsproto"):
        choose(["nginx"], packages)
    with pytest.raises(BenchError, match="granian is not installed"):
        choose(["granian"], packages)


def test_works_are_chosen_by_name() -> None:
    assert [work.name for work in websocket_works.choose_works(["echo-1m", "echo-64", "echo-1m"])] == [
        "echo-1m",
        "echo-64",
    ]
    assert len(websocket_works.choose_works(None)) == len(websocket_works.WORKS)
    with pytest.raises(BenchError, match="unknown work 'hi'"):
        websocket_works.choose_works(["hi"])


@pytest.mark.parametrize("size", [0, 5, 125, 126, 65535, 65536])
def test_frames_of_the_small_client(size: int) -> None:
    payload = bytes(range(256)) * 257
    made = frame(BINARY, payload[:size])
    head = {size < 126: 2, 126 <= size < 65536: 4, size >= 65536: 10}[True]
    mask, masked = made[head : head + 4], made[head + 4 :]
    assert made[0] == 0x80 | BINARY
    assert bytes(byte ^ mask[at % 4] for at, byte in enumerate(masked)) == payload[:size]
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.settimeout(30)
        plain = made[:1] + bytes([made[1] & 127]) + made[2:head] + payload[:size]
        sending = threading.Thread(target=ours.sendall, args=(plain,))
        sending.start()
        assert read_frame(theirs) == (BINARY, payload[:size])
        sending.join(30)


def test_the_small_client_names_a_refusal() -> None:
    with raw_server(b"HTTP/1.1 404 Not Found\r\n\r\n") as port, pytest.raises(ExchangeError, match="refused: b'HTTP/1"):
        open_websocket(port)
    with raw_server(b"HTTP/1.1 101 S") as port, pytest.raises(ExchangeError, match="closed during the handshake"):
        open_websocket(port)
    with raw_server(SWITCH + frame(TEXT)[:1]) as port, open_websocket(port) as connection:
        with pytest.raises(ExchangeError, match="closed within a message"):
            read_frame(connection)
    assert frame(CLOSE) == b"\x88\x80\x5a\xc3\x19\x7e"
