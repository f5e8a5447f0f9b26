# SPDX-License-Identifier: MIT
"""The same frames and answers to NativeEngine and to H2Engine: the same events, frames and windows, or a reason.

Each connection is a walk through frames that are right by themselves, on streams that are new, open, closed, idle or
the server's, and through what a connection does meanwhile: answers, resets, pushes, windows. All comes from seeded
generators. Errors of the connection end a walk.
"""

from __future__ import annotations

import random
from collections import Counter
from types import SimpleNamespace
from typing import Any

import hpack
import pytest

pytest.importorskip("h2")

from fastcorn.protocols._http2_driver import EngineDriver
from fastcorn.protocols._http2_engine import CONNECTION_ERROR
from tests.http2_frames import REQUEST, new_engine, raw_frame

WALKS, STEPS = 1200, 40
DATA, HEADERS, RST, SETTINGS, PUSH, WINDOW, CONTINUATION = 0, 1, 3, 4, 5, 8, 9
END_STREAM, ACK, END_HEADERS = 1, 1, 4
LIMITS = {
    "h2_max_concurrent_streams": 100,
    "h2_max_header_list_size": 2000,
    "max_header_fields": 100,
    "h2_max_inbound_frame_size": 2**14,
    "h2_initial_stream_window": 30_000,
    "h2_initial_connection_window": 100_000,
}
FIELDS = [
    (b"accept", b"*/*"),
    (b"cookie", b"a=b"),
    (b"x-own", b"v" * 60),
    (b"te", b"trailers"),
    (b"x-long", b"w" * 700),
]
ANSWER = [(b":status", b"200"), (b"content-type", b"text/plain"), (b"x-own", b"a")]

# (what native says, what h2 says) -> why both may be right.
DIFFERENCES = {
    ("7:", "9:3"): "SETTINGS that make a window too large: h2 looks at streams that are closed, too",
    ("9:1", ""): "HEADERS on a stream of the server, which is never right: h2 ignores it where the server has reset it",
    ("9:1", "5:5"): "the same, where the client has reset it",
}


class Side:
    """One engine, and the client's decoder of what it sends."""

    def __init__(self, name: str) -> None:
        self.driver = EngineDriver(new_engine(name, SimpleNamespace(**LIMITS)))
        self.decoder = hpack.Decoder()
        self.read(self.driver.start())

    def read(self, data: bytes) -> list[tuple[Any, ...]]:
        """Frames: (type, flags, stream, payload or fields)."""
        found: list[tuple[Any, ...]] = []
        block = b""
        while data:
            size, kind, flags, stream_id = (
                int.from_bytes(data[:3], "big"),
                data[3],
                data[4],
                int.from_bytes(data[5:9], "big"),
            )
            payload, data = data[9 : 9 + size], data[9 + size :]
            if kind in (HEADERS, PUSH, CONTINUATION):
                block += payload[4:] if kind == PUSH else payload
                assert flags & END_HEADERS, "no block here is that long"
                fields = [(bytes(name), bytes(value)) for name, value in self.decoder.decode(block, raw=True)]
                found.append((kind, flags, stream_id, payload[:4] if kind == PUSH else b"", fields))
                block = b""
            else:
                found.append((kind, flags, stream_id, payload))
        return found

    def events(self) -> list[tuple[int, dict[str, Any]]]:
        """Of the last frames, without the texts that say why."""
        found = [(kind, {key: value for key, value in about.items() if key != "reason"})
                 for kind, about in self.driver.events]  # fmt: skip
        self.driver.events.clear()
        return found


class Walk:
    """A client and a server of chance; `frames()` are what the client sends next."""

    def __init__(self, generator: random.Random) -> None:
        self.generator = generator
        self.encoder = hpack.Encoder()
        self.streams: list[int] = [1]
        self.next_stream = 1

    def stream(self) -> int:
        """Mostly one of the last."""
        choose = self.generator.random()
        if choose < 0.9:
            return self.generator.choice(self.streams[-6:])
        return self.generator.choice((*self.streams, self.next_stream, 2, 4, 999))

    def headers(self) -> bytes:
        generator = self.generator
        fields = [*REQUEST, *generator.choices(FIELDS, k=generator.randint(0, 6))]
        flags = END_STREAM if generator.random() < 0.5 else 0
        if generator.random() < 0.75:
            stream_id = self.next_stream + generator.choice((0, 0, 0, 2, 4))
            self.next_stream = stream_id + 2
            self.streams.append(stream_id)
        else:
            stream_id = self.stream()
            fields = [(b"digest", b"x")]
        block = self.encoder.encode(fields)
        if generator.random() < 0.8:
            return raw_frame(HEADERS, block, flags=flags | END_HEADERS, stream_id=stream_id)
        cut = generator.randint(0, len(block))
        rest = raw_frame(CONTINUATION, block[cut:], flags=END_HEADERS, stream_id=stream_id)
        if generator.random() < 0.05:
            rest = raw_frame(SETTINGS)
        return raw_frame(HEADERS, block[:cut], flags=flags, stream_id=stream_id) + rest

    def frames(self) -> bytes:
        generator = self.generator
        kind = generator.choices((HEADERS, DATA, RST, WINDOW, SETTINGS, CONTINUATION), (30, 30, 8, 15, 8, 0.3))[0]
        if kind == HEADERS:
            return self.headers()
        if kind == DATA:
            size = generator.choice((0, 1, 100, 3000, 16384))
            return raw_frame(DATA, bytes(size), flags=generator.choice((0, 0, END_STREAM)), stream_id=self.stream())
        if kind == RST:
            return raw_frame(RST, bytes(3) + b"\x08", stream_id=self.stream())
        if kind == WINDOW:
            increment = generator.choice((1, 1000, 100_000, 2**31 - 1 - 65535 if generator.random() < 0.1 else 5))
            stream_id = 0 if generator.random() < 0.3 else self.stream()
            return raw_frame(WINDOW, increment.to_bytes(4, "big"), stream_id=stream_id)
        if kind == SETTINGS:
            if generator.random() < 0.4:
                return raw_frame(SETTINGS, flags=ACK)
            key, value = generator.choice(((1, 0), (1, 4096), (1, 100), (2, 0), (3, 9), (4, 0), (4, 1000), (4, 100_000),
                                           (4, 2**31 - 1), (5, 20_000), (6, 5), (99, 1)))  # fmt: skip
            return raw_frame(SETTINGS, key.to_bytes(2, "big") + value.to_bytes(4, "big"))
        return raw_frame(CONTINUATION, b"\x82", flags=END_HEADERS, stream_id=self.stream())

    def action(self) -> tuple[str, tuple[Any, ...]]:
        """What the server does: a method of EngineDriver and its arguments."""
        generator = self.generator
        stream_id = generator.choice((*self.streams[-6:], 2))
        end = generator.random() < 0.3
        name = generator.choice(("headers", "headers", "data", "data", "reset", "open_window", "push"))
        if name == "headers":
            return name, (stream_id, ANSWER, end)
        if name == "data":
            return name, (stream_id, generator.choice((0, 1, 500)), end)
        if name == "reset":
            return name, (stream_id, 8)
        if name == "open_window":
            return name, (generator.choice((0, stream_id)), generator.choice((1, 5000)))
        return name, (stream_id, REQUEST)


def act(side: Side, name: str, arguments: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    stream_id = arguments[0]
    if name == "data":
        size = min(arguments[1], max(0, side.driver.window(stream_id)))
        arguments = (stream_id, bytes(size), arguments[2])
    return side.read(getattr(side.driver, name)(*arguments))


def server_step(walk: Walk, native: Side, oracle: Side, answered: set[int], ended: set[int]) -> None:
    """One action on both, in the order that a connection keeps: a head, data, an end."""
    name, arguments = walk.action()
    stream_id = arguments[0]
    if name in ("headers", "data", "push") and (stream_id in ended or stream_id == 2):
        return
    if name == "data" and stream_id not in answered:
        return
    if name == "headers":
        if stream_id in answered:
            arguments = (stream_id, [(b"digest", b"x")], True)
        answered.add(stream_id)
    if name in ("headers", "data") and arguments[2]:
        ended.add(stream_id)
    assert act(native, name, arguments) == act(oracle, name, arguments), (name, arguments)


def walk_once(seed: int, seen: Counter[str]) -> None:
    generator = random.Random(seed)
    walk, native, oracle = Walk(generator), Side("native"), Side("h2")
    answered: set[int] = set()
    ended: set[int] = set()
    for _ in range(STEPS):
        frames = walk.frames()
        sent, expected = native.read(native.driver.receive(frames)), oracle.read(oracle.driver.receive(frames))
        events, wanted = native.events(), oracle.events()
        if events != wanted or sent != expected:
            key = (summary(events), summary(wanted))
            assert key in DIFFERENCES, f"seed {seed}, {frames[:20].hex()}: {events} {sent}; h2: {wanted} {expected}"
            seen["differs"] += 1
            return
        for kind, _about in events:
            seen[str(kind)] += 1
        if any(kind == CONNECTION_ERROR for kind, _ in events):
            return
        server_step(walk, native, oracle, answered, ended)
        for stream_id in walk.streams[-6:]:
            if stream_id not in ended:
                assert max(0, native.driver.window(stream_id)) == max(0, oracle.driver.window(stream_id))


def summary(events: list[tuple[int, dict[str, Any]]]) -> str:
    return " ".join(f"{kind}:{about.get('code', '')}" for kind, about in events)


@pytest.mark.parametrize("part", range(4))
def test_walks(part: int) -> None:
    seen: Counter[str] = Counter()
    for seed in range(part * WALKS // 4, (part + 1) * WALKS // 4):
        walk_once(seed, seen)
    assert len(seen) >= 9, seen
