# SPDX-License-Identifier: MIT
"""The request that a worker answers to itself before it listens (fastcorn.worker.warmup)."""

import asyncio
import logging
from typing import Any

import pytest

from fastcorn.asgi.application import wrap
from fastcorn.config import Config, ConfigError
from fastcorn.errors import EXIT_STARTUP, WarmupError
from fastcorn.worker.serving import serve_worker
from fastcorn.worker.worker import Worker
from tests.loops import each_loop, run_on, until


class App:
    """Answers with a status; keeps what happens, and the scopes of requests."""

    def __init__(self, status: int = 200) -> None:
        self.status = status
        self.events: list[str] = []
        self.scopes: list[Any] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            for stage in ("startup", "shutdown"):
                await receive()
                self.events.append(stage)
                await send({"type": f"lifespan.{stage}.complete"})
            return
        self.scopes.append(scope)
        self.events.append("request")
        await self.answer(send)

    async def answer(self, send: Any) -> None:
        await send({"type": "http.response.start", "status": self.status})
        for _ in range(100):
            await send({"type": "http.response.body", "body": b"x" * 10_000, "more_body": True})
        await send({"type": "http.response.body"})


class Silent(App):
    async def answer(self, send: Any) -> None:
        await asyncio.Event().wait()


class Broken(App):
    async def answer(self, send: Any) -> None:
        raise ValueError("no database")


class Endless(App):
    async def answer(self, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200})
        while True:
            await send({"type": "http.response.body", "body": b"x", "more_body": True})
            await asyncio.sleep(0)


def make(app: Any, **settings: Any) -> Worker:
    log = logging.getLogger("test.warmup")
    log.setLevel(logging.INFO)
    return Worker(wrap(app), Config(bind="127.0.0.1:0", errorlog=log, accesslog=log, **settings))


@each_loop
def test_it_comes_after_the_startup_and_before_listening(loop_name: str, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        app = App()
        worker = make(app, warmup="GET /health?deep=1", server_names=["shop.example"])
        await worker.start()
        assert app.events == ["startup", "request"]
        await worker.stop()
        assert app.events == ["startup", "request", "shutdown"]
        (scope,) = app.scopes
        assert (scope["method"], scope["path"], scope["query_string"]) == ("GET", "/health", b"deep=1")
        assert (b"host", b"shop.example") in scope["headers"]
        assert (b"user-agent", b"fastcorn-warmup") in scope["headers"]

    run_on(loop_name, main)
    lines = [record.getMessage() for record in caplog.records]
    assert [line for line in lines if line.startswith("warm-up: GET /health?deep=1 is answered with 200 after ")]
    assert [line for line in lines if "fastcorn-warmup" in line and "GET /health 1.1" in line], "the access log"


@pytest.mark.parametrize("status", [200, 204, 302, 399])
def test_statuses_below_400_are_well(status: int) -> None:
    async def main() -> None:
        app = App(status)
        worker = make(app, warmup="HEAD /")
        await worker.start()
        assert app.scopes[0]["method"] == "HEAD"
        assert (b"host", b"localhost") in app.scopes[0]["headers"]
        await worker.stop()

    run_on("asyncio", main)


@pytest.mark.parametrize(
    ("app", "problem"),
    [
        (App(404), "is answered with 404"),
        (App(503), "is answered with 503"),
        (Broken(), "is answered with 500"),
        (Silent(), r"is not answered within 0\.05 s \(setting startup_timeout\)"),
        (Endless(), r"is not answered within 0\.05 s \(setting startup_timeout\)"),
    ],
    ids=["404", "503", "broken", "silent", "endless"],
)
def test_anything_else_fails_the_start(app: App, problem: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The application is shut down again and nothing ever listened."""

    async def main() -> None:
        app.events.clear()
        worker = make(app, warmup="/ready", startup_timeout=0.05, graceful_timeout=0.01)
        with pytest.raises(
            WarmupError, match=f"^the warm-up request GET /ready {problem}; the application is not ready"
        ):
            await worker.start()
        assert worker.urls == []
        assert app.events == ["startup", "request", "shutdown"]

    run_on("asyncio", main)
    assert WarmupError.exit_code == EXIT_STARTUP


def test_a_connection_that_closes_without_an_answer() -> None:
    class Closing(asyncio.Protocol):
        def __init__(self, context: Any) -> None: ...

        def connection_made(self, transport: Any) -> None:
            transport.abort()

    async def main() -> None:
        worker = Worker(wrap(App()), Config(bind="127.0.0.1:0", errorlog=None, warmup="/"), connection_class=Closing)
        with pytest.raises(WarmupError, match="^the warm-up request GET / is not answered: "):
            await worker.start()

    run_on("asyncio", main)


def test_a_stop_during_it_gives_the_start_up() -> None:
    async def main() -> None:
        app, stop = Silent(), asyncio.Event()
        worker = make(app, warmup="/", graceful_timeout=0.01)
        serving = asyncio.create_task(serve_worker(worker, asyncio.Event().wait, stop_requested=stop))
        await until(lambda: "request" in app.events)
        stop.set()
        assert await serving == 0
        assert app.events == ["startup", "request", "shutdown"]

    run_on("asyncio", main)


def test_a_reload_warms_up_too() -> None:
    async def main() -> None:
        old, new = App(), App(500)
        worker = make(old, warmup="/")
        await worker.start()
        with pytest.raises(WarmupError, match="is answered with 500"):
            await worker.reload(wrap(new))
        assert new.events == ["startup", "request", "shutdown"]
        assert "shutdown" not in old.events
        good = App()
        await worker.reload(wrap(good))
        assert good.events == ["startup", "request"]
        await worker.stop()

    run_on("asyncio", main)


@pytest.mark.parametrize("text", ["health", "GET", "GET health", "GET /a b", "G3T /", "GET /é", "GET http://x/"])
def test_wrong_text_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="^warmup: "):
        Config(warmup=text).freeze()


def test_the_error_names_the_form() -> None:
    with pytest.raises(ConfigError, match="must be a method and a path, not 'health', or off; for example GET /health"):
        Config(warmup="health").freeze()


@pytest.mark.parametrize(("text", "meant"), [("/", "GET /"), ("get /x", "GET /x"), (" HEAD  /x?y ", "HEAD /x?y")])
def test_forms(text: str, meant: str) -> None:
    assert Config(warmup=text).freeze().warmup == meant
