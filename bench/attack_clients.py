# SPDX-License-Identifier: MIT
"""Who meets at a server under attack: the attacker, connection after connection, and clients that keep the rules.

Called by `attacks`, which measures; the frames are those of `attack_frames`. Everything is read that the server sends,
so that it cannot save time by waiting.
"""

import contextlib
import select
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterator

from bench.attack_frames import (
    ACK,
    DATA,
    END_STREAM,
    GOAWAY,
    HEADERS,
    OPENING,
    PING,
    SETTINGS,
    Attack,
    frame,
    honest_request,
)
from bench.backpressure import MemoryLog
from bench.errors import BenchError
from bench.exchange import ExchangeError, connect
from bench.process import PROBE_ADDRESS

REQUESTS_PER_CONNECTION = 500
"""Some servers end a connection after 1000 requests."""
PAUSE_SECONDS = 0.005
"""Between two requests of the honest client."""
CHUNK, UNREAD = 1024, 4096
"""Bytes that are followed by a PING, and how many may be sent beyond the last PING that was answered: so what is sent
is read. A longer piece goes alone."""
END_SECONDS = 0.5
"""How long the end of a connection is waited for when all is sent."""
PACE = b"\xfapace\0\0\0"
ANSWER_SECONDS = 10.0
END_OF_CODES = {
    0: "NO_ERROR", 1: "PROTOCOL_ERROR", 2: "INTERNAL_ERROR", 3: "FLOW_CONTROL_ERROR", 5: "STREAM_CLOSED",
    6: "FRAME_SIZE_ERROR", 7: "REFUSED_STREAM", 8: "CANCEL", 9: "COMPRESSION_ERROR", 11: "ENHANCE_YOUR_CALM",
}  # fmt: skip


class FrameReader:
    """Walks the frames that a server sends: counts ended streams, keeps the code of GOAWAY, collects what is to answer.

    Attributes:
        ended: streams that were answered to their end.
        code: the error code of GOAWAY; None before one.
        replies: acknowledgements that the client owes.
        pongs: PINGs of the client that were answered.
    """

    def __init__(self) -> None:
        self.ended = 0
        self.code: int | None = None
        self.replies = b""
        self.pongs = 0
        self._rest = b""

    def feed(self, data: bytes) -> None:
        data = self._rest + data
        at = 0
        while len(data) - at >= 9:
            word, flags, _stream = struct.unpack_from("!IBI", data, at)
            kind, end = word & 255, at + 9 + (word >> 8)
            if len(data) < end:
                break
            if kind in (DATA, HEADERS):
                self.ended += flags & END_STREAM
            elif kind == GOAWAY:
                self.code = struct.unpack_from("!I", data, at + 13)[0]
            elif kind == SETTINGS and not flags & ACK:
                self.replies += frame(SETTINGS, ACK, 0)
            elif kind == PING and not flags & ACK:
                self.replies += frame(PING, ACK, 0, data[at + 9 : end])
            elif kind == PING and data[at + 9 : end] == PACE:
                self.pongs += 1
            at = end
        self._rest = data[at:]


class HonestClient:
    """A client that keeps the rules, on one connection; it opens another one when that ends.

    Attributes:
        sent: bytes of its requests.
    """

    def __init__(self, port: int, source: str = "") -> None:
        self._port = port
        self._source = source
        self.sent = 0
        self._open()

    def _open(self) -> None:
        self._socket = connect(self._port, timeout=ANSWER_SECONDS, source=self._source)
        self._socket.sendall(OPENING)
        self._reader = FrameReader()
        self._stream = 1

    def ask(self, count: int) -> None:
        """Sends `count` requests at once and waits for their answers.

        Raises:
            BenchError: the server ended the connection or did not answer.
        """
        if self._stream > 2 * REQUESTS_PER_CONNECTION:
            self.reopen()
        requests = b"".join(honest_request(self._stream + 2 * index) for index in range(count))
        self._stream += 2 * count
        self.sent += len(requests)
        wanted = self._reader.ended + count
        try:
            self._socket.sendall(requests)
            while self._reader.ended < wanted:
                data = self._socket.recv(65_536)
                self._reader.feed(data)
                if not data or self._reader.code is not None:
                    raise BenchError(f"it ended an honest connection: GOAWAY {self._reader.code}")
                if self._reader.replies:
                    self._socket.sendall(self._reader.replies)
                    self._reader.replies = b""
        except OSError as error:
            raise BenchError(f"an honest client was not answered: {error}") from None

    def close(self) -> None:
        self._socket.close()

    def reopen(self) -> None:
        self.close()
        self._open()


def probe(port: int, _path: str) -> int:
    """Whether a server answers `/` over HTTP/2, for `ServerProcess`.

    Raises:
        ExchangeError: it does not.
        OSError: nobody listens.
    """
    client = HonestClient(port, PROBE_ADDRESS)
    try:
        client.ask(1)
    except BenchError as error:
        raise ExchangeError(str(error)) from None
    finally:
        client.close()
    return 200


class Probe:
    """Asks one request after another from a thread of its own while the block runs.

    Attributes:
        waits: seconds until each answer.
        failures: requests without an answer.
    """

    def __init__(self, port: int) -> None:
        self.waits: list[float] = []
        self.failures = 0
        self._port = port
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Probe":
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        client = HonestClient(self._port)
        while not self._over.wait(PAUSE_SECONDS):
            started = time.perf_counter()
            try:
                client.ask(1)
                self.waits.append(time.perf_counter() - started)
            except BenchError:
                self.failures += 1
                with contextlib.suppress(OSError):
                    client.reopen()
        client.close()

    def milliseconds(self, share: float) -> float:
        """The wait that this share of the requests did not exceed."""
        ordered = sorted(self.waits)
        return round(ordered[min(int(len(ordered) * share), len(ordered) - 1)] * 1000, 2) if ordered else 0.0


class Attacker:
    """Sends one attack, connection after connection.

    Attributes:
        sent: bytes that the server has read, in all.
        frames: frames that it has read, on each connection.
        ends: how the connections ended, and how often.
    """

    def __init__(self, port: int, attack: Attack) -> None:
        self._port = port
        self._attack = attack
        self.sent = 0
        self.frames: list[int] = []
        self.ends: Counter[str] = Counter()
        self._chunks = list(chunks_of(attack))

    def run(self, seconds: float, log: MemoryLog) -> None:
        """Attacks for so long, then ends the last connection."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.attack(deadline, log)

    def attack(self, deadline: float, log: MemoryLog) -> None:
        """Attacks on one connection until the server ends it, all is sent, or the deadline (time.monotonic)."""
        reader, sent = FrameReader(), 0
        end = "was let through"
        try:
            with connect(self._port, timeout=ANSWER_SECONDS) as connection:
                connection.sendall(OPENING + self._attack.opening)
                while sent < len(self._chunks) and self._may_send(connection, reader, sent, deadline, log):
                    connection.sendall(self._chunks[sent][0])
                    sent += 1
                if reader.code is None and sent == len(self._chunks):
                    self._await_end(connection, reader, deadline, log)
        except OSError:
            end = "closed"
        if reader.code is not None:
            end = END_OF_CODES.get(reader.code, str(reader.code))
        elif time.monotonic() > deadline:
            end = "still open"
        self._count(reader.pongs if self._attack.paced else sent, sent, end)

    def _may_send(
        self, connection: socket.socket, reader: FrameReader, sent: int, deadline: float, log: MemoryLog
    ) -> bool:
        """Waits until the server has kept up; False when it has ended the connection, or time is over."""
        while time.monotonic() < deadline:
            unread = sum(len(chunk) for chunk, _frames in self._chunks[reader.pongs : sent + 1])
            behind = self._attack.paced and sent > reader.pongs and unread > UNREAD
            writable = self._listen(connection, reader, not behind, log)
            if reader.code is not None:
                return False
            if writable:
                return True
        return False

    def _await_end(self, connection: socket.socket, reader: FrameReader, deadline: float, log: MemoryLog) -> None:
        """Reads on until the server has ended the connection or answered the last PING; not for long."""
        deadline = min(deadline, time.monotonic() + END_SECONDS)
        while time.monotonic() < deadline and reader.code is None and reader.pongs < len(self._chunks):
            self._listen(connection, reader, False, log)

    def _listen(self, connection: socket.socket, reader: FrameReader, writing: bool, log: MemoryLog) -> bool:
        """Reads what there is, for 50 ms at most; returns whether more may be sent at once."""
        readable, writable, _ = select.select([connection], [connection] if writing else [], [], 0.05)
        log.look()
        if not readable:
            return bool(writable)
        received = connection.recv(65_536)
        reader.feed(received)
        if not received:
            raise ConnectionError
        return False

    def _count(self, answered: int, sent: int, end: str) -> None:
        """Of the chunks that were sent and not answered, half count as read, the first one anyway."""
        chunks = self._chunks[: (answered + sent + 1) // 2]
        self.sent += len(OPENING) + len(self._attack.opening) + sum(len(chunk) for chunk, _frames in chunks)
        self.frames.append(sum(frames for _chunk, frames in chunks))
        self.ends[end] += 1


def chunks_of(attack: Attack) -> Iterator[tuple[bytes, int]]:
    """What a connection is sent, with the number of frames, in chunks that end with a PING where one is allowed."""
    pace = frame(PING, 0, 0, PACE) if attack.paced else b""
    chunk, frames = b"", 0
    for index in range(attack.pieces):
        chunk += attack.piece(index)
        frames += attack.frames
        if len(chunk) >= CHUNK or index + 1 == attack.pieces:
            yield chunk + pace, frames
            chunk, frames = b"", 0
