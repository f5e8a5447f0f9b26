# SPDX-License-Identifier: MIT
"""The kinds of work that `http1` measures: application, request and number of connections of each."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.errors import BenchError


@dataclass(frozen=True)
class Work:
    """One kind of work.

    Attributes:
        name: as given to --work.
        title: for tables and charts.
        app: the application.
        path: request target.
        connections: kept open by wrk.
        script: Lua script that shapes the requests; none is a plain GET.
        depth: requests in one write.
        floor: whether the C floor can stand in for the application.
    """

    name: str
    title: str
    app: str
    path: str = "/"
    connections: int = 64
    script: str = ""
    depth: int = 1
    floor: bool = False


WORKS: tuple[Work, ...] = (
    Work("hello", "13-byte answer", "bench.apps:hello", floor=True),
    Work("10kib", "10 KiB answer", "bench.apps:ten_kib", floor=True),
    Work("echo", "POST 10 KiB, echoed as a stream", "bench.apps:echo", script="post.lua"),
    Work("pipelined", "pipelined, 16 deep", "bench.apps:hello", script="pipeline.lua", depth=16),
    Work("browser", "browser-like request, 11 fields", "bench.apps:hello", script="browser.lua", floor=True),
    Work("sleep", "10 ms of waiting, 512 connections", "bench.apps:sleep", connections=512),
    Work("starlette", "Starlette JSON route", "bench.app_starlette:app", path="/json"),
    Work("fastapi", "FastAPI JSON route", "bench.app_fastapi:app", path="/json"),
)


def choose_works(names: Sequence[str] | None) -> list[Work]:
    """The works named by the user, or all.

    Raises:
        BenchError: a name is unknown.
    """
    known = {work.name: work for work in WORKS}
    for name in names or ():
        if name not in known:
            raise BenchError(f"unknown work {name!r}; known are {', '.join(known)}")
    return [known[name] for name in dict.fromkeys(names)] if names is not None else list(WORKS)
