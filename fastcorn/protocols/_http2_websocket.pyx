# SPDX-License-Identifier: MIT
"""StreamTransport: a stream of HTTP/2 that carries a WebSocket, seen as the transport of a connection (RFC 8441).

The stream of an extended CONNECT makes one (`new_tunnel`) and tells it what comes; `accept` answers 200 and gives it to
a WebSocketConnection, which writes to it and closes it like a socket. What TCP does below a WebSocket, the stream does
here: END_STREAM is the end of a side, RST_STREAM a reset, its window holds back who sends too much. Before the
application accepts, reading is paused, so what comes early is held, up to the window of the stream.
"""

cimport cython
from libc.stdint cimport uint32_t

from fastcorn.asgi._context cimport Context
from fastcorn.asgi._stream cimport Stream
from fastcorn.asgi._websocket_cycle cimport CONNECTING, WebSocketCycle
from fastcorn.protocols._writer cimport Writer, new_writer


cdef enum:
    # RFC 9113 section 7.
    NO_ERROR = 0
    CANCEL = 8

    # Bytes that may be pending before the writer is told to wait, as in asyncio's transports.
    HIGH_WATER = 64 * 1024

# A response to CONNECT has no body, but its fields are the application's (RFC 9110 section 9.3.6).
cdef frozenset BODY_FIELDS = frozenset((b"content-length", b"transfer-encoding"))


cdef class StreamCarrier(Stream):
    """A stream that can carry a WebSocket (see `_http2_websocket.pxd`)."""

    cdef int reset(self, uint32_t code) except -1:
        raise NotImplementedError

    cdef int credit(self, Py_ssize_t count) except -1:
        raise NotImplementedError


@cython.final
cdef class StreamTransport:
    """One stream as a transport; the methods without a comment are those of `asyncio.Transport`."""

    # ---- called by the WebSocketConnection and its Writer ------------------------------------------------------------

    def get_extra_info(self, name, default=None):
        """What the transport of the connection knows."""
        return self.connection.get_extra_info(name, default)

    def write(self, data):
        if self.ended or self.stream is None:
            return
        self.stream.send_body(data if type(data) is bytes else bytes(data), False)
        self.stream.step_ended()
        self.update_writing()

    def writelines(self, parts):
        self.write(b"".join(parts))

    def write_eof(self):
        """END_STREAM, behind what is pending: like a FIN (RFC 8441 section 5)."""
        self.end_output()

    def can_write_eof(self):
        return True

    def close(self):
        """End our side; over when the client's has ended too and nothing is pending, or by `abort`."""
        if self.closing:
            return
        self.closing = True
        self.end_output()
        self.drop_input()

    def abort(self):
        """RST_STREAM, like a RST of TCP (RFC 8441 section 5)."""
        cdef StreamCarrier stream = self.stream
        self.closing = True
        if self.over or stream is None:
            return
        self.disconnect_soon()
        # Who has had all that there was, and only does not end its side, has missed nothing.
        stream.reset(NO_ERROR if self.ended and stream.pending == 0 else CANCEL)

    def is_closing(self):
        return self.closing or self.over

    def pause_reading(self):
        self.reading_paused = True

    def resume_reading(self):
        self.reading_paused = False
        if self.held is not None or self.peer_ended:
            self.deliver_soon()

    def is_reading(self):
        return not self.reading_paused and not self.closing

    def set_write_buffer_limits(self, high=None, low=None):
        if high is None:
            high = HIGH_WATER if low is None else 4 * low
        if low is None:
            low = high // 4
        if not high >= low >= 0:
            raise ValueError(f"high ({high!r}) must be >= low ({low!r}) must be >= 0")
        self.high_water = high
        self.low_water = low
        self.update_writing()

    def get_write_buffer_limits(self):
        return self.low_water, self.high_water

    def get_write_buffer_size(self):
        return 0 if self.stream is None else self.stream.pending

    def get_protocol(self):
        return self.protocol

    # ---- called by the stream ----------------------------------------------------------------------------------------

    cdef int feed(self, bytes data, Py_ssize_t credit, bint end) except -1:
        self.peer_ended = self.peer_ended or end
        if self.closing or self.over:
            return 0 if self.stream is None else self.stream.credit(credit)
        if self.reading_paused or self.held is not None:
            # Joined, not listed: a client may send a window full of frames of two bytes.
            if self.held is None:
                self.held = bytearray(data)
            else:
                self.held += data
            self.held_credit += credit
        else:
            self.stream.credit(credit)
            if data:
                self.protocol.data_received(data)
        return self.hear_end() if end else 0

    cdef int sent(self) except -1:
        return self.update_writing()

    cdef int lost(self) except -1:
        """The stream was reset, or the connection is lost."""
        held, self.held = self.held, None
        cycle, self.cycle = self.cycle, None
        self.stream = None
        if self.over:
            return 0
        self.over = True
        if not self.accepted:
            return 0 if cycle is None else (<WebSocketCycle>cycle).feed_disconnect()
        if held is not None and not self.closing:
            # What came before the end is the application's all the same.
            self.protocol.data_received(bytes(held))
        self.closing = True
        self.disconnect()
        return 0

    cdef int finished(self) except -1:
        """Both sides have ended."""
        self.stream = None
        self.cycle = None
        return 0 if self.over else self.disconnect_soon()

    cdef int refused(self) except -1:
        """The answer was no WebSocket; the stream goes on without us."""
        self.over = True
        self.held = None
        self.stream = None
        self.cycle = None
        return 0

    # ---- how it travels ----------------------------------------------------------------------------------------------

    cdef bytes attach(self, object websocket):
        """The application has accepted: what came early, which is returned, and what comes is `websocket`'s."""
        self.accepted = True
        self.protocol = websocket
        self.reading_paused = False
        held, self.held = self.held, None
        if held is None:
            return b""
        credit, self.held_credit = self.held_credit, 0
        self.stream.credit(credit)
        return bytes(held)

    cdef int hear_end(self) except -1:
        """The client has ended its side."""
        if self.accepted:
            return self.deliver_soon()
        # Who cannot send wants no WebSocket; a refusal that has begun it may still be reading.
        if self.cycle is not None and self.cycle.state == CONNECTING:
            return self.stream.reset(CANCEL)
        return 0

    cdef int deliver_soon(self) except -1:
        """Deliver what is held, and the end of the client's side, in a turn of its own, as a socket does."""
        if not self.delivery_scheduled:
            self.delivery_scheduled = True
            self.context.loop.call_soon(self.deliver, context=self.context.clean_context.copy())
        return 0

    def deliver(self):
        """Give the protocol what is held, then the end of the client's side."""
        cdef bytes data
        self.delivery_scheduled = False
        if self.closing or self.over or self.reading_paused:
            return
        if self.held is not None:
            data = bytes(self.held)
            self.held = None
            credit, self.held_credit = self.held_credit, 0
            self.stream.credit(credit)
            self.stream.step_ended()
            if data:
                self.protocol.data_received(data)
        # A protocol that has paused reading meanwhile hears of the end when it reads again.
        if self.peer_ended and not self.end_delivered and not self.reading_paused and not self.closing:
            self.end_delivered = True
            if not self.protocol.eof_received():
                self.close()

    cdef int end_output(self) except -1:
        if not self.ended and self.stream is not None:
            self.ended = True
            self.stream.send_body(b"", True)
            self.stream.step_ended()
        return 0

    cdef int drop_input(self) except -1:
        """Nobody reads any more; the client gets its window back all the same, so that it comes to its end."""
        self.held = None
        credit, self.held_credit = self.held_credit, 0
        if credit and self.stream is not None:
            self.stream.credit(credit)
            self.stream.step_ended()
        return 0

    cdef int update_writing(self) except -1:
        """Tell the protocol when too much is pending, and when it no longer is."""
        cdef Py_ssize_t pending = 0 if self.stream is None else self.stream.pending
        if self.protocol is None or self.over:
            return 0
        if not self.writing_paused and pending > self.high_water:
            self.writing_paused = True
            self.protocol.pause_writing()
        elif self.writing_paused and pending <= self.low_water:
            self.writing_paused = False
            self.protocol.resume_writing()
        return 0

    cdef int disconnect_soon(self) except -1:
        """Over; the protocol hears of it in a turn of its own, as from a socket."""
        self.over = True
        self.closing = True
        self.held = None
        self.context.loop.call_soon(self.disconnect, context=self.context.clean_context.copy())
        return 0

    def disconnect(self):
        """Tell the protocol, once, that the stream is over."""
        protocol, self.protocol = self.protocol, None
        self.stream = None
        self.cycle = None
        if protocol is not None:
            protocol.connection_lost(None)


cdef StreamTransport new_tunnel(StreamCarrier stream, Context context, object connection, WebSocketCycle cycle):
    """The transport of a stream whose request asks for a WebSocket; it holds what comes until `accept`.

    `connection` is the transport of the connection that carries the stream.
    """
    cdef StreamTransport transport = StreamTransport.__new__(StreamTransport)
    transport.stream = stream
    transport.context = context
    transport.connection = connection
    transport.cycle = cycle
    transport.reading_paused = True
    transport.high_water = HIGH_WATER
    transport.low_water = HIGH_WATER // 4
    return transport


cdef object accept(StreamCarrier stream, object handshake, str subprotocol, list headers):
    """Answer 200 (RFC 8441 section 5) and give the stream to a WebSocketConnection, which is returned.

    The stream lets go of the cycle when this returns. A MessageError leaves all as it was.
    """
    cdef StreamTransport tunnel = stream.tunnel
    cdef Context context = tunnel.context
    cdef WebSocketCycle cycle = tunnel.cycle
    cdef Writer writer
    websocket, fields = handshake.open_connection(context, subprotocol)
    for name, value in headers:
        if name.lower() not in BODY_FIELDS:
            fields.append((name, value))
    stream.send_head(200, fields, False)
    data = tunnel.attach(websocket)
    stream.step_ended()     # the head; the connection takes no more of it
    writer = new_writer(context)
    writer.transport = tunnel
    context.add_websocket(websocket)
    websocket.take_over(tunnel, writer, cycle, data, False)
    return websocket
