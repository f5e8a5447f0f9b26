# SPDX-License-Identifier: MIT
# Context: what every connection and cycle of one worker shares.

from libc.stdint cimport int64_t, uint32_t


cdef extern from "head.h":
    ctypedef struct fc_field:
        pass


cdef class Context:
    # The application, its loop, and where messages to people go.
    cdef readonly object application
    cdef readonly object loop
    cdef readonly object settings
    cdef readonly object error_log
    cdef readonly object access_log     # None = off, and then nothing is timed or kept for it
    cdef readonly dict state            # the lifespan's state, copied for each request

    # How a task is made: asyncio.Task(coroutine, **task_options).
    cdef object task_class
    cdef dict task_options
    cdef readonly bint eager            # the first step of an application runs inside data_received()

    cdef object clean_context           # the contextvars of no request; callbacks that begin requests run in a copy

    # What a scope begins as. The values are placeholders; the keys are all there, so that no copy grows.
    cdef dict http10_scope
    cdef dict http11_scope
    cdef dict http2_scope
    cdef readonly object stopping       # an asyncio.Event, for applications: set when they should come to an end
    cdef dict http10_extensions
    cdef dict http11_extensions
    cdef dict https10_extensions        # over TLS: with a place for `tls`
    cdef dict https11_extensions
    cdef dict http2_extensions
    cdef dict asgi
    cdef object root_path

    # Limits. 0 = no limit.
    cdef uint32_t max_head
    cdef uint32_t max_field
    cdef uint32_t max_target
    cdef uint32_t max_fields
    cdef fc_field *fields               # room for max_fields, used while one head is parsed
    cdef int64_t max_body
    cdef Py_ssize_t max_concurrent_requests
    cdef Py_ssize_t max_connections
    cdef Py_ssize_t max_connection_requests
    cdef bint never_keep_alive          # keep_alive_timeout is 0
    cdef frozenset server_names         # lower-case bytes; None = every host
    cdef bint redirect_to_https         # what comes without TLS is redirected,
    cdef public int https_port          # to this port
    cdef bint raw_header_names          # keep the case of request field names
    cdef bint join_cookies              # of an HTTP/2 request, into one field

    # Deadlines in seconds. 0 = none.
    cdef double ssl_handshake_timeout
    cdef double header_read_timeout
    cdef double keep_alive_timeout
    cdef double body_timeout
    cdef double body_min_rate
    cdef double write_timeout
    cdef double disconnect_grace

    # The clock of the deadlines: loop.time() as of the last tick.
    cdef readonly double now

    # Encoded default response fields; `date` is made anew each second.
    cdef bytes server_field
    cdef bytes date_field
    cdef bytes extra_fields             # settings.headers and Alt-Svc
    cdef bytes default_fields           # all of them
    cdef tuple server_pairs             # the same as pairs of name and value, for HTTP/2
    cdef tuple date_pairs
    cdef tuple extra_pairs
    cdef tuple default_pairs
    cdef readonly bytes hsts_field      # for answers over TLS
    cdef readonly tuple hsts_pairs
    cdef readonly bytes date

    # What lives, and what has been counted.
    cdef readonly set connections
    cdef readonly set running           # cycles whose application has been suspended at least once and has not ended
    cdef readonly Py_ssize_t active_requests
    cdef readonly int64_t requests_total
    cdef readonly int64_t connections_total
    cdef readonly int64_t errors_total
    cdef readonly Py_ssize_t websockets  # connections, and streams of connections, that have become WebSockets
    cdef set stream_websockets          # those on streams: their connection is one of `connections`
    cdef readonly bint draining
    cdef bint accept_paused
    cdef public int64_t request_limit   # request_limit_hook is called when so many applications were called; 0 = never
    cdef public object request_limit_hook
    cdef public object when_idle
    cdef public object accept_hook

    # Answers a request to become a WebSocket (fastcorn.protocols.handshake.open_handshake); None = it stays HTTP.
    cdef public object websocket_factory
    # Make what speaks HTTP/2 on a connection (fastcorn.protocols.http2.open_http2, open_upgrade); None = nobody does.
    cdef public object http2_factory
    cdef public object h2c_factory
    cdef object response_heads          # that have left (fastcorn.protocols._response_head); None before the first
    cdef list unflushed                 # connections that have something to write at the end of this turn

    # A buffer that connections lend one another, so that an idle one holds none.
    cdef char *spare_buffer
    cdef size_t spare_capacity

    cdef int add_connection(self, object connection) except -1
    cdef int replace_connection(self, object old, object new) except -1
    cdef int remove_connection(self, object connection) except -1
    cdef int hand_on(self, object connection) except -1
    cdef int become_websocket(self, object connection, object websocket) except -1
    cdef int add_websocket(self, object websocket) except -1
    cdef int remove_websocket(self, object websocket) except -1
    cdef int flush_soon(self, object connection) except -1
    cdef int request_started(self) except -1
    cdef int request_ended(self) except -1
    cdef int check_idle(self) except -1
    cdef int log_access(self, dict scope, object status, list headers, int64_t body_bytes, double duration) except -1
