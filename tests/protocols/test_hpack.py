# SPDX-License-Identifier: MIT
"""HPACKDecoder and HPACKEncoder: objects that are shared, memory that is given back, limits. csrc/test has the RFC."""

from __future__ import annotations

import random
import sys

import pytest

from fastcorn.protocols._hpack import HPACKDecoder, HPACKEncoder

Fields = list[tuple[bytes, bytes]]

REQUEST: Fields = [
    (b":method", b"GET"),
    (b":path", b"/a?b"),
    (b":authority", b"example.com"),
    (b"user-agent", b"browser"),
    (b"vary", b"x"),
    (b"x-own-name", b"value"),
]


def indexed(name: bytes, value: bytes) -> bytes:
    """A literal that is inserted into the table, in plain text."""
    return (
        b"\x40"
        + bytes((len(name),))
        + name
        + b"\x7f"
        + bytes((len(value) - 127 & 127 | 128, len(value) - 127 >> 7))
        + value
    )


def test_there_and_back() -> None:
    encoder, decoder = HPACKEncoder(), HPACKDecoder()
    sizes = []
    for _ in range(4):
        block = encoder.encode(REQUEST)
        sizes.append(len(block))
        assert decoder.decode(block) == REQUEST
        assert decoder.list_size == sum(len(name) + len(value) + 32 for name, value in REQUEST)
        assert decoder.table_size == encoder.table_size
    assert sizes[2:] == [len(REQUEST)] * 2
    assert encoder.encode([]) == b""
    assert decoder.decode(b"") == []


def test_fields_of_the_table_are_the_same_objects() -> None:
    encoder, decoder, other = HPACKEncoder(), HPACKDecoder(), HPACKDecoder()
    blocks = [encoder.encode(REQUEST) for _ in range(4)]
    lists = [decoder.decode(block) for block in blocks]
    assert [a is b for a, b in zip(lists[2], lists[3], strict=True)] == [True] * len(REQUEST)
    assert lists[2] is not lists[3]
    first = other.decode(blocks[0])
    # names of browsers and of the static table are the same in all connections; others in one, once in its table
    shared = [a[0] is b[0] for a, b in zip(lists[0], first, strict=True)]
    assert shared == [True, True, True, True, True, False]


def test_a_name_in_capitals_stays_one() -> None:
    assert HPACKDecoder().decode(b"\x00\x06Accept\x01x\x00\x02TE\x01y") == [(b"Accept", b"x"), (b"TE", b"y")]


def test_huffman_may_be_left_out() -> None:
    text = b"www.example.com"
    assert text in HPACKEncoder().encode([(b"host", text)], huffman=False)
    assert text not in HPACKEncoder().encode([(b"host", text)])


def test_credentials_are_never_indexed() -> None:
    class Secret(tuple[bytes, bytes]):
        indexable = False

    for field in ((b"set-cookie", b"a"), (b"cookie", b"a"), (b"authorization", b"a"), Secret((b"x-own", b"a"))):
        encoder = HPACKEncoder()
        blocks = [encoder.encode([field]) for _ in range(3)]
        assert {block[0] & 0xF0 for block in blocks} == {0x10}
        assert encoder.table_size == 0


def test_the_peer_decides_on_the_size_of_the_table() -> None:
    encoder, decoder = HPACKEncoder(), HPACKDecoder()
    assert encoder.header_table_size == 4096
    encoder.header_table_size = 2**32 - 1
    assert encoder.encode([]) == b""
    for _ in range(2):
        decoder.decode(encoder.encode(REQUEST))
    assert decoder.table_size > 0
    encoder.header_table_size = 0
    assert decoder.decode(encoder.encode(REQUEST)) == REQUEST
    assert decoder.table_size == encoder.table_size == encoder.header_table_size == 0
    encoder.header_table_size = 100
    encoder.header_table_size = 50
    encoder.header_table_size = 4096
    assert encoder.encode([]) == b"\x3f\x13\x3f\xe1\x1f"
    assert encoder.encode([]) == b""


def test_a_list_above_the_limit_is_decoded_and_cut() -> None:
    decoder = HPACKDecoder()
    block = b"\x40\x01a\x01b\x40\x01c\x01d\xbe"
    assert decoder.decode(block, most=70) == [(b"a", b"b"), (b"c", b"d")][:2]
    assert decoder.list_size == 102
    assert decoder.decode(b"\xbe\xbf") == [(b"c", b"d"), (b"a", b"b")]


def test_a_bomb_costs_neither_memory_nor_time() -> None:
    decoder = HPACKDecoder()
    decoder.decode(indexed(b"x", b"v" * 4000))
    fields = decoder.decode(b"\xbe" * 100_000, most=65536)
    assert len(fields) == 16
    assert decoder.list_size == 17 * 4033, "it was read beyond the limit"


@pytest.mark.parametrize(
    ("block", "text"),
    [
        (b"\x80", "not in the table"),
        (b"\xbe", "not in the table"),
        (b"\x40\x01", "cut"),
        (b"\xff\xff\xff\xff\xff\xff", "too large"),
        (b"\x00\x81\x00\x00", "Huffman"),
        (b"\x3f\xe2\x1f", "above the limit"),
        (b"\x82\x20", "behind a field"),
    ],
)
def test_malformed_blocks(block: bytes, text: str) -> None:
    decoder = HPACKDecoder()
    with pytest.raises(ValueError, match=text):
        decoder.decode(block)
    assert decoder.error is not None


def test_only_bytes_are_encoded() -> None:
    for field in (("a", b"b"), (b"a", "b"), (b"a", None)):
        with pytest.raises(TypeError, match="are bytes"):
            HPACKEncoder().encode([field])  # type: ignore[list-item]


def test_evicted_fields_are_given_back() -> None:
    """What a client pushes through its table is not kept, though each entry had a tuple."""
    decoder = HPACKDecoder()
    alone = bytes(bytearray(b"of this function only"))
    value = b""
    for number in range(300):
        value = decoder.decode(indexed(b"x-%d" % number, b"v" * 3900 + b"%d" % number))[0][1]
    assert sys.getrefcount(value) == sys.getrefcount(alone) + 1  # the tuple of the table
    other = decoder.decode(indexed(b"x", b"w" * 200))[0][1]
    assert sys.getrefcount(value) == sys.getrefcount(alone)
    assert sys.getrefcount(other) == sys.getrefcount(alone) + 1
    assert decoder.decode(b"\x20") == []
    assert sys.getrefcount(other) == sys.getrefcount(alone)


def test_names_of_entries_that_their_own_field_evicts() -> None:
    decoder = HPACKDecoder()
    decoder.decode(indexed(b"x-name", b"v" * 4000))
    for number in range(200):
        block = b"\x7e\x7f" + bytes((4000 - 127 & 127 | 128, 4000 - 127 >> 7)) + b"%04d" % number * 1000
        assert decoder.decode(block + b"\xbe") == [(b"x-name", b"%04d" % number * 1000)] * 2


def test_random_lists() -> None:
    generator = random.Random(7541)
    encoder, decoder = HPACKEncoder(), HPACKDecoder()
    names = [b"content-type", b"vary", b"x-own", b":status", b"set-cookie", b"a", b"date", b"x" * 200]
    values = [b"", b"200", b"text/plain", b"v" * 1000, b"w" * 5000, bytes(range(256))]
    for _ in range(5000):
        fields = [(generator.choice(names), generator.choice(values)) for _ in range(generator.randint(0, 6))]
        if generator.random() < 0.02:
            encoder.header_table_size = generator.choice((0, 60, 1000, 4096, 65536))
        assert decoder.decode(encoder.encode(fields)) == fields
        assert decoder.table_size == encoder.table_size


def test_fields_are_the_same_objects_while_the_table_grows() -> None:
    """What the decoder keeps moves with the entries, and what was evicted before does not."""
    decoder = HPACKDecoder()
    kept: list[tuple[bytes, bytes]] = []
    alone = bytes(bytearray(b"of this function only"))
    for number in range(80):
        kept.insert(0, decoder.decode(indexed(b"x-%02d" % number, b"v" * 130))[0])
        fields = decoder.decode(bytes(0x80 | index for index in range(62, 62 + min(len(kept), 23))))
        assert all(a is b for a, b in zip(fields, kept, strict=False))
        del fields
    assert decoder.table_size == 24 * (4 + 130 + 32)
    values = [value for _, value in kept]
    del kept
    counts = [sys.getrefcount(value) - sys.getrefcount(alone) for value in values]
    assert counts == [counts[-1] + 1] * 24 + [counts[-1]] * 56


def test_a_small_table_that_is_allowed_more() -> None:
    """The client shrinks the table and lets it grow again; a name of an entry that its own growth moves is right."""
    decoder = HPACKDecoder()
    assert decoder.decode(b"\x3f\x45") == []
    assert decoder.decode(b"\x40\x01a\x01b\xbe") == [(b"a", b"b")] * 2
    assert decoder.decode(b"\x3f\xe1\x1f\xbe") == [(b"a", b"b")]
    size = (1000 - 127 & 127 | 128, 1000 - 127 >> 7)
    for number in range(6):
        block = bytes((0x7E, 0x7F, *size)) + b"%d" % number * 1000
        assert decoder.decode(block + b"\xbe") == [(b"a", b"%d" % number * 1000)] * 2
    assert decoder.table_size == 3 * 1033
