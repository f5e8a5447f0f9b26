# SPDX-License-Identifier: MIT
"""TLSTransport: one socket that speaks TLS 1.2 or 1.3, between the loop's transport and the connection above.

To the loop it is the protocol of a plain socket; to a connection (H1Connection and its like) it is the transport. The
worker's listeners make it; OpenSSL works in memory (ssl.MemoryBIO, ssl.SSLObject), so it runs on every loop.

Some facts about the loops' own TLS. It costs as much as all else of a small answer, keeps 256 KiB for each connection
(uvloop), knows no half-close, and a client that fails its handshake gets a traceback into the log. So encrypted bytes
leave here as plain ones do, by send(2) (Writer), and a handshake has a deadline like any other, on the context's clock.

The client's close_notify is the end of its side only (RFC 8446 section 6.1): a whole request before it is answered. The
end of the socket means that the client has gone: nobody reads an answer without the socket's other half.
"""

import ssl

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE

from fastcorn.asgi._context cimport Context
from fastcorn.protocols._deadlines cimport LINGER_SECONDS, TICK_SECONDS
from fastcorn.protocols._headers cimport status_line
from fastcorn.protocols._writer cimport new_writer

cdef object MemoryBIO = ssl.MemoryBIO
cdef object SSLObject = ssl.SSLObject
cdef object WantRead = ssl.SSLWantReadError


cdef extern from "socket.h":
    bint FC_CAN_SEND


cdef enum:
    # The most plain bytes of one record (RFC 8446 section 5.1).
    RECORD_BYTES = 16 * 1024
    # Bytes that go through OpenSSL at once: its buffers keep the size of the largest piece, for as long as the
    # connection lasts.
    PIECE_BYTES = 32 * 1024
    # Reads that may each be answered by OpenSSL itself while the client takes nothing.
    UNREAD_ANSWERS = 8
    # The first byte of a record (RFC 8446 section 5.1): of the handshake, of data.
    HANDSHAKE_RECORD = 22
    DATA_RECORD = 23

cdef bytes PLAIN_TEXT = b"400 plain HTTP was sent to a TLS port; use https\n"


cdef class TLSTransport:
    """One TLS socket; an asyncio.Protocol below, an asyncio.Transport above.

    Args:
        context: the `Context` of this worker; it has the deadline of the handshake (ssl_handshake_timeout).
        ssl_context: a server's `ssl.SSLContext`.
        make_connection: called with the context when the handshake has ended; returns the protocol of the connection.
    """

    def __init__(self, Context context not None, ssl_context, make_connection):
        self.context = context
        self.ssl_context = ssl_context
        self.make_connection = make_connection
        self.wire = new_writer(context)

    # ---- called by the event loop ----------------------------------------------------------------------------------

    def connection_made(self, transport):
        cdef double seconds = self.context.ssl_handshake_timeout
        self.raw = self.wire.transport = transport
        connected = transport.get_extra_info("socket")
        if FC_CAN_SEND and connected is not None:
            self.wire.fd = connected.fileno()
        if seconds > 0:
            # The clock stands still between two ticks, so one is added: late by it, never early.
            self.deadline = self.context.now + seconds + TICK_SECONDS
        self.context.add_connection(self)

    def connection_lost(self, error):
        cdef TLSState state = self.state
        connection, self.connection = self.connection, None
        self.state = CLOSED
        self.raw = None
        self.wire.lost()
        self.held = None
        self.backlog = None
        self.backlog_size = 0
        self.make_connection = None
        if connection is not None:
            connection.connection_lost(error)
            return
        if state == HANDSHAKE and self.session is not None:
            self.log("the client left")
        self.context.remove_connection(self)

    @cython.binding(False)      # a plain method is called without a bound-method object
    def data_received(self, bytes data not None):
        if self.state == OPEN:
            # After our own end only the client's is waited for, and that of the socket tells it too.
            if not self.eof and not self.eof_sent:
                self.receive(data)
        elif self.state == HANDSHAKE:
            self.shake_hands(data)

    def eof_received(self):
        if self.state == HANDSHAKE:
            if self.session is not None:
                self.log("the client left")
            self.state = CLOSED
        elif self.state == OPEN:
            self.eof = True
            self.deliver_eof()
            self.close()
        # Else the loop closes at once. In CLOSING, close() has to wait for what is still to be written.
        return self.state == CLOSING

    def pause_writing(self):
        self.wire.paused = True
        if self.connection is not None:
            self.connection.pause_writing()

    def resume_writing(self):
        self.wire.paused = False
        if self.backlog is not None:
            self.empty_backlog()
        if not self.wire.paused and self.connection is not None and self.raw is not None:
            self.connection.resume_writing()

    # ---- called by the context, during the handshake ---------------------------------------------------------------

    def check_deadlines(self):
        """End a handshake that is late; once a second."""
        if self.raw is not None and self.deadline and self.context.now >= self.deadline:
            if self.state == HANDSHAKE:
                self.log("it took too long")
            self.abort()

    def begin_drain(self):
        """Who has begun a handshake will be served; who has sent nothing gets a moment."""
        if self.state == HANDSHAKE and self.session is None:
            self.deadline = self.context.now + TICK_SECONDS

    def cut(self):
        """Close at once."""
        self.abort()

    # ---- the handshake ---------------------------------------------------------------------------------------------

    cdef int shake_hands(self, bytes data) except -1:
        """Take the client's part of the handshake and answer it; at its end go on with what came after it."""
        if self.session is None:
            if PyBytes_GET_SIZE(data) and (<unsigned char>PyBytes_AS_STRING(data)[0]) != HANDSHAKE_RECORD:
                return self.refuse_plain() if b"A" <= data[:1] <= b"Z" else self.fail("what it sent is no TLS")
            self.incoming, self.outgoing = MemoryBIO(), MemoryBIO()
            self.session = self.ssl_context.wrap_bio(self.incoming, self.outgoing, True)
            self.ssl_context = None
            self.take_in, self.take_out = self.incoming.write, self.outgoing.read
            # Beneath read() and write() of an ssl.SSLObject, which are of Python, are those of C that they only call.
            direct = getattr(self.session, "_sslobj", self.session) if type(self.session) is SSLObject else self.session
            self.read_plain, self.write_plain = direct.read, direct.write
        self.take_in(data)
        try:
            self.session.do_handshake()
        except WantRead:
            return self.send_outgoing()
        except (OSError, ValueError) as error:      # SSLError is an OSError; certificates may raise ValueError
            return self.fail(reason(error))
        self.send_outgoing()
        return self.open()

    cdef int open(self) except -1:
        """The handshake has ended: make the connection."""
        make_connection, self.make_connection = self.make_connection, None
        self.state = OPEN
        self.deadline = 0
        self.connection = make_connection(self.context)
        self.context.hand_on(self)
        self.connection.connection_made(self)
        if self.wire.paused and self.connection is not None:
            self.connection.pause_writing()
        if self.state == OPEN and self.incoming.pending:
            self.receive(b"")
        return 0

    cdef int fail(self, str reason) except -1:
        """End it, with the alert that OpenSSL has written, if the socket takes it now."""
        self.log(reason)
        self.state = CLOSED
        self.backlog = None
        if self.raw is not None:
            self.send_outgoing()
            if self.raw.get_write_buffer_size():
                self.raw.abort()
            else:
                self.raw.close()
        return 0

    cdef int refuse_plain(self) except -1:
        """Tell who speaks HTTP without TLS what is wrong, in plain HTTP; then drop what it sends, for a while."""
        cdef Context context = self.context
        self.log("a plain HTTP request was sent to the TLS port")
        self.state = CLOSED
        self.wire.begin()
        self.wire.append(status_line(400))
        self.wire.append(b"content-type: text/plain; charset=utf-8\r\n")
        self.wire.append_length(PyBytes_GET_SIZE(PLAIN_TEXT))
        self.wire.append(b"connection: close\r\n")
        self.wire.append(context.server_field)
        self.wire.append(context.date_field)
        self.wire.append(b"\r\n")
        self.wire.append(PLAIN_TEXT)
        self.wire.flush()
        self.deadline = context.now + LINGER_SECONDS + TICK_SECONDS
        return self.wire.shut(False) if self.raw.can_write_eof() else self.wire.close()

    def log(self, str reason):
        """A line for who debugs; a client's mistakes are no errors of the server."""
        peer = None if self.raw is None else self.raw.get_extra_info("peername")
        what = "no TLS" if self.connection is None else "an end of TLS"
        self.context.error_log.debug("%s with %s: %s", what, peer, reason)

    # ---- reading ---------------------------------------------------------------------------------------------------

    cdef int receive(self, bytes data) except -1:
        """Decrypt what came and give it to the connection in one piece."""
        cdef Py_ssize_t start = 0, record = 0, end = PyBytes_GET_SIZE(data)
        cdef list parts
        try:
            if end <= PIECE_BYTES:
                record = end if self.between_records and is_one_record(data) else 0
                self.take_in(data)
                plain = self.decrypt(None, record)
                if record and plain is not None:
                    return self.deliver(plain)      # it was data and no message of TLS: OpenSSL does not answer
            else:
                parts = []
                view = memoryview(data)
                while start < end and not self.eof:
                    self.take_in(view[start:start + PIECE_BYTES])
                    start += PIECE_BYTES
                    self.decrypt(parts, 0)
                plain = b"".join(parts)
        except OSError as error:
            return self.fail(reason(error))
        if self.outgoing.pending:
            # OpenSSL answers by itself, with a new key for instance, as often as it is asked: who asks has to take it.
            self.unread_answers = self.unread_answers + 1 if self.wire.paused else 0
            if self.unread_answers > UNREAD_ANSWERS:
                return self.fail("it asks for keys and takes none")
            self.send_outgoing()
        if plain is not None and PyBytes_GET_SIZE(plain):
            self.deliver(plain)
        if self.eof and self.state == OPEN:
            self.deliver_eof()
        return 0

    cdef bytes decrypt(self, list parts, Py_ssize_t record):
        """All that can be decrypted now; it is added to `parts` if that is a list. Sets `eof` at close_notify.

        `record`: the bytes that there are, if they are one record and no more; else 0.
        """
        cdef bytes plain, first = None
        cdef Py_ssize_t wanted = record or self.incoming.pending
        self.between_records = self.between_records or wanted > 0
        while wanted:
            if wanted > RECORD_BYTES:
                wanted = RECORD_BYTES
            try:
                plain = self.read_plain(wanted)
            except WantRead:
                self.between_records = False
                break
            if PyBytes_GET_SIZE(plain) == 0:
                self.eof = True
                break
            if parts is not None:
                parts.append(plain)
            elif record:
                return plain
            elif first is None:
                first = plain
            else:
                parts = [first, plain]
                first = None
            # A read ends with its record: only one that got all it asked for may have left something of it.
            if PyBytes_GET_SIZE(plain) == wanted:
                wanted = self.session.pending()
                if wanted:
                    continue
            wanted = self.incoming.pending
        return first if parts is None else b"".join(parts) if first is None else first

    cdef int deliver(self, bytes data) except -1:
        if self.reading_paused or self.held is not None:
            self.held = data if self.held is None else self.held + data
        else:
            self.connection.data_received(data)
        return 0

    cdef int deliver_eof(self) except -1:
        """Tell the connection that its client has ended its side, after all that was sent before; once."""
        if self.held is None and not self.eof_told:
            self.eof_told = True
            if not self.connection.eof_received():
                self.close()
        return 0

    def deliver_held(self):
        """Go on with what came while the connection had paused."""
        data = self.held
        if data is None or self.reading_paused or self.state != OPEN:
            return
        self.held = None
        self.connection.data_received(data)
        if self.eof and self.state == OPEN:
            self.deliver_eof()

    # ---- writing ---------------------------------------------------------------------------------------------------

    cdef int encrypt(self, object data) except -1:
        """Encrypt and send, as long as the client is not slow; the rest joins the backlog."""
        cdef Py_ssize_t start = 0
        cdef Py_ssize_t end = len(data)
        try:
            if end <= PIECE_BYTES:
                start = self.write_plain(data)
                self.send_outgoing()
            while start < end and not self.wire.paused:
                start += self.write_plain(memoryview(data)[start:start + PIECE_BYTES])
                self.send_outgoing()
        except OSError as error:
            return self.fail(reason(error))
        if start < end and self.state <= CLOSING:
            if self.backlog is None:
                self.backlog = []
            self.backlog.insert(0, memoryview(data)[start:])
            self.backlog_size += end - start
        return 0

    cdef int send_outgoing(self) except -1:
        """Send what OpenSSL has written."""
        if self.outgoing is not None:
            data = self.take_out()
            if data and self.raw is not None:
                self.wire.write(data)
        return 0

    cdef int empty_backlog(self) except -1:
        """The client takes more: go on where encrypt() stopped."""
        while self.backlog and not self.wire.paused and self.state <= CLOSING:
            data = self.backlog.pop(0)
            self.backlog_size -= len(data)
            self.encrypt(data)
        if self.backlog:
            return 0
        self.backlog = None
        if self.state == CLOSING:
            self.finish()
        elif self.eof_wanted:
            self.eof_wanted = False
            self.write_eof()
        return 0

    cdef int say_goodbye(self) except -1:
        """close_notify (RFC 8446 section 6.1): without it the client could not tell the end from a cut."""
        if not self.eof_sent:
            self.eof_sent = True
            try:
                self.session.unwrap()
            except OSError:
                pass        # it wants the client's own, for which nobody waits
            self.send_outgoing()
        return 0

    cdef int finish(self) except -1:
        """Close the socket when all has left."""
        self.say_goodbye()
        self.state = CLOSED
        if self.raw is not None:
            self.wire.fd = -1
            self.raw.close()
        return 0

    # ---- called by the connection: an asyncio.Transport ------------------------------------------------------------

    @cython.binding(False)
    def write(self, data):
        """Encrypt and send, or queue. Nothing happens once the connection is closing."""
        if self.state != OPEN or self.eof_sent or self.eof_wanted:
            return
        if not len(data):
            return
        if self.backlog is None:
            self.encrypt(data)
        else:
            self.backlog.append(data)
            self.backlog_size += len(data)

    def writelines(self, parts):
        """Write several pieces as one."""
        self.write(b"".join(parts))

    def write_eof(self):
        """End our side after all that was written; the client may still send."""
        if self.state != OPEN or self.eof_sent:
            return
        if self.backlog is not None:
            self.eof_wanted = True
            return
        self.say_goodbye()
        if self.raw is not None and self.state == OPEN:
            self.wire.fd = -1
            self.raw.write_eof()

    def can_write_eof(self):
        """Whether write_eof() can be called: as on the socket."""
        return self.raw is not None and self.raw.can_write_eof()

    def close(self):
        """Close after all that was written; connection_lost() comes then."""
        if self.state == OPEN:
            self.state = CLOSING
            if self.backlog is None:
                self.finish()

    def abort(self):
        """Close at once, without the close_notify that tells a whole answer from a cut one."""
        self.state = CLOSED
        self.backlog = None
        self.backlog_size = 0
        if self.raw is not None:
            self.wire.fd = -1
            self.raw.abort()

    def is_closing(self):
        """Whether close() or abort() was called, or the socket is lost."""
        return self.state >= CLOSING or self.raw is None

    def pause_reading(self):
        """Give the connection nothing more until resume_reading()."""
        self.reading_paused = True
        if self.raw is not None:
            self.raw.pause_reading()

    def resume_reading(self):
        """Read again."""
        if not self.reading_paused:
            return
        self.reading_paused = False
        if self.raw is not None:
            self.raw.resume_reading()
        if self.held is not None:
            self.context.loop.call_soon(self.deliver_held, context=self.context.clean_context.copy())

    def is_reading(self):
        """Whether the connection is given what comes."""
        return not self.reading_paused and self.state == OPEN

    def set_write_buffer_limits(self, high=None, low=None):
        """The marks, in bytes, at which the connection is told to pause and to resume: those of the socket."""
        if self.raw is not None:
            self.raw.set_write_buffer_limits(high, low)

    def get_write_buffer_size(self):
        """Bytes that wait for the client, encrypted or not."""
        return self.backlog_size + (0 if self.raw is None else self.raw.get_write_buffer_size())

    def set_protocol(self, protocol):
        """Another connection takes over."""
        self.connection = protocol

    def get_protocol(self):
        """The connection."""
        return self.connection

    def get_extra_info(self, name, default=None):
        """What is known of the connection, by asyncio's names; what is not of TLS comes from the socket's transport."""
        if name == "ssl_object":
            return self.session
        if name == "sslcontext":
            return self.session.context
        if name == "peercert":
            return self.session.getpeercert()
        if name == "cipher":
            return self.session.cipher()
        if name == "compression":
            return self.session.compression()
        return default if self.raw is None else self.raw.get_extra_info(name, default)


cdef bint is_one_record(bytes data) noexcept:
    """Whether these bytes, which begin a record of data, are exactly that one."""
    cdef const unsigned char *head = <const unsigned char *>PyBytes_AS_STRING(data)     # type, version, length
    return len(data) > 5 and head[0] == DATA_RECORD and len(data) == 5 + (head[3] << 8 | head[4])


cdef str reason(object error):
    """The cause in words: "wrong version number" of an ssl.SSLError."""
    text = getattr(error, "verify_message", None) or getattr(error, "reason", None) or str(error)
    if text == "CALLBACK_FAILED":
        return "the name that it asks for is not served here"
    return str(text).replace("_", " ").lower()
