# SPDX-License-Identifier: MIT
"""bench.chart: the SVG is well formed, complete, and stays inside its frame."""

from pathlib import Path
from xml.etree import ElementTree

import pytest

from bench import chart, results
from bench.interpreter import Interpreter
from bench.results import Results, Row
from bench.works import WORKS

SVG = "{http://www.w3.org/2000/svg}"
PYTHON = Interpreter("python", Path(), {}, "3.13.1", "CPy & <thon>", {})


def results_of(parts: dict[str, dict[str, Row]]) -> Results:
    recorder = results.Recorder("http1", PYTHON, None, {})
    for part, rows in parts.items():
        recorder.record(part, rows)
    return recorder.results


def rate(value: float) -> Row:
    return {"requests_per_second": value}


def texts(root: ElementTree.Element) -> list[str]:
    return [element.text or "" for element in root.iter(f"{SVG}text")]


def test_bars_are_in_proportion_and_fastest_first() -> None:
    rows = {
        "uvicorn": rate(50_000.0),
        "fastcorn": rate(100_000.0),
        "floor": rate(200_000.0),
        "granian": Row(error="no"),
    }
    root = ElementTree.fromstring(chart.draw(results_of({"hello": rows})))
    bars = [element for element in root.iter(f"{SVG}rect") if element.get("class", "").startswith("bar")]
    assert [bar.get("class") for bar in bars] == ["bar-floor", "bar-own", "bar"]
    widths = [float(bar.get("width", "0")) for bar in bars]
    assert widths == pytest.approx([chart.BAR_MOST, chart.BAR_MOST / 2, chart.BAR_MOST / 4], abs=0.1)
    assert {"13-byte answer", "C floor", "fastcorn", f"100,000 · 2.00 {chart.TIMES}", "50,000"} <= {*texts(root)}
    assert not any("granian" in text for text in texts(root))


def test_every_work_has_a_panel_inside_the_frame() -> None:
    rows = {name: rate(1_234_567.0) for name in ("fastcorn", "uvicorn", "hypercorn", "gunicorn", "socketify")}
    root = ElementTree.fromstring(chart.draw(results_of({work.name: rows for work in WORKS})))
    assert [title for title in texts(root) if title in {work.title for work in WORKS}] == [w.title for w in WORKS]
    height = float(root.get("height", "0"))
    for element in (*root.iter(f"{SVG}rect"), *root.iter(f"{SVG}text")):
        right = float(element.get("x", "0")) + float(element.get("width", "0"))
        assert 0 <= right <= chart.WIDTH
        assert 0 <= float(element.get("y", "0")) <= height


def test_the_chart_has_a_text_alternative_and_follows_the_scheme() -> None:
    drawn = chart.draw(results_of({"hello": {"fastcorn": rate(1000.0)}}))
    root = ElementTree.fromstring(drawn)
    description = root.find(f"{SVG}desc")
    assert description is not None
    assert description.text == "13-byte answer: fastcorn 1,000"
    assert root.get("role") == "img"
    assert "prefers-color-scheme:dark" in drawn


def test_names_are_escaped() -> None:
    root = ElementTree.fromstring(chart.draw(results_of({"hello": {"fastcorn": rate(1.0)}})))
    assert any(text.startswith("CPy & <thon> 3.13.1") for text in texts(root))


@pytest.mark.parametrize(
    "parts", [{}, {"hello": {"fastcorn": Row(error="ended")}}, {"unknown": {"fastcorn": rate(1.0)}}]
)
def test_without_figures_it_says_what_to_run(parts: dict[str, dict[str, Row]]) -> None:
    root = ElementTree.fromstring(chart.draw(results_of(parts)))
    assert "No results yet: run python -m bench http1." in texts(root)
