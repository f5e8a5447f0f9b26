# SPDX-License-Identifier: MIT
"""What becomes of a request over HTTP/2 that is valid: an exchange with an application, or an answer without one.

H2Connection (`_http2`) calls open_exchange() for each request that has come or that is pushed, with the scope that
`_http2_fields` has made. It completes the scope, answers what no application shall see, and makes the cycle: HTTPCycle,
or for an extended CONNECT a WebSocketCycle through fastcorn.protocols.handshake.
"""

from cpython.dict cimport PyDict_Copy

from fastcorn.asgi._context cimport Context
from fastcorn.asgi._cycle cimport HTTPCycle, new_cycle
from fastcorn.asgi._websocket_cycle cimport WebSocketCycle
from fastcorn.protocols._deadlines cimport TICK_SECONDS
from fastcorn.protocols._http2_fields cimport RequestHead
from fastcorn.protocols._http2_stream cimport H2Stream, StreamHost
from fastcorn.protocols._http2_websocket cimport new_tunnel


cdef int open_exchange(StreamHost host, H2Stream stream) except -1:
    """Make the cycle of a request and put the stream on `host.starting`, or answer it."""
    cdef Context context = host.context
    cdef RequestHead head = stream.head
    cdef dict scope = stream.scope
    scope["asgi"] = PyDict_Copy(context.asgi)
    scope["state"] = PyDict_Copy(context.state)
    scope["extensions"] = extensions = PyDict_Copy(context.http2_extensions)
    if host.tls_extension is not None:
        extensions["tls"] = PyDict_Copy(host.tls_extension)
    if stream.id & 1 == 0:
        extensions.pop("http.response.push", None)  # a promise is made on a client's stream (RFC 9113 section 8.4)
    if is_refused(host, stream):
        return 0
    if head.protocol is not None:
        return open_websocket(host, stream)
    stream.cycle = new_cycle(context, stream, scope, head.head_request)
    if stream.request_ended:
        (<HTTPCycle>stream.cycle).body_ended = True
    else:
        stream.continue_owed = head.expect_continue
        stream.rate_started = context.now
        if context.body_timeout > 0:
            stream.body_deadline = context.now + context.body_timeout + TICK_SECONDS
    host.starting.append(stream)
    return 0


cdef bint is_refused(StreamHost host, H2Stream stream) except -1:
    """Answer what no application shall see; True = it was answered."""
    cdef Context context = host.context
    cdef RequestHead head = stream.head
    if head.connect and head.protocol != b"websocket":
        stream.refuse(501, "CONNECT is for WebSockets only")
    elif context.server_names is not None and not is_served(context, head.authority):
        stream.refuse(404, "no such host")
    elif context.redirect_to_https and not host.tls and redirect(host, stream):
        return True
    elif context.max_body and head.content_length > context.max_body:
        stream.refuse(413, "the body is too large")
    elif context.max_concurrent_requests and (
        context.active_requests + len(host.starting) >= context.max_concurrent_requests
    ):
        stream.refuse(503, "too many requests at once", [(b"retry-after", b"1")])
    else:
        return False
    return True


cdef bint redirect(StreamHost host, H2Stream stream) except -1:
    """Send a client that came without TLS to https, unless it came by a unix socket; True = it was sent."""
    from fastcorn.protocols.redirect import location
    target = location(stream.head.authority, stream.scope, host.context.https_port)
    if target is None:
        return False
    stream.refuse(308, "use https", [(b"location", target)])
    return True


cdef bint is_served(Context context, bytes name) except -1:
    """Whether a host is one of `server_names`, with its port or without."""
    name = b"" if name is None else name.lower()
    return name in context.server_names or name.rpartition(b":")[0] in context.server_names


cdef int open_websocket(StreamHost host, H2Stream stream) except -1:
    """Begin the exchange of an extended CONNECT for a WebSocket (RFC 8441), or refuse it."""
    cdef dict scope = stream.scope
    from fastcorn.protocols.handshake import open_stream_handshake

    handshake = open_stream_handshake(scope["headers"], stream.request_ended)
    if handshake.error is not None:
        status, text, fields = handshake.error
        return stream.refuse(status, text, fields)
    if host.context.draining:
        return stream.refuse(503, "the server is stopping", [(b"retry-after", b"1")])
    stream.handshake = handshake
    stream.cycle = handshake.new_cycle(host.context, stream, scope, host.tls)
    stream.tunnel = new_tunnel(stream, host.context, host.transport, <WebSocketCycle>stream.cycle)
    host.starting.append(stream)
    return 0
