# SPDX-License-Identifier: MIT
"""A worker's whole life: triggers, signals, cancellation, and the exit codes (fastcorn.worker.serving)."""

import asyncio
import logging
import signal
from typing import Any

import pytest

from fastcorn.asgi.application import wrap
from fastcorn.asyncio import serve
from fastcorn.config import Config, ConfigError
from fastcorn.errors import LifespanFailureError
from fastcorn.trio import serve as trio_serve
from fastcorn.worker.serving import serve_worker
from fastcorn.worker.worker import Worker
from tests.loops import LIMIT_SECONDS, each_loop, run_on, turns, until


class App:
    """Its lifespan waits at gates; keeps what happens."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.startup_gate = asyncio.Event()
        self.shutdown_gate = asyncio.Event()
        self.startup_gate.set()
        self.shutdown_gate.set()
        self.answer = "complete"

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        for stage, gate in (("startup", self.startup_gate), ("shutdown", self.shutdown_gate)):
            await receive()
            self.events.append(stage)
            try:
                await gate.wait()
            finally:
                self.events.append(f"{stage} ends")
            await send({"type": f"lifespan.{stage}.{self.answer}"})


@pytest.fixture
def log() -> logging.Logger:
    logger = logging.getLogger("test.serving")
    logger.setLevel(logging.INFO)
    return logger


def config_of(log: logging.Logger, **settings: Any) -> Config:
    return Config(bind="127.0.0.1:0", errorlog=log, **settings)


def make(app: Any, log: logging.Logger, **settings: Any) -> Worker:
    return Worker(wrap(app), config_of(log, **settings))


WHOLE_LIFE = ["startup", "startup ends", "shutdown", "shutdown ends"]


@each_loop
def test_trigger_stops(loop_name: str, log: logging.Logger) -> None:
    async def main() -> None:
        app, trigger = App(), asyncio.Event()
        worker = make(app, log)
        serving = asyncio.create_task(serve_worker(worker, trigger.wait))
        await until(lambda: bool(worker.urls))
        trigger.set()
        assert await serving == 0
        assert app.events == WHOLE_LIFE

    run_on(loop_name, main)


@each_loop
def test_error_of_a_trigger_is_raised_after_the_stop(loop_name: str, log: logging.Logger) -> None:
    async def main() -> None:
        app = App()
        worker = make(app, log)

        async def trigger() -> None:
            await until(lambda: bool(worker.urls))
            raise ValueError("the trigger failed")

        with pytest.raises(ValueError, match="the trigger failed"):
            await serve_worker(worker, trigger)
        assert app.events == WHOLE_LIFE

    run_on(loop_name, main)


@each_loop
def test_cancellation_stops_gracefully(loop_name: str, log: logging.Logger) -> None:
    async def main() -> None:
        app = App()
        worker = make(app, log)
        serving = asyncio.create_task(serve_worker(worker, asyncio.Event().wait))
        await until(lambda: bool(worker.urls))
        serving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await serving
        assert app.events == WHOLE_LIFE

    run_on(loop_name, main)


@each_loop
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_stops_with_code_0(loop_name: str, number: int, log: logging.Logger) -> None:
    async def main() -> None:
        app = App()
        worker = make(app, log)
        serving = asyncio.create_task(serve_worker(worker))
        await until(lambda: bool(worker.urls))
        signal.raise_signal(number)
        assert await serving == 0
        assert app.events == WHOLE_LIFE

    run_on(loop_name, main)


@each_loop
def test_signal_during_the_startup_gives_it_up(loop_name: str, log: logging.Logger) -> None:
    async def main() -> None:
        app = App()
        app.startup_gate.clear()
        worker = make(app, log)
        serving = asyncio.create_task(serve_worker(worker))
        await until(lambda: app.events == ["startup"])
        signal.raise_signal(signal.SIGTERM)
        assert await serving == 0
        assert app.events == ["startup", "startup ends"]
        assert worker.urls == []

    run_on(loop_name, main)


def test_second_signal_during_a_startup_that_ignores_the_first(log: logging.Logger) -> None:
    async def main() -> None:
        tasks_before = len(asyncio.all_tasks())
        release = asyncio.Event()
        cancelled: list[int] = []

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await receive()
            while not release.is_set():
                try:
                    await release.wait()
                except asyncio.CancelledError:
                    cancelled.append(1)

        worker = make(app, log)
        serving = asyncio.create_task(serve_worker(worker))
        await until(lambda: worker._generation.lifespan._received)
        signal.raise_signal(signal.SIGINT)
        await until(lambda: cancelled == [1])
        signal.raise_signal(signal.SIGINT)
        assert await serving == 128 + signal.SIGINT
        release.set()
        await until(lambda: len(asyncio.all_tasks()) == tasks_before)

    run_on("asyncio", main)


@each_loop
def test_second_signal_cuts_the_stop_short(loop_name: str, log: logging.Logger) -> None:
    async def main() -> None:
        entered = asyncio.Event()

        async def app(scope: Any, receive: Any, send: Any) -> None:
            assert scope["type"] == "http"
            entered.set()
            await asyncio.Event().wait()

        worker = make(app, log, graceful_timeout=10 * LIMIT_SECONDS)
        serving = asyncio.create_task(serve_worker(worker))
        await until(lambda: bool(worker.urls))
        reader, writer = await asyncio.open_connection("127.0.0.1", int(worker.urls[0].rpartition(":")[2]))
        writer.write(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        await entered.wait()
        signal.raise_signal(signal.SIGTERM)
        await turns()
        assert not serving.done()
        signal.raise_signal(signal.SIGTERM)
        assert await serving == 128 + signal.SIGTERM
        await asyncio.wait({asyncio.ensure_future(reader.read())}, timeout=LIMIT_SECONDS)
        writer.close()

    run_on(loop_name, main)


def test_failed_start_is_raised(log: logging.Logger) -> None:
    async def main() -> None:
        app = App()
        app.answer = "failed"
        with pytest.raises(LifespanFailureError):
            await serve_worker(make(app, log), asyncio.Event().wait)

    run_on("asyncio", main)


def test_cancelled_start_leaves_nothing(log: logging.Logger) -> None:
    async def main() -> None:
        app = App()
        app.startup_gate.clear()
        worker = make(app, log)
        serving = asyncio.create_task(serve_worker(worker, asyncio.Event().wait))
        await until(lambda: app.events == ["startup"])
        serving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await serving
        assert app.events == ["startup", "startup ends"]

    run_on("asyncio", main)


def test_second_cancellation_forces(log: logging.Logger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fastcorn.worker.generation.FORCED_LIFESPAN_SECONDS", 0.01)

    async def main() -> None:
        app = App()
        app.shutdown_gate.clear()
        worker = make(app, log)
        serving = asyncio.create_task(serve_worker(worker, asyncio.Event().wait))
        await until(lambda: bool(worker.urls))
        serving.cancel()
        await until(lambda: "shutdown" in app.events)
        serving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await serving
        assert app.events == WHOLE_LIFE

    run_on("asyncio", main)


@each_loop
def test_serve_as_hypercorn_has_it(loop_name: str, log: logging.Logger, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        app, trigger = App(), asyncio.Event()
        serving = asyncio.create_task(serve(app, config_of(log), shutdown_trigger=trigger.wait))
        await until(lambda: "Running on" in caplog.text)
        trigger.set()
        await serving
        assert app.events == WHOLE_LIFE

    run_on(loop_name, main)


@pytest.mark.parametrize(("name", "value"), [("workers", 2), ("debug", True)])
def test_serve_warns_of_what_has_no_effect(name: str, value: Any, log: logging.Logger) -> None:
    async def main() -> None:
        async def trigger() -> None: ...

        with pytest.warns(UserWarning, match=f"^{name} has no effect in serve"):
            await serve(App(), config_of(log, **{name: value}), shutdown_trigger=trigger)

    run_on("asyncio", main)


def test_serve_refuses_what_must_not_be_ignored(log: logging.Logger) -> None:
    async def main() -> None:
        with pytest.raises(ConfigError, match="certfile"):
            await serve(App(), config_of(log, certfile="cert.pem"))

    run_on("asyncio", main)


def test_serve_takes_wsgi(log: logging.Logger, caplog: pytest.LogCaptureFixture) -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return [b"wsgi"]

    async def main() -> None:
        async def trigger() -> None:
            await until(lambda: "Running on" in caplog.text)

        await serve(app, config_of(log), shutdown_trigger=trigger, mode="wsgi")

    run_on("asyncio", main)


def test_trio_names_what_to_use(log: logging.Logger) -> None:
    coroutine = trio_serve(App(), config_of(log))
    with pytest.raises(ConfigError, match=r"trio worker is not available yet; use fastcorn\.asyncio\.serve"):
        coroutine.send(None)
