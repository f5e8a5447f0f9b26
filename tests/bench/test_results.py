# SPDX-License-Identifier: MIT
"""bench.results, table, goals and comparison: what is kept of a run and how it is shown."""

import json
from pathlib import Path

import pytest

from bench import comparison, goals, results, table
from bench.errors import BenchError
from bench.interpreter import Interpreter
from bench.results import Results, Row

PYTHON = Interpreter("python", Path(), {}, "3.13.1", "CPython", {"uvicorn": "9.9", "fastcorn": "0.1"})


def rates(fastcorn: float | None, uvicorn: float, granian: float, *, floor_cpu: float = 6.4) -> dict[str, Row]:
    return {
        "fastcorn": {"error": "ended"} if fastcorn is None else {"requests_per_second": fastcorn, "cpu_us": 8.0},
        "uvicorn": {"requests_per_second": uvicorn, "cpu_us": 20.0},
        "granian": {"requests_per_second": granian, "cpu_us": 18.0},
        "floor": {"requests_per_second": 1e6, "cpu_us": floor_cpu},
    }


def record(
    folder: Path, rows: dict[str, Row], part: str = "hello", python: Interpreter = PYTHON, command: str = "http1"
) -> None:
    results.Recorder(command, python, folder, {"rounds": 1}).record(part, rows)


def test_a_part_is_replaced_whole_and_others_stay(tmp_path: Path) -> None:
    record(tmp_path, rates(100.0, 50.0, 40.0))
    record(tmp_path, rates(7.0, 5.0, 4.0), "echo")
    record(tmp_path, {"fastcorn": {"requests_per_second": 3.0}})
    loaded = results.load(results.path_of("http1", "3.13", tmp_path))
    assert loaded["hello"]["rows"] == {"fastcorn": {"requests_per_second": 3.0}}
    assert loaded["echo"]["rows"]["uvicorn"]["requests_per_second"] == 5.0
    assert loaded["echo"]["setting"]["python"] == "CPython 3.13.1"
    assert loaded["echo"]["setting"]["packages"] == {"fastcorn": "0.1", "uvicorn": "9.9"}
    assert [path.name for path in tmp_path.iterdir()] == ["http1-3.13.json"]


def test_nothing_is_kept_without_a_folder() -> None:
    recorder = results.Recorder("http1", PYTHON, None, {})
    recorder.record("hello", rates(1.0, 1.0, 1.0))
    assert recorder.path is None
    assert recorder.results.keys() == {"hello"}


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"hello": {}}', '{"hello": 3}'])
def test_a_broken_file_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "http1-3.13.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BenchError, match=r"http1-3\.13\.json.*; remove it to start afresh"):
        results.load(path)


def test_no_file_is_no_results(tmp_path: Path) -> None:
    assert results.load(tmp_path / "none.json") == {}


@pytest.mark.parametrize(
    ("value", "expected"),
    [(None, "-"), ("met", "met"), (12345, "12,345"), (12345.6, "12,346"), (123.4, "123"), (12.34, "12.3")]
    + [(1.234, "1.23"), (0, "0"), (-5.0, "-5.00")],
)
def test_figures_for_people(value: float | int | str | None, expected: str) -> None:
    assert table.format_figure(value) == expected


def test_a_table_is_aligned_and_shows_errors() -> None:
    rows: dict[str, Row] = {"fastcorn": {"a": 1.5, "b": 20000}, "x": {"a": None}, "granian": {"error": "did not start"}}
    assert table.render(rows, {"a": "first", "b": "b"}).splitlines() == [
        "server    first       b",
        "--------  -----  ------",
        "fastcorn   1.50  20,000",
        "x             -       -",
        "granian   did not start",
    ]


def goal(title: str) -> goals.Goal:
    return next(goal for goal in goals.GOALS if goal.title.startswith(title))


def part_of(rows: dict[str, Row]) -> Results:
    recorder = results.Recorder("http1", PYTHON, None, {})
    recorder.record("hello", rows)
    return recorder.results


@pytest.mark.parametrize(
    ("title", "python", "rows", "reached", "verdict"),
    [
        ("13-byte answer, req/s to uvicorn", "3.13", rates(100.0, 50.0, 40.0), 2.0, "met"),
        ("13-byte answer, req/s to uvicorn", "3.13", rates(99.0, 40.0, 50.0), 1.98, "missed"),
        ("13-byte answer, req/s to uvicorn", "3.11", rates(99.0, 40.0, 50.0), 1.98, "met"),
        ("13-byte answer, req/s to uvicorn", "3.13", rates(None, 40.0, 50.0), None, "open"),
        ("13-byte answer, req/s to fastpysgi", "3.13", rates(99.0, 40.0, 50.0), None, "open"),
        ("13-byte answer, CPU to the C floor", "3.13", rates(99.0, 40.0, 50.0), 1.25, "met"),
        (
            "13-byte answer, CPU to the C floor",
            "3.13",
            rates(99.0, 4.0, 5.0, floor_cpu=4.0),
            2.0,
            "missed",
        ),
    ],
)
def test_verdicts(title: str, python: str, rows: dict[str, Row], reached: float | None, verdict: str) -> None:
    row = goals.judge(goal(title), python, part_of(rows))
    assert row["verdict"] == verdict
    assert row["reached"] == (None if reached is None else pytest.approx(reached))


def test_a_goal_that_was_not_measured_is_open() -> None:
    assert [goals.judge(each, "3.13", {})["verdict"] for each in goals.GOALS] == ["open"] * len(goals.GOALS)


def test_the_floor_is_no_peer() -> None:
    every = goals.against("requests_per_second")
    assert every(rates(100.0, 50.0, 40.0)) == 2.0


def test_missed_goals_are_counted_and_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record(tmp_path, rates(99.0, 50.0, 40.0))
    assert goals.run(tmp_path) == 1
    printed = capsys.readouterr().out
    assert "Python 3.13" in printed
    assert "13-byte answer, req/s to uvicorn and granian >= 2.00 1.98 missed" in " ".join(printed.split())


def test_the_comparison_as_markdown(tmp_path: Path) -> None:
    old = Interpreter("python", Path(), {}, "3.9.1", "CPython", {})
    record(tmp_path, rates(1.0, 1.0, 1.0), python=old)
    record(tmp_path, rates(100_000.0, 50_000.0, 40_000.0))
    lines = comparison.render(tmp_path).splitlines()
    assert lines[:3] == [
        "| requests per second | fastcorn | uvicorn | granian | C floor |",
        "|---|---:|---:|---:|---:|",
        "| 13-byte answer | **100,000** | 50,000 | 40,000 | 1,000,000 |",
    ]
    assert lines[-1].startswith("CPython 3.13.1, ")
    assert lines[-1].endswith(": fastcorn 0.1, uvicorn 9.9.")


def test_the_comparison_over_http2(tmp_path: Path) -> None:
    record(tmp_path, rates(1.0, 1.0, 1.0))
    rows: dict[str, Row] = {**rates(90_000.0, 30_000.0, 20_000.0), "nghttpd": {"requests_per_second": 150_000.0}}
    record(tmp_path, rows, command="http2")
    record(tmp_path, rates(80_000.0, 10_000.0, 5_000.0), "browser", command="http2")
    assert comparison.render(tmp_path).splitlines()[-7:-1] == [
        "| HTTP/2, requests per second | fastcorn | uvicorn | granian | nghttpd (C, files) |",
        "|---|---:|---:|---:|---:|",
        "| 13-byte answer | **90,000** | 30,000 | 20,000 | 150,000 |",
        "| browser-like request, 17 fields | **80,000** | 10,000 | 5,000 | - |",
        "| CPU per request (13 bytes), µs | **8.00** | 20.0 | 18.0 | - |",
        "",
    ]


def test_no_comparison_without_results(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="run `python -m bench http1` first"):
        comparison.render(tmp_path)


def test_only_what_is_between_the_marks_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    path.write_text(f"a\n{comparison.BEGIN}\nold\n{comparison.END}\nb\n", encoding="utf-8")
    comparison.write(path, "new\n")
    comparison.write(path, "newer\n")
    assert path.read_text(encoding="utf-8") == f"a\n{comparison.BEGIN}\nnewer\n{comparison.END}\nb\n"


@pytest.mark.parametrize("text", ["", comparison.BEGIN, f"{comparison.END} {comparison.BEGIN}"])
def test_missing_marks_are_named(text: str) -> None:
    with pytest.raises(BenchError, match="comparison: begin"):
        comparison.replace_marked(text, "new")


def test_a_file_that_cannot_be_rewritten_is_named(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="cannot rewrite .*none.md: No such file"):
        comparison.write(tmp_path / "none.md", "new")


def test_a_saved_file_is_plain_json(tmp_path: Path) -> None:
    record(tmp_path, rates(1.0, 2.0, 3.0))
    content = json.loads((tmp_path / "http1-3.13.json").read_text(encoding="utf-8"))
    assert content["hello"]["options"] == {"rounds": 1}
