# SPDX-License-Identifier: MIT
"""bench.options and bench.__main__: the command line, its mistakes, and the commands that only read."""

from pathlib import Path

import pytest

from bench import results
from bench.__main__ import MEASUREMENTS, main
from bench.errors import BenchError
from bench.interpreter import Interpreter
from bench.options import make_parser
from bench.works import choose_works

PYTHON = Interpreter("python", Path(), {}, "3.13.1", "CPython", {})


def test_defaults() -> None:
    chosen = make_parser().parse_args(["http1"])
    assert (chosen.rounds, chosen.seconds, chosen.warmup, chosen.servers, chosen.work) == (3, 4, 2, None, None)
    assert make_parser().parse_args(["upload-slow"]).size == 1 << 30
    endurance = make_parser().parse_args(["endurance"])
    assert (endurance.requests, endurance.connects, endurance.aborts) == (300_000, 30_000, 20_000)


@pytest.mark.parametrize("command", MEASUREMENTS)
def test_every_measurement_can_be_asked_for(command: str) -> None:
    chosen = make_parser().parse_args([command, "--python", "py", "--results", "there", "--no-save"])
    assert (chosen.command, chosen.python, chosen.results, chosen.no_save) == (command, "py", Path("there"), True)


@pytest.mark.parametrize(
    ("text", "size"), [("1", 1), ("4096", 4096), ("2KiB", 2048), ("64mib", 64 << 20), ("1GiB", 1 << 30)]
)
def test_sizes(text: str, size: int) -> None:
    assert make_parser().parse_args(["upload-slow", "--size", text]).size == size


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the following arguments are required: COMMAND"),
        (["fly"], "invalid choice: 'fly'"),
        (["http1", "--rounds", "0"], "argument --rounds: 0 is below 1"),
        (["http1", "--rounds", "many"], "argument --rounds: 'many' is not a whole number"),
        (["http1", "--warmup", "-1"], "argument --warmup: -1 is below 0"),
        (["http1", "--servers", ","], "argument --servers: give at least one name"),
        (["upload-slow", "--size", "big"], "argument --size: 'big' is not a size such as 64MiB"),
        (["upload-slow", "--size", "0"], "argument --size: a size must be at least one byte"),
        (["endurance", "--aborts", "3"], "argument --aborts: 3 is below 20"),
    ],
)
def test_mistakes_are_named(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["http1", "--no-save", "--servers", "unicorn"], "bench: unknown server 'unicorn'; known are fastcorn"),
        (["http1", "--no-save", "--servers", "floor", "--work", "hi"], "bench: unknown work 'hi'; known are hello"),
        (["start", "--no-save", "--python", "/no/such"], "bench: cannot run /no/such"),
    ],
)
def test_a_failure_is_one_line(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    printed = capsys.readouterr().err
    assert printed.startswith(message)
    assert printed.count("\n") == 1


def test_works_are_chosen_once_each_in_the_given_order() -> None:
    assert [work.name for work in choose_works(["echo", "hello", "echo"])] == ["echo", "hello"]
    assert len(choose_works(None)) == 8
    with pytest.raises(BenchError, match="unknown work"):
        choose_works(["goodbye"])


def test_charts_are_drawn_from_results(tmp_path: Path) -> None:
    for version, rate in (("3.13.1", 7.0), ("3.11.9", 5.0)):
        python = Interpreter("python", Path(), {}, version, "CPython", {})
        results.Recorder("http1", python, tmp_path, {}).record("hello", {"fastcorn": {"requests_per_second": rate}})
    assert main(["chart", "--results", str(tmp_path)]) == 0
    drawn = {path.name: path.read_text(encoding="utf-8") for path in tmp_path.glob("*.svg")}
    assert drawn.keys() == {"http1.svg", "http1-3.13.svg", "http1-3.11.svg"}
    assert drawn["http1.svg"] == drawn["http1-3.13.svg"] != drawn["http1-3.11.svg"]


def test_charts_of_http2_need_no_others(tmp_path: Path) -> None:
    rows: dict[str, results.Row] = {"fastcorn": {"requests_per_second": 7.0}}
    results.Recorder("http2", PYTHON, tmp_path, {}).record("hello", rows)
    results.Recorder("http2-idle", PYTHON, tmp_path, {}).record("tls", rows)
    assert main(["chart", "--results", str(tmp_path)]) == 0
    assert {path.name for path in tmp_path.glob("*.svg")} == {"http2.svg", "http2-3.13.svg"}


def test_goals_and_comparison_are_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows: dict[str, results.Row] = {
        "fastcorn": {"requests_per_second": 1.0, "cpu_us": 9.0},
        "floor": {"requests_per_second": 9.0, "cpu_us": 1.0},
    }
    results.Recorder("http1", PYTHON, tmp_path, {}).record("hello", rows)
    assert main(["goals", "--results", str(tmp_path)]) == 0
    assert main(["goals", "--strict", "--results", str(tmp_path)]) == 1
    assert main(["comparison", "--results", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "CPU to the C floor" in printed
    assert "| 13-byte answer | **1.00** | 9.00 |" in printed
    readme = tmp_path / "README.md"
    readme.write_text("<!-- comparison: begin -->\n<!-- comparison: end -->\n", encoding="utf-8")
    assert main(["comparison", "--results", str(tmp_path), "--write", str(readme)]) == 0
    assert "| 13-byte answer |" in readme.read_text(encoding="utf-8")


def test_nothing_to_show_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["chart", "--results", str(tmp_path)]) == 2
    assert capsys.readouterr().err == "bench: there are no results yet; run `python -m bench http1` first\n"
