# SPDX-License-Identifier: MIT
"""Real frameworks behind a real socket with real clients: FastAPI, Starlette, Quart, Django (ASGI and WSGI), Flask."""

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from fastcorn.testing import TestServer, serve
from tests.loops import LIMIT_SECONDS, LOOPS

QUIET = logging.getLogger("test.frameworks")


@contextlib.contextmanager
def client_of(app: Any, **settings: Any) -> Iterator[httpx.Client]:
    with (
        serve(app, errorlog=QUIET, **settings) as server,
        httpx.Client(base_url=server.url, timeout=LIMIT_SECONDS) as client,
    ):
        yield client


def starlette_app(events: list[str], directory: Path) -> Any:
    from starlette.applications import Starlette
    from starlette.background import BackgroundTask
    from starlette.requests import Request
    from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response, StreamingResponse
    from starlette.routing import Mount, Route
    from starlette.staticfiles import StaticFiles

    @contextlib.asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[dict[str, Any]]:
        events.append("startup")
        yield {"pool": "open"}
        events.append("shutdown")

    async def show(request: Request) -> Response:
        return JSONResponse({"path": request.scope["path"], "query": request.url.query, "pool": request.state.pool})

    async def echo(request: Request) -> Response:
        async def blocks() -> AsyncIterator[bytes]:
            async for block in request.stream():
                yield block

        return StreamingResponse(blocks())

    async def background(request: Request) -> Response:
        return PlainTextResponse("ok", background=BackgroundTask(events.append, "background"))

    async def file(request: Request) -> Response:
        return FileResponse(directory / "file.bin")

    async def fail(request: Request) -> Response:
        raise ValueError("the view broke")

    routes = [
        Route("/show/{rest:path}", show),
        Route("/echo", echo, methods=["POST"]),
        Route("/background", background),
        Route("/file", file),
        Route("/fail", fail),
        Mount("/static", StaticFiles(directory=directory)),
    ]
    return Starlette(routes=routes, lifespan=lifespan)


CONTENT = bytes(range(256)) * 2048


@pytest.mark.parametrize("loop_name", LOOPS)
def test_starlette(loop_name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    events: list[str] = []
    (tmp_path / "file.bin").write_bytes(CONTENT)
    with client_of(starlette_app(events, tmp_path), worker_class=loop_name) as client:
        assert client.get("/show/a%20b?c=d").json() == {"path": "/show/a b", "query": "c=d", "pool": "open"}
        assert client.post("/echo", content=iter([b"one", b"two", CONTENT])).content == b"onetwo" + CONTENT
        assert client.get("/background").text == "ok"
        assert client.get("/file").content == CONTENT
        assert client.get("/file", headers={"range": "bytes=5-14"}).content == CONTENT[5:15]
        assert client.get("/static/file.bin").content == CONTENT
        assert client.head("/static/file.bin").headers["content-length"] == str(len(CONTENT))
        assert client.get("/static/nosuch").status_code == 404
        assert client.get("/fail").status_code == 500
    assert events == ["startup", "background", "shutdown"]
    errors = [record.exc_info[1] for record in caplog.records if record.exc_info]
    assert [str(error) for error in errors] == ["the view broke"]


def test_fastapi(caplog: pytest.LogCaptureFixture) -> None:
    from fastapi import Depends, FastAPI
    from fastapi.responses import StreamingResponse

    app = FastAPI()
    closed: list[str] = []

    async def session() -> AsyncIterator[str]:
        yield "session"
        closed.append("session")

    @app.get("/items/{number}")
    async def item(number: int, q: str = "", name: str = Depends(session)) -> dict[str, Any]:
        return {"number": number, "q": q, "session": name}

    @app.post("/sum")
    def total(numbers: list[int]) -> int:  # a plain function: FastAPI runs it in a thread
        return sum(numbers)

    @app.get("/events")
    async def events() -> StreamingResponse:
        async def stream() -> AsyncIterator[str]:
            for number in range(3):
                yield f"data: {number}\n\n"
                await asyncio.sleep(0)

        return StreamingResponse(stream(), media_type="text/event-stream")

    with client_of(app) as client:
        assert client.get("/items/3?q=x").json() == {"number": 3, "q": "x", "session": "session"}
        assert client.get("/items/three").status_code == 422
        assert client.post("/sum", json=[1, 2, 3]).json() == 6
        with client.stream("GET", "/events") as answer:
            assert list(answer.iter_text()) != []
        assert client.get("/openapi.json").json()["openapi"].startswith("3.")
    assert closed == ["session"]
    assert caplog.records == []


def test_quart() -> None:
    from quart import Quart, request

    app = Quart("test_quart")
    events: list[str] = []

    @app.before_serving
    async def before() -> None:
        events.append("before")

    @app.after_serving
    async def after() -> None:
        events.append("after")

    @app.route("/echo", methods=["POST"])
    async def echo() -> bytes | str:
        return await request.get_data(as_text=False)

    with client_of(app) as client:
        assert client.post("/echo", content=CONTENT).content == CONTENT
        assert client.get("/nosuch").status_code == 404
    assert events == ["before", "after"]


def test_flask() -> None:
    from flask import Flask, Response, request

    app = Flask("test_flask")

    @app.route("/show/<name>")
    def show(name: str) -> dict[str, Any]:
        return {"name": name, "q": request.args.get("q"), "host": request.host}

    @app.route("/echo", methods=["POST"])
    def echo() -> Response:
        return Response(iter([request.get_data()[:3], request.get_data()[3:]]))

    @app.route("/fail")
    def fail() -> str:
        raise ValueError("the view broke")

    with client_of(app) as client:
        answer = client.get("/show/caf%C3%A9?q=%26")
        assert answer.json() == {"name": "café", "q": "&", "host": f"{client.base_url.host}:{client.base_url.port}"}
        assert client.post("/echo", content=CONTENT).content == CONTENT
        assert client.post("/echo", content=iter([b"a", b"bcdef"])).content == b"abcdef"
        assert client.get("/fail").status_code == 500
        assert client.head("/show/x").content == b""
    with client_of(app, wsgi_max_body_size=10) as client:
        assert client.post("/echo", content=b"x" * 11).status_code == 413
        assert client.post("/echo", content=iter([b"x" * 11])).status_code == 413
        assert client.post("/echo", content=b"x" * 10).content == b"x" * 10


DJANGO = """
import django
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import path

settings.configure(
    DEBUG=False,
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="for tests",
    LOGGING_CONFIG=None,
    USE_TZ=True,
    MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
)
django.setup()

async def show(request, name):
    return JsonResponse({"name": name, "q": request.GET.get("q"), "scheme": request.scheme})

def query(request):
    from django.db import connection
    with connection.cursor() as cursor:
        cursor.execute("select 6 * 7")
        return HttpResponse(str(cursor.fetchone()[0]))

def upload(request):
    return HttpResponse(f"{request.FILES['file'].name} {request.FILES['file'].size}")

urlpatterns = [path("show/<str:name>", show), path("query", query), path("upload", upload)]
asgi = get_asgi_application()
wsgi = get_wsgi_application()
"""

DJANGO_CLIENT = """
import json
import logging
import sys
import httpx
from django_application import asgi, wsgi
from fastcorn.testing import serve

for app in (asgi, wsgi):
    quiet = logging.getLogger("quiet")
    with serve(app, errorlog=quiet) as server, httpx.Client(base_url=server.url, timeout=30) as client:
        print(json.dumps([
            client.get("/show/caf%C3%A9?q=1").json(),
            client.get("/query").text,
            client.post("/upload", files={"file": ("name.bin", b"x" * 3000000)}).text,
            client.get("/nosuch").status_code,
        ]))
"""


def test_django(tmp_path: Path) -> None:
    """In a process of its own: Django's settings are one for a process."""
    import os
    import subprocess
    import sys

    from tests.e2e.command import import_path

    (tmp_path / "django_application.py").write_text(DJANGO)
    done = subprocess.run(
        [sys.executable, "-c", DJANGO_CLIENT],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([import_path(), str(tmp_path)])},
        capture_output=True,
        text=True,
        timeout=4 * LIMIT_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    expected = [{"name": "café", "q": "1", "scheme": "http"}, "42", "name.bin 3000000", 404]
    assert [json.loads(line) for line in done.stdout.splitlines()] == [expected, expected]


@pytest.fixture
def counting_server() -> Iterator[TestServer]:
    """An application that counts in its state, to see requests of many clients at once."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        await asyncio.sleep(0)
        body = scope["path"].encode()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
        await send({"type": "http.response.body", "body": body})

    with serve(app, errorlog=QUIET) as server:
        yield server


def test_many_clients_at_once(counting_server: TestServer) -> None:
    async def main() -> None:
        async with httpx.AsyncClient(base_url=counting_server.url, timeout=LIMIT_SECONDS) as client:
            answers = await asyncio.gather(*[client.get(f"/{number}") for number in range(200)])
        assert [answer.text for answer in answers] == [f"/{number}" for number in range(200)]

    asyncio.run(main())
