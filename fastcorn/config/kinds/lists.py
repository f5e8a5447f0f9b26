# SPDX-License-Identifier: MIT
"""Lists: texts, addresses to listen on, header fields. One text stands for a list of one; a check makes a new list.

Kinds of values; see fastcorn.config.kinds.base.
"""

from __future__ import annotations

from fastcorn.config.addresses import parse_address
from fastcorn.config.kinds.base import Kind, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

TOKEN_MARKS = "!#$%&'*+-.^_`|~"


class Texts(Kind):
    """A list of texts. A text of the environment or a flag is split at commas, or at line ends if items hold commas."""

    noun = "a list of texts"
    annotation = "list[str]"
    metavar = "TEXT"
    many = True
    item = "a text"

    def __init__(self, *, example: str = "text", metavar: str = "TEXT", separator: str = ",") -> None:
        super().__init__()
        self.example = example
        self.metavar = metavar
        self.separator = separator

    def parse_given(self, text: str) -> object:
        return [item.strip() for item in text.split(self.separator) if item.strip()]

    def check_given(self, value: object) -> object:
        if isinstance(value, str):
            return [self.check_item(value)]
        if isinstance(value, (bytes, dict)) or not hasattr(value, "__iter__"):
            raise self.wrong(value)
        items: Iterable[object] = value
        return [self.check_item(item) for item in items]

    def check_item(self, item: object) -> object:
        if not isinstance(item, str) or not item:
            raise ValueError(f"must hold {self.item} in each place, not {shown(item)}; for example {self.example}")
        if any(ord(char) < 32 or ord(char) == 127 for char in item):
            raise ValueError(f"must not hold control characters, not {shown(item)}")
        return item

    def show_given(self, value: object) -> str:
        assert isinstance(value, (list, tuple))
        return self.separator.join(value)


class Addresses(Texts):
    noun = "a list of addresses"
    item = "an address"

    def __init__(self) -> None:
        super().__init__(example="127.0.0.1:8000, [::1]:8000, unix:/run/app.sock or fd://3", metavar="ADDRESS")

    def check_item(self, item: object) -> object:
        text = super().check_item(item)
        assert isinstance(text, str)
        parse_address(text)
        return text


class Networks(Texts):
    """Addresses and networks of peers; `unix` stands for all that come by a unix socket."""

    noun = "a list of addresses and networks"
    item = "an address or a network"

    def __init__(self) -> None:
        super().__init__(example="127.0.0.1, 10.0.0.0/8 or unix", metavar="NETWORK")

    def check_item(self, item: object) -> object:
        import ipaddress

        text = super().check_item(item)
        assert isinstance(text, str)
        if text != "unix":
            try:
                ipaddress.ip_network(text)
            except ValueError as error:
                raise ValueError(f"must hold {self.item} in each place: {error}; for example {self.example}") from None
        return text


class Headers(Texts):
    """Header fields, each a pair or one text "Name: value"; kept as pairs of str. One text is one field."""

    noun = "a list of header fields"
    annotation = "list[tuple[str, str]]"
    item = "a pair of name and value or a text 'Name: value'"

    def __init__(self) -> None:
        super().__init__(example="'X-Frame-Options: DENY'", metavar="'NAME: VALUE'", separator="\n")

    def check_item(self, item: object) -> object:
        if isinstance(item, str):
            name, colon, value = item.partition(":")
            if not colon:
                raise ValueError(f"must be 'Name: value', not {shown(item)}")
            return self.check_pair(name, value, item)
        if isinstance(item, (list, tuple)) and len(item) == 2:
            name, value = item
            if isinstance(name, bytes) and isinstance(value, bytes):
                name, value = name.decode("latin-1"), value.decode("latin-1")
            if isinstance(name, str) and isinstance(value, str):
                return self.check_pair(name, value, item)
        raise ValueError(f"must hold {self.item} in each place, not {shown(item)}; for example {self.example}")

    def check_pair(self, name: str, value: str, item: object) -> tuple[str, str]:
        name, value = name.strip(), value.strip()
        if not name or not all(char.isascii() and (char.isalnum() or char in TOKEN_MARKS) for char in name):
            raise ValueError(f"must have a header name of letters, digits and dashes, not {shown(item)}")
        if any(ord(char) > 255 or (ord(char) < 32 and char != "\t") or ord(char) == 127 for char in value):
            raise ValueError(f"must have a header value of printable Latin-1 characters, not {shown(item)}")
        if name.lower() in {"content-length", "transfer-encoding", "connection"}:
            raise ValueError(f"must not set {name}: the server decides the framing of each answer")
        return name, value

    def show_given(self, value: object) -> str:
        assert isinstance(value, (list, tuple))
        return "\n".join(f"{name}: {text}" for name, text in value)
