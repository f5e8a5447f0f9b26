# SPDX-License-Identifier: MIT
"""The limits of WebSocket messages, on every engine: bytes, bytes after inflating, fragments; what is held."""

from __future__ import annotations

import tracemalloc
import zlib

import pytest

from fastcorn.protocols._codec import BINARY, FAILED, TEXT, read_events
from fastcorn.protocols.permessage_deflate import DeflateParameters
from tests import frames
from tests.frames import ENGINE_NAMES, deflated, fragments, frame, new_codec

pytestmark = pytest.mark.parametrize("engine", ENGINE_NAMES)


def test_a_message_of_the_limit_is_taken_and_one_byte_more_is_not(engine: str) -> None:
    codec = new_codec(engine, websocket_max_message_size=1000)
    assert read_events(codec, frame(frames.BINARY, b"x" * 1000)) == [(BINARY, b"x" * 1000, 0, None)]
    assert read_events(codec, fragments(frames.TEXT, [b"x" * 600, b"", b"x" * 400])) == [(TEXT, "x" * 1000, 0, None)]
    ((kind, _, code, _),) = read_events(codec, frame(frames.TEXT, b"x" * 1001))
    assert (kind, code) == (FAILED, 1009)
    codec = new_codec(engine, websocket_max_message_size=1000)
    ((kind, _, code, _),) = read_events(codec, fragments(frames.TEXT, [b"x" * 600, b"x" * 401]))
    assert (kind, code) == (FAILED, 1009)


def test_a_large_message_is_refused_by_its_header(engine: str) -> None:
    for claimed in (1001, 2**62):
        codec = new_codec(engine, websocket_max_message_size=1000)
        head = b"\x82\xfe" + claimed.to_bytes(2, "big") if claimed < 65536 else b"\x82\xff" + claimed.to_bytes(8, "big")
        ((kind, _, code, _),) = read_events(codec, head + frames.KEY)
        assert (kind, code) == (FAILED, 1009)
    codec = new_codec(engine, websocket_max_message_size=1000)
    assert read_events(codec, frame(frames.BINARY, b"x" * 600, fin=False)) == []
    ((kind, _, code, _),) = read_events(codec, b"\x80\xfe\x01\x91" + frames.KEY)  # 401 more
    assert (kind, code) == (FAILED, 1009)


def test_control_frames_do_not_count(engine: str) -> None:
    codec = new_codec(engine, websocket_max_message_size=10, websocket_max_fragments=2)
    ping = frame(frames.PING, b"x" * 100)
    data = frame(frames.TEXT, b"12345", fin=False) + ping * 5 + frame(frames.CONTINUATION, b"67890")
    assert read_events(codec, data)[-1] == (TEXT, "1234567890", 0, None)


def test_fragments_are_counted(engine: str) -> None:
    codec = new_codec(engine, websocket_max_fragments=3)
    for _ in range(3):
        assert read_events(codec, fragments(frames.TEXT, [b"", b"x", b""])) == [(TEXT, "x", 0, None)]
    ((kind, _, code, _),) = read_events(codec, fragments(frames.TEXT, [b"", b"", b"", b"x"]))
    assert (kind, code) == (FAILED, 1008)
    codec = new_codec(engine, websocket_max_fragments=1)
    assert read_events(codec, frame(frames.TEXT, b"x")) == [(TEXT, "x", 0, None)]
    ((kind, _, code, _),) = read_events(codec, fragments(frames.TEXT, [b"x", b"y"]))
    assert (kind, code) == (FAILED, 1008)


def test_held_bytes_are_what_has_come_of_the_message(engine: str) -> None:
    codec = new_codec(engine)
    whole = frame(frames.BINARY, b"x" * 100_000)
    read_events(codec, whole[:50_014])
    assert codec.held_bytes == 50_000
    assert read_events(codec, whole[50_014:]) == [(BINARY, b"x" * 100_000, 0, None)]
    assert codec.held_bytes == 0


def test_memory_follows_what_has_come_and_not_what_is_claimed(engine: str) -> None:
    codec = new_codec(engine, websocket_max_message_size=2**62)
    tracemalloc.start()
    try:
        read_events(codec, b"\x82\xff" + (2**61).to_bytes(8, "big") + frames.KEY + b"x" * 1000)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 100_000


def test_a_bomb_costs_no_more_than_the_limit(engine: str) -> None:
    """1 MB that would inflate to 1 GB, whole and in pieces."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = (compressor.compress(bytes(2**20)) + compressor.flush(zlib.Z_FULL_FLUSH)) * 1000
    whole = frame(frames.BINARY, bomb, rsv=4)
    limit = 2**20
    for step in (len(whole), 65536):
        codec = new_codec(engine, DeflateParameters(), websocket_max_message_size=limit)
        events = []
        tracemalloc.start()
        try:
            for start in range(0, len(whole), step):
                events += read_events(codec, whole[start : start + step])
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert [(kind, code) for kind, _, code, _ in events] == [(FAILED, 1009)]
        assert peak < 2 * len(whole) * 3 + 4 * limit


def test_the_limit_counts_after_inflating(engine: str) -> None:
    parameters = DeflateParameters(client_no_context_takeover=True)
    for size, expected in ((1000, BINARY), (1001, FAILED)):
        data = deflated(b"x" * size)
        for whole in (frame(frames.BINARY, data, rsv=4), fragments(frames.BINARY, [data[:3], b"", data[3:]], rsv=4)):
            codec = new_codec(engine, parameters, websocket_max_message_size=1000)
            ((kind, _, code, _),) = read_events(codec, whole)
            assert kind == expected
            assert code == (1009 if expected == FAILED else 0)
