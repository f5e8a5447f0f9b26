# SPDX-License-Identifier: MIT
"""bench.exchange and bench.answers against a server that sends canned bytes."""

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest

from bench import answers, apps
from bench.errors import BenchError
from bench.exchange import Exchange, ExchangeError, parse_head, request
from bench.works import WORKS, Work

HELLO = b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\nHello, world!"
CHUNKED = b"HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\nA\r\n0123456789\r\n0\r\nx: y\r\n\r\n"


@contextlib.contextmanager
def canned(reply: bytes) -> Iterator[int]:
    """A server for one connection: answers the first bytes with `reply`, ends its side, reads on until the client ends.

    It never closes with bytes unread, for that would reset the connection and could take the reply with it.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(30)

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(30)
                connection.recv(65536)
                connection.sendall(reply)
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(65536):
                    pass

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            thread.join(30)


@pytest.mark.parametrize(
    ("reply", "status", "body"),
    [
        (HELLO, 200, b"Hello, world!"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + HELLO, 200, b"Hello, world!"),
        (b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", 404, b""),
        (CHUNKED, 200, b"abc0123456789"),
        (b"HTTP/1.0 200 OK\r\n\r\nuntil the end", 200, b"until the end"),
    ],
)
def test_answers_are_read_whole(reply: bytes, status: int, body: bytes) -> None:
    with canned(reply) as port, Exchange(port, source="127.0.0.3") as exchange:
        answer = exchange.get()
    assert (answer.status, answer.body) == (status, body)


def test_answers_that_come_together_are_told_apart() -> None:
    second = HELLO.replace(b"Hello", b"Howdy")
    with canned(HELLO + second) as port, Exchange(port) as exchange:
        assert [exchange.get().body, exchange.read_answer().body] == [b"Hello, world!", b"Howdy, world!"]


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (b"", "closed inside an answer"),
        (HELLO[:-1], "closed inside an answer"),
        (HELLO[:20], "closed inside an answer"),
        (b"SSH-2.0-x\r\n\r\n", "not a status line"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n", "not a length: 'x'"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", "not a length: 'zz'"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nabc\r\n", "does not end with CRLF"),
    ],
)
def test_broken_answers_are_named(reply: bytes, message: str) -> None:
    with canned(reply) as port, Exchange(port) as exchange, pytest.raises(ExchangeError, match=message):
        exchange.get()


def test_requests() -> None:
    assert request("GET", "/a") == b"GET /a HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    assert request("POST", "/", body=b"xy", headers="A: b\r\n") == (
        b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\nA: b\r\n\r\nxy"
    )


def test_a_head() -> None:
    assert parse_head(b"HTTP/1.1 204\r\nA:  b \r\na: c") == (204, {"a": "c"})


def work(name: str) -> Work:
    return next(work for work in WORKS if work.name == name)


def answer_of(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body


@pytest.mark.parametrize(
    ("name", "body"),
    [("hello", b"Hello, world!"), ("10kib", apps.TEN_KIB), ("fastapi", b'{"message":"Hello, world!"}')],
)
def test_right_answers_pass(name: str, body: bytes) -> None:
    with canned(answer_of(body) * answers.ROUNDS) as port:
        answers.check(port, work(name))


def test_sixteen_right_answers_pass() -> None:
    with canned(HELLO * 16 * answers.ROUNDS) as port:
        answers.check(port, work("pipelined"))


@pytest.mark.parametrize(
    ("name", "reply", "message"),
    [
        ("hello", HELLO, "closed inside"),
        ("hello", answer_of(b"Hello, world?") * 4, "wrong answer: status 200, body b'Hello, world"),
        ("hello", HELLO + HELLO.replace(b"200 OK", b"500 No"), "wrong answer: status 500"),
        ("10kib", answer_of(apps.TEN_KIB[:-1]), "wrong answer: status 200"),
        ("starlette", answer_of(b'{"message": "Hi"}'), "wrong answer"),
        ("starlette", answer_of(b"<html>"), "wrong answer"),
        ("pipelined", HELLO * 15, "closed inside"),
        ("echo", answer_of(b"x" * 10240), "wrong echo: status 200, 10240 bytes, differs at byte 0"),
    ],
)
def test_wrong_answers_are_named(name: str, reply: bytes, message: str) -> None:
    with canned(reply) as port, pytest.raises(BenchError, match=message):
        answers.check(port, work(name))
