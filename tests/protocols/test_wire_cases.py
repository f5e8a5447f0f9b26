# SPDX-License-Identifier: MIT
"""The wire cases of tests/http1/*.md on H1Connection: whole, byte by byte, and with another request after them.

The format is described in tests/http1/README.md. Answers are read by h11, through tests/exchanges.py.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.applications import body, start
from tests.exchanges import Answer, Http1Client, Receive, Scope, Send
from tests.serving import Serve

FOLDER = Path(__file__).parents[1] / "http1"
CASE = re.compile(r"^## (.+)\n\n```http ?(.*)\n((?:.*\n)*?)```\n```verdict\n((?:.*\n)*?)```$", re.MULTILINE)
ESCAPE = re.compile(r"\\(?:\((.*?)\*(\d+)\)|x([0-9a-f]{2})|([rnt0\\]))")
PLAIN = {"r": "\r", "n": "\n", "t": "\t", "0": "\0", "\\": "\\"}
TAIL = b"GET /tail HTTP/1.1\r\nHost: tail\r\n\r\n"


@dataclass
class Case:
    """One case: `lines` are the expected answers, `end` is "open", "closed" or "waits"."""

    name: str
    data: bytes
    settings: dict[str, int]
    lines: list[list[str]]
    end: str


@dataclass
class Call:
    """A request as the application saw it; `body` is None when its end never came."""

    scope: Scope
    body: bytes | None = None


def unescape(text: str) -> str:
    def replace(found: re.Match[str]) -> str:
        repeated, count, code, plain = found.groups()
        if count:
            return unescape(repeated) * int(count)
        return chr(int(code, 16)) if code else PLAIN[plain]

    return ESCAPE.sub(replace, text)


def bytes_of(block: str) -> bytes:
    text = ""
    for line in block.removesuffix("\n").split("\n"):
        continued = re.search(r"(?<!\\)(?:\\\\)*\\$", line)
        text += line[:-1] if continued else line + r"\r\n"
    return unescape(text).encode("latin-1")


def case_of(name: str, settings: str, block: str, verdict: str) -> Case:
    lines = [shlex.split(line) for line in verdict.splitlines()]
    end = "closed" if lines[-1][0][0] in "45" else "open"
    if lines[-1][0] in ("open", "closed", "waits"):
        end = lines.pop()[0]
    pairs = dict(setting.split("=") for setting in settings.split())
    return Case(name, bytes_of(block), {key: int(value) for key, value in pairs.items()}, lines, end)


def cases_of(path: Path) -> list[Case]:
    text = path.read_text(encoding="utf-8")
    cases = [case_of(f"{path.stem}: {title}", *rest) for title, *rest in CASE.findall(text)]
    assert len(cases) == len(re.findall("^## ", text, re.MULTILINE)), f"{path.name} has a case of another form"
    assert len({case.name for case in cases}) == len(cases), f"{path.name} has two cases of one title"
    return cases


CASES = [case for path in sorted(FOLDER.glob("*.md")) if path.stem != "README" for case in cases_of(path)]


class Echo:
    """Reads each request and answers 200; keeps what it was called with."""

    def __init__(self) -> None:
        self.calls: list[Call] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        call = Call(scope)
        self.calls.append(call)
        data = b""
        while True:
            event = await receive()
            if event["type"] == "http.disconnect":
                return
            data += event["body"]
            if not event["more_body"]:
                break
        call.body = data
        await send(start(200, [(b"content-length", b"2")]))
        await send(body(b"ok"))


def attribute_of(call: Call, name: str) -> str:
    """What a verdict may say of a call."""
    scope = call.scope
    headers: list[tuple[bytes, bytes]] = scope["headers"]
    values: dict[str, Any] = {
        "body": call.body, "query": scope["query_string"], "raw": scope["raw_path"],
        "version": scope["http_version"], "scheme": scope["scheme"], "fields": str(len(headers)),
    }  # fmt: skip
    if name not in values:
        found = [value for key, value in headers if key == name.encode("latin-1")]
        values[name] = b", ".join(found) if found else None
    value = values[name]
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def check_call(call: Call, line: list[str]) -> None:
    _, method, path, *attributes = line
    assert (call.scope["method"], call.scope["path"]) == (unescape(method), unescape(path))
    assert call.body is not None
    for attribute in attributes:
        name, _, value = attribute.partition("=")
        assert attribute_of(call, name) == unescape(value), name


def check_answer(answer: Answer, line: list[str]) -> None:
    assert answer.status == int(line[0]), answer
    assert answer.complete
    if line[0] != "200":
        assert " ".join(line[1:]) in answer.body.decode("ascii")
        assert answer.header(b"content-type") == b"text/plain; charset=utf-8"


def check(client: Http1Client, echo: Echo, case: Case, lines: list[list[str]]) -> None:
    client.methods = [line[1] if line[0] == "200" and line[1] == "HEAD" else "GET" for line in lines]
    answers = client.answers if client.received else []
    assert len(answers) == len(lines), client.received
    calls = [call for call in echo.calls if call.body is not None]
    called = [line for line in lines if line[0] == "200"]
    assert len(calls) == len(called)
    for answer, line in zip(answers, lines, strict=True):
        check_answer(answer, line)
    for call, line in zip(calls, called, strict=True):
        check_call(call, line)
    assert client.ended == (case.end == "closed")


def ids(case: Case) -> str:
    return case.name


@pytest.mark.parametrize("case", CASES, ids=ids)
def test_whole(serve: Serve, case: Case) -> None:
    """The bytes come in one piece."""
    echo = Echo()
    client = serve(echo, h2c=False, **case.settings).connect()
    client.send(case.data)
    check(client, echo, case, case.lines)


@pytest.mark.parametrize("case", CASES, ids=ids)
def test_byte_by_byte(serve: Serve, case: Case) -> None:
    """Each byte comes alone; of a long run of bytes, pieces of 61."""
    echo = Echo()
    client = serve(echo, h2c=False, **case.settings).connect()
    step = 1 if len(case.data) < 1500 else 61
    for place in range(0, len(case.data), step):
        if not client.closed:
            client.transport.deliver(case.data[place : place + step])
    client.driver.settle()
    check(client, echo, case, case.lines)


@pytest.mark.parametrize("case", [case for case in CASES if case.end != "waits"], ids=ids)
def test_with_a_tail(serve: Serve, case: Case) -> None:
    """Another request comes right behind: it is answered when the connection is kept, and else it is not."""
    echo = Echo()
    client = serve(echo, h2c=False, **case.settings).connect()
    client.send(case.data + TAIL)
    tail = [["200", "GET", "/tail", "host=tail"]] if case.end == "open" else []
    check(client, echo, case, case.lines + tail)


def test_there_are_enough_cases() -> None:
    assert len(CASES) >= 300


def test_the_format() -> None:
    """Escapes, repetition and line ends mean what the README says."""
    assert bytes_of("a\\\nb\\\\\n\\(xy*2)\\r\\x00\\0\\t\n") == b"ab\\\r\nxyxy\r\0\0\t\r\n"
    assert bytes_of("\n") == b"\r\n"
    case = case_of("n", "max_target_size=1", "x\n", '200 GET "/a b" body="c d"\nwaits\n')
    assert case.lines == [["200", "GET", "/a b", "body=c d"]]
    assert (case.end, case.settings) == ("waits", {"max_target_size": 1})
    assert case_of("n", "", "x\n", "400 y\n").end == "closed"
