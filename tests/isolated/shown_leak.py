# SPDX-License-Identifier: MIT
"""Keeps an object each round and must be found out: shows that test_isolated would see a leak."""

from tests.isolated.growth import check

kept: list[list[int]] = []


def work() -> None:
    kept.extend([number] for number in range(100))


check(work)
