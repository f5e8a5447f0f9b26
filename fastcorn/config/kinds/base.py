# SPDX-License-Identifier: MIT
"""The interface of a kind of value. Called by the table's settings; calls nothing."""

from __future__ import annotations

OFF_WORDS = ("off", "none", "")


class Kind:
    """One kind of value.

    Attributes:
        noun: the kind in the words of an error ("a duration").
        annotation: the type of a checked value as written in Python, without the None of optional ones.
        metavar: the placeholder of the command line's help.
        unit: the unit of the value, or "".
        optional: None is a value and means off; as text it is written off, none or nothing.
        many: the value is a list; on the command line the flag is repeated.
        example: a value that parse accepts, for the docs and the tests.
    """

    noun = "a value"
    annotation = "object"
    metavar = "VALUE"
    unit = ""
    many = False
    example = ""
    off_words: tuple[str, ...] = OFF_WORDS

    def __init__(self, *, optional: bool = False) -> None:
        self.optional = optional

    def parse(self, text: str) -> object:
        """The value that a text of the command line or of the environment stands for.

        Raises:
            ValueError: what the text must be instead.
        """
        if self.optional and text.strip().lower() in self.off_words:
            return None
        return self.check_given(self.parse_given(text))

    def check(self, value: object) -> object:
        """The value in its one form (a new list, a float), from Python or a file; "off" is for TOML, which has no None.

        Raises:
            ValueError: what the value must be instead.
        """
        if value is None or (self.optional and isinstance(value, str) and value.strip().lower() in self.off_words):
            if self.optional:
                return None
            raise ValueError(f"must be {self.noun}, not None")
        return self.check_given(value)

    def show(self, value: object) -> str:
        """The value as a text that parse reads back."""
        return "off" if value is None else self.show_given(value)

    def parse_given(self, text: str) -> object:
        return text

    def check_given(self, value: object) -> object:
        return value

    def show_given(self, value: object) -> str:
        return str(value)

    def masked(self, value: object) -> object:
        """The value without the secrets in it, to be shown."""
        return value

    def wrong(self, value: object) -> ValueError:
        """The error for a value of the wrong type or form."""
        remedy = f", or off; for example {self.example}" if self.optional else f"; for example {self.example}"
        return ValueError(f"must be {self.noun}, not {shown(value)}{remedy if self.example else ''}")


def shown(value: object, limit: int = 60) -> str:
    """A value for an error text: its repr on one line, shortened."""
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 3] + "..."
