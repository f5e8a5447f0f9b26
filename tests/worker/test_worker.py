# SPDX-License-Identifier: MIT
"""A worker with real connections: the order of its start and its stop, draining, limits, reload."""

import asyncio
import logging
import re
import socket
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from fastcorn.asgi.application import Application, wrap
from fastcorn.config import AddressError, Config
from fastcorn.errors import LifespanFailureError, LifespanTimeoutError
from fastcorn.worker import generation
from fastcorn.worker.worker import Worker
from tests.loops import LIMIT_SECONDS, bound_socket, each_loop, run_on, turns, until

GET = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"


class App:
    """Keeps what happens; answers "ok", after a gate where there is one."""

    def __init__(self, name: str = "ok") -> None:
        self.name = name.encode()
        self.events: list[str] = []
        self.gate: asyncio.Event | None = None
        self.fail_startup = False
        self.fail_shutdown = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self.lifespan(receive, send)
            return
        self.events.append("request")
        try:
            if self.gate is not None:
                await self.gate.wait()
        except asyncio.CancelledError:
            self.events.append("cancelled")
            raise
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": self.name})
        self.events.append("response")

    async def lifespan(self, receive: Any, send: Any) -> None:
        await receive()
        self.events.append("startup")
        await send({"type": "lifespan.startup.failed" if self.fail_startup else "lifespan.startup.complete"})
        await receive()
        self.events.append("shutdown")
        await send({"type": "lifespan.shutdown.failed" if self.fail_shutdown else "lifespan.shutdown.complete"})


@pytest.fixture
def log() -> logging.Logger:
    """The error log of the workers; caplog sees it."""
    logger = logging.getLogger("test.worker")
    logger.setLevel(logging.INFO)
    return logger


def make(app: Any, log: logging.Logger, **settings: Any) -> Worker:
    config = Config(bind=settings.pop("bind", "127.0.0.1:0"), errorlog=log, accesslog=None, **settings)
    return Worker(wrap(app), config)


class Client:
    """A connection of asyncio's streams to a worker."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def open(cls, worker: Worker) -> "Client":
        return cls(*await asyncio.open_connection("127.0.0.1", int(worker.urls[0].rpartition(":")[2])))

    async def get(self) -> bytes:
        """One answer: its head and two bytes of body."""
        self.writer.write(GET)
        return await self.answer()

    async def answer(self) -> bytes:
        head = await self.reader.readuntil(b"\r\n\r\n")
        return head + await self.reader.readexactly(2)

    async def close(self) -> None:
        self.writer.close()
        await asyncio.wait({asyncio.ensure_future(self.writer.wait_closed())}, timeout=LIMIT_SECONDS)


Main = Callable[[], Coroutine[Any, Any, None]]


@each_loop
def test_serves_and_stops_in_order(loop_name: str, log: logging.Logger, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        app = App()
        worker = make(app, log)
        assert worker.urls == []
        await worker.start()
        assert app.events == ["startup"]
        client = await Client.open(worker)
        assert (await client.get()).endswith(b"ok")
        await worker.stop()
        assert await client.reader.read() == b""  # an idle connection is closed at once
        assert app.events == ["startup", "request", "response", "shutdown"]
        await worker.stop()
        await client.close()
        (line,) = [record.getMessage() for record in caplog.records]
        assert re.fullmatch(r"Running on http://127\.0\.0\.1:\d+ \(CTRL \+ C to quit\)", line)

    run_on(loop_name, main)


@each_loop
def test_address_in_use_is_found_before_the_application_starts(loop_name: str, log: logging.Logger) -> None:
    async def main() -> None:
        taken = bound_socket()
        taken.listen()
        app = App()
        worker = make(app, log, bind=f"127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(AddressError, match=r"^bind: cannot listen on 127\.0\.0\.1:\d+: address already in use"):
            await worker.start()
        assert app.events == []
        taken.close()

    run_on(loop_name, main)


@each_loop
def test_address_taken_meanwhile_stops_the_application_again(loop_name: str, log: logging.Logger) -> None:
    """Two sockets may be bound to one port while none listens; the one that listens first has it."""

    async def main() -> None:
        app = App()
        worker = make(app, log)
        rival = socket.socket()
        rival.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        create_sockets = worker._config.create_sockets

        def create_and_lose() -> Any:
            sockets = create_sockets()
            rival.bind(sockets.insecure_sockets[0].getsockname())
            rival.listen()
            return sockets

        worker._config.__dict__["create_sockets"] = create_and_lose
        with pytest.raises(AddressError, match="address already in use"):
            await worker.start()
        assert app.events == ["startup", "shutdown"]
        rival.close()

    run_on(loop_name, main)


@each_loop
def test_failed_startup_closes_the_sockets(loop_name: str, log: logging.Logger, tmp_path: Path) -> None:
    async def main() -> None:
        app = App()
        app.fail_startup = True
        worker = make(app, log, bind=f"unix:{tmp_path}/s")
        with pytest.raises(LifespanFailureError):
            await worker.start()
        assert not (tmp_path / "s").exists()
        assert app.events == ["startup"]

    run_on(loop_name, main)


@each_loop
def test_unix_socket_is_removed(loop_name: str, log: logging.Logger, tmp_path: Path) -> None:
    async def main() -> None:
        worker = make(App(), log, bind=f"unix:{tmp_path}/s")
        await worker.start()
        assert worker.urls == [f"http://unix:{tmp_path}/s"]
        client = Client(*await asyncio.open_unix_connection(str(tmp_path / "s")))
        assert (await client.get()).endswith(b"ok")
        await worker.stop()
        assert not (tmp_path / "s").exists()
        await client.close()

    run_on(loop_name, main)


@each_loop
def test_several_addresses(loop_name: str, log: logging.Logger) -> None:
    async def main() -> None:
        worker = make(App(), log, bind=["127.0.0.1:0", "127.0.0.1:0"])
        await worker.start()
        assert len(set(worker.urls)) == 2
        await worker.stop()

    run_on(loop_name, main)


@each_loop
def test_running_request_is_answered_and_new_connections_are_refused(loop_name: str, log: logging.Logger) -> None:
    async def main() -> None:
        app = App()
        app.gate = asyncio.Event()
        worker = make(app, log)
        await worker.start()
        port = int(worker.urls[0].rpartition(":")[2])
        client = await Client.open(worker)
        client.writer.write(GET)
        await until(lambda: "request" in app.events)
        stopping = asyncio.create_task(worker.stop())
        await turns()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)
        assert not stopping.done()
        app.gate.set()
        answer = await client.answer()
        assert answer.endswith(b"ok")
        assert b"\r\nconnection: close\r\n" in answer
        await stopping
        assert app.events[-2:] == ["response", "shutdown"]
        await client.close()

    run_on(loop_name, main)


@each_loop
def test_requests_that_wait_to_be_accepted_are_answered(loop_name: str, log: logging.Logger) -> None:
    async def main() -> None:
        worker = make(App(), log)
        await worker.start()
        worker.listeners[0].pause()
        await turns()
        clients = [await Client.open(worker) for _ in range(20)]
        for client in clients:
            client.writer.write(GET)
        await turns()
        await worker.stop()
        answers = [await client.answer() for client in clients]
        assert all(answer.endswith(b"ok") for answer in answers)
        for client in clients:
            await client.close()

    run_on(loop_name, main)


@each_loop
def test_graceful_timeout_cancels_what_still_runs(
    loop_name: str, log: logging.Logger, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        app = App()
        app.gate = asyncio.Event()
        worker = make(app, log, graceful_timeout=0.05)
        await worker.start()
        client = await Client.open(worker)
        client.writer.write(GET)
        await until(lambda: "request" in app.events)
        await worker.stop()
        assert app.events == ["startup", "request", "cancelled", "shutdown"]
        await client.reader.read()
        await client.close()

    run_on(loop_name, main)
    assert "graceful_timeout (0.05 s) is over: closing 1 connections, cancelling 1 requests" in caplog.text


@each_loop
def test_application_that_ignores_its_cancellation_does_not_hold_the_stop(
    loop_name: str, log: logging.Logger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generation, "CANCEL_SECONDS", 0.05)

    async def main() -> None:
        release = asyncio.Event()
        entered = asyncio.Event()

        async def app(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "lifespan":
                return
            entered.set()
            while not release.is_set():
                try:
                    await release.wait()
                except asyncio.CancelledError:
                    continue

        worker = make(app, log, graceful_timeout=0.05)
        await worker.start()
        client = await Client.open(worker)
        client.writer.write(GET)
        await entered.wait()
        await worker.stop()
        assert await client.reader.read() == b""
        release.set()
        await turns()
        await client.close()

    run_on(loop_name, main)


@each_loop
def test_force_cuts_a_stop_short(loop_name: str, log: logging.Logger) -> None:
    async def main() -> None:
        app = App()
        app.gate = asyncio.Event()
        worker = make(app, log, graceful_timeout=10 * LIMIT_SECONDS)
        await worker.start()
        client = await Client.open(worker)
        client.writer.write(GET)
        await until(lambda: "request" in app.events)
        stopping = asyncio.create_task(worker.stop())
        await turns()
        worker.force()
        await stopping
        assert app.events == ["startup", "request", "cancelled", "shutdown"]
        await client.close()

    run_on(loop_name, main)


def test_force_cuts_the_shutdown_of_an_application_short(log: logging.Logger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generation, "FORCED_LIFESPAN_SECONDS", 0.01)

    async def main() -> None:
        asked = asyncio.Event()

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            asked.set()
            await asyncio.Event().wait()

        worker = make(app, log)
        await worker.start()
        stopping = asyncio.create_task(worker.stop())
        await asked.wait()
        worker.force()
        with pytest.raises(Exception, match="the application's shutdown was cut short"):
            await stopping

    run_on("asyncio", main)


def test_failed_shutdown_is_raised(log: logging.Logger) -> None:
    async def main() -> None:
        app = App()
        app.fail_shutdown = True
        worker = make(app, log)
        await worker.start()
        with pytest.raises(LifespanFailureError, match="failed its shutdown"):
            await worker.stop()

    run_on("asyncio", main)


def test_shutdown_timeout_is_raised(log: logging.Logger) -> None:
    async def main() -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await asyncio.Event().wait()

        worker = make(app, log, shutdown_timeout=0.01)
        await worker.start()
        with pytest.raises(LifespanTimeoutError):
            await worker.stop()

    run_on("asyncio", main)


def test_stop_goes_on_when_its_caller_is_cancelled(log: logging.Logger) -> None:
    async def main() -> None:
        app = App()
        app.gate = asyncio.Event()
        worker = make(app, log)
        await worker.start()
        client = await Client.open(worker)
        client.writer.write(GET)
        await until(lambda: "request" in app.events)
        stopping = asyncio.create_task(worker.stop())
        await turns()
        stopping.cancel()
        with pytest.raises(asyncio.CancelledError):
            await stopping
        app.gate.set()
        assert (await client.answer()).endswith(b"ok")
        await worker.stop()
        assert app.events[-1] == "shutdown"
        await client.close()

    run_on("asyncio", main)


def test_stop_before_start_is_no_error(log: logging.Logger) -> None:
    async def main() -> None:
        app = App()
        await make(app, log).stop()
        assert app.events == []

    run_on("asyncio", main)


@each_loop
def test_max_connections_lets_others_wait(loop_name: str, log: logging.Logger) -> None:
    async def main() -> None:
        app = App()
        worker = make(app, log, max_connections=2)
        await worker.start()
        clients = [await Client.open(worker) for _ in range(4)]
        for client in clients:
            client.writer.write(GET)
        await until(lambda: app.events.count("response") == 2)
        await turns()
        assert len(worker.context.connections) == 2
        assert app.events.count("request") == 2
        served = [client for client in clients if await has_data(client)]
        assert len(served) == 2
        for client in served:
            await client.close()
        await until(lambda: app.events.count("response") == 4)
        await worker.stop()
        for client in clients:
            await client.close()

    run_on(loop_name, main)


async def has_data(client: Client) -> bool:
    """Whether an answer has come; the server has sent it already when this is asked."""
    waiting = asyncio.ensure_future(client.reader.read(1))
    await turns()
    if not waiting.done():
        waiting.cancel()
        await asyncio.wait({waiting})
        return False
    return bool(waiting.result())


def test_tick_runs_once_a_second_and_survives_errors(
    log: logging.Logger, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    delays: list[float] = []

    class Context:
        connections: set[Any] = set()
        active_requests = 0
        when_idle: Any = None
        stopping = asyncio.Event()
        ticks = 0

        def __init__(self, *args: Any, **kwargs: Any) -> None: ...

        def tick(self) -> None:
            Context.ticks += 1
            if Context.ticks == 1:
                raise ValueError("clock")

        def announce_drain(self) -> None: ...

        def begin_drain(self) -> None:
            self.when_idle()

        def abort_all(self) -> None: ...

        cancel_all = abort_all

    async def main() -> None:
        loop = asyncio.get_running_loop()
        call_later = loop.call_later

        def soon(delay: float, callback: Any, *args: Any, **kwargs: Any) -> Any:
            if getattr(callback, "__name__", "") == "_tick":
                delays.append(delay)
                delay = 0.001
            return call_later(delay, callback, *args, **kwargs)

        monkeypatch.setattr(loop, "call_later", soon)
        application = Application(App(), "asgi3", "", "app")
        worker = Worker(application, Config(bind="127.0.0.1:0", errorlog=log), context_class=Context)
        await worker.start()
        await until(lambda: Context.ticks > 3)
        await worker.stop()
        stopped_at = Context.ticks
        await turns()
        await asyncio.sleep(0.005)
        assert Context.ticks == stopped_at

    run_on("asyncio", main)
    assert all(0 < delay <= 1.001 for delay in delays)
    assert caplog.text.count("an error in the server's clock") == 1


def test_hint_is_logged(log: logging.Logger, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        def app(*args: Any) -> Any:
            return App()(*args)

        worker = make(app, log)
        await worker.start()
        await worker.stop()

    run_on("asyncio", main)
    assert caplog.text.count("taken for ASGI") == 1


@each_loop
def test_reload_swaps_the_application_without_closing_the_socket(loop_name: str, log: logging.Logger) -> None:
    async def main() -> None:
        old, new = App("v1"), App("v2")
        old.gate = asyncio.Event()
        worker = make(old, log)
        await worker.start()
        urls = worker.urls
        running = await Client.open(worker)
        running.writer.write(GET)
        await until(lambda: "request" in old.events)
        await worker.reload(wrap(new))
        assert worker.urls == urls
        fresh = await Client.open(worker)
        assert (await fresh.get()).endswith(b"v2")
        assert old.events == ["startup", "request"]
        old.gate.set()
        answer = await running.answer()
        assert answer.endswith(b"v1")
        assert b"connection: close" in answer
        await until(lambda: old.events[-1] == "shutdown")
        assert "shutdown" not in new.events
        await worker.stop()
        assert new.events[-1] == "shutdown"
        await running.close()
        await fresh.close()

    run_on(loop_name, main)


@each_loop
def test_reload_that_fails_keeps_the_old_application(loop_name: str, log: logging.Logger) -> None:
    async def main() -> None:
        old, new = App("v1"), App("v2")
        new.fail_startup = True
        worker = make(old, log)
        await worker.start()
        with pytest.raises(LifespanFailureError):
            await worker.reload(wrap(new))
        client = await Client.open(worker)
        assert (await client.get()).endswith(b"v1")
        await worker.stop()
        await client.close()

    run_on(loop_name, main)


@each_loop
def test_the_clock_goes_on_for_connections_from_before_a_reload(loop_name: str, log: logging.Logger) -> None:
    """Who has connected and sent nothing gets a moment, not graceful_timeout."""

    async def main() -> None:
        worker = make(App("v1"), log, graceful_timeout=10 * LIMIT_SECONDS)
        await worker.start()
        client = await Client.open(worker)
        before = worker.context
        await until(lambda: len(before.connections) == 1)
        await worker.reload(wrap(App("v2")))
        assert worker.context is not before
        assert await asyncio.wait_for(client.reader.read(), LIMIT_SECONDS) == b""
        await until(lambda: not worker._retiring)
        await worker.stop()
        await client.close()

    run_on(loop_name, main)


def test_stop_waits_for_the_application_that_a_reload_replaced(log: logging.Logger) -> None:
    async def main() -> None:
        old, new = App("v1"), App("v2")
        old.gate = asyncio.Event()
        worker = make(old, log, max_connections=5)
        await worker.start()
        client = await Client.open(worker)
        client.writer.write(GET)
        await until(lambda: "request" in old.events)
        config = Config(bind="127.0.0.1:0", errorlog=log, max_connections=5, graceful_timeout=LIMIT_SECONDS)
        await worker.reload(wrap(new), config)
        stopping = asyncio.create_task(worker.stop())
        await turns()
        assert not stopping.done()
        old.gate.set()
        assert (await client.answer()).endswith(b"v1")
        await stopping
        assert (old.events[-1], new.events) == ("shutdown", ["startup", "shutdown"])
        await client.close()

    run_on("asyncio", main)


def test_state_of_the_lifespan_reaches_requests(log: logging.Logger) -> None:
    async def main() -> None:
        seen: list[Any] = []

        async def app(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "lifespan":
                await receive()
                scope["state"]["pool"] = "open"
                await send({"type": "lifespan.startup.complete"})
                await receive()
                await send({"type": "lifespan.shutdown.complete"})
                return
            seen.append(scope["state"])
            scope["state"]["mine"] = True
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
            await send({"type": "http.response.body", "body": b"ok"})

        worker = make(app, log)
        await worker.start()
        client = await Client.open(worker)
        await client.get()
        await client.get()
        await worker.stop()
        await client.close()
        assert [state["pool"] for state in seen] == ["open", "open"]
        assert seen[0] is not seen[1]

    run_on("asyncio", main)
