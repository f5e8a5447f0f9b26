# SPDX-License-Identifier: MIT
"""Numbers: counts, durations in seconds, sizes in bytes, rates in bytes a second.

Durations and sizes may carry a unit wherever they are written (command line, environment, TOML, Python): "2m", "16MiB".
Hot code keeps them in C integers, so each has an upper bound that fits.
"""

from __future__ import annotations

from fastcorn.config.kinds.base import Kind, shown

YEAR = 365 * 86400.0
DURATION_UNITS = {"ms": 1, "s": 1000, "m": 60_000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}
SIZE_UNITS = {
    "": 1, "b": 1,
    "k": 2**10, "kib": 2**10, "m": 2**20, "mib": 2**20, "g": 2**30, "gib": 2**30, "t": 2**40, "tib": 2**40,
    "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12,
}  # fmt: skip
DIGITS = "0123456789."


class Number(Kind):
    """What the numbers share: bounds, and 0 meaning off where off is a value."""

    def __init__(self, *, least: float, most: float, optional: bool = False) -> None:
        super().__init__(optional=optional)
        self.least = least
        self.most = most

    def bounded(self, number: float, value: object) -> None:
        if not self.least <= number <= self.most:
            least, most = self.show_given(self.least), self.show_given(self.most)
            off = ", or off" if self.optional else ""
            raise ValueError(f"must be from {least} to {most}{off}, not {shown(value)}")


class Count(Number):
    noun = "a whole number"
    annotation = "int"
    metavar = "N"
    example = "100"

    def __init__(self, *, least: int = 0, most: int = 2**31 - 1, optional: bool = False) -> None:
        super().__init__(least=least, most=most, optional=optional)

    def parse_given(self, text: str) -> object:
        digits = text.strip().replace("_", "")
        if not digits.isascii() or not digits.removeprefix("-").isdecimal():
            raise self.wrong(text)
        return int(digits) if len(digits) < 20 else 2**63

    def check_given(self, value: object) -> object:
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.wrong(value)
        if value == 0 and self.optional:
            return None
        self.bounded(value, value)
        return int(value)

    def show_given(self, value: object) -> str:
        return f"{value:.0f}" if isinstance(value, float) else str(value)


class ProcessCount(Count):
    """A number of processes; "auto" is the number of processors that this process may use, resolved at once."""

    noun = "a whole number or auto"
    example = "4"

    def parse_given(self, text: str) -> object:
        if text.strip().lower() != "auto":
            return super().parse_given(text)
        from fastcorn.config.processors import usable_processors

        return min(usable_processors(), int(self.most))

    def check_given(self, value: object) -> object:
        return super().check_given(self.parse_given(value) if isinstance(value, str) else value)


class Duration(Number):
    noun = "a duration"
    annotation = "float"
    metavar = "SECONDS"
    unit = "seconds"
    example = "5, 2.5, 500ms, 30s, 2m or 1h30m"

    def __init__(self, *, least: float = 0.0, most: float = YEAR, optional: bool = False) -> None:
        super().__init__(least=least, most=most, optional=optional)

    def parse_given(self, text: str) -> object:
        compact = text.strip().lower().replace(" ", "")
        plain = compact and not compact.strip(DIGITS)
        rest = compact + "s" if plain else compact
        milliseconds = 0.0
        try:
            while rest:
                number, unit, rest = next_measure(rest)
                digits, scale = exact(number)
                milliseconds += digits * DURATION_UNITS[unit] / scale
        except (KeyError, ValueError):
            raise self.wrong(text) from None
        if not compact:
            raise self.wrong(text)
        return milliseconds / 1000

    def check_given(self, value: object) -> object:
        given = value
        if isinstance(value, str):
            value = self.parse(value)
            if value is None:
                return None
        elif hasattr(value, "total_seconds"):
            value = value.total_seconds()
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise self.wrong(given)
        if value == 0 and self.optional:
            return None
        self.bounded(value, given)
        return float(value)

    def show_given(self, value: object) -> str:
        assert isinstance(value, (int, float))
        text = f"{value:.0f}" if value == int(value) else repr(value)
        return f"{value:.12f}s" if "e" in text else f"{text}s"


class Size(Number):
    noun = "a size"
    annotation = "int"
    metavar = "BYTES"
    unit = "bytes"
    example = "65536, 64KiB or 16MiB"

    def __init__(self, *, least: int = 1, most: int = 2**31 - 1, optional: bool = False) -> None:
        super().__init__(least=least, most=most, optional=optional)

    def parse_given(self, text: str) -> object:
        compact = text.strip().lower().replace(" ", "").removesuffix("/s")
        try:
            number, unit, rest = next_measure(compact)
            digits, scale = exact(number)
            size, fraction = divmod(digits * SIZE_UNITS[unit], scale)
        except (KeyError, ValueError):
            raise self.wrong(text) from None
        if rest or fraction:
            raise self.wrong(text)
        return size

    def check_given(self, value: object) -> object:
        given = value
        if isinstance(value, str):
            value = self.parse(value)
            if value is None:
                return None
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.wrong(given)
        if value == 0 and self.optional:
            return None
        self.bounded(value, given)
        return int(value)

    def show_given(self, value: object) -> str:
        assert isinstance(value, (int, float))
        for unit, factor in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
            if value >= factor and value % factor == 0:
                return f"{int(value) // factor}{unit}"
        return str(int(value))


class Rate(Size):
    noun = "a rate in bytes a second"
    metavar = "BYTES/S"
    unit = "bytes per second"
    example = "500, 16KiB or 1MiB"


def next_measure(text: str) -> tuple[str, str, str]:
    """Splits "1h30m" into its first number, its unit and the rest ("1", "h", "30m")."""
    rest = text.lstrip(DIGITS)
    number = text[: len(text) - len(rest)]
    length = 0
    while length < len(rest) and rest[length] not in DIGITS:
        length += 1
    return number, rest[:length], rest[length:]


def exact(number: str) -> tuple[int, int]:
    """A decimal number as digits and power of ten: "1.5" is 15 / 10. No float, so that sizes stay whole.

    Raises:
        ValueError: it is no number, or longer than one that means something.
    """
    whole, _, fraction = number.partition(".")
    if len(number) > 20 or "." in fraction or not whole + fraction:
        raise ValueError(number)
    return int(whole + fraction), 10 ** len(fraction)
