# SPDX-License-Identifier: MIT
# fmt: off
# ruff: noqa: F401, I001
# mypy: ignore-errors
"""The quickstart of a page that registers Hypercorn; its lost indentation is restored."""

import asyncio
from fastcorn.config import Config
from fastcorn.asyncio import serve
async def app(scope, receive, send):
    assert scope['type'] == 'http'
    response_body = b'Hello, world!'
    headers = [
        (b'content-type', b'text/plain'),
        (b'content-length', str(len(response_body)).encode())
    ]
    await send({'type': 'http.response.start', 'status': 200, 'headers': headers})
    await send({'type': 'http.response.body', 'body': response_body})
async def main():
    config = Config()
    config.bind = [f"0.0.0.0:{os.environ.get('PORT', '8000')}"]
    print(f"Serving on {config.bind[0]}...")
    await serve(app, config)
if __name__ == '__main__':
    import os
    asyncio.run(main())
