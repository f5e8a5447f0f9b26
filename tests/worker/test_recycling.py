# SPDX-License-Identifier: MIT
"""When a worker asks to be replaced: requests, time, memory (fastcorn.worker.recycling)."""

import asyncio
import logging
import mmap
import random
from typing import Any

import pytest

from fastcorn.asgi.application import wrap
from fastcorn.config import Config
from fastcorn.worker import recycling
from fastcorn.worker.recycling import Recycling, resident_bytes
from fastcorn.worker.worker import Worker
from tests.loops import each_loop, run_on, turns, until

GET = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"
log = logging.getLogger("test.recycling")


async def app(scope: Any, receive: Any, send: Any) -> None:
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


def make(reasons: list[str], now: float = 0.0, seed: int = 1, **settings: Any) -> Recycling:
    return Recycling(Config(**settings).freeze(), now, reasons.append, log=log, random_source=random.Random(seed))


def worker_of(**settings: Any) -> Worker:
    return Worker(wrap(app), Config(bind="127.0.0.1:0", errorlog=log, accesslog=None, **settings))


async def ask(worker: Worker, count: int) -> None:
    """Sends requests on one connection, each after the answer to the one before."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(worker.urls[0].rpartition(":")[2]))
    for _ in range(count):
        writer.write(GET)
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200")
        assert await reader.readexactly(2) == b"ok"
    writer.close()


def test_nothing_is_wanted_by_default() -> None:
    reasons: list[str] = []
    made = make(reasons)
    made.check(1e9)
    assert (reasons, made.requests) == ([], 0)


def test_jitter_is_added_up_to_its_whole() -> None:
    counts = {make([], seed=seed, max_requests=10, max_requests_jitter=3).requests for seed in range(100)}
    assert counts == {10, 11, 12, 13}
    assert {make([], seed=seed, max_requests=10).requests for seed in range(10)} == {10}


def test_lifetimes_differ_by_a_tenth() -> None:
    ends = [make([], now=1000.0, seed=seed, max_worker_lifetime=100).ends_at for seed in range(200)]
    assert all(end is not None and 1090 <= end <= 1110 for end in ends)
    assert max(end or 0 for end in ends) - min(end or 0 for end in ends) > 15


def test_lifetime_is_told_once() -> None:
    reasons: list[str] = []
    made = make(reasons, max_worker_lifetime=100)
    made.check(89.0)
    assert reasons == []
    made.check(111.0)
    made.check(112.0)
    assert reasons == ["it has served for 100 s (max_worker_lifetime)"]


def test_memory_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    reasons: list[str] = []
    used = 100 * 2**20
    monkeypatch.setattr(recycling, "resident_bytes", lambda: used)
    made = make(reasons, max_worker_rss="200MiB")
    made.check(1.0)
    used = 200 * 2**20
    made.check(2.0)
    assert reasons == []
    used += 2**20
    made.check(3.0)
    made.check(4.0)
    assert reasons == ["it uses 201 MiB (max_worker_rss)"]


def test_memory_that_a_fresh_worker_uses_is_no_reason(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Else its successor would be replaced too, and so on for ever."""
    reasons: list[str] = []
    monkeypatch.setattr(recycling, "resident_bytes", lambda: 300 * 2**20)
    made = make(reasons, max_worker_rss="200MiB")
    made.check(1.0)
    assert reasons == []
    assert "max_worker_rss (200 MiB) has no effect: this worker uses 300 MiB before its first request" in caplog.text


def test_resident_memory_is_that_of_this_process() -> None:
    before = resident_bytes()
    assert 2**20 < before < 2**34
    # Pages of its own: the allocator would take what other tests have left, which is resident already.
    with mmap.mmap(-1, 32 * 2**20) as block:
        block.write(b"x" * len(block))
        assert resident_bytes() > before + 16 * 2**20


def test_resident_memory_without_proc(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_proc(*args: Any) -> Any:
        raise FileNotFoundError

    monkeypatch.setattr("builtins.open", no_proc)
    assert 2**20 < resident_bytes() < 2**34


@each_loop
def test_requests_are_counted_and_the_worker_goes_on(loop_name: str) -> None:
    async def main() -> None:
        reasons: list[str] = []
        worker = worker_of(max_requests=3)
        worker.on_recycle = reasons.append
        await worker.start()
        await ask(worker, 2)
        await turns()
        assert reasons == []
        await ask(worker, 1)
        await until(lambda: bool(reasons))
        await ask(worker, 5)
        await turns()
        assert reasons == ["it has served 3 requests (max_requests)"]
        await worker.stop()

    run_on(loop_name, main)


def test_the_warm_up_is_not_counted() -> None:
    async def main() -> None:
        reasons: list[str] = []
        worker = worker_of(max_requests=1, warmup="/")
        worker.on_recycle = reasons.append
        await worker.start()
        await turns()
        assert reasons == []
        await ask(worker, 1)
        await until(lambda: bool(reasons))
        await worker.stop()

    run_on("asyncio", main)


@pytest.mark.parametrize("name", ["max_requests", "max_worker_lifetime", "max_worker_rss"])
def test_a_worker_that_nobody_replaces_says_so(name: str, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        worker = worker_of(**{name: 2**20})
        await worker.start()
        await ask(worker, 1)
        await worker.stop()

    run_on("asyncio", main)
    assert caplog.text.count(f"{name} has no effect here: nobody replaces this worker") == 1
