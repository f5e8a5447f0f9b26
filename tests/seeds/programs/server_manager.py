# SPDX-License-Identifier: MIT
# fmt: off
# ruff: noqa: F401, I001
# mypy: ignore-errors
"""A server that another part of the program shuts down; here that part is a signal handler in main()."""

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

class ServerManager:
    def __init__(self):
        self.shutdown_event = asyncio.Event()

    async def start_server(self, app):
        config = Config()
        config.bind = ["0.0.0.0:8000"]

        # Serve with custom shutdown trigger
        await serve(app, config, shutdown_trigger=self.shutdown_event.wait)

    def shutdown(self):
        """Trigger graceful shutdown"""
        self.shutdown_event.set()

async def main():
    # Usage
    manager = ServerManager()

    # Later, from another part of application
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, manager.shutdown)  # Triggers graceful shutdown

    # In one task
    await asyncio.create_task(manager.start_server(app))

asyncio.run(main())
