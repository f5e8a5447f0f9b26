# SPDX-License-Identifier: MIT
"""bench.summary: medians, spread, ratios, slopes."""

import pytest

from bench.summary import median, ratio, slope, spread


@pytest.mark.parametrize(("samples", "expected"), [([3.0], 3.0), ([1.0, 9.0, 2.0], 2.0), ([1.0, 2.0, 3.0, 10.0], 2.5)])
def test_median(samples: list[float], expected: float) -> None:
    assert median(samples) == expected


@pytest.mark.parametrize(
    ("samples", "expected"), [([], 0.0), ([5.0], 0.0), ([9.0, 10.0, 12.0], 0.3), ([0.0, 0.0], 0.0)]
)
def test_spread(samples: list[float], expected: float) -> None:
    assert spread(samples) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("value", "base", "expected"), [(6.0, 3.0, 2.0), (None, 3.0, None), (6.0, None, None), (6.0, 0.0, None)]
)
def test_ratio(value: float | None, base: float | None, expected: float | None) -> None:
    assert ratio(value, base) == expected


def test_slope_of_a_line_and_of_noise_around_it() -> None:
    assert slope([(0.0, 5.0), (10.0, 25.0)]) == pytest.approx(2.0)
    noisy = [(float(x), 3.0 * x + (1.0 if x % 2 else -1.0)) for x in range(40)]
    assert slope(noisy) == pytest.approx(3.0, abs=0.01)
    assert slope([(0.0, 7.0), (1.0, 7.0), (2.0, 7.0)]) == 0.0


@pytest.mark.parametrize("points", [[], [(1.0, 2.0)], [(1.0, 2.0), (1.0, 9.0)]])
def test_a_slope_needs_two_places(points: list[tuple[float, float]]) -> None:
    with pytest.raises(ValueError, match="two different x"):
        slope(points)
