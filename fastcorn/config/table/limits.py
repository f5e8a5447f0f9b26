# SPDX-License-Identifier: MIT
"""Limits on what clients may send.

Rows of the table of settings; joined by fastcorn.config.table.
"""

from __future__ import annotations

from fastcorn.config.kinds import Count, Size
from fastcorn.config.setting import Setting

SETTINGS = (
    Setting(
        "h11_max_incomplete_size",
        Size(least=64, most=16 * 2**20),
        64 * 2**10,
        "Bytes of a whole request head (HTTP/1); more is 431",
        precedents="Hypercorn and Node 16 KiB, uvicorn with h11 64 KiB, nginx 32 KiB",
        flags=("--max-header-size",),
        aliases=("--h11-max-incomplete-event-size",),
    ),
    Setting(
        "max_header_fields",
        Count(least=1, most=1000),
        100,
        "Header fields of a request; more is 431",
        precedents="Apache, gunicorn and hyper 100, Hypercorn and uvicorn without limit",
    ),
    Setting(
        "max_field_size",
        Size(least=32, most=16 * 2**20),
        16 * 2**10,
        "Bytes of one header field; more is 431",
        precedents="nginx, Apache and gunicorn 8 KiB, Node 16 KiB for all; cookies reach several KiB",
    ),
    Setting(
        "max_target_size",
        Size(least=32, most=16 * 2**20),
        8 * 2**10,
        "Bytes of a request target; more is 414",
        precedents="nginx and Apache 8 KiB, gunicorn 4 KiB; RFC 9112 section 3 asks for at least 8000",
    ),
    Setting(
        "max_request_body_size",
        Size(optional=True, most=2**62),
        None,
        "Bytes of a request body; more is 413",
        precedents="off in Hypercorn and uvicorn, nginx 1 MiB",
    ),
    Setting(
        "max_concurrent_requests",
        Count(optional=True),
        None,
        "Requests at a time in one worker; more get 503 with Retry-After",
        precedents="off in uvicorn (--limit-concurrency); Hypercorn has none",
        aliases=("--limit-concurrency",),
    ),
    Setting(
        "max_connections",
        Count(optional=True),
        None,
        "Open connections of one worker; more wait to be accepted",
        precedents="off in uvicorn and Hypercorn",
    ),
)
