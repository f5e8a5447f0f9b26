# SPDX-License-Identifier: MIT
# fmt: off
# ruff: noqa: F401, I001
# mypy: ignore-errors
"""Both modes told explicitly, one server after the other; the page leaves out what is around main()."""

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

def wsgi_app(environ, start_response):
    """Simple WSGI application"""
    status = '200 OK'
    headers = [('Content-type', 'text/plain')]
    start_response(status, headers)
    return [b'Hello World']

async def main():
    config = Config()
    config.bind = ["127.0.0.1:8000"]

    # Explicitly specify mode (useful for ambiguous applications)
    await serve(app, config, mode="asgi")
    # or
    await serve(wsgi_app, config, mode="wsgi")

asyncio.run(main())
