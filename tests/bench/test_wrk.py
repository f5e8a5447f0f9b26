# SPDX-License-Identifier: MIT
"""bench.wrk: reading the report of wrk, and which script belongs to which work."""

import pytest

from bench import wrk
from bench.errors import BenchError
from bench.http1 import check_load
from bench.works import WORKS

REPORT = """\
Running 4s test @ http://127.0.0.1:8000/
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   494.47us  112.55us   3.21ms   92.02%
    Req/Sec   130.11k     2.17k  133.95k    73.17%
  Latency Distribution
     50%  485.00us
     75%  500.00us
     90%  560.00us
     99%    1.02s
  530715 requests in 4.10s, 79.46MB read
{failures}Requests/sec: 129443.83
Transfer/sec:     19.38MB
"""


def test_a_report_is_read() -> None:
    load = wrk.parse_output(REPORT.format(failures=""))
    assert (load.requests, load.seconds, load.failures, load.refused) == (530715, 4.1, 0, 0)
    assert (load.p50_ms, load.p99_ms) == pytest.approx((0.485, 1020.0))
    assert load.rate == pytest.approx(129442.7, abs=0.1)


def test_failures_are_counted() -> None:
    failures = "  Socket errors: connect 1, read 2, write 3, timeout 4\n  Non-2xx or 3xx responses: 50\n"
    load = wrk.parse_output(REPORT.format(failures=failures))
    assert (load.failures, load.refused) == (10, 50)
    check_load(load)


@pytest.mark.parametrize(("requests", "failures", "refused"), [(0, 0, 0), (10_000, 11, 0), (10_000, 5, 6)])
def test_too_many_failures_are_refused(requests: int, failures: int, refused: int) -> None:
    load = wrk.Load(requests, 1.0, 1.0, 1.0, failures, refused)
    with pytest.raises(BenchError, match=f"{failures} failures and {refused} refusals in {requests}"):
        check_load(load)


@pytest.mark.parametrize("text", ["", "unable to connect to 127.0.0.1:1 Connection refused\n"])
def test_what_is_no_report_is_refused(text: str) -> None:
    with pytest.raises(BenchError, match="wrk printed no report: (nothing|unable)"):
        wrk.parse_output(text)


def test_a_missing_wrk_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(BenchError, match="wrk is not installed; on Debian"):
        wrk.run(1, "/", connections=1, seconds=1)


@pytest.mark.parametrize("script", [work.script for work in WORKS if work.script])
def test_scripts_exist(script: str) -> None:
    assert (wrk.SCRIPTS / script).read_text(encoding="utf-8").startswith("-- SPDX-License-Identifier: MIT")


def test_the_depth_of_a_pipeline_is_that_of_its_script() -> None:
    work = next(work for work in WORKS if work.script == "pipeline.lua")
    assert f"local depth = {work.depth}\n" in (wrk.SCRIPTS / work.script).read_text(encoding="utf-8")
