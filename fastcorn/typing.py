# SPDX-License-Identifier: MIT
"""Types of ASGI and WSGI applications, scopes and messages, under Hypercorn's public names and asgiref's.

For users' annotations and for fastcorn's own; a leaf that imports only the standard library. The callables that a
server accepts are typed loosely on purpose: frameworks annotate scope and messages as MutableMapping[str, Any], which
no TypedDict is assignable to, so serve(FastAPI(), config) would not type-check against a strict signature.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping, Sequence
from typing import IO, Any, Literal, NamedTuple, NewType, NotRequired, Protocol, TypeAlias, TypedDict

Headers: TypeAlias = Iterable[tuple[bytes, bytes]]
Address: TypeAlias = "tuple[str, int | None]"
LifespanState: TypeAlias = dict[str, Any]
ConnectionState = NewType("ConnectionState", dict[str, Any])


class ASGIVersions(TypedDict, total=False):
    """The "asgi" entry of each scope."""

    version: Literal["2.0", "3.0"]
    spec_version: str


class _RequestScope(TypedDict):
    asgi: ASGIVersions
    http_version: str
    scheme: str
    path: str
    raw_path: bytes
    query_string: bytes
    root_path: str
    headers: Headers
    client: Address | None
    server: Address | None
    state: ConnectionState
    extensions: dict[str, dict[str, Any]]


class HTTPScope(_RequestScope):
    """Scope of one HTTP request."""

    type: Literal["http"]
    method: str


class WebsocketScope(_RequestScope):
    """Scope of one WebSocket."""

    type: Literal["websocket"]
    subprotocols: Iterable[str]


class LifespanScope(TypedDict):
    """Scope of the application's life in one event loop."""

    type: Literal["lifespan"]
    asgi: ASGIVersions
    state: LifespanState


WebSocketScope = WebsocketScope
WWWScope: TypeAlias = HTTPScope | WebsocketScope
Scope: TypeAlias = HTTPScope | WebsocketScope | LifespanScope


class HTTPRequestEvent(TypedDict):
    """Part of a request's body."""

    type: Literal["http.request"]
    body: bytes
    more_body: bool


class HTTPDisconnectEvent(TypedDict):
    """The client has gone, or the response is complete."""

    type: Literal["http.disconnect"]


class HTTPResponseStartEvent(TypedDict):
    """Status and header fields of a response."""

    type: Literal["http.response.start"]
    status: int
    headers: NotRequired[Headers]
    trailers: NotRequired[bool]


class HTTPResponseBodyEvent(TypedDict):
    """Part of a response's body."""

    type: Literal["http.response.body"]
    body: NotRequired[bytes]
    more_body: NotRequired[bool]


class HTTPResponseTrailersEvent(TypedDict):
    """Trailer fields of a response that announced them."""

    type: Literal["http.response.trailers"]
    headers: Headers
    more_trailers: NotRequired[bool]


class HTTPResponsePathsendEvent(TypedDict):
    """A whole response body, from the file at an absolute path."""

    type: Literal["http.response.pathsend"]
    path: str


class HTTPResponseZeroCopySendEvent(TypedDict):
    """Part of a response body, from an open file."""

    type: Literal["http.response.zerocopysend"]
    file: IO[bytes]
    offset: NotRequired[int]
    count: NotRequired[int]
    more_body: NotRequired[bool]


class HTTPResponseDebugEvent(TypedDict):
    """What a test client may want to know of a response; servers do not offer it."""

    type: Literal["http.response.debug"]
    info: dict[str, object]


class HTTPServerPushEvent(TypedDict):
    """A further request that the server is to answer unasked (HTTP/2)."""

    type: Literal["http.response.push"]
    path: str
    headers: Headers


class HTTPEarlyHintEvent(TypedDict):
    """Link fields for a 103 response."""

    type: Literal["http.response.early_hint"]
    links: Iterable[bytes]


class WebsocketConnectEvent(TypedDict):
    """A client asks for a WebSocket."""

    type: Literal["websocket.connect"]


class WebsocketAcceptEvent(TypedDict):
    """The application takes the WebSocket."""

    type: Literal["websocket.accept"]
    subprotocol: NotRequired[str | None]
    headers: NotRequired[Headers]


class WebsocketReceiveEvent(TypedDict):
    """One whole message from the client: exactly one of bytes and text is not None."""

    type: Literal["websocket.receive"]
    bytes: NotRequired[bytes | None]
    text: NotRequired[str | None]


class WebsocketSendEvent(TypedDict):
    """One whole message to the client: exactly one of bytes and text is not None."""

    type: Literal["websocket.send"]
    bytes: NotRequired[bytes | None]
    text: NotRequired[str | None]


class WebsocketResponseStartEvent(TypedDict):
    """Status and header fields of the HTTP response that refuses a WebSocket."""

    type: Literal["websocket.http.response.start"]
    status: int
    headers: NotRequired[Headers]


class WebsocketResponseBodyEvent(TypedDict):
    """Part of the body of the HTTP response that refuses a WebSocket."""

    type: Literal["websocket.http.response.body"]
    body: NotRequired[bytes]
    more_body: NotRequired[bool]


class WebsocketDisconnectEvent(TypedDict):
    """The WebSocket is closed."""

    type: Literal["websocket.disconnect"]
    code: int
    reason: NotRequired[str]


class WebsocketCloseEvent(TypedDict):
    """The application closes or refuses the WebSocket."""

    type: Literal["websocket.close"]
    code: NotRequired[int]
    reason: NotRequired[str | None]


WebSocketConnectEvent = WebsocketConnectEvent
WebSocketAcceptEvent = WebsocketAcceptEvent
WebSocketReceiveEvent = WebsocketReceiveEvent
WebSocketSendEvent = WebsocketSendEvent
WebSocketResponseStartEvent = WebsocketResponseStartEvent
WebSocketResponseBodyEvent = WebsocketResponseBodyEvent
WebSocketDisconnectEvent = WebsocketDisconnectEvent
WebSocketCloseEvent = WebsocketCloseEvent


class LifespanStartupEvent(TypedDict):
    """The application is to get ready."""

    type: Literal["lifespan.startup"]


class LifespanShutdownEvent(TypedDict):
    """The application is to put things away."""

    type: Literal["lifespan.shutdown"]


class LifespanStartupCompleteEvent(TypedDict):
    """The application is ready."""

    type: Literal["lifespan.startup.complete"]


class LifespanStartupFailedEvent(TypedDict):
    """The application cannot run."""

    type: Literal["lifespan.startup.failed"]
    message: NotRequired[str]


class LifespanShutdownCompleteEvent(TypedDict):
    """The application has put things away."""

    type: Literal["lifespan.shutdown.complete"]


class LifespanShutdownFailedEvent(TypedDict):
    """The application could not put things away."""

    type: Literal["lifespan.shutdown.failed"]
    message: NotRequired[str]


ASGIReceiveEvent: TypeAlias = (
    HTTPRequestEvent
    | HTTPDisconnectEvent
    | WebsocketConnectEvent
    | WebsocketReceiveEvent
    | WebsocketDisconnectEvent
    | LifespanStartupEvent
    | LifespanShutdownEvent
)
ASGISendEvent: TypeAlias = (
    HTTPResponseStartEvent
    | HTTPResponseBodyEvent
    | HTTPResponseTrailersEvent
    | HTTPResponsePathsendEvent
    | HTTPResponseZeroCopySendEvent
    | HTTPResponseDebugEvent
    | HTTPServerPushEvent
    | HTTPEarlyHintEvent
    | HTTPDisconnectEvent
    | WebsocketAcceptEvent
    | WebsocketSendEvent
    | WebsocketResponseStartEvent
    | WebsocketResponseBodyEvent
    | WebsocketCloseEvent
    | LifespanStartupCompleteEvent
    | LifespanStartupFailedEvent
    | LifespanShutdownCompleteEvent
    | LifespanShutdownFailedEvent
)

ASGIReceiveCallable: TypeAlias = Callable[[], Awaitable[ASGIReceiveEvent]]
ASGISendCallable: TypeAlias = Callable[[ASGISendEvent], Awaitable[None]]

# What code that only passes scope and messages on should be typed with.
AnyScope: TypeAlias = MutableMapping[str, Any]
AnyReceive: TypeAlias = Callable[[], Awaitable[Any]]
AnySend: TypeAlias = Callable[[Any], Awaitable[None]]


class ASGI2Protocol(Protocol):
    """An instance that an ASGI/2 application makes for one scope."""

    def __init__(self, scope: Any) -> None: ...

    async def __call__(self, receive: Any, send: Any) -> None: ...


ASGI2Application: TypeAlias = Callable[[Any], Callable[[Any, Any], Awaitable[None]]]
ASGI3Application: TypeAlias = Callable[[Any, Any, Any], Awaitable[None]]
ASGIApplication: TypeAlias = ASGI2Application | ASGI3Application
ASGIFramework: TypeAlias = ASGI3Application
WSGIFramework: TypeAlias = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
Framework: TypeAlias = ASGIFramework | ASGI2Application | WSGIFramework

Mode: TypeAlias = Literal["asgi", "wsgi"]
ShutdownTrigger: TypeAlias = Callable[[], Awaitable[Any]]


class ResponseSummary(TypedDict):
    """What an access log is told of a response."""

    status: int
    headers: Headers


class LifecycleEvent(NamedTuple):
    """What a hook is told.

    Attributes:
        name: of the hook.
        pid: the process id of the worker the event is about; None for events of the server.
        worker: that worker's number, from 1.
        reason: why, in words: what ended a worker, what caused a reload.
        exit_code: of the worker, or of the server in on_exit.
        duration: in seconds: until the worker was ready, how long it lived, until all were ready, how long the server
            ran.
        urls: where the server listens (when_ready).
        config: the configuration (on_starting).
    """

    name: str
    pid: int | None = None
    worker: int | None = None
    reason: str | None = None
    exit_code: int | None = None
    duration: float | None = None
    urls: Sequence[str] = ()
    config: Any = None
