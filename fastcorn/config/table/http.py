# SPDX-License-Identifier: MIT
"""HTTP answers and connections.

Rows of the table of settings; joined by fastcorn.config.table.
"""

from __future__ import annotations

from fastcorn.config.kinds import Boolean, Count, Headers, Text, Texts, TransportSecurity
from fastcorn.config.setting import Setting

SETTINGS = (
    Setting(
        "include_server_header",
        Boolean(),
        True,
        "Send a server header",
        off_flags=("--no-server-header",),
    ),
    Setting(
        "server_header",
        Text(example="fastcorn", metavar="VALUE"),
        "fastcorn",
        "Value of the server header",
        precedents="Hypercorn hypercorn-h11, uvicorn uvicorn",
    ),
    Setting("include_date_header", Boolean(), True, "Send a date header", aliases=("--date-header",)),
    Setting("headers", Headers(), [], "Header field added to each answer", flags=("--header",)),
    Setting(
        "alt_svc_headers",
        Texts(example='h3=":443"; ma=3600', metavar="VALUE", separator="\n"),
        [],
        "Value of an alt-svc header added to each answer",
        flags=("--alt-svc-header",),
    ),
    Setting(
        "redirect_to_https",
        Boolean(),
        False,
        "Answer requests to insecure_bind with a redirect to https",
        precedents="Hypercorn has a middleware instead",
    ),
    Setting(
        "redirect_port",
        Count(least=1, most=65535, optional=True),
        None,
        "Port of https in redirects; off takes that of bind",
    ),
    Setting(
        "hsts",
        TransportSecurity(),
        None,
        "Tell browsers over TLS to use https only, for so long (Strict-Transport-Security)",
    ),
    Setting(
        "keep_alive_max_requests",
        Count(optional=True),
        None,
        "Requests on one connection before it is closed",
        precedents="Hypercorn 1000, against floods of HTTP/2 resets; uvicorn off",
    ),
    Setting(
        "h11_pass_raw_headers",
        Boolean(),
        False,
        "Give header names to the application as the client wrote them (HTTP/1)",
    ),
    Setting(
        "forwarded_allow_ips",
        Texts(example="127.0.0.1", metavar="ADDRESS"),
        [],
        "Proxies whose Forwarded headers are believed",
        precedents="uvicorn 127.0.0.1; Hypercorn has a middleware instead",
        environment=("FORWARDED_ALLOW_IPS",),
        later="proxy headers",
    ),
)
