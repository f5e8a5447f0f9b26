# SPDX-License-Identifier: MIT
"""H2Connection: one socket that speaks HTTP/2 (RFC 9113), from bytes to streams and back.

H1Connection makes it through Context.http2_factory (fastcorn.protocols.http2) and hands the socket over. csrc/frame2.c
reads frames and says what is wrong with them; an engine (protocols._http2_engine) knows header compression, the
states of streams and the windows; cycles run applications and answer through the Stream methods of H2Stream. Decided
here: which frames a client may send how often, when applications run, which stream writes next, deadlines, the end.

Longer: this file - the frames of a connection, its streams and its end move one state.

Nothing that goes wrong on one stream touches another; what breaks the connection ends it with GOAWAY and its reason.
Requests of one read start when it is used up, or STARTED_TOGETHER at a time when no reset follows in it: a reset that
comes with its request costs no call of an application. What all of them answer at once is one write.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.dict cimport PyDict_Size
from libc.math cimport INFINITY
from libc.stdint cimport uint32_t
from libc.string cimport memcmp

from fastcorn.asgi._context cimport Context
from fastcorn.asgi._run cimport Cycle
from fastcorn.asgi._websocket_cycle cimport WebSocketCycle
from fastcorn.protocols._address cimport address
from fastcorn.protocols._deadlines cimport LINGER_SECONDS, TICK_SECONDS
from fastcorn.protocols._http2_engine cimport (
    ENGINE_CONNECTION_ERROR, ENGINE_DATA, ENGINE_REQUEST, ENGINE_RESET, ENGINE_SETTINGS,
    ENGINE_STREAM_ERROR, ENGINE_TRAILERS, ENGINE_WINDOW, FC_FLAG2_ACK, FC_FLAG2_END_HEADERS, FC_FRAME2_CONNECTION_ERROR,
    FC_FRAME2_CONTINUATION, FC_FRAME2_DATA, FC_FRAME2_GOAWAY, FC_FRAME2_HEADER, FC_FRAME2_HEADERS, FC_FRAME2_PARTIAL,
    FC_FRAME2_PING, FC_FRAME2_PRIORITY_UPDATE, FC_FRAME2_RST_STREAM, FC_FRAME2_SETTINGS, FC_FRAME2_STREAM_ERROR,
    FC_FRAME2_WINDOW_UPDATE, FC_H2_ENHANCE_YOUR_CALM, FC_H2_INTERNAL_ERROR, FC_H2_NO_ERROR,
    FC_H2_PROTOCOL_ERROR, FC_H2_REFUSED_STREAM, HTTP2Engine, fc_frame2, fc_frame2_parse, fc_frame2_write_header,
)
from fastcorn.protocols._http2_exchange cimport open_exchange
from fastcorn.protocols._http2_fields cimport RequestHead, check_trailers, copy_scope, read_request
from fastcorn.protocols._http2_stream cimport (
    BYTES_PER_FRAME, DEFAULT_URGENCY, H2_CLOSED, H2_LINGER, H2_OPEN, H2_PREFACE, PENDING_LOW_WATER, H2Stream,
    StreamHost, earn, new_stream,
)
from fastcorn.protocols._output cimport output_append
from fastcorn.protocols._open_streams cimport OpenStreams
from fastcorn.protocols._priority cimport WriteQueue
from fastcorn.protocols._writer cimport FLUSH_BYTES, Writer

from fastcorn.protocols._priority import parse_priority


cdef extern from "socket.h":
    bint fc_socket_broken(int fd)


cdef enum:
    # Frames of one connection that are read in one turn before others get theirs.
    FRAMES_PER_TURN = 512
    # And as how many of them a request counts.
    FRAMES_A_REQUEST = 4
    # Requests of one read whose applications start together, if no RST_STREAM follows that may take one back: so few
    # that all that was made for them is still in the processor's cache.
    STARTED_TOGETHER = 8
    # Bytes that are read before the applications get theirs: libuv reads up to 32 times in a turn while there is more.
    READ_PER_TURN = 512 * 1024
    # Bytes of DATA that one connection writes in one turn.
    BYTES_PER_TURN = 512 * 1024
    # Fields of a refused request that cost as much as one frame that brings nothing.
    FIELDS_PER_FRAME = 8
    # PRIORITY_UPDATE frames for streams that are not open yet.
    EARLY_PRIORITIES = 128
    # Frames that bring nothing and that the last DATA pays for which there was to send: HAProxy opens both windows
    # again after each frame, of an event stream too. DATA that a window has cut pays by its bytes alone, or small
    # windows would be free.
    FRAMES_PER_MESSAGE = 2
    # The last stream of a GOAWAY that only announces another (RFC 9113 section 6.8).
    HIGHEST_STREAM = 0x7fffffff

# Seconds for the round trip between the two GOAWAY of a graceful end.
cdef double ROUND_TRIP_SECONDS = 1.0

cdef bytes PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
cdef bytes DRAIN_PING = b"fastcorn"
cdef bytes LIVE_PING = b"liveness"


cdef class H2Connection(StreamHost):
    """One socket that speaks HTTP/2; an asyncio protocol.

    Args:
        context: the `Context` of this worker.
        engine: fresh.
    """

    def __init__(self, Context context not None, HTTP2Engine engine not None):
        settings = context.settings
        self.context = context
        self.engine = engine
        self.buf = b""
        self.streams = OpenStreams.__new__(OpenStreams)
        self.starting = []
        self.abandoned = []
        self.held = []
        self.early_priorities = {}
        self.queue = WriteQueue()
        self.max_frame = settings.h2_max_inbound_frame_size
        self.max_streams = settings.h2_max_concurrent_streams
        self.stream_window = settings.h2_initial_stream_window
        self.receive_window = settings.h2_initial_connection_window
        self.max_window = max(settings.h2_max_window, self.receive_window, self.stream_window)
        self.ping_interval = settings.h2_ping_interval or 0
        self.ping_timeout = settings.h2_ping_timeout
        self.full_patience = self.patience = settings.h2_max_overhead_frames
        self.goaway_last = HIGHEST_STREAM

    def take_over(self, transport, Writer writer, bytes data, bint reading_paused=False, tls_extension=None):
        """Go on with a socket whose client speaks HTTP/2.

        Args:
            transport: its transport, whose protocol this connection is already.
            writer: what is still to be written.
            data: what has come, from the client's preface on.
            reading_paused: whether the transport was told not to read.
            tls_extension: the `tls` of scopes; None on a plain connection.
        """
        self.open(transport, writer, reading_paused, tls_extension)
        self.engine.start(&self.writer.out)
        self.begin(data)

    def take_over_upgraded(
        self, transport, Writer writer, bytes data, bint reading_paused, bytes settings, list fields
    ):
        """Go on after a 101 that has switched to HTTP/2 (RFC 7540 section 3.2), whose request is stream 1.

        Args:
            transport, writer, data, reading_paused: as for take_over().
            settings: the payload of the client's SETTINGS frame, valid.
            fields: the request as a field list of HTTP/2, pseudo-fields first.
        """
        cdef H2Stream stream
        self.open(transport, writer, reading_paused, None)
        self.engine.start_upgraded(&self.writer.out, settings)
        self.requests_served = 1
        stream = new_stream(self, 1, True)
        self.streams.add(stream)
        self.open_requests = 1
        self.take_head(stream, read_request(self.context, fields, False))
        if stream.head.error is not None:
            stream.refuse(stream.head.status or 400, stream.head.error)
        else:
            self.begin_exchange(stream)
        self.begin(data)

    cdef int open(self, object transport, Writer writer, bint reading_paused, object tls_extension) except -1:
        self.transport = transport
        self.writer = writer
        self.reading_paused = reading_paused
        self.tls_extension = tls_extension
        self.tls = transport.get_extra_info("sslcontext") is not None
        self.client = address(transport.get_extra_info("peername"))
        self.server = address(transport.get_extra_info("sockname"))
        self.heard = self.progress = self.context.now
        self.set_deadline(H2_START_DEADLINE, self.context.header_read_timeout)
        return self.writer.begin()

    cdef int begin(self, bytes data) except -1:
        self.frames_left = FRAMES_PER_TURN
        self.buf = data
        self.process()
        if self.context.draining:
            self.begin_drain()
        return 0

    # ---- called by the event loop ------------------------------------------------------------------------------------

    def connection_made(self, transport):
        """Not called: take_over() is."""

    def connection_lost(self, error):
        self.state = H2_CLOSED
        self.deadline_kind = H2_NO_DEADLINE
        self.transport = None
        self.writer.lost()
        self.buf = b""
        self.pos = 0
        self.drop_streams()
        self.context.remove_connection(self)

    @cython.binding(False)      # a plain method is called without a bound-method object
    def data_received(self, bytes data not None):
        if self.state >= H2_LINGER:
            return
        self.heard = self.context.now
        self.scanned = 0
        if self.pos == PyBytes_GET_SIZE(self.buf):
            self.buf = data
        else:
            self.join(data)
        self.pos = 0
        self.frames_left = FRAMES_PER_TURN
        self.turn_bytes += PyBytes_GET_SIZE(data)
        if self.turn_bytes >= READ_PER_TURN:
            self.turn_bytes = 0
            self.schedule_advance()     # which pauses reading until then
        self.process()

    def eof_received(self):
        """The client has shut its side: streams whose requests are complete are answered all the same."""
        self.eof = True
        for stream in self.streams.all():
            if not (<H2Stream>stream).request_ended:
                (<H2Stream>stream).drop()
        if self.state != H2_OPEN or self.streams.count == 0 or not self.transport.can_write_eof():
            self.close()
            return None
        return True

    def pause_writing(self):
        self.writer.paused = True

    def resume_writing(self):
        self.writer.resume()
        self.pump()
        if self.pos < PyBytes_GET_SIZE(self.buf):
            self.schedule_advance()
        else:
            self.update_reading()

    # ---- called by the context ---------------------------------------------------------------------------------------

    def check_deadlines(self):
        """Close or answer what is late; once a second."""
        cdef double now = self.context.now
        cdef H2Deadline kind = self.deadline_kind
        if self.transport is None:
            return
        earn(self, self.full_patience / 10)
        if self.writer.stalled() or self.eof and self.writer.socket >= 0 and fc_socket_broken(self.writer.socket):
            self.abort_transport()
            return
        if kind == H2_LINGER_DEADLINE:
            self.check_lingering(now)
        elif kind != H2_NO_DEADLINE and now >= self.deadline:
            self.deadline_kind = H2_NO_DEADLINE
            if kind == H2_START_DEADLINE:
                self.fail(FC_H2_PROTOCOL_ERROR, "the preface took too long")
            else:
                self.append_goaway(self.engine.last_stream_id, FC_H2_NO_ERROR, "idle")
                self.leave()
        if self.state == H2_OPEN:
            self.check_liveness(now)

    def begin_drain(self):
        """Let the streams end and take no new ones, in two steps (RFC 9113 section 6.8)."""
        if self.state >= H2_LINGER:
            return
        if not self.settings_seen:
            # A client that has just connected, and may have sent its first request: it gets a moment.
            self.set_deadline(H2_START_DEADLINE, TICK_SECONDS)
        else:
            for stream in self.streams.all():
                if (<H2Stream>stream).cycle is not None:
                    (<H2Stream>stream).cycle.feed_drain()
            self.begin_goaway()
            self.pump()

    def cut(self):
        """Close at once, dropping what was not written."""
        self.abort_transport()

    def flush_collected(self):
        """Write what was collected outside of a turn of our own."""
        self.flush_scheduled = False
        held, self.held = self.held, []
        for stream in held:
            if (<H2Stream>stream).head_held:
                (<H2Stream>stream).finish_head(-1, False)
        self.pump()

    def advance(self):
        """Go on with frames that are in the buffer already."""
        self.advance_scheduled = False
        if self.state < H2_LINGER:
            self.frames_left = FRAMES_PER_TURN
            self.process()

    # ---- reading -----------------------------------------------------------------------------------------------------

    cdef int process(self) except -1:
        """Use up the input, as far as fairness and a client that does not read allow."""
        if self.processing:
            return 0
        self.processing = True
        try:
            self.writer.begin()
            while self.state < H2_LINGER and not self.writer.paused:
                if self.pos == PyBytes_GET_SIZE(self.buf):
                    if self.following is None:
                        break
                    self.buf, self.following = self.following, None
                    self.pos = self.scanned = self.following_pos
                if self.state == H2_PREFACE:
                    if not self.read_preface():
                        break
                elif not self.read_frame():
                    break
                elif len(self.starting) >= STARTED_TOGETHER and not self.urgencies_differ and not self.reset_follows():
                    self.start_applications()
            if self.starting:
                self.start_applications()
        finally:
            self.processing = False
        if self.held:
            self.schedule_flush()       # one application has sent in the name of another
        if self.following is not None:
            self.buf = self.buf[self.pos:] + self.following[self.following_pos:]
            self.pos = self.scanned = 0
            self.following = None
        if self.state >= H2_LINGER:
            return 0
        if self.pos == PyBytes_GET_SIZE(self.buf):
            self.buf = b""
            self.pos = 0
        self.watch_input()
        # Without eager tasks the applications have yet to take their first steps, which end with a flush of all.
        self.pump()
        return self.update_reading()

    cdef bint reset_follows(self) noexcept:
        """Whether a RST_STREAM is in the input that is not read yet; each frame of it is looked at once."""
        cdef const unsigned char *data = <const unsigned char *>PyBytes_AS_STRING(self.buf)
        cdef Py_ssize_t pos = max(self.scanned, self.pos)
        cdef Py_ssize_t end = PyBytes_GET_SIZE(self.buf) - FC_FRAME2_HEADER
        while pos <= end and data[pos + 3] != FC_FRAME2_RST_STREAM:
            pos += FC_FRAME2_HEADER + (data[pos] << 16 | data[pos + 1] << 8 | data[pos + 2])
        self.scanned = pos
        return pos <= end

    cdef int join(self, bytes data) except -1:
        """Add to input that is not used up: to a frame that is not whole, only what it needs, to spare copies."""
        cdef Py_ssize_t have = PyBytes_GET_SIZE(self.buf) - self.pos
        cdef const unsigned char *head = <const unsigned char *>PyBytes_AS_STRING(self.buf) + self.pos
        cdef Py_ssize_t missing = 0
        if self.state == H2_OPEN and have >= FC_FRAME2_HEADER:
            missing = FC_FRAME2_HEADER + (head[0] << 16 | head[1] << 8 | head[2]) - have
        if 0 < missing < PyBytes_GET_SIZE(data):
            self.following = data
            self.following_pos = missing
            data = data[:missing]
        self.buf = self.buf[self.pos:] + data
        return 0

    cdef bint read_frame(self) except -1:
        """Take one frame. False = more bytes are needed, or other connections have their turn."""
        cdef bytes buf = self.buf
        cdef const char *data = PyBytes_AS_STRING(buf) + self.pos
        cdef fc_frame2 frame
        cdef int result = fc_frame2_parse(data, PyBytes_GET_SIZE(buf) - self.pos, self.max_frame, &frame)
        if result == FC_FRAME2_PARTIAL:
            return False
        if result == FC_FRAME2_CONNECTION_ERROR:
            self.fail(frame.error, frame.reason.decode("ascii"))
            return False
        if self.frames_left <= 0 and frame.type != FC_FRAME2_RST_STREAM:    # that may take back the request before it
            self.schedule_advance()
            return False
        self.frames_left -= 1
        if self.engine.continuing == 0:
            self.input_deadline = 0     # the next frame has its own
        self.pos += FC_FRAME2_HEADER + frame.length
        self.take_frame(result, data, &frame)
        return True

    cdef bint read_preface(self) except -1:
        """Take the client's preface (RFC 9113 section 3.4). False = more bytes are needed, or it is none."""
        cdef Py_ssize_t have = PyBytes_GET_SIZE(self.buf) - self.pos
        cdef Py_ssize_t whole = PyBytes_GET_SIZE(PREFACE)
        if memcmp(PyBytes_AS_STRING(self.buf) + self.pos, PyBytes_AS_STRING(PREFACE), min(have, whole)) != 0:
            self.fail(FC_H2_PROTOCOL_ERROR, "the connection does not begin with the preface of HTTP/2")
            return False
        if have < whole:
            return False
        self.pos += whole
        self.state = H2_OPEN
        return True

    cdef int watch_input(self) except -1:
        """A header block, or a frame that is no DATA, has to come within header_read_timeout."""
        cdef Py_ssize_t left = PyBytes_GET_SIZE(self.buf) - self.pos
        cdef bint waits = self.engine.continuing != 0 or (
            left > 0 and not self.advance_scheduled and not self.writer.paused
            and (left < 4 or PyBytes_AS_STRING(self.buf)[self.pos + 3] != FC_FRAME2_DATA)
        )
        if not waits or self.context.header_read_timeout == 0:
            self.input_deadline = 0
        elif self.input_deadline == 0:
            self.input_deadline = self.context.now + self.context.header_read_timeout + TICK_SECONDS
        return 0

    cdef int take_frame(self, int result, const char *data, fc_frame2 *frame) except -1:
        cdef int type = frame.type
        if self.engine.check_block(frame) != 0:
            return self.fail(self.engine.code, self.engine.reason)
        if not self.settings_seen:
            if type != FC_FRAME2_SETTINGS or frame.flags & FC_FLAG2_ACK:
                return self.fail(FC_H2_PROTOCOL_ERROR, "the first frame is not SETTINGS")
            self.settings_seen = True
            self.deadline_kind = H2_NO_DEADLINE
            if self.streams.count == 0:
                self.set_deadline(H2_IDLE_DEADLINE, self.context.keep_alive_timeout)
            if self.context.draining:
                self.begin_goaway()
        if result == FC_FRAME2_STREAM_ERROR:
            return self.take_stream_error(frame)
        if type == FC_FRAME2_HEADERS:
            pass
        elif type == FC_FRAME2_CONTINUATION:
            if frame.size < 1024 and not frame.flags & FC_FLAG2_END_HEADERS:
                self.charge(1)
        elif type == FC_FRAME2_DATA:
            if frame.size == 0 and not frame.flags & FC_FLAG2_ACK:      # END_STREAM has the same value
                self.charge(1)
        elif type == FC_FRAME2_RST_STREAM or type == FC_FRAME2_WINDOW_UPDATE:
            self.charge(1)
        elif type == FC_FRAME2_SETTINGS:
            self.charge(1 + frame.length // 64)
        else:
            return self.take_stateless(data, frame)
        return self.take_event(data, frame) if self.state == H2_OPEN else 0

    cdef int take_event(self, const char *data, fc_frame2 *frame) except -1:
        """Give a frame to the engine and do what its event asks for."""
        cdef HTTP2Engine engine = self.engine
        cdef int event = engine.receive(data, frame, &self.writer.out)
        if event == ENGINE_REQUEST:
            return self.start_request()
        if event == ENGINE_DATA:
            return self.take_data()
        if event == ENGINE_TRAILERS:
            stream = self.streams.find(engine.stream_id)
            if stream is not None:
                self.charge(<double>len(engine.headers) / FIELDS_PER_FRAME)
                error = check_trailers(engine.headers)
                if error is not None:
                    self.charge(1)
                    return (<H2Stream>stream).reset(FC_H2_PROTOCOL_ERROR)
                return (<H2Stream>stream).take_body(b"", 0, True)
        elif event == ENGINE_WINDOW:
            return self.take_window(engine.stream_id)
        elif event == ENGINE_SETTINGS:
            return self.take_window(0)
        elif event == ENGINE_RESET:
            return self.take_reset()
        elif event == ENGINE_STREAM_ERROR:
            self.charge(1)
            stream = self.streams.find(engine.stream_id)
            if stream is not None:
                self.context.error_log.debug("%s broke stream %d: %s", self.client, engine.stream_id, engine.reason)
                return (<H2Stream>stream).drop()
        elif event == ENGINE_CONNECTION_ERROR:
            return self.fail(engine.code, engine.reason)
        elif frame.type == FC_FRAME2_DATA:
            # For a stream that was reset. A client may not know that yet, but what it has on its way is frames of a
            # size.
            return self.charge(max(0.0, 1.0 - <double>frame.size / BYTES_PER_FRAME))
        return 0

    cdef int take_stateless(self, const char *data, fc_frame2 *frame) except -1:
        """A frame that no engine has to know of."""
        cdef int type = frame.type
        if type == FC_FRAME2_PING:
            if frame.flags & FC_FLAG2_ACK:
                if self.pong_deadline == 0 and self.drain_state != H2_ANNOUNCED:
                    self.charge(1)      # of a PING that was never sent
                self.pong_deadline = 0
                if self.drain_state == H2_ANNOUNCED and (data + frame.start)[:frame.size] == DRAIN_PING:
                    return self.finish_goaway()
                return 0
            self.charge(1)
            if self.state != H2_OPEN:
                return 0
            return self.append_frame(FC_FRAME2_PING, FC_FLAG2_ACK, 0, (data + frame.start)[:frame.size])
        if type == FC_FRAME2_GOAWAY:
            self.charge(1)
            self.peer_leaves = True
            return self.check_leaving()
        self.charge(1)
        if type == FC_FRAME2_PRIORITY_UPDATE:
            return self.take_priority(data, frame)
        return 0    # PRIORITY, which RFC 9113 has given up, and frames that we do not know

    cdef int take_stream_error(self, fc_frame2 *frame) except -1:
        """A frame that is wrong in a way that concerns its stream alone."""
        self.charge(1)
        stream = self.streams.find(frame.stream_id)
        if stream is not None:
            self.context.error_log.debug("%s broke stream %d: %s", self.client, frame.stream_id, frame.reason)
            return (<H2Stream>stream).reset(frame.error)
        if frame.stream_id > self.engine.last_stream_id:
            return self.fail(frame.error, frame.reason.decode("ascii"))
        return 0

    cdef int take_priority(self, const char *data, fc_frame2 *frame) except -1:
        """A PRIORITY_UPDATE (RFC 9218 section 7.1)."""
        cdef bytes value = (data + frame.start)[:frame.size]
        cdef uint32_t highest = self.engine.last_stream_id
        cdef H2Stream stream
        stream = self.streams.find(frame.value)
        if stream is not None:
            stream.urgency, stream.incremental = parse_priority(value)
            self.urgencies_differ = True
            if stream.queued:
                self.queue.update(stream.id, stream.urgency, stream.incremental)
        elif frame.value > highest and frame.value & 1:
            if len(self.early_priorities) >= EARLY_PRIORITIES and next(iter(self.early_priorities)) <= highest:
                self.early_priorities = {key: kept for key, kept in self.early_priorities.items() if key > highest}
            if len(self.early_priorities) < EARLY_PRIORITIES:
                self.early_priorities[frame.value] = parse_priority(value)
        return 0

    cdef int take_data(self) except -1:
        cdef HTTP2Engine engine = self.engine
        self.owed += engine.credit
        earn(self, <double>PyBytes_GET_SIZE(engine.data) / BYTES_PER_FRAME)
        stream = self.streams.find(engine.stream_id)
        if stream is not None:
            (<H2Stream>stream).take_body(engine.data, engine.credit, engine.end)
        return self.return_credit()

    cdef int take_reset(self) except -1:
        stream = self.streams.find(self.engine.stream_id)
        if stream is not None:
            (<H2Stream>stream).drop()
        return 0

    cdef int take_window(self, uint32_t stream_id) except -1:
        """More may be sent on a stream, 0 = on all."""
        if stream_id:
            found = self.streams.find(stream_id)
            if found is not None and (<H2Stream>found).blocked:
                (<H2Stream>found).enqueue()
            return 0
        # Those that wrote last come last, or the first of several incremental ones would get each small credit.
        for found in sorted([found for found in self.streams.all() if (<H2Stream>found).blocked], key=turn_of):
            (<H2Stream>found).enqueue()
        return 0

    cdef int charge(self, double cost) except -1:
        """A frame that brings nothing; a client that sends too many of them goes (CVE-2023-44487 and its like)."""
        self.patience -= cost
        if self.patience < 0 and self.state == H2_OPEN:
            self.fail(FC_H2_ENHANCE_YOUR_CALM, "too many frames that bring nothing")
        return 0

    cdef int charge_fields(self, Py_ssize_t count) except -1:
        """A request that is refused, with so many fields. Not 0 = the connection has failed."""
        self.frames_left -= <int>min(count, FRAMES_PER_TURN)    # others get their turn soon: fields take time
        self.charge(<double>count / FIELDS_PER_FRAME)
        return self.state != H2_OPEN

    cdef int schedule_advance(self) except -1:
        if not self.advance_scheduled:
            self.advance_scheduled = True
            # Not in the context of the application that may be running.
            self.context.loop.call_soon(self.advance, context=self.context.clean_context.copy())
        return 0

    cdef int update_reading(self) except -1:
        """Read nothing more while frames wait for their turn, or for a client that does not read."""
        cdef bint pause = self.writer.paused or self.advance_scheduled
        if self.transport is None or self.state >= H2_LINGER or pause == self.reading_paused:
            return 0
        self.reading_paused = pause
        if pause:
            self.transport.pause_reading()
            return 0
        self.heard = self.context.now   # what it has sent meanwhile was not read
        # asyncio runs later reads in the context of this call; it must not be an application's.
        self.context.clean_context.copy().run(self.transport.resume_reading)
        return 0

    # ---- streams -----------------------------------------------------------------------------------------------------

    cdef int start_request(self) except -1:
        cdef Context context = self.context
        cdef HTTP2Engine engine = self.engine
        cdef uint32_t stream_id = engine.stream_id
        cdef H2Stream stream
        if stream_id > self.goaway_last or self.is_crowded():
            if stream_id <= self.goaway_last:
                self.charge(1)
                if self.state != H2_OPEN:
                    return 0
            engine.append_reset(&self.writer.out, stream_id, FC_H2_REFUSED_STREAM)
            return engine.forget(stream_id)
        self.requests_served += 1
        self.frames_left -= FRAMES_A_REQUEST
        self.deadline_kind = H2_NO_DEADLINE
        stream = new_stream(self, stream_id, engine.end)
        self.streams.add(stream)
        self.open_requests += 1
        self.read_head(stream)
        if (engine.too_large or stream.head.error is not None) and self.charge_fields(len(engine.headers)) != 0:
            return 0
        if engine.too_large:
            stream.refuse(431, "the header fields are too large")
        elif stream.head.error is not None:
            context.error_log.debug("%s sent a bad request: %s", self.client, stream.head.error)
            if stream.head.status:
                stream.refuse(stream.head.status, stream.head.error)
            else:
                self.charge(1)
                stream.reset(FC_H2_PROTOCOL_ERROR)
        elif engine.end and stream.head.content_length > 0:
            self.charge(1)
            stream.reset(FC_H2_PROTOCOL_ERROR)
        else:
            self.begin_exchange(stream)
        if context.max_connection_requests and self.requests_served >= context.max_connection_requests:
            self.begin_goaway()
        return 0

    cdef int read_head(self, H2Stream stream) except -1:
        """Judge the fields that have come; those of a request that repeats an earlier one have been."""
        cdef HTTP2Engine engine = self.engine
        if engine.headers is self.repeated_fields:
            stream.head = self.repeated_head
            stream.scope = copy_scope(stream.head.scope)
            return 0
        self.take_head(stream, read_request(self.context, engine.headers, self.tls))
        if engine.repeated and stream.scope is not None:
            self.repeated_fields = engine.headers
            self.repeated_head = stream.head
            stream.head.scope = copy_scope(stream.scope)    # which no application sees
        return 0

    cdef int take_head(self, H2Stream stream, RequestHead head) except -1:
        stream.head = head
        stream.scope = head.scope
        if stream.scope is not None:
            stream.scope["client"] = self.client
            stream.scope["server"] = self.server
        return 0

    cdef bint is_crowded(self) except -1:
        """Whether the client has as many streams as it may, or applications still work for ones that were reset."""
        if self.open_requests + len(self.abandoned) < self.max_streams:
            return False
        self.forget_finished()
        return self.open_requests + len(self.abandoned) >= self.max_streams

    cdef int forget_finished(self) except -1:
        """Keep nothing of streams that were reset when their applications have ended."""
        if self.abandoned:
            self.abandoned = [cycle for cycle in self.abandoned if not (<Cycle>cycle).finished]
        return 0

    cdef int begin_exchange(self, H2Stream stream) except -1:
        """Give a valid request its turn among the others; its application starts when the input is used up."""
        cdef RequestHead head = stream.head
        priority = self.early_priorities.pop(stream.id, None) if self.early_priorities else None
        if priority is None and head.priority is not None:
            priority = parse_priority(head.priority)
        if priority is not None:
            stream.urgency, stream.incremental = priority
            self.urgencies_differ |= stream.urgency != DEFAULT_URGENCY
        elif head.protocol is not None:
            stream.incremental = True       # a WebSocket that never stops sending must not keep others from their turn
        return open_exchange(self, stream)

    cdef int start_applications(self) except -1:
        """Call the applications of requests that have come, the urgent ones first."""
        cdef H2Stream stream
        cdef Cycle cycle
        while self.starting:
            starting, self.starting = self.starting, []
            if self.urgencies_differ:
                self.urgencies_differ = False
                starting.sort(key=urgency_of)   # stable: in the order of arrival otherwise
            for item in starting:
                stream = <H2Stream>item
                cycle = stream.cycle
                if cycle is None or stream.closed:
                    continue
                stream.started = True
                if stream.handshake is not None:
                    (<WebSocketCycle>cycle).run()
                else:
                    cycle.start()
        return 0

    cdef int push(self, H2Stream parent, str path, list fields) except -1:
        """Promise a response and begin its exchange (RFC 9113 section 8.4); nothing if the client takes none."""
        cdef HTTP2Engine engine = self.engine
        cdef Py_ssize_t pushed = self.streams.count - self.open_requests
        cdef uint32_t stream_id
        cdef list request
        cdef H2Stream stream
        if parent.closed or parent.id & 1 == 0 or not engine.peer_push or self.peer_leaves:
            return 0
        if self.drain_state != H2_STAYS or pushed >= engine.peer_max_streams or pushed >= self.max_streams:
            return 0
        request = [
            (b":method", b"GET"),
            (b":scheme", b"https" if self.tls else b"http"),
            (b":authority", parent.head.authority),
            (b":path", path.encode("ascii")),
            *fields,
        ]
        self.writer.begin()
        stream_id = <uint32_t>engine.append_push(&self.writer.out, parent.id, request)
        if stream_id == 0:
            return 0
        stream = new_stream(self, stream_id, True)
        self.streams.add(stream)
        self.take_head(stream, read_request(self.context, request, self.tls))
        if stream.head.error is not None:
            return stream.reset(FC_H2_INTERNAL_ERROR)
        self.begin_exchange(stream)
        if not self.processing:
            self.schedule_advance()     # the application of the push is called in a turn of its own
        return 0

    cdef int close_stream(self, H2Stream stream) except -1:
        """The stream is over on both sides: nothing is kept of it."""
        if stream.closed:
            return 0
        stream.closed = True
        if stream.unread:
            self.unread -= stream.unread
            stream.unread = 0
            self.return_credit()        # which may have waited for just that
        if stream.queued:
            stream.queued = False
            self.queue.discard(stream.id)
        self.streams.remove(stream.id)
        if stream.tunnel is not None:
            stream.tunnel.finished()
            stream.tunnel = None
        if stream.id & 1:
            self.open_requests -= 1
        self.engine.forget(stream.id)
        if stream.waiters is not None:
            stream.resume()
        self.ended = self.context.now
        if self.streams.count or self.state != H2_OPEN:
            return 0
        if self.context.never_keep_alive:
            self.begin_goaway()
        self.set_deadline(H2_IDLE_DEADLINE, self.context.keep_alive_timeout)
        return self.check_leaving()

    cdef int return_credit(self) except -1:
        """Open the connection's window again. It holds back only a client whose streams leave very much unread."""
        cdef Py_ssize_t growth = 0
        if self.owed * 2 < self.receive_window or self.unread > self.max_window or self.state != H2_OPEN:
            return 0
        if self.receive_window < self.max_window:
            growth = min(self.receive_window, self.max_window - self.receive_window)
            self.receive_window += growth
        self.writer.begin()
        self.engine.append_window(&self.writer.out, 0, <uint32_t>(self.owed + growth))
        self.owed = 0
        return 0

    # ---- writing -----------------------------------------------------------------------------------------------------

    cdef int pump(self) except -1:
        """Write DATA of the streams whose turn it is, and all that is collected."""
        cdef Writer writer = self.writer
        cdef Py_ssize_t left = BYTES_PER_TURN
        cdef Py_ssize_t size
        cdef H2Stream stream
        if self.transport is None or self.state >= H2_LINGER:
            return 0
        if self.state == H2_PREFACE:
            return writer.flush()       # after a 101, curl has room for 32 KiB until it has sent its preface
        while PyDict_Size(self.queue.entries) and not writer.paused:
            if left <= 0:
                self.schedule_flush()
                break
            stream = <H2Stream>self.queue.take()
            stream.queued = False
            writer.begin()
            size = stream.write_frame()
            left -= size
            earn(self, <double>size / BYTES_PER_FRAME)
            if size and stream.pending == 0:
                earn(self, FRAMES_PER_MESSAGE)
            if not stream.closed:
                if stream.pending and not stream.blocked:
                    stream.enqueue()
                if stream.waiters is not None and stream.pending <= PENDING_LOW_WATER:
                    stream.resume()
                if size and stream.tunnel is not None:
                    stream.tunnel.sent()
            if writer.out.len >= FLUSH_BYTES:
                writer.flush()
        return writer.flush()

    cdef int step_ended(self) except -1:
        if self.processing:
            return 0
        # With several streams open others may have something to say in this turn: that is one write.
        return self.schedule_flush() if self.streams.count > 1 else self.pump()

    cdef int schedule_flush(self) except -1:
        if not self.flush_scheduled and not self.processing:
            self.flush_scheduled = True
            self.context.flush_soon(self)
        return 0

    cdef int append_frame(self, int type, int flags, uint32_t stream_id, bytes payload) except -1:
        cdef char head[9]
        cdef Py_ssize_t len = PyBytes_GET_SIZE(payload)
        self.writer.begin()
        fc_frame2_write_header(head, <uint32_t>len, <unsigned char>type, <unsigned char>flags, stream_id)
        output_append(&self.writer.out, head, 9)
        return output_append(&self.writer.out, PyBytes_AS_STRING(payload), len)

    cdef int append_goaway(self, uint32_t last_stream, uint32_t code, str reason) except -1:
        cdef bytes payload = last_stream.to_bytes(4, "big") + code.to_bytes(4, "big") + reason.encode("ascii")
        return self.append_frame(FC_FRAME2_GOAWAY, 0, 0, payload)

    # ---- deadlines ---------------------------------------------------------------------------------------------------

    cdef int set_deadline(self, H2Deadline kind, double seconds) except -1:
        """A deadline so many seconds from now; 0 = none. It may come late by one tick, never early."""
        self.deadline_kind = kind if seconds > 0 else H2_NO_DEADLINE
        self.deadline = self.context.now + seconds + TICK_SECONDS
        return 0

    cdef int check_liveness(self, double now) except -1:
        """What may be late while the connection is open."""
        if self.input_deadline and now >= self.input_deadline:
            return self.fail(FC_H2_ENHANCE_YOUR_CALM, "a frame or a header block took too long")
        if self.drain_state == H2_ANNOUNCED and now >= self.drain_deadline:
            self.finish_goaway()
        self.forget_finished()
        if self.streams.count == 0 or self.engine.window(0) > 0:
            self.progress = now     # nobody waits for the client to open the window of the connection
        for stream in self.streams.all():
            if not (<H2Stream>stream).closed:
                (<H2Stream>stream).check_deadlines(now)
        if self.state == H2_OPEN and self.ping_interval and self.streams.count and not self.reading_paused:
            if self.pong_deadline:
                if now >= self.pong_deadline and now - self.heard >= self.ping_timeout:
                    self.context.error_log.debug("%s does not answer a ping", self.client)
                    return self.abort_transport()
            elif now - self.heard >= self.ping_interval:
                self.append_frame(FC_FRAME2_PING, 0, 0, LIVE_PING)
                self.pong_deadline = now + self.ping_timeout + TICK_SECONDS
        return self.pump()

    # ---- the end -----------------------------------------------------------------------------------------------------

    cdef int fail(self, uint32_t code, str reason) except -1:
        """A mistake that ends the connection: say which (RFC 9113 section 5.4.1), and drop all streams."""
        if self.state >= H2_LINGER:
            return 0
        self.context.errors_total += 1
        self.context.error_log.debug("%s: the HTTP/2 connection ends with error %d: %s", self.client, code, reason)
        self.append_goaway(self.engine.last_stream_id, code, reason)
        return self.linger(LINGER_SECONDS, LINGER_SECONDS)

    cdef int begin_goaway(self) except -1:
        """The first step of a graceful end: a round trip, so that requests that cross it are served."""
        if self.drain_state != H2_STAYS or self.state != H2_OPEN:
            return 0
        self.drain_state = H2_ANNOUNCED
        self.drain_deadline = self.context.now + ROUND_TRIP_SECONDS
        self.append_goaway(HIGHEST_STREAM, FC_H2_NO_ERROR, "")
        return self.append_frame(FC_FRAME2_PING, 0, 0, DRAIN_PING)

    cdef int finish_goaway(self) except -1:
        """The second step: what was opened until now is served, nothing after it."""
        self.drain_state = H2_LEAVES
        self.goaway_last = self.engine.last_stream_id
        self.append_goaway(self.engine.last_stream_id, FC_H2_NO_ERROR, "")
        return self.check_leaving()

    cdef int check_leaving(self) except -1:
        """Close when no stream is left and none may come."""
        if self.streams.count or self.state != H2_OPEN:
            return 0
        if self.drain_state == H2_LEAVES or self.eof:
            return self.leave()
        if self.peer_leaves:
            self.append_goaway(self.engine.last_stream_id, FC_H2_NO_ERROR, "")
            return self.leave()
        return 0

    cdef int leave(self) except -1:
        """Close; but linger while the client may still be reading an answer.

        The windows that it opens as it reads come to a closed socket then, whose kernel answers with a reset and throws
        away the rest.
        """
        if self.writer.unsent() or self.context.now - self.ended < TICK_SECONDS:
            return self.linger(self.context.write_timeout or INFINITY, TICK_SECONDS)
        return self.close()

    cdef int drop_streams(self) except -1:
        self.starting = []
        for stream in self.streams.all():
            (<H2Stream>stream).drop()
        return 0

    cdef int close(self) except -1:
        """Close when all that was written has left."""
        if self.state != H2_CLOSED:
            self.state = H2_CLOSED
            self.deadline_kind = H2_NO_DEADLINE
            self.pos = PyBytes_GET_SIZE(self.buf)
            self.drop_streams()
            if self.transport is not None:
                self.writer.flush()
                self.writer.close()
        return 0

    cdef int linger(self, double stall, double grace) except -1:
        """Shut our side and drop what comes: closing at once could destroy what is on its way.

        It lasts until the client closes, or has taken nothing of what is left for `stall` seconds, or has had all for
        `grace` seconds.
        """
        if self.state >= H2_LINGER or self.transport is None:
            return 0
        self.pos = PyBytes_GET_SIZE(self.buf)
        if self.eof or not self.transport.can_write_eof():
            return self.close()
        self.state = H2_LINGER
        self.drop_streams()
        self.writer.flush()
        self.stall = stall
        self.grace = grace
        self.unsent = self.writer.unsent()
        self.set_deadline(H2_LINGER_DEADLINE, stall if self.unsent else grace)
        reading_paused, self.reading_paused = self.reading_paused, False
        return self.writer.shut(reading_paused)

    cdef int check_lingering(self, double now) except -1:
        """Cut the connection of a client that takes nothing more, or that has all."""
        cdef Py_ssize_t left = self.writer.unsent()
        if left < self.unsent:
            self.deadline = now + (self.stall if left else self.grace)
            self.unsent = left
        return self.abort_transport() if now >= self.deadline else 0

    cdef int abort_transport(self) except -1:
        if self.transport is not None:
            self.state = H2_CLOSED
            self.deadline_kind = H2_NO_DEADLINE
            self.writer.abort()
        return 0


def urgency_of(stream):
    return (<H2Stream>stream).urgency


def turn_of(stream):
    return (<H2Stream>stream).turn
