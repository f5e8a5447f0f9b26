# SPDX-License-Identifier: MIT
"""What servers are asked over HTTP/2. Called by `http2` and `http2_table`."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.errors import BenchError

BROWSER = (
    "user-agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    "accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
    "accept-encoding: gzip, deflate, br, zstd",
    "accept-language: en-GB,en;q=0.9,de;q=0.8",
    "cache-control: max-age=0",
    "upgrade-insecure-requests: 1",
    "sec-fetch-dest: document",
    "sec-fetch-mode: navigate",
    "sec-fetch-site: same-origin",
    "sec-fetch-user: ?1",
    "priority: u=0, i",
    "cookie: session=5f0c2b9a7e1d4c3b8a6f; theme=dark; consent=all",
    "referer: https://localhost/",
)
"""Fields that a browser adds to a request for a page."""


@dataclass(frozen=True)
class Http2Work:
    """One kind of work.

    Attributes:
        name: as given to --work; its part of the results.
        title: what the table is called.
        app: the application.
        tls: over TLS, with the protocol agreed by ALPN; else cleartext, by prior knowledge.
        streams: requests in flight on each connection.
        connections: kept open.
        body: bytes of a POST; 0 is a GET.
        headers: further fields of each request.
    """

    name: str
    title: str
    app: str = "bench.apps:hello"
    tls: bool = False
    streams: int = 10
    connections: int = 32
    body: int = 0
    headers: tuple[str, ...] = ()


WORKS: tuple[Http2Work, ...] = (
    Http2Work("hello", "13-byte answer"),
    Http2Work("hello-tls", "13-byte answer, TLS", tls=True),
    Http2Work("10kib", "10 KiB answer", "bench.apps:ten_kib"),
    Http2Work("10kib-tls", "10 KiB answer, TLS", "bench.apps:ten_kib", tls=True),
    Http2Work("echo", "POST 10 KiB, echoed as a stream", "bench.apps:echo", body=10240),
    Http2Work("echo-tls", "POST 10 KiB, echoed as a stream, TLS", "bench.apps:echo", tls=True, body=10240),
    Http2Work("hello-m1", "13-byte answer, one stream at a time", streams=1),
    Http2Work("hello-m1-tls", "13-byte answer, one stream at a time, TLS", tls=True, streams=1),
    Http2Work("hello-m100", "13-byte answer, 100 streams at once", streams=100),
    Http2Work("hello-m100-tls", "13-byte answer, 100 streams at once, TLS", tls=True, streams=100),
    Http2Work("browser", "browser-like request, 17 fields", headers=BROWSER),
    Http2Work("browser-tls", "browser-like request, 17 fields, TLS", tls=True, headers=BROWSER),
)


def choose_works(names: Sequence[str] | None) -> list[Http2Work]:
    """The works named by the user, or all.

    Raises:
        BenchError: a name is unknown.
    """
    known = {work.name: work for work in WORKS}
    for name in names or ():
        if name not in known:
            raise BenchError(f"unknown work {name!r}; known are {', '.join(known)}")
    return [known[name] for name in dict.fromkeys(names)] if names is not None else list(WORKS)
