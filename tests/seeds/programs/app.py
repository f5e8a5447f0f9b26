# SPDX-License-Identifier: MIT
# fmt: off
# ruff: noqa: F401, I001
# mypy: ignore-errors
"""The example of an introduction to ASGI and Hypercorn; lost indentation and comment marks are restored."""

import asyncio
async def simple_asgi_app(scope, receive, send):
    """
    A simple ASGI application that responds with 'Hello, ASGI!' for HTTP requests.
    It demonstrates the core 'scope', 'receive', 'send' interface.
    """
    if scope['type'] == 'http':
        # Process an HTTP request
        # The 'receive' channel can be used to get the request body, but for a simple GET, it's often not needed.
        # await receive() In a real app, you might read request body data here
        # Send the HTTP response headers
        await send({
            'type': 'http.response.start',
            'status': 200,
            'headers': [
                [b'content-type', b'text/plain'],
            ],
        })
        # Send the HTTP response body
        await send({
            'type': 'http.response.body',
            'body': b'Hello, ASGI from Hypercorn!',
        })
    elif scope['type'] == 'websocket':
        # Example for a WebSocket connection (requires more complex handling for actual communication)
        await send({'type': 'websocket.accept'})
        while True:
            message = await receive()
            if message['type'] == 'websocket.disconnect':
                break
            if message['type'] == 'websocket.receive' and 'text' in message:
                await send({
                    'type': 'websocket.send',
                    'text': f"Echo: {message['text']}"
                })
    else:
        # Handle other scope types like 'lifespan' (for startup/shutdown events)
        pass
