# SPDX-License-Identifier: MIT
"""Connections on a fake transport that keeps nothing: what the leak scripts of this folder drive.

Calls tests.fakes, and fastcorn's Context and H1Connection as a worker does.
"""

import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from fastcorn.asgi._context import Context
from fastcorn.config import Config
from fastcorn.protocols._http1 import H1Connection
from fastcorn.protocols.handshake import open_handshake
from fastcorn.protocols.http2 import open_http2
from tests.fakes import Driver, FakeTransport

App = Callable[..., Awaitable[None]]
GET = b"GET /path?query=1 HTTP/1.1\r\nhost: localhost\r\nx-unknown: value\r\naccept: */*\r\n\r\n"


async def hello(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"5")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"hello"})


async def echo(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        more = message.get("more_body", False)
        await send({"type": "http.response.body", "body": message["body"], "more_body": more})


class Worker:
    """A driven loop with one context; connect() gives a transport whose client end the script plays."""

    def __init__(self, application: App, **settings: Any) -> None:
        self.driver = Driver()
        config = Config()
        for name, value in settings.items():
            setattr(config, name, value)
        log = logging.Logger("leaks", logging.CRITICAL + 1)  # of its own: a named one would keep what it is given
        self.context = Context(application, config.freeze(), self.driver.loop, error_log=log)
        self.context.websocket_factory = open_handshake
        self.context.http2_factory = open_http2

    def connect(self) -> FakeTransport:
        connection = H1Connection(self.context)
        transport = FakeTransport(self.driver, connection)
        transport.keeps_bytes = False
        self.driver.call(connection.connection_made, transport)
        return transport

    def tick(self) -> None:
        self.driver.call(self.context.tick)
        self.driver.settle()
