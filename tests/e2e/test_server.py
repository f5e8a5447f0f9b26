# SPDX-License-Identifier: MIT
"""Server as an object in a loop, in a thread and as a program's last line; the test server and its pytest fixture."""

import asyncio
import logging
import signal
import threading
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fastcorn import Server, pytest_plugin
from fastcorn.config import Config, ConfigError
from fastcorn.errors import LifespanFailureError, NoAppError
from fastcorn.server import settings_of
from fastcorn.testing import TestServer, serve
from tests.loops import LIMIT_SECONDS, each_loop, run_on, until

# As a plugin it would be registered twice where fastcorn is installed with its entry point.
serve_fixture = pytest_plugin.fastcorn_serve

QUIET = logging.getLogger("test.server")


def answering(text: str, events: list[str] | None = None) -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            for stage in ("startup", "shutdown"):
                await receive()
                if events is not None:
                    events.append(f"{text} {stage}")
                await send({"type": f"lifespan.{stage}.complete"})
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": text.encode()})

    return app


def fetch(url: str) -> str:
    with urllib.request.urlopen(url, timeout=LIMIT_SECONDS) as answer:
        body: bytes = answer.read()
    return body.decode()


async def get(url: str) -> str:
    return await asyncio.to_thread(fetch, url)


@each_loop
def test_two_servers_in_one_loop(loop_name: str) -> None:
    async def main() -> None:
        events: list[str] = []
        async with (
            Server(answering("one", events), port=0, errorlog=QUIET) as one,
            Server(answering("two", events), port=0, errorlog=QUIET) as two,
        ):
            assert one.url != two.url
            assert await get(one.url) == "one"
            assert await get(two.url) == "two"
            await one.stop()
            await one.stop()
            assert one.urls == []
            assert await get(two.url) == "two"
        assert events == ["one startup", "two startup", "one shutdown", "two shutdown"]
        with pytest.raises(RuntimeError, match="the server does not run"):
            one.url  # noqa: B018

    run_on(loop_name, main)


def test_server_may_be_started_again_but_not_twice() -> None:
    async def main() -> None:
        server = Server(answering("again"), port=0, errorlog=QUIET)
        for _ in range(2):
            await server.start()
            assert await get(server.url) == "again"
            with pytest.raises(RuntimeError, match="runs already"):
                await server.start()
            await server.stop()

    run_on("asyncio", main)


def test_failed_start_may_be_repeated() -> None:
    async def main() -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            await receive()
            await send({"type": "lifespan.startup.failed", "message": "no database"})

        server = Server(app, port=0, errorlog=QUIET)
        for _ in range(2):
            with pytest.raises(LifespanFailureError, match="no database"):
                await server.start()

    run_on("asyncio", main)


@each_loop
def test_serve_ends_with_stop(loop_name: str) -> None:
    async def main() -> None:
        events: list[str] = []
        for end in ("stop", "request_stop"):
            server = Server(answering("x", events), port=0, errorlog=QUIET)
            serving = asyncio.create_task(server.serve())
            await until(lambda server=server: bool(server.urls))  # type: ignore[misc]
            assert await get(server.url) == "x"
            if end == "stop":
                await server.stop()
            else:
                server.request_stop()
            assert await serving == 0
        assert events == ["x startup", "x shutdown"] * 2

    run_on(loop_name, main)


def test_run_in_another_thread_leaves_signals_alone() -> None:
    before = signal.getsignal(signal.SIGTERM)
    server = Server(answering("thread"), port=0, errorlog=QUIET)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    asyncio.run(asyncio.wait_for(until(lambda: bool(server.urls)), LIMIT_SECONDS))
    assert fetch(server.url) == "thread"
    assert signal.getsignal(signal.SIGTERM) is before
    server.request_stop()
    thread.join(LIMIT_SECONDS)
    assert not thread.is_alive()
    server.request_stop()  # afterwards is no error


def test_run_exits_with_the_code_of_a_failure(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        Server("no_such_module_of_mine:app", port=0).run()
    assert ended.value.code == 4
    assert "no module named 'no_such_module_of_mine'" in capsys.readouterr().err


def test_application_by_name(tmp_path: Path) -> None:
    (tmp_path / "named_application.py").write_text(
        "async def app(scope, receive, send):\n"
        "    await send({'type': 'http.response.start', 'status': 200})\n"
        "    await send({'type': 'http.response.body', 'body': b'named'})\n"
    )
    with serve("named_application:app", app_dir=str(tmp_path), errorlog=QUIET) as server:
        assert fetch(server.url) == "named"
    with pytest.raises(NoAppError), serve("named_application:missing", app_dir=str(tmp_path), errorlog=QUIET):
        pass


def test_reload_takes_the_new_source(tmp_path: Path) -> None:
    async def main() -> None:
        source = tmp_path / "reloaded_application.py"
        text = (
            "async def app(scope, receive, send):\n"
            "    await send({'type': 'http.response.start', 'status': 200})\n"
            "    await send({'type': 'http.response.body', 'body': b'VERSION'})\n"
        )
        source.write_text(text.replace("VERSION", "first"))
        async with Server("reloaded_application:app", app_dir=str(tmp_path), port=0, errorlog=QUIET) as server:
            url = server.url
            assert await get(url) == "first"
            # another length, so that the cached bytecode is out of date even within one second
            source.write_text(text.replace("VERSION", "the second"))
            await server.reload()
            assert await get(url) == "the second"
            source.write_text("broken = ")
            with pytest.raises(NoAppError, match="SyntaxError"):
                await server.reload()
            assert await get(url) == "the second"
            assert server.url == url

    run_on("asyncio", main)


def test_reload_of_an_object_restarts_its_lifespan() -> None:
    async def main() -> None:
        events: list[str] = []
        async with Server(answering("x", events), port=0, errorlog=QUIET) as server:
            first, second = server.reload(), server.reload()
            await first
            await second
            assert await get(server.url) == "x"
        assert events.count("x startup") == 3
        assert events.count("x shutdown") == 3
        with pytest.raises(RuntimeError, match="cannot be reloaded"):
            server.reload()

    run_on("asyncio", main)


def test_config_and_settings_exclude_each_other() -> None:
    with pytest.raises(TypeError, match=r"not both \(here also bind, port\)"):
        Server(answering("x"), Config(), port=1, bind="x")
    config = Config(backlog=5)
    assert Server(answering("x"), config).config is config


@pytest.mark.parametrize(
    ("keywords", "settings"),
    [
        ({}, {}),
        ({"host": "0.0.0.0"}, {"bind": "0.0.0.0:8000"}),
        ({"port": 80}, {"bind": "127.0.0.1:80"}),
        ({"host": "::1", "port": 80}, {"bind": "[::1]:80"}),
        ({"uds": "/run/s"}, {"bind": "unix:/run/s"}),
        ({"fd": 3}, {"bind": "fd://3"}),
        ({"log_level": "debug"}, {"loglevel": "debug"}),
        ({"timeout_keep_alive": 3}, {"keep_alive_timeout": 3}),
        ({"limit_concurrency": 3}, {"max_concurrent_requests": 3}),
        ({"bind": "x", "workers": 2}, {"bind": "x", "workers": 2}),
    ],
)
def test_keywords_of_other_servers(keywords: dict[str, Any], settings: dict[str, Any]) -> None:
    assert settings_of(keywords) == settings


def test_unknown_keyword_is_refused() -> None:
    with pytest.raises(ConfigError, match="there is no setting 'bakclog'.*did you mean backlog"):
        Server(answering("x"), bakclog=1)


def test_testing_serve_names_its_address() -> None:
    with serve(answering("x"), errorlog=QUIET) as server:
        assert server.url == f"http://{server.host}:{server.port}"
        assert server.urls == [server.url]
        assert fetch(server.url) == "x"
    with pytest.raises(OSError, match="refused"):
        fetch(f"http://127.0.0.1:{server.port}")


def test_testing_serve_takes_a_config_and_a_unix_socket(tmp_path: Path) -> None:
    with serve(answering("x"), Config(bind=f"unix:{tmp_path}/s", errorlog=QUIET)) as server:
        assert (server.host, server.port) == (f"unix:{tmp_path}/s", 0)


def test_testing_serve_raises_what_went_wrong() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        raise ValueError("shutdown broke")

    with pytest.raises(LifespanFailureError, match="shutdown broke"), serve(app, errorlog=QUIET) as server:
        assert server.port


def test_testing_serve_has_a_deadline() -> None:
    release = threading.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await asyncio.to_thread(release.wait, LIMIT_SECONDS)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})

    with pytest.raises(TimeoutError, match=r"did not start within 0\.01 s"), serve(app, deadline=0.01, errorlog=QUIET):
        pass
    release.set()
    for thread in threading.enumerate():
        if thread.name == "fastcorn test server":
            thread.join(LIMIT_SECONDS)


def test_fixture(serve_fixture: Callable[..., TestServer]) -> None:
    one = serve_fixture(answering("one"), errorlog=QUIET)
    two = serve_fixture(answering("two"), errorlog=QUIET)
    assert (fetch(one.url), fetch(two.url)) == ("one", "two")
