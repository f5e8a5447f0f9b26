# SPDX-License-Identifier: MIT
"""A small asyncio HTTP/1.1 server that stands in for a measured one: `small_server.py PORT`. Run by test_runs.py.

GET / answers 13 bytes, GET /N answers N bytes as bench.apps.download does, POST answers size and CRC-32 of its body.
It closes when asked to, and ends at SIGTERM.
"""

import asyncio
import contextlib
import sys
import zlib

PIECE = bytes(range(256)) * 256


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """One exchange; returns whether the connection is kept."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    method, path, _ = head.split(" ", 2)
    size = crc = 0
    for line in head.lower().split("\r\n"):
        if line.startswith("content-length:"):
            size = int(line[15:])
    left = size
    while left:
        data = await reader.read(min(left, 65536))
        if not data:
            return False
        left, crc = left - len(data), zlib.crc32(data, crc)
    length = int(path[1:] or 0)
    body = (
        b"%d %08x" % (size, crc) if method == "POST" else (PIECE * (length // 65536 + 1))[:length] or b"Hello, world!"
    )
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    await writer.drain()
    return "connection: close" not in head.lower()


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
        while await answer(reader, writer):
            pass
    writer.close()


async def main() -> None:
    server = await asyncio.start_server(serve, "127.0.0.1", int(sys.argv[1]), backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
