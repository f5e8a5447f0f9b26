# SPDX-License-Identifier: MIT
"""bench.apps: what the measured applications send, driven without a server."""

import asyncio
import importlib
import zlib
from typing import Any

import pytest

from bench import apps
from bench.works import WORKS


def drive(app: Any, scope: dict[str, Any], messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []
    incoming = iter(messages)

    async def receive() -> dict[str, Any]:
        return next(incoming)

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    return sent


def http(path: str = "/", length: int | None = None) -> dict[str, Any]:
    headers = [] if length is None else [(b"content-length", b"%d" % length)]
    return {"type": "http", "path": path, "headers": headers}


def pieces(*bodies: bytes) -> list[dict[str, Any]]:
    last = len(bodies) - 1
    return [{"type": "http.request", "body": body, "more_body": i < last} for i, body in enumerate(bodies)]


def body_of(sent: list[dict[str, Any]]) -> bytes:
    assert sent[0]["type"] == "http.response.start"
    assert sent[0]["status"] == 200
    assert [message.get("more_body", False) for message in sent[1:]] == [True] * (len(sent) - 2) + [False]
    body = b"".join(message["body"] for message in sent[1:])
    lengths = [value for name, value in sent[0]["headers"] if name == b"content-length"]
    assert lengths in ([], [b"%d" % len(body)])
    return body


RAW = ["hello", "ten_kib", "echo", "sleep", "slow_reader", "download"]


@pytest.mark.parametrize("name", RAW)
def test_lifespan(name: str) -> None:
    sent = drive(
        getattr(apps, name), {"type": "lifespan"}, [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    )
    assert [message["type"] for message in sent] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


@pytest.mark.parametrize(("name", "size"), [("hello", 13), ("ten_kib", 10240), ("sleep", 13), ("download", 13)])
def test_plain_answers(name: str, size: int) -> None:
    assert len(body_of(drive(getattr(apps, name), http(), []))) == size


def test_an_echo_keeps_its_pieces_and_copies_them() -> None:
    first = b"abc" * 10
    sent = drive(apps.echo, http(length=34), pieces(first, b"defg"))
    assert body_of(sent) == first + b"defg"
    assert [message["body"] for message in sent[1:]] == [first, b"defg"]
    assert sent[1]["body"] is not first


def test_a_slow_reader_counts_what_it_read() -> None:
    assert body_of(drive(apps.slow_reader, http(), pieces(b"abc", b"", b"d"))) == b"4 %08x" % zlib.crc32(b"abcd")


@pytest.mark.parametrize("size", [1, 65536, 65537, 200_000])
def test_a_download_has_the_size_of_its_path(size: int) -> None:
    body = body_of(drive(apps.download, http(f"/{size}"), []))
    assert body == (apps.PIECE * 4)[:size]


@pytest.mark.parametrize("app", sorted({work.app for work in WORKS}))
def test_the_application_of_every_work_exists(app: str) -> None:
    module, _, name = app.partition(":")
    assert callable(getattr(importlib.import_module(module), name))
