# SPDX-License-Identifier: MIT
"""Programs as users write them, for the type checker: `make types` accepts each line, and each line that is marked as
an error must be one (an unused mark is an error itself). Nothing here is run.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, assert_type

from fastapi import FastAPI
from flask import Flask
from quart import Quart
from starlette.applications import Starlette

import fastcorn
from fastcorn.asgi._context import Context
from fastcorn.asyncio import serve
from fastcorn.config import Config
from fastcorn.errors import ClientDisconnected, MessageError
from fastcorn.protocols._http1 import H1Connection
from fastcorn.testing import TestServer
from fastcorn.testing import serve as serve_for_test
from fastcorn.typing import (
    ASGIReceiveCallable,
    ASGIReceiveEvent,
    ASGISendCallable,
    HTTPScope,
    Scope,
)


async def strict(scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
    """An application that uses the types of fastcorn.typing."""
    if scope["type"] != "http":
        return
    assert_type(scope, HTTPScope)
    assert_type(scope["path"], str)
    event = await receive()
    assert_type(event, ASGIReceiveEvent)
    if event["type"] == "http.request":
        assert_type(event["body"], bytes)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})
    await send({"type": "http.response.body", "body": "text"})  # type: ignore[misc, arg-type]
    await send({"type": "http.response.start"})  # type: ignore[misc, arg-type]


async def loose(
    scope: dict[str, Any],
    receive: Callable[[], Awaitable[dict[str, Any]]],
    send: Callable[[dict[str, Any]], Awaitable[None]],
) -> None:
    """An application whose author wanted no types."""


def wsgi(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    return []


async def embed() -> None:
    config = Config()
    config.bind = ["127.0.0.1:0"]
    await serve(FastAPI(), config)
    await serve(Starlette(), config)
    await serve(Quart("app"), config)
    await serve(Flask("app"), config)
    await serve(strict, config)
    await serve(loose, config)
    await serve(wsgi, config, mode="wsgi")
    await serve(strict, config, shutdown_trigger=asyncio.Event().wait)
    await serve(7, config)  # type: ignore[arg-type]
    await serve(strict, config, mode="cgi")  # type: ignore[arg-type]


async def handle() -> None:
    async with fastcorn.Server(FastAPI(), port=0) as server:
        assert_type(server.urls, list[str])
        await server.stop()
    fastcorn.Server("main:app", host="127.0.0.1", port=8000).run()


def try_out() -> None:
    with serve_for_test(strict) as server:
        assert_type(server, TestServer)
        assert_type(server.url, str)


async def build_on_the_parts(loop: asyncio.AbstractEventLoop) -> None:
    context = Context(loose, Config().freeze(), loop, state={}, error_log=logging.getLogger("mine"))
    assert_type(context.active_requests, int)
    assert_type(context.draining, bool)
    connection = H1Connection(context)
    connection.data_received(b"GET / HTTP/1.1\r\n\r\n")
    connection.data_received("text")  # type: ignore[arg-type]
    context.draining = True  # type: ignore[misc]
    context.when_idle = loop.stop
    context.tick()
    context.announce_drain()
    context.begin_drain()


def catch(error: Exception) -> None:
    if isinstance(error, ClientDisconnected):
        assert_type(error.errno, int | None)
    assert issubclass(MessageError, RuntimeError)
