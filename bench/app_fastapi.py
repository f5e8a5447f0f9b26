# SPDX-License-Identifier: MIT
"""A FastAPI application with one JSON route, `/json`. Loaded by the servers as `bench.app_fastapi:app`."""

from fastapi import FastAPI

app = FastAPI()


@app.get("/json")
async def greeting() -> dict[str, str]:
    return {"message": "Hello, world!"}
