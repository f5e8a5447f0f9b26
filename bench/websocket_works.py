# SPDX-License-Identifier: MIT
"""What servers are asked to do over WebSockets. Called by `websocket`; `websocket_load` turns a work into arguments."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.errors import BenchError


@dataclass(frozen=True)
class WebSocketWork:
    """One kind of traffic.

    Attributes:
        name: as given to --work.
        title: what the table is called.
        size: bytes of a message.
        connections: WebSockets of the client.
        flight: messages in flight on each of them; in a broadcast, on the one that sends.
        text: text messages instead of binary ones.
        deflate: permessage-deflate is offered, and must be accepted.
        broadcast: one sends, all receive.
    """

    name: str
    title: str
    size: int
    connections: int = 32
    flight: int = 1
    text: bool = False
    deflate: bool = False
    broadcast: bool = False

    @property
    def app(self) -> str:
        return f"bench.websocket_apps:{'broadcast' if self.broadcast else 'echo'}"


WORKS: tuple[WebSocketWork, ...] = (
    WebSocketWork("echo-64", "echo 64 B of text", 64, text=True),
    WebSocketWork("echo-64-x16", "echo 64 B of text, 16 in flight", 64, text=True, flight=16),
    WebSocketWork("echo-1k", "echo 1 KiB of text", 1 << 10, text=True),
    WebSocketWork("echo-1k-x16", "echo 1 KiB of text, 16 in flight", 1 << 10, text=True, flight=16),
    WebSocketWork("echo-16k", "echo 16 KiB of bytes", 16 << 10),
    WebSocketWork("echo-16k-x16", "echo 16 KiB of bytes, 16 in flight", 16 << 10, flight=16),
    WebSocketWork("echo-1m", "echo 1 MiB of bytes", 1 << 20, connections=8),
    WebSocketWork("deflate-64", "echo 64 B of text, permessage-deflate", 64, text=True, deflate=True),
    WebSocketWork("deflate-1k", "echo 1 KiB of text, permessage-deflate", 1 << 10, text=True, deflate=True),
    WebSocketWork("deflate-16k", "echo 16 KiB of text, permessage-deflate", 16 << 10, text=True, deflate=True),
    WebSocketWork("broadcast-8", "64 B of text to 8 clients", 64, connections=8, text=True, broadcast=True),
    WebSocketWork("broadcast-16", "64 B of text to 16 clients", 64, connections=16, text=True, broadcast=True),
    WebSocketWork("broadcast-32", "64 B of text to 32 clients", 64, connections=32, text=True, broadcast=True),
    WebSocketWork(
        "broadcast-32-deflate",
        "1 KiB of text to 32 clients, permessage-deflate",
        1 << 10,
        connections=32,
        text=True,
        deflate=True,
        broadcast=True,
    ),
)


def choose_works(names: Sequence[str] | None) -> list[WebSocketWork]:
    """The works named by the user, or all.

    Raises:
        BenchError: a name is unknown.
    """
    known = {work.name: work for work in WORKS}
    for name in names or ():
        if name not in known:
            raise BenchError(f"unknown work {name!r}; known are {', '.join(known)}")
    return [known[name] for name in dict.fromkeys(names)] if names is not None else list(WORKS)
