# SPDX-License-Identifier: MIT
"""WebSocket.

Rows of the table of settings; joined by fastcorn.config.table.
"""

from __future__ import annotations

from fastcorn.config.kinds import Boolean, Choice, Count, Duration, Size
from fastcorn.config.setting import Setting

SETTINGS = (
    Setting(
        "websocket_engine",
        Choice("auto", "native", "wsproto"),
        "auto",
        "Who speaks the WebSocket protocol: fastcorn's compiled codec, or the wsproto package; auto is native",
        precedents="Hypercorn wsproto, uvicorn websockets",
    ),
    Setting(
        "websocket_max_message_size",
        Size(most=2**62),
        16 * 2**20,
        "Bytes of one message, after inflating; more closes with 1009",
        precedents="Hypercorn and uvicorn 16 MiB",
        aliases=("--ws-max-size",),
    ),
    Setting(
        "websocket_max_fragments",
        Count(least=1),
        2**17,
        "Fragments of one message; more closes with 1008",
        precedents="none has it; 16 MiB in fragments of 128 bytes",
    ),
    Setting(
        "websocket_queue_size",
        Size(least=1024),
        256 * 2**10,
        "Bytes of messages that wait for the application before reading is paused; one message may exceed it",
        precedents="uvicorn counts messages only",
    ),
    Setting(
        "websocket_queue_messages",
        Count(least=1),
        32,
        "Messages that wait for the application before reading is paused",
        precedents="uvicorn 32 (--ws-max-queue)",
        aliases=("--ws-max-queue",),
    ),
    Setting(
        "websocket_ping_interval",
        Duration(optional=True),
        20.0,
        "Time between pings",
        precedents="Hypercorn off, uvicorn and websockets 20 s",
        aliases=("--ws-ping-interval",),
    ),
    Setting(
        "websocket_ping_timeout",
        Duration(optional=True),
        20.0,
        "Time for the answer to a ping before the connection is closed with 1011",
        precedents="Hypercorn has none, uvicorn and websockets 20 s",
        aliases=("--ws-ping-timeout",),
    ),
    Setting(
        "websocket_idle_timeout",
        Duration(optional=True),
        None,
        "Time without a message in either direction before the connection is closed with 1001",
        precedents="off in Hypercorn and uvicorn",
    ),
    Setting(
        "websocket_close_timeout",
        Duration(),
        5.0,
        "Time for the peer's answer to a close frame before the connection is cut",
        precedents="Hypercorn without limit, websockets 10 s",
    ),
    Setting(
        "websocket_compression",
        Boolean(),
        True,
        "Offer permessage-deflate (RFC 7692)",
        precedents="on in Hypercorn and uvicorn",
        aliases=("--ws-per-message-deflate",),
    ),
    Setting(
        "websocket_compression_threshold",
        Size(least=0),
        1024,
        "Bytes below which a message is sent uncompressed",
        precedents="ws for Node 1 KiB; websockets none",
    ),
    Setting(
        "websocket_compression_level",
        Count(least=0, most=9),
        6,
        "zlib's level, from 0 (none) over 1 (quick) to 9 (small)",
        precedents="zlib 6",
    ),
    Setting(
        "websocket_window_bits",
        Count(least=9, most=15),
        12,
        "Size of the compression window of each direction, as a power of two",
        precedents="websockets 12, wsproto 15",
    ),
    Setting(
        "websocket_memory_level",
        Count(least=1, most=9),
        5,
        "zlib's memory for compressing, from 1 (least) to 9",
        precedents="websockets 5, zlib 8",
    ),
    Setting(
        "websocket_context_takeover",
        Boolean(),
        True,
        "Keep the compression windows from message to message: smaller messages, more memory a connection",
        precedents="on in websockets and wsproto",
    ),
)
