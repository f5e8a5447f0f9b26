# SPDX-License-Identifier: MIT
"""Types of the compiled module."""

from typing import Any

from typing_extensions import disjoint_base

from fastcorn.asgi._context import Context
from fastcorn.protocols._http2_engine import HTTP2Engine
from fastcorn.protocols._http2_stream import H2Stream, StreamHost
from fastcorn.protocols._writer import Writer

@disjoint_base
class H2Connection(StreamHost):
    """One socket that speaks HTTP/2; an asyncio protocol.

    Args:
        context: the `Context` of this worker.
        engine: fresh.
    """

    def __init__(self, context: Context, engine: HTTP2Engine) -> None: ...
    def take_over(
        self,
        transport: Any,
        writer: Writer,
        data: bytes,
        reading_paused: bool = False,
        tls_extension: dict[str, Any] | None = None,
    ) -> None:
        """Go on with a socket whose client speaks HTTP/2.

        Args:
            transport: its transport, whose protocol this connection is already.
            writer: what is still to be written.
            data: what has come, from the client's preface on.
            reading_paused: whether the transport was told not to read.
            tls_extension: the `tls` of scopes; None on a plain connection.
        """
    def take_over_upgraded(
        self,
        transport: Any,
        writer: Writer,
        data: bytes,
        reading_paused: bool,
        settings: bytes,
        fields: list[tuple[bytes, bytes]],
    ) -> None:
        """Go on after a 101 that has switched to HTTP/2 (RFC 7540 section 3.2), whose request is stream 1.

        Args:
            transport, writer, data, reading_paused: as for take_over().
            settings: the payload of the client's SETTINGS frame, valid.
            fields: the request as a field list of HTTP/2, pseudo-fields first.
        """
    def connection_made(self, transport: Any) -> None:
        """Not called: take_over() is."""
    def connection_lost(self, error: Exception | None) -> None: ...
    def data_received(self, data: bytes) -> None: ...
    def eof_received(self) -> bool | None:
        """The client has shut its side: streams whose requests are complete are answered all the same."""
    def pause_writing(self) -> None: ...
    def resume_writing(self) -> None: ...
    def check_deadlines(self) -> None:
        """Close or answer what is late; once a second."""
    def begin_drain(self) -> None:
        """Let the streams end and take no new ones, in two steps (RFC 9113 section 6.8)."""
    def cut(self) -> None:
        """Close at once, dropping what was not written."""
    def flush_collected(self) -> None:
        """Write what was collected outside of a turn of our own."""
    def advance(self) -> None:
        """Go on with frames that are in the buffer already."""

def urgency_of(stream: H2Stream) -> int:
    """What streams are sorted by: RFC 9218 section 4.1."""

def turn_of(stream: H2Stream) -> int:
    """What streams that want small credits are sorted by."""

__test__: dict[str, str]
