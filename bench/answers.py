# SPDX-License-Identifier: MIT
"""Checks that a server answers a work rightly before its speed counts. Called by `http1`; calls `exchange`.

Speed of wrong answers means nothing: bodies must arrive whole and unmixed on a connection that is used again.
"""

import json
import random
import ssl

from bench import apps
from bench.errors import BenchError
from bench.exchange import Exchange, ExchangeError, request
from bench.works import Work

ROUNDS = 4
"""Requests on one connection, so that a second answer on it is checked too."""


def check(port: int, work: Work, trusting: ssl.SSLContext | None = None) -> None:
    """Asks for every kind of answer the work will ask for, over TLS with a context.

    Raises:
        BenchError: an answer is missing, late or wrong; the message says how.
    """
    try:
        with Exchange(port, trusting=trusting) as exchange:
            if work.name == "echo":
                _check_echo(exchange)
            else:
                _check_gets(exchange, work)
    except (OSError, ExchangeError) as error:
        raise BenchError(f"no right answer: {error}") from None


def _check_gets(exchange: Exchange, work: Work) -> None:
    for _ in range(ROUNDS):
        exchange.socket.sendall(request("GET", work.path) * work.depth)
        for _ in range(work.depth):
            answer = exchange.read_answer()
            if answer.status != 200 or not _is_expected(answer.body, work):
                raise BenchError(f"wrong answer: status {answer.status}, body {answer.body[:40]!r}")


def _is_expected(body: bytes, work: Work) -> bool:
    if work.path == "/json":
        try:
            return bool(json.loads(body) == {"message": "Hello, world!"})
        except ValueError:
            return False
    return body == (apps.TEN_KIB if work.name == "10kib" else apps.HELLO)


def _check_echo(exchange: Exchange) -> None:
    source = random.Random(13)
    for _ in range(ROUNDS):
        body = source.randbytes(10240)
        answer = exchange.ask(request("POST", "/", body=body))
        if answer.status != 200 or answer.body != body:
            same = next((i for i, pair in enumerate(zip(body, answer.body, strict=False)) if pair[0] != pair[1]), 0)
            raise BenchError(f"wrong echo: status {answer.status}, {len(answer.body)} bytes, differs at byte {same}")
