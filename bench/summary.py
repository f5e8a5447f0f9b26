# SPDX-License-Identifier: MIT
"""Numbers from samples: medians, spread, ratios and the slope of a line. Called by every command; knows no server."""

from collections.abc import Sequence
from statistics import median

__all__ = ["median", "ratio", "slope", "spread"]


def spread(samples: Sequence[float]) -> float:
    """(largest - smallest) / median: how far rounds lie apart; 0.0 for fewer than two samples or a zero median."""
    middle = median(samples) if samples else 0.0
    return (max(samples) - min(samples)) / middle if len(samples) > 1 and middle else 0.0


def ratio(value: float | None, base: float | None) -> float | None:
    """value / base, or None when either is missing or the base is zero."""
    return value / base if value is not None and base else None


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Least-squares slope of (x, y) points.

    Raises:
        ValueError: fewer than two different x, for which no line is defined.
    """
    count = len(points)
    mean_x = sum(x for x, _ in points) / count if count else 0.0
    mean_y = sum(y for _, y in points) / count if count else 0.0
    width = sum((x - mean_x) ** 2 for x, _ in points)
    if width == 0:
        raise ValueError("a slope needs points at two different x at least")
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / width
