# SPDX-License-Identifier: MIT
"""examples/hello.py: the page is complete, tells the truth, and shows what a client sent as text only."""

import importlib.util
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx
import pytest

from fastcorn.testing import TestServer, serve

HELLO = Path(__file__).resolve().parents[2] / "examples" / "hello.py"


@pytest.fixture(scope="module")
def server() -> Any:
    with serve(f"{HELLO}:app", errorlog=None) as running:
        yield running


class Text(HTMLParser):
    """The text of a page, and whether its tags are balanced."""

    UNCLOSED = frozenset({"meta", "li", "tr", "th", "td"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text = ""
        self.tags: list[str] = []
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_page_shows_protocol_scope_and_timings(server: TestServer) -> None:
    with httpx.Client() as client:
        first = client.get(server.url)
        answer = client.get(f"{server.url}/caf%C3%A9?q=1", headers={"x-mine": "yes"})
    page = Text(answer.text)
    assert first.status_code == answer.status_code == 200
    assert page.open == []
    assert "script" not in page.tags
    for part in ("HTTP/1.1", "'/café'", "b'/caf%C3%A9'", "b'q=1'", "x-mine", "yes", "spec_version: 2.5", "µs"):
        assert part in page.text
    assert answer.headers["server-timing"].startswith("page;dur=")
    assert int(answer.headers["content-length"]) == len(answer.content)


def test_what_a_client_sends_is_text(server: TestServer) -> None:
    attack = "<script>alert(1)</script>"
    answer = httpx.get(f"{server.url}/{attack}", params={"q": attack}, headers={"x-mine": attack})
    assert "script" not in Text(answer.text).tags
    assert attack in Text(answer.text).text


def test_head_has_no_body(server: TestServer) -> None:
    answer = httpx.head(server.url)
    assert answer.content == b""
    assert int(answer.headers["content-length"]) > 1000


def test_page_works_without_a_lifespan() -> None:
    with serve(f"{HELLO}:app", lifespan="off", errorlog=None) as running:
        assert "first page" in httpx.get(running.url).text


def test_module_imports_only_the_standard_library() -> None:
    spec = importlib.util.spec_from_file_location("hello_example", HELLO)
    assert spec is not None
    assert spec.loader is not None
    assert "import fastcorn" not in HELLO.read_text(encoding="utf-8")
