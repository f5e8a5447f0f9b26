# SPDX-License-Identifier: MIT
"""Sends (a part of) an open file as a body: by the kernel where it can, else in parts of bounded size.

H1Connection starts it for `http.response.pathsend` and `http.response.zerocopysend`. The kernel copies (`os.sendfile`)
when the socket is plain and the body is not chunked; what it cannot do, or when the client is slow, goes through the
transport, one part at a time.
"""

from __future__ import annotations

import asyncio
import os
import stat
from typing import IO, Any

# Bytes read and queued at once: what one slow client costs in memory.
PART_BYTES = 64 * 1024
# Bytes that the kernel copies before other tasks get a turn.
TURN_BYTES = 512 * 1024


async def send_file(connection: Any, file: IO[bytes], offset: int | None, count: int | None, end: bool) -> int:
    """Send `count` bytes of `file` from `offset`.

    Args:
        connection: an `H1Connection`.
        file: open for reading; it is not closed.
        offset: the first byte; None = the file's current position.
        count: bytes at most; None = to the end of the file.
        end: the body ends with them.

    Returns:
        The bytes sent: fewer than asked for when the file ended or the client left.
    """
    descriptor, start, available = measure(file, offset)
    if available is not None:
        count = available if count is None else min(count, available)
    out = connection.begin_file(count if end else None)
    connection.hold_writes(True)
    try:
        if descriptor is not None and out >= 0 and hasattr(os, "sendfile"):
            sent = await send_by_kernel(connection, out, descriptor, start, count or 0)
        else:
            sent = await send_by_parts(connection, file, offset, count, descriptor is not None)
    finally:
        connection.hold_writes(False)
    if descriptor is not None and offset is None:
        file.seek(start + sent)
    connection.write_part(b"", end)
    return sent


def measure(file: IO[bytes], offset: int | None) -> tuple[int | None, int, int | None]:
    """The descriptor of a regular file, where sending starts, and how many bytes there are from there.

    The descriptor is None for what is not a regular file (a pipe, an object in memory): it is only read.
    """
    try:
        descriptor = file.fileno()
        status = os.fstat(descriptor)
    except (AttributeError, OSError):
        return None, 0, None
    if not stat.S_ISREG(status.st_mode):
        return None, 0, None
    start = file.tell() if offset is None else offset
    return descriptor, start, max(0, status.st_size - start)


async def send_by_kernel(connection: Any, out: int, descriptor: int, start: int, count: int) -> int:
    sent = turn = 0
    while sent < count and not connection.lost:
        await drained(connection)
        if connection.lost:
            break
        try:
            part = os.sendfile(out, descriptor, start + sent, min(count - sent, TURN_BYTES))
        except BlockingIOError:
            # The socket is full: the transport waits for it with one part, and the kernel goes on after that.
            data = os.pread(descriptor, min(PART_BYTES, count - sent), start + sent)
            part = len(data)
            connection.write_part(data, False)
        except OSError:
            break  # the client has gone; the transport will say so
        if part == 0:
            break
        sent += part
        turn += part
        if turn >= TURN_BYTES:
            turn = 0
            await asyncio.sleep(0)
    await drained(connection)
    return sent


async def send_by_parts(connection: Any, file: IO[bytes], offset: int | None, count: int | None, regular: bool) -> int:
    loop = asyncio.get_running_loop()
    if offset is not None:
        file.seek(offset)
    sent = 0
    while not connection.lost and (count is None or sent < count):
        wanted = PART_BYTES if count is None else min(PART_BYTES, count - sent)
        # What is not a regular file (a pipe) may have nothing to read yet: a thread waits for it, not the loop.
        data = file.read(wanted) if regular else await loop.run_in_executor(None, file.read, wanted)
        if not data:
            break
        sent += len(data)
        connection.write_part(bytes(data), False)
        await drained(connection)
        await asyncio.sleep(0)
    return sent


async def drained(connection: Any) -> None:
    """Wait until nothing is queued, or the connection is lost."""
    while (future := connection.writable()) is not None:
        await future
