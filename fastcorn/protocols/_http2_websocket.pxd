# SPDX-License-Identifier: MIT
# StreamTransport: a stream of HTTP/2 that carries a WebSocket, as a transport (RFC 8441).

from libc.stdint cimport uint32_t

from fastcorn.asgi._context cimport Context
from fastcorn.asgi._stream cimport Stream
from fastcorn.asgi._websocket_cycle cimport WebSocketCycle


# What a StreamTransport asks of the stream below it, beside Stream.send_head(), send_body() and step_ended().
cdef class StreamCarrier(Stream):
    cdef StreamTransport tunnel     # from the request to become a WebSocket on; None for HTTP
    cdef Py_ssize_t pending         # bytes of the body that were sent and that the windows do not let out yet

    cdef int reset(self, uint32_t code) except -1           # RST_STREAM; all that is pending is dropped
    cdef int credit(self, Py_ssize_t count) except -1       # so many flow-controlled bytes of the stream were used up


cdef class StreamTransport:
    cdef StreamCarrier stream       # None when the stream is over
    cdef Context context
    cdef object connection          # the transport of the connection that carries the stream
    cdef WebSocketCycle cycle       # None when the stream is over
    cdef bint accepted
    cdef object protocol            # the WebSocketConnection, from then on

    # Input.
    cdef bytearray held             # what came while reading was paused; None = nothing
    cdef Py_ssize_t held_credit     # flow-controlled bytes of these
    cdef bint reading_paused
    cdef bint peer_ended            # the client's END_STREAM has come,
    cdef bint end_delivered         # and the protocol knows
    cdef bint delivery_scheduled

    # Output.
    cdef bint ended                 # END_STREAM is sent, or waits behind what is pending
    cdef bint closing               # nothing that comes is delivered any more
    cdef bint over                  # connection_lost() is scheduled or was called
    cdef bint writing_paused
    cdef Py_ssize_t high_water
    cdef Py_ssize_t low_water

    # What the stream tells: a DATA frame has come (`credit` counts its padding too); less is pending. The end: the
    # stream was reset, or its connection is lost; both its sides have ended; the WebSocket was refused.
    cdef int feed(self, bytes data, Py_ssize_t credit, bint end) except -1
    cdef int sent(self) except -1
    cdef int lost(self) except -1
    cdef int finished(self) except -1
    cdef int refused(self) except -1

    cdef bytes attach(self, object websocket)
    cdef int hear_end(self) except -1
    cdef int deliver_soon(self) except -1
    cdef int end_output(self) except -1
    cdef int drop_input(self) except -1
    cdef int update_writing(self) except -1
    cdef int disconnect_soon(self) except -1


cdef StreamTransport new_tunnel(StreamCarrier stream, Context context, object connection, WebSocketCycle cycle)
cdef object accept(StreamCarrier stream, object handshake, str subprotocol, list headers)
