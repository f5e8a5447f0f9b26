# SPDX-License-Identifier: MIT
"""Types of the compiled module: priorities of responses (RFC 9218) and who writes next."""

from typing import Any, final

def parse_priority(value: bytes) -> tuple[int, bool]:
    """(urgency, incremental) of a Priority field: 0 to 7, lower first; what is wrong or unknown is ignored."""

@final
class QueueEntry:
    """A stream that waits to write."""

@final
class WriteQueue:
    """The streams of one connection that have something to write; the most urgent is taken first."""

    def __len__(self) -> int: ...
    def add(self, stream_id: int, stream: Any, urgency: int, incremental: bool) -> int:
        """Queue a stream; one that is queued already keeps its turn and gets this priority."""
    def discard(self, stream_id: int) -> int:
        """Take a stream out, if it is there."""
    def update(self, stream_id: int, urgency: int, incremental: bool) -> int:
        """Give a stream another priority, if it is there; an incremental one keeps its turn among its new equals."""
    def take(self) -> Any:
        """Take out the stream that is to write next; None = there is none."""

__pyx_capi__: dict[str, object]
__test__: dict[str, str]
