# SPDX-License-Identifier: MIT
# fmt: off
# ruff: noqa: F401, I001
# mypy: ignore-errors
"""The example of a glossary entry on ASGI."""

# Raw ASGI application
async def app(scope, receive, send):
    if scope['type'] == 'http':
        await send({
            'type': 'http.response.start',
            'status': 200,
            'headers': [[b'content-type', b'text/plain']],
        })
        await send({
            'type': 'http.response.body',
            'body': b'Hello from ASGI!',
        })

# In practice, use a framework like FastAPI
# Run with: uvicorn main:app --host 0.0.0.0 --port 8000
