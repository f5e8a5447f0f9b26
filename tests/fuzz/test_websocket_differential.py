# SPDX-License-Identifier: MIT
"""The same bytes to NativeCodec, wsproto and websockets: the same messages and end, or a difference listed here.

Each case is a conversation of valid frames, whole or fragmented, compressed or not, most of which are then damaged:
bits flipped, bytes cut out, doubled or put in. All comes from seeded generators. wsproto is used as its users do,
without what fastcorn's fallback adds; of websockets the frames are read, and put together as its connections do.
"""

from __future__ import annotations

import random
from collections import Counter
from typing import Any, NamedTuple

import pytest

from fastcorn.protocols import _codec
from fastcorn.protocols.permessage_deflate import DeflateParameters
from tests import frames
from tests.frames import close_frame, deflated, frame, new_codec, read_in_steps

pytest.importorskip("wsproto")
pytest.importorskip("websockets")

CASES = 3000
TEXTS = ("", "plain", "κόσμε", "日本語😀" * 5, "a" * 125, "b" * 126, "c" * 300, "\ufffd")


class Verdict(NamedTuple):
    """What was read: messages and control frames, and how it ended: "open", "closed <code>" or "failed <code>"."""

    events: list[tuple[str, str | bytes]]
    end: str


# What may differ, with the reason: (fastcorn's end, the other's end).
DIFFERENCES: dict[str, dict[tuple[str, str], str]] = {
    "wsproto": {
        ("closed 1014", "failed 1002"): "registered by IANA after RFC 6455",
        ("failed 1002", "failed 1007"): "a wrong header, of whose payload wsproto looks first at text or compression",
        ("failed 1002", "open"): "wrong with the first bytes; wsproto waits for the length, the mask or some payload",
        (
            "failed 1007",
            "failed 1002",
        ): "data after a final block of deflate, which wsproto skips; then another mistake",
        ("failed 1007", "failed 1007"): "the same",
        ("failed 1007", "open"): "the same; half a surrogate, which Python's decoder waits for",
        ("failed 1009", "failed 1007"): "wsproto has no limits, and inflates what fastcorn refuses by its header",
        ("failed 1009", "open"): "wsproto has no limits",
    },
    "websockets": {
        ("failed 1002", "failed 1002"): "a length that is not in the fewest bytes, which websockets takes",
        ("failed 1002", "failed 1007"): "the same",
        ("failed 1002", "failed 1009"): "the same",
        ("failed 1002", "open"): "wrong with the first bytes; websockets waits for the whole frame",
        ("failed 1007", "failed 1002"): "compressed data that are none have the code 1002 there",
        ("failed 1007", "failed 1007"): "data after a final block, which websockets skips; text, read when it is whole",
        ("failed 1007", "failed 1009"): "text is read when it is whole",
        ("failed 1007", "open"): "the same",
    },
}


def conversation(generator: random.Random, *, controls_anywhere: bool = True) -> bytes:
    """Valid frames; compressed ones keep no context."""
    data = b""
    for _ in range(generator.randint(1, 4)):
        opcode = generator.choice((frames.TEXT, frames.BINARY))
        payload = (
            generator.choice(TEXTS).encode()
            if opcode == frames.TEXT
            else generator.randbytes(generator.randint(0, 200))
        )
        rsv = generator.choice((0, 0, 4))
        payload = deflated(payload) if rsv else payload
        cuts = sorted(generator.randint(0, len(payload)) for _ in range(generator.choice((0, 0, 1, 3))))
        parts = [payload[a:b] for a, b in zip([0, *cuts], [*cuts, len(payload)], strict=True)]
        for index, part in enumerate(parts):
            key = generator.randbytes(4)
            first, last = index == 0, index == len(parts) - 1
            data += frame(opcode if first else 0, part, fin=last, rsv=rsv if first else 0, key=key)
            if generator.random() < 0.2 and (last or controls_anywhere or not rsv):
                data += frame(
                    generator.choice((frames.PING, frames.PONG)), generator.randbytes(generator.randint(0, 9)), key=key
                )
    if generator.random() < 0.3:
        data += close_frame(generator.choice((1000, 1000, 1001, 1004, 1006, 1014, 3000, 5000)), b"bye")
    return data


def damaged(generator: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(generator.choice((0, 1, 1, 2, 3))):
        at = (
            generator.randrange(len(changed)) if generator.random() < 0.5 else generator.randrange(min(len(changed), 4))
        )
        kind = generator.randrange(5)
        if kind < 2:
            changed[at] ^= 1 << generator.randrange(8)
        elif kind == 2:
            changed[at] = generator.choice((0x00, 0x01, 0x7E, 0x7F, 0x80, 0x88, 0xC1, 0xFE, 0xFF))
        elif kind == 3:
            del changed[at : at + generator.randint(1, 3)]
        else:
            changed[at:at] = changed[at : at + generator.randint(1, 8)]
        if not changed:
            break
    return bytes(changed)


PARAMETERS = DeflateParameters(client_no_context_takeover=True, server_no_context_takeover=True)


def told(kind: int, data: str | bytes | None) -> tuple[str, str | bytes]:
    names = {_codec.TEXT: "text", _codec.BINARY: "binary", _codec.PING: "ping", _codec.PONG: "pong"}
    assert data is not None
    return names[kind], data


def by_fastcorn(data: bytes, engine: str = "native", step: int = 0) -> Verdict:
    events = read_in_steps(new_codec(engine, PARAMETERS), data, step)
    end = "open"
    if events and events[-1][0] in (_codec.CLOSE, _codec.FAILED):
        kind, _, code, _ = events.pop()
        end = f"{'closed' if kind == _codec.CLOSE else 'failed'} {code}"
    return Verdict([told(kind, payload) for kind, payload, _, _ in events], end)


def by_wsproto(data: bytes) -> Verdict:
    from wsproto.extensions import PerMessageDeflate
    from wsproto.frame_protocol import FrameProtocol, Opcode, ParseFailed

    deflate = PerMessageDeflate(client_no_context_takeover=True, server_no_context_takeover=True)
    deflate.finalize("")
    protocol = FrameProtocol(client=False, extensions=[deflate])
    protocol.receive_bytes(data)
    events: list[tuple[str, str | bytes]] = []
    parts: list[Any] = []
    try:
        for read in protocol.received_frames():
            payload: Any = read.payload
            if read.opcode is Opcode.CLOSE:
                return Verdict(events, f"closed {int(payload[0])}")
            if read.opcode.iscontrol():
                events.append((read.opcode.name.lower(), bytes(payload)))
                continue
            parts.append(payload)
            if read.message_finished:
                events.append((read.opcode.name.lower(), type(payload)().join(parts)))
                parts = []
    except ParseFailed as error:
        return Verdict(events, f"failed {int(error.code)}")
    return Verdict(events, "open")


def by_websockets(data: bytes) -> Verdict:
    from websockets.extensions.permessage_deflate import PerMessageDeflate
    from websockets.frames import Opcode
    from websockets.protocol import Protocol, Side

    protocol = Protocol(Side.SERVER, max_size=16 * 2**20)
    protocol.extensions = [PerMessageDeflate(True, True, 15, 15)]
    protocol.receive_data(data)
    events: list[tuple[str, str | bytes]] = []
    parts: list[bytes] = []
    opcode = Opcode.TEXT
    for read in protocol.events_received():
        if read.opcode is Opcode.CLOSE:  # type: ignore[union-attr]
            continue
        if read.opcode in (Opcode.PING, Opcode.PONG):  # type: ignore[union-attr]
            events.append((read.opcode.name.lower(), bytes(read.data)))  # type: ignore[union-attr]
            continue
        if read.opcode is not Opcode.CONT:  # type: ignore[union-attr]
            opcode = read.opcode  # type: ignore[union-attr]
        parts.append(bytes(read.data))  # type: ignore[union-attr]
        if read.fin:  # type: ignore[union-attr]
            whole, parts = b"".join(parts), []
            try:
                events.append(("text", whole.decode()) if opcode is Opcode.TEXT else ("binary", whole))
            except UnicodeDecodeError:
                return Verdict(events, "failed 1007")
    if protocol.parser_exc is not None and protocol.close_rcvd is None:
        assert protocol.close_sent is not None
        return Verdict(events, f"failed {protocol.close_sent.code}")
    return Verdict(events, "open" if protocol.close_rcvd is None else f"closed {protocol.close_rcvd.code}")


def alike(ours: Verdict, other: Verdict, known: dict[tuple[str, str], str]) -> bool:
    if ours == other:
        return True
    shorter = min(len(ours.events), len(other.events))
    return ours.events[:shorter] == other.events[:shorter] and (ours.end, other.end) in known


@pytest.mark.parametrize("other", sorted(DIFFERENCES))
def test_fastcorn_reads_what_others_read(other: str) -> None:
    generator = random.Random(f"websocket {other}")
    read = {"wsproto": by_wsproto, "websockets": by_websockets}[other]
    seen: Counter[tuple[str, str]] = Counter()
    for _ in range(CASES):
        # wsproto forgets that a message is compressed when a ping comes between its fragments.
        data = damaged(generator, conversation(generator, controls_anywhere=other != "wsproto"))
        ours, others = by_fastcorn(data), read(data)
        assert alike(ours, others, DIFFERENCES[other]), f"{data.hex()}\n{ours}\n{others}"
        seen[ours.end, others.end] += ours != others
    assert sum(seen.values()) < CASES // 3, f"too many differences to tell anything: {seen}"
    unused = [key for key in DIFFERENCES[other] if not seen[key]]
    assert not unused, f"differences that no case shows: {unused}"


def test_pieces_and_both_engines_read_the_same() -> None:
    """The end may come earlier or later within what is incomplete; what was read before it is the same."""
    generator = random.Random("pieces")
    for _ in range(CASES // 2):
        data = damaged(generator, conversation(generator))
        whole = by_fastcorn(data)
        for step in (1, generator.randint(2, 40)):
            assert by_fastcorn(data, step=step) == whole, data.hex()
        fallback = by_fastcorn(data, "wsproto", step=generator.choice((0, 1, 13)))
        assert alike(whole, fallback, DIFFERENCES["wsproto"]), f"{data.hex()}\n{whole}\n{fallback}"
