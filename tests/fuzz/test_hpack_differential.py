# SPDX-License-Identifier: MIT
"""The same blocks to HPACKDecoder and to the package hpack, and each one's blocks to the other's decoder.

Blocks of hpack's encoder are damaged, or made of representations at random; both read the same fields or both refuse,
but for what is listed. All comes from seeded generators.
"""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest

from fastcorn.protocols._hpack import HPACKDecoder, HPACKEncoder

hpack = pytest.importorskip("hpack")

Fields = list[tuple[bytes, bytes]]
CONNECTIONS = 1500

NAMES = (b":method", b":path", b":status", b"accept", b"content-type", b"cookie", b"date", b"x-own", b"y" * 40, b"vary")
VALUES = (b"", b"GET", b"/", b"200", b"text/plain; charset=utf-8", b"a=b", b"v" * 700, b"\x00\xff", b"gzip, deflate")

# What may differ, with the reason: (fastcorn's error, whether hpack refuses) -> reason.
DIFFERENCES = {
    "an integer in the field block is too large": "more than five bytes behind the prefix, all but the last zeros",
}


def new_oracle() -> Any:
    return hpack.Decoder(max_header_list_size=2**30)


def oracle_reads(decoder: Any, block: bytes) -> Fields | None:
    try:
        return [(bytes(name), bytes(value)) for name, value in decoder.decode(block, raw=True)]
    except hpack.HPACKError:
        return None


def reads(decoder: HPACKDecoder, block: bytes) -> Fields | None:
    try:
        return decoder.decode(block)
    except ValueError:
        return None


def random_fields(generator: random.Random) -> Fields:
    return [(generator.choice(NAMES), generator.choice(VALUES)) for _ in range(generator.randint(0, 8))]


def random_block(generator: random.Random) -> bytes:
    """Representations at random, most of them right by themselves."""
    parts = []
    for _ in range(generator.randint(1, 6)):
        kind = generator.random()
        text = generator.choice(VALUES[:6])
        if kind < 0.4:
            parts.append(bytes((0x80 | generator.randint(0, 80),)))
        elif kind < 0.8:
            first = generator.choice((0x00, 0x10, 0x40)) | generator.choice((0, 1, 8, 14))
            name = bytes((3,)) + generator.choice((b"abc", b"x-y")) if first & 0x0F == 0 else b""
            parts.append(bytes((first,)) + name + bytes((len(text),)) + text)
        elif kind < 0.9:
            parts.append(bytes((0x20 | generator.randint(0, 31),)))
        else:
            parts.append(generator.randbytes(generator.randint(1, 5)))
    return b"".join(parts)


def damaged(generator: random.Random, block: bytes) -> bytes:
    data = bytearray(block)
    for _ in range(generator.choice((0, 1, 1, 2))):
        place = generator.randint(0, len(data))
        action = generator.randrange(3)
        if action == 0 and place < len(data):
            data[place] ^= 1 << generator.randrange(8)
        elif action == 1:
            data[place:place] = generator.randbytes(1)
        else:
            del data[place : place + generator.randint(1, 4)]
    return bytes(data)


def compare(ours: HPACKDecoder, oracle: Any, block: bytes, seen: Counter[str]) -> bool:
    """Whether the connection goes on: both read the block."""
    mine, theirs = reads(ours, block), oracle_reads(oracle, block)
    if mine != theirs:
        assert mine is None, f"{block.hex()}: read as {mine}, by hpack as {theirs}"
        assert ours.error in DIFFERENCES, f"{block.hex()}: {ours.error}; hpack reads {theirs}"
        seen[ours.error] += 1
    elif mine is None:
        seen["both refuse"] += 1
    else:
        seen["both read"] += 1
        assert ours.table_size == sum(len(a) + len(b) + 32 for a, b in oracle.header_table.dynamic_entries)
    return mine is not None and theirs is not None


def test_blocks_of_any_kind() -> None:
    generator = random.Random(75411)
    seen: Counter[str] = Counter()
    for _ in range(CONNECTIONS):
        ours, oracle, writer = HPACKDecoder(), new_oracle(), hpack.Encoder()
        for _ in range(8):
            if generator.random() < 0.5:
                block = writer.encode(random_fields(generator), huffman=generator.random() < 0.5)
            else:
                block = random_block(generator)
            if generator.random() < 0.3:
                block = damaged(generator, block)
            if not compare(ours, oracle, block, seen):
                break
    assert seen["both read"] > CONNECTIONS
    assert seen["both refuse"] > CONNECTIONS // 4


def test_each_integer() -> None:
    """Lengths and indexes around the ends of prefixes and bytes."""
    seen: Counter[str] = Counter()
    for number in (
        *range(300),
        16382,
        16383,
        16384,
        16510,
        16511,
        16512,
        2**21,
        2**28,
        2**31 - 1,
        2**31,
        2**32,
        2**35,
    ):
        for prefix, first in ((7, 0x80), (6, 0x40), (5, 0x20), (4, 0x00)):
            block = bytearray(hpack.hpack.encode_integer(number, prefix))
            block[0] |= first
            compare(HPACKDecoder(), new_oracle(), bytes(block), seen)
            compare(HPACKDecoder(), new_oracle(), bytes(block) + b"\x01a\x01b", seen)


def test_our_blocks_are_read_by_the_oracle() -> None:
    generator = random.Random(75412)
    for _ in range(CONNECTIONS // 5):
        encoder, ours, oracle = HPACKEncoder(), HPACKDecoder(), new_oracle()
        for _ in range(20):
            if generator.random() < 0.1:
                encoder.header_table_size = generator.choice((0, 50, 100, 1000, 4096, 10_000))
            fields = random_fields(generator)
            block = encoder.encode(fields, huffman=generator.random() < 0.7)
            assert oracle_reads(oracle, block) == fields
            assert ours.decode(block) == fields
            entries = sum(len(name) + len(value) + 32 for name, value in oracle.header_table.dynamic_entries)
            assert ours.table_size == encoder.table_size == entries
