# SPDX-License-Identifier: MIT
"""H2Connection against random clients and random applications, with each engine.

As in test_connection.py everything comes from seeded generators, and the applications are the same. Whatever comes in,
the connection writes well-formed frames, in an order that RFC 9113 allows on each stream, tells nobody of an error that
is not the application's, and ends.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from hyperframe.frame import DataFrame, Frame, HeadersFrame, RstStreamFrame, WindowUpdateFrame

from fastcorn.errors import MessageError
from tests.exchanges import Headers, Served
from tests.fuzz.test_connection import FILE_SIZE, Failure, pieces, random_application
from tests.http2_frames import ENGINES, PREFACE, REQUEST, FrameClient, raw_frame
from tests.serving import Serve

SEEDS = 16
CASES = 40  # in one test, on one context

FIELDS: Headers = [
    (b"accept", b"*/*"), (b"x-long", b"y" * 300), (b"cookie", b"a=b"), (b"cookie", b"c=d"), (b"te", b"trailers"),
    (b"expect", b"100-continue"), (b"content-length", b"10"), (b"content-length", b"0"), (b"priority", b"u=1, i"),
]  # fmt: skip
BROKEN_FIELDS: Headers = [
    (b"X", b"y"), (b"connection", b"close"), (b":path", b"/"), (b"te", b"gzip"), (b"x", b"a\nb"), (b"", b""),
    (b"host", b"other"), (b"content-length", b"x"), (b":status", b"200"), (b"x", b" y"),
]  # fmt: skip


class Sender:
    """Makes the frames of a client: mostly what is allowed, on streams that are mostly its own.

    Args:
        strange: how often something else is made: 0 to 1.
    """

    def __init__(self, random_: random.Random, client: FrameClient, strange: float) -> None:
        self.random = random_
        self.client = client
        self.strange = strange
        self.next_stream = 1
        self.uploads: list[int] = []

    def any_stream(self) -> int:
        return int(self.random.choice([*range(self.next_stream + 3), 2**31 - 1]))

    def request(self) -> bytes:
        fields = [*REQUEST[:3], (b":path", b"/%d" % self.next_stream)]
        fields += self.random.sample(FIELDS, self.random.randint(0, 3))
        if self.random.random() < self.strange:
            fields.insert(self.random.randint(0, len(fields)), self.random.choice(BROKEN_FIELDS))
        stream_id = self.any_stream() if self.random.random() < self.strange / 4 else self.next_stream
        end = self.random.random() < 0.5
        if stream_id == self.next_stream:
            self.next_stream += 2
            if not end:
                self.uploads.append(stream_id)
        return self.in_pieces(self.headers(stream_id, fields, end))

    def headers(self, stream_id: int, fields: Headers, end: bool) -> bytes:
        return raw_frame(1, self.client.block(fields), flags=4 | end, stream_id=stream_id)

    def in_pieces(self, headers: bytes) -> bytes:
        """HEADERS, now and then with CONTINUATION."""
        if self.random.random() < 0.8:
            return headers
        block, stream_id = headers[9:], int.from_bytes(headers[5:9], "big")
        cut = self.random.randint(0, len(block))
        first = raw_frame(1, block[:cut], flags=headers[4] & ~4, stream_id=stream_id)
        return first + raw_frame(9, block[cut:], flags=4, stream_id=stream_id)

    def data(self) -> bytes:
        if not self.uploads or self.random.random() < self.strange / 4:
            return raw_frame(0, b"x", stream_id=self.any_stream()) if self.random.random() < self.strange / 4 else b""
        stream_id = self.random.choice(self.uploads)
        end = self.random.random() < 0.3
        if end:
            self.uploads.remove(stream_id)
        payload = self.random.randbytes(self.random.choice([0, 1, 10, 5000, 16384]))
        if self.random.random() < 0.2:
            padding = self.random.randint(0, 255)
            payload = bytes([padding]) + payload[:16000] + bytes(padding)
            return raw_frame(0, payload, flags=8 | end, stream_id=stream_id)
        return self.client.data(stream_id, payload, end=end)

    def trailers(self) -> bytes:
        if not self.uploads:
            return b""
        stream_id = self.uploads.pop(self.random.randrange(len(self.uploads)))
        fields = [(b"x-trailer", b"1")]
        if self.random.random() < self.strange:
            fields.append(self.random.choice(BROKEN_FIELDS))
        return self.in_pieces(self.headers(stream_id, fields, self.random.random() >= self.strange / 2))

    def window(self) -> bytes:
        stream_id = self.any_stream() if self.random.random() < self.strange else self.random.choice([0, 0, 1])
        increment = self.random.choice([1, 100, 65535, 10**6])
        if self.random.random() < self.strange / 4:
            increment = self.random.choice([0, 2**31 - 1])
        return raw_frame(8, increment.to_bytes(4, "big"), stream_id=min(stream_id, max(self.next_stream - 2, 0)))

    def settings(self) -> bytes:
        key = self.random.choice([1, 1, 3, 4, 4, 5, 6, 8, 99])
        values = {1: [0, 100, 4096, 2**20], 2: [0], 4: [0, 1, 65535, 10**6], 5: [16384, 20000, 2**24 - 1], 8: [0, 1]}
        value = self.random.choice(values.get(key, [0, 1, 10**6]))
        return raw_frame(4, key.to_bytes(2, "big") + value.to_bytes(4, "big"))

    def reset(self) -> bytes:
        if self.next_stream == 1:
            return b""
        stream_id = self.random.randrange(1, self.next_stream, 2)
        if stream_id in self.uploads:
            self.uploads.remove(stream_id)
        return raw_frame(3, self.random.choice([0, 8, 99]).to_bytes(4, "big"), stream_id=stream_id)

    def other(self) -> bytes:
        """PING, PRIORITY, PRIORITY_UPDATE, an acknowledgement, a frame that nobody knows, at times anything at all."""
        frames = [
            raw_frame(6, b"12345678"),
            raw_frame(2, bytes(5), stream_id=self.random.randint(1, 9)),
            raw_frame(16, self.random.randint(1, 9).to_bytes(4, "big") + b"u=0"),
            raw_frame(4, flags=1),
            raw_frame(0x77, b"x", stream_id=self.any_stream()),
        ]
        if self.random.random() < self.strange:
            noise = self.random.randbytes(self.random.randint(0, 20))
            kind, flags = self.random.randrange(18), self.random.randrange(256)
            frames = [raw_frame(kind, noise, flags=flags, stream_id=self.any_stream())]
        return self.random.choice(frames)

    def frames(self) -> bytes:
        makers = [self.request] * 4 + [self.data] * 6 + [self.window] * 3
        makers += [self.trailers, self.settings, self.reset, self.other]
        return b"".join(self.random.choice(makers)() for _ in range(self.random.randint(1, 40)))


def mutated(random_: random.Random, data: bytes) -> bytes:
    """data with a few bytes changed, lost or added."""
    buffer = bytearray(data)
    for _ in range(random_.randint(1, 3)):
        place = random_.randrange(len(buffer) + 1)
        kind = random_.randrange(3)
        if kind == 0 and place < len(buffer):
            buffer[place] = random_.randrange(256)
        elif kind == 1:
            del buffer[place : place + random_.randint(1, 20)]
        else:
            buffer[place:place] = random_.randbytes(random_.randint(1, 12))
    return bytes(buffer)


def converse(random_: random.Random, client: FrameClient, data: bytes) -> None:
    """Sends data in pieces, with pauses, a client that stops reading, time that passes, and some kind of end."""
    transport = client.transport
    for piece in pieces(random_, data):
        if transport.closed:
            return
        transport.deliver(piece)
        event = random_.randrange(12)
        if event == 0:
            transport.stop_client()
        elif event == 1:
            transport.resume_client(random_.choice([1, 1000, None]))
        elif event == 2:
            client.driver.settle()
        elif event == 3:
            client.served.tick(1)
    client.driver.settle()
    end = random_.randrange(4)
    if end == 0 and not transport.closed:
        client.vanish(random_.choice([None, ConnectionResetError()]))
    elif end == 1 and not transport.closed:
        transport.resume_client()
        transport.deliver_eof()


def finish(client: FrameClient) -> None:
    """The client reads everything, and leaves when no deadline has closed the connection."""
    transport, context = client.transport, client.served.context
    if not transport.closed:
        transport.resume_client()
    for _ in range(40):
        client.driver.settle()
        if transport.closed and not context.active_requests:
            return
        client.served.tick(1)
    if not transport.closed:
        client.vanish()
    client.served.tick(3)
    assert context.active_requests == 0, "an application was not told that its client left"


def assert_well_formed(client: FrameClient) -> None:
    """Frames that hyperframe and hpack read, and on each stream: HEADERS, DATA, an end or a reset, and nothing more."""
    state: dict[int, str] = {}
    for frame in client.frames:
        now = state.get(frame.stream_id, "")
        if isinstance(frame, HeadersFrame):
            assert now in ("", "headers", "data"), frame
            state[frame.stream_id] = "headers"
        elif isinstance(frame, DataFrame):
            assert now in ("headers", "data"), frame
            state[frame.stream_id] = "data"
        elif isinstance(frame, RstStreamFrame):
            state[frame.stream_id] = "reset"
        elif isinstance(frame, WindowUpdateFrame) and frame.stream_id:
            assert now != "reset", frame
        if "END_STREAM" in frame.flags and isinstance(frame, Frame):
            state[frame.stream_id] = "ended"


@pytest.mark.parametrize("seed", range(SEEDS))
@pytest.mark.parametrize("engine", ENGINES)
def test_any_client_with_any_application(serve: Serve, tmp_path: Path, engine: str, seed: int) -> None:
    """F1: frames that are right, strange and broken, any split, any application."""
    random_ = random.Random(seed)
    failures: list[bool] = []
    settings: dict[str, Any] = {"body_timeout": 20.0, "write_timeout": 20.0, "app_disconnect_grace": 1.0}
    if seed % 4 == 0:
        settings |= {"max_request_body_size": 500, "max_concurrent_requests": 2, "keep_alive_max_requests": 3}
    if seed % 4 == 1:
        settings |= {"h2_max_concurrent_streams": 3, "h2_initial_stream_window": 1024, "h2_max_header_list_size": 400}
    file = tmp_path / "data.bin"
    file.write_bytes(random_.randbytes(FILE_SIZE))
    served: Served

    def cut_all() -> None:
        served.context.abort_all()

    served = serve(random_application(random_, failures, {}, file, cut_all), http2_engine=engine, **settings)
    for _ in range(CASES):
        client = FrameClient(served, preface=False)
        client.decoder.max_header_list_size = 2**20
        sender = Sender(random_, client, random_.choice([0, 0, 0.1, 0.5]))
        data = PREFACE + raw_frame(4) + sender.frames()
        converse(random_, client, mutated(random_, data) if random_.random() < 0.3 else data)
        finish(client)
        assert_well_formed(client)
    raised = [record.exc_info[1] for record in served.take_errors() if record.exc_info]
    assert len(raised) == len(failures)
    assert {type(error) for error in raised} <= {Failure, MessageError}
    assert not served.context.connections
    assert served.context.active_requests == 0


@pytest.mark.parametrize("engine", ENGINES)
def test_every_cut_of_a_conversation(serve: Serve, engine: str) -> None:
    """F1: a client that is lost after each byte, and one that closes its half there."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"one", "more_body": True})
        await send({"type": "http.response.body", "body": b"two"})

    served = serve(app, http2_engine=engine)
    whole = FrameClient(served, preface=False)
    data = PREFACE + raw_frame(4) + whole.headers(1, REQUEST, end=False) + whole.headers(3)
    data += raw_frame(0, b"\x02abc\0\0", flags=8, stream_id=1) + whole.headers(1, [(b"x-t", b"1")])
    for cut in range(len(data) + 1):
        lost, finished = FrameClient(served, preface=False), FrameClient(served, preface=False)
        for client in (lost, finished):
            client.send(data[:cut])
        lost.vanish()
        finished.transport.deliver_eof()
        finish(finished)
        assert served.context.active_requests == 0
    assert [record for record in served.take_errors() if record.exc_info] == []
