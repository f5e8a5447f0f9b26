# SPDX-License-Identifier: MIT
"""The response extensions: trailers, early hints, pathsend and zerocopysend."""

from __future__ import annotations

import asyncio
import io
import os
from pathlib import Path
from typing import Any

import pytest

from tests.applications import answering, body, sending, start
from tests.exchanges import Answer, Event, Receive, Scope, Send
from tests.serving import Serve

APPLICATION_ERRORS = (RuntimeError, TypeError, ValueError, KeyError)
TE = [("TE", "trailers")]


def trailers(*headers: tuple[bytes, bytes], more: bool = False) -> Event:
    return {"type": "http.response.trailers", "headers": list(headers), "more_trailers": more}


def hint(*links: bytes) -> Event:
    return {"type": "http.response.early_hint", "links": list(links)}


def pathsend(path: Any) -> Event:
    return {"type": "http.response.pathsend", "path": path}


def zerocopysend(file: Any, **more: Any) -> Event:
    return {"type": "http.response.zerocopysend", "file": file, **more}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file of 300,000 bytes."""
    path = tmp_path / "data.bin"
    path.write_bytes(bytes(range(250)) * 1200)
    return path


def settle_files(exchange: Any) -> None:
    """Lets a file be sent, also when another thread reads it."""
    exchange.driver.settle_until(lambda: exchange.answer.complete or exchange.ended)


# X7: trailers.


def answer_with_trailers(serve: Serve, *te: str) -> Answer:
    app = sending(start(200, [(b"trailer", b"x-sum")], trailers=True), body(b"data"), trailers((b"x-sum", b"7")))
    answer = serve(app).request("GET", "/", [("TE", value) for value in te]).answer
    assert (answer.body, answer.complete) == (b"data", True)
    assert answer.header(b"trailer") == b"x-sum"
    return answer


def test_trailers_are_sent_to_those_who_ask(serve: Serve) -> None:
    """X7: with TE."""
    assert answer_with_trailers(serve, "trailers").trailers == [(b"x-sum", b"7")]


@pytest.mark.protocol("1.1")  # RFC 9113 section 8.2.2: in HTTP/2, `trailers` alone is a right value
@pytest.mark.parametrize("te", ["Trailers", "gzip, trailers", "trailers;q=0.5", "a , TRAILERS , b"])
def test_trailers_among_other_codings(serve: Serve, te: str) -> None:
    """X7: TE is a list, its words are case-insensitive."""
    assert answer_with_trailers(serve, te).trailers == [(b"x-sum", b"7")]


def test_trailers_are_consumed_and_not_sent_to_others(serve: Serve) -> None:
    """X7: the answer is whole without them."""
    assert answer_with_trailers(serve).trailers == []


@pytest.mark.protocol("1.1")
@pytest.mark.parametrize("te", ["gzip", "trailersx", ""])
def test_trailers_are_not_sent_to_those_who_take_other_codings(serve: Serve, te: str) -> None:
    """X7."""
    assert answer_with_trailers(serve, te).trailers == []


def test_trailers_in_several_messages(serve: Serve) -> None:
    """X7: more_trailers."""
    app = sending(
        start(200, trailers=True),
        body(b"da", True),
        body(b"ta"),
        trailers((b"x-a", b"1"), more=True),
        trailers((b"x-b", b"2"), (b"x-c", b"3")),
    )
    answer = serve(app).request("GET", "/", TE).answer
    assert answer.trailers == [(b"x-a", b"1"), (b"x-b", b"2"), (b"x-c", b"3")]
    assert answer.complete


def test_answer_with_trailers_is_not_complete_before_them(serve: Serve) -> None:
    """X7, R3: the last body message does not end it."""
    gate = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start(200, trailers=True))
        await send(body(b"data"))
        await gate.wait()
        await send(trailers((b"x-sum", b"7")))

    exchange = serve(app).request("GET", "/", TE)
    assert (exchange.answer.body, exchange.answer.complete) == (b"data", False)
    gate.set()
    exchange.driver.settle()
    assert exchange.answer.complete


def test_trailers_with_a_length_leave_the_body_whole(serve: Serve) -> None:
    """X7: a length and trailers cannot both be in HTTP/1.1; the body is what counts."""
    app = sending(start(200, [(b"content-length", b"4")], trailers=True), body(b"data"), trailers((b"x-sum", b"7")))
    answer = serve(app).request("GET", "/", TE).answer
    assert (answer.body, answer.complete) == (b"data", True)


def test_trailers_that_were_not_announced_are_refused(serve: Serve) -> None:
    """X7, C5: `trailers` in the start message was False."""
    raised: list[BaseException] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start(200))
        await send(body(b"data", True))
        try:
            await send(trailers((b"x", b"1")))
        except Exception as error:
            raised.append(error)
        await send(body())

    answer = serve(app).request("GET", "/", TE).answer
    assert isinstance(raised[0], APPLICATION_ERRORS)
    assert (answer.body, answer.trailers, answer.complete) == (b"data", [], True)


def test_trailers_before_the_end_of_the_body_are_refused(serve: Serve) -> None:
    """X7, C5."""
    raised: list[BaseException] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start(200, trailers=True))
        await send(body(b"data", True))
        try:
            await send(trailers((b"x", b"1")))
        except Exception as error:
            raised.append(error)
        await send(body())
        await send(trailers())

    answer = serve(app).request("GET", "/", TE).answer
    assert isinstance(raised[0], APPLICATION_ERRORS)
    assert answer.complete


@pytest.mark.parametrize("field", [(b":status", b"1"), (b"x y", b"1"), (b"x", b"a\r\nb"), ("x", "y"), (b"", b"")])
def test_malformed_trailers_are_refused(serve: Serve, field: Any) -> None:
    """X7, C5: checked as strictly as headers; the answer is cut, for it cannot be ended as announced."""
    raised: list[BaseException] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start(200, trailers=True))
        await send(body(b"data"))
        try:
            await send(trailers(field))
        except Exception as error:
            raised.append(error)
            raise

    served = serve(app)
    exchange = served.request("GET", "/", TE)
    assert isinstance(raised[0], APPLICATION_ERRORS)
    assert exchange.answer.truncated
    assert len(served.take_errors()) == 1


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_trailers_of_an_answer_without_body_are_consumed(serve: Serve, method: str) -> None:
    """X7, R7."""
    app = sending(start(200 if method == "HEAD" else 204, trailers=True), body(b"x"), trailers((b"x", b"1")))
    answer = serve(app).request(method, "/", TE).answer
    assert (answer.body, answer.trailers, answer.complete) == (b"", [], True)


def test_missing_trailers_are_visible(serve: Serve) -> None:
    """X7, R9: announced, and the application returned without them."""
    served = serve(sending(start(200, trailers=True), body(b"data")))
    answer = served.request("GET", "/", TE).answer
    assert answer.truncated
    assert len(served.take_errors()) == 1


# X6: early hints.


def test_early_hint_before_start(serve: Serve) -> None:
    """X6: at once, as 103, with a link field for each link."""
    gate = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(hint(b"</a.css>; rel=preload", b"</b.js>; rel=preload"))
        await gate.wait()
        await answering(b"ok")(scope, receive, send)

    exchange = serve(app).request()
    links = [(b"link", b"</a.css>; rel=preload"), (b"link", b"</b.js>; rel=preload")]
    assert exchange.answer.interim == [(103, links)]
    gate.set()
    exchange.driver.settle()
    assert (exchange.answer.status, exchange.answer.body) == (200, b"ok")


def test_early_hint_after_start(serve: Serve) -> None:
    """X6: the head has not left yet, so the hint still comes before it."""
    answer = serve(sending(start(), hint(b"</a>"), body(b"ok"))).request().answer
    assert (answer.interim, answer.status, answer.body) == ([(103, [(b"link", b"</a>")])], 200, b"ok")


def test_early_hints_may_repeat(serve: Serve) -> None:
    """X6."""
    answer = serve(sending(hint(b"</a>"), hint(b"</b>"), start(), body(b"ok"))).request().answer
    assert answer.interim == [(103, [(b"link", b"</a>")]), (103, [(b"link", b"</b>")])]


def test_early_hint_after_the_first_body_does_no_harm(serve: Serve) -> None:
    """X6: too late to be of use."""
    raised: list[BaseException] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start())
        await send(body(b"o", True))
        try:
            await send(hint(b"</a>"))
        except APPLICATION_ERRORS as error:
            raised.append(error)
        await send(body(b"k"))

    answer = serve(app).request().answer
    assert (answer.interim, answer.body, answer.complete) == ([], b"ok", True)


@pytest.mark.parametrize("links", [["</a>"], [b"a\r\nb"], [b"a\0"], None, 7, b"</a>", [1]])
def test_malformed_early_hint_is_refused(serve: Serve, links: Any) -> None:
    """X6, C5: nothing of it is sent."""
    raised: list[BaseException] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await send({"type": "http.response.early_hint", "links": links})
        except Exception as error:
            raised.append(error)
        await answering(b"ok")(scope, receive, send)

    answer = serve(app).request().answer
    assert isinstance(raised[0], APPLICATION_ERRORS)
    assert (answer.interim, answer.body) == ([], b"ok")


def test_hints_without_links_and_generators(serve: Serve) -> None:
    """X6: links is an iterable; it may be empty or missing."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.early_hint", "links": (link for link in (b"</a>",))})
        await answering(b"ok")(scope, receive, send)

    assert serve(app).request().answer.interim == [(103, [(b"link", b"</a>")])]


# X4: pathsend.


def file_head(path: Path) -> Event:
    return start(200, [(b"content-length", b"%d" % path.stat().st_size)])


def test_pathsend_sends_the_file(serve: Serve, file: Path) -> None:
    """X4: and completes the response."""
    exchange = serve(sending(file_head(file), pathsend(str(file)))).request()
    settle_files(exchange)
    assert (exchange.answer.body, exchange.answer.complete) == (file.read_bytes(), True)


def test_pathsend_without_a_length(serve: Serve, file: Path) -> None:
    """X4: framed like any body."""
    exchange = serve(sending(start(), pathsend(str(file)))).request()
    settle_files(exchange)
    assert (exchange.answer.body, exchange.answer.complete) == (file.read_bytes(), True)


def test_pathsend_of_an_empty_file(serve: Serve, tmp_path: Path) -> None:
    """X4."""
    path = tmp_path / "empty"
    path.touch()
    exchange = serve(sending(file_head(path), pathsend(str(path)))).request()
    settle_files(exchange)
    assert (exchange.answer.body, exchange.answer.complete) == (b"", True)


def test_pathsend_for_head(serve: Serve, file: Path) -> None:
    """X4, R7."""
    exchange = serve(sending(file_head(file), pathsend(str(file)))).request("HEAD")
    settle_files(exchange)
    assert (exchange.answer.body, exchange.answer.complete) == (b"", True)
    assert exchange.answer.header(b"content-length") == b"300000"


def outcome_of_file(serve: Serve, *events: Event) -> tuple[list[BaseException], Any]:
    """Sends events, the last of which the application is to be refused."""
    raised: list[BaseException] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        for event in events[:-1]:
            await send(event)
        try:
            await send(events[-1])
        except BaseException as error:
            raised.append(error)
            raise

    served = serve(app)
    exchange = served.request()
    exchange.driver.settle_until(lambda: bool(raised))
    served.take_errors()
    return raised, exchange


def test_pathsend_of_a_missing_file_invents_no_answer(serve: Serve, tmp_path: Path) -> None:
    """X4: the application is told; no body is sent under its head."""
    path = str(tmp_path / "missing")
    raised, exchange = outcome_of_file(serve, start(200, [(b"content-length", b"5")]), pathsend(path))
    assert len(raised) == 1
    assert exchange.answer.body == b"" or exchange.answer.status == 500
    assert exchange.answer.status == 500 or exchange.answer.truncated


def test_pathsend_before_start_is_refused(serve: Serve, file: Path) -> None:
    """X4, R4."""
    raised, exchange = outcome_of_file(serve, pathsend(str(file)))
    assert isinstance(raised[0], APPLICATION_ERRORS)
    assert exchange.answer.status == 500


@pytest.mark.parametrize("path", ["relative", "", None, 7])
def test_pathsend_of_no_absolute_path_is_refused(serve: Serve, path: Any) -> None:
    """X4, C5."""
    raised, exchange = outcome_of_file(serve, start(), pathsend(path))
    assert isinstance(raised[0], (*APPLICATION_ERRORS, OSError))
    assert exchange.answer.status == 500 or exchange.answer.truncated


@pytest.mark.parametrize("kind", ["directory", "fifo", "nul"])
def test_pathsend_of_no_regular_file_is_refused(serve: Serve, tmp_path: Path, kind: str) -> None:
    """X4: and never blocks the loop (a FIFO without a writer would)."""
    path = str(tmp_path)
    if kind == "fifo":
        path = str(tmp_path / "fifo")
        os.mkfifo(path)
    elif kind == "nul":
        path = "/a\0b"
    raised, exchange = outcome_of_file(serve, start(), pathsend(path))
    assert len(raised) == 1
    assert exchange.answer.status == 500 or exchange.answer.truncated


def test_pathsend_mixed_with_body_is_refused(serve: Serve, file: Path) -> None:
    """X4: once per response, and not after body bytes."""
    raised, exchange = outcome_of_file(serve, start(), body(b"x", True), pathsend(str(file)))
    assert isinstance(raised[0], APPLICATION_ERRORS)
    assert exchange.answer.truncated


def test_file_shorter_than_the_length_is_visible(serve: Serve, file: Path) -> None:
    """X4, R8."""
    served = serve(sending(start(200, [(b"content-length", b"300001")]), pathsend(str(file))))
    exchange = served.request()
    settle_files(exchange)
    assert exchange.answer.truncated
    served.driver.settle_until(lambda: served.context.active_requests == 0)
    served.take_errors()


def test_file_longer_than_the_length_is_not_sent_whole(serve: Serve, file: Path) -> None:
    """X4, R8: never a byte more than announced."""
    served = serve(sending(start(200, [(b"content-length", b"10")]), pathsend(str(file))))
    exchange = served.request()
    settle_files(exchange)
    assert len(exchange.answer.body) <= 10
    served.take_errors()


def test_pathsend_to_a_client_that_reads_slowly_is_bounded(serve: Serve, tmp_path: Path) -> None:
    """X4, C11: the file is not read into memory."""
    path = tmp_path / "large"
    path.write_bytes(b"large file " * 400_000)
    exchange = serve(sending(file_head(path), pathsend(str(path)))).open()
    exchange.stop_reading()
    exchange.begin()
    exchange.driver.settle_until(lambda: exchange.unread > 0)
    exchange.driver.settle()
    assert exchange.unread <= 1024 * 1024
    exchange.resume_reading()
    settle_files(exchange)
    assert exchange.answer.body == path.read_bytes()


def test_pathsend_whose_client_leaves_ends(serve: Serve, tmp_path: Path) -> None:
    """X4, R5: send() returns or raises OSError, the next one raises; the file is closed (an open one would warn)."""
    path = tmp_path / "large"
    path.write_bytes(b"large file " * 400_000)
    outcomes: list[BaseException | None] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(file_head(path))
        try:
            await send(pathsend(str(path)))
            await send(body())
        except OSError as error:
            outcomes.append(error)
            raise

    exchange = serve(app).open()
    exchange.stop_reading()
    exchange.begin()
    exchange.driver.settle_until(lambda: exchange.unread > 0)
    exchange.disconnect()
    exchange.driver.settle_until(lambda: bool(outcomes))
    assert isinstance(outcomes[0], OSError)


# X3: zerocopysend.


@pytest.mark.parametrize(
    ("offset", "count"),
    [(None, None), (0, None), (100, None), (None, 1000), (299_999, None), (300_000, None), (5, 70_000), (0, 400_000)],
)
@pytest.mark.parametrize("length", [True, False])
def test_zerocopysend_sends_the_part(
    serve: Serve, file: Path, offset: int | None, count: int | None, length: bool
) -> None:
    """X3: from offset or the current position, count bytes or to the end; the file stays open."""
    data = file.read_bytes()[offset or 0 :][:count]
    more = {key: value for key, value in (("offset", offset), ("count", count)) if value is not None}
    fields = [(b"content-length", b"%d" % len(data))] if length else []
    with file.open("rb") as opened:
        exchange = serve(sending(start(200, fields), zerocopysend(opened, **more))).request()
        settle_files(exchange)
        assert not opened.closed
        assert os.fstat(opened.fileno()).st_size == 300_000
    assert (exchange.answer.body, exchange.answer.complete) == (data, True)


def test_zerocopysend_takes_a_descriptor(serve: Serve, file: Path) -> None:
    """X3: the specification's `file` has a fileno(); a bare number is a common mistake or convenience."""
    descriptor = os.open(file, os.O_RDONLY)
    try:
        served = serve(sending(start(), zerocopysend(descriptor)))
        exchange = served.request()
        settle_files(exchange)
        if exchange.answer.status == 200:
            assert exchange.answer.body == file.read_bytes()
        else:
            assert len(served.take_errors()) == 1
        os.fstat(descriptor)
    finally:
        os.close(descriptor)


def test_zerocopysend_continues_where_it_was(serve: Serve, file: Path) -> None:
    """X3: repeatable, and without offset from the current position."""
    data = file.read_bytes()
    with file.open("rb", buffering=0) as opened:
        opened.seek(10)
        events = [zerocopysend(opened, count=100, more_body=True), zerocopysend(opened, count=50)]
        exchange = serve(sending(start(), *events)).request()
        settle_files(exchange)
    assert (exchange.answer.body, exchange.answer.complete) == (data[10:160], True)


def test_zerocopysend_mixes_with_body(serve: Serve, file: Path) -> None:
    """X3: in order."""
    data = file.read_bytes()
    with file.open("rb") as opened:
        app = sending(
            start(),
            body(b"before", True),
            zerocopysend(opened, offset=7, count=100_000, more_body=True),
            body(b"between", True),
            zerocopysend(opened, offset=0, count=5, more_body=True),
            body(b"after"),
        )
        exchange = serve(app).request()
        settle_files(exchange)
    assert exchange.answer.body == b"before" + data[7:100_007] + b"between" + data[:5] + b"after"
    assert exchange.answer.complete


def test_zerocopysend_of_nothing_ends_the_body(serve: Serve, file: Path) -> None:
    """X3: a count of zero is an empty body message."""
    with file.open("rb") as opened:
        app = sending(start(), body(b"all", True), zerocopysend(opened, count=0))
        exchange = serve(app).request()
        settle_files(exchange)
    assert (exchange.answer.body, exchange.answer.complete) == (b"all", True)


def test_zerocopysend_for_head_sends_nothing(serve: Serve, file: Path) -> None:
    """X3, R7."""
    with file.open("rb") as opened:
        exchange = serve(sending(file_head(file), zerocopysend(opened))).request("HEAD")
        settle_files(exchange)
    assert (exchange.answer.body, exchange.answer.complete) == (b"", True)


@pytest.mark.parametrize("bad", [None, "path", 1.5, object()])
def test_zerocopysend_of_no_file_is_refused(serve: Serve, bad: Any) -> None:
    """X3, C5: `file` must be one that can be read."""
    raised, exchange = outcome_of_file(serve, start(), zerocopysend(bad))
    assert isinstance(raised[0], APPLICATION_ERRORS)
    assert exchange.answer.status == 500 or exchange.answer.truncated


@pytest.mark.parametrize("more", [{"offset": -1}, {"count": -1}, {"offset": "1"}, {"count": 1.5}])
def test_zerocopysend_with_a_bad_range_is_refused(serve: Serve, file: Path, more: dict[str, Any]) -> None:
    """X3, C5."""
    with file.open("rb") as opened:
        raised, exchange = outcome_of_file(serve, start(), zerocopysend(opened, **more))
    assert isinstance(raised[0], APPLICATION_ERRORS)
    assert exchange.answer.status == 500 or exchange.answer.truncated


def test_zerocopysend_of_a_closed_file_is_refused(serve: Serve, file: Path) -> None:
    """X3, C5."""
    opened = file.open("rb")
    opened.close()
    raised, exchange = outcome_of_file(serve, start(), zerocopysend(opened))
    assert len(raised) == 1
    assert exchange.answer.status == 500 or exchange.answer.truncated


def test_zerocopysend_beyond_the_length_is_refused(serve: Serve, file: Path) -> None:
    """X3, R8: never a byte more than announced."""
    with file.open("rb") as opened:
        length = (b"content-length", b"5")
        raised, exchange = outcome_of_file(serve, start(200, [length]), zerocopysend(opened, count=6))
    assert isinstance(raised[0], APPLICATION_ERRORS)
    assert exchange.answer.truncated
    assert exchange.answer.body == file.read_bytes()[: len(exchange.answer.body)]


def test_zerocopysend_to_the_end_is_cut_at_the_length(serve: Serve, file: Path) -> None:
    """X3, R8: without a count the length says how much is meant."""
    with file.open("rb") as opened:
        exchange = serve(sending(start(200, [(b"content-length", b"5")]), zerocopysend(opened))).request()
        settle_files(exchange)
    assert (exchange.answer.body, exchange.answer.complete) == (file.read_bytes()[:5], True)


def test_zerocopysend_of_a_file_in_memory(serve: Serve) -> None:
    """X3: what has no descriptor is read; like a true file it stays open."""
    file = io.BytesIO(b"0123456789")
    exchange = serve(sending(start(), zerocopysend(file, offset=2, count=5))).request()
    settle_files(exchange)
    assert (exchange.answer.body, exchange.answer.complete) == (b"23456", True)
    assert not file.closed


def test_zerocopysend_of_a_pipe(serve: Serve) -> None:
    """X3: what is no regular file is read as it comes."""
    reader, writer = os.pipe()
    with os.fdopen(writer, "wb") as source, os.fdopen(reader, "rb", buffering=0) as opened:
        source.write(b"through a pipe")
        source.close()
        exchange = serve(sending(start(), zerocopysend(opened))).request()
        settle_files(exchange)
    assert (exchange.answer.body, exchange.answer.complete) == (b"through a pipe", True)


# X2 and X8: what HTTP/1.1 has not, and what no protocol has.


@pytest.mark.protocol("1.1")
def test_push_is_not_offered(serve: Serve) -> None:
    """X2, C5: it never reaches the client. For HTTP/2 see tests/protocols/test_http2_push.py."""
    assert_not_offered(serve, "http.response.push")


def test_debug_is_not_offered(serve: Serve) -> None:
    """X8, C5: on no protocol."""
    assert_not_offered(serve, "http.response.debug")


def assert_not_offered(serve: Serve, kind: str) -> None:
    """An extension that is not in the scope is refused or ignored, and the answer goes on."""
    raised: list[BaseException] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        assert kind not in scope["extensions"]
        await send(start())
        try:
            await send({"type": kind, "path": "/pushed", "headers": [], "info": {}})
        except APPLICATION_ERRORS as error:
            raised.append(error)
        await send(body(b"ok"))

    answer = serve(app).request().answer
    assert (answer.body, answer.complete, answer.interim) == (b"ok", True, [])
