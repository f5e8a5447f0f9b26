# SPDX-License-Identifier: MIT
"""Every requirement on the compiled side has a test that names it.

A test names the requirements it shows at the beginning of its docstring: `C3, R1: ...`. This module holds the list and
fails when one has no test, or when a test names one that does not exist.
"""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
SUITES = (
    "asgi/test_http_*.py",
    "asgi/test_websocket_*.py",
    "protocols/test_http1_*.py",
    "protocols/test_http2_entry.py",
    "protocols/test_http2_flow.py",
    "protocols/test_http2_lifecycle.py",
    "protocols/test_http2_messages.py",
    "protocols/test_http2_priorities.py",
    "protocols/test_http2_push.py",
    "protocols/test_http2_repeats.py",
    "protocols/test_http2_streams.py",
    "protocols/test_http2_windows.py",
    "protocols/test_websocket_*.py",
    "fuzz/test_connection.py",
    "fuzz/test_websocket_connection.py",
)

# ASGI 3.0, HTTP 2.5 and WebSocket 2.5 with their extensions, as far as the compiled side sees them.
ASGI = {
    "C1": "the application is called once for each request, in a task on the loop",
    "C2": "the scope is a dict with type and asgi.version",
    "C3": "events to the application are dicts of plain types",
    "C5": "an invalid event raises from send()",
    "C6": "extra keys are ignored",
    "C7": "an exception of the application is logged and ends its exchange",
    "C8": "messages after the end do no harm",
    "C9": "extensions are dicts under their names",
    "C10": "strings and bytes are exactly as documented, keys are str",
    "C11": "send() returns when the data is on its way: back-pressure is visible",
    "C13": "scopes are not shared",
    "C14": "an application that fails does not break the server",
    "H1": "type",
    "H2": "a distinct scope for each request",
    "H3": "asgi.version and asgi.spec_version",
    "H4": "http_version",
    "H5": "method in upper case",
    "H6": "scheme",
    "H7": "path: decoded, without query",
    "H8": "raw_path: as it came",
    "H9": "query_string: as it came",
    "H10": "root_path",
    "H11": "headers: order, duplicates, lower case, host",
    "H12": "cookies are not merged",
    "H13": "client",
    "H14": "server",
    "H15": "state: a shallow copy for each request",
    "H16": "chunk framing is not seen",
    "R1": "http.request",
    "R2": "http.response.start",
    "R3": "http.response.body",
    "R4": "messages out of order raise",
    "R5": "send() after a disconnect raises a subclass of OSError that is not logged",
    "R6": "http.disconnect",
    "R7": "HEAD, 204, 304 and informational statuses",
    "R8": "content-length against the body",
    "R9": "an answer that is missing or cut short",
    "R10": "spec_version and the grace after a disconnect",
    "W1": "the scope of a WebSocket",
    "W2": "websocket.connect, and a handshake that waits for the application",
    "W3": "websocket.accept",
    "W4": "websocket.receive",
    "W5": "websocket.send",
    "W6": "fragments and control frames",
    "W7": "websocket.disconnect: the code and the reason exactly",
    "W8": "websocket.close before and after accept",
    "W9": "the application ends, the socket ends",
    "W10": "send() on a closed WebSocket",
    "W11": "data before accept is held",
    "W12": "protocol errors and their codes",
    "X1": "websocket.http.response",
    "X2": "http.response.push: on HTTP/2 only",
    "X3": "http.response.zerocopysend",
    "X4": "http.response.pathsend",
    "X5": "no tls extension on a clear-text connection",
    "X6": "http.response.early_hint",
    "X7": "http.response.trailers",
    "X8": "http.response.debug is not offered",
}

# The wire (RFC 9112, RFC 9113) and the life of a connection.
CONNECTION = {
    "P1": "head and first body in one write; nothing is held back",
    "P2": "pipelined requests: in order, batched, never confused with bodies",
    "P3": "100 Continue when, and only when, the application reads",
    "P5": "chunked, with a length, or ended by the connection",
    "P6": "keep-alive and close",
    "P7": "a refusal reaches a client that still sends",
    "P8": "half-close and loss",
    "P9": "a failed answer is visible as such",
    "P10": "bounded memory with a client that does not read",
    "P11": "field names on the wire",
    "P12": "fairness",
    "L1": "bad requests and their statuses",
    "L2": "limits of the head: 414 and 431",
    "L3": "limit of the body: 413",
    "L4": "requests at once: 503 with Retry-After",
    "L5": "requests of one connection",
    "L6": "connections at once",
    "L7": "names of the server: 404",
    "D1": "deadline of the head: 408",
    "D2": "idle connections",
    "D3": "deadline of the body",
    "D4": "minimum rate of the body",
    "D5": "clients that do not read",
    "D6": "connections that are being closed",
    "D7": "the date",
    "S1": "graceful stop",
    "S2": "hard stop",
    "S3": "counters",
    "S4": "access records",
    "M1": "the opening handshake of a WebSocket: 426, 400 and what applies to requests",
    "M2": "messages that wait for the application are bounded, and none is lost",
    "M3": "many frames are one wake-up, many sends one write",
    "M4": "floods are fair to other connections",
    "M5": "clients that do not read, pongs included",
    "M6": "frames of the server, and after a close",
    "M7": "pings and the idle timeout",
    "M8": "the closing handshake has a deadline",
    "M9": "graceful stop: 1012",
    "N1": "the ways to HTTP/2: prior knowledge, ALPN, Upgrade; and who may",
    "N2": "flow control both ways: no byte beyond a window, a slow stream blocks nobody",
    "N3": "what goes wrong on a stream stays there",
    "N4": "urgency and incremental decide who writes next",
    "N5": "settings of HTTP/2 are sent and enforced",
    "N6": "GOAWAY in two steps",
    "N7": "pings",
    "N8": "malformed requests are errors of their streams",
    "F1": "any bytes, in any pieces, with any application: an answer or a close",
}

ELSEWHERE = {
    "C4": "tests/asgi/test_application.py: applications of ASGI 2 are wrapped when they are loaded",
    "C12": "tests/asgi/test_lifespan.py: one lifespan for each loop",
}

NAMED = re.compile(
    r"^((?:[CHRXWPLDSFMN]\d+)(?:, [CHRXWPLDSFMN]\d+)*): |^((?:[CHRXWPLDSFMN]\d+)(?:, [CHRXWPLDSFMN]\d+)*)\.$", re.M
)


@functools.cache
def named_requirements() -> dict[str, list[str]]:
    """Requirement -> the tests that name it."""
    found: dict[str, list[str]] = {}
    for suite in SUITES:
        for path in sorted(TESTS.glob(suite)):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if not isinstance(node, ast.FunctionDef) or not node.name.startswith("test_"):
                    continue
                match = NAMED.match(ast.get_docstring(node) or "")
                assert match, f"{path.name}: {node.name} does not say which requirement it shows"
                for name in (match[1] or match[2]).split(", "):
                    found.setdefault(name, []).append(node.name)
    return found


@pytest.mark.parametrize("name", [*ASGI, *CONNECTION])
def test_requirement_has_a_test(name: str) -> None:
    assert named_requirements().get(name), f"no test for {name}: {({**ASGI, **CONNECTION})[name]}"


def test_tests_name_requirements_that_exist() -> None:
    assert set(named_requirements()) <= {*ASGI, *CONNECTION}
    assert not set(ELSEWHERE) & {*ASGI, *CONNECTION}
