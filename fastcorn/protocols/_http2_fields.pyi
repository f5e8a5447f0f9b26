# SPDX-License-Identifier: MIT
"""Types of the compiled module: field lists of HTTP/2 to scopes, and an application's fields to field lists."""

from typing import Any, final

from fastcorn.asgi._context import Context

_Fields = list[tuple[bytes, bytes]]

@final
class RequestHead:
    """A request as its field list says it."""

    @property
    def scope(self) -> dict[str, Any] | None:
        """Without client, server, asgi, state and extensions; None when there is an error."""
    @property
    def method(self) -> bytes | None:
        """As it came; None when it is missing."""
    @property
    def authority(self) -> bytes | None:
        """The effective host with its port."""
    @property
    def protocol(self) -> bytes | None:
        """Of an extended CONNECT (RFC 8441)."""
    @property
    def priority(self) -> bytes | None:
        """The value of the priority field (RFC 9218)."""
    @property
    def content_length(self) -> int:
        """-1 when none was given."""
    @property
    def head_request(self) -> bool: ...
    @property
    def te_trailers(self) -> bool: ...
    @property
    def expect_continue(self) -> bool: ...
    @property
    def connect(self) -> bool: ...
    @property
    def error(self) -> str | None:
        """What is wrong with it."""
    @property
    def status(self) -> int:
        """What answers the error; 0 = the stream is reset with PROTOCOL_ERROR."""

def check_request(context: Context, fields: _Fields, secure: bool = False) -> RequestHead:
    """The head of a request whose decoded fields these are; `secure` = it came over TLS."""

def check_trailers(fields: _Fields) -> str | None:
    """None when a request's trailer fields are valid, else what is wrong with them."""

def check_response(headers: Any, status: int = 200) -> tuple[_Fields, tuple[int, bool, bool, bool]]:
    """The fields that go out for a response, and what they decide: content_length, close, has_date, has_server.

    Raises:
        MessageError: `headers` or one of them is malformed.
    """

def push_fields(headers: Any) -> _Fields:
    """The fields of a pushed request, without those that the connection writes or leaves out.

    Raises:
        MessageError: `headers` or one of them is malformed.
    """

__pyx_capi__: dict[str, object]
__test__: dict[str, str]
