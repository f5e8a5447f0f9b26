# SPDX-License-Identifier: MIT
"""H2Stream: one exchange of an HTTP/2 connection, as its cycle and its connection see it.

Longer: this file - the request and the response of an exchange move one state.

H2Connection (`_http2`) makes it for a request that has come or that is pushed, gives it the DATA of the body and says
when it may write; the cycle answers through the Stream methods. It calls the engine to write frames, and of its
connection what `StreamHost` declares: nothing that goes wrong here touches another stream.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.dict cimport PyDict_Size
from libc.stdint cimport int64_t, uint32_t

from fastcorn.asgi._context cimport Context
from fastcorn.asgi._cycle cimport NOT_STARTED, HTTPCycle
from fastcorn.asgi._run cimport Cycle
from fastcorn.asgi._waiters cimport wake_all
from fastcorn.protocols._deadlines cimport LINGER_SECONDS, RATE_GRACE_SECONDS, TICK_SECONDS
from fastcorn.protocols._http2_engine cimport (
    FC_H2_CANCEL, FC_H2_INTERNAL_ERROR, FC_H2_NO_ERROR, FC_H2_PROTOCOL_ERROR, HTTP2Engine,
)
from fastcorn.protocols._http2_fields cimport ResponseFacts, push_fields, response_fields
from fastcorn.protocols._http2_websocket cimport StreamCarrier, StreamTransport, accept
from fastcorn.protocols._response_head cimport ResponseHead, length_pair, response_head, status_pair
from fastcorn.protocols._writer cimport FLUSH_BYTES

from fastcorn.protocols import sendfile


cdef enum:
    # Bytes of one DATA frame, whatever the client takes: a longer one would hold up the other streams.
    DATA_FRAME = 16 * 1024
    # Bytes that a stream writes at its turn when no other waits, if they are frames of that length.
    LONE_DATA = 64 * 1024
    # Parts of a body that are smaller are joined to fill a frame.
    SMALL_PART = 4 * 1024
    # Body bytes that wait on a stream before the application has to; PENDING_LOW_WATER let it go on.
    PENDING_HIGH_WATER = 64 * 1024
    # Frames that bring nothing and that an exchange pays for which has come to its end.
    FRAMES_PER_EXCHANGE = 2
    # The rest of a request body that is thrown away when the response has left; a longer one is reset.
    DISCARD_BYTES = 64 * 1024
    # Bytes a second that a client has to let out of an answer that waits for its windows; write_timeout is how late it
    # may be. One that opens them byte by byte would keep a stream, and its application, for ever. Modems took more.
    DRAIN_RATE = 64

cdef tuple PLAIN_TEXT = (b"content-type", b"text/plain; charset=utf-8")


cdef class StreamHost:
    """What an H2Stream asks of its connection (see `_http2_stream.pxd`)."""

    cdef int pump(self) except -1:
        raise NotImplementedError

    cdef int step_ended(self) except -1:
        raise NotImplementedError

    cdef int schedule_flush(self) except -1:
        raise NotImplementedError

    cdef int charge(self, double cost) except -1:
        raise NotImplementedError

    cdef int return_credit(self) except -1:
        raise NotImplementedError

    cdef int close_stream(self, H2Stream stream) except -1:
        raise NotImplementedError

    cdef int push(self, H2Stream parent, str path, list fields) except -1:
        raise NotImplementedError


@cython.final
cdef class H2Stream(StreamCarrier):
    """One exchange of an H2Connection, as the cycle sees it."""

    # ---- the response: called by the cycle ---------------------------------------------------------------------------

    cdef int send_head(self, int status, object headers, bint trailers) except -1:
        self.response = response_head(self.host.context, headers, status)
        self.status = status
        self.response_length = self.response.facts.content_length
        self.bodiless = self.head.head_request or status == 204 or status == 304
        self.announced_trailers = trailers
        self.head_held = True
        if not self.cycle.running:
            # Sent by another task than the request's own: no end of a step will flush it.
            self.host.held.append(self)
            self.host.schedule_flush()
        return 0

    cdef int finish_head(self, int64_t length, bint end) except -1:
        """Write the head; `length` is the body's if it is known, else -1."""
        cdef StreamHost host = self.host
        cdef ResponseHead response = self.response
        self.head_held = False
        self.response = None
        if self.response_length >= 0 or self.bodiless:
            length = -1
        return self.answer(0, response.complete_fields(host.context, length, host.tls), end)

    cdef int answer(self, int status, list fields, bint end) except -1:
        """Write a HEADERS frame now; `status` 0 = it is in `fields`."""
        cdef StreamHost host = self.host
        if self.closed or host.transport is None:
            return 0
        if status:
            fields = [status_pair(status), *fields]
        host.writer.begin()
        host.engine.append_headers(&host.writer.out, self.id, fields, end)
        return self.end_sent() if end else 0

    cdef int send_body(self, bytes data, bint end) except -1:
        cdef Py_ssize_t len = PyBytes_GET_SIZE(data)
        if self.closed:
            return 0
        end = end and not self.announced_trailers
        if self.head_held:
            if end and (len == 0 or self.bodiless):
                return self.finish_head(len, True)
            self.finish_head(len if end else -1, False)
        if len and not self.bodiless:
            if self.pending == 0 and end and self.may_write_now(len):
                return self.write_whole(data)
            self.add_part(data)
            self.produced += len
        self.end_queued = end
        return self.enqueue() if self.pending or end else 0

    cdef bint may_write_now(self, Py_ssize_t len) except -1:
        """Whether the rest of the body, so long, can leave in one frame, past the queue in which nobody waits."""
        cdef StreamHost host = self.host
        return (
            not self.queued and self.trailers is None and self.tunnel is None and len <= DATA_FRAME
            and PyDict_Size(host.queue.entries) == 0 and host.state == H2_OPEN
            and host.transport is not None and not host.writer.paused
            and host.writer.out.len + len < FLUSH_BYTES and host.engine.window(self.id) >= len
        )

    cdef int write_whole(self, bytes data) except -1:
        """Write what may_write_now(), and the end of the stream."""
        cdef StreamHost host = self.host
        cdef Py_ssize_t len = PyBytes_GET_SIZE(data)
        host.writer.begin()
        host.engine.append_data(&host.writer.out, self.id, PyBytes_AS_STRING(data), len, True)
        self.produced += len
        earn(host, <double>len / BYTES_PER_FRAME)
        return self.end_sent()

    cdef int add_part(self, bytes data) except -1:
        if self.pending == 0:
            self.progress = self.host.context.now
        if self.parts is None:
            self.parts = [data]
        else:
            self.parts.append(data)
        self.pending += PyBytes_GET_SIZE(data)
        return 0

    cdef int send_trailers(self, object headers, bint end) except -1:
        """Trailer fields go out only to a client that asked for them (RFC 9110 section 6.5.1); others are dropped."""
        cdef ResponseFacts facts
        cdef list fields = response_fields(headers, 0, &facts)
        if self.closed:
            return 0
        if self.head_held:
            self.finish_head(-1, False)
        if self.head.te_trailers and fields and not self.bodiless:
            self.trailers = fields if self.trailers is None else self.trailers + fields
        if end:
            self.end_queued = True
            self.enqueue()
        return 0

    cdef int send_info(self, int status, object headers) except -1:
        cdef ResponseFacts facts
        cdef list fields = response_fields(headers, status, &facts)
        if self.head_held or self.status == 0:
            self.answer(status, fields, False)
            self.host.pump()
        return 0

    cdef int send_push(self, str path, object headers) except -1:
        return self.host.push(self, path, push_fields(headers))

    cdef object send_file(self, object file, object offset, object count, bint end):
        return sendfile.send_file(self, file, offset, count, end)

    cdef object drain(self):
        """None, or a Future that is done when little is pending or the stream is over."""
        if self.pending <= PENDING_HIGH_WATER or self.closed:
            return None
        future = self.host.context.loop.create_future()
        if self.waiters is None:
            self.waiters = [future]
        else:
            self.waiters.append(future)
        return future

    cdef int resume(self) except -1:
        waiters, self.waiters = self.waiters, None
        return wake_all(waiters)

    cdef int step_ended(self) except -1:
        """The application has suspended or ended, or a task of its own has sent something."""
        if self.head_held:
            self.finish_head(-1, False)
        return self.host.step_ended()

    cdef int exchange_ended(self) except -1:
        """The response is complete; what is pending of it still has to leave."""
        self.cycle = None
        self.drop_tunnel()
        if self.unread:
            self.credit(self.unread)
        return 0

    cdef int drop_tunnel(self) except -1:
        """A WebSocket was refused: what is left is a response like any other."""
        tunnel, self.tunnel = self.tunnel, None
        return 0 if tunnel is None else (<StreamTransport>tunnel).refused()

    cdef int abort(self) except -1:
        """Reset the stream behind what windows let out at once, so that the client sees that the response was cut."""
        self.head_held = False
        self.end_queued = False
        self.cycle = None
        self.drop_tunnel()
        if self.pending:
            self.host.pump()
        return self.reset(FC_H2_INTERNAL_ERROR)

    # ---- for sendfile.py ---------------------------------------------------------------------------------------------

    def begin_file(self, count):
        """Finish the head for a file that is the rest of the body; `count` is its length in bytes, None = unknown.

        Returns:
            -1: the kernel cannot copy a file into frames.
        """
        if self.head_held:
            if count is None or self.announced_trailers:
                count = -1
            self.finish_head(count, False)
            if self.response_length < 0:
                self.response_length = count
        return -1

    def write_part(self, bytes data, bint end):
        """Write a part of the body; `end` ends it. Nothing is written once the stream is over."""
        if not self.lost:
            # A file that turns out shorter than the content-length has no end: the cycle resets the stream.
            end = end and (self.bodiless or self.produced + PyBytes_GET_SIZE(data) >= self.response_length)
            self.send_body(data, end)
            self.host.step_ended()

    def hold_writes(self, bint hold):
        """What is pending is bounded by writable() already."""

    def writable(self):
        """None, or a Future that is done when more may be written; or when the stream is over."""
        return self.drain()

    @property
    def lost(self):
        return self.closed or self.host.transport is None

    # ---- the response: called by the connection ----------------------------------------------------------------------

    cdef int enqueue(self) except -1:
        """Write when it is this stream's turn."""
        cdef StreamHost host = self.host
        if not self.queued and not self.closed:
            self.queued = True
            self.blocked = False
            host.queue.add(self.id, self, self.urgency, self.incremental)
        return 0

    cdef Py_ssize_t write_frame(self) except -1:
        """Write a turn's DATA, or what ends the stream; `blocked` may be set. Returns the bytes of body that left."""
        cdef StreamHost host = self.host
        cdef HTTP2Engine engine = host.engine
        cdef Py_ssize_t size = 0
        cdef Py_ssize_t allowed
        cdef bytes part
        cdef bint last, alone
        if self.pending:
            part = self.first_part()
            size = PyBytes_GET_SIZE(part) - self.part_start
            alone = PyDict_Size(host.queue.entries) == 0 and engine.peer_frame_size == DATA_FRAME
            allowed = min(engine.window(self.id), LONE_DATA if alone else DATA_FRAME)
            if allowed <= 0:
                self.blocked = True
                return 0
            size = min(size, allowed)
            last = self.end_queued and size == self.pending and self.trailers is None
            engine.append_data(
                &host.writer.out, self.id, PyBytes_AS_STRING(part) + self.part_start, size, last
            )
            self.pending -= size
            self.part_start += size
            self.note_drain(size)
            host.turns += 1
            self.turn = host.turns
            if self.part_start == PyBytes_GET_SIZE(part):
                self.part_start = 0
                del self.parts[0]
            if last:
                self.end_sent()
                return size
        if self.end_queued and self.pending == 0:
            if self.trailers is not None:
                engine.append_headers(&host.writer.out, self.id, self.trailers, True)
            else:
                engine.append_data(&host.writer.out, self.id, NULL, 0, True)
            self.end_sent()
        return size

    cdef bytes first_part(self):
        """parts[0], joined with the next ones when they are small."""
        cdef bytes part = self.parts[0]
        cdef Py_ssize_t size, count
        if PyBytes_GET_SIZE(part) > SMALL_PART or len(self.parts) == 1 or self.part_start:
            return part
        size = count = 0
        for part in self.parts:
            if size >= DATA_FRAME:
                break
            size += PyBytes_GET_SIZE(part)
            count += 1
        part = b"".join(self.parts[:count])
        self.parts[:count] = [part]
        return part

    cdef int end_sent(self) except -1:
        """END_STREAM has left. A request that has not ended hears that no more is wanted (RFC 9113 section 8.1)."""
        cdef StreamHost host = self.host
        cdef int64_t left = self.head.content_length - self.received
        self.ended = True
        earn(host, FRAMES_PER_EXCHANGE)
        if self.request_ended:
            return host.close_stream(self)
        if self.tunnel is not None:
            return 0        # a WebSocket's side ends alone
        if self.head.content_length >= 0 and left <= DISCARD_BYTES and not self.continue_owed:
            # It is on its way, and there are clients that take a reset for the failure of the whole exchange.
            self.body_deadline = host.context.now + LINGER_SECONDS + TICK_SECONDS
            return 0
        host.engine.append_reset(&host.writer.out, self.id, FC_H2_NO_ERROR)
        return host.close_stream(self)

    cdef int refuse(self, int status, str text, list fields=None, bint recorded=False) except -1:
        """Answer without the application; `recorded` = the access log has it already."""
        cdef StreamHost host = self.host
        cdef Context context = host.context
        cdef bytes body = f"{status} {text}\n".encode("ascii")
        cdef list head = [PLAIN_TEXT, length_pair(PyBytes_GET_SIZE(body))]
        cdef bint bodiless = self.head is not None and self.head.head_request
        context.errors_total += status >= 400
        if not recorded and self.scope is not None:
            context.log_access(self.scope, status, [], 0 if bodiless else PyBytes_GET_SIZE(body), 0.0)
        if fields is not None:
            head += fields
        head += context.default_pairs
        if host.tls:
            head += context.hsts_pairs
        self.status = status
        self.answer(status, head, bodiless)
        if not bodiless:
            self.add_part(body)
            self.end_queued = True
            self.enqueue()
        return 0

    # ---- the request -------------------------------------------------------------------------------------------------

    cdef int want_body(self) except -1:
        """The application has taken all that came: the client may send as much again."""
        cdef StreamHost host = self.host
        if self.continue_owed and not self.request_ended and self.status == 0:
            self.continue_owed = False
            self.answer(100, [], False)
            host.pump()
        if self.unread:
            self.credit(self.unread)
        return 0

    cdef int credit(self, Py_ssize_t count) except -1:
        """So many flow-controlled bytes have been used up."""
        cdef StreamHost host = self.host
        cdef Py_ssize_t growth = 0
        count = min(count, self.unread)
        if (self.unread + self.owed) * 4 >= self.receive_window * 3:
            # The client could send little or nothing until now; that is not its slowness.
            self.rate_started = host.context.now
            self.rate_base = self.received
        self.unread -= count
        host.unread -= count
        self.owed += count
        if not self.closed and not self.request_ended and self.owed * 2 >= self.receive_window:
            if self.awaited and self.receive_window < host.max_window:
                # Used up as fast as it comes: the next round trip may bring twice as much. Behind an application that
                # is the slower one a larger window would only be memory.
                growth = min(self.receive_window, host.max_window - self.receive_window)
                self.receive_window += growth
            host.writer.begin()
            host.engine.append_window(&host.writer.out, self.id, <uint32_t>(self.owed + growth))
            self.owed = 0
            self.awaited = False
        return host.return_credit()

    cdef bint is_awaited(self) except -1:
        """Whether the application is ready for what comes next."""
        if self.tunnel is not None:
            return not self.tunnel.reading_paused
        return self.cycle is not None and (<HTTPCycle>self.cycle).waiters is not None

    cdef int take_body(self, bytes data, Py_ssize_t credit, bint end) except -1:
        """DATA has come; `credit` counts its padding too."""
        cdef StreamHost host = self.host
        cdef Context context = host.context
        self.received += PyBytes_GET_SIZE(data)
        if self.unread == 0 and self.is_awaited():
            self.awaited = True
        self.unread += credit
        host.unread += credit
        if end:
            self.request_ended = True
            self.body_deadline = 0
        if self.tunnel is not None:
            self.tunnel.feed(data, credit, end)
            return host.close_stream(self) if end and self.ended else 0
        if self.head.content_length >= 0 and (
            self.received > self.head.content_length or (end and self.received != self.head.content_length)
        ):
            # RFC 9113 section 8.1.1: malformed.
            host.charge(1)
            return self.reset(FC_H2_PROTOCOL_ERROR)
        if self.cycle is None:
            self.credit(credit)
            return host.close_stream(self) if self.ended and end else 0
        if context.max_body and self.received > context.max_body:
            return self.refuse_body(413, "the body is too large")
        (<HTTPCycle>self.cycle).feed_body(data, end)
        return 0

    cdef int refuse_body(self, int status, str text) except -1:
        """The body is not wanted any more: answer so if nothing was answered yet, and tell the application."""
        cdef StreamHost host = self.host
        cdef HTTPCycle cycle = <HTTPCycle>self.cycle
        cdef bint begun = cycle is not None and cycle.state != NOT_STARTED
        host.charge(1)
        self.cycle = None
        self.body_deadline = 0
        if self.unread:
            self.credit(self.unread)
        if cycle is not None:
            cycle.status = 0 if begun else status
            if self.started:
                if not cycle.finished:
                    host.abandoned.append(cycle)
                cycle.feed_disconnect()
        if begun or cycle is None:
            return self.reset(FC_H2_CANCEL)
        self.head_held = False
        return self.refuse(status, text, None, self.started)

    cdef object accept_websocket(self, str subprotocol, list headers):
        websocket = accept(self, self.handshake, subprotocol, headers)
        self.cycle = None
        if self.head_held:
            self.finish_head(-1, False)
        self.host.step_ended()
        return websocket

    # ---- the end -----------------------------------------------------------------------------------------------------

    cdef int reset(self, uint32_t code) except -1:
        """RST_STREAM; all that is pending is dropped."""
        cdef StreamHost host = self.host
        if self.closed:
            return 0
        if host.transport is not None and host.state < H2_LINGER:
            host.writer.begin()
            host.engine.append_reset(&host.writer.out, self.id, code)
            host.schedule_flush()
        return self.drop()

    cdef int drop(self) except -1:
        """The stream is over before its time: the cycle and those who wait hear of it."""
        cdef StreamHost host = self.host
        cdef Cycle cycle = self.cycle
        self.parts = None
        self.pending = 0
        self.head_held = False
        self.cycle = None
        tunnel, self.tunnel = self.tunnel, None
        host.close_stream(self)
        if tunnel is not None:
            cycle = (<StreamTransport>tunnel).cycle
        if cycle is not None and self.started and not cycle.finished:
            host.abandoned.append(cycle)
        if tunnel is not None:
            (<StreamTransport>tunnel).lost() if self.started else (<StreamTransport>tunnel).refused()
        elif cycle is not None and self.started:
            cycle.feed_disconnect()
        if cycle is not None and not self.started:
            host.context.log_access(self.scope, None, [], 0, 0.0)
        return self.resume()

    cdef int check_deadlines(self, double now) except -1:
        cdef Context context = self.host.context
        cdef double elapsed
        if self.pending and context.write_timeout > 0 and self.is_stalled(now):
            context.error_log.debug("%s takes nothing on stream %d", self.host.client, self.id)
            return self.reset(FC_H2_CANCEL)
        if self.ended and self.body_deadline and now >= self.body_deadline:
            return self.reset(FC_H2_NO_ERROR)
        if self.request_ended or self.cycle is None or self.tunnel is not None or not self.started:
            return 0
        if self.body_deadline and now >= self.body_deadline:
            return self.refuse_body(408, "the body took too long")
        if self.host.unread > self.host.max_window:
            # The client has no window of the connection: what others leave unread is not its slowness.
            self.rate_started = now
            self.rate_base = self.received
        elif context.body_min_rate > 0 and self.unread == 0:
            elapsed = now - self.rate_started
            if elapsed >= RATE_GRACE_SECONDS and self.received - self.rate_base < elapsed * context.body_min_rate:
                return self.refuse_body(408, "the body comes too slowly")
        return 0

    cdef int note_drain(self, Py_ssize_t size) except -1:
        """So many pending bytes have left: they pay for some seconds."""
        cdef StreamHost host = self.host
        cdef double seconds = <double>size / DRAIN_RATE
        self.progress = min(self.progress + seconds, host.context.now)
        host.progress = min(host.progress + seconds, host.context.now)
        return 0

    cdef bint is_stalled(self, double now) except -1:
        """Whether the client has kept a window shut, or nearly so, for write_timeout; asked at each tick."""
        cdef StreamHost host = self.host
        if not self.blocked:
            self.progress = now     # it waits for its turn, or for the socket, which has a deadline of its own
        elif host.engine.window(0) <= 0:
            # The window of the connection: others have used it, and the client takes what they send.
            self.progress = max(self.progress, host.progress)
        return now - self.progress >= host.context.write_timeout + TICK_SECONDS


cdef H2Stream new_stream(StreamHost host, uint32_t stream_id, bint request_ended):
    cdef H2Stream stream = H2Stream.__new__(H2Stream)
    stream.host = host
    stream.id = stream_id
    stream.request_ended = request_ended
    stream.receive_window = host.stream_window
    stream.urgency = DEFAULT_URGENCY
    stream.response_length = -1
    return stream
