# SPDX-License-Identifier: MIT
"""Words: switches, choices, texts, paths. Texts refuse control characters: one in a log line forges another.

Kinds of values; see fastcorn.config.kinds.base.
"""

from __future__ import annotations

from fastcorn.config.kinds.base import Kind, shown
from fastcorn.config.spelling import nearest

TRUE_WORDS = ("true", "yes", "on", "1")
FALSE_WORDS = ("false", "no", "off", "0")


class Boolean(Kind):
    noun = "true or false"
    annotation = "bool"
    metavar = ""
    example = "true"

    def parse_given(self, text: str) -> object:
        word = text.strip().lower()
        if word in TRUE_WORDS:
            return True
        if word in FALSE_WORDS:
            return False
        raise self.wrong(text)

    def check_given(self, value: object) -> object:
        if not isinstance(value, bool):
            raise self.wrong(value)
        return value

    def show_given(self, value: object) -> str:
        return "true" if value else "false"


class Choice(Kind):
    noun = "one of the choices"
    annotation = "str"

    def __init__(self, *choices: str, optional: bool = False) -> None:
        super().__init__(optional=optional)
        self.choices = choices
        self.metavar = "|".join(choices)
        self.example = choices[0]

    def check_given(self, value: object) -> object:
        if isinstance(value, str):
            for choice in self.choices:
                if value.strip().lower() == choice.lower():
                    return choice
        guess = nearest(value, self.choices) if isinstance(value, str) else None
        hint = f"; did you mean {guess}?" if guess else ""
        raise ValueError(f"must be {spoken(self.choices)}, not {shown(value)}{hint}")


class Text(Kind):
    noun = "a text"
    annotation = "str"
    metavar = "TEXT"
    example = "text"

    def __init__(
        self, *, optional: bool = False, example: str = "text", metavar: str = "TEXT", off_word: bool = True
    ) -> None:
        super().__init__(optional=optional)
        self.example = example
        self.metavar = metavar
        if not off_word:  # "off" is a text like any other here: a password, a module
            self.off_words = ("",)

    def check_given(self, value: object) -> object:
        if not isinstance(value, str):
            raise self.wrong(value)
        if any(ord(char) < 32 or ord(char) == 127 for char in value):
            raise ValueError(f"must not hold control characters, not {shown(value)}")
        return value

    def show(self, value: object) -> str:
        return self.off_words[0] if value is None else self.show_given(value)


class FilePath(Text):
    noun = "a path"
    metavar = "PATH"

    def __init__(self, *, optional: bool = True, example: str = "/etc/fastcorn/file", metavar: str = "PATH") -> None:
        super().__init__(optional=optional, example=example, metavar=metavar)

    def check_given(self, value: object) -> object:
        if hasattr(value, "__fspath__"):
            value = value.__fspath__()
        if value == "":
            return super().check_given(value) if not self.optional else None
        return super().check_given(value)


class RootPath(Text):
    """A URL path under which the application is mounted; kept without a trailing slash."""

    noun = "a URL path"

    def __init__(self) -> None:
        super().__init__(example="/api", metavar="PATH")

    def check_given(self, value: object) -> object:
        path = super().check_given(value)
        assert isinstance(path, str)
        if path and not path.startswith("/"):
            raise ValueError(f"must start with a slash, not {shown(value)}; write /{path}")
        return path.rstrip("/")


class RequestLine(Text):
    """A request without a body: a method and a path, or a path alone, which is GET."""

    noun = "a method and a path"

    def __init__(self) -> None:
        super().__init__(optional=True, example="GET /health", metavar="REQUEST")

    def check_given(self, value: object) -> object:
        text = super().check_given(value)
        assert isinstance(text, str)
        words = text.split()
        if len(words) == 1:
            words.insert(0, "GET")
        method, path = words if len(words) == 2 else ("", "")
        if not method.isalpha() or not path.startswith("/") or not text.isascii():
            raise self.wrong(value)
        return f"{method.upper()} {path}"


def spoken(words: tuple[str, ...]) -> str:
    """Words as a phrase: "a, b or c"."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
