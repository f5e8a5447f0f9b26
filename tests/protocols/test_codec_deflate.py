# SPDX-License-Identifier: MIT
"""permessage-deflate (RFC 7692): what is negotiated, and compressed messages on every engine."""

from __future__ import annotations

import random
import zlib

import pytest

from fastcorn.errors import MessageError
from fastcorn.protocols._codec import BINARY, FAILED, PING, TEXT, read_events, write_frames
from fastcorn.protocols._deflate import MessageDeflate
from fastcorn.protocols.permessage_deflate import DeflateParameters, negotiate
from tests import frames
from tests.frames import ENGINE_NAMES, deflated, fragments, frame, new_codec, read_in_steps, server_frames, settings

engines = pytest.mark.parametrize("engine", ENGINE_NAMES)
P = "permessage-deflate"
S12 = "; server_max_window_bits=12"
C12 = "; client_max_window_bits=12"

# What a client offers and what is answered, with the default settings (window bits 12, context takeover).
OFFERS: list[tuple[str, str | None]] = [
    (P, P + S12),
    ("permessage-deflate; client_max_window_bits", P + S12 + C12),
    ("permessage-deflate; client_max_window_bits=15", P + S12 + C12),
    ("permessage-deflate; client_max_window_bits=12", P + S12 + C12),
    ("permessage-deflate; client_max_window_bits=9", P + S12 + "; client_max_window_bits=9"),
    ("permessage-deflate; client_max_window_bits=8", P + S12 + "; client_max_window_bits=8"),
    ('permessage-deflate; client_max_window_bits="10"', P + S12 + "; client_max_window_bits=10"),
    ("permessage-deflate; server_max_window_bits=15", P + S12),
    ("permessage-deflate; server_max_window_bits=9", P + "; server_max_window_bits=9"),
    ("permessage-deflate; server_no_context_takeover", P + "; server_no_context_takeover" + S12),
    ("permessage-deflate; client_no_context_takeover", P + "; client_no_context_takeover" + S12),
    (
        P + ";server_max_window_bits = 10 ;client_max_window_bits;"
        + "server_no_context_takeover\t;client_no_context_takeover",
        P + "; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=10" + C12,
    ),
    # zlib cannot write a window of 2^8 (RFC 7692 section 7.1.2.1 lets a server decline).
    ("permessage-deflate; server_max_window_bits=8", None),
    ("permessage-deflate; server_max_window_bits=8, permessage-deflate", P + S12),
    # wrong values, each declined; the next offer counts
    ("permessage-deflate; server_max_window_bits", None),
    ("permessage-deflate; server_max_window_bits=7", None),
    ("permessage-deflate; server_max_window_bits=16", None),
    ("permessage-deflate; server_max_window_bits=012", None),
    ("permessage-deflate; server_max_window_bits=x", None),
    ("permessage-deflate; client_max_window_bits=7", None),
    ("permessage-deflate; client_max_window_bits=16", None),
    ("permessage-deflate; client_max_window_bits=1e1", None),
    ("permessage-deflate; server_no_context_takeover=1", None),
    ("permessage-deflate; client_no_context_takeover=true", None),
    ("permessage-deflate; client_no_context_takeover; client_no_context_takeover", None),
    ("permessage-deflate; client_max_window_bits; client_max_window_bits=10", None),
    ("permessage-deflate; unknown", None),
    ("permessage-deflate; unknown=1, permessage-deflate; client_max_window_bits", P + S12 + C12),
    (P + "; server_max_window_bits=99, " + P + "; server_max_window_bits=11", P + "; server_max_window_bits=11"),
    # others
    ("x-webkit-deflate-frame", None),
    ("permessage-bzip2, permessage-deflate", P + S12),
    ("permessage-deflate=1", None),
    ("PERMESSAGE-DEFLATE", None),
    ("", None),
    (" , ,permessage-deflate, ", P + S12),
    # not of RFC 6455 section 9.1
    ("permessage-deflate;", None),
    ("permessage-deflate; =1", None),
    ("permessage-deflate; a b", None),
    ('permessage-deflate; client_max_window_bits="10', None),
    ("permessage-deflate; client_max_window_bits=", None),
    ("permessage-deflate, @", None),
    ("permessage-deflate \xe9", None),
]  # fmt: skip


@pytest.mark.parametrize(("offer", "answer"), OFFERS, ids=[offer for offer, _ in OFFERS])
def test_the_first_acceptable_offer_is_answered(offer: str, answer: str | None) -> None:
    agreed, parameters = negotiate([offer.encode("latin-1")], settings())
    assert agreed == (None if answer is None else answer.encode())
    assert (parameters is None) == (answer is None)
    if parameters is not None:
        told = dict.fromkeys(agreed.decode().split("; ")) if agreed else {}
        assert parameters.server_no_context_takeover == ("server_no_context_takeover" in told)
        assert parameters.client_no_context_takeover == ("client_no_context_takeover" in told)
        assert parameters.server_window_bits == window_of(told, "server", 15)
        assert parameters.client_window_bits == max(9, window_of(told, "client", 15))


def window_of(told: dict[str, None], side: str, default: int) -> int:
    start = f"{side}_max_window_bits="
    return next((int(part.removeprefix(start)) for part in told if part.startswith(start)), default)


def test_offers_in_several_fields_are_one_list() -> None:
    agreed, _ = negotiate([b"permessage-deflate; server_max_window_bits=8", b"permessage-deflate"], settings())
    assert agreed == (P + S12).encode()
    assert negotiate([], settings()) == (None, None)


def test_settings_decide_what_is_agreed() -> None:
    offer = [b"permessage-deflate; client_max_window_bits"]
    assert negotiate(offer, settings(websocket_compression=False)) == (None, None)
    agreed, parameters = negotiate(offer, settings(websocket_context_takeover=False, websocket_window_bits=15))
    assert agreed == b"permessage-deflate; server_no_context_takeover; client_no_context_takeover"
    changed = settings(
        websocket_compression_level=9,
        websocket_memory_level=1,
        websocket_compression_threshold=7,
        websocket_window_bits=9,
    )
    agreed, parameters = negotiate(offer, changed)
    assert agreed == b"permessage-deflate; server_max_window_bits=9; client_max_window_bits=9"
    assert parameters == DeflateParameters(False, False, 9, 9, 9, 1, 7)


# ---- messages --------------------------------------------------------------------------------------------------------

SHAPES = [
    DeflateParameters(server, client, bits, bits, level, memory)
    for server in (False, True)
    for client in (False, True)
    for bits, level, memory in ((9, 6, 5), (12, 1, 1), (15, 9, 9))
]


@engines
@pytest.mark.parametrize("parameters", SHAPES, ids=str)
def test_messages_both_ways(engine: str, parameters: DeflateParameters) -> None:
    """Autobahn sections 12 and 13: of each size, one after the other, so that contexts are taken over or not."""
    generator = random.Random(7)
    words = [bytes(generator.choices(b"abcdefghij ", k=6)) for _ in range(50)]
    codec = new_codec(engine, parameters)
    client_out = zlib.compressobj(wbits=-parameters.client_window_bits)
    client_in = zlib.decompressobj(-parameters.server_window_bits)
    for size in (1, 16, 64, 256, 1024, 5000, 70_000):
        payload = b"".join(generator.choices(words, k=size // 6 + 1))[:size]
        if parameters.client_no_context_takeover:
            client_out = zlib.compressobj(wbits=-parameters.client_window_bits)
        data = (client_out.compress(payload) + client_out.flush(zlib.Z_SYNC_FLUSH))[:-4]
        step = 0 if size > 5000 else 11
        assert read_in_steps(codec, frame(frames.TEXT, data, rsv=4), step) == [(TEXT, payload.decode(), 0, None)]
        ((bits, opcode, sent),) = server_frames(write_frames(codec, TEXT, payload))
        assert opcode == frames.BINARY
        if bits == 0x8:
            assert sent == payload
            assert parameters.server_no_context_takeover, "with context takeover every message is compressed"
            continue
        assert bits == 0xC
        if parameters.server_no_context_takeover:
            client_in = zlib.decompressobj(-parameters.server_window_bits)
        assert client_in.decompress(sent + b"\x00\x00\xff\xff") == payload


@engines
def test_fragments_of_a_compressed_message(engine: str) -> None:
    data = deflated(b"one two three " * 30)
    ping = frame(frames.PING, b"mid")
    for parts in ([data[:1], data[1:]], [data, b""], [b"", data], [data[i : i + 1] for i in range(len(data))]):
        codec = new_codec(engine, DeflateParameters(client_no_context_takeover=True))
        whole = fragments(frames.BINARY, parts, rsv=4)
        for step in (0, 1):
            assert read_in_steps(codec, whole, step) == [(BINARY, b"one two three " * 30, 0, None)]
        first, rest = frame(frames.BINARY, data[:5], fin=False, rsv=4), frame(frames.CONTINUATION, data[5:])
        assert [event[0] for event in read_events(codec, first + ping + rest)] == [PING, BINARY]


@engines
def test_an_uncompressed_message_is_taken_between_compressed_ones(engine: str) -> None:
    codec = new_codec(engine, DeflateParameters(client_no_context_takeover=True))
    data = frame(frames.TEXT, deflated(b"a" * 99), rsv=4) + frame(frames.TEXT, b"plain")
    assert read_events(codec, data * 2) == [(TEXT, "a" * 99, 0, None), (TEXT, "plain", 0, None)] * 2


@engines
@pytest.mark.parametrize(
    ("payload", "text"),
    [
        # The examples of RFC 7692 section 7.2.3.
        ("f248cdc9c90700", "Hello"),
        ("000500faff48656c6c6f00", "Hello"),
        ("f348cdc9c9070000", "Hello"),  # a final block, and an empty one
        ("f248050000 00ffffcac9c90700", "Hello"),
        ("00", ""),
        ("f348cdc9c90700", "Hello"),  # a final block and nothing
    ],
)
def test_the_examples_of_the_standard(engine: str, payload: str, text: str) -> None:
    data = bytes.fromhex(payload)
    for step in (0, 1):
        codec = new_codec(engine, DeflateParameters())
        for _ in range(2):
            assert read_in_steps(codec, frame(frames.TEXT, data, rsv=4), step) == [(TEXT, text, 0, None)]


@engines
def test_what_is_not_deflate_fails_with_1007(engine: str) -> None:
    for data in (b"\xff\xff\xff", b"\x07", b"\x00\x05\x00\x00\x00Hello", bytes.fromhex("0100000000") * 2):
        for whole in (frame(frames.TEXT, data, rsv=4), fragments(frames.BINARY, [data[:1], data[1:]], rsv=4)):
            events = read_events(new_codec(engine, DeflateParameters()), whole)
            assert [(kind, code) for kind, _, code, _ in events] == [(FAILED, 1007)]


@engines
def test_many_final_blocks_are_refused(engine: str) -> None:
    """Each would cost a new state of zlib: 65536 of them in one frame must not."""
    codec = new_codec(engine, DeflateParameters())
    ((kind, _, code, _),) = read_events(codec, frame(frames.TEXT, b"\x03\x00" * 32768, rsv=4))
    assert (kind, code) == (FAILED, 1007)


@engines
@pytest.mark.parametrize("invalid", [b"\xff", b"ok \xed\xa0\x80", b"ends \xe2\x82"])
def test_invalid_text_after_inflating(engine: str, invalid: bytes) -> None:
    data = deflated(invalid)
    for whole in (frame(frames.TEXT, data, rsv=4), fragments(frames.TEXT, [data[:2], data[2:]], rsv=4)):
        for step in (0, 1):
            events = read_in_steps(new_codec(engine, DeflateParameters()), whole, step)
            assert [(kind, code) for kind, _, code, _ in events] == [(FAILED, 1007)]


@engines
def test_the_reserved_bit_of_an_extension_that_was_not_agreed(engine: str) -> None:
    events = read_events(new_codec(engine), frame(frames.TEXT, deflated(b"x"), rsv=4))
    assert [(kind, code) for kind, _, code, _ in events] == [(FAILED, 1002)]
    for opcode in (frames.PING, frames.CLOSE):
        events = read_events(new_codec(engine, DeflateParameters()), frame(opcode, rsv=4))
        assert [(kind, code) for kind, _, code, _ in events] == [(FAILED, 1002)]


# ---- what is sent compressed, and what is not ------------------------------------------------------------------------


@engines
def test_the_threshold_and_level_0(engine: str) -> None:
    codec = new_codec(engine, DeflateParameters(threshold=100))
    assert server_frames(write_frames(codec, TEXT, "a" * 99)) == [(0x8, frames.TEXT, b"a" * 99)]
    ((bits, _, sent),) = server_frames(write_frames(codec, TEXT, "a" * 100))
    assert bits == 0xC
    assert len(sent) < 20
    codec = new_codec(engine, DeflateParameters(level=0))
    assert server_frames(write_frames(codec, TEXT, "a" * 5000)) == [(0x8, frames.TEXT, b"a" * 5000)]
    codec = new_codec(engine, DeflateParameters(threshold=0))
    for _ in range(2):
        assert server_frames(write_frames(codec, TEXT, "")) == [(0x8, frames.TEXT, b"")]
        assert server_frames(write_frames(codec, TEXT, "aaaa"))[0][0] == 0xC


@engines
def test_what_does_not_shrink_is_sent_as_it_is_where_no_context_is_kept(engine: str) -> None:
    noise = random.Random(1).randbytes(5000)
    codec = new_codec(engine, DeflateParameters(server_no_context_takeover=True))
    assert server_frames(write_frames(codec, BINARY, noise)) == [(0x8, frames.BINARY, noise)]
    codec = new_codec(engine, DeflateParameters())
    ((bits, _, sent),) = server_frames(write_frames(codec, BINARY, noise))
    assert bits == 0xC
    assert zlib.decompressobj(-15).decompress(sent + b"\x00\x00\xff\xff") == noise


@engines
def test_control_frames_are_not_compressed(engine: str) -> None:
    codec = new_codec(engine, DeflateParameters(threshold=0))
    assert server_frames(write_frames(codec, PING, b"a" * 125)) == [(0x8, frames.PING, b"a" * 125)]


@engines
def test_a_text_that_cannot_be_sent_leaves_the_context_intact(engine: str) -> None:
    codec = new_codec(engine, DeflateParameters())
    inflater = zlib.decompressobj(-15)
    for message in ("first " * 100, "x" * 2000 + "\ud800", "second " * 100):
        if "\ud800" in message:
            with pytest.raises(MessageError, match=r"lone surrogate, U\+D800 at index 2000"):
                write_frames(codec, TEXT, message)
        else:
            ((_, _, sent),) = server_frames(write_frames(codec, TEXT, message))
            assert inflater.decompress(sent + b"\x00\x00\xff\xff").decode() == message


def test_states_are_made_late_and_dropped_where_no_context_is_kept() -> None:
    kept, dropped = MessageDeflate(DeflateParameters()), MessageDeflate(DeflateParameters(True, True))
    data = deflated(b"some text " * 10)
    for deflate in (kept, dropped):
        assert deflate.inflate(data, 1000, True) == b"some text " * 10
    assert kept.deflate(b"abc" * 100) == kept_first(b"abc" * 100)
    again = kept.deflate(b"abc" * 100)
    assert again is not None
    assert len(again) < len(kept_first(b"abc" * 100)), "the window of the first message was not used"
    assert dropped.deflate(b"abc" * 100) == dropped.deflate(b"abc" * 100)


def kept_first(data: bytes) -> bytes:
    return deflated(data)
