# SPDX-License-Identifier: MIT
"""NativeEngine's own: the table of streams with many of them, the memory of closed ones, long blocks in pieces.

What every engine does is in test_http2_engine.py and test_http2_rules.py.
"""

from __future__ import annotations

import random
from types import SimpleNamespace

import hpack
import pytest

from fastcorn.protocols import _http2_engine as engine
from fastcorn.protocols._http2_driver import EngineDriver
from fastcorn.protocols._http2_native import NativeEngine
from tests.http2_frames import REQUEST, raw_frame

DATA, HEADERS, RST, SETTINGS, WINDOW, CONTINUATION = 0, 1, 3, 4, 8, 9
END_STREAM, END_HEADERS = 1, 4
STREAM_CLOSED, CANCEL = 5, 8
LIMITS = {
    "h2_max_concurrent_streams": 100_000,
    "h2_max_header_list_size": 2**16,
    "max_header_fields": 100,
    "h2_max_inbound_frame_size": 2**14,
    "h2_initial_stream_window": 2**18,
    "h2_initial_connection_window": 2**20,
}
BLOCK = hpack.Encoder().encode([hpack.NeverIndexedHeaderTuple(*field) for field in REQUEST])


def new_driver(**changed: int) -> EngineDriver:
    driver = EngineDriver(NativeEngine(SimpleNamespace(**(LIMITS | changed))))
    driver.start()
    return driver


def request(stream_id: int, flags: int = END_HEADERS | END_STREAM) -> bytes:
    return raw_frame(HEADERS, BLOCK, flags=flags, stream_id=stream_id)


def window_update(stream_id: int, increment: int) -> bytes:
    return raw_frame(WINDOW, increment.to_bytes(4, "big"), stream_id=stream_id)


def last_event(driver: EngineDriver) -> tuple[int, int | None]:
    kind, about = driver.events[-1]
    return kind, about.get("code")


@pytest.mark.parametrize("seed", range(4))
def test_many_streams_are_found_again(seed: int) -> None:
    """Each has a window of its own, by which it is known; they end in any order."""
    generator = random.Random(seed)
    driver = new_driver()
    driver.receive(window_update(0, 2**31 - 1 - 65535))
    windows: dict[int, int] = {}
    last = -1
    for _ in range(3000):
        if generator.random() < (0.6 if len(windows) < 300 else 0.3):
            last += 2 * generator.randint(1, 40)
            increment = generator.randint(1, 10**6)
            driver.receive(request(last) + window_update(last, increment))
            windows[last] = 65535 + increment
        elif windows:
            stream_id = generator.choice(list(windows))
            del windows[stream_id]
            if generator.random() < 0.5:
                driver.receive(raw_frame(RST, bytes(4), stream_id=stream_id))
            else:
                driver.headers(stream_id, [(b":status", b"200")], True)
            assert driver.window(stream_id) == 0
        if generator.random() < 0.02:
            assert {stream_id: driver.window(stream_id) for stream_id in windows} == windows
    assert {stream_id: driver.window(stream_id) for stream_id in windows} == windows
    driver.receive(raw_frame(SETTINGS, b"\0\4" + (65535 + 7).to_bytes(4, "big")))
    assert {stream_id: driver.window(stream_id) - 7 for stream_id in windows} == windows


def test_the_last_closed_streams_are_remembered() -> None:
    driver = new_driver()
    for stream_id in range(1, 2001, 2):
        driver.receive(request(stream_id, END_HEADERS))
        driver.reset(stream_id, CANCEL)
    driver.events.clear()
    assert driver.receive(raw_frame(DATA, b"x", stream_id=1999) + request(1999 - 2 * 250)) == b""
    assert driver.events == []
    answer = driver.receive(raw_frame(DATA, b"x", stream_id=1))  # so long ago that it is forgotten
    assert answer == raw_frame(RST, b"\0\0\0\5", stream_id=1)
    assert last_event(driver) == (engine.STREAM_ERROR, STREAM_CLOSED)
    assert driver.receive(raw_frame(DATA, b"x", stream_id=1)) == b""
    driver.receive(request(1))
    assert last_event(driver)[0] == engine.CONNECTION_ERROR


def test_a_long_block_in_pieces_and_a_short_one_after_it() -> None:
    driver = new_driver()
    fields = [*REQUEST, *[(b"x-%d" % number, b"v" * 2000) for number in range(20)]]
    block = hpack.Encoder().encode(fields, huffman=False)
    pieces = [block[start : start + 10_000] for start in range(0, len(block), 10_000)]
    frames = raw_frame(HEADERS, pieces[0], flags=END_STREAM, stream_id=1)
    frames += b"".join(raw_frame(CONTINUATION, piece, stream_id=1) for piece in pieces[1:])
    driver.receive(frames + raw_frame(CONTINUATION, b"", flags=END_HEADERS, stream_id=1))
    assert driver.events[-1][1]["headers"] == fields
    driver.receive(raw_frame(HEADERS, BLOCK[:3], flags=END_STREAM, stream_id=3))
    driver.receive(raw_frame(CONTINUATION, BLOCK[3:], flags=END_HEADERS, stream_id=3))
    assert driver.events[-1][1]["headers"] == REQUEST


def test_a_promise_in_pieces() -> None:
    driver = new_driver()
    driver.receive(request(1))
    fields = [*REQUEST, *[(b"x", b"\x00" * 6000)]]
    block = driver.push(1, fields)
    assert block[3:9] == b"\x05\x04\0\0\0\1"
    assert block[9:13] == (2).to_bytes(4, "big")
    assert driver.window(2) == 65535
    driver.receive(raw_frame(SETTINGS, b"\0\5" + (16384).to_bytes(4, "big")))
    head = driver.headers(1, [(b"x-%d" % number, b"\x00" * 900) for number in range(100)])
    kinds = []
    while head:
        size = int.from_bytes(head[:3], "big")
        kinds.append((head[3], head[4], size))
        head = head[9 + size :]
    assert [kind for kind, _, _ in kinds] == [HEADERS, *[CONTINUATION] * (len(kinds) - 1)]
    assert [flags for _, flags, _ in kinds] == [*[0] * (len(kinds) - 1), END_HEADERS]
    assert [size for _, _, size in kinds[:-1]] == [16384] * (len(kinds) - 1)


def test_the_highest_stream() -> None:
    driver = new_driver()
    driver.receive(request(2**31 - 1))
    assert driver.headers(2**31 - 1, [(b":status", b"200")]) != b""
    for number in range(1, 50):
        driver.push(2**31 - 1, REQUEST)
        assert driver.engine.last_promised_id == 2 * number
