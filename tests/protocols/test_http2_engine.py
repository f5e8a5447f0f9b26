# SPDX-License-Identifier: MIT
"""An HTTP/2 engine alone: whole frames in, events and answers out; fields and body in, frames out.

Frames are made and read by hyperframe and hpack. What the connection makes of the events is in test_http2_rules.py.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

import hpack
import pytest
from hyperframe.frame import Frame, RstStreamFrame, SettingsFrame, WindowUpdateFrame
from hypothesis import given, settings
from hypothesis import strategies as st

from fastcorn.protocols import _http2_engine as engine
from fastcorn.protocols._http2_driver import EngineDriver
from fastcorn.protocols.hpack_fields import BombError, FieldDecoder, FieldEncoder, HPACKError
from fastcorn.protocols.http2_fallback import MAX_RESETS
from tests.http2_frames import ENGINES, REQUEST, new_engine, raw_frame

DATA, HEADERS, PRIORITY, RST, SETTINGS, PING, WINDOW, CONTINUATION = 0, 1, 2, 3, 4, 6, 8, 9
END_STREAM, ACK, END_HEADERS, PADDED, WITH_PRIORITY = 1, 1, 4, 8, 32
(PROTOCOL_ERROR, FLOW_CONTROL_ERROR, STREAM_CLOSED, COMPRESSION_ERROR, ENHANCE_YOUR_CALM) = 1, 3, 5, 9, 11
CANCEL = 8
TABLE_SIZE, ENABLE_PUSH, MAX_STREAMS, INITIAL_WINDOW, FRAME_SIZE, LIST_SIZE = 1, 2, 3, 4, 5, 6
DEFAULTS = {
    "h2_max_concurrent_streams": 100,
    "h2_max_header_list_size": 2**16,
    "max_header_fields": 100,
    "h2_max_inbound_frame_size": 2**14,
    "h2_initial_stream_window": 2**18,
    "h2_initial_connection_window": 2**20,
}
ANSWER = [(b":status", b"200"), (b"content-type", b"text/plain")]

Fields = list[tuple[bytes, bytes]]
Connect = Callable[..., "Client"]


class Client:
    """An engine, and the client's side of header compression."""

    def __init__(self, name: str = "h2", upgrade: bytes | None = None, **changed: int) -> None:
        self.driver = EngineDriver(new_engine(name, SimpleNamespace(**(DEFAULTS | changed))))
        self.greeting = self.driver.start(upgrade)
        self.encoder = hpack.Encoder()
        self.decoder = hpack.Decoder()

    def receive(self, *frames: bytes) -> tuple[list[tuple[int, dict[str, Any]]], bytes]:
        self.driver.events.clear()
        answer = self.driver.receive(b"".join(frames))
        return list(self.driver.events), answer

    def headers(self, stream_id: int, fields: Fields | None = None, flags: int = END_HEADERS | END_STREAM) -> bytes:
        block = self.encoder.encode(REQUEST if fields is None else fields)
        return raw_frame(HEADERS, block, flags=flags, stream_id=stream_id)

    def request(self, stream_id: int, *, end: bool = True) -> None:
        events, answer = self.receive(self.headers(stream_id, None, END_HEADERS | (END_STREAM if end else 0)))
        assert [kind for kind, _ in events] == [engine.REQUEST]
        assert answer == b""

    def fields_of(self, frames: list[Any]) -> Fields:
        return [(bytes(n), bytes(v)) for n, v in self.decoder.decode(b"".join(f.data for f in frames), raw=True)]


@pytest.fixture(params=ENGINES)
def connect(request: pytest.FixtureRequest) -> Connect:
    """Makes a `Client` of each engine."""
    return partial(Client, request.param)


def frames_of(data: bytes) -> list[Any]:
    found = []
    while data:
        frame, length = Frame.parse_frame_header(memoryview(data[:9]))
        frame.parse_body(memoryview(data[9 : 9 + length]))
        found.append(frame)
        data = data[9 + length :]
    return found


def settings_frame(values: list[tuple[int, int]]) -> bytes:
    return raw_frame(SETTINGS, b"".join(key.to_bytes(2, "big") + value.to_bytes(4, "big") for key, value in values))


def window_update(stream_id: int, increment: int) -> bytes:
    return raw_frame(WINDOW, increment.to_bytes(4, "big"), stream_id=stream_id)


def reset_of(data: bytes) -> tuple[int, int]:
    (frame,) = frames_of(data)
    assert isinstance(frame, RstStreamFrame)
    return frame.stream_id, frame.error_code


# --- the beginning ---


def test_the_server_begins_with_its_settings_and_the_window_of_the_connection(connect: Connect) -> None:
    sent, window = frames_of(connect().greeting)
    assert sent.settings == {1: 4096, 3: 100, 4: 2**18, 5: 2**14, 6: 2**16, 8: 1, 9: 1}
    assert (window.stream_id, window.window_increment) == (0, 2**20 - 65535)


def test_a_window_that_is_the_default_is_not_opened(connect: Connect) -> None:
    (sent,) = frames_of(connect(h2_initial_connection_window=65535, h2_initial_stream_window=65535).greeting)
    assert sent.settings[INITIAL_WINDOW] == 65535


def test_after_an_upgrade_the_first_stream_waits_for_its_answer(connect: Connect) -> None:
    values = bytes.fromhex("000400000005" + "000100000000" + "000500008000" + "00ff00000001")
    client = connect(upgrade=values)
    assert client.greeting == connect().greeting
    assert client.driver.window(1) == 5
    assert client.driver.engine.last_stream_id == 1
    assert client.driver.engine.peer_frame_size == 0x8000
    head, body = frames_of(client.driver.headers(1, ANSWER) + client.driver.data(1, b"12345", True))
    assert client.fields_of([head])[1:] == ANSWER[1:]
    assert body.data == b"12345"
    client.request(3)


# --- requests ---


def test_a_request(connect: Connect) -> None:
    client = connect()
    for stream_id in (1, 3, 5):
        events, answer = client.receive(client.headers(stream_id))
        about = {"stream_id": stream_id, "headers": REQUEST, "end": True, "too_large": False}
        assert events == [(engine.REQUEST, about)]
        assert answer == b""
        assert {type(field) for field in events[0][1]["headers"]} == {tuple}
    assert client.driver.engine.last_stream_id == 5


def test_padding_and_priorities_are_left_out(connect: Connect) -> None:
    client = connect()
    block = client.encoder.encode(REQUEST)
    itself = (1).to_bytes(4, "big") + b"\xff"  # a stream that depends on itself: RFC 9113 has done with priorities
    flags = END_HEADERS | PADDED | WITH_PRIORITY
    events, answer = client.receive(raw_frame(HEADERS, b"\x03" + itself + block + b"pad", flags=flags, stream_id=1))
    assert events[0][1]["headers"] == REQUEST
    assert answer == b""


def test_a_header_block_in_pieces(connect: Connect) -> None:
    client = connect()
    block = client.encoder.encode(REQUEST)
    parts = [raw_frame(HEADERS, block[:1], flags=END_STREAM, stream_id=1)]
    parts += [raw_frame(CONTINUATION, block[at : at + 1], stream_id=1) for at in range(1, len(block))]
    events, _ = client.receive(*parts)
    assert events == []
    assert client.driver.engine.continuing == 1
    events, _ = client.receive(raw_frame(CONTINUATION, b"", flags=END_HEADERS, stream_id=1))
    assert events[0][1] == {"stream_id": 1, "headers": REQUEST, "end": True, "too_large": False}
    assert client.driver.engine.continuing == 0


@pytest.mark.parametrize(
    "frame",
    [
        raw_frame(DATA, b"x", stream_id=1),
        raw_frame(HEADERS, b"\x82", flags=END_HEADERS, stream_id=1),
        raw_frame(HEADERS, b"\x82", flags=END_HEADERS, stream_id=3),
        raw_frame(CONTINUATION, b"\x82", flags=END_HEADERS, stream_id=3),
        raw_frame(RST, bytes(4), stream_id=1),
        raw_frame(SETTINGS),
        window_update(0, 1),
    ],
)
def test_nothing_comes_between_the_pieces(connect: Connect, frame: bytes) -> None:
    client = connect()
    events, _ = client.receive(raw_frame(HEADERS, b"\x82", stream_id=1), frame)
    assert [(kind, about["code"]) for kind, about in events] == [(engine.CONNECTION_ERROR, PROTOCOL_ERROR)]


def test_a_continuation_of_nothing(connect: Connect) -> None:
    client = connect()
    client.request(1)
    events, _ = client.receive(raw_frame(CONTINUATION, b"\x82", flags=END_HEADERS, stream_id=1))
    assert [(kind, about["code"]) for kind, about in events] == [(engine.CONNECTION_ERROR, PROTOCOL_ERROR)]


@pytest.mark.parametrize("piece", [b"", b"\x82" * 16384], ids=["empty", "full"])
def test_a_header_block_without_end(connect: Connect, piece: bytes) -> None:
    client = connect()
    endless = raw_frame(CONTINUATION, piece, stream_id=1) * 200
    events, _ = client.receive(raw_frame(HEADERS, b"\x82", stream_id=1), endless)
    assert events == [(engine.CONNECTION_ERROR, {"code": ENHANCE_YOUR_CALM, "reason": "the header block is too large"})]


@pytest.mark.parametrize(("size", "too_large"), [(400, False), (1000 - 32 - 1, False), (1000 - 32, True), (3000, True)])
def test_a_list_above_the_limit_is_told(connect: Connect, size: int, too_large: bool) -> None:
    client = connect(h2_max_header_list_size=1000)
    events, _ = client.receive(client.headers(1, [(b"a", b"x" * size)]))
    assert events[0][1]["too_large"] is too_large
    assert events[0][1]["headers"] == [(b"a", b"x" * size)]


def test_a_bomb_ends_the_connection(connect: Connect) -> None:
    client = connect(h2_max_header_list_size=1000)
    client.receive(client.headers(1, [(b"a", b"x" * 500)]))
    bomb = raw_frame(HEADERS, b"\xbe" * 10, flags=END_HEADERS | END_STREAM, stream_id=3)  # the same field ten times
    events, _ = client.receive(bomb)
    assert [(kind, about["code"]) for kind, about in events] == [(engine.CONNECTION_ERROR, ENHANCE_YOUR_CALM)]


@pytest.mark.parametrize(
    ("limit", "count", "kind"),
    [
        (150, 600, engine.REQUEST),
        (150, 601, engine.CONNECTION_ERROR),
        (10, 400, engine.REQUEST),
        (10, 401, engine.CONNECTION_ERROR),
    ],
)
def test_many_fields_end_the_connection(connect: Connect, limit: int, count: int, kind: int) -> None:
    """Four times max_header_fields, and 400 in any case, pseudo-fields included, are still read, to answer 431."""
    client = connect(max_header_fields=limit)
    events, _ = client.receive(client.headers(1, [*REQUEST, *[(b"a", b"")] * (count - len(REQUEST))]))
    assert [event for event, _about in events] == [kind]


@pytest.mark.parametrize(
    ("stream_id", "code"), [(2, PROTOCOL_ERROR), (3, PROTOCOL_ERROR), (5, STREAM_CLOSED)], ids=["even", "lower", "done"]
)
def test_a_stream_that_cannot_be_opened(connect: Connect, stream_id: int, code: int) -> None:
    client = connect()
    client.request(5)
    client.driver.headers(5, ANSWER, True)
    events, _ = client.receive(client.headers(stream_id))
    assert [(kind, about["code"]) for kind, about in events] == [(engine.CONNECTION_ERROR, code)]
    # Nothing more is said by the engine, whatever it is told.
    assert client.driver.headers(5, ANSWER) == client.driver.data(5, b"x") == client.driver.reset(5, 0) == b""
    assert client.driver.open_window(0, 1) == b""
    assert client.driver.window(5) == 0


# --- bodies ---


def test_a_body(connect: Connect) -> None:
    client = connect()
    client.request(1, end=False)
    padded = raw_frame(DATA, b"\x05hello" + bytes(5), flags=PADDED, stream_id=1)
    events, answer = client.receive(padded, raw_frame(DATA, b"bye", flags=END_STREAM, stream_id=1))
    assert events == [
        (engine.DATA, {"stream_id": 1, "data": b"hello", "credit": 11, "end": False}),
        (engine.DATA, {"stream_id": 1, "data": b"bye", "credit": 3, "end": True}),
    ]
    assert answer == b""


def test_the_length_of_a_body_is_not_the_engines_business(connect: Connect) -> None:
    client = connect()
    client.receive(client.headers(1, [*REQUEST, (b"content-length", b"nonsense")], END_HEADERS))
    events, _ = client.receive(raw_frame(DATA, b"hello", flags=END_STREAM, stream_id=1))
    assert events[0][0] == engine.DATA


def test_trailers(connect: Connect) -> None:
    client = connect()
    client.request(1, end=False)
    events, answer = client.receive(raw_frame(DATA, b"x", stream_id=1), client.headers(1, [(b"digest", b"abc")]))
    trailers = {"stream_id": 1, "headers": [(b"digest", b"abc")], "end": True, "too_large": False}
    assert events[1:] == [(engine.TRAILERS, trailers)]
    assert answer == b""


def test_trailers_that_do_not_end_the_request(connect: Connect) -> None:
    client = connect()
    client.request(1, end=False)
    events, answer = client.receive(client.headers(1, [(b"digest", b"abc")], END_HEADERS))
    assert [(kind, about["code"]) for kind, about in events] == [(engine.STREAM_ERROR, PROTOCOL_ERROR)]
    assert reset_of(answer) == (1, PROTOCOL_ERROR)
    client.request(3)  # the table has the field; the connection goes on
    events, _ = client.receive(client.headers(5, [*REQUEST, (b"digest", b"abc")]))
    assert events[0][1]["headers"][-1] == (b"digest", b"abc")


@pytest.mark.parametrize("answered", [False, True])
@pytest.mark.parametrize("kind", [DATA, HEADERS])
def test_more_after_the_end(connect: Connect, kind: int, answered: bool) -> None:
    client = connect()
    client.request(1)
    if answered:
        client.driver.headers(1, ANSWER, True)
    frame = raw_frame(DATA, b"x", stream_id=1) if kind == DATA else client.headers(1)
    events, answer = client.receive(frame)
    if answered and kind == HEADERS:
        assert [(found, about["code"]) for found, about in events] == [(engine.CONNECTION_ERROR, STREAM_CLOSED)]
        return
    assert [(found, about["code"]) for found, about in events] == [(engine.STREAM_ERROR, STREAM_CLOSED)]
    assert reset_of(answer) == (1, STREAM_CLOSED)
    client.request(3)


def test_frames_on_the_way_to_a_stream_that_the_server_has_reset(connect: Connect) -> None:
    client = connect(h2_initial_connection_window=65535)
    client.request(1, end=False)
    assert reset_of(client.driver.reset(1, CANCEL)) == (1, CANCEL)
    events, answer = client.receive(*[raw_frame(DATA, bytes(10000), stream_id=1)] * 4)
    assert events == []
    (window,) = frames_of(answer)  # of the connection: others may use it again
    assert (window.stream_id, window.window_increment) == (0, 40000)
    events, answer = client.receive(client.headers(1, [(b"digest", b"abc")]), window_update(1, 5))
    assert (events, answer) == ([], b"")
    client.request(3)
    events, answer = client.receive(raw_frame(DATA, b"x", stream_id=1))
    assert (events, answer) == ([], b"")


def test_frames_on_a_stream_that_the_client_has_reset(connect: Connect) -> None:
    client = connect()
    client.request(1, end=False)
    events, _ = client.receive(raw_frame(RST, CANCEL.to_bytes(4, "big"), stream_id=1))
    assert events == [(engine.RESET, {"stream_id": 1, "code": CANCEL})]
    assert client.driver.headers(1, ANSWER) == client.driver.data(1, b"x", True) == client.driver.reset(1, 0) == b""
    assert client.driver.window(1) == 0
    events, answer = client.receive(raw_frame(RST, bytes(4), stream_id=1), window_update(1, 2**31 - 1))
    assert (events, answer) == ([], b"")
    events, answer = client.receive(raw_frame(DATA, b"x", stream_id=1))
    assert [(kind, about["code"]) for kind, about in events] == [(engine.STREAM_ERROR, STREAM_CLOSED)]
    assert reset_of(answer) == (1, STREAM_CLOSED)


@pytest.mark.parametrize("stream_id", [2, 3])
@pytest.mark.parametrize("kind", [DATA, RST, WINDOW])
def test_frames_on_idle_streams(connect: Connect, kind: int, stream_id: int) -> None:
    client = connect()
    client.request(1)
    events, _ = client.receive(raw_frame(kind, b"\0\0\0\1", stream_id=stream_id))
    assert events == [(engine.CONNECTION_ERROR, {"code": PROTOCOL_ERROR, "reason": "frame on an idle stream"})]


# --- windows ---


def test_what_may_be_sent(connect: Connect) -> None:
    client = connect()
    client.request(1)
    client.request(3)
    client.driver.headers(1, ANSWER)
    assert client.driver.window(1) == 65535
    client.driver.data(1, bytes(65000))
    assert (client.driver.window(1), client.driver.window(3)) == (535, 535)  # the connection's is the least
    events, _ = client.receive(window_update(0, 1000))
    assert events == [(engine.WINDOW, {"stream_id": 0})]
    assert (client.driver.window(1), client.driver.window(3)) == (535, 1535)
    events, answer = client.receive(settings_frame([(INITIAL_WINDOW, 100)]))
    assert events == [(engine.SETTINGS, {"stream_id": 0})]
    assert [("ACK" in frame.flags, frame.settings) for frame in frames_of(answer)] == [(True, {})]
    assert client.driver.window(1) < 0
    assert client.driver.window(3) == 100
    events, _ = client.receive(window_update(3, 50))
    assert events == [(engine.WINDOW, {"stream_id": 3})]
    assert client.driver.window(3) == 150


def test_a_window_that_is_too_large(connect: Connect) -> None:
    client = connect()
    client.request(1)
    client.request(3)
    events, answer = client.receive(window_update(1, 2**31 - 1))
    assert [(kind, about["code"]) for kind, about in events] == [(engine.STREAM_ERROR, FLOW_CONTROL_ERROR)]
    assert reset_of(answer) == (1, FLOW_CONTROL_ERROR)
    client.request(5)
    events, _ = client.receive(window_update(0, 2**31 - 1))
    assert [(kind, about["code"]) for kind, about in events] == [(engine.CONNECTION_ERROR, FLOW_CONTROL_ERROR)]


def test_settings_that_make_a_window_too_large(connect: Connect) -> None:
    client = connect()
    client.request(1)
    client.receive(window_update(1, 2**31 - 1 - 65535))
    events, _ = client.receive(settings_frame([(INITIAL_WINDOW, 65536)]))
    assert [(kind, about["code"]) for kind, about in events] == [(engine.CONNECTION_ERROR, FLOW_CONTROL_ERROR)]


def test_more_than_the_servers_window(connect: Connect) -> None:
    client = connect(h2_initial_stream_window=1024)
    client.receive(raw_frame(SETTINGS, flags=ACK))
    client.request(1, end=False)
    events, _ = client.receive(raw_frame(DATA, bytes(1025), stream_id=1))
    assert [(kind, about["code"]) for kind, about in events] == [(engine.CONNECTION_ERROR, FLOW_CONTROL_ERROR)]


def test_windows_are_opened(connect: Connect) -> None:
    client = connect(h2_initial_stream_window=1024, h2_initial_connection_window=65535)
    events, _ = client.receive(raw_frame(SETTINGS, flags=ACK))
    assert events == [(engine.SETTINGS_ACK, {"stream_id": 0})]
    client.request(1, end=False)
    client.receive(raw_frame(DATA, bytes(1024), stream_id=1))
    (stream, connection) = frames_of(client.driver.open_window(1, 2048) + client.driver.open_window(0, 1024))
    assert (stream.stream_id, stream.window_increment) == (1, 2048)
    assert (connection.stream_id, connection.window_increment) == (0, 1024)
    events, _ = client.receive(raw_frame(DATA, bytes(2048), flags=END_STREAM, stream_id=1))
    assert events[0][0] == engine.DATA
    assert client.driver.open_window(1, 1) == client.driver.open_window(7, 1) == b""  # nothing more can come


@pytest.mark.parametrize("window", [1024, 70_000])
def test_the_windows_of_streams_change_when_the_client_acknowledges(connect: Connect, window: int) -> None:
    client = connect(
        h2_initial_stream_window=window, h2_initial_connection_window=2**20, h2_max_inbound_frame_size=2**17
    )
    client.request(1, end=False)
    client.request(3, end=False)
    events, _ = client.receive(raw_frame(DATA, bytes(1000), stream_id=1))
    assert events[0][0] == engine.DATA
    client.receive(raw_frame(SETTINGS, flags=ACK))
    client.receive(raw_frame(SETTINGS, flags=ACK))  # of nothing: no window changes again
    client.request(5, end=False)
    for stream_id, left in ((1, window - 1000), (3, window), (5, window)):
        events, _ = client.receive(raw_frame(DATA, bytes(left), stream_id=stream_id))
        assert events[0][0] == engine.DATA
    events, _ = client.receive(raw_frame(DATA, b"x", stream_id=3))
    assert [(kind, about["code"]) for kind, about in events] == [(engine.CONNECTION_ERROR, FLOW_CONTROL_ERROR)]


def test_before_that_they_are_the_default(connect: Connect) -> None:
    client = connect(h2_initial_stream_window=2**20, h2_max_inbound_frame_size=2**17)
    client.request(1, end=False)
    events, _ = client.receive(raw_frame(DATA, bytes(65535), stream_id=1))
    assert events[0][0] == engine.DATA
    events, _ = client.receive(raw_frame(DATA, b"x", stream_id=1))
    assert [(kind, about["code"]) for kind, about in events] == [(engine.CONNECTION_ERROR, FLOW_CONTROL_ERROR)]


def test_more_than_the_window_of_the_connection(connect: Connect) -> None:
    client = connect(h2_initial_stream_window=2**20, h2_initial_connection_window=70_000)
    client.receive(raw_frame(SETTINGS, flags=ACK))
    for stream_id in (1, 3):
        client.request(stream_id, end=False)
    for stream_id in (1, 3, 1, 3):
        events, _ = client.receive(raw_frame(DATA, bytes(16_384), stream_id=stream_id))
        assert events[0][0] == engine.DATA
    padded = raw_frame(DATA, b"\xff" + bytes(255), flags=PADDED, stream_id=1)
    assert len(padded) == 9 + 256  # all of which counts
    for _ in range((70_000 - 4 * 16_384) // 256):
        events, _ = client.receive(padded)
        assert events == [(engine.DATA, {"stream_id": 1, "data": b"", "credit": 256, "end": False})]
    events, _ = client.receive(padded)
    assert [(kind, about["code"]) for kind, about in events] == [(engine.CONNECTION_ERROR, FLOW_CONTROL_ERROR)]


def test_a_body_of_any_number_of_frames_and_an_empty_end(connect: Connect) -> None:
    client = connect()
    client.request(1, end=False)
    events, answer = client.receive(
        raw_frame(DATA, b"ab", stream_id=1),
        raw_frame(DATA, stream_id=1),
        raw_frame(DATA, flags=END_STREAM, stream_id=1),
    )
    assert [(about["data"], about["credit"], about["end"]) for _, about in events] == [
        (b"ab", 2, False),
        (b"", 0, False),
        (b"", 0, True),
    ]
    assert answer == b""


# --- settings of the client ---


def test_what_the_client_sets(connect: Connect) -> None:
    client = connect()
    found = client.driver.engine
    assert (found.peer_frame_size, found.peer_push, found.peer_max_streams) == (16384, True, 2**31 - 1)
    client.receive(settings_frame([(FRAME_SIZE, 20000), (ENABLE_PUSH, 0), (MAX_STREAMS, 7), (LIST_SIZE, 5)]))
    assert (found.peer_frame_size, found.peer_push, found.peer_max_streams) == (20000, False, 7)


def test_settings_that_nobody_knows_are_not_remembered() -> None:
    client = Client()
    for start in range(16, 2**16, 2700):
        client.receive(settings_frame([(key, 1) for key in range(start, min(start + 2700, 2**16))]))
    assert len(client.driver.engine.h2.remote_settings) < 10  # type: ignore[attr-defined]


def test_a_table_that_was_smaller_meanwhile_is_empty(connect: Connect) -> None:
    client = connect()
    for stream_id in (1, 3, 5):
        client.request(stream_id)
    client.fields_of(frames_of(client.driver.headers(1, [*ANSWER, (b"x-long", b"value")], True)))
    client.receive(settings_frame([(TABLE_SIZE, 0), (TABLE_SIZE, 0), (TABLE_SIZE, 2**20)] * 3))
    (frame,) = frames_of(client.driver.headers(3, [*ANSWER, (b"x-long", b"value")], True))
    assert frame.data[:4] == bytes([0x20, 0x3F, 0xE1, 0x1F])  # first none, then 4096: not more, though it may be
    assert client.fields_of([frame]) == [*ANSWER, (b"x-long", b"value")]
    (frame,) = frames_of(client.driver.headers(5, [*ANSWER, (b"x-long", b"value")], True))
    assert client.fields_of([frame]) == [*ANSWER, (b"x-long", b"value")]
    assert len(frame.data) < 8


# --- answers ---


def test_an_answer_in_frames_of_the_clients_size(connect: Connect) -> None:
    client = connect()
    client.request(1)
    client.receive(settings_frame([(FRAME_SIZE, 20000), (INITIAL_WINDOW, 2**20)]), window_update(0, 2**20))
    fields = [*ANSWER, (b"x-long", bytes(range(33, 127)) * 500)]
    heads = frames_of(client.driver.headers(1, fields))
    assert [frame.stream_id for frame in heads] == [1] * len(heads)
    assert all(frame.body_len <= 20000 for frame in heads)
    assert [sorted(frame.flags) for frame in heads] == [[]] * (len(heads) - 1) + [["END_HEADERS"]]
    assert client.fields_of(heads) == fields
    pieces = frames_of(client.driver.data(1, b"x" * 50001, True))
    assert [len(frame.data) for frame in pieces] == [20000, 20000, 10001]
    assert [sorted(frame.flags) for frame in pieces] == [[], [], ["END_STREAM"]]


def test_informational_answers_and_trailers(connect: Connect) -> None:
    client = connect()
    client.request(1)
    parts = [([(b":status", b"103"), (b"link", b"</a>")], False), (ANSWER, False)]
    for fields, end in parts:
        assert client.fields_of(frames_of(client.driver.headers(1, fields, end))) == fields
    client.driver.data(1, b"x")
    (frame,) = frames_of(client.driver.headers(1, [(b"digest", b"abc")], True))
    assert "END_STREAM" in frame.flags
    assert client.fields_of([frame]) == [(b"digest", b"abc")]
    assert client.driver.data(1, b"x") == b""  # the exchange is over


def test_empty_trailers_are_the_end(connect: Connect) -> None:
    client = connect()
    client.request(1)
    client.driver.headers(1, ANSWER)
    (frame,) = frames_of(client.driver.headers(1, [], True))
    assert (frame.data, sorted(frame.flags)) == (b"", ["END_STREAM"])


def test_secrets_and_what_changes_stay_out_of_the_table(connect: Connect) -> None:
    client = connect()
    client.request(1)
    fields = [(b":status", b"200"), (b"set-cookie", b"a=b"), (b"content-length", b"123456"), (b"etag", b'"abc"')]
    client.fields_of(frames_of(client.driver.headers(1, fields)))
    assert not client.decoder.header_table.dynamic_entries


# --- pushes ---


def test_a_push(connect: Connect) -> None:
    client = connect()
    client.request(1)
    (frame,) = frames_of(client.driver.push(1, REQUEST))
    assert (frame.stream_id, frame.promised_stream_id) == (1, 2)
    assert client.fields_of([frame]) == REQUEST
    assert client.driver.engine.last_promised_id == 2
    head, body = frames_of(client.driver.headers(2, ANSWER) + client.driver.data(2, b"x", True))
    assert (head.stream_id, body.data) == (2, b"x")
    client.driver.push(1, REQUEST)
    events, _ = client.receive(window_update(4, 1), raw_frame(RST, bytes(4), stream_id=4))
    assert [(kind, about["stream_id"]) for kind, about in events] == [(engine.WINDOW, 4), (engine.RESET, 4)]


def test_pushes_that_cannot_be(connect: Connect) -> None:
    client = connect()
    client.request(1)
    client.request(3)
    assert client.driver.push(1, [*REQUEST, (b"x", bytes(10000))]) == b""
    client.driver.headers(1, ANSWER, True)
    assert client.driver.push(1, REQUEST) == b""
    client.receive(settings_frame([(ENABLE_PUSH, 0)]))
    assert client.driver.push(3, REQUEST) == b""
    assert client.driver.engine.last_promised_id == 0


# --- memory ---


def test_streams_leave_nothing() -> None:
    client = Client()
    client.receive(window_update(0, 2**30))
    for stream_id in range(1, 4001, 2):
        client.request(stream_id, end=bool(stream_id % 3))
        if stream_id % 5:
            client.driver.headers(stream_id, ANSWER)
            client.driver.data(stream_id, b"x", True)
        client.driver.reset(stream_id, 0)
        client.driver.forget(stream_id)
    found: Any = client.driver.engine
    assert len(found.h2.streams) <= 1
    assert not found.uploads
    assert len(found.resets) <= MAX_RESETS


# --- header compression ---


@pytest.mark.parametrize(
    "block",
    [
        bytes([0x80]),  # index 0
        bytes([0xBE]),  # index 62 of an empty table
        bytes([0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01]),  # an integer without end
        bytes([0xFF]),  # an integer that is cut
        bytes([0x7E, 0x01]) + b"x",  # a literal whose name is index 62
        bytes([0x40, 0x05]) + b"ab",  # a name that is cut
        bytes([0x40, 0x01]) + b"a" + bytes([0x05]) + b"x",  # a value that is cut
        bytes([0x40]),
        bytes([0x3F, 0xE2, 0x1F]),  # a table of 4097 bytes
        bytes([0x82, 0x20]),  # a change of the table's size after a field
        bytes([0x40, 0x81, 0xFF]) + bytes([0x01]) + b"x",  # padding of eight bits
        bytes([0x40, 0x81, 0x00]) + bytes([0x01]) + b"x",  # padding of zeros
        bytes([0x40, 0x84, 0xFF, 0xFF, 0xFF, 0xFF]) + bytes([0x01]) + b"x",  # the end-of-string symbol
    ],
)
def test_a_block_that_is_wrong(connect: Connect, block: bytes) -> None:
    client = connect()
    events, answer = client.receive(raw_frame(HEADERS, block, flags=END_HEADERS | END_STREAM, stream_id=1))
    assert [(kind, about["code"]) for kind, about in events] == [(engine.CONNECTION_ERROR, COMPRESSION_ERROR)]
    assert answer == b""


NAMES = st.sampled_from([b"a", b"b", b"etag", b"x-long-name", b"content-type", b"accept", b"date"])
LISTS = st.lists(st.tuples(NAMES, st.sampled_from([b"", b"1", b"22", b"text/plain", b"x" * 200])), max_size=5)
STEPS = st.lists(st.tuples(LISTS, st.sampled_from([None, None, None, None, 0, 64, 100, 4096, 9000])), max_size=30)


@settings(max_examples=80, deadline=None)
@given(STEPS)
def test_what_is_encoded_is_what_the_client_reads(steps: list[tuple[Fields, int | None]]) -> None:
    encoder, client = FieldEncoder(), hpack.Decoder()
    for fields, size in steps:
        if size is not None:
            encoder.header_table_size = size
        for _ in range(2):
            read = client.decode(encoder.encode_fields(fields), raw=True)
            assert [tuple(field) for field in read] == fields
            assert client.header_table_size == encoder.header_table_size
        assert list(client.header_table.dynamic_entries) == list(encoder.header_table.dynamic_entries)


@settings(max_examples=80, deadline=None)
@given(STEPS)
def test_what_is_decoded_is_what_the_client_wrote(steps: list[tuple[Fields, int | None]]) -> None:
    client, decoder = hpack.Encoder(), FieldDecoder(2**16)
    for fields, size in steps:
        if size is not None and size <= 4096 and size != client.header_table_size:
            client.header_table_size = size
        for _ in range(2):
            assert decoder.decode(client.encode(fields)) == fields
        assert list(client.header_table.dynamic_entries) == list(decoder.decoder.header_table.dynamic_entries)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=40))
def test_any_block_is_fields_or_an_error(block: bytes) -> None:
    try:
        assert FieldDecoder(1000).decode(block) is not None
    except (HPACKError, BombError):
        pass


def test_what_is_kept_is_bounded() -> None:
    encoder, decoder = FieldEncoder(), FieldDecoder(2**16)
    for number in range(1000):
        fields = [(b"etag", b"%d" % number)]
        assert decoder.decode(encoder.encode_fields(fields)) == fields
    assert max(len(encoder.kept), len(decoder.kept)) <= 64


def test_hyperframe_agrees_on_frames() -> None:
    frame = SettingsFrame(0, settings={INITIAL_WINDOW: 5})
    assert settings_frame([(INITIAL_WINDOW, 5)]) == frame.serialize()
    update = WindowUpdateFrame(3)
    update.window_increment = 9
    assert window_update(3, 9) == update.serialize()
