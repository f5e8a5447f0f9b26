# SPDX-License-Identifier: MIT
"""Types of the compiled module: what a worker shares among its connections."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from typing_extensions import disjoint_base

@disjoint_base
class Context:
    """What every connection and cycle of one worker shares.

    Args:
        application: an ASGI/3 callable `(scope, receive, send)`.
        settings: a frozen configuration (`fastcorn.config.Config.freeze()`).
        loop: the event loop of this worker.
        state: what the lifespan left in its scope's `state`; each request gets a shallow copy.
        access_log: None, or a callable `(scope, status, response_headers, body_bytes, duration)` called once for each
            exchange; `status` is None when the client left before the response began; `duration` is in seconds.
        error_log: a `logging.Logger`; None = the logger `fastcorn.error`.
    """

    def __init__(
        self,
        application: Callable[[Any, Any, Any], Awaitable[Any]],
        settings: Any,
        loop: asyncio.AbstractEventLoop,
        *,
        state: dict[str, Any] | None = None,
        access_log: Callable[[dict[str, Any], int | None, list[tuple[bytes, bytes]], int, float], object] | None = None,
        error_log: logging.Logger | None = None,
    ) -> None: ...
    @property
    def application(self) -> Callable[[Any, Any, Any], Awaitable[Any]]: ...
    @property
    def loop(self) -> asyncio.AbstractEventLoop: ...
    @property
    def settings(self) -> Any: ...
    @property
    def access_log(self) -> Callable[..., object] | None: ...
    @property
    def error_log(self) -> logging.Logger: ...
    @property
    def state(self) -> dict[str, Any]:
        """What each request's `scope["state"]` is copied from."""
    @property
    def eager(self) -> bool:
        """The first step of an application runs inside `data_received()` (Python 3.12 and later)."""
    @property
    def stopping(self) -> asyncio.Event:
        """What `scope["extensions"]["fastcorn.stopping"]["event"]` is; the worker sets it when a stop begins."""
    @property
    def now(self) -> float:
        """Seconds on the loop's clock as of the last `tick()`; deadlines count on it."""
    @property
    def date(self) -> bytes:
        """The value of the `date` field as of the last `tick()` (RFC 9110 section 5.6.7)."""
    @property
    def connections(self) -> set[Any]:
        """The connections that live."""
    @property
    def running(self) -> set[Any]:
        """The exchanges whose application has suspended at least once and has not ended."""
    @property
    def active_requests(self) -> int:
        """Applications that have been called and have not ended."""
    @property
    def requests_total(self) -> int: ...
    @property
    def connections_total(self) -> int: ...
    @property
    def errors_total(self) -> int:
        """Exceptions that applications raised, and requests that were refused."""
    @property
    def websockets(self) -> int:
        """Connections, and streams of connections, that are WebSockets."""
    @property
    def draining(self) -> bool:
        """`announce_drain()` or `begin_drain()` was called."""
    request_limit: int
    """`request_limit_hook` is called, on the loop, when `requests_total` reaches it; 0 = never."""
    request_limit_hook: Callable[[], object] | None
    when_idle: Callable[[], object] | None
    """Called once while draining, when the last connection and the last application are gone."""
    accept_hook: Callable[[bool], object] | None
    """Called with True when `max_connections` is reached and with False when it no longer is."""

    websocket_factory: Callable[[list[tuple[bytes, bytes]], bool], Any] | None
    """Answers a request to become a WebSocket (`fastcorn.protocols.handshake`); None = it stays HTTP."""

    https_port: int
    """The port of https in redirects: that of the setting `redirect_port`, or else what the worker sets; 443."""

    @property
    def hsts_field(self) -> bytes:
        """The line `strict-transport-security` of answers over TLS; empty without the setting `hsts`."""
    @property
    def hsts_pairs(self) -> tuple[tuple[bytes, bytes], ...]:
        """The same as a pair of name and value, or nothing."""

    http2_factory: Callable[[Context, tuple[str, int | None] | None, bool], Any] | None
    """Makes what speaks HTTP/2 on a connection (`fastcorn.protocols.http2.open_http2`); None = nobody does."""
    h2c_factory: Callable[[Context, tuple[str, int | None] | None, dict[str, Any], bytes], Any] | None
    """Answers `Upgrade: h2c` (`fastcorn.protocols.http2.open_upgrade`); None = it is served over HTTP/1.1."""

    def flush_all(self) -> None:
        """Write what connections have collected outside of steps of their own applications."""

    def tick(self, now: float | None = None) -> None:
        """Refresh the date and close what is late; the worker calls this once a second.

        Args:
            now: seconds on the loop's clock; None = `loop.time()`.
        """

    def announce_drain(self) -> None:
        """Keep no connection after the answer that comes next; idle ones stay until `begin_drain()`."""

    def begin_drain(self) -> None:
        """Stop keeping connections: idle ones close now, busy ones after the response they are at."""

    def cancel_all(self) -> None:
        """Cancel the tasks of all applications that are still running."""

    def abort_all(self) -> None:
        """Close every connection at once, whatever it is doing."""

__test__: dict[str, str]
