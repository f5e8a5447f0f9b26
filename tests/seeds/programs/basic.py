# SPDX-License-Identifier: MIT
# fmt: off
# ruff: noqa: F401, I001
# mypy: ignore-errors
"""The basic asyncio integration; its application answers every scope, lifespan too, with HTTP messages."""

import asyncio
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

async def main():
    config = Config()
    config.bind = ["127.0.0.1:8000"]

    # Serve until manually stopped
    await serve(app, config)

asyncio.run(main())
