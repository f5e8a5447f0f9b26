# SPDX-License-Identifier: MIT
"""The count of fields that keeps a header block of thousands from being decoded."""

from __future__ import annotations

import random

import hpack
import pytest

from fastcorn.protocols.hpack_fields import BombError, FieldDecoder, has_more_fields


def random_fields(seed: int, count: int) -> list[tuple[bytes, bytes]]:
    source = random.Random(seed)
    names = [b"cookie", b"x-" + b"n" * source.randrange(300), b"accept", b":path", b"a"]
    return [(source.choice(names), bytes(source.randrange(33, 127) for _ in range(source.randrange(40)))) * 1
            for _ in range(count)]  # fmt: skip


@pytest.mark.parametrize("huffman", [True, False])
@pytest.mark.parametrize("seed", range(8))
def test_the_count_is_that_of_the_list(seed: int, huffman: bool) -> None:
    """For what another implementation encodes: with references, literals and size updates."""
    encoder = hpack.Encoder()
    for count in (1, 2, 30, 200):
        block = encoder.encode(random_fields(seed, count), huffman)
        assert has_more_fields(block, count - 1) is (len(block) > count - 1)
        assert not has_more_fields(block, count)


@pytest.mark.parametrize("seed", range(8))
def test_any_bytes_can_be_counted(seed: int) -> None:
    source = random.Random(seed)
    for size in range(200):
        has_more_fields(source.randbytes(size), size // 3)


def test_the_decoder_gives_up_on_more() -> None:
    decoder = FieldDecoder(2**16, most=50)
    assert len(decoder.decode(b"\x84" * 50)) == 50
    for block in (b"\x84" * 51, b"\x20" * 51 + b"\x84", b"\x00\x01a\x01b" * 51):
        with pytest.raises(BombError, match="header list of more than 50 fields"):
            decoder.decode(block)
