# SPDX-License-Identifier: MIT
# fmt: off
# ruff: noqa: F401, I001
# mypy: ignore-errors
"""A WSGI application, found out by itself."""

import asyncio
from fastcorn.config import Config
from fastcorn.asyncio import serve

def wsgi_app(environ, start_response):
    """Simple WSGI application"""
    status = '200 OK'
    headers = [('Content-type', 'text/plain')]
    start_response(status, headers)
    return [b'Hello World']

async def main():
    config = Config()
    config.bind = ["127.0.0.1:8000"]

    # Serve WSGI app (mode auto-detected)
    await serve(wsgi_app, config)

asyncio.run(main())
