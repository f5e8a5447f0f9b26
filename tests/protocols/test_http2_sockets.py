# SPDX-License-Identifier: MIT
"""The end of an HTTP/2 connection on a true socket, whose kernel throws away what a late frame of the client finds."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from typing import Any

import hpack
import pytest

from fastcorn.asgi._context import Context
from fastcorn.config import Config
from fastcorn.protocols._http1 import H1Connection
from fastcorn.protocols.http2 import open_http2
from tests.applications import answering
from tests.http2_frames import PREFACE, REQUEST, raw_frame
from tests.protocols.test_http1_sockets import LOOPS, PATIENCE

DATA, HEADERS, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 4, 6, 7, 8
END_STREAM, ACK, END_BOTH = 1, 1, 5
INITIAL_WINDOW_SIZE = 4
LARGEST = 2**31 - 1
SIZE = 3_000_000


def opening() -> bytes:
    """The preface of a client that takes everything, and a request."""
    return b"".join(
        (
            PREFACE,
            raw_frame(SETTINGS, struct.pack(">HI", INITIAL_WINDOW_SIZE, LARGEST)),
            raw_frame(WINDOW_UPDATE, struct.pack(">I", LARGEST - 65_535)),
            raw_frame(HEADERS, hpack.Encoder().encode(REQUEST), flags=END_BOTH, stream_id=1),
        )
    )


class Reader:
    """A client with a small buffer that opens its window after each frame of a body, as many do."""

    def __init__(self, loop: asyncio.AbstractEventLoop, client: socket.socket) -> None:
        self.loop = loop
        self.socket = client
        self.size = 0
        self.whole = False
        self.goaways = 0
        self.buffer = bytearray()

    async def run(self) -> None:
        """Reads to the end of the connection."""
        await self.loop.sock_sendall(self.socket, opening())
        while data := await self.loop.sock_recv(self.socket, 8192):
            self.buffer += data
            answers = b""
            while len(self.buffer) >= 9 and len(self.buffer) >= 9 + int.from_bytes(self.buffer[:3], "big"):
                end = 9 + int.from_bytes(self.buffer[:3], "big")
                answers += self.take(self.buffer[3], self.buffer[4], bytes(self.buffer[9:end]))
                del self.buffer[:end]
            await self.loop.sock_sendall(self.socket, answers)

    def take(self, type: int, flags: int, payload: bytes) -> bytes:
        """A frame; returns what the client says to it."""
        if type == DATA:
            self.size += len(payload)
            self.whole = self.whole or bool(flags & END_STREAM)
            return raw_frame(WINDOW_UPDATE, struct.pack(">I", len(payload))) if payload else b""
        if type in (PING, SETTINGS) and not flags & ACK:
            return raw_frame(type, payload if type == PING else b"", flags=ACK)
        self.goaways += type == GOAWAY
        return b""


@pytest.mark.parametrize("make", LOOPS, ids=lambda make: str(make.__module__).partition(".")[0])
def test_client_that_still_reads_when_the_server_leaves(make: Callable[[], asyncio.AbstractEventLoop]) -> None:
    """N6, P7: it opens windows to the last; the end of the connection waits until it has all."""
    loop = make()

    async def main() -> Reader:
        config = Config()
        config.keep_alive_max_requests = 1
        context = Context(answering(b"x" * SIZE), config.freeze(), loop)
        context.http2_factory = open_http2
        factory: Any = H1Connection  # a protocol by its methods, not by its class
        server = await loop.create_server(lambda: factory(context), "127.0.0.1", 0)
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32 * 1024)
            client.setblocking(False)
            await loop.sock_connect(client, server.sockets[0].getsockname())
            reader = Reader(loop, client)
            await asyncio.wait_for(reader.run(), PATIENCE)
        server.close()
        gone = loop.create_future()
        context.when_idle = lambda: gone.set_result(None)
        context.begin_drain()
        context.abort_all()
        await asyncio.wait_for(gone, PATIENCE)
        await server.wait_closed()
        return reader

    try:
        reader = loop.run_until_complete(main())
    finally:
        loop.close()
    assert (reader.size, reader.whole, reader.goaways) == (SIZE, True, 2)
