# SPDX-License-Identifier: MIT
"""Writer: what a connection has to write, and how it leaves.

A connection appends to `out` and flushes it. On a plain socket with nothing queued, flush() calls send(2) itself
(csrc/socket.h); what the socket does not take, and all else, goes to the transport, which then says when it is too much
(`paused`). The buffer is lent from connection to connection, so that an idle one holds none.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport int64_t
from libc.stdio cimport snprintf
from libc.stdlib cimport free

from fastcorn.asgi._context cimport Context
from fastcorn.asgi._waiters cimport wake_all
from fastcorn.protocols._output cimport output_append, output_reserve


cdef extern from "socket.h":
    size_t fc_socket_send(int fd, const char *first, size_t first_len, const char *second, size_t second_len)
    int fc_socket_unsent(int fd)


cdef enum:
    # A buffer that has grown beyond this goes back to the allocator instead of to the next connection.
    SPARE_BYTES = 256 * 1024


@cython.final
cdef class Writer:
    """What a connection has to write."""

    def __dealloc__(self):
        free(self.out.data)

    cdef int begin(self) except -1:
        """Have a buffer: the one that the connections lend each other; without it `append` makes a new one."""
        cdef Context context = self.context
        if self.out.data is NULL and context.spare_buffer is not NULL:
            self.out.data = context.spare_buffer
            self.out.capacity = context.spare_capacity
            context.spare_buffer = NULL
        return 0

    cdef int append(self, bytes data) except -1:
        return output_append(&self.out, PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))

    cdef int append_length(self, int64_t length) except -1:
        output_reserve(&self.out, 48)
        self.out.len += snprintf(self.out.data + self.out.len, 48, "content-length: %lld\r\n", <long long>length)
        return 0

    cdef int append_chunk_size(self, Py_ssize_t len) except -1:
        output_reserve(&self.out, 24)
        self.out.len += snprintf(self.out.data + self.out.len, 24, "%zx\r\n", <size_t>len)
        return 0

    cdef int flush(self) except -1:
        """Write all that is collected."""
        cdef size_t sent = 0
        if self.out.len and self.transport is not None:
            if self.can_send():
                sent = fc_socket_send(self.fd, self.out.data, self.out.len, NULL, 0)
            if sent < self.out.len:
                self.hand_over(PyBytes_FromStringAndSize(self.out.data + sent, self.out.len - sent))
        self.out.len = 0
        return self.release()

    cdef int flush_with(self, bytes data) except -1:
        """Write all that is collected and `data` after it, without copying a long `data`."""
        cdef size_t first = self.out.len
        cdef size_t second = PyBytes_GET_SIZE(data)
        cdef size_t sent = 0
        if self.transport is None:
            return 0
        if self.can_send():
            sent = fc_socket_send(self.fd, self.out.data, first, PyBytes_AS_STRING(data), second)
        elif first + second <= FLUSH_BYTES:
            output_append(&self.out, PyBytes_AS_STRING(data), second)
            return self.flush()
        if sent < first:
            self.hand_over(PyBytes_FromStringAndSize(self.out.data + sent, first - sent))
            sent = first
        self.out.len = 0
        if sent < first + second:
            self.hand_over(data if sent == first else memoryview(data)[sent - first:])
        return self.release()

    cdef int write(self, bytes data) except -1:
        """Write `data`; nothing is collected. For a transport that encodes what it is given, as TLS."""
        cdef Py_ssize_t sent = 0
        if self.can_send():
            sent = fc_socket_send(self.fd, PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data), NULL, 0)
        if sent < PyBytes_GET_SIZE(data):
            self.hand_over(data if sent == 0 else memoryview(data)[sent:])
        return 0

    cdef object drain(self):
        """None, or a Future that is done when the transport takes more or the connection is lost."""
        if not self.paused or self.transport is None:
            return None
        future = self.context.loop.create_future()
        if self.waiters is None:
            self.waiters = [future]
        else:
            self.waiters.append(future)
        return future

    cdef int resume(self) except -1:
        """The transport takes more: wake those who wait."""
        self.paused = False
        waiters, self.waiters = self.waiters, None
        return wake_all(waiters)

    cdef bint stalled(self) except -1:
        """Whether the peer has taken nothing of what is queued for write_timeout seconds; asked at each tick."""
        cdef Context context = self.context
        cdef Py_ssize_t queued
        if not self.transport_busy or context.write_timeout == 0:
            return False
        queued = self.transport.get_write_buffer_size()
        self.transport_busy = queued != 0
        if queued != self.queued_bytes:
            self.queued_bytes = queued
            self.progress = context.now
        return queued != 0 and context.now - self.progress >= context.write_timeout

    cdef int close(self) except -1:
        """Close when what the transport has queued has left; what is collected is not written."""
        self.fd = self.socket = -1
        if self.transport is not None:
            self.transport.close()
        return 0

    cdef int shut(self, bint reading_paused) except -1:
        """Shut our side and go on reading: closing at once could destroy what was written (RFC 9112 section 9.6)."""
        if self.transport is None:
            return 0
        if reading_paused:
            # asyncio runs later reads in the context of this call; it must not be an application's.
            self.context.clean_context.copy().run(self.transport.resume_reading)
        self.fd = -1
        self.transport.write_eof()
        return 0

    cdef int abort(self) except -1:
        """Cut the connection: what is collected and what the transport has queued goes nowhere."""
        transport = self.transport
        self.drop()
        if transport is not None:
            transport.abort()
        return 0

    cdef Py_ssize_t unsent(self) except -1:
        """Bytes that were written and that the peer's kernel has not acknowledged, as far as can be told."""
        cdef Py_ssize_t count = 0
        if self.transport is not None:
            count = self.transport.get_write_buffer_size()
            if self.socket >= 0:
                count += fc_socket_unsent(self.socket)
        return count

    cdef int drop(self) except -1:
        """The transport is being aborted: what is collected and what an application still sends goes nowhere."""
        self.fd = self.socket = -1
        self.out.len = 0
        self.transport_busy = False
        self.transport = None
        return self.release()

    cdef int lost(self) except -1:
        """The connection is lost. The loop closes the socket next, whose number may then be another's."""
        self.fd = self.socket = -1
        self.out.len = 0
        self.release()
        self.transport = None
        return self.resume()

    cdef bint can_send(self) except -1:
        """Whether the socket may be written past the transport: it has nothing queued."""
        if self.fd < 0:
            return False
        if self.transport_busy and self.transport.get_write_buffer_size() == 0:
            self.transport_busy = False
        return not self.transport_busy

    cdef int hand_over(self, object data) except -1:
        """Give the transport what the socket did not take."""
        if self.fd >= 0 and self.transport.is_closing():
            # A write has failed; until connection_lost() comes, in the next turn, asyncio's logs each further one.
            return 0
        if not self.transport_busy:
            self.transport_busy = True
            self.queued_bytes = 0
            self.progress = self.context.now
        self.transport.write(data)
        return 0

    cdef int release(self) except -1:
        """Lend the empty buffer to the next connection."""
        cdef Context context = self.context
        if self.out.data is NULL:
            return 0
        if context.spare_buffer is NULL and self.out.capacity <= SPARE_BYTES:
            context.spare_buffer = self.out.data
            context.spare_capacity = self.out.capacity
        else:
            free(self.out.data)
        self.out.data = NULL
        self.out.capacity = 0
        return 0


cdef Writer new_writer(Context context):
    cdef Writer writer = Writer.__new__(Writer)
    writer.context = context
    writer.fd = writer.socket = -1
    return writer
