# SPDX-License-Identifier: MIT
"""HTTP/2 on real sockets with clients that nobody here wrote: httpx, curl, h2load, Chromium; frameworks; stops."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from fastcorn.testing import TestServer, serve
from tests.certificates import authority, localhost
from tests.e2e import http2_application as application
from tests.e2e.chromium import chromium
from tests.e2e.http2_application import MIB, PIECE, RESOURCES
from tests.e2e.http2_link import Http2Link
from tests.e2e.test_frameworks import CONTENT, starlette_app
from tests.e2e.workers import ROLLED, serving
from tests.http2_frames import ENGINES
from tests.loops import LIMIT_SECONDS, LOOPS, each_loop

QUIET = logging.getLogger("test.http2")

each_transport = pytest.mark.parametrize("tls", [False, True], ids=["clear", "tls"])


@contextlib.contextmanager
def running(tmp_path: Path, tls: bool, app: Any = application.app, **settings: Any) -> Iterator[TestServer]:
    """A server, with a certificate for localhost if `tls`."""
    files: dict[str, Any] = localhost().write(tmp_path) if tls else {}
    with serve(app, errorlog=QUIET, **files, **settings) as server:
        yield server


def trusted(tls: bool) -> Any:
    """What httpx is to trust."""
    return authority().trust() if tls else True


# httpx.


@each_transport
@pytest.mark.parametrize(("loop_name", "engine"), [(LOOPS[0], "h2"), (LOOPS[0], "native"), (LOOPS[-1], "native")])
def test_httpx(tmp_path: Path, tls: bool, loop_name: str, engine: str) -> None:
    """ALPN or prior knowledge; bodies both ways, streamed ones too."""
    with (
        running(tmp_path, tls, worker_class=loop_name, http2_engine=engine) as server,
        httpx.Client(base_url=server.url, http1=tls, http2=True, verify=trusted(tls), timeout=LIMIT_SECONDS) as client,
    ):
        for number in range(20):
            answer = client.get(f"/{number}")
            assert answer.http_version == "HTTP/2"
            assert answer.text == f"2 {'https' if tls else 'http'} /{number}"
        assert client.post("/echo", content=CONTENT).content == CONTENT
        assert client.post("/echo", content=iter([b"one", b"two", CONTENT])).content == b"onetwo" + CONTENT
        assert client.post("/count", content=b"x" * (5 * MIB)).text == str(5 * MIB)
        assert client.get("/send/5").content == PIECE * 80
        head = client.head("/resource/1")
        assert (head.headers["content-length"], head.content) == ("5000", b"")
        assert head.headers["server"] == "fastcorn"


@each_transport
def test_httpx_with_many_requests_at_once(tmp_path: Path, tls: bool) -> None:
    """On one connection: small answers, echoes and large answers together."""

    async def main(url: str) -> None:
        limits = httpx.Limits(max_connections=1)
        async with httpx.AsyncClient(
            base_url=url, http1=tls, http2=True, verify=trusted(tls), timeout=LIMIT_SECONDS, limits=limits
        ) as client:
            small = [client.get(f"/{number}") for number in range(60)]
            echoes = [client.post("/echo", content=bytes([number]) * 300_000) for number in range(5)]
            large = [client.get("/send/2") for _ in range(3)]
            answers = await asyncio.gather(*small, *echoes, *large)
        assert [answer.text.rpartition("/")[2] for answer in answers[:60]] == [str(number) for number in range(60)]
        assert [answer.content for answer in answers[60:65]] == [bytes([number]) * 300_000 for number in range(5)]
        assert [answer.content for answer in answers[65:]] == [PIECE * 32] * 3

    with running(tmp_path, tls) as server:
        asyncio.run(main(server.url))


# Frameworks.


def test_starlette_over_http2(tmp_path: Path) -> None:
    """Files, streams, background tasks and errors, as over HTTP/1.1."""
    events: list[str] = []
    (tmp_path / "file.bin").write_bytes(CONTENT)
    with (
        running(tmp_path, True, starlette_app(events, tmp_path)) as server,
        httpx.Client(base_url=server.url, http2=True, verify=trusted(True), timeout=LIMIT_SECONDS) as client,
    ):
        shown = client.get("/show/a%20b?c=d")
        assert shown.http_version == "HTTP/2"
        assert shown.json() == {"path": "/show/a b", "query": "c=d", "pool": "open"}
        assert client.post("/echo", content=iter([b"one", b"two", CONTENT])).content == b"onetwo" + CONTENT
        assert client.get("/background").text == "ok"
        assert client.get("/file").content == CONTENT
        assert client.get("/file", headers={"range": "bytes=5-14"}).content == CONTENT[5:15]
        assert client.head("/static/file.bin").headers["content-length"] == str(len(CONTENT))
        assert client.get("/static/nosuch").status_code == 404
        assert client.get("/fail").status_code == 500
    assert events == ["startup", "background", "shutdown"]


def test_fastapi_over_http2(tmp_path: Path) -> None:
    from fastapi import FastAPI
    from fastapi.responses import StreamingResponse

    app = FastAPI()

    @app.get("/items/{number}")
    async def item(number: int, q: str = "") -> dict[str, Any]:
        return {"number": number, "q": q}

    @app.post("/sum")
    def total(numbers: list[int]) -> int:  # a plain function: FastAPI runs it in a thread
        return sum(numbers)

    @app.get("/events")
    async def events() -> StreamingResponse:
        async def stream() -> Any:
            for number in range(3):
                yield f"data: {number}\n\n"
                await asyncio.sleep(0)

        return StreamingResponse(stream(), media_type="text/event-stream")

    with (
        running(tmp_path, True, app) as server,
        httpx.Client(base_url=server.url, http2=True, verify=trusted(True), timeout=LIMIT_SECONDS) as client,
    ):
        answer = client.get("/items/3?q=x")
        assert (answer.http_version, answer.json()) == ("HTTP/2", {"number": 3, "q": "x"})
        assert client.get("/items/three").status_code == 422
        assert client.post("/sum", json=[1, 2, 3]).json() == 6
        assert client.get("/events").text == "data: 0\n\ndata: 1\n\ndata: 2\n\n"


# curl.


def curl(tmp_path: Path, *arguments: str) -> list[str]:
    """Runs curl; returns its output, line by line, each answer being `BODY VERSION STATUS`."""
    done = subprocess.run(
        ["curl", "-sS", "--cacert", authority().write(tmp_path), "-w", " %{http_version} %{http_code}\n", *arguments],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


WAYS = {
    "prior knowledge": (False, ["--http2-prior-knowledge"]),
    "upgrade": (False, ["--http2"]),
    "tls": (True, ["--http2"]),
}


@pytest.mark.program("curl")
@pytest.mark.parametrize(("tls", "way"), WAYS.values(), ids=WAYS.keys())
@each_loop
def test_curl(tmp_path: Path, tls: bool, way: list[str], loop_name: str) -> None:
    """Each way to HTTP/2 that curl knows; several requests of one connection; an upload and a download."""
    (tmp_path / "upload").write_bytes(PIECE * 48)
    scheme = "https" if tls else "http"
    with running(tmp_path, tls, worker_class=loop_name, h2c_upgrade=True) as server:
        # Debian's curl 7.88 cannot use a connection again that it has by prior knowledge, whoever the server is.
        urls = [f"{server.url}/{number}" for number in range(1 if "prior" in way[0] else 5)]
        assert curl(tmp_path, *way, *urls) == [f"2 {scheme} /{number} 2 200" for number in range(len(urls))]
        assert curl(tmp_path, *way, "-I", urls[0])[-1] == " 2 200"
        assert curl(tmp_path, *way, "-o", "download", f"{server.url}/send/3") == [" 2 200"]
        assert (tmp_path / "download").read_bytes() == PIECE * 48
        body = ["--data-binary", "@upload", f"{server.url}/echo"]
        answer = curl(tmp_path, *way, "-o", "echoed", *body)
        assert answer in ([" 2 200"], [" 1.1 200"] if way == ["--http2"] and not tls else [" 2 200"])
        assert (tmp_path / "echoed").read_bytes() == PIECE * 48
        assert curl(tmp_path, *way, "-Z", "-o", "part#1", f"{server.url}/[0-{len(urls) - 1}]") == [" 2 200"] * len(urls)
        parts = [(tmp_path / f"part{number}").read_text() for number in range(len(urls))]
        assert parts == [f"2 {scheme} /{number}" for number in range(len(urls))]


@pytest.mark.program("curl")
def test_curl_without_the_upgrade(tmp_path: Path) -> None:
    """Where the operator has not asked for it, curl stays with HTTP/1.1; where h2c is off, prior knowledge fails."""
    with running(tmp_path, False) as server:
        assert curl(tmp_path, "--http2", server.url) == ["1.1 http / 1.1 200"]
    with running(tmp_path, False, h2c=False) as server:
        assert curl(tmp_path, "--http1.1", server.url) == ["1.1 http / 1.1 200"]
        done = subprocess.run(
            ["curl", "-sS", "--http2-prior-knowledge", server.url], capture_output=True, timeout=LIMIT_SECONDS
        )
        assert done.returncode != 0


# h2load.


def h2load(*arguments: str) -> str:
    """Runs h2load; fails unless each request succeeded."""
    done = subprocess.run(
        ["h2load", *arguments], capture_output=True, text=True, timeout=2 * LIMIT_SECONDS, check=False
    )
    summary = re.search(
        r"requests: (\d+) total, \d+ started, \d+ done, (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout",
        done.stdout,
    )
    assert summary is not None, done.stdout + done.stderr
    total, succeeded, *bad = map(int, summary.groups())
    assert (succeeded, bad) == (total, [0, 0, 0]), done.stdout
    assert f"status codes: {total} 2xx" in done.stdout
    return done.stdout


@pytest.mark.program("h2load")
@each_transport
@pytest.mark.parametrize("engine", ENGINES)
def test_h2load(tmp_path: Path, tls: bool, engine: str) -> None:
    """Many streams of several connections: small answers, large ones, uploads; no request fails."""
    (tmp_path / "upload").write_bytes(PIECE * 8)
    with running(tmp_path, tls, http2_engine=engine) as server:
        out = h2load("-n", "4000", "-c", "8", "-m", "20", f"{server.url}/hello")
        assert "Application protocol: h2" + ("" if tls else "c") in out
        h2load("-n", "40", "-c", "4", "-m", "5", f"{server.url}/send/1")
        h2load("-n", "60", "-c", "3", "-m", "10", "-d", str(tmp_path / "upload"), f"{server.url}/count")


@pytest.mark.program("h2load")
def test_h2load_on_two_workers(tmp_path: Path) -> None:
    """Also while the workers are replaced one after another: no request of a connection that goes on is lost."""
    with serving(tmp_path, "--workers", "2") as server:
        server.wait_ready(2)
        h2load("-n", "4000", "-c", "8", "-m", "10", f"{server.command.url()}/message")
        assert len(server.ready()) == 2


# nghttp.


@pytest.mark.program("nghttp")
def test_push_to_nghttp(tmp_path: Path) -> None:
    """It takes what is pushed, trailers, and an answer in the order of its priorities."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [], "trailers": True})
        if "http.response.push" in scope["extensions"]:
            await send({"type": "http.response.push", "path": "/pushed", "headers": [(b"x-pushed", b"1")]})
        await send({"type": "http.response.body", "body": scope["raw_path"] * 1000})
        await send({"type": "http.response.trailers", "headers": [(b"x-sum", b"7")]})

    with running(tmp_path, False, app) as server:
        done = subprocess.run(
            ["nghttp", "-nv", "--no-dep", "-H", "te: trailers", f"{server.url}/page"],
            capture_output=True,
            text=True,
            timeout=LIMIT_SECONDS,
            check=False,
        )
    out = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout)
    assert done.returncode == 0, done.stderr
    assert "recv PUSH_PROMISE frame" in out
    assert re.search(r"recv \(stream_id=\d+\) x-pushed: 1", out), out
    assert len(re.findall(r"recv \(stream_id=\d+\) :status: 200", out)) == 2
    assert re.search(r"recv \(stream_id=\d*[13579]\) x-sum: 7", out), out
    assert "recv RST_STREAM" not in out


# Chromium.


@pytest.mark.program("chromium")
def test_page_with_many_resources(tmp_path: Path) -> None:
    """A browser loads all of them over HTTP/2, again on a second visit, and an upload of its own."""
    with (
        running(tmp_path, True) as server,
        chromium(tmp_path, "--ignore-certificate-errors") as browser,
    ):
        for _ in range(2):
            opened = browser.open(f"{server.url}/page")
            opened.wait_for(f"document.title == '{RESOURCES} h2'")
            opened.close()
        opened = browser.open(f"{server.url}/hello")
        assert opened.text() == "2 https /hello"
        opened.evaluate(
            "fetch('/count', {method: 'POST', body: 'x'.repeat(3000000)}).then(answer => answer.text())"
            ".then(text => {document.title = text}), 0"
        )
        opened.wait_for("document.title == '3000000'")


# Stops.


@pytest.mark.parametrize("workers", ["0", "1", "2"])
def test_stop_lets_streams_finish(tmp_path: Path, workers: str) -> None:
    """SIGTERM: GOAWAY of all streams, a round trip, the final one; uploads that go on are answered."""
    with serving(tmp_path, "--workers", workers, "--graceful-timeout", "60") as server:
        address = server.address
        assert isinstance(address, tuple)
        link = Http2Link(address)
        try:
            assert link.answer(link.request("/message"))[0] == 200
            uploads = [link.request("/echo", "POST", end=False) for _ in range(3)]
            link.send_body(uploads[0], b"before ")
            assert link.answer(link.request("/message"))[0] == 200
            server.command.signal(signal.SIGTERM)
            link.read_until(lambda: len(link.goaways) == 2)
            for upload in uploads:
                link.send_body(upload, b"after", end=True)
            assert [link.answer(upload) for upload in uploads] == [
                (200, b"before after"),
                (200, b"after"),
                (200, b"after"),
            ]
            link.read_to_end()
        finally:
            link.close()
        assert link.goaways == [(0, 2**31 - 1), (0, 9)]
        assert server.command.wait() == 0


def has_said_goodbye(link: Http2Link) -> bool:
    """Whether both steps of a graceful end have come."""
    return len(link.goaways) == 2


def test_replaced_worker_lets_streams_finish(tmp_path: Path) -> None:
    """SIGHUP: the old worker announces its end and answers what it has; a new connection is the new worker's."""
    with serving(tmp_path, "--workers", "1", "--max-requests", "1000000", "--graceful-timeout", "60") as server:
        address = server.address
        assert isinstance(address, tuple)
        (old,) = server.wait_ready(1)
        links = [Http2Link(address) for _ in range(2)]
        try:
            uploads = [link.request("/echo", "POST", end=False) for link in links]
            for link in links:
                assert link.answer(link.request("/message"))[0] == 200
            server.command.signal(signal.SIGHUP)
            server.wait_for(ROLLED)
            for link, upload in zip(links, uploads, strict=True):
                link.read_until(functools.partial(has_said_goodbye, link))
                link.send_body(upload, b"whole", end=True)
                assert link.answer(upload) == (200, b"whole")
                link.read_to_end()
                assert link.goaways == [(0, 2**31 - 1), (0, 3)]
        finally:
            for link in links:
                link.close()
        assert server.ask()[0] != str(old)
        assert server.stop() == 0


@pytest.mark.parametrize("tls", [False, True], ids=["clear", "tls"])
def test_stop_of_an_idle_connection(tmp_path: Path, tls: bool) -> None:
    """It ends at once, with GOAWAY."""
    with running(tmp_path, tls) as server:
        link = Http2Link((server.host, server.port), authority().trust(["h2"]) if tls else None)
        try:
            link.answer(link.request())
            server.server.request_stop()
            link.read_to_end()
        finally:
            link.close()
        assert link.goaways[-1] == (0, 1)


# Large bodies.


def high_water(pid: int) -> int:
    """The most memory that a process ever had, in KiB."""
    match = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert match is not None
    return int(match[1])


def transfer(tmp_path: Path, arguments: Sequence[str]) -> None:
    done = subprocess.run(
        ["curl", "-sS", "--fail", "--http2-prior-knowledge", "-o", "/dev/null", *arguments],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=10 * LIMIT_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.program("curl")
def test_large_bodies_need_little_memory(tmp_path: Path) -> None:
    """128 MiB up, down and both ways at once: the process grows by a few MiB."""
    size = 128
    with (tmp_path / "upload").open("wb") as file:
        file.truncate(size * MIB)
    shutil.copy(application.__file__, tmp_path / "main.py")
    with serving(tmp_path, "--workers", "0") as server:
        url = server.command.url()
        transfer(tmp_path, [f"{url}/send/4"])
        transfer(tmp_path, ["--data-binary", "x", f"{url}/count"])
        before = high_water(server.supervisor)
        transfer(tmp_path, [f"{url}/send/{size}"])
        transfer(tmp_path, ["-T", "upload", f"{url}/count"])
        transfer(tmp_path, ["-T", "upload", f"{url}/echo"])
        assert high_water(server.supervisor) - before < 32 * 1024
