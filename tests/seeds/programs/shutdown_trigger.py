# SPDX-License-Identifier: MIT
# fmt: off
# ruff: noqa: F401, I001
# mypy: ignore-errors
"""A shutdown trigger that waits for signals; the page leaves out the application, which is that of basic.py."""

import asyncio
import signal
from fastcorn.config import Config
from fastcorn.asyncio import serve

async def app(scope, receive, send):
    """Simple ASGI application"""
    await send({
        'type': 'http.response.start',
        'status': 200,
        'headers': [[b'content-type', b'text/plain']],
    })
    await send({
        'type': 'http.response.body',
        'body': b'Hello World',
    })

async def shutdown_trigger():
    """Wait for SIGTERM or SIGINT"""
    shutdown_event = asyncio.Event()

    def signal_handler():
        shutdown_event.set()

    loop = asyncio.get_event_loop()
    loop.add_signal_handler(signal.SIGTERM, signal_handler)
    loop.add_signal_handler(signal.SIGINT, signal_handler)

    await shutdown_event.wait()

async def main():
    config = Config()
    config.bind = ["0.0.0.0:8000"]

    # Serve with graceful shutdown on signals
    await serve(app, config, shutdown_trigger=shutdown_trigger)

asyncio.run(main())
