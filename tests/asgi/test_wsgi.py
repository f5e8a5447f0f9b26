# SPDX-License-Identifier: MIT
"""The WSGI bridge (fastcorn.asgi.wsgi) against PEP 3333, driven by a plain ASGI exchange without a socket."""

import asyncio
import io
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from wsgiref.validate import validator

import pytest

from fastcorn.asgi.wsgi import SPOOL_SIZE, WSGIAdapter

LIMIT = 30.0
Message = dict[str, Any]


class Exchange:
    """One HTTP exchange: gives request messages, keeps response messages."""

    def __init__(self, *body: bytes, disconnect: bool = False, **scope: Any) -> None:
        self.scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.5"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": "/",
            "raw_path": b"/",
            "query_string": b"",
            "root_path": "",
            "headers": [(b"host", b"example.org:8080")],
            "client": ("10.0.0.9", 4711),
            "server": ("127.0.0.1", 8000),
            "extensions": {},
        } | scope
        blocks = body or (b"",)
        self.incoming: list[Message] = [
            {"type": "http.request", "body": block, "more_body": index < len(blocks) - 1}
            for index, block in enumerate(blocks)
        ]
        if disconnect:
            self.incoming[-1] = {"type": "http.disconnect"}
        self.sent: list[Message] = []
        self.fail_after: int | None = None
        self.gate: asyncio.Event | None = None

    async def receive(self) -> Message:
        return self.incoming.pop(0)

    async def send(self, message: Message) -> None:
        if self.fail_after is not None and len(self.sent) >= self.fail_after:
            raise BrokenPipeError("the client has gone")
        self.sent.append(message)
        if self.gate is not None:
            await self.gate.wait()

    @property
    def status(self) -> int:
        return int(self.sent[0]["status"])

    @property
    def headers(self) -> dict[bytes, bytes]:
        return dict(self.sent[0]["headers"])

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent[1:])


def serve(app: Any, exchange: Exchange, max_body_size: int = 1 << 20) -> Exchange:
    adapter = WSGIAdapter(app, max_body_size)
    asyncio.run(asyncio.wait_for(adapter(exchange.scope, exchange.receive, exchange.send), LIMIT))
    return exchange


def capture(**scope: Any) -> dict[str, Any]:
    """The environ that an application is called with."""
    seen: dict[str, Any] = {}

    def app(environ: Any, start_response: Any) -> list[bytes]:
        seen.update(environ)
        start_response("204 No Content", [])
        return []

    serve(app, Exchange(**scope))
    return seen


def hello(environ: Any, start_response: Callable[..., Any]) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello"]


def test_hello() -> None:
    exchange = serve(hello, Exchange())
    assert exchange.sent == [
        {
            "type": "http.response.start",
            "status": 200,
            "headers": [(b"content-type", b"text/plain"), (b"content-length", b"5")],
        },
        {"type": "http.response.body", "body": b"hello"},
    ]


@pytest.mark.filterwarnings("ignore::wsgiref.validate.WSGIWarning")
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"])
def test_wsgiref_validator_is_content(method: str) -> None:
    def app(environ: Any, start_response: Any) -> Any:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        write = start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body) + 2))])
        write(b"<")

        def blocks() -> Iterator[bytes]:
            yield body
            yield b">"

        return blocks()

    headers = [(b"host", b"example.org"), (b"content-length", b"4"), (b"content-type", b"text/plain")]
    exchange = serve(validator(app), Exchange(b"ab", b"cd", method=method, headers=headers))
    assert exchange.body == b"<abcd>"


def test_environ() -> None:
    environ = capture(
        method="PUT",
        path="/app/caf\xe9 au lait",
        raw_path=b"/app/caf%C3%A9%20au%20lait",
        query_string=b"a=%20b",
        root_path="/app",
        scheme="https",
        headers=[
            (b"host", b"example.org"),
            (b"x-one", b"1"),
            (b"x-one", b"2"),
            (b"x_one", b"forged"),
            (b"cookie", b"a=b"),
            (b"cookie", b"c=d"),
            (b"content-type", b"text/plain"),
            (b"content-length", b"0"),
        ],
    )
    expected = {
        "REQUEST_METHOD": "PUT",
        "SCRIPT_NAME": "/app",
        "PATH_INFO": "/caf\xc3\xa9 au lait",
        "QUERY_STRING": "a=%20b",
        "RAW_URI": "/app/caf%C3%A9%20au%20lait?a=%20b",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "10.0.0.9",
        "REMOTE_PORT": "4711",
        "HTTP_HOST": "example.org",
        "HTTP_X_ONE": "1,2",
        "HTTP_COOKIE": "a=b; c=d",
        "CONTENT_TYPE": "text/plain",
        "CONTENT_LENGTH": "0",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "https",
        "wsgi.run_once": False,
        "wsgi.input_terminated": True,
    }
    assert {name: environ.get(name) for name in expected} == expected
    assert environ["asgi.scope"]["method"] == "PUT"
    assert type(environ) is dict


@pytest.mark.parametrize(
    ("root_path", "path", "script_name", "path_info"),
    [
        ("", "/a", "", "/a"),
        ("/app", "/app/a", "/app", "/a"),
        ("/app", "/app", "/app", ""),
        ("/app/", "/app/a", "/app", "/a"),
        ("/app", "/a", "/app", "/a"),
        ("/app", "/apple", "/app", "/apple"),
    ],
)
def test_path_with_and_without_root_path(root_path: str, path: str, script_name: str, path_info: str) -> None:
    environ = capture(root_path=root_path, path=path, raw_path=path.encode())
    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == (script_name, path_info)


@pytest.mark.parametrize(
    ("host", "scheme", "name", "port"),
    [
        (b"example.org", "http", "example.org", "80"),
        (b"example.org", "https", "example.org", "443"),
        (b"example.org:81", "http", "example.org", "81"),
        (b"[::1]:81", "http", "[::1]", "81"),
        (b"", "http", "localhost", "80"),
    ],
)
def test_server_of_a_unix_socket_is_what_the_client_asked_for(host: bytes, scheme: str, name: str, port: str) -> None:
    environ = capture(headers=[(b"host", host)], scheme=scheme, server=("/run/app.sock", None), client=None)
    assert (environ["SERVER_NAME"], environ["SERVER_PORT"], environ["REMOTE_ADDR"]) == (name, port, "")


def test_chunked_body_gets_a_content_length() -> None:
    seen: dict[str, Any] = {}

    def app(environ: Any, start_response: Any) -> list[bytes]:
        seen.update(length=environ["CONTENT_LENGTH"], body=environ["wsgi.input"].read())
        start_response("200 OK", [])
        return []

    serve(app, Exchange(b"abc", b"def", headers=[(b"transfer-encoding", b"chunked")]))
    assert seen == {"length": "6", "body": b"abcdef"}


def test_large_body_is_spooled() -> None:
    block = bytes(range(256)) * 1024
    count = SPOOL_SIZE // len(block) + 2

    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        body = environ["wsgi.input"].read()
        return [b"%d %d" % (len(body), body == block * count)]

    exchange = serve(app, Exchange(*[block] * count, method="POST"), max_body_size=count * len(block))
    assert exchange.body == b"%d 1" % (count * len(block))


@pytest.mark.parametrize(
    ("blocks", "headers"),
    [([b"12345", b"67890"], []), ([b""], [(b"content-length", b"10")])],
    ids=["counted", "announced"],
)
def test_body_over_the_limit_is_answered_with_413(blocks: list[bytes], headers: list[tuple[bytes, bytes]]) -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        raise AssertionError("the application must not be called")

    exchange = serve(app, Exchange(*blocks, method="POST", headers=headers), max_body_size=9)
    assert exchange.status == 413


def test_body_at_the_limit_is_taken() -> None:
    assert serve(hello, Exchange(b"123456789", method="POST"), max_body_size=9).status == 200


def test_disconnect_while_reading_never_reaches_the_application() -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        raise AssertionError("the application must not be called")

    assert serve(app, Exchange(b"a", b"", disconnect=True)).sent == []


def bodies(exchange: Exchange) -> list[tuple[bytes, bool]]:
    return [(message["body"], message.get("more_body", False)) for message in exchange.sent[1:]]


def responding(*blocks: bytes, headers: list[tuple[str, str]] | None = None, status: str = "200 OK") -> Any:
    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response(status, headers or [])
        yield from blocks

    return app


def test_iterables_are_streamed_block_by_block() -> None:
    exchange = serve(responding(b"a", b"", b"b"), Exchange())
    assert bodies(exchange) == [(b"a", True), (b"b", True), (b"", False)]
    assert b"content-length" not in exchange.headers


def test_block_that_fills_the_content_length_ends_the_body_at_once() -> None:
    exchange = serve(responding(b"abc", headers=[("Content-Length", "3")]), Exchange())
    assert bodies(exchange) == [(b"abc", False)]


def test_list_of_blocks_is_kept_apart() -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return [b"a", b"", b"b"]

    assert bodies(serve(app, Exchange())) == [(b"a", True), (b"b", False)]


@pytest.mark.parametrize(
    ("app", "length"),
    [
        (responding(), b"0"),
        (responding(b"", b""), b"0"),
        (responding(status="204 No Content"), None),
        (responding(status="304 Not Modified"), None),
        (responding(headers=[("Content-Length", "0")]), b"0"),
    ],
)
def test_empty_responses(app: Any, length: bytes | None) -> None:
    exchange = serve(app, Exchange())
    assert bodies(exchange) == [(b"", False)]
    assert exchange.headers.get(b"content-length") == length


def test_head_gets_no_length_that_nobody_knows() -> None:
    assert b"content-length" not in serve(responding(), Exchange(method="HEAD")).headers
    assert serve(hello, Exchange(method="HEAD")).headers[b"content-length"] == b"5"


def test_write_sends_before_the_iterable() -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        write = start_response("200 OK", [])
        write(b"a")
        write(b"")
        write(b"b")
        return [b"c"]

    assert bodies(serve(app, Exchange())) == [(b"a", True), (b"b", True), (b"c", False)]


def test_start_response_may_come_with_the_first_block() -> None:
    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        yield b""
        start_response("201 Created", [])
        yield b"late"

    exchange = serve(app, Exchange())
    assert (exchange.status, exchange.body) == (201, b"late")


def error_app(sent_before: bool) -> Any:
    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [("X-A", "1")])
        if sent_before:
            yield b"part"
        try:
            raise KeyError("late")
        except KeyError as error:
            start_response("500 Oops", [("X-B", "2")], (KeyError, error, error.__traceback__))
        yield b"sorry"

    return app


def test_exc_info_replaces_a_head_that_was_not_sent() -> None:
    exchange = serve(error_app(False), Exchange())
    assert (exchange.status, exchange.body) == (500, b"sorry")
    assert b"x-a" not in exchange.headers


def test_exc_info_raises_when_the_head_was_sent() -> None:
    exchange = Exchange()
    with pytest.raises(KeyError, match="late"):
        serve(error_app(True), exchange)
    assert exchange.body == b"part"


class Closing:
    def __init__(self, *blocks: Any) -> None:
        self.blocks = blocks
        self.closed_in: list[str] = []

    def __iter__(self) -> Iterator[Any]:
        for block in self.blocks:
            if isinstance(block, Exception):
                raise block
            yield block

    def close(self) -> None:
        self.closed_in.append(threading.current_thread().name)


def closing_app(result: Closing, threads: list[str]) -> Any:
    def app(environ: Any, start_response: Any) -> Closing:
        threads.append(threading.current_thread().name)
        start_response("200 OK", [])
        return result

    return app


def test_close_runs_in_the_thread_of_the_request() -> None:
    result, threads = Closing(b"a"), list[str]()
    serve(closing_app(result, threads), Exchange())
    assert result.closed_in == threads
    assert threads[0].startswith("fastcorn-wsgi")


def test_close_runs_when_the_iterable_raises() -> None:
    result = Closing(b"a", ValueError("broken"))
    with pytest.raises(ValueError, match="broken"):
        serve(closing_app(result, []), Exchange())
    assert len(result.closed_in) == 1


def test_close_runs_when_the_client_has_gone() -> None:
    result = Closing(b"a", b"b", b"c")
    exchange = Exchange()
    exchange.fail_after = 2
    with pytest.raises(BrokenPipeError):
        serve(closing_app(result, []), exchange)
    assert len(result.closed_in) == 1
    assert exchange.body == b"a"


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ((200, []), ValueError),
        (("20 OK", []), ValueError),
        (("200OK", []), ValueError),
        (("200 OK\r\nX: y", []), ValueError),
        (("200 OK", [("X", 1)]), TypeError),
        (("200 OK", [(b"X", "1")]), TypeError),
        (("200 OK", [("X", "\u2603")]), UnicodeEncodeError),
    ],
)
def test_bad_start_response_raises_in_the_application(arguments: Any, error: type[Exception]) -> None:
    caught: list[BaseException] = []

    def app(environ: Any, start_response: Any) -> list[bytes]:
        try:
            start_response(*arguments)
        except Exception as raised:
            caught.append(raised)
        start_response("200 OK", [])
        return []

    serve(app, Exchange())
    assert [type(raised) for raised in caught] == [error]


def test_second_start_response_without_exc_info_raises() -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        start_response("200 OK", [])
        return []

    with pytest.raises(AssertionError, match="twice"):
        serve(app, Exchange())


def test_missing_start_response_raises() -> None:
    with pytest.raises(AssertionError, match="without calling start_response"):
        serve(lambda environ, start_response: [b"x"], Exchange())


def test_str_block_raises() -> None:
    with pytest.raises(TypeError, match="must give bytes, not str"):
        serve(responding("text"), Exchange())  # type: ignore[arg-type]


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), StopIteration("x")])
def test_exception_that_would_end_the_loop_becomes_an_error(error: BaseException) -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        raise error

    with pytest.raises(RuntimeError, match=type(error).__name__):
        serve(app, Exchange())


def test_hop_by_hop_fields_are_left_to_the_server() -> None:
    exchange = serve(
        responding(
            b"x", headers=[("Connection", "close"), ("Transfer-Encoding", "chunked"), ("Upgrade", "a"), ("A", "b")]
        ),
        Exchange(),
    )
    assert exchange.headers == {b"a": b"b"}


def test_streaming_waits_for_the_connection() -> None:
    """A block is asked for only when the one before it was taken."""
    produced: list[int] = []

    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        for number in range(3):
            produced.append(number)
            yield b"x"

    async def main() -> None:
        exchange = Exchange()
        exchange.gate = asyncio.Event()
        adapter = WSGIAdapter(app, 1 << 20)
        running = asyncio.ensure_future(adapter(exchange.scope, exchange.receive, exchange.send))
        while not exchange.sent:
            await asyncio.sleep(0)
        for _ in range(100):
            await asyncio.sleep(0)
        assert produced == [0]
        exchange.gate.set()
        await running
        assert produced == [0, 1, 2]

    asyncio.run(asyncio.wait_for(main(), LIMIT))


def test_cancelled_exchange_stops_the_thread_at_its_next_block() -> None:
    closed = threading.Event()
    proceed = threading.Event()

    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        try:
            yield b"first"
            proceed.wait(LIMIT)
            while True:
                yield b"more"
        finally:
            closed.set()

    async def main() -> None:
        exchange = Exchange()
        adapter = WSGIAdapter(app, 1 << 20)
        running = asyncio.ensure_future(adapter(exchange.scope, exchange.receive, exchange.send))
        while not exchange.sent:
            await asyncio.sleep(0)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        proceed.set()
        assert await asyncio.to_thread(closed.wait, LIMIT)

    asyncio.run(asyncio.wait_for(main(), 2 * LIMIT))


def test_file_wrapper_reads_blocks() -> None:
    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        return environ["wsgi.file_wrapper"](io.BytesIO(b"abcdef"), 4)

    assert bodies(serve(app, Exchange())) == [(b"abcd", True), (b"ef", True), (b"", False)]


@pytest.mark.parametrize(("headers", "count"), [([], 4), ([("Content-Length", "3")], 3)])
def test_file_wrapper_uses_zero_copy_when_offered(headers: Any, count: int, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"abcdef")
    opened: list[Any] = []

    def app(environ: Any, start_response: Any) -> Any:
        opened.append(file.open("rb"))
        opened[0].read(2)
        start_response("200 OK", headers)
        return environ["wsgi.file_wrapper"](opened[0])

    exchange = serve(app, Exchange(extensions={"http.response.zerocopysend": {}}))
    assert exchange.sent[1] == {
        "type": "http.response.zerocopysend",
        "file": opened[0],
        "offset": 2,
        "count": count,
    }
    assert exchange.headers[b"content-length"] == b"%d" % count
    assert opened[0].closed


def test_early_hints() -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        environ["wsgi.early_hints"]([("Link", "</a.css>; rel=preload"), ("X-Other", "1")])
        return hello(environ, start_response)

    exchange = serve(app, Exchange(extensions={"http.response.early_hint": {}}))
    assert exchange.sent[0] == {"type": "http.response.early_hint", "links": [b"</a.css>; rel=preload"]}
    assert [message["type"] for message in serve(app, Exchange()).sent] == [
        "http.response.start",
        "http.response.body",
    ]


def test_context_variables_of_the_exchange_reach_the_thread() -> None:
    import contextvars

    variable = contextvars.ContextVar("variable", default="unset")

    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return [variable.get().encode()]

    async def main() -> None:
        variable.set("set by the loop")
        exchange = Exchange()
        await WSGIAdapter(app, 1 << 20)(exchange.scope, exchange.receive, exchange.send)
        assert exchange.body == b"set by the loop"

    asyncio.run(asyncio.wait_for(main(), LIMIT))


def test_lifespan_is_answered_and_ends_the_threads() -> None:
    async def main() -> None:
        adapter = WSGIAdapter(hello, 1 << 20)
        exchange = Exchange()
        await adapter(exchange.scope, exchange.receive, exchange.send)
        incoming = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
        sent: list[str] = []

        async def receive() -> Message:
            return incoming.pop(0)

        async def send(message: Message) -> None:
            sent.append(message["type"])

        await adapter({"type": "lifespan"}, receive, send)
        assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
        exchange = Exchange()
        await adapter(exchange.scope, exchange.receive, exchange.send)
        assert exchange.body == b"hello"

    asyncio.run(asyncio.wait_for(main(), LIMIT))


def test_websocket_is_refused() -> None:
    exchange = Exchange(type="websocket")
    serve(hello, exchange)
    assert exchange.sent == [{"type": "websocket.close"}]


def test_unknown_scope_is_refused() -> None:
    with pytest.raises(ValueError, match="scope type 'webtransport'"):
        serve(hello, Exchange(type="webtransport"))
