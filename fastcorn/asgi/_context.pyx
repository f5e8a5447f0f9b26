# SPDX-License-Identifier: MIT
"""Context: the application, limits, clock, default fields and counters that all connections of one worker share.

The worker makes one, hands it to every connection, and calls `tick()` once a second. Connections and cycles read its
fields as C values, which replaces long argument lists and attribute look-ups on the hot path.
"""

import asyncio
import contextvars
import sys
import time

from libc.stdlib cimport calloc, free


cdef enum:
    HTTPS_PORT = 443


cdef double seconds(object value) except -1:
    return 0.0 if value is None else value


cdef int64_t count(object value) except -1:
    return 0 if value is None else value


cdef tuple encode_pair(object name, object value):
    if isinstance(name, str):
        name = name.encode("latin-1")
    if isinstance(value, str):
        value = value.encode("latin-1")
    return name.lower(), value


cdef bytes encode_lines(tuple pairs):
    return b"".join([name + b": " + value + b"\r\n" for name, value in pairs])


# Not email.utils.formatdate: importing it takes as long as importing all of fastcorn.asgi.
cdef tuple DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
cdef tuple MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


cdef bytes http_date(double when):
    """An IMF-fixdate (RFC 9110 section 5.6.7) of `when`, in seconds since the epoch."""
    year, month, day, hour, minute, second, weekday = time.gmtime(when)[:7]
    text = f"{DAYS[weekday]}, {day:02} {MONTHS[month - 1]} {year} {hour:02}:{minute:02}:{second:02} GMT"
    return text.encode("ascii")


cdef class Context:
    """What every connection and cycle of one worker shares.

    Args:
        application: an ASGI/3 callable `(scope, receive, send)`.
        settings: a frozen configuration (`fastcorn.config.Config.freeze()`).
        loop: the running event loop of this worker.
        state: what the lifespan left in its scope's `state`; each request gets a shallow copy.
        access_log: None, or a callable `(scope, status, response_headers, body_bytes, duration)` called once for each
            exchange; `status` is None when the client left before the response began; duration is in seconds.
        error_log: a `logging.Logger`; None = the logger `fastcorn.error`.
    """

    def __init__(self, application, settings, loop, *, dict state=None, access_log=None, error_log=None):
        self.application = application
        self.settings = settings
        self.loop = loop
        self.state = {} if state is None else state
        self.access_log = access_log
        if error_log is None:
            import logging
            error_log = logging.getLogger("fastcorn.error")
        self.error_log = error_log
        self.connections = set()
        self.stream_websockets = set()
        self.running = set()
        self.clean_context = contextvars.copy_context()
        self._read_limits(settings)
        self._make_templates(settings)
        self._make_extensions(settings)
        self._choose_task()
        self.server_pairs = ()
        if settings.include_server_header:
            self.server_pairs = (encode_pair("server", settings.server_header),)
        extra = [*settings.headers, *(("alt-svc", value) for value in settings.alt_svc_headers)]
        self.extra_pairs = tuple([encode_pair(name, value) for name, value in extra])
        self.server_field = encode_lines(self.server_pairs)
        self.extra_fields = encode_lines(self.extra_pairs)
        self.hsts_pairs = ()
        if settings.hsts is not None:
            self.hsts_pairs = (encode_pair("strict-transport-security", settings.hsts),)
        self.hsts_field = encode_lines(self.hsts_pairs)
        self.tick(loop.time())

    def __dealloc__(self):
        free(self.spare_buffer)
        free(self.fields)

    def _read_limits(self, settings):
        self.max_head = settings.h11_max_incomplete_size
        self.max_field = settings.max_field_size
        self.max_target = settings.max_target_size
        self.max_fields = settings.max_header_fields
        self.fields = <fc_field *>calloc(self.max_fields, sizeof(fc_field))
        if self.fields is NULL:
            raise MemoryError
        self.max_body = count(settings.max_request_body_size)
        self.max_concurrent_requests = count(settings.max_concurrent_requests)
        self.max_connections = count(settings.max_connections)
        self.max_connection_requests = count(settings.keep_alive_max_requests)
        self.ssl_handshake_timeout = seconds(settings.ssl_handshake_timeout)
        self.header_read_timeout = seconds(settings.header_read_timeout)
        self.keep_alive_timeout = seconds(settings.keep_alive_timeout)
        self.never_keep_alive = settings.keep_alive_timeout == 0
        self.body_timeout = seconds(settings.body_timeout)
        self.body_min_rate = seconds(settings.body_min_rate)
        self.write_timeout = seconds(settings.write_timeout)
        self.disconnect_grace = -1.0 if settings.app_disconnect_grace is None else settings.app_disconnect_grace
        self.redirect_to_https = settings.redirect_to_https
        self.https_port = settings.redirect_port or HTTPS_PORT
        self.raw_header_names = settings.h11_pass_raw_headers
        self.join_cookies = settings.h2_join_cookies
        self.server_names = None
        if settings.server_names:
            self.server_names = frozenset([name.lower().encode("latin-1") for name in settings.server_names])

    def _make_templates(self, settings):
        self.asgi = {"version": "3.0", "spec_version": settings.asgi_spec_version}
        self.root_path = settings.root_path
        self.http11_scope = {
            "type": "http",
            "asgi": self.asgi,
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": "",
            "raw_path": b"",
            "query_string": b"",
            "root_path": self.root_path,
            "headers": None,
            "client": None,
            "server": None,
            "state": None,
            "extensions": None,
        }
        self.http10_scope = self.http11_scope.copy()
        self.http10_scope["http_version"] = "1.0"
        self.http2_scope = self.http11_scope.copy()
        self.http2_scope["http_version"] = "2"

    def _make_extensions(self, settings):
        self.stopping = asyncio.Event()
        self.http10_extensions = {
            "http.response.pathsend": {},
            "http.response.zerocopysend": {},
            "fastcorn.stopping": {"event": self.stopping},
        }
        self.http11_extensions = {
            "http.response.trailers": {},
            "http.response.early_hint": {},
            **self.http10_extensions,
        }
        self.https10_extensions = {**self.http10_extensions, "tls": None}
        self.https11_extensions = {**self.http11_extensions, "tls": None}
        self.http2_extensions = self.http11_extensions.copy()
        if settings.h2_push:
            self.http2_extensions["http.response.push"] = {}

    def _choose_task(self):
        self.task_class = asyncio.Task
        self.task_options = {"loop": self.loop}
        self.eager = sys.version_info >= (3, 12)
        if self.eager:
            self.task_options["eager_start"] = True

    def tick(self, now=None):
        """Refresh the date and close what is late; the worker calls this once a second.

        Args:
            now: seconds on the loop's clock; None = `loop.time()`.
        """
        self.now = self.loop.time() if now is None else now
        cdef bytes date = http_date(time.time())
        if date != self.date:
            self.date = date
            self.date_pairs = ((b"date", date),) if self.settings.include_date_header else ()
            self.date_field = encode_lines(self.date_pairs)
            self.default_fields = self.server_field + self.date_field + self.extra_fields
            self.default_pairs = self.server_pairs + self.date_pairs + self.extra_pairs
        for connection in list(self.connections):
            connection.check_deadlines()
        for websocket in list(self.stream_websockets):
            websocket.check_deadlines()

    def announce_drain(self):
        """Keep no connection after the answer that comes next; idle ones stay until begin_drain()."""
        self.draining = True
        self.check_idle()

    def begin_drain(self):
        """Stop keeping connections: idle ones close now, busy ones after the response they are at."""
        self.draining = True
        for websocket in list(self.stream_websockets):
            websocket.begin_drain()
        for connection in list(self.connections):
            connection.begin_drain()
        self.check_idle()

    def cancel_all(self):
        """Cancel the tasks of all applications that are still running."""
        for cycle in list(self.running):
            cycle.cancel()

    def abort_all(self):
        """Close every connection at once, whatever it is doing."""
        for connection in list(self.connections):
            connection.cut()

    cdef int add_connection(self, object connection) except -1:
        self.connections.add(connection)
        self.connections_total += 1
        if self.max_connections and not self.accept_paused and len(self.connections) >= self.max_connections:
            self.accept_paused = True
            if self.accept_hook is not None:
                self.accept_hook(True)
        return 0

    cdef int remove_connection(self, object connection) except -1:
        self.connections.discard(connection)
        if self.accept_paused and len(self.connections) < self.max_connections:
            self.accept_paused = False
            if self.accept_hook is not None:
                self.accept_hook(False)
        if self.draining:
            self.check_idle()
        return 0

    cdef int hand_on(self, object connection) except -1:
        """The same socket is about to be added as another connection: it counts once."""
        self.connections.discard(connection)
        self.connections_total -= 1
        return 0

    cdef int replace_connection(self, object old, object new) except -1:
        """The same socket is another connection's from now on."""
        self.connections.discard(old)
        self.connections.add(new)
        return 0

    cdef int become_websocket(self, object connection, object websocket) except -1:
        self.replace_connection(connection, websocket)
        self.websockets += 1
        return 0

    cdef int add_websocket(self, object websocket) except -1:
        """A stream of a connection carries a WebSocket from now on; the connection stays what it is."""
        self.stream_websockets.add(websocket)
        self.websockets += 1
        return 0

    cdef int remove_websocket(self, object websocket) except -1:
        self.websockets -= 1
        self.stream_websockets.discard(websocket)
        return self.remove_connection(websocket)

    cdef int flush_soon(self, object connection) except -1:
        """Flush a connection at the end of this turn: what several tasks send it meanwhile is one write."""
        if self.unflushed is None:
            self.unflushed = [connection]
            self.loop.call_soon(self.flush_all, context=self.clean_context.copy())
        else:
            self.unflushed.append(connection)
        return 0

    def flush_all(self):
        """Write what connections have collected outside of steps of their own applications."""
        unflushed, self.unflushed = self.unflushed, None
        for connection in unflushed:
            connection.flush_collected()

    cdef int request_started(self) except -1:
        self.active_requests += 1
        self.requests_total += 1
        if self.requests_total == self.request_limit:
            self.loop.call_soon(self.request_limit_hook)
        return 0

    cdef int request_ended(self) except -1:
        self.active_requests -= 1
        if self.draining:
            self.check_idle()
        return 0

    cdef int check_idle(self) except -1:
        if self.draining and self.active_requests == 0 and not self.connections and self.when_idle is not None:
            callback, self.when_idle = self.when_idle, None
            callback()
        return 0

    cdef int log_access(self, dict scope, object status, list headers, int64_t body_bytes, double duration) except -1:
        """A line in the access log, if it is on. What it raises goes to the error log: the answer is not to blame."""
        if self.access_log is None:
            return 0
        try:
            self.access_log(scope, status, headers, body_bytes, duration)
        except Exception as error:
            self.error_log.error("The access log failed", exc_info=error)
        return 0
