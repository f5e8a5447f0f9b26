# SPDX-License-Identifier: MIT
"""One process as the whole server: SIGHUP reads configuration and certificates again, and names what it cannot do."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import signal
import ssl
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

if sys.platform == "win32":
    pytest.skip("Windows has no such signals", allow_module_level=True)

from fastcorn.asgi.application import wrap
from fastcorn.config import Config
from fastcorn.worker.alone import Alone
from fastcorn.worker.hooks import Hooks
from fastcorn.worker.worker import Worker
from tests.loops import each_loop, run_on, until

CERTIFICATES = Path(__file__).resolve().parents[1] / "config" / "certificates"

log = logging.getLogger("test.alone")
log.setLevel(logging.INFO)


async def application(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        for stage in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{stage}.complete"})
        return
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body"})


def config_of(**settings: Any) -> Config:
    return Config(**{"bind": "127.0.0.1:0", "errorlog": log, "graceful_timeout": 0, **settings})


class Process:
    """A server of one process in the running loop.

    Args:
        reread: gives the configuration for SIGHUP.
        loader: as for Alone.
        **settings: settings.
    """

    def __init__(self, reread: Callable[[], Config], loader: Any = lambda settings: wrap(application), **settings: Any):
        config = config_of(**settings)
        self.worker = Worker(loader(config.freeze()), config)
        self.alone = Alone(config, loader, Hooks(config.freeze()), reread)
        self.serving = asyncio.ensure_future(self.alone.serve(self.worker))

    async def ready(self) -> None:
        await until(lambda: self.worker.ready or self.serving.done())

    async def stop(self) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        assert await self.serving == 0

    async def answers(self) -> None:
        """Fails unless a new client is answered."""
        url = self.worker.urls[0]
        context = None
        if url.startswith("https:"):
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]), ssl=context)
        writer.write(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 204 ")
        writer.close()


def hang_up() -> None:
    os.kill(os.getpid(), signal.SIGHUP)


@each_loop
def test_what_takes_a_restart_is_named(loop_name: str, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        process = Process(lambda: config_of(workers=2, bind="127.0.0.1:1", backlog=7, keep_alive_timeout=9))
        await process.ready()
        hang_up()
        await until(lambda: "SIGHUP: the application is replaced" in caplog.text)
        warnings = [
            record.message.partition(" ")[0] for record in caplog.records if "when the server" in record.message
        ]
        assert warnings == ["bind", "backlog", "workers"]
        assert process.worker.settings.keep_alive_timeout == 9
        await process.answers()
        await process.stop()

    run_on(loop_name, main)


@pytest.mark.parametrize("error", [SystemExit(3), ValueError("what")])
def test_a_configuration_that_raises_changes_nothing(error: BaseException, caplog: pytest.LogCaptureFixture) -> None:
    def raising() -> Config:
        raise error

    async def main() -> None:
        process = Process(raising)
        await process.ready()
        hang_up()
        await until(lambda: "SIGHUP: the application from before goes on" in caplog.text)
        await process.answers()
        await process.stop()

    run_on("asyncio", main)


def test_a_signal_during_a_reload_is_not_lost(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        read: list[int] = []

        def reread() -> Config:
            read.append(1)
            if len(read) == 1:
                process.alone._reload()
                process.alone._reload()
            return config_of()

        process = Process(reread)
        await process.ready()
        hang_up()
        await until(lambda: caplog.text.count("SIGHUP: the application is replaced") == 2)
        await process.stop()
        assert len(read) == 2

    run_on("asyncio", main)


@each_loop
def test_certificates_are_read_again(loop_name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    files = {"certfile": str(tmp_path / "cert.pem"), "keyfile": str(tmp_path / "key.pem")}
    for name in ("cert.pem", "key.pem"):
        shutil.copy(CERTIFICATES / name, tmp_path / name)

    async def main() -> None:
        process = Process(lambda: config_of(**files), **files)
        await process.ready()
        before = process.worker.listeners[0].ssl_context
        shutil.copy(CERTIFICATES / "other.pem", tmp_path / "key.pem")
        hang_up()
        await until(lambda: "SIGHUP: the application from before goes on" in caplog.text)
        assert process.worker.listeners[0].ssl_context is before
        await process.answers()
        shutil.copy(CERTIFICATES / "key.pem", tmp_path / "key.pem")
        hang_up()
        await until(lambda: "SIGHUP: the application is replaced" in caplog.text)
        assert process.worker.listeners[0].ssl_context is not before
        await process.answers()
        await process.stop()

    run_on(loop_name, main)
