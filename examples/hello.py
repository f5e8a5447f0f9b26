# SPDX-License-Identifier: MIT
"""A page that shows how it was served: the protocol, the scope of the request, and timings. No framework, no script.

Run it with `make serve`, or `fastcorn examples/hello.py:app`, and open http://127.0.0.1:8000. It is a plain ASGI
application; README.md points here as the first thing to try. The timings live in the lifespan's state.
"""

from __future__ import annotations

import html
import os
import platform
import sys
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

STYLE = """
:root { color-scheme: light dark; --ink: #1c1b22; --soft: #6b6873; --line: #e4e1ea; --paper: #fbfaf8; --card: #fff;
  --corn: #d99a00; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #eceaf2; --soft: #a09cab; --line: #34313d; --paper: #17161b; --card: #1f1e25; --corn: #f5c542; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 3.5rem 1.25rem 4rem; }
h1 { font-size: clamp(2rem, 6vw, 3.2rem); line-height: 1.1; margin: 0 0 .5rem; letter-spacing: -.02em; }
h1 em { font-style: normal; color: var(--corn); }
h2 { font-size: .8rem; text-transform: uppercase; letter-spacing: .1em; color: var(--soft); margin: 2.75rem 0 .75rem; }
p.lead { color: var(--soft); margin: 0; max-width: 42rem; }
ul.facts { list-style: none; margin: 2rem 0 0; padding: 0; display: grid; gap: .75rem;
  grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr)); }
ul.facts li { background: var(--card); border: 1px solid var(--line); border-radius: .75rem; padding: .9rem 1rem; }
ul.facts b { display: block; font-size: 1.5rem; font-weight: 650; font-variant-numeric: tabular-nums; }
ul.facts span { color: var(--soft); font-size: .85rem; }
.table { overflow-x: auto; background: var(--card); border: 1px solid var(--line); border-radius: .75rem; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { text-align: left; vertical-align: top; padding: .5rem 1rem; border-top: 1px solid var(--line); }
tr:first-child th, tr:first-child td { border-top: 0; }
th { font-weight: 500; color: var(--soft); white-space: nowrap; width: 1%; }
td { font-family: ui-monospace, "SF Mono", Menlo, Consolas, monospace; overflow-wrap: anywhere; }
footer { margin-top: 2.75rem; color: var(--soft); font-size: .85rem; }
"""

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>fastcorn serves</title>
<style>{style}</style>
<main>
<h1>It pops. <em>fastcorn</em> serves.</h1>
<p class="lead">This page was made by a plain ASGI application for the request that your browser has just sent.
Reload it to see the numbers move.</p>
<ul class="facts">{facts}</ul>
<h2>The scope this page was called with</h2>
<div class="table"><table>{scope}</table></div>
<h2>Header fields of the request</h2>
<div class="table"><table>{headers}</table></div>
<footer>{footer}</footer>
</main>
</html>
"""


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers every path with the page, and takes part in the lifespan."""
    if scope["type"] == "lifespan":
        await keep_time(scope, receive, send)
    elif scope["type"] == "http":
        await show_page(scope, send)
    else:
        raise RuntimeError(f"this page is for HTTP, not for {scope['type']!r}")


async def keep_time(scope: Scope, receive: Receive, send: Send) -> None:
    """The lifespan: its state holds the clock that all requests share."""
    await receive()
    scope["state"]["timings"] = {"started": time.perf_counter(), "pages": 0, "seconds": 0.0}
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


async def show_page(scope: Scope, send: Send) -> None:
    """Answers one request, and counts how long that took."""
    began = time.perf_counter()
    timings = (scope.get("state") or {}).get("timings") or {"started": began, "pages": 0, "seconds": 0.0}
    body = make_page(scope, timings, began).encode()
    headers = [
        (b"content-type", b"text/html; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        (b"server-timing", f"page;dur={(time.perf_counter() - began) * 1000:.3f}".encode()),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
    timings["pages"] += 1
    timings["seconds"] += time.perf_counter() - began


def make_page(scope: Scope, timings: dict[str, Any], began: float) -> str:
    """The page as text."""
    facts = [
        (f"HTTP/{scope['http_version']}", "protocol of this request"),
        (str(timings["pages"] + 1), "pages served, with this one"),
        (mean_time(timings), "mean time from call to answer"),
        (lasting(began - timings["started"]), "since the application started"),
    ]
    rows = [(name, shown(value)) for name, value in scope.items() if name not in ("headers", "state")]
    fields = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
    footer = (
        f"{platform.python_implementation()} {platform.python_version()} on {platform.system()}, "
        f"process {os.getpid()}, loop {loop_name()}"
    )
    return PAGE.format(
        style=STYLE,
        facts="".join(f"<li><b>{html.escape(value)}</b><span>{html.escape(name)}</span></li>" for value, name in facts),
        scope=table(rows),
        headers=table(fields),
        footer=html.escape(footer),
    )


def table(rows: list[tuple[str, str]]) -> str:
    """Rows of a table; everything in them is text, whatever a client sent."""
    return "".join(f"<tr><th>{html.escape(name)}</th><td>{html.escape(value)}</td></tr>" for name, value in rows)


def shown(value: object) -> str:
    """A value of the scope as a reader wants it."""
    if isinstance(value, dict):
        return ", ".join(f"{name}: {part}" if part else str(name) for name, part in value.items()) or "{}"
    return repr(value)


def mean_time(timings: dict[str, Any]) -> str:
    """The mean time of the pages so far."""
    return f"{timings['seconds'] / timings['pages'] * 1e6:.0f} µs" if timings["pages"] else "first page"


def lasting(seconds: float) -> str:
    """A duration in the largest unit that fits."""
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.1f} s"


def loop_name() -> str:
    """The event loop's kind, as far as it can be told without asking the server."""
    return "uvloop" if "uvloop" in sys.modules else "asyncio"
