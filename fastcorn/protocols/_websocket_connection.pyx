# SPDX-License-Identifier: MIT
"""WebSocketConnection: a socket whose opening handshake is done, from bytes to messages and back (RFC 6455).

H1Connection makes it through fastcorn.protocols.handshake and gives it the transport, the writer and the cycle; then it
is the transport's protocol. A codec (fastcorn.protocols._codec) reads and writes frames; WebSocketCycle runs the
application and answers through the Stream methods. This module decides what frames mean for the connection: the closing
handshake, pings, limits, fairness and deadlines.

A client's close frame, or its mistake, is answered when the application has taken the messages before it.
Many messages in one read are one wake-up of the application, and what one of its steps sends is one write.
"""

import random

cimport cython
from cpython.bytes cimport PyBytes_GET_SIZE

from fastcorn.asgi._context cimport Context
from fastcorn.asgi._stream cimport Stream
from fastcorn.asgi._websocket_cycle cimport WebSocketCycle
from fastcorn.protocols._codec cimport (
    CODEC_BINARY, CODEC_CLOSE, CODEC_FAILED, CODEC_NOTHING, CODEC_PING, CODEC_TEXT, WebSocketCodec,
)
from fastcorn.protocols._deadlines cimport TICK_SECONDS
from fastcorn.protocols._writer cimport FLUSH_BYTES, Writer


cdef extern from "socket.h":
    bint fc_socket_broken(int fd)


cdef enum:
    # Frames, and bytes of messages, that are taken from one connection before others get their turn.
    EVENTS_PER_TURN = 256
    BYTES_PER_TURN = 1024 * 1024

    GOING_AWAY = 1001
    ABNORMAL_CLOSURE = 1006
    INTERNAL_ERROR = 1011
    SERVICE_RESTART = 1012

# At a graceful stop, WebSockets are closed over so many seconds for each, so that their clients do not all return at
# once; never over more than half of graceful_timeout.
cdef double DRAIN_SECONDS_EACH = 0.010

cdef object uniform = random.uniform


cdef class WebSocketConnection(Stream):
    """A socket that carries one WebSocket; an asyncio protocol.

    Args:
        context: the `Context` of this worker.
        codec: the engine, fresh.
    """

    def __init__(self, Context context not None, WebSocketCodec codec not None):
        settings = context.settings
        self.context = context
        self.codec = codec
        self.ping_interval = settings.websocket_ping_interval or 0
        self.ping_timeout = settings.websocket_ping_timeout or 0
        self.idle_timeout = settings.websocket_idle_timeout or 0
        self.close_timeout = settings.websocket_close_timeout

    def take_over(self, transport, Writer writer, WebSocketCycle cycle, bytes data, bint reading_paused):
        """Go on with a socket whose handshake has just been accepted.

        Args:
            transport: its transport, whose protocol this connection is already.
            writer: what is still to be written, the 101 at least.
            cycle: the exchange.
            data: what has come after the request.
            reading_paused: whether the transport was told not to read.
        """
        cdef double now = self.context.now
        self.transport = transport
        self.writer = writer
        self.cycle = cycle
        self.reading_paused = reading_paused
        self.may_half_close = transport.can_write_eof()
        self.last_message = now
        # Those that came at once do not ping at once: the first ping comes up to a quarter of the interval earlier.
        self.next_ping = now + self.ping_interval * uniform(0.75, 1.0)
        self.begin_turn()
        if PyBytes_GET_SIZE(data):
            self.receive(data)
        elif reading_paused:
            self.update_reading()
        if self.context.draining:
            self.begin_drain()

    # ---- called by the event loop ----------------------------------------------------------------------------------

    def connection_made(self, transport):
        """Not called: take_over() is."""

    def connection_lost(self, error):
        self.transport = None
        self.writer.lost()
        self.ping = None
        if self.state >= LINGER:
            self.pending = False
        self.eof = True
        if self.ending:
            self.ending = False
            self.cycle.feed_close(self.end_code, self.end_reason)
        if self.pending:
            # The application still gets what came before the end, by want_body(); it can send nothing any more.
            self.cycle.client_left()
            self.pump()
        else:
            self.end()
        self.context.remove_websocket(self)

    @cython.binding(False)      # a plain method is called without a bound-method object
    def data_received(self, bytes data not None):
        if self.state <= CLOSING and not self.ending:
            self.begin_turn()
            self.receive(data)

    def eof_received(self):
        """The client has shut its side, which ends a WebSocket (RFC 6455 section 7.1.1)."""
        self.eof = True
        # What it sent before has to be taken first. Where there is no way to stay, connection_lost() comes next.
        return (self.pending or self.ending) and self.state <= CLOSING and self.may_half_close

    def pause_writing(self):
        self.writer.paused = True

    def resume_writing(self):
        self.writer.resume()
        self.answer_ping()
        self.flush()

    # ---- called by the context -------------------------------------------------------------------------------------

    def check_deadlines(self):
        """Close what is late, ping what is due; once a second."""
        cdef double now = self.context.now
        if self.transport is None:
            return
        if self.writer.stalled():
            self.abort_transport()
        elif self.reading_paused and self.writer.socket >= 0 and fc_socket_broken(self.writer.socket):
            # The state stays: connection_lost() still delivers what the codec holds.
            self.writer.abort()
        elif self.state != OPEN:
            if now >= self.deadline:
                self.abort_transport()
        else:
            self.check_liveness(now)

    def begin_drain(self):
        """Close soon: the server stops, and the client may connect to another."""
        cdef double spread = self.context.websockets * DRAIN_SECONDS_EACH
        if self.draining or self.state != OPEN:
            return
        self.draining = True
        grace = self.context.settings.graceful_timeout
        if grace is not None:
            spread = min(spread, grace / 2)
        self.context.loop.call_later(uniform(0, spread), self.drain_now, context=self.context.clean_context.copy())

    def drain_now(self):
        self.close_with(SERVICE_RESTART, "the server restarts")

    def cut(self):
        """Close at once, dropping what was not written."""
        self.abort_transport()

    def flush_collected(self):
        """Write what was collected outside of steps of the application."""
        self.flush_scheduled = False
        self.flush()

    def pump_later(self):
        """Go on with events that the codec holds."""
        self.pump_scheduled = False
        if self.cycle is not None:
            self.begin_turn()
            self.pump()

    # ---- the protocol: what has come, and what it does ---------------------------------------------------------------

    cdef int begin_turn(self) except -1:
        self.events_left = EVENTS_PER_TURN
        self.bytes_left = BYTES_PER_TURN
        return 0

    cdef int receive(self, bytes data) except -1:
        self.pong_deadline = 0      # whatever comes shows that the client lives
        self.codec.feed(data)
        self.pending = True
        return self.pump()

    cdef int pump(self) except -1:
        """Take events from the codec, as far as the application's queue and fairness allow."""
        cdef WebSocketCycle cycle = self.cycle
        if self.pumping:
            return 0
        self.pumping = True
        try:
            while self.pending and self.state <= CLOSING:
                if self.state == OPEN and cycle.is_full():
                    break
                if self.events_left <= 0 or self.bytes_left <= 0:
                    self.schedule_pump()
                    break
                self.events_left -= 1
                self.pending = self.take_event()
        finally:
            self.pumping = False
        cycle.held_back = self.pending or self.ending
        self.update_reading()
        if self.eof and not self.pending and not self.ending:
            self.end()
        else:
            cycle.wake()    # while a step of the application runs, that is for its other tasks
        return 0 if cycle.running else self.flush()

    cdef bint take_event(self) except -1:
        """Do what the next event asks for. False = there is no further one now."""
        cdef int event = self.codec.next_event()
        if event == CODEC_TEXT or event == CODEC_BINARY:
            self.take_message()
        elif event == CODEC_NOTHING:
            return False
        elif event == CODEC_PING:
            self.ping = self.codec.data
            self.answer_ping()
        elif event == CODEC_CLOSE:
            self.peer_closed()
        elif event == CODEC_FAILED:
            self.peer_failed()
        return self.state <= CLOSING and not self.ending

    cdef int take_message(self) except -1:
        cdef Py_ssize_t queued = self.cycle.queued_bytes
        self.last_message = self.context.now
        if self.state == OPEN:
            self.cycle.feed_message(self.codec.data)
            self.bytes_left -= self.cycle.queued_bytes - queued
        else:
            self.bytes_left -= len(self.codec.data)     # nobody gets it; inflating it took its time all the same
        return 0

    cdef int peer_closed(self) except -1:
        """The client's close frame: it is answered by one with the same code (RFC 6455 section 5.5.1)."""
        return self.end_after_messages(False) if self.state == OPEN else self.leave()

    cdef int peer_failed(self) except -1:
        """The client has broken the protocol or a limit: fail the connection (RFC 6455 section 7.1.7)."""
        cdef int code = self.codec.code
        cdef str reason = self.codec.reason
        self.context.errors_total += 1
        path = self.cycle.scope["path"]
        if not path.isprintable():
            path = path.encode("unicode_escape").decode()   # a line break would forge a line of the log
        client = self.cycle.scope["client"]
        self.context.error_log.debug("%s broke the WebSocket %s with %d: %s", client, path, code, reason)
        return self.end_after_messages(True) if self.state == OPEN else self.linger()

    cdef int end_after_messages(self, bint failed) except -1:
        """The client's side has ended. The answers to the messages before that still go out, then our close frame."""
        self.ending = True
        self.failed = failed
        self.end_code = self.codec.code
        self.end_reason = self.codec.reason
        self.deadline = self.context.now + self.close_timeout + TICK_SECONDS
        return 0 if self.cycle.has_messages() else self.finish_ending()

    cdef int finish_ending(self) except -1:
        self.ending = False
        self.append_close(self.end_code, self.end_reason if self.failed else "")
        self.cycle.feed_close(self.end_code, self.end_reason)
        return self.linger() if self.failed else self.leave()

    cdef int answer_ping(self) except -1:
        """Answer a ping. While the client does not read, only the last one is kept (RFC 6455 section 5.5.3)."""
        if self.ping is None or self.writer.paused or self.transport is None:
            return 0
        ping, self.ping = self.ping, None
        if self.state == OPEN:
            self.writer.begin()
            self.codec.append_pong(&self.writer.out, ping)
        return 0

    cdef int append_close(self, int code, str reason) except -1:
        self.writer.begin()
        return self.codec.append_close(&self.writer.out, code, reason)

    cdef int close_with(self, int code, str reason) except -1:
        """The server closes, without the application having asked for it."""
        if self.state == OPEN:
            self.cycle.feed_close(code, reason)
            self.close_websocket(code, reason)
            self.flush()
            self.cycle.wake()
        return 0

    cdef int check_liveness(self, double now) except -1:
        if self.ending:
            if now >= self.deadline:
                self.finish_ending()
                self.cycle.wake()
            return 0
        if self.idle_timeout and now - self.last_message >= self.idle_timeout + TICK_SECONDS:
            return self.close_with(GOING_AWAY, "idle for too long")
        if self.pong_deadline and now >= self.pong_deadline and not self.reading_paused:
            return self.close_with(INTERNAL_ERROR, "no answer to a ping")
        if self.ping_interval and now >= self.next_ping and not self.writer.paused:
            self.next_ping = now + self.ping_interval
            if self.ping_timeout and not self.pong_deadline:
                self.pong_deadline = now + self.ping_timeout
            self.writer.begin()
            self.codec.append_ping(&self.writer.out, b"")
            self.flush()
        return 0

    cdef int end(self) except -1:
        """The connection is over for the application too."""
        cycle, self.cycle = self.cycle, None
        if cycle is None:
            return 0
        if self.transport is None:
            self.state = LOST
        (<WebSocketCycle>cycle).feed_disconnect()
        return self.leave()

    # ---- Stream: called by the cycle -------------------------------------------------------------------------------

    cdef int want_body(self) except -1:
        """The application has taken all that was queued."""
        if self.ending:
            return self.finish_ending()
        if self.pending and not self.pumping:
            if self.events_left > 0 and self.bytes_left > 0:
                return self.pump()
            return self.schedule_pump()
        return 0

    cdef int send_message(self, object message) except -1:
        cdef bytes rest
        if self.state != OPEN or self.transport is None:
            return 0
        self.writer.begin()
        rest = self.codec.append_message(&self.writer.out, message)
        self.last_message = self.context.now
        if rest is not None:
            self.writer.flush_with(rest)
        elif self.writer.out.len >= FLUSH_BYTES:
            self.flush()
        return 0 if self.cycle.running else self.schedule_flush()

    cdef int close_websocket(self, int code, str reason) except -1:
        if self.state != OPEN or self.transport is None:
            return 0
        if self.ending:
            return self.finish_ending()
        self.append_close(code, reason)
        self.state = CLOSING
        self.deadline = self.context.now + self.close_timeout + TICK_SECONDS
        if self.pending:
            self.schedule_pump()
        return 0 if self.cycle.running else self.schedule_flush()

    cdef object drain(self):
        return self.writer.drain()

    cdef int step_ended(self) except -1:
        """The application has suspended or ended."""
        return self.flush()

    cdef int abort(self) except -1:
        return self.abort_transport()

    # ---- the socket: how it travels ----------------------------------------------------------------------------------

    cdef int schedule_pump(self) except -1:
        if not self.pump_scheduled:
            self.pump_scheduled = True
            # Not in the context of the application that may be running.
            self.context.loop.call_soon(self.pump_later, context=self.context.clean_context.copy())
        return 0

    cdef int schedule_flush(self) except -1:
        if not self.flush_scheduled:
            self.flush_scheduled = True
            self.context.flush_soon(self)
        return 0

    cdef int update_reading(self) except -1:
        """Read nothing more while the codec holds what was read."""
        cdef bint pause = self.pending
        if pause == self.reading_paused or self.transport is None or self.state >= LEAVING:
            return 0
        self.reading_paused = pause
        if pause:
            self.transport.pause_reading()
        else:
            if self.pong_deadline:
                # An answer may have waited unread all the time.
                self.pong_deadline = max(self.pong_deadline, self.context.now + self.ping_timeout)
            # asyncio runs later reads in the context of this call; it must not be an application's.
            self.context.clean_context.copy().run(self.transport.resume_reading)
        return 0

    cdef int flush(self) except -1:
        return self.writer.flush()

    cdef int leave(self) except -1:
        """Close when all that was written has left."""
        if self.state >= LEAVING or self.transport is None:
            return 0
        self.flush()
        self.state = LEAVING
        self.deadline = self.context.now + self.close_timeout + TICK_SECONDS
        return self.writer.close()

    cdef int linger(self) except -1:
        """Shut our side and drop what comes: to close at once could destroy our close frame on its way."""
        if self.eof or self.transport is None or not self.transport.can_write_eof():
            return self.leave()
        self.flush()
        self.state = LINGER
        self.pending = False
        self.deadline = self.context.now + self.close_timeout + TICK_SECONDS
        return self.writer.shut(False)

    cdef int abort_transport(self) except -1:
        if self.transport is not None:
            self.state = LEAVING
            self.deadline = self.context.now + self.close_timeout
            self.writer.abort()
        return 0
