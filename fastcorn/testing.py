# SPDX-License-Identifier: MIT
"""A real server for tests: `with fastcorn.testing.serve(app) as server:` on a free port, in a thread of its own.

The pytest fixture fastcorn_serve (fastcorn.pytest_plugin) is made of it. Calls fastcorn.server.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from fastcorn.config import Config
    from fastcorn.server import Server
    from fastcorn.typing import Framework, Mode

# A start or a stop that takes longer than this has failed.
DEADLINE_SECONDS = 30.0


class TestServer:
    """A server that runs in a thread.

    Args:
        server: the server that runs.
        urls: where it listens.

    Attributes:
        url: the first URL, for example http://127.0.0.1:43521.
        urls: all of them.
        host: the host of the first URL.
        port: its port; 0 for a unix socket.
    """

    __test__ = False  # no test class, whatever pytest thinks of its name

    def __init__(self, server: Server, urls: list[str]) -> None:
        self.server = server
        self.urls = urls
        self.url = urls[0]
        parts = urlsplit(self.url)
        if parts.netloc.startswith("unix:"):
            self.host, self.port = self.url.partition("//")[2], 0
        else:
            self.host, self.port = parts.hostname or "", parts.port or 0


@contextlib.contextmanager
def serve(
    app: Framework | str,
    config: Config | None = None,
    *,
    mode: Mode | None = None,
    deadline: float = DEADLINE_SECONDS,
    **settings: Any,
) -> Iterator[TestServer]:
    """Serves an application in a thread while the context is entered.

    Args:
        app: an ASGI or WSGI application, or a text that names one.
        config: the settings; without it, **settings, bind being a free port of 127.0.0.1 by default.
        mode: "asgi" or "wsgi" where the kind of application cannot be told.
        deadline: seconds that a start or a stop may take.

    Raises:
        ConfigError, AddressError, NoAppError, LifespanFailureError, LifespanTimeoutError: the server could not start,
            or the application's shutdown failed.
        TimeoutError: the start or the stop took longer than deadline.
    """
    from fastcorn.server import Server

    if config is None and not {"bind", "host", "port", "uds", "fd"} & settings.keys():
        settings["bind"] = "127.0.0.1:0"
    running = _Running(Server(app, config, mode=mode, **settings))
    running.start(deadline)
    try:
        yield TestServer(running.server, running.urls)
    finally:
        running.stop(deadline)


class _Running:
    """The thread of a server."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.urls: list[str] = []
        self._started = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="fastcorn test server", daemon=True)

    def _run(self) -> None:
        from fastcorn.worker.loop import choose_loop, run_loop

        try:
            run_loop(self._main(), choose_loop(self.server.config.worker_class))
        except BaseException as error:
            self._error = error
        finally:
            self._started.set()

    async def _main(self) -> None:
        async with self.server:
            self.urls = self.server.urls
            self._started.set()
            await self.server.wait_stop_requested()

    def start(self, deadline: float) -> None:
        self._thread.start()
        if not self._started.wait(deadline):
            self.server.request_stop()
            raise TimeoutError(f"the server did not start within {deadline:g} s")
        self._raise_error()

    def stop(self, deadline: float) -> None:
        self.server.request_stop()
        self._thread.join(deadline)
        if self._thread.is_alive():
            raise TimeoutError(f"the server did not stop within {deadline:g} s")
        self._raise_error()

    def _raise_error(self) -> None:
        if self._error is not None:
            self._thread.join(1)
            raise self._error
