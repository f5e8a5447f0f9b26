# SPDX-License-Identifier: MIT
"""A Starlette application with one JSON route, `/json`. Loaded by the servers as `bench.app_starlette:app`."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route


async def greeting(request: Request) -> JSONResponse:
    return JSONResponse({"message": "Hello, world!"})


app = Starlette(routes=[Route("/json", greeting)])
