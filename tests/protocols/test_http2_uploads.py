# SPDX-License-Identifier: MIT
"""How H2Connection reads bodies: frames that come in pieces, and reads that are larger than a turn."""

from __future__ import annotations

import pytest

from tests.applications import body as body_event
from tests.applications import echo, start
from tests.exchanges import Receive, Scope, Send
from tests.http2_frames import FrameClient
from tests.serving import Serve

POST = [(b":method", b"POST"), (b":scheme", b"http"), (b":authority", b"a"), (b":path", b"/")]
MIB = 1024 * 1024
READ_BYTES = 256 * 1024  # as libuv reads


def pattern(size: int) -> bytes:
    return (bytes(range(251)) * (size // 251 + 1))[:size]


def upload(client: FrameClient, content: bytes, frame: int) -> bytes:
    """The frames of a POST."""
    pieces = [content[at : at + frame] for at in range(0, len(content), frame)]
    frames = [client.data(1, piece, end=at == len(pieces) - 1) for at, piece in enumerate(pieces)]
    return client.headers(1, POST, end=False) + b"".join(frames)


@pytest.mark.parametrize("frame", [1000, 16_384])
@pytest.mark.parametrize("read", [7, 10, 4096, 16_392, 16_393, 16_394, 30_000, 70_000])
def test_frames_in_pieces(serve: Serve, frame: int, read: int) -> None:
    """P2: what begins a frame is kept until its rest comes, with whatever follows it."""
    content = pattern(60_000)
    client = FrameClient(serve(echo))
    sent = upload(client, content, frame)
    for at in range(0, len(sent), read):
        client.transport.enqueue(sent[at : at + read])
    client.driver.settle()
    assert client.body(1) == content


def test_frames_in_pieces_while_the_client_does_not_read(serve: Serve) -> None:
    """P10: what came behind a frame in pieces is not lost when the connection stops reading within it."""
    content = pattern(30_000)
    client = FrameClient(serve(echo))
    sent = upload(client, content, 1000)
    client.send(sent[:2500])
    client.transport.set_write_buffer_limits(high=0)
    client.transport.stop_client()
    client.transport.protocol.pause_writing()
    client.transport.enqueue(sent[2500:])
    client.driver.settle()
    client.driver.call(client.transport.protocol.resume_writing)
    client.transport.set_write_buffer_limits(high=MIB)
    client.transport.resume_client()
    client.driver.settle()
    assert client.body(1) == content


def test_applications_have_their_turn_between_reads(serve: Serve) -> None:
    """P12: a loop that reads on while there is more is stopped until the application has had what came."""
    sizes: list[int] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        more = True
        while more:
            event = await receive()
            sizes.append(len(event["body"]))
            more = event.get("more_body", False)
        await send(start(200, []))
        await send(body_event(b""))

    client = FrameClient(serve(app, h2_initial_stream_window=8 * MIB, h2_initial_connection_window=8 * MIB))
    client.acknowledge()
    sent = upload(client, pattern(4 * MIB), 16_384)
    position = turns = 0

    def read_as_libuv_does() -> None:
        nonlocal position
        while position < len(sent) and not client.transport.reading_paused:
            piece = sent[position : position + READ_BYTES]
            position += len(piece)
            client.transport.protocol.data_received(piece)

    while position < len(sent):
        client.driver.call(read_as_libuv_does)
        client.driver.settle()
        turns += 1
    assert sum(sizes) == 4 * MIB
    assert max(sizes) <= MIB
    assert 4 <= turns <= 9
    assert not client.transport.reading_paused


def test_a_body_that_is_too_large_amid_a_read(serve: Serve) -> None:
    """L3: what follows in the same read is thrown away, and the connection goes on."""
    kinds: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        event = await receive()
        while event.get("more_body", False):
            event = await receive()
        kinds.append(event["type"])
        await send(start(200, [(b"content-length", b"0")]))
        await send(body_event(b""))

    client = FrameClient(serve(app, max_request_body_size=50_000))
    sent = upload(client, pattern(60_000), 1000)
    client.send(sent[:1500])
    client.send(sent[1500:] + client.headers(3))
    assert (client.status(1), client.status(3)) == (413, 200)
    assert sorted(kinds) == ["http.disconnect", "http.request"]
