# SPDX-License-Identifier: MIT
"""examples/chat.py: what members see of each other, over `websockets` and in two pages of a real browser."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from fastcorn.testing import TestServer, serve
from tests.e2e.chromium import Page, chromium
from tests.loops import LIMIT_SECONDS

CHAT = Path(__file__).resolve().parents[2] / "examples" / "chat.py"


@pytest.fixture
def server() -> Iterator[TestServer]:
    with serve(f"{CHAT}:app", errorlog=None) as running:
        yield running


def join(server: TestServer) -> ClientConnection:
    return connect(f"ws://{server.host}:{server.port}/chat", open_timeout=LIMIT_SECONDS, close_timeout=LIMIT_SECONDS)


def heard(member: ClientConnection) -> Any:
    return json.loads(member.recv(timeout=LIMIT_SECONDS))


def test_everyone_hears_everyone(server: TestServer) -> None:
    with join(server) as first:
        assert heard(first) == {"online": 1}
        with join(server) as second:
            assert heard(first) == heard(second) == {"online": 2}
            second.send(json.dumps({"name": " Ada ", "text": "grüße, 🌽"}))
            assert heard(first) == heard(second) == {"name": "Ada", "text": "grüße, 🌽"}
            first.send(json.dumps({"name": "", "text": "hello"}))
            assert heard(first) == heard(second) == {"name": "somebody", "text": "hello"}
        assert heard(first) == {"online": 1}


def exhaust(member: ClientConnection) -> None:
    """Reads until the connection is closed, which raises ConnectionClosed."""
    while True:
        member.recv(timeout=LIMIT_SECONDS)


@pytest.mark.parametrize(
    "message",
    ["", "no json", "[]", "{}", '{"name": 1, "text": "x"}', '{"name": "x", "text": " "}', b"\x00", "x" * 5000],
)
def test_what_no_page_sends_is_refused(server: TestServer, message: str | bytes) -> None:
    with join(server) as other, join(server) as member:
        member.send(message)
        with pytest.raises(ConnectionClosed) as closed:
            exhaust(member)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1008
        while heard(other) != {"online": 1}:
            pass


def test_other_paths(server: TestServer) -> None:
    assert httpx.get(server.url).headers["content-type"] == "text/html; charset=utf-8"
    assert httpx.get(f"{server.url}/other").status_code == 404
    with pytest.raises(InvalidStatus) as refused:
        connect(f"ws://{server.host}:{server.port}/other", open_timeout=LIMIT_SECONDS)
    assert refused.value.response.status_code == 403


def say(page: Page, name: str, text: str) -> None:
    page.wait_for("!document.getElementById('send').disabled")
    for field, value in (("name", name), ("text", text)):
        page.evaluate(f"document.getElementById('{field}').value = {json.dumps(value)}")
    page.evaluate("document.getElementById('form').requestSubmit()")


def shows(text: str) -> str:
    """The expression that tells whether a page shows a text."""
    return f"document.body.innerText.includes({json.dumps(text)})"


@pytest.mark.program("chromium")
def test_two_pages_of_a_browser(server: TestServer, tmp_path: Path) -> None:
    with chromium(tmp_path) as browser:
        first, second = browser.open(server.url), browser.open(server.url)
        first.wait_for(shows("2 online"))
        second.wait_for(shows("2 online"))
        say(first, "Ada", "hello from the first page")
        say(second, "Bea", "<b>markup</b> & grüße 🌽")
        for page in (first, second):
            page.wait_for(shows("hello from the first page"))
            page.wait_for(shows("<b>markup</b> & grüße 🌽"))
            assert page.evaluate("document.getElementById('log').children.length") == 2
        long = "x" * 2000
        say(first, "Ada", long)
        second.wait_for(shows(long))
        first.close()
        second.wait_for(shows("1 online"))
