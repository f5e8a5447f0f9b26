# SPDX-License-Identifier: MIT
"""A small WebSocket client on a blocking socket: handshake, masked frames, whole messages.

Called by `websocket_memory`. It understands what the benchmarks' applications send: whole messages, not compressed.
"""

import socket

from bench.exchange import ExchangeError, connect

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
MASK = b"\x5a\xc3\x19\x7e"
TEXT, BINARY, CLOSE, PING = 1, 2, 8, 9


def frame(opcode: int, payload: bytes = b"") -> bytes:
    """One masked, final frame (RFC 6455 section 5.2)."""
    size = len(payload)
    if size < 126:
        head = bytes((0x80 | opcode, 0x80 | size))
    elif size < 1 << 16:
        head = bytes((0x80 | opcode, 0x80 | 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((0x80 | opcode, 0x80 | 127)) + size.to_bytes(8, "big")
    mask = int.from_bytes((MASK * (size // 4 + 1))[:size], "big")
    return head + MASK + (int.from_bytes(payload, "big") ^ mask).to_bytes(size, "big")


def open_websocket(port: int, *, source: str = "", timeout: float = 30.0) -> socket.socket:
    """A WebSocket to 127.0.0.1 whose handshake is over.

    Raises:
        ExchangeError: the server did not answer 101.
        OSError: it refused the connection.
    """
    connection = connect(port, timeout=timeout, source=source) if source else connect(port, timeout=timeout)
    try:
        connection.sendall(
            f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):
            byte = connection.recv(1)  # a frame that follows at once stays in the socket
            if not byte:
                raise ExchangeError("the connection was closed during the handshake")
            answer += byte
        if not answer.startswith(b"HTTP/1.1 101"):
            raise ExchangeError(f"the handshake was refused: {answer[:40]!r}")
    except BaseException:
        connection.close()
        raise
    return connection


def read_exactly(connection: socket.socket, size: int) -> bytes:
    """Reads so many bytes.

    Raises:
        ExchangeError: the connection ended before.
    """
    data = bytearray()
    while len(data) < size:
        piece = connection.recv(min(size - len(data), 1 << 20))
        if not piece:
            raise ExchangeError("the connection was closed within a message")
        data += piece
    return bytes(data)


def read_frame(connection: socket.socket) -> tuple[int, bytes]:
    """Reads one frame; returns its opcode and payload."""
    first, second = read_exactly(connection, 2)
    size = second & 127
    if size > 125:
        size = int.from_bytes(read_exactly(connection, 2 if size == 126 else 8), "big")
    return first & 15, read_exactly(connection, size)
