# SPDX-License-Identifier: MIT
"""The HTTP/2 benchmarks from end to end, small: a stand-in server, and an h2load that prints a canned report."""

import os
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench import (
    attacks,
    certificate,
    chart,
    goals,
    h2load,
    http2,
    http2_idle,
    http2_servers,
    http2_table,
    http2_works,
    options,
    process,
    transfer,
)
from bench.__main__ import main
from bench.attack_frames import choose_attacks
from bench.certificate import Certificate
from bench.errors import BenchError
from bench.exchange import ExchangeError
from bench.http2_exchange import Http2Exchange, Request
from bench.http2_servers import REFERENCE, Http2Server
from bench.http2_works import Http2Work
from bench.interpreter import Interpreter
from bench.results import Recorder, Row, load, path_of
from bench.servers import Server

SMALL = Http2Server(
    Server("fastcorn-h2", "", (str(Path(__file__).with_name("small_http2_server.py")), "{port}")),
    (),
    ("{certfile}", "{keyfile}"),
)
BROKEN = Http2Server(Server("hypercorn", "", ("-c", "raise SystemExit('out of order')")), (), ())

REPORT = """\
starting benchmark...
finished in 2.00s, 1500.00 req/s, 184.55KB/s
requests: 3004 total, 3010 started, 3004 done, {succeeded} succeeded, {failed} failed, {errored} errored, 0 timeout
status codes: 3000 2xx, 0 3xx, {refused} 4xx, 0 5xx
traffic: 352.14KB (360595) total, 39.93KB (40892) headers (space savings 95.50%), 101.07KB ({data}) data
                     min         max         mean         sd        +/- sd
time for request:      306us       1.08s      7.63ms      3.16ms    70.99%
time for connect:      111us      2.08ms      1.13ms       500us    65.00%
"""


def report(succeeded: int = 3000, failed: int = 0, errored: int = 0, refused: int = 0, data: int = 39000) -> str:
    return REPORT.format(succeeded=succeeded, failed=failed, errored=errored, refused=refused, data=data)


@pytest.fixture
def interpreter(tmp_path: Path) -> Interpreter:
    return Interpreter(sys.executable, tmp_path, dict(os.environ), "3.13.1", "CPython", {})


@pytest.fixture
def recorder(interpreter: Interpreter) -> Recorder:
    return Recorder("test", interpreter, None, {})


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return certificate.make(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(autouse=True)
def unpinned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaves this process on its cores: pinning would outlast the test."""
    monkeypatch.setattr(process, "LOAD_CORE", -1)
    monkeypatch.setattr(process, "SERVER_CORE", -1)


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, int], None]:
    """Puts an h2load in front of the path that prints a text and ends with a code."""

    def install(text: str, code: int = 0) -> None:
        path = tmp_path / "bin" / "h2load"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\ncat <<'END'\n{text}END\nexit {code}\n", encoding="utf-8")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", f"{path.parent}{os.pathsep}{os.environ['PATH']}")

    return install


@pytest.fixture(params=["cleartext", "tls"])
def exchange(request: pytest.FixtureRequest, interpreter: Interpreter, made: Certificate) -> Iterator[Http2Exchange]:
    """A client on the stand-in."""
    tls = request.param == "tls"
    trust = made.trusting("h2") if tls else None
    server = SMALL.form(made if tls else None)
    with process.ServerProcess(server, interpreter, "", probe=http2.prober(trust)) as running:
        with Http2Exchange(running.port, trust, timeout=30.0) as client:
            yield client


def test_the_client_reads_whole_answers(exchange: Http2Exchange) -> None:
    large = bytes(range(256)) * 1000
    asked = [Request(), Request("/300000"), Request(body=large), Request("/3", b"abc"), Request("/4", b"abc")]
    for _ in range(2):
        answers = exchange.ask(asked)
        assert [answer.status for answer in answers] == [200, 200, 200, 200, 400]
        assert [len(answer.body) for answer in answers] == [13, 300_000, 256_000, 0, 0]
        assert answers[2].body == large
        assert answers[0].headers == {"content-length": "13"}
    assert exchange.ask([Request(body=b"")])[0].body == b""


@pytest.mark.parametrize("exchange", ["cleartext"], indirect=True)
@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("/reset", "the server reset a stream with code 2"),
        ("/goodbye", "the server ended the connection with code 11"),
        ("/garbage", "not HTTP/2: "),
    ],
)
def test_the_client_names_what_is_wrong(exchange: Http2Exchange, path: str, error: str) -> None:
    with pytest.raises(ExchangeError, match=error):
        exchange.ask([Request(), Request(path)])


def test_the_client_needs_alpn(interpreter: Interpreter, made: Certificate) -> None:
    with process.ServerProcess(SMALL.form(made), interpreter, "", probe=http2.prober(made.trusting("h2"))) as running:
        with pytest.raises(ExchangeError, match="did not agree to h2"):
            Http2Exchange(running.port, made.trusting("http/1.1"), timeout=30.0)
        with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
            Http2Exchange(running.port, certificate.make(interpreter.folder).trusting("h2"), timeout=30.0)


def test_a_report_is_read() -> None:
    load = h2load.parse_output(report(succeeded=2996, failed=8, errored=5, refused=3), 0.5)
    assert (load.requests, load.seconds, load.failed, load.refused, load.data_bytes) == (2996, 2.0, 5, 3, 39000)
    assert (load.mean_ms, load.max_ms) == pytest.approx((7.63, 1080.0))
    assert (load.rate, load.busy) == (1498.0, 0.5)
    with pytest.raises(BenchError, match="h2load printed no report: nothing"):
        h2load.parse_output("", 0.0)


def test_an_h2load_that_fails(install: Callable[[str, int], None], monkeypatch: pytest.MonkeyPatch) -> None:
    install("no such host\n", 1)
    with pytest.raises(BenchError, match="h2load failed with code 1: no such host"):
        h2load.run("http://127.0.0.1:1/", [], seconds=1)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(BenchError, match="h2load is not installed; on Debian: apt-get install nghttp2-client"):
        h2load.run("http://127.0.0.1:1/", [], seconds=1)


def test_an_h2load_that_hangs(install: Callable[[str, int], None], monkeypatch: pytest.MonkeyPatch) -> None:
    install("END\nexec sleep 60\ncat <<END\n", 0)
    monkeypatch.setattr(h2load, "EXTRA_SECONDS", 0.0)
    looks: list[int] = []
    with pytest.raises(BenchError, match="h2load did not end in time"):
        h2load.run("http://127.0.0.1:1/", [], seconds=0.1, look=lambda: looks.append(1))
    assert looks


@pytest.mark.parametrize("name", ["hello", "hello-tls"])
def test_the_comparison(
    name: str,
    interpreter: Interpreter,
    recorder: Recorder,
    install: Callable[[str], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    install(report(failed=2, errored=2))
    http2.Http2Comparison(interpreter, [SMALL, BROKEN], http2_works.choose_works([name]), 2, 1, 1).run(recorder)
    rows = recorder.results[name]["rows"]
    assert rows["fastcorn-h2"]["requests_per_second"] == 1500.0
    assert (rows["fastcorn-h2"]["failed"], rows["fastcorn-h2"]["rounds"]) == (4, 2)
    assert rows["fastcorn-h2"]["to_hypercorn"] is None
    assert rows["hypercorn"] == {"error": "hypercorn ended instead of serving: out of order"}
    assert "out of order" in capsys.readouterr().out


def test_the_comparison_checks_answers_first(
    interpreter: Interpreter, recorder: Recorder, install: Callable[[str], None]
) -> None:
    install(report())
    works = [http2_works.choose_works(["echo"])[0], Http2Work("wrong", "", "bench.apps:ten_kib")]
    http2.Http2Comparison(interpreter, [SMALL], works, 1, 1, 0).run(recorder)
    assert "error" not in recorder.results["echo"]["rows"]["fastcorn-h2"]
    error = str(recorder.results["wrong"]["rows"]["fastcorn-h2"]["error"])
    assert error == "wrong answer: status 200, body b'Hello, world!'"


def test_the_comparison_refuses_a_run_without_answers(
    interpreter: Interpreter, recorder: Recorder, install: Callable[[str], None]
) -> None:
    install(report(succeeded=0, failed=7, errored=4, refused=3))
    http2.Http2Comparison(interpreter, [SMALL], http2_works.choose_works(["hello"]), 1, 1, 0).run(recorder)
    rows = recorder.results["hello"]["rows"]
    assert rows == {"fastcorn-h2": {"error": "no request was answered; 4 failed, 3 were refused"}}


@pytest.mark.parametrize(("name", "data"), [("upload", 0), ("download", 3_000_000), ("download-tls", 3_000_000)])
def test_transfers(
    name: str,
    data: int,
    interpreter: Interpreter,
    recorder: Recorder,
    install: Callable[[str], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    install(report(succeeded=1, data=data))
    ways = transfer.choose_ways([name])
    transfer.run(interpreter, [SMALL, BROKEN], ways, 3_000_000, 2, recorder)
    assert "memory grew by at most 16 MiB: 1 of 1\n" in capsys.readouterr().out
    rows = recorder.results[name]["rows"]
    assert rows["fastcorn-h2"]["mib_per_second"] == 1.4
    assert rows["fastcorn-h2"]["rounds"] == 2
    assert "out of order" in str(rows["hypercorn"]["error"])
    install(report(succeeded=1, data=1234))
    transfer.run(interpreter, [SMALL], ways, 3_000_000, 1, recorder)
    error = str(recorder.results[name]["rows"]["fastcorn-h2"]["error"])
    assert error == "the body did not arrive whole: 0 refused, 1234 bytes came back"


def test_growth_is_judged() -> None:
    rows: dict[str, Row] = {"a": {"growth_mib": 16.0}, "b": {"growth_mib": 17.25}, "c": {"error": "out of order"}}
    assert transfer.judge_growth(rows) == "memory grew by at most 16 MiB: 1 of 2; of b by 17.25 MiB"


def test_idle_connections(interpreter: Interpreter, recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http2_idle, "WARMUP", 3)
    http2_idle.run(interpreter, [SMALL, BROKEN], 20, recorder)
    for part in ("cleartext", "tls"):
        rows = recorder.results[part]["rows"]
        assert rows["fastcorn-h2"]["open"] == 20
        assert isinstance(rows["fastcorn-h2"]["bytes_each"], int)
        assert "out of order" in str(rows["hypercorn"]["error"])
    monkeypatch.setattr(process, "raise_open_files", lambda wanted: 1024)
    with pytest.raises(BenchError, match=r"need 2200 open files, the limit is 1024.*give --connections 824"):
        http2_idle.run(interpreter, [SMALL], 2000, recorder)


def test_ratios_leave_out_own_rows_and_the_reference() -> None:
    rates = {"fastcorn-h2": 30.0, "granian": 20.0, "hypercorn": 10.0, REFERENCE: 500.0}
    rows: dict[str, Row] = {name: {"requests_per_second": rate} for name, rate in rates.items()}
    rows["gunicorn"] = {"error": "out of order"}
    http2.add_ratios(rows)
    assert [row.get("to_best_peer") for row in rows.values()] == [1.5, 1.0, 0.5, 25.0, None]
    assert [row.get("to_hypercorn") for row in rows.values()] == [3.0, 2.0, 1.0, 50.0, None]
    assert [row.get("to_granian") for row in rows.values()] == [1.5, 1.0, 0.5, 25.0, None]
    rows["fastcorn-h2"]["cpu_us"], rows["granian"]["cpu_us"] = 5.0, 20.0
    http2.add_ratios(rows)
    assert [row.get("cpu_to_granian") for row in rows.values()] == [0.25, 1.0, None, None, None]


def test_servers_are_chosen_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    packages = {"fastcorn": "1", "hypercorn": "2"}
    chosen = http2_servers.choose
    assert [server.name for server in chosen(None, packages)] == ["fastcorn", "fastcorn-h2", "hypercorn"]
    assert [server.name for server in chosen(["hypercorn", "hypercorn"], packages)] == ["hypercorn"]
    with pytest.raises(BenchError, match="unknown server 'nginx'; known are fastcorn, fastcorn-h2, uvicorn"):
        chosen(["nginx"], packages)
    with pytest.raises(BenchError, match="zttp is not installed"):
        chosen(["uvicorn"], packages)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(BenchError, match="nghttpd is not installed; on Debian: apt-get install nghttp2-server"):
        chosen([REFERENCE], packages, reference=True)


@pytest.mark.parametrize("server", http2_servers.HTTP2_SERVERS, ids=lambda server: server.name)
def test_every_command_line_can_be_made(server: Http2Server) -> None:
    made = Certificate(Path("/run/certificate.pem"), Path("/run/key.pem"))
    plain = server.form(None).command("python", "bench.apps:hello", 8000)
    secure = server.form(made).command("python", "bench.apps:hello", 8000)
    assert not any("{" in word or ".pem" in word for word in plain)
    assert {str(made.certfile), str(made.keyfile)} <= {*secure}
    assert any("8000" in word for word in plain)


def test_the_reference_has_a_file_for_every_application(tmp_path: Path) -> None:
    http2_servers.prepare_files(tmp_path)
    for work in http2_works.WORKS:
        assert (tmp_path / REFERENCE / work.app / "index.html").exists()


def test_works_are_chosen_by_name() -> None:
    assert [work.name for work in http2_works.choose_works(["echo", "hello", "echo"])] == ["echo", "hello"]
    assert len(http2_works.choose_works(None)) == len(http2_works.WORKS)
    assert [way.name for way in transfer.choose_ways(None)] == [way.name for way in transfer.WAYS]
    for choose in (http2_works.choose_works, transfer.choose_ways):
        with pytest.raises(BenchError, match="unknown work 'hi'"):
            choose(["hi"])
    shape = http2.shape(http2_works.choose_works(["browser"])[0], 3)
    assert shape[:3] == ["--clients=32", "--max-concurrent-streams=10", "--duration=3"]
    assert "--header=upgrade-insecure-requests: 1" in shape


def test_a_missing_h2_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    for command in ("http2", "http2-idle", "transfer"):
        assert main([command, "--no-save", "--servers", "fastcorn"]) == 2
        assert capsys.readouterr().err.startswith("bench: the package h2 is needed")


def test_a_missing_openssl_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(BenchError, match="cannot run openssl"):
        certificate.make(tmp_path)


def test_the_chart_of_http2(recorder: Recorder) -> None:
    rows: dict[str, Row] = {name: {"requests_per_second": 9.0} for name in ("fastcorn-h2", "hypercorn", REFERENCE)}
    recorder.record("hello-tls", rows)
    drawn = chart.draw(recorder.results, chart.SUBJECTS[1])
    assert "HTTP/2 requests per second" in drawn
    assert "13-byte answer, TLS" in drawn
    assert [drawn.count(f'class="{kind}"') for kind in ("bar-own", "bar-floor", "bar")] == [1, 1, 1]
    assert "run python -m bench http2" in chart.draw({}, chart.SUBJECTS[1])


PACKAGES = {"fastcorn": "1", "granian": "2", "hypercorn": "3", "gunicorn": "4"}


def extent_of(*arguments: str) -> http2_table.Extent:
    return http2_table.extent_of(options.make_parser().parse_args(["http2", *arguments]), PACKAGES)


def test_the_whole_table_has_everything() -> None:
    extent = extent_of()
    assert [work.name for work in extent.works] == [work.name for work in http2_works.WORKS]
    assert list(extent.ways) == list(transfer.WAYS)
    assert (extent.rounds, extent.seconds, extent.warmup, extent.alone) == (3, 4, 1, False)
    names = ["fastcorn", "fastcorn-h2", "granian", "gunicorn", "hypercorn"]
    assert [server.name for server in extent.servers_of("echo")][:5] == names
    assert [server.name for server in extent.servers_of("transfer")] == names
    assert [server.name for server in extent.servers_of("attacks")] == list(attacks.SERVERS)


def test_quick_has_what_goals_read() -> None:
    extent = extent_of("--quick", "--seconds", "1")
    assert (extent.rounds, extent.seconds, extent.warmup, extent.alone) == (2, 1, 1, False)
    read = {goal.part for goal in goals.GOALS if goal.command == "http2"}
    assert {work.name for work in extent.works} == read
    assert [server.name for server in extent.servers_of("echo")] == ["fastcorn", "granian"]
    assert [server.name for server in extent.servers_of("attacks")] == ["fastcorn", "fastcorn-h2"]
    assert {"fastcorn-h2", "hypercorn"} <= {server.name for server in extent.servers_of("hello-tls")}
    named = extent_of("--quick", "--servers", "gunicorn")
    assert [server.name for server in named.servers_of("echo")] == ["gunicorn"]


def test_named_works_and_ways_come_alone() -> None:
    extent = extent_of("--work", "upload-tls,echo,upload-tls")
    assert ([work.name for work in extent.works], [way.name for way in extent.ways]) == (["echo"], ["upload-tls"])
    assert extent.alone
    assert not extent_of("--work", "echo").ways
    with pytest.raises(BenchError, match="unknown work 'hi'; known are hello, .*download-tls"):
        extent_of("--work", "hi")


def test_the_table_is_recorded_by_command(
    interpreter: Interpreter, install: Callable[[str], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http2_table, "TRANSFER_BYTES", 3_000_000)
    install(report(succeeded=1, data=0))
    works, ways = http2_table.choose(["hello", "upload"])
    extent = http2_table.Extent(works, ways, [SMALL], 1, 1, 0, alone=True)
    http2_table.run(interpreter, extent, tmp_path)
    assert load(path_of("http2", "3.13", tmp_path))["hello"]["rows"].keys() == {"fastcorn-h2"}
    assert load(path_of("transfer", "3.13", tmp_path))["upload"]["options"] == {"rounds": 1, "size": 3_000_000}


def test_attacks(interpreter: Interpreter, recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attacks, "HONEST_REQUESTS", 20)
    monkeypatch.setattr(attacks, "WARMUP", 10)
    attacks.run(interpreter, [SMALL, BROKEN], choose_attacks(["ping"]), 0.1, recorder)
    assert recorder.results.keys() == {"honest", "connect", "ping"}
    for part in recorder.results.values():
        assert "out of order" in str(part["rows"]["hypercorn"]["error"])
    row = recorder.results["ping"]["rows"]["fastcorn-h2"]
    assert row["connections"] == 1
    assert isinstance(row[attacks.COST], float)
