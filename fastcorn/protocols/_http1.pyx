# SPDX-License-Identifier: MIT
"""H1Connection: one socket that speaks HTTP/1.0 and 1.1 (RFC 9112), from bytes to cycles and back.

The event loop calls the asyncio.Protocol methods; csrc/head.c and csrc/chunked.c parse; HTTPCycle runs the application
and answers through the Stream methods.

Longer: this file - reading requests and writing responses move the one state of a connection.

Output is collected by `Writer` and leaves when the application suspends or the input is used up: a response's head and
body, or the responses to many pipelined requests, are one write.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.dict cimport PyDict_Copy
from libc.stdint cimport int32_t, int64_t, uint64_t
from libc.string cimport memcpy, memmove, memset

from fastcorn.asgi._context cimport Context
from fastcorn.asgi._cycle cimport NOT_STARTED, HTTPCycle, new_cycle
from fastcorn.asgi._run cimport Cycle
from fastcorn.protocols._address cimport address
from fastcorn.protocols._deadlines cimport LINGER_SECONDS, RATE_GRACE_SECONDS, TICK_SECONDS
from fastcorn.protocols._headers cimport (
    HeadFacts, ascii_text, build_headers, decode_path, encode_fields, status_line,
)
from fastcorn.protocols._output cimport output_append
from fastcorn.protocols._writer cimport FLUSH_BYTES, new_writer

from fastcorn.protocols import sendfile


cdef extern from "socket.h":
    bint FC_CAN_SEND
    bint fc_socket_readable(int fd)
    void fc_socket_probe_peer(int fd)
    bint fc_socket_broken(int fd)
    void fc_socket_reset_on_close(int fd)


cdef enum:
    # Requests answered in one turn before other connections get theirs.
    REQUESTS_PER_TURN = 32
    # From here on a body is written from where it is instead of being copied behind its head.
    GATHER_BYTES = 16 * 1024
    # Body bytes held for an application that does not receive them before reading is paused.
    BODY_HIGH_WATER = 64 * 1024
    # Bytes of later requests held while a response is awaited before reading is paused.
    PIPELINE_HIGH_WATER = 64 * 1024
    # An unread body of at most this many bytes is thrown away to keep the connection; for a longer one it is closed.
    DISCARD_BYTES = 64 * 1024

# By enum fc_method.
cdef list METHODS = [None, "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"]
cdef bytes CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


cdef class H1Connection(Stream):
    """One HTTP/1 connection; an asyncio protocol.

    Args:
        context: the `Context` of this worker.
    """

    def __init__(self, Context context not None):
        self.context = context
        self.writer = new_writer(context)
        self.buf = b""

    # ---- called by the event loop ----------------------------------------------------------------------------------

    def connection_made(self, transport):
        self.transport = self.writer.transport = transport
        self.tls = transport.get_extra_info("sslcontext") is not None
        self.client = address(transport.get_extra_info("peername"))
        self.server = address(transport.get_extra_info("sockname"))
        connected = transport.get_extra_info("socket")
        if FC_CAN_SEND and connected is not None:
            self.writer.socket = connected.fileno()
            if not self.tls:
                self.writer.fd = self.writer.socket
        self.set_deadline(HEAD_DEADLINE, self.context.header_read_timeout)
        self.context.add_connection(self)
        if self.tls and self.context.http2_factory is not None and has_agreed_on_http2(transport):
            self.become_http2(b"")
        elif self.context.draining:
            self.begin_drain()

    def connection_lost(self, error):
        self.state = CLOSED
        self.deadline_kind = NO_DEADLINE
        self.head_held = False
        self.transport = None
        self.writer.lost()
        self.buf = b""
        self.pos = 0
        cycle, self.cycle = self.cycle, None
        self.responding = False
        if cycle is not None:
            (<Cycle>cycle).feed_disconnect()
        self.context.remove_connection(self)

    @cython.binding(False)      # a plain method is called without a bound-method object
    def data_received(self, bytes data not None):
        if self.state >= LINGER:
            return
        if self.pos == PyBytes_GET_SIZE(self.buf):
            self.buf = data
        else:
            self.buf = self.buf[self.pos:] + data
        self.pos = 0
        self.process()

    def eof_received(self):
        """The client has shut its side: after a complete request that is no reason not to answer it."""
        self.eof = True
        if self.handshake is None and (
            self.state == AWAIT_RESPONSE
            or self.pos < PyBytes_GET_SIZE(self.buf) and self.state == READ_HEAD and (
                self.advance_scheduled or self.writer.paused
            )
        ):
            # The loop reads no more, so it would not notice that the client has gone altogether: we look each second.
            if self.writer.socket >= 0:
                fc_socket_probe_peer(self.writer.socket)
            return self.transport.can_write_eof()       # TLS of a loop cannot: it closes now
        if (self.state == READ_BODY or self.handshake is not None) and self.cycle is not None:
            cycle, self.cycle = self.cycle, None
            self.responding = False
            (<Cycle>cycle).feed_disconnect()
        self.flush()
        self.close()
        return None

    def pause_writing(self):
        self.writer.paused = True

    def resume_writing(self):
        self.writer.resume()
        if self.state == READ_HEAD and self.pos < PyBytes_GET_SIZE(self.buf):
            self.schedule_advance()

    # ---- called by the context -------------------------------------------------------------------------------------

    def check_deadlines(self):
        """Close or answer what is late; once a second."""
        cdef double now = self.context.now
        if self.transport is None:
            return
        if self.writer.stalled() or self.eof and self.writer.socket >= 0 and fc_socket_broken(self.writer.socket):
            self.abort_transport()
        elif self.deadline_kind != NO_DEADLINE and now >= self.deadline:
            self.deadline_passed()
        elif self.state == READ_BODY and self.context.body_min_rate > 0 and not self.reading_paused:
            self.check_rate(now)

    def begin_drain(self):
        """Close an idle connection now; a busy one closes after the response it is at."""
        if self.cycle is not None:
            self.cycle.feed_drain()
        if self.state != READ_HEAD or self.responding or self.pos < PyBytes_GET_SIZE(self.buf):
            return
        # A request may have reached the socket and not us yet: it was sent to a server that was there, so it is served.
        if self.writer.socket >= 0 and fc_socket_readable(self.writer.socket):
            return
        if self.requests_served == 0 and self.deadline_kind == HEAD_DEADLINE:
            self.deadline = self.context.now + TICK_SECONDS
            return
        self.flush()    # an application that stops the server after its answer has not suspended since
        self.close()

    def cut(self):
        """Close at once, dropping what was not written."""
        self.abort_transport()

    def advance(self):
        """Go on with requests that are in the buffer already."""
        self.advance_scheduled = False
        if self.state < LINGER:
            self.process()

    # ---- reading ---------------------------------------------------------------------------------------------------

    cdef int process(self) except -1:
        """Use up the input, as far as responses and fairness allow."""
        cdef int budget = REQUESTS_PER_TURN
        cdef bint go_on = True
        if self.processing:
            return 0
        self.processing = True
        try:
            while go_on and self.pos < PyBytes_GET_SIZE(self.buf):
                if self.state == READ_HEAD:
                    if self.writer.paused:
                        break
                    if budget == 0:
                        self.schedule_advance()
                        break
                    budget -= 1
                    go_on = self.read_head()
                elif self.state == READ_BODY:
                    go_on = self.read_body()
                else:
                    break
        finally:
            self.processing = False
        if self.pos == PyBytes_GET_SIZE(self.buf) and self.pos:
            self.buf = b""
            self.pos = 0
        if self.state == READ_HEAD and self.eof and not self.advance_scheduled and not self.writer.paused:
            self.flush()
            return self.close()
        # Without eager tasks an application has yet to take its first step; its step ends with a flush of all.
        if not self.responding or self.cycle is None or self.context.eager:
            self.flush()
        elif self.writer.out.len >= FLUSH_BYTES:
            self.flush()
        return self.update_reading()

    cdef bint read_head(self) except -1:
        """Parse a request head and begin its exchange. False = more bytes are needed, or none are wanted."""
        cdef Context context = self.context
        cdef const char *data = PyBytes_AS_STRING(self.buf) + self.pos
        cdef size_t len = PyBytes_GET_SIZE(self.buf) - self.pos
        cdef fc_head head
        cdef fc_head_limits limits
        cdef int32_t result
        limits.target = context.max_target
        limits.field = context.max_field
        limits.head = context.max_head
        limits.fields = context.max_fields
        head.fields = context.fields
        head.field_capacity = context.max_fields
        result = fc_head_parse(data, len, self.seen, &limits, &head)
        if result == FC_PARTIAL:
            self.seen = len
            if self.deadline_kind != HEAD_DEADLINE:
                self.set_deadline(HEAD_DEADLINE, context.header_read_timeout)
            return False
        self.seen = 0
        if result == FC_HTTP2_PREFACE and self.requests_served == 0 and not self.tls and (
            context.http2_factory is not None and self.become_http2(self.buf[self.pos:])
        ):
            return False
        if result < 0:
            self.http10 = False
            text = fc_error_reason(result).decode("ascii")
            status = 505 if result == FC_HTTP2_PREFACE else fc_error_status(result)
            context.error_log.debug("%s refused with %d: %s", self.client, status, text)
            self.refuse(status, text, b"")
            return False
        self.deadline_kind = NO_DEADLINE
        self.start_exchange(&head, data, result)
        return self.state == READ_HEAD or self.state == READ_BODY

    cdef int start_exchange(self, fc_head *head, const char *data, Py_ssize_t head_len) except -1:
        cdef Context context = self.context
        cdef HTTPCycle cycle
        cdef dict scope
        self.requests_served += 1
        self.http10 = head.minor_version == 0
        self.head_request = head.method_id == FC_METHOD_HEAD
        self.client_keep_alive = head.keep_alive
        self.te_trailers = head.te_trailers
        self.body_received = 0
        self.expect_continue = False
        scope = self.make_scope(head, data)
        self.pos += head_len
        if head.framing == FC_BODY_NONE:
            self.state = AWAIT_RESPONSE
        else:
            self.begin_body(head)
        if self.refused(head, scope, data):
            return 0
        if head.upgrade and head.method_id == FC_METHOD_GET and context.websocket_factory is not None and (
            self.start_websocket(head, scope)
        ):
            return 0
        if head.upgrade and context.h2c_factory is not None and head.framing == FC_BODY_NONE and (
            self.start_upgrade(scope, (data + head.host.start)[:head.host.len])
        ):
            return 0
        cycle = new_cycle(context, self, scope, self.head_request)
        self.cycle = cycle
        self.responding = True
        if head.framing == FC_BODY_NONE:
            cycle.body_ended = True
        elif self.pos < PyBytes_GET_SIZE(self.buf):
            # What has come with the head is there before the application asks.
            self.read_body()
            if self.cycle is None:
                return 0
        cycle.start()
        return 0

    cdef bint start_websocket(self, fc_head *head, dict scope) except -1:
        """Begin the exchange of a request to become a WebSocket, or refuse it; False = it asks for something else."""
        handshake = self.context.websocket_factory(scope["headers"], head.framing != FC_BODY_NONE)
        if handshake is None:
            return False
        self.client_keep_alive = False      # whatever the answer is, no request can follow
        if self.context.draining:
            self.refuse(503, "the server is stopping", b"retry-after: 1\r\n", scope)
        elif handshake.error is not None:
            status, text, fields = handshake.error
            self.refuse(status, text, fields, scope)
        else:
            self.handshake = handshake
            self.cycle = cycle = handshake.new_cycle(self.context, self, scope, self.tls)
            self.responding = True
            cycle.run()
        return True

    cdef bint become_http2(self, bytes data) except -1:
        """Hand the socket to a connection that speaks HTTP/2; False = this client may not."""
        connection = self.context.http2_factory(self.context, self.client, self.tls)
        if connection is None:
            return False
        extension = describe_tls(self.writer.transport) if self.tls else None
        self.hand_over(connection).take_over(self.writer.transport, self.writer, data, self.reading_paused, extension)
        return True

    cdef bint start_upgrade(self, dict scope, bytes host) except -1:
        """Answer a request with `Upgrade: h2c` by 101 (RFC 7540 section 3.2); False = it is served over HTTP/1.1."""
        if self.tls or self.context.draining:
            return False
        upgrade = self.context.h2c_factory(self.context, self.client, scope, host)
        if upgrade is None:
            return False
        connection, settings, fields = upgrade
        self.writer.begin()
        self.writer.append(status_line(101))
        self.writer.append(b"connection: Upgrade\r\nupgrade: h2c\r\n\r\n")
        data = self.buf[self.pos:]
        self.hand_over(connection).take_over_upgraded(
            self.writer.transport, self.writer, data, self.reading_paused, settings, fields
        )
        return True

    cdef object hand_over(self, object connection):
        """The socket is another connection's from now on, which is returned."""
        transport, self.transport = self.transport, None
        self.state = CLOSED
        self.deadline_kind = NO_DEADLINE
        self.buf = b""
        self.pos = 0
        self.context.replace_connection(self, connection)
        transport.set_protocol(connection)
        return connection

    cdef int begin_body(self, fc_head *head) except -1:
        self.state = READ_BODY
        self.expect_continue = head.expect_continue
        self.chunked_body = head.framing == FC_BODY_CHUNKED
        self.body_left = head.content_length
        memset(&self.decoder, 0, sizeof(fc_chunked))
        self.rate_started = self.context.now
        self.rate_base = 0
        self.set_deadline(BODY_DEADLINE, self.context.body_timeout)
        return 0

    cdef dict make_scope(self, fc_head *head, const char *data):
        cdef Context context = self.context
        cdef dict scope = PyDict_Copy(context.http10_scope if self.http10 else context.http11_scope)
        cdef dict extensions
        cdef const char *path = data + head.path.start
        if head.method_id != FC_METHOD_GET:
            scope["method"] = (
                METHODS[head.method_id] if head.method_id != FC_METHOD_OTHER
                else ascii_text(data + head.method.start, head.method.len).upper()     # ASGI: in upper case
            )
        if head.form == FC_FORM_ASTERISK:
            scope["path"] = "*"
            scope["raw_path"] = b"*"
        elif head.path.len == 0:
            # An absolute-form without a path asks for "/" (RFC 9112 section 3.2.2).
            scope["path"] = "/"
            scope["raw_path"] = b"/"
        else:
            scope["path"] = decode_path(path, head.path.len) if head.path_escaped else ascii_text(path, head.path.len)
            scope["raw_path"] = PyBytes_FromStringAndSize(path, head.path.len)
        if head.query.len:
            scope["query_string"] = PyBytes_FromStringAndSize(data + head.query.start, head.query.len)
        scope["headers"] = build_headers(data, head.fields, head.field_count, context.raw_header_names)
        scope["client"] = self.client
        scope["server"] = self.server
        scope["asgi"] = PyDict_Copy(context.asgi)
        scope["state"] = PyDict_Copy(context.state)
        if self.tls:
            if self.tls_extension is None:
                self.tls_extension = describe_tls(self.transport)
            scope["scheme"] = "https"
            extensions = PyDict_Copy(context.https10_extensions if self.http10 else context.https11_extensions)
            extensions["tls"] = PyDict_Copy(self.tls_extension)
        else:
            extensions = PyDict_Copy(context.http10_extensions if self.http10 else context.http11_extensions)
        scope["extensions"] = extensions
        return scope

    cdef bint refused(self, fc_head *head, dict scope, const char *data) except -1:
        """Answer what no application shall see; True = it was answered."""
        cdef Context context = self.context
        if head.form == FC_FORM_AUTHORITY:
            self.refuse(501, "CONNECT is not supported", b"")
        elif context.server_names is not None and not self.serves((data + head.host.start)[:head.host.len]):
            self.refuse(404, "no such host", b"", scope)
        elif context.redirect_to_https and not self.tls and self.redirected(head, scope, data):
            return True
        elif context.max_body and head.framing == FC_BODY_LENGTH and head.content_length > <uint64_t>context.max_body:
            self.refuse(413, "the body is too large", b"", scope)
        elif context.max_concurrent_requests and context.active_requests >= context.max_concurrent_requests:
            self.refuse(503, "too many requests at once", b"retry-after: 1\r\n", scope)
        else:
            return False
        return True

    cdef bint redirected(self, fc_head *head, dict scope, const char *data) except -1:
        """Send a client that came without TLS to https, unless it came by a unix socket."""
        from fastcorn.protocols.redirect import location
        target = location((data + head.host.start)[:head.host.len], scope, self.context.https_port)
        if target is None:
            return False
        self.refuse(308, "use https", b"location: " + target + b"\r\n", scope)
        return True

    cdef bint serves(self, bytes host) except -1:
        """Whether a Host is one of `server_names`, with its port or without."""
        host = host.lower()
        return host in self.context.server_names or host.rpartition(b":")[0] in self.context.server_names

    cdef bint read_body(self) except -1:
        """Take body bytes from the input. False = nothing more is to be done with it now."""
        cdef Py_ssize_t len = PyBytes_GET_SIZE(self.buf) - self.pos
        cdef ptrdiff_t used
        cdef size_t decoded = 0
        cdef bytes data
        if not self.chunked_body:
            if <uint64_t>len > self.body_left:
                len = <Py_ssize_t>self.body_left
            if self.pos == 0 and len == PyBytes_GET_SIZE(self.buf):
                data = self.buf
            else:
                data = PyBytes_FromStringAndSize(PyBytes_AS_STRING(self.buf) + self.pos, len)
            self.pos += len
            self.body_left -= len
            return self.deliver(data, self.body_left == 0)
        data = PyBytes_FromStringAndSize(NULL, len)
        used = fc_chunked_decode(
            &self.decoder, PyBytes_AS_STRING(self.buf) + self.pos, len, PyBytes_AS_STRING(data), &decoded
        )
        if used < 0:
            text = fc_error_reason(<int32_t>used).decode("ascii")
            self.context.error_log.debug("%s sent a bad body: %s", self.client, text)
            self.refuse_body(fc_error_status(<int32_t>used), text)
            return False
        self.pos += used
        return self.deliver(data if decoded == <size_t>len else data[:decoded], self.decoder.done)

    cdef bint deliver(self, bytes data, bint end) except -1:
        """Hand body bytes to the cycle, or drop them when its response is complete."""
        cdef Context context = self.context
        cdef HTTPCycle cycle = <HTTPCycle>self.cycle
        self.body_received += PyBytes_GET_SIZE(data)
        if context.max_body and self.body_received > context.max_body:
            self.refuse_body(413, "the body is too large")
            return False
        if end:
            self.state = AWAIT_RESPONSE
            self.expect_continue = False
            self.deadline_kind = NO_DEADLINE
        if cycle is not None:
            cycle.feed_body(data, end)
            return True
        if end:
            self.finish_exchange()
        elif self.chunked_body and self.body_received > DISCARD_BYTES:
            self.linger()
        return True

    cdef int refuse(self, int status, str text, bytes fields, dict scope=None) except -1:
        """Answer without the application, after which the connection is kept only if no body follows."""
        cdef bytes body = f"{status} {text}\n".encode("ascii")
        cdef bint bodiless = self.head_request and scope is not None
        self.context.errors_total += status >= 400
        self.keep_alive = scope is not None and self.state == AWAIT_RESPONSE and self.may_keep_alive()
        self.has_date = self.has_server = False
        self.writer.begin()
        self.writer.append(status_line(status))
        self.writer.append(b"content-type: text/plain; charset=utf-8\r\n")
        self.writer.append(fields)
        self.writer.append_length(PyBytes_GET_SIZE(body))
        self.append_common_fields()
        if not bodiless:
            self.writer.append(body)
        if scope is not None:
            self.context.log_access(scope, status, [], 0 if bodiless else PyBytes_GET_SIZE(body), 0.0)
        if self.keep_alive:
            return self.finish_exchange()
        self.flush()
        return self.linger()

    cdef int refuse_body(self, int status, str text) except -1:
        """The body is wrong: answer so if nothing was answered yet, and tell the application that it will not come."""
        cdef HTTPCycle cycle = <HTTPCycle>self.cycle
        cdef bint begun = cycle is not None and cycle.state != NOT_STARTED
        self.cycle = None
        self.responding = False
        if cycle is not None:
            cycle.status = 0 if begun else status
            cycle.feed_disconnect()
        if begun or cycle is None:
            return self.abort_transport() if begun else self.linger()
        return self.refuse(status, text, b"")

    cdef int finish_exchange(self) except -1:
        """Request and response are complete, or the response is and the rest of the request is thrown away."""
        self.cycle = None
        if self.state == READ_BODY:
            if not self.keep_alive or self.expect_continue or (
                not self.chunked_body and self.body_left > DISCARD_BYTES
            ):
                self.flush()
                return self.linger()
            self.body_received = 0
            self.set_deadline(BODY_DEADLINE, LINGER_SECONDS)
            return self.update_reading()
        if not self.keep_alive:
            self.flush()
            # A client may have sent messages before the answer: see linger().
            return self.close() if self.handshake is None else self.linger()
        self.state = READ_HEAD
        if self.context.draining and self.pos == PyBytes_GET_SIZE(self.buf):
            self.flush()
            return self.close()
        self.set_deadline(IDLE_DEADLINE, self.context.keep_alive_timeout)
        return 0

    cdef int schedule_advance(self) except -1:
        if not self.advance_scheduled:
            self.advance_scheduled = True
            # Not in the context of the application that may be running: the next request is none of its business.
            self.context.loop.call_soon(self.advance, context=self.context.clean_context.copy())
        return 0

    cdef int update_reading(self) except -1:
        """Pause reading while what was read waits for the application or for the client; resume it after."""
        cdef bint pause
        if self.transport is None or self.state >= LINGER:
            return 0
        if self.state == READ_BODY:
            pause = self.cycle is not None and (<HTTPCycle>self.cycle).buffered > BODY_HIGH_WATER
        else:
            pause = PyBytes_GET_SIZE(self.buf) - self.pos > PIPELINE_HIGH_WATER
        if pause == self.reading_paused:
            return 0
        self.reading_paused = pause
        if pause:
            self.transport.pause_reading()
            return 0
        self.rate_started = self.context.now
        self.rate_base = self.body_received
        # asyncio runs later reads in the context of this call; it must not be an application's.
        self.context.clean_context.copy().run(self.transport.resume_reading)
        return 0

    # ---- deadlines -------------------------------------------------------------------------------------------------

    cdef int set_deadline(self, Deadline kind, double seconds) except -1:
        """A deadline so many seconds from now; 0 = none.

        The clock stands still between two ticks, so one tick is added: a deadline may come late by it, never early.
        """
        self.deadline_kind = kind if seconds > 0 else NO_DEADLINE
        self.deadline = self.context.now + seconds + TICK_SECONDS
        return 0

    cdef int deadline_passed(self) except -1:
        cdef Deadline kind = self.deadline_kind
        self.deadline_kind = NO_DEADLINE
        if kind == BODY_DEADLINE and self.cycle is not None:
            return self.refuse_body(408, "the body took too long")
        if kind == HEAD_DEADLINE and self.pos < PyBytes_GET_SIZE(self.buf):
            return self.refuse(408, "the request head took too long", b"")
        if kind == LINGER_DEADLINE:
            return self.abort_transport()
        return self.close()

    cdef int check_rate(self, double now) except -1:
        cdef double elapsed = now - self.rate_started
        if self.cycle is None or elapsed < RATE_GRACE_SECONDS:
            return 0
        if self.body_received - self.rate_base < elapsed * self.context.body_min_rate:
            return self.refuse_body(408, "the body comes too slowly")
        return 0

    # ---- Stream: called by the cycle -------------------------------------------------------------------------------

    cdef int want_body(self) except -1:
        if self.expect_continue and self.cycle is not None and (<HTTPCycle>self.cycle).state == NOT_STARTED:
            self.expect_continue = False
            self.writer.begin()
            self.writer.append(CONTINUE)
            self.flush()
        return self.update_reading()

    cdef int send_head(self, int status, object headers, bint trailers) except -1:
        cdef HeadFacts facts
        self.writer.begin()
        self.head_start = self.writer.out.len
        self.writer.append(status_line(status))
        try:
            encode_fields(&self.writer.out, headers, status == 204, &facts)
        except BaseException:
            self.writer.out.len = self.head_start
            raise
        self.bodiless = self.head_request or status == 204 or status == 304
        self.response_length = facts.content_length
        self.close_requested = facts.close
        self.has_date = facts.has_date
        self.has_server = facts.has_server
        self.announced_trailers = trailers
        self.chunked_response = False
        self.head_held = True
        if not self.cycle.running and not self.flush_scheduled:
            # Sent by another task than the request's own: no end of a step will flush it.
            self.flush_scheduled = True
            self.context.loop.call_soon(self.flush_later)
        return 0

    cdef int finish_head(self, int64_t length) except -1:
        """Add the fields that frame the body (RFC 9112 section 6); `length` is the body's if it is known, else -1."""
        self.head_held = False
        self.keep_alive = self.may_keep_alive() and not self.close_requested
        if self.bodiless or self.response_length >= 0:
            pass
        elif length >= 0:
            self.writer.append_length(length)
        elif not self.http10:
            self.writer.append(b"transfer-encoding: chunked\r\n")
            self.chunked_response = True
        else:
            self.keep_alive = False     # the end of the connection is the end of the body
        return self.append_common_fields()

    cdef bint may_keep_alive(self) except -1:
        cdef Context context = self.context
        if not self.client_keep_alive or context.never_keep_alive:
            return False
        if context.max_connection_requests and self.requests_served >= context.max_connection_requests:
            return False
        if (context.draining or self.eof) and self.pos == PyBytes_GET_SIZE(self.buf):
            return False    # else what was pipelined is answered first
        # A body that nobody has asked for and that is too long to be thrown away ends the connection.
        return self.state != READ_BODY or not (
            self.expect_continue or (not self.chunked_body and self.body_left > DISCARD_BYTES and self.body_untouched())
        )

    cdef bint body_untouched(self) except -1:
        return self.cycle is None or (<HTTPCycle>self.cycle).buffered == self.body_received

    cdef int append_common_fields(self) except -1:
        """Connection, the default fields, and the empty line."""
        cdef Context context = self.context
        if not self.keep_alive:
            self.writer.append(b"connection: close\r\n")
        elif self.http10:
            self.writer.append(b"connection: keep-alive\r\n")
        if not self.has_date and not self.has_server:
            self.writer.append(context.default_fields)
        else:
            if not self.has_server:
                self.writer.append(context.server_field)
            if not self.has_date:
                self.writer.append(context.date_field)
            self.writer.append(context.extra_fields)
        if self.tls:
            self.writer.append(context.hsts_field)
        return self.writer.append(b"\r\n")

    cdef int send_body(self, bytes data, bint end) except -1:
        cdef Py_ssize_t len = PyBytes_GET_SIZE(data)
        if self.head_held:
            self.finish_head(len if end and not self.announced_trailers else -1)
        if not self.bodiless and len:
            if self.chunked_response:
                self.writer.append_chunk_size(len)
            if len >= GATHER_BYTES:
                self.writer.flush_with(data)
            else:
                self.writer.begin()
                output_append(&self.writer.out, PyBytes_AS_STRING(data), len)
            if self.chunked_response:
                self.writer.append(b"\r\n")
        if end and self.chunked_response and not self.announced_trailers:
            self.writer.append(b"0\r\n\r\n")
        if self.writer.out.len >= FLUSH_BYTES:
            self.flush()
        return 0

    cdef int send_trailers(self, object headers, bint end) except -1:
        """Trailer fields go out only to a client that asked for them (RFC 9110 section 6.5.1); others are dropped."""
        cdef HeadFacts facts
        cdef size_t mark
        if self.head_held:
            self.finish_head(-1)
        if not self.chunked_response:
            return 0
        self.writer.begin()
        mark = self.writer.out.len
        if self.announced_trailers:
            self.writer.append(b"0\r\n")
        try:
            encode_fields(&self.writer.out, headers, True, &facts)
        except BaseException:
            self.writer.out.len = mark
            raise
        if not self.te_trailers:
            self.writer.out.len = mark
            if self.announced_trailers:
                self.writer.append(b"0\r\n")
        self.announced_trailers = False
        if end:
            self.writer.append(b"\r\n")
        return 0

    cdef int send_info(self, int status, object headers) except -1:
        """An informational response, before a head that is held; HTTP/1.0 knows none (RFC 9110 section 15.2)."""
        cdef HeadFacts facts
        cdef size_t mark, len
        if self.http10 or ((<HTTPCycle>self.cycle).state != NOT_STARTED and not self.head_held):
            return 0
        self.writer.begin()
        mark = self.writer.out.len
        self.writer.append(status_line(status))
        try:
            encode_fields(&self.writer.out, headers, True, &facts)
        except BaseException:
            self.writer.out.len = mark
            raise
        self.writer.append(b"\r\n")
        if self.head_held:
            len = self.writer.out.len - mark
            self.move_before_head(mark, len)
        return self.flush()

    cdef int move_before_head(self, size_t mark, size_t len) except -1:
        """Move the last `len` bytes of the output, from `mark` on, to where the held head begins."""
        cdef bytes moved = PyBytes_FromStringAndSize(self.writer.out.data + mark, len)
        cdef char *head = self.writer.out.data + self.head_start
        memmove(head + len, head, mark - self.head_start)
        memcpy(head, PyBytes_AS_STRING(moved), len)
        self.head_start += len
        return 0

    cdef object send_file(self, object file, object offset, object count, bint end):
        return sendfile.send_file(self, file, offset, count, end)

    cdef object accept_websocket(self, str subprotocol, list headers):
        """Answer 101 (RFC 6455 section 4.2.2) and hand the socket, with what has come, to a connection for it."""
        cdef HeadFacts facts
        cdef size_t mark
        cdef object transport = self.transport
        cdef object websocket
        websocket, fields = self.handshake.open_websocket(self.context, subprotocol)
        self.writer.begin()
        mark = self.writer.out.len
        try:
            self.writer.append(status_line(101))
            self.writer.append(fields)
            encode_fields(&self.writer.out, headers, True, &facts)
        except BaseException:
            self.writer.out.len = mark
            raise
        self.has_date = facts.has_date
        self.has_server = facts.has_server
        self.keep_alive = True      # no field "connection: close"
        self.append_common_fields()
        data = self.buf[self.pos:]
        cycle, self.cycle = self.cycle, None
        self.transport = None
        self.state = CLOSED
        self.responding = False
        self.buf = b""
        self.pos = 0
        self.context.become_websocket(self, websocket)
        transport.set_protocol(websocket)
        websocket.take_over(transport, self.writer, cycle, data, self.reading_paused)
        return websocket

    cdef object drain(self):
        return self.writer.drain()

    cdef int step_ended(self) except -1:
        """The application has suspended or ended, or a task of its own has sent something."""
        if self.head_held:
            self.finish_head(-1)
        if self.processing:
            return 0
        if self.responding or self.state >= LINGER:
            return self.flush()
        if self.pos == PyBytes_GET_SIZE(self.buf):
            self.flush()
            if self.state == READ_HEAD and self.eof:
                return self.close()
            return self.update_reading()
        # More requests are in the buffer: their responses may leave together with this one.
        if self.writer.out.len >= FLUSH_BYTES:
            self.flush()
        return self.schedule_advance()

    cdef int exchange_ended(self) except -1:
        self.responding = False
        return self.finish_exchange()

    cdef int abort(self) except -1:
        if self.head_held:
            self.head_held = False
            self.writer.out.len = self.head_start
        self.flush()
        self.cycle = None
        self.responding = False
        if self.chunked_response or self.response_length >= 0:
            return self.close()     # the missing end says that it was cut
        # A body that ends with the connection would look whole: reset it.
        if self.writer.socket >= 0:
            fc_socket_reset_on_close(self.writer.socket)
        return self.abort_transport()

    # ---- for sendfile.py -------------------------------------------------------------------------------------------

    def begin_file(self, count):
        """Finish the head for a file that is the rest of the body; `count` is its length in bytes, None = unknown.

        Returns:
            The socket's descriptor when the kernel may copy the file to it, else -1.
        """
        if self.lost:
            return -1
        if self.head_held:
            if count is not None and self.response_length < 0 and not self.announced_trailers:
                self.response_length = count
                self.writer.append_length(count)
            self.finish_head(-1)
        self.flush()
        return -1 if self.chunked_response or self.bodiless else self.writer.fd

    def write_part(self, bytes data, bint end):
        """Write a part of the body; `end` ends it. Nothing is written once the connection is closing."""
        if self.lost:
            return
        self.send_body(data, end)
        self.flush()

    def hold_writes(self, bint hold):
        """While held, a write counts as slow until the transport has nothing queued."""
        if self.transport is not None:
            self.transport.set_write_buffer_limits(0 if hold else None)

    def writable(self):
        """None, or a Future that is done when the transport takes more; or when the connection is lost."""
        return None if self.transport is None else self.drain()

    @property
    def lost(self):
        return self.transport is None or self.state >= LINGER

    # ---- writing ---------------------------------------------------------------------------------------------------

    def flush_later(self):
        self.flush_scheduled = False
        if self.transport is not None:
            if self.head_held:
                self.finish_head(-1)
            self.flush()

    cdef int flush(self) except -1:
        """Write all that is collected, unless a head at its end waits for the end of a step."""
        return 0 if self.head_held else self.writer.flush()

    # ---- the end ---------------------------------------------------------------------------------------------------

    cdef int close(self) except -1:
        """Close when all that was written has left."""
        if self.state != CLOSED:
            self.state = CLOSED
            self.deadline_kind = NO_DEADLINE
            self.pos = PyBytes_GET_SIZE(self.buf)
            if self.transport is not None:
                self.writer.close()
        return 0

    cdef int linger(self) except -1:
        """Shut our side and drop what comes, for a while: closing at once could destroy the answer (RFC 9112 9.6)."""
        if self.state >= LINGER or self.transport is None:
            return 0
        self.pos = PyBytes_GET_SIZE(self.buf)
        if self.eof or not self.transport.can_write_eof():
            return self.close()
        self.flush()
        self.state = LINGER
        self.set_deadline(LINGER_DEADLINE, LINGER_SECONDS)
        reading_paused, self.reading_paused = self.reading_paused, False
        return self.writer.shut(reading_paused)

    cdef int abort_transport(self) except -1:
        if self.transport is not None:
            self.state = CLOSED
            self.deadline_kind = NO_DEADLINE
            self.head_held = False
            self.writer.abort()
        return 0


cdef dict describe_tls(object transport):
    from fastcorn.protocols.tls import tls_extension
    return tls_extension(transport)


cdef bint has_agreed_on_http2(object transport) except -1:
    """Whether the TLS handshake has chosen h2 (RFC 9113 section 3.2)."""
    agreed = transport.get_extra_info("ssl_object")
    return agreed is not None and agreed.selected_alpn_protocol() == "h2"
