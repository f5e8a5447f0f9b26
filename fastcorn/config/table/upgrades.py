# SPDX-License-Identifier: MIT
"""HTTP/2 and WebSocket.

Rows of the table of settings; joined by fastcorn.config.table.
"""

from __future__ import annotations

from fastcorn.config.kinds import Count, Duration, Size
from fastcorn.config.setting import Setting

SETTINGS = (
    Setting("h2_max_concurrent_streams", Count(least=1), 100, "Requests at a time on one connection", later="HTTP/2"),
    Setting("h2_max_header_list_size", Size(), 2**16, "Bytes of all header fields of a request", later="HTTP/2"),
    Setting(
        "h2_max_inbound_frame_size",
        Size(least=2**14, most=2**24 - 1),
        2**14,
        "Bytes of one frame",
        precedents="RFC 9113 section 4.2: 16 KiB to 16 MiB - 1",
        later="HTTP/2",
    ),
    Setting(
        "websocket_max_message_size",
        Size(most=2**62),
        16 * 2**20,
        "Bytes of one message; more closes with 1009",
        precedents="Hypercorn and uvicorn 16 MiB",
        aliases=("--ws-max-size",),
        later="WebSocket",
    ),
    Setting(
        "websocket_ping_interval",
        Duration(optional=True),
        None,
        "Time between pings",
        precedents="Hypercorn off, uvicorn 20 s",
        aliases=("--ws-ping-interval",),
        later="WebSocket",
    ),
)
