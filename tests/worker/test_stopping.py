# SPDX-License-Identifier: MIT
"""A stop with every kind of client: those who wait are answered, those who do not leave cannot hold it.

Real sockets. Where a test wants "it did not wait for graceful_timeout", that is far longer than any test may take.
"""

import asyncio
import contextlib
import logging
import os
import socket
import ssl
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from fastcorn.asgi.application import wrap
from fastcorn.asyncio import serve
from fastcorn.config import Config
from fastcorn.errors import ShutdownError
from fastcorn.server import Server
from fastcorn.worker.worker import Worker
from tests.loops import LIMIT_SECONDS, bound_socket, each_loop, run_on, turns, until

GET = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"
FOREVER = 10 * LIMIT_SECONDS
CERTIFICATES = Path(__file__).resolve().parents[1] / "config" / "certificates"

log = logging.getLogger("test.stopping")
log.setLevel(logging.INFO)


class App:
    """Answers with the request's body, or "ok"; at a gate first. Keeps what happens."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.startup_gate = asyncio.Event()
        self.startup_gate.set()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await receive()
            self.events.append("startup")
            await self.startup_gate.wait()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            self.events.append("shutdown")
            await send({"type": "lifespan.shutdown.complete"})
            return
        self.events.append("request")
        try:
            await self.respond(scope, receive, send)
        except asyncio.CancelledError:
            self.events.append("cancelled")
            raise
        self.events.append("response")

    async def respond(self, scope: Any, receive: Any, send: Any) -> None:
        body, message = b"", {"more_body": True}
        while message["more_body"]:
            message = await receive()
            body += message["body"]
        await self.gate.wait()
        body = body or b"ok"
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
        await send({"type": "http.response.body", "body": body})


class Stream(App):
    """An answer of parts, one each time the gate is open, until `last`; it then ends."""

    last = False

    async def respond(self, scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200})
        while not self.last:
            await send({"type": "http.response.body", "body": b"part", "more_body": True})
            self.gate.clear()
            await self.gate.wait()
        await send({"type": "http.response.body", "body": b"last"})


class Flood(App):
    """An answer far larger than what sockets and buffers hold."""

    async def respond(self, scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200})
        while True:
            await send({"type": "http.response.body", "body": b"x" * 2**20, "more_body": True})


class Client:
    """A connection to a worker."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def open(cls, worker: Worker) -> "Client":
        return cls(*await asyncio.open_connection("127.0.0.1", int(worker.urls[0].rpartition(":")[2])))

    async def head(self) -> bytes:
        return await self.reader.readuntil(b"\r\n\r\n")

    async def answer(self) -> bytes:
        return await self.head() + await self.reader.readexactly(2)

    async def close(self) -> None:
        self.writer.close()
        await asyncio.wait({asyncio.ensure_future(self.writer.wait_closed())}, timeout=LIMIT_SECONDS)


def worker_of(app: Any, **settings: Any) -> Worker:
    settings = {"bind": "127.0.0.1:0", "graceful_timeout": FOREVER, **settings}
    return Worker(wrap(app), Config(errorlog=log, accesslog=None, **settings))


@asynccontextmanager
async def started(app: Any, *, clients: int = 1, **settings: Any) -> AsyncIterator[tuple[Worker, list[Client]]]:
    """A worker with clients; what a test leaves is stopped by force."""
    worker = worker_of(app, **settings)
    await worker.start()
    opened = [await Client.open(worker) for _ in range(clients)]
    try:
        yield worker, opened
    finally:
        worker.force()
        await worker.stop()
        for client in opened:
            await client.close()
        assert (len(worker.context.connections), worker.context.active_requests) == (0, 0)


async def refused(worker: Worker) -> bool:
    """Whether new connections are refused by now: that is when a stop has closed the listening sockets."""
    try:
        client = await Client.open(worker)
    except ConnectionRefusedError:
        return True
    await client.close()
    return False


async def begin_stop(worker: Worker) -> asyncio.Task[None]:
    """A stop that has got as far as telling the connections."""
    stopping = asyncio.create_task(worker.stop())
    await until(lambda: bool(worker.context.draining))
    assert not stopping.done()
    return stopping


@each_loop
def test_keep_alive_clients_that_never_close(loop_name: str) -> None:
    """A server that waited for its clients to leave would wait for ever (Python 3.12's wait_closed())."""

    async def main() -> None:
        app = App()
        async with started(app, clients=20) as (worker, clients):
            for client in clients:
                client.writer.write(GET)
                assert b"connection: close" not in await client.answer()
            await worker.stop()
            assert [await client.reader.read() for client in clients] == [b""] * 20
        assert app.events[-1] == "shutdown"

    run_on(loop_name, main)


@each_loop
def test_clients_that_never_send_anything(loop_name: str) -> None:
    async def main() -> None:
        async with started(App(), clients=3) as (worker, clients):
            await until(lambda: len(worker.context.connections) == 3)
            stopping = await begin_stop(worker)
            worker.context.tick(asyncio.get_running_loop().time() + 2)
            await stopping
            assert [await client.reader.read() for client in clients] == [b""] * 3

    run_on(loop_name, main)


@each_loop
def test_a_head_that_was_half_sent_is_answered(loop_name: str) -> None:
    async def main() -> None:
        async with started(App()) as (worker, (client,)):
            client.writer.write(GET[:10])
            await until(lambda: bool(worker.context.connections))
            await turns()
            stopping = await begin_stop(worker)
            client.writer.write(GET[10:])
            answer = await client.answer()
            assert answer.endswith(b"ok")
            assert b"\r\nconnection: close\r\n" in answer
            await stopping

    run_on(loop_name, main)


@each_loop
def test_a_head_that_is_never_finished_cannot_hold_a_stop(loop_name: str) -> None:
    async def main() -> None:
        app = App()
        async with started(app, graceful_timeout=0.05) as (worker, (client,)):
            client.writer.write(GET[:10])
            await until(lambda: bool(worker.context.connections))
            await turns()
            await worker.stop()
            assert app.events == ["startup", "shutdown"]

    run_on(loop_name, main)


@each_loop
def test_a_slow_upload_is_answered(loop_name: str) -> None:
    async def main() -> None:
        app = App()
        async with started(app) as (worker, (client,)):
            client.writer.write(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nab")
            await until(lambda: "request" in app.events)
            stopping = await begin_stop(worker)
            client.writer.write(b"c")
            await turns()
            client.writer.write(b"d")
            head = await client.head()
            assert (await client.reader.read(), b"\r\nconnection: close\r\n" in head) == (b"abcd", True)
            await stopping

    run_on(loop_name, main)


@each_loop
def test_an_upload_that_never_ends_cannot_hold_a_stop(loop_name: str) -> None:
    async def main() -> None:
        app = App()
        async with started(app, graceful_timeout=0.05) as (worker, (client,)):
            client.writer.write(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nab")
            await until(lambda: "request" in app.events)
            await worker.stop()
            assert app.events == ["startup", "request", "cancelled", "shutdown"]

    run_on(loop_name, main)


@each_loop
def test_all_pipelined_requests_are_answered(loop_name: str) -> None:
    async def main() -> None:
        app = App()
        app.gate.clear()
        async with started(app) as (worker, (client,)):
            client.writer.write(GET * 5)
            await until(lambda: "request" in app.events)
            stopping = await begin_stop(worker)
            app.gate.set()
            answers = await client.reader.read()
            await stopping
            assert answers.count(b"HTTP/1.1 200 OK\r\n") == 5
            assert answers.count(b"connection: close") == 1
            assert answers.rpartition(b"HTTP/1.1")[2].count(b"connection: close") == 1

    run_on(loop_name, main)


@each_loop
def test_a_request_that_reaches_an_idle_connection_before_its_close_is_answered(loop_name: str) -> None:
    """It has reached the socket, and the loop has not read it yet when the stop begins."""

    async def main() -> None:
        async with started(App()) as (worker, (client,)):
            client.writer.write(GET)
            await client.answer()
            os.write(client.writer.get_extra_info("socket").fileno(), GET)
            await worker.stop()
            assert (await client.answer()).endswith(b"ok")

    run_on(loop_name, main)


@each_loop
def test_a_stream_may_end(loop_name: str) -> None:
    async def main() -> None:
        app = Stream()
        async with started(app) as (worker, (client,)):
            client.writer.write(GET)
            await until(lambda: not app.gate.is_set())
            stopping = await begin_stop(worker)
            app.last = True
            app.gate.set()
            assert (await client.reader.read()).endswith(b"\r\n4\r\npart\r\n4\r\nlast\r\n0\r\n\r\n")
            await stopping
            assert app.events == ["startup", "request", "response", "shutdown"]

    run_on(loop_name, main)


@each_loop
def test_endless_streams_are_cancelled_and_seen_as_cut(loop_name: str) -> None:
    async def main() -> None:
        app = Stream()
        async with started(app, clients=5, graceful_timeout=0.05) as (worker, clients):
            for client in clients:
                client.writer.write(GET)
            await until(lambda: app.events.count("request") == 5)
            await worker.stop()
            assert app.events.count("cancelled") == 5
            assert app.events[-1] == "shutdown"
            for client in clients:
                with contextlib.suppress(ConnectionResetError):
                    assert not (await client.reader.read()).endswith(b"\r\n0\r\n\r\n")

    run_on(loop_name, main)


@each_loop
def test_a_client_that_never_reads_cannot_hold_a_stop(loop_name: str) -> None:
    async def main() -> None:
        app = Flood()
        async with started(app, clients=0, graceful_timeout=0.05) as (worker, _):
            with socket.create_connection(("127.0.0.1", int(worker.urls[0].rpartition(":")[2]))) as client:
                client.sendall(GET)
                await until(lambda: "request" in app.events)
                await worker.stop()
                assert app.events == ["startup", "request", "cancelled", "shutdown"]

    run_on(loop_name, main)


@each_loop
def test_an_answer_that_is_complete_but_not_taken_cannot_hold_a_stop(loop_name: str) -> None:
    class Large(App):
        async def respond(self, scope: Any, receive: Any, send: Any) -> None:
            await send({"type": "http.response.start", "status": 200})
            await send({"type": "http.response.body", "body": b"x" * 2**25})

    async def main() -> None:
        app = Large()
        async with started(app, clients=0, graceful_timeout=0.05) as (worker, _):
            with socket.create_connection(("127.0.0.1", int(worker.urls[0].rpartition(":")[2]))) as client:
                client.sendall(GET)
                await until(lambda: "request" in app.events)
                await turns()
                await worker.stop()
                assert app.events[-1] == "shutdown"

    run_on(loop_name, main)


def tls_worker(app: App, **settings: Any) -> Worker:
    files = {"certfile": str(CERTIFICATES / "cert.pem"), "keyfile": str(CERTIFICATES / "key.pem")}
    return worker_of(app, **files, **settings)


@each_loop
@pytest.mark.parametrize("forced", [False, True])
def test_tls_handshakes_that_do_not_end_cannot_hold_a_stop(loop_name: str, forced: bool) -> None:
    async def main() -> None:
        app = App()
        worker = tls_worker(app, max_connections=10, graceful_timeout=FOREVER if forced else 0.05)
        await worker.start()
        clients = [await Client.open(worker) for _ in range(3)]
        await until(lambda: len(worker.context.connections) == 3)
        stopping = asyncio.create_task(worker.stop())
        await until(lambda: not worker.ready)
        if forced:
            worker.force()
        await stopping
        assert app.events == ["startup", "shutdown"]
        for client in clients:
            await client.close()

    run_on(loop_name, main)


@each_loop
def test_a_request_over_tls_is_answered_during_a_stop(loop_name: str) -> None:
    async def main() -> None:
        app = App()
        app.gate.clear()
        worker = tls_worker(app)
        await worker.start()
        trusting = ssl.create_default_context(cafile=str(CERTIFICATES / "cert.pem"))
        trusting.check_hostname = False
        port = int(worker.urls[0].rpartition(":")[2])
        client = Client(*await asyncio.open_connection("127.0.0.1", port, ssl=trusting))
        client.writer.write(GET)
        await until(lambda: "request" in app.events)
        stopping = await begin_stop(worker)
        app.gate.set()
        assert (await client.answer()).endswith(b"ok")
        await stopping
        await client.close()

    run_on(loop_name, main)


@each_loop
def test_drain_delay_goes_on_accepting(loop_name: str) -> None:
    async def main() -> None:
        app = App()
        async with started(app, clients=0, drain_delay=FOREVER) as (worker, _):
            told: list[bool] = []
            worker.on_stopping = lambda: told.append(worker.ready)
            assert worker.ready
            stopping = asyncio.create_task(worker.stop())
            await turns()
            assert told == [False]
            client = await Client.open(worker)
            client.writer.write(GET * 2)
            assert b"connection: close" not in await client.answer()
            assert b"connection: close" not in await client.answer()
            assert not stopping.done()
            worker.force()
            await stopping
            assert await client.reader.read() == b""
            assert app.events[-1] == "shutdown"
            await client.close()

    run_on(loop_name, main)


@each_loop
def test_drain_delay_ends(loop_name: str) -> None:
    async def main() -> None:
        async with started(App(), clients=0, drain_delay=0.01) as (worker, _):
            await worker.stop()
            assert await refused(worker)

    run_on(loop_name, main)


@each_loop
def test_applications_learn_of_a_stop(loop_name: str) -> None:
    """A readiness probe answers 503 during drain_delay, and an endless stream ends by itself."""

    class Told(App):
        async def respond(self, scope: Any, receive: Any, send: Any) -> None:
            stopping = scope["extensions"]["fastcorn.stopping"]["event"]
            if scope["path"] == "/stream":
                await send({"type": "http.response.start", "status": 200})
                await send({"type": "http.response.body", "body": b"begun", "more_body": True})
                await stopping.wait()
                await send({"type": "http.response.body", "body": b"ended"})
                return
            status = 503 if stopping.is_set() else 204
            await send({"type": "http.response.start", "status": status})
            await send({"type": "http.response.body"})

    async def main() -> None:
        app = Told()
        async with started(app, clients=3, drain_delay=FOREVER) as (worker, (client, old, stream)):
            client.writer.write(GET)
            assert (await client.head()).startswith(b"HTTP/1.1 204 ")
            old.writer.write(GET.replace(b"1.1", b"1.0"))
            assert (await old.head()).startswith(b"HTTP/1.1 204 ")
            stream.writer.write(GET.replace(b"/ ", b"/stream "))
            await stream.reader.readuntil(b"begun")
            stopping = asyncio.create_task(worker.stop())
            assert (await stream.reader.readuntil(b"0\r\n\r\n")).endswith(b"ended\r\n0\r\n\r\n")
            client.writer.write(GET)
            assert (await client.head()).startswith(b"HTTP/1.1 503 ")
            assert not stopping.done()

    run_on(loop_name, main)


@each_loop
def test_a_queue_that_others_share_is_left_to_them(loop_name: str) -> None:
    """Who is replaced has a successor on the same sockets; it closes at once, without drain_delay."""

    async def main() -> None:
        with bound_socket() as shared:
            shared.listen(100)
            apps = [App(), App()]
            workers = [worker_of(app, bind=f"fd://{shared.dup().detach()}", drain_delay=FOREVER) for app in apps]
            for worker in workers:
                await worker.start()
                worker.listeners[0].pause()
            await turns()
            clients = [await Client.open(workers[0]) for _ in range(10)]
            for client in clients:
                client.writer.write(GET)
            await workers[0].stop(leave_queues=[workers[0].listeners[0].address])
            assert "request" not in apps[0].events
            workers[1].listeners[0].resume()
            assert all([(await client.answer()).endswith(b"ok") for client in clients])
            workers[1].force()
            await workers[1].stop()
            for client in clients:
                await client.close()

    run_on(loop_name, main)


@pytest.mark.parametrize("fails", ["listener", "hook"])
def test_an_error_on_the_way_does_not_stop_the_stop(
    fails: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """One connection or socket with a problem must not cost the others their end, nor the lifespan its shutdown."""

    async def main() -> None:
        app = App()
        app.gate.clear()
        async with started(app) as (worker, (client,)):
            client.writer.write(GET)
            await until(lambda: "request" in app.events)

            def broken(*args: Any, **options: Any) -> Any:
                raise OSError("no such device")

            if fails == "listener":
                monkeypatch.setattr(worker.listeners[0], "close", fail_later)
            else:
                worker.on_stopping = broken
            stopping = await begin_stop(worker)
            app.gate.set()
            assert (await client.answer()).endswith(b"ok")
            await stopping
            assert app.events[-1] == "shutdown"

    async def fail_later(**options: Any) -> None:
        raise OSError("no such device")

    run_on("asyncio", main)
    assert caplog.text.count("OSError: no such device") == 1


def test_both_applications_of_a_reload_get_the_same_time() -> None:
    """The end of the older one is not waited for before the connections of the newer one are told."""

    async def main() -> None:
        old, new = App(), App()
        old.gate.clear()
        new.gate.clear()
        async with started(old, graceful_timeout=FOREVER) as (worker, (client,)):
            client.writer.write(GET)
            await until(lambda: "request" in old.events)
            await worker.reload(wrap(new))
            other = await Client.open(worker)
            other.writer.write(GET)
            await until(lambda: "request" in new.events)
            stopping = await begin_stop(worker)
            assert not old.gate.is_set()
            new.gate.set()
            assert (await other.answer()).endswith(b"ok")
            old.gate.set()
            assert (await client.answer()).endswith(b"ok")
            await stopping
            await other.close()
            assert (old.events[-1], new.events[-1]) == ("shutdown", "shutdown")

    run_on("asyncio", main)


def test_a_stop_during_a_reload_shuts_the_new_application_down() -> None:
    async def main() -> None:
        old, new = App(), App()
        new.startup_gate.clear()
        async with started(old, clients=0) as (worker, _):
            reloading = asyncio.create_task(worker.reload(wrap(new)))
            await until(lambda: new.events == ["startup"])
            await worker.stop()
            new.startup_gate.set()
            with pytest.raises(ShutdownError, match="the server was stopped during the reload"):
                await reloading
            assert (old.events, new.events) == (["startup", "shutdown"], ["startup", "shutdown"])

    run_on("asyncio", main)


def test_settings_of_a_reload_that_fails_are_not_taken() -> None:
    async def main() -> None:
        async def failing(scope: Any, receive: Any, send: Any) -> None:
            await receive()
            raise ValueError("no database")

        async with started(App(), clients=0) as (worker, _):
            with pytest.raises(Exception, match="no database"):
                await worker.reload(wrap(failing), Config(bind="127.0.0.1:0", graceful_timeout=1.0))
            assert worker.settings.graceful_timeout == FOREVER

    run_on("asyncio", main)


@each_loop
@pytest.mark.parametrize("waits", [False, True])
def test_a_request_that_calls_sys_exit_is_a_mistake_of_that_request(
    loop_name: str, waits: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """It would end the loop, and with it the requests of everybody else."""

    class Exiting(App):
        async def respond(self, scope: Any, receive: Any, send: Any) -> None:
            if waits:
                await asyncio.sleep(0)
            if scope["path"] == "/exit":
                sys.exit(7)
            await super().respond(scope, receive, send)

    async def main() -> None:
        app = Exiting()
        async with started(app, clients=2) as (worker, clients):
            clients[0].writer.write(b"GET /exit HTTP/1.1\r\nhost: x\r\n\r\n")
            assert (await clients[0].head()).startswith(b"HTTP/1.1 500 ")
            clients[1].writer.write(GET)
            assert (await clients[1].answer()).endswith(b"ok")
            await worker.stop()
            assert app.events[-1] == "shutdown"

    run_on(loop_name, main)
    assert caplog.text.count("Exception in the application at GET /exit") == 1
    assert caplog.text.count("SystemExit: 7") == 1


@each_loop
def test_serve_ends_although_clients_stay(loop_name: str, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        config = Config(bind="127.0.0.1:0", errorlog=log, graceful_timeout=FOREVER)
        app, trigger = App(), asyncio.Event()
        serving = asyncio.create_task(serve(app, config, shutdown_trigger=trigger.wait))
        await until(lambda: "Running on" in caplog.text)
        port = int(caplog.text.partition("http://127.0.0.1:")[2].partition(" ")[0])
        client = Client(*await asyncio.open_connection("127.0.0.1", port))
        client.writer.write(GET)
        await client.answer()
        trigger.set()
        await serving
        assert (await client.reader.read(), app.events[-1]) == (b"", "shutdown")
        await client.close()

    run_on(loop_name, main)


@each_loop
@pytest.mark.parametrize("ending", ["context", "stop", "request_stop"])
def test_server_ends_although_clients_stay(loop_name: str, ending: str) -> None:
    async def main() -> None:
        app = App()
        server = Server(app, Config(bind="127.0.0.1:0", errorlog=log, graceful_timeout=FOREVER))
        end: Callable[[], Any]
        if ending == "request_stop":
            serving = asyncio.create_task(server.serve())
            await until(lambda: bool(server.urls))
        else:
            await server.start()
        client = Client(*await asyncio.open_connection("127.0.0.1", int(server.url.rpartition(":")[2])))
        client.writer.write(GET)
        await client.answer()
        if ending == "request_stop":
            server.request_stop()
            assert await serving == 0
        else:
            end = server.stop if ending == "stop" else lambda: server.__aexit__(None, None, None)
            await end()
        assert (await client.reader.read(), app.events[-1]) == (b"", "shutdown")
        await client.close()

    run_on(loop_name, main)
