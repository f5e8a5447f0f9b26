# SPDX-License-Identifier: MIT
"""The application of tests/e2e/test_http2.py: versions, echoes, many MiB, a page with many resources.

Imported by the tests, and copied into a folder as main.py where a process of its own serves it.
"""

from __future__ import annotations

from typing import Any

MIB = 1024 * 1024
PIECE = bytes(range(256)) * 256  # 64 KiB
RESOURCES = 80


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Says its version, echoes, sends many MiB, counts an upload; a page with many resources."""
    path = scope["path"]
    if path == "/echo":
        await echo(receive, send)
        return
    body, kind = f"{scope['http_version']} {scope['scheme']} {path}".encode(), b"text/plain"
    if path.startswith("/send/"):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(int(path.removeprefix("/send/"))):
            for _ in range(MIB // len(PIECE)):
                await send({"type": "http.response.body", "body": PIECE, "more_body": True})
        await send({"type": "http.response.body"})
        return
    if path == "/count":
        body = b"%d" % await count(receive)
    elif path == "/page":
        body, kind = page(), b"text/html"
    elif path.startswith("/resource/"):
        body, kind = path.removeprefix("/resource/").encode() * 5000, b"text/css"
    fields = [(b"content-type", kind), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": fields})
    await send({"type": "http.response.body", "body": body})


async def echo(receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    more = True
    while more:
        event = await receive()
        if event["type"] == "http.disconnect":
            return
        more = event["more_body"]
        await send({"type": "http.response.body", "body": event["body"], "more_body": more})


async def count(receive: Any) -> int:
    size, more = 0, True
    while more:
        event = await receive()
        assert event["type"] == "http.request", event
        size += len(event["body"])
        more = event["more_body"]
    return size


def page() -> bytes:
    """A page that is complete when all its resources have come; its title then says how many, and over what."""
    links = "".join(f"<link rel=stylesheet href=/resource/{n}>" for n in range(RESOURCES))
    script = (
        "onload = () => {const all = performance.getEntriesByType('resource');"
        "document.title = all.length + ' ' + [...new Set(all.map(each => each.nextHopProtocol))].join()}"
    )
    return f"<!doctype html><title>loading</title><script>{script}</script>{links}<p>page".encode()
