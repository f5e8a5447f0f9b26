# SPDX-License-Identifier: MIT
"""Does repeated work keep memory? Used by the scripts of this folder, each of which runs in an interpreter of its own.

Three exact counts, taken after a garbage collection: memory blocks of the interpreter, objects that the collector
tracks, and bytes in use by malloc (glibc). After a warm-up they must not grow from round to round. Each script does at
least 240 things in the rounds that count, so a leak of one object shows as more than the tolerance; what caches and
freelists still move was seen to stay below 70 blocks.
"""

import ctypes
import gc
import sys
from collections.abc import Callable
from dataclasses import dataclass

ROUNDS = 4
TOLERATED_BLOCKS = 150
TOLERATED_BYTES = 16 * 1024


class MallocInfo(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            "arena",
            "ordblks",
            "smblks",
            "hblks",
            "hblkhd",
            "usmblks",
            "fsmblks",
            "uordblks",
            "fordblks",
            "keep",
        )
    ]


def malloc_bytes() -> int:
    """Bytes that malloc has given out; 0 where the C library has no mallinfo2 (only glibc 2.33 and later has it)."""
    try:
        mallinfo2 = ctypes.CDLL(None).mallinfo2
    except (AttributeError, OSError, TypeError):
        return 0
    mallinfo2.restype = MallocInfo
    info = mallinfo2()
    return int(info.uordblks + info.hblkhd)


@dataclass(frozen=True)
class Sample:
    blocks: int
    objects: int
    malloc: int


def sample() -> Sample:
    gc.collect()
    return Sample(sys.getallocatedblocks(), len(gc.get_objects()), malloc_bytes())


def check(work: Callable[[], None], rounds: int = ROUNDS) -> None:
    """Runs work() twice to warm up, then `rounds` times; exits with a message when memory grows with it."""
    work()
    work()
    before = sample()
    for _ in range(rounds):
        work()
    after = sample()
    grown = Sample(after.blocks - before.blocks, after.objects - before.objects, after.malloc - before.malloc)
    print(f"grown in {rounds} rounds: {grown.blocks} blocks, {grown.objects} objects, {grown.malloc} bytes of malloc")
    if grown.blocks > TOLERATED_BLOCKS or grown.objects > TOLERATED_BLOCKS or grown.malloc > TOLERATED_BYTES:
        sys.exit(f"memory grows: {before} -> {after}")
