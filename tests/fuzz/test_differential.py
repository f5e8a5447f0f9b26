# SPDX-License-Identifier: MIT
"""The same bytes to H1Connection, httptools and h11: the same verdict, or a difference that a table here explains.

Each case is a valid request with a few changes and a plain request behind it, so that a body of another length shows
as another second request. All comes from seeded generators. Where fastcorn refuses and another parser does not, the
table is keyed by fastcorn's phrase (csrc/errors.c); where it is the other way round, by the other parser's message.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import h11
import httptools
import pytest

from tests.applications import body, start
from tests.exchanges import Receive, Scope, Send, Served
from tests.serving import Serve

CASES = 4000  # for each parser
SECOND = b"GET /second HTTP/1.1\r\nHost: b\r\n\r\n"

# What may differ, with the reason: (kind, key) -> reason. Kinds, and their keys:
#   stricter  fastcorn refuses what the other takes; the phrase of csrc/errors.c
#   laxer     the other refuses what fastcorn takes; the other's message, up to a colon
#   ends      both took the same, and only one goes on: "other" or "fastcorn" closes, or the other has "upgraded"
DIFFERENCES: dict[str, dict[tuple[str, str], str]] = {
    "h11": {
        ("stricter", "bare CR or LF instead of CR LF"): "RFC 9112 2.2 allows LF alone; two readers could disagree",
        ("stricter", "Host missing, repeated or malformed"): "RFC 9110 7.2; h11 counts Host and does not read it",
        ("stricter", "expectation other than 100-continue"): "RFC 9110 10.1.1; h11 leaves others to its user",
        ("stricter", "folded field line"): "RFC 9112 5.2 lets a server refuse it; h11 unfolds",
        ("stricter", "malformed request target"): "RFC 9112 3.2; h11 takes any visible bytes",
        ("stricter", "method is not a token of at most 64 bytes"): "what follows HTTP/1.0 or a body is not read by h11",
        ("stricter", "malformed or missing HTTP version"): "what follows HTTP/1.0 is not read by h11",
        ("stricter", "malformed chunk size"): "RFC 9112 7.1 has no white space there; h11 takes it",
        ("stricter", "control character in a chunk extension"): "RFC 9112 7.1.1; h11 looks only for the line's end",
        ("stricter", "malformed trailer field"): "as in a head: LF alone and folding",
        ("stricter", "control character in a field value"): "RFC 9110 5.5; h11 takes all but NUL and white space",
        ("stricter", "malformed or differing Content-Length"): "2^64 and more: h11 counts in Python's integers",
        (
            "stricter", "Transfer-Encoding malformed, in HTTP/1.0, or beside Content-Length",
        ): "RFC 9112 6.1: may be smuggling; h11 lets the coding win",
        ("laxer", "no request line received"): "RFC 9112 2.2: an empty line before a request is skipped",
        ("laxer", "bad Content-Length"): "in a trailer section, which is dropped",
        ("ends", "other"): "h11 never keeps HTTP/1.0",
    },
    "httptools": {
        ("stricter", "Host missing, repeated or malformed"): "RFC 9110 7.2; llhttp does not look at Host",
        ("stricter", "expectation other than 100-continue"): "RFC 9110 10.1.1; llhttp does not look at Expect",
        ("stricter", "malformed or missing HTTP version"): "HTTP/0.9, which llhttp takes",
        ("stricter", "malformed request target"): "an authority that is malformed",
        ("stricter", "malformed request line"): "RFC 9112 3: one space; llhttp takes several",
        ("stricter", "bare CR or LF instead of CR LF"): "an empty line before a request must end with CR LF too",
        ("stricter", "malformed chunk size"): "after an upgrade, where llhttp stops",
        ("stricter", "method is not a token of at most 64 bytes"): "after an upgrade, where llhttp stops",
        ("stricter", "transfer coding other than chunked"): "with an upgrade, of which llhttp reads no body",
        (
            "stricter", "Transfer-Encoding malformed, in HTTP/1.0, or beside Content-Length",
        ): "with an upgrade, of which llhttp reads no body",
        ("laxer", "Invalid method encountered"): "RFC 9110 9.1: any token; llhttp has a list",
        ("laxer", "Duplicate Content-Length"): "RFC 9110 8.6: equal values may be collapsed",
        ("laxer", "Invalid character in Content-Length"): "RFC 9110 8.6: a list of equal values too",
        ("laxer", "Invalid HTTP version"): "RFC 9110 2.5: a higher minor version is compatible",
        ("laxer", "Data after `Connection"): "RFC 9112 9.6: it is not read after close, and no mistake",
        ("ends", "fastcorn"): "close wins over keep-alive, whichever comes first",
        ("ends", "upgraded"): "llhttp stops at an upgrade; fastcorn goes on, as no application has taken it",
    },
}  # fmt: skip


@dataclass
class Request:
    """What a parser made of a request."""

    method: str
    target: bytes
    headers: list[tuple[bytes, bytes]]
    body: bytes = b""


@dataclass
class Verdict:
    """The requests that are whole, and how it ended.

    `end`: "refused" with a `reason`, "closed" after an answer, "upgraded" (the parser leaves the rest to another), or
    "waits" for the rest or the next request.
    """

    requests: list[Request] = field(default_factory=list)
    end: str = "waits"
    reason: str = ""


# --- the parsers ------------------------------------------------------------------------------------------------------


class Subject:
    """fastcorn: a connection with an application that reads and notes."""

    def __init__(self, serve: Serve) -> None:
        self.served: Served = serve(self.app)
        self.verdict = Verdict()

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        data = b""
        while True:
            event = await receive()
            if event["type"] == "http.disconnect":
                return
            data += event["body"]
            if not event["more_body"]:
                break
        query: bytes = scope["query_string"]
        target = scope["raw_path"] + (b"?" + query if query else b"")
        self.verdict.requests.append(Request(scope["method"], target, scope["headers"], data))
        await send(start(200, [(b"content-length", b"0")]))
        await send(body())

    def judge(self, data: bytes) -> Verdict:
        self.verdict = Verdict()
        client = self.served.connect()
        client.send(data)
        answers = client.received.split(b"HTTP/1.1 ")
        if answers[-1][:1] in (b"4", b"5"):
            self.verdict.end = "refused"
            self.verdict.reason = answers[-1].rpartition(b"\r\n\r\n")[2].decode("ascii").strip()[4:]
        elif client.ended:
            self.verdict.end = "closed"
        if not client.closed:
            client.vanish()
        self.served.clients.clear()
        return self.verdict


def judge_h11(data: bytes) -> Verdict:
    verdict = Verdict()
    conn = h11.Connection(h11.SERVER, max_incomplete_event_size=64 * 1024)
    conn.receive_data(data)
    request: Request | None = None
    try:
        while True:
            event = conn.next_event()
            if isinstance(event, h11.Request):
                fields = [(bytes(name), bytes(value)) for name, value in event.headers]
                request = Request(event.method.decode("ascii").upper(), event.target, fields)
            elif isinstance(event, h11.Data) and request:
                request.body += event.data
            elif isinstance(event, h11.EndOfMessage) and request:
                verdict.requests.append(request)
                conn.send(h11.Response(status_code=200, headers=[("content-length", "0")]))
                conn.send(h11.EndOfMessage())
                if conn.our_state is not h11.DONE:
                    verdict.end = "closed"
                    break
                conn.start_next_cycle()
            else:
                break
    except h11.RemoteProtocolError as error:
        verdict.end, verdict.reason = "refused", str(error)
    return verdict


class Callbacks:
    """What httptools calls."""

    def __init__(self, verdict: Verdict) -> None:
        self.verdict = verdict
        self.target = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self.request: Request | None = None

    def on_message_begin(self) -> None:
        self.target, self.headers, self.request = b"", [], None

    def on_url(self, target: bytes) -> None:
        self.target += target

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.request is None:  # else it is a trailer
            self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        method = self.parser.get_method().decode("ascii")
        self.request = Request(method, self.target, self.headers)

    def on_body(self, data: bytes) -> None:
        assert self.request is not None
        self.request.body += data

    def on_message_complete(self) -> None:
        assert self.request is not None
        self.verdict.requests.append(self.request)

    parser: httptools.HttpRequestParser


def judge_httptools(data: bytes) -> Verdict:
    verdict = Verdict()
    callbacks = Callbacks(verdict)
    callbacks.parser = httptools.HttpRequestParser(callbacks)
    try:
        callbacks.parser.feed_data(data)
    except httptools.HttpParserUpgrade:
        verdict.end = "upgraded"
    except httptools.HttpParserError as error:
        verdict.end, verdict.reason = "refused", str(error)
    return verdict


JUDGES: dict[str, Callable[[bytes], Verdict]] = {"h11": judge_h11, "httptools": judge_httptools}


# --- the cases --------------------------------------------------------------------------------------------------------

HEADS = [
    b"GET /path?query=1 HTTP/1.1\r\nHost: a\r\nAccept: */*\r\nX-Own: some value\r\n\r\n",
    b"HEAD / HTTP/1.1\r\nhost: example.com:80\r\nConnection: keep-alive\r\n\r\n",
    b"POST /form HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Type: text/plain\r\n\r\nhello",
    b"POST /form HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nhi",
    b"PUT /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n world\r\n0\r\n\r\n",
    b"POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTE: trailers\r\n\r\n1\r\na\r\n0\r\nX-T: 1\r\n\r\n",
    b"DELETE /%41%20b HTTP/1.0\r\nConnection: keep-alive\r\nHost: a\r\n\r\n",
    b"GET http://a:80/b HTTP/1.1\r\nHost: a:80\r\nCookie: a=b; c=d\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip, br\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
    b"GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: example/1\r\n\r\n",
]
PIECES = [
    b"\r\n", b"\r", b"\n", b"\n\n", b" ", b"\t", b":", b",", b";", b"\0", b"\x0b", b"\x7f", b"\x80", b"#", b"/", b"0",
    b"5", b"-", b"+", b"\"", b"chunked", b", chunked", b"gzip, ", b"close", b"HTTP/1.0", b"HTTP/1.2", b"HTTP/2.0",
    b"http/1.1", b"%zz", b"[::1]", b"user@", b"0x",
]  # fmt: skip
LINES = [
    b"Host: b", b"host: a", b"Host:", b"Content-Length: 5", b"Content-Length: 0", b"Content-Length: 5, 5",
    b"Content-Length: x", b"content-length: 18446744073709551621", b"Transfer-Encoding: chunked",
    b"Transfer-Encoding: gzip", b"Transfer-Encoding: identity", b"Transfer-Encoding: chunked, chunked",
    b"transfer-encoding:\tchunked", b" folded", b"\tfolded", b"X : y", b": y", b"nothing", b"X\0: y", b"X: \0",
    b"X: a\rb", b"X: \xff", b"Connection: close", b"Connection: keep-alive", b"Connection: upgrade", b"Upgrade: h2c",
    b"Expect: x", b"Expect: 100-continue", b"",
]  # fmt: skip
LINE_ENDS = [b"\n", b"\r", b"", b"\r\r\n", b"\n\r", b" \r\n", b"\t\r\n"]


def changed(chance: random.Random, data: bytes) -> bytes:
    """data with one to three changes: a piece put in, a part taken out, a byte replaced, a line added or doubled."""
    for _ in range(chance.choice([0, 1, 1, 1, 1, 2, 2, 3])):
        place = chance.randrange(len(data))
        lines = [found.end() for found in re.finditer(b"\r\n", data)] or [place]
        kind = chance.randrange(6)
        if kind == 0:
            data = data[:place] + chance.choice(PIECES) + data[place:]
        elif kind == 1:
            data = data[:place] + data[place + chance.randint(1, 4) :]
        elif kind == 2:
            data = data[:place] + bytes([chance.randrange(256)]) + data[place + 1 :]
        elif kind == 3:
            place = chance.choice(lines)
            data = data[:place] + chance.choice(LINES) + b"\r\n" + data[place:]
        elif kind == 4:
            place = chance.choice(lines)
            data = data[:place] + chance.choice(PIECES) + data[place:]
        else:
            place = chance.choice(lines) - 2
            data = (
                data[:place]
                + chance.choice([b"\n", b"\r", b"", b"\r\r\n", b"\n\r", b" \r\n", b"\t\r\n"])
                + data[place + 2 :]
            )
        if not data:
            break
    return data


def cases(name: str) -> list[bytes]:
    chance = random.Random(f"differential {name}")
    return [changed(chance, chance.choice(HEADS)) + SECOND for _ in range(CASES)]


# --- the comparison ---------------------------------------------------------------------------------------------------


def same_request(ours: Request, theirs: Request) -> bool:
    """Equal but for what ASGI asks of a scope: a method in capitals, no mark of an empty query, no authority in it."""
    fields = [(name, value.strip(b" \t")) for name, value in theirs.headers]
    if theirs.target.startswith((b"/", b"*")):
        path, _, query = theirs.target.partition(b"?")
        return ours == Request(theirs.method.upper(), path + (b"?" + query if query else b""), fields, theirs.body)
    # absolute-form: fastcorn makes its authority the value of Host
    authority = re.match(rb"https?://([^/?]*)", theirs.target, re.IGNORECASE)
    fields = [(name, authority[1] if authority and name == b"host" else value) for name, value in fields]
    return ours == Request(theirs.method.upper(), ours.target, fields, theirs.body)


def difference(ours: Verdict, theirs: Verdict) -> tuple[str, str] | None:
    """The first point at which two verdicts differ, as a key of DIFFERENCES; None when they do not."""
    if theirs.end == "upgraded":
        return ("stricter", ours.reason) if ours.end == "refused" else ("ends", "upgraded")
    for one, other in zip(ours.requests, theirs.requests, strict=False):
        if not same_request(one, other):
            return "reads", "another request"
    behind = len(ours.requests) - len(theirs.requests)
    # the one that has fewer requests has said why by its end
    ours_end = ours.end if behind <= 0 else "took"
    theirs_end = theirs.end if behind >= 0 else "took"
    if ours_end == theirs_end:
        return None
    if ours_end == "refused":
        return "stricter", ours.reason
    if theirs_end == "refused":
        return "laxer", theirs.reason.partition(":")[0]
    if "closed" in (ours_end, theirs_end):
        return "ends", "other" if theirs_end == "closed" else "fastcorn"
    return "reads", f"fastcorn {ours_end}, other {theirs_end}"


@pytest.mark.parametrize("name", JUDGES)
def test_the_verdict_is_the_same_or_explained(serve: Serve, name: str) -> None:
    """F2: whatever differs has a reason in the table, and the table has no reason that nothing needs."""
    subject = Subject(serve)
    met: Counter[tuple[str, str] | None] = Counter()
    for data in cases(name):
        ours, theirs = subject.judge(data), JUDGES[name](data)
        found = difference(ours, theirs)
        met[found] += 1
        assert found is None or found in DIFFERENCES[name], f"{found}\n{data!r}\nfastcorn: {ours}\n{name}: {theirs}"
    assert met[None] > CASES * 2 // 3
    assert set(met) - {None} == set(DIFFERENCES[name])


@pytest.mark.parametrize("name", JUDGES)
def test_plain_requests_are_read_alike(serve: Serve, name: str) -> None:
    """Unchanged, every request has one verdict, and its successor is found."""
    subject = Subject(serve)
    for data in HEADS:
        ours, theirs = subject.judge(data), JUDGES[name](data)
        assert difference(ours, theirs) in {None, *DIFFERENCES[name]}
        assert ours.end == "waits"
        assert len(ours.requests) == 1


def test_a_difference_is_seen() -> None:
    """The comparison tells apart what it must."""
    get = Request("GET", b"/", [(b"host", b"a")])
    post = Request("POST", b"/", [(b"host", b"a")], b"x")
    assert difference(Verdict([get]), Verdict([get])) is None
    assert difference(Verdict([get]), Verdict([post])) == ("reads", "another request")
    assert difference(Verdict([get]), Verdict([get, get])) == ("reads", "fastcorn waits, other took")
    assert difference(Verdict([get], "refused", "x"), Verdict([get, get])) == ("stricter", "x")
    assert difference(Verdict([get, get]), Verdict([get], "refused", "y: z")) == ("laxer", "y")
    assert difference(Verdict([get], "refused", "x"), Verdict([get], "refused", "y")) is None
    assert difference(Verdict([get], "closed"), Verdict([get, get])) == ("ends", "fastcorn")
    assert difference(Verdict([get]), Verdict([get], "closed")) == ("ends", "other")
