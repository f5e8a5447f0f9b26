# SPDX-License-Identifier: MIT
"""HTTP/2: who may speak it, and its limits.

Rows of the table of settings; joined by fastcorn.config.table. Sizes are those of RFC 9113.
"""

from __future__ import annotations

from fastcorn.config.kinds import Boolean, Choice, Count, Duration, Networks, Size
from fastcorn.config.setting import Setting

SETTINGS = (
    Setting(
        "h2c",
        Boolean(),
        True,
        "Speak HTTP/2 on connections without TLS to clients that begin with it (prior knowledge)",
        precedents="on in Hypercorn, off in uvicorn and gunicorn",
    ),
    Setting(
        "h2c_allow_ips",
        Networks(),
        [],
        "Clients that may speak HTTP/2 without TLS: addresses, networks, unix; none given allows all",
        precedents="gunicorn trusts only the peers it is given",
    ),
    Setting(
        "h2c_upgrade",
        Boolean(),
        False,
        "Accept Upgrade: h2c on connections without TLS (RFC 7540 section 3.2)",
        precedents="on in Hypercorn; RFC 9113 has dropped it, and proxies that pass it on can be smuggled past",
    ),
    Setting(
        "http2_engine",
        Choice("auto", "native", "h2"),
        "auto",
        "Who speaks HTTP/2: fastcorn's own code (native, auto) or the h2 package",
        precedents="Hypercorn and gunicorn h2, granian hyper",
    ),
    Setting(
        "h2_max_concurrent_streams",
        Count(least=1, most=2**31 - 1),
        100,
        "Requests at a time on one connection; more are refused",
        precedents="Hypercorn and gunicorn 100, nginx 128",
    ),
    Setting(
        "h2_max_header_list_size",
        Size(least=256, most=2**30),
        2**16,
        "Bytes of all header fields of a request; more is 431",
        precedents="Hypercorn 64 KiB, hyper 16 KiB, nginx 32 KiB",
    ),
    Setting(
        "h2_max_inbound_frame_size",
        Size(least=2**14, most=2**24 - 1),
        2**14,
        "Bytes of one frame",
        precedents="RFC 9113 section 4.2: 16 KiB to 16 MiB - 1; all peers 16 KiB",
    ),
    Setting(
        "h2_initial_stream_window",
        Size(least=1024, most=2**31 - 1),
        256 * 2**10,
        "Bytes of a request body that a client may send before the application has taken any",
        precedents="Hypercorn 64 KiB, hyper and Go 1 MiB, Envoy 256 MiB",
    ),
    Setting(
        "h2_initial_connection_window",
        Size(least=2**16 - 1, most=2**31 - 1),
        2**20,
        "The same for all requests of a connection together",
        precedents="Hypercorn 64 KiB, hyper and Go 1 MiB",
    ),
    Setting(
        "h2_max_window",
        Size(least=2**16 - 1, most=2**31 - 1),
        8 * 2**20,
        "Bytes to which the windows of an upload grow that the application takes as fast as it comes",
        precedents="Hypercorn's do not grow; Chromium's go to 6 MiB and 15 MiB",
    ),
    Setting(
        "h2_ping_interval",
        Duration(optional=True),
        30.0,
        "Time without a frame from a client that has open streams, before it is asked whether it lives",
        precedents="off in Hypercorn and granian",
    ),
    Setting(
        "h2_ping_timeout",
        Duration(least=0.001),
        20.0,
        "Time for its answer, before the connection is closed",
        precedents="granian 20 s",
    ),
    Setting(
        "h2_push",
        Boolean(),
        True,
        "Let applications push (http.response.push) to clients that take it",
        precedents="on in Hypercorn; the others have none, browsers have given it up",
    ),
    Setting(
        "h2_join_cookies",
        Boolean(),
        False,
        "Give applications one cookie field where a client has sent several, for frameworks that read only one",
        precedents="ASGI passes what came, RFC 9113 section 8.2.3 joins; browsers send a field for each cookie",
    ),
    Setting(
        "h2_max_overhead_frames",
        Count(least=16, most=2**31 - 1),
        1000,
        "Frames that bring neither request nor body, at once; a tenth of it comes back each second; "
        "more end the connection",
        precedents="nghttp2 1000 resets and 33 a second",
    ),
)
