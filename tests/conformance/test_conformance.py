# SPDX-License-Identifier: MIT
"""The conformance command without the suite itself: finding Python 2.7, running a stand-in, judging, the page."""

import json
import stat
import sys
from pathlib import Path

import pytest

from conformance import __main__ as command
from conformance import suite, summary, verdicts
from conformance.errors import ConformanceError

RESULTS = {
    "1.1.10": {"behavior": "OK", "behaviorClose": "OK"},
    "1.1.2": {"behavior": "OK", "behaviorClose": "INFORMATIONAL"},
    "7.1.6": {"behavior": "INFORMATIONAL", "behaviorClose": "INFORMATIONAL"},
    "3.2": {"behavior": "NON-STRICT", "behaviorClose": "OK"},
    "13.1.1": {"behavior": "UNIMPLEMENTED", "behaviorClose": "OK"},
    "6.4.1": {"behavior": "FAILED", "behaviorClose": "OK"},
    "2.10": {"behavior": "OK", "behaviorClose": "UNCLEAN"},
}
STAND_IN = """#!/bin/sh
# Stands in for Python 2.7: answers the check, "installs", and writes the results that the test put beside it.
case "$*" in
  *"sys.exit"*) exit 0 ;;
  *"pip install"*) while [ "$1" != --target ]; do shift; done; mkdir -p "$2"; exit {pip} ;;
esac
echo started
[ ! -e "{results}" ] || cp "{results}" index.json
"""


def stand_in(folder: Path, results: object = None, pip: int = 0) -> str:
    program, content = folder / "python2.7", folder / "results.json"
    program.write_text(STAND_IN.format(results=content, pip=pip), encoding="utf-8")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    if results is not None:
        content.write_text(json.dumps(results), encoding="utf-8")
    return str(program)


def test_verdicts_are_counted_and_sorted() -> None:
    found = verdicts.read(RESULTS)
    assert found.cases == 7
    assert list(found.sections) == ["1", "2", "3", "6", "7", "13"]
    assert found.wrong == {
        "2.10": "OK, close UNCLEAN",
        "3.2": "NON-STRICT",
        "6.4.1": "FAILED",
        "13.1.1": "UNIMPLEMENTED",
    }
    assert found.informational == ["7.1.6"]
    assert summary.row(found) == [3, 1, 1, 1, 1]
    assert summary.row(found, "6") == [0, 0, 0, 0, 1]


def test_no_case_is_a_mistake() -> None:
    with pytest.raises(ConformanceError, match="the suite ran no case; is the server reachable"):
        verdicts.read({})


def test_the_page() -> None:
    page = summary.render({"native": verdicts.read(RESULTS)}, "autobahntestsuite 1.0", "CPython 3.13 on Linux")
    assert "| 6 UTF-8 | 0 | 0 | 0 | 0 | 1 |\n" in page
    assert "| **all 7** | **3** | **1** | **1** | **1** | **1** |\n" in page
    assert "Not OK: 2.10 ok, close unclean; 3.2 non-strict; 6.4.1 failed; 13.1.1 unimplemented.\n" in page
    assert "Informational: 7.1.6.\n" in page
    assert "autobahntestsuite 1.0; CPython 3.13 on Linux.\n" in page


def test_python_2_is_found_or_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHON2", stand_in(tmp_path))
    assert suite.find_python() == str(tmp_path / "python2.7")
    monkeypatch.setenv("PYTHON2", sys.executable)
    with pytest.raises(ConformanceError, match=r"needs a Python 2.7 with pip: PYTHON2=.* is not one"):
        suite.find_python()
    monkeypatch.delenv("PYTHON2")
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(ConformanceError, match="none was found; set PYTHON2 to its path"):
        suite.find_python()


def test_the_suite_is_installed_once(tmp_path: Path) -> None:
    folder = tmp_path / "autobahn"
    suite.install(stand_in(tmp_path), folder)
    suite.install(stand_in(tmp_path, pip=1), folder)
    with pytest.raises(ConformanceError, match="pip could not install autobahntestsuite=="):
        suite.install(stand_in(tmp_path, pip=1), tmp_path / "other")


def test_a_run_gives_the_results(tmp_path: Path) -> None:
    reports = tmp_path / "reports"
    python = stand_in(tmp_path, {"native": RESULTS})
    found = suite.run(python, tmp_path, {"native": "ws://127.0.0.1:1"}, ["6.*"], reports, 30)
    assert found == {"native": RESULTS}
    specification = json.loads((reports / "fuzzingclient.json").read_text(encoding="utf-8"))
    assert specification["servers"] == [{"agent": "native", "url": "ws://127.0.0.1:1"}]
    assert specification["cases"] == ["6.*"]
    assert (reports / "fuzzingclient.log").read_text(encoding="utf-8") == "started\n"


def test_a_run_without_results_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(ConformanceError, match="ended with code 0 and left no results"):
        suite.run(stand_in(tmp_path), tmp_path, {}, ["*"], tmp_path / "reports", 30)


def test_other_servers_are_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PYTHON2", stand_in(tmp_path, {"peer": RESULTS}))
    assert command.main(["--server", "peer=ws://127.0.0.1:1", "--folder", str(tmp_path / "build")]) == 1
    printed = capsys.readouterr().out
    assert "peer: 7 cases: 3 OK, 1 informational, 1 non-strict, 1 not implemented, 1 failed\n" in printed
    assert "  6.4.1: FAILED (" in printed
    monkeypatch.setenv("PYTHON2", stand_in(tmp_path, {"peer": {"1.1.1": RESULTS["1.1.2"]}}))
    assert command.main(["--server", "peer=ws://127.0.0.1:1", "--folder", str(tmp_path / "build")]) == 0


@pytest.mark.slow
def test_both_engines_are_started_and_the_page_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good = {"1.1.1": RESULTS["1.1.2"]}
    monkeypatch.setenv("PYTHON2", stand_in(tmp_path, {"native": good, "wsproto": RESULTS}))
    page = tmp_path / "page.md"
    arguments = ["--folder", str(tmp_path / "build"), "--write", str(page)]
    assert command.main(arguments) == 0
    assert "| **all 1** |" in page.read_text(encoding="utf-8")
    assert "Running on" in (tmp_path / "build" / "conformance-wsproto.log").read_text(encoding="utf-8")
    page.unlink()
    assert command.main([*arguments, "--cases", "1.*"]) == 0
    assert not page.exists()
    monkeypatch.setenv("PYTHON2", stand_in(tmp_path, {"native": RESULTS}))
    assert command.main([*arguments, "--engines", "native"]) == 1


def test_a_mistake_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PYTHON2", stand_in(tmp_path, {}))
    assert command.main(["--engines", "fast", "--folder", str(tmp_path / "build")]) == 2
    printed = capsys.readouterr().err
    assert printed.startswith("conformance: fastcorn did not start with the fast engine; see ")
    assert printed.count("\n") == 1
