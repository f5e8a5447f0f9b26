# SPDX-License-Identifier: MIT
"""Does repeated work keep memory? Used by the scripts of this folder, each of which runs in an interpreter of its own.

Three exact counts, taken after a garbage collection: memory blocks of the interpreter, objects that the collector
tracks, and bytes in use by malloc (glibc). Each script does at least 240 things in a window, so a leak of one object
shows as more than the tolerance in every window; what caches and freelists still move soon falls below it.
"""

import ctypes
import gc
import sys
from collections.abc import Callable
from dataclasses import dataclass

WINDOWS = 10
ROUNDS = 4
TOLERATED_BLOCKS = 100
TOLERATED_BYTES = 4 * 1024


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


def check(work: Callable[[], None]) -> None:
    """Runs work() in windows of ROUNDS; exits with a message when memory grows in every one of them.

    A leak grows in each window; a cache or a freelist that still fills does so in the first ones only.
    """
    work()
    before = sample()
    for window in range(WINDOWS):
        for _ in range(ROUNDS):
            work()
        after = sample()
        grown = Sample(after.blocks - before.blocks, after.objects - before.objects, after.malloc - before.malloc)
        print(f"window {window}: grown by {grown}")
        if grown.blocks <= TOLERATED_BLOCKS and grown.objects <= TOLERATED_BLOCKS and grown.malloc <= TOLERATED_BYTES:
            return
        before = after
    sys.exit("memory grows in every window")
