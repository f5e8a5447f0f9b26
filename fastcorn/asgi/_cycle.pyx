# SPDX-License-Identifier: MIT
"""HTTPCycle: one HTTP exchange as ASGI sees it, for every HTTP version.

Longer: this file - every message of an exchange reads and moves the one state of its response.

A connection makes a cycle for each request (`new_cycle`), feeds it (`feed_body`, `feed_disconnect`) and is asked by it
through `Stream`. The cycle is run by `_run`, turns `receive()` and `send()` into those calls, and checks
that the messages make a valid response. Specification: ASGI HTTP 2.5, with the extensions trailers, early_hint,
pathsend and zerocopysend.
"""

import collections.abc
import os
import stat
import time

cimport cython
from cpython.bytes cimport PyBytes_CheckExact, PyBytes_GET_SIZE
from cpython.dict cimport PyDict_Next
from cpython.object cimport PyObject
from libc.stdint cimport int64_t

from fastcorn.asgi._context cimport Context
from fastcorn.asgi._coroutine cimport FINISHED, new_wait, new_yield
from fastcorn.asgi._run cimport Cycle, fc_bind
from fastcorn.asgi._stream cimport Stream
from fastcorn.asgi._waiters cimport wake_all

from fastcorn.errors import ClientDisconnected, MessageError


cdef extern from "Python.h":
    void PyErr_SetObject(object type, object value) noexcept


cdef enum:
    # Body bytes in one step of the application after which send() lets other tasks run: about half a millisecond of
    # copying, so that a large download holds up nobody.
    STEP_BYTES = 512 * 1024
    # Parts of a body that wait are joined up to here: an object for each byte would take 40 times the memory.
    SMALL_CHUNK = 4 * 1024

# The methods of a cycle that its application gets.
cdef object RECEIVE_METHOD, SEND_METHOD

cdef str TYPE = "type"
cdef str STATUS = "status"
cdef str HEADERS = "headers"
cdef str TRAILERS_KEY = "trailers"
cdef str BODY_KEY = "body"
cdef str MORE_BODY = "more_body"
cdef str RESPONSE_START = "http.response.start"
cdef str RESPONSE_BODY = "http.response.body"
cdef frozenset KEYS = frozenset((TYPE, STATUS, HEADERS, TRAILERS_KEY, BODY_KEY, MORE_BODY))


@cython.final
@cython.freelist(64)
cdef class Receive:
    """What `receive()` returns. It takes a message only when it is awaited, so one that is cancelled loses none."""
    cdef HTTPCycle cycle

    def __await__(self):
        return self

    def __iter__(self):
        return self

    def __next__(self):
        # A message that is there is returned without suspending: Starlette asks inside a cancelled scope.
        message = self.cycle.take_message()
        if message is not None:
            # The bare raise is compiled to `return NULL`, which keeps the exception set here: one without a traceback,
            # for a fifth of the cost.
            PyErr_SetObject(StopIteration, message)
            raise StopIteration
        future = self.cycle.wait_for_message()
        future._asyncio_future_blocking = True
        return future

    def send(self, value):
        return next(self)

    def throw(self, type, value=None, traceback=None):
        raise type if value is None else value

    def close(self):
        pass


collections.abc.Coroutine.register(Receive)


@cython.final
cdef class HTTPCycle(Cycle):
    """One HTTP exchange as ASGI sees it."""

    # ---- the application -------------------------------------------------------------------------------------------

    cdef object call_application(self, object application):
        return application(self.scope, fc_bind(RECEIVE_METHOD, self), fc_bind(SEND_METHOD, self))

    cdef int step_ended(self) except -1:
        cdef Stream stream = self.stream
        if stream is not None:
            if self.state == ENDED:
                self.stream = None
            stream.step_ended()
        return 0

    cdef int application_returned(self) except -1:
        if self.state != ENDED and not self.disconnected:
            if self.state == NOT_STARTED:
                text = "The application returned without a response to %s %s: it never sent 'http.response.start'"
            else:
                text = "The application returned before its response to %s %s was complete; the connection is cut"
            self.fail()
            self.log_error(text)
        return 0

    cdef int application_raised(self, object error) except -1:
        if not (self.disconnected and only_disconnects(error)):
            self.context.errors_total += 1
            self.fail()
            return self.log_error("Exception in the application at %s %s", error)
        return self.fail()

    cdef int log_error(self, str text, object error=None) except -1:
        """A line in the error log. What a log handler raises goes to the loop: the exchange has to end all the same."""
        try:
            path = self.scope["path"]
            if not path.isprintable():      # a decoded line feed would begin a line of the log
                path = path.encode("unicode_escape").decode()
            self.context.error_log.error(text, self.scope["method"], path, exc_info=error)
        except Exception as broken:
            self.context.loop.call_exception_handler({"message": "The error log failed", "exception": broken})
        return 0

    cdef int fail(self) except -1:
        """Answer 500 when nothing was sent yet; else cut the response, so that its truncation is visible."""
        if self.state == ENDED or self.disconnected:
            return 0
        if self.state != NOT_STARTED:
            return self.cut()
        # As if within a step: head and body leave together when the caller ends it.
        self.running = True
        try:
            self.start_response(500, [(b"content-type", b"text/plain; charset=utf-8")], False)
            self.send_response_body(b"Internal Server Error", False)
        finally:
            self.running = False
        return 0

    # ---- the request -----------------------------------------------------------------------------------------------

    cdef int feed_body(self, bytes data, bint end) except -1:
        cdef Py_ssize_t size = PyBytes_GET_SIZE(data)
        cdef bytes last
        if size:
            if self.chunks is None:
                self.chunks = [data]
            else:
                last = self.chunks[len(self.chunks) - 1]
                if size < SMALL_CHUNK and PyBytes_GET_SIZE(last) < SMALL_CHUNK:
                    self.chunks[len(self.chunks) - 1] = last + data
                else:
                    self.chunks.append(data)
            self.buffered += size
        if end:
            self.body_ended = True
        return self.wake()

    cdef int feed_disconnect(self) except -1:
        """The client has gone; nothing can be sent any more."""
        self.stream = None
        if self.state == ENDED:
            return 0
        self.disconnected = True
        self.log_access()
        if self.context.disconnect_grace >= 0 and not self.finished:
            self.context.loop.call_later(self.context.disconnect_grace, self.cancel)
        return self.wake()

    cdef int wake(self) except -1:
        waiters, self.waiters = self.waiters, None
        return wake_all(waiters)

    cdef object wait_for_message(self):
        future = self.context.loop.create_future()
        if self.waiters is None:
            self.waiters = [future]
        else:
            self.waiters.append(future)
        return future

    cdef object take_message(self):
        """The next message for receive(), or None when there is none yet."""
        cdef Stream stream = self.stream    # held here: what it reads or writes now may end it
        if not self.body_delivered and (self.body_ended or self.state != ENDED):
            if self.body_ended or self.chunks is not None:
                return self.take_body()
            if stream is not None:
                stream.want_body()
                if self.chunks is None and not self.body_ended and not self.disconnected:
                    return None
                return self.take_message()
        if self.disconnected or self.state == ENDED:
            return {"type": "http.disconnect"}
        return None

    cdef object take_body(self):
        cdef Stream stream = self.stream    # as in take_message()
        cdef bytes body
        if self.chunks is None:
            body = b""
        elif len(self.chunks) == 1:
            body = self.chunks[0]
        else:
            body = b"".join(self.chunks)
        self.chunks = None
        self.buffered = 0
        if self.body_ended:
            self.body_delivered = True
        elif stream is not None:
            stream.want_body()
        return {"type": "http.request", "body": body, "more_body": not self.body_delivered}

    @cython.binding(False)
    def receive(self):
        """The ASGI `receive`: an awaitable of the next message."""
        cdef Receive receive = Receive.__new__(Receive)
        receive.cycle = self
        return receive

    # ---- the response ----------------------------------------------------------------------------------------------

    @cython.binding(False)
    def send(self, message):
        """The ASGI `send`: takes effect at once; what it returns is awaited only when the client is slow.

        Raises:
            MessageError: the message is malformed or out of order.
            ClientDisconnected: the client has gone.
        """
        cdef PyObject *key_pointer
        cdef PyObject *value_pointer
        cdef Py_ssize_t position = 0
        cdef object kind = None, status = None, headers = None, body = None
        cdef bint trailers = False, more_body = False
        if type(message) is not dict:
            message = to_dict(message)
        # Walking the few items is quicker than looking keys up; literals are interned, so `is` nearly always decides.
        while PyDict_Next(message, &position, &key_pointer, &value_pointer):
            key = <object>key_pointer
            value = <object>value_pointer
            if key is not TYPE and key is not BODY_KEY and key is not STATUS and key is not HEADERS:
                key = known_key(key)
            if key is TYPE:
                kind = value
            elif key is BODY_KEY:
                body = value
            elif key is STATUS:
                status = value
            elif key is HEADERS:
                headers = value
            elif key is MORE_BODY:
                more_body = bool(value)
            elif key is TRAILERS_KEY:
                trailers = bool(value)
        if kind is RESPONSE_START or kind == RESPONSE_START:
            return self.start_response(status, headers, trailers)
        if kind is RESPONSE_BODY or kind == RESPONSE_BODY:
            return self.send_response_body(body, more_body)
        return self.send_rare(kind, message)

    cdef int check_open(self, str kind) except -1:
        """Raise unless a message of this kind can still go out."""
        if self.disconnected:
            raise ClientDisconnected(f"the client has gone; {kind} was not sent")
        return 0

    cdef object start_response(self, object status, object headers, bint trailers):
        cdef Stream stream = self.stream
        self.check_open("http.response.start")
        if self.state != NOT_STARTED:
            raise MessageError("a second 'http.response.start': each exchange has one response")
        if not isinstance(status, int) or isinstance(status, bool):
            raise MessageError(f"'http.response.start' needs an int as 'status', not {status!r}")
        if not 200 <= status <= 999:
            raise MessageError(
                f"'http.response.start' with status {status}: a final response has 200 to 999; "
                "hints go out by 'http.response.early_hint'"
            )
        self.state = ENCODING
        self.status = status
        try:
            if headers is None:
                headers = ()
            elif self.context.access_log is not None:
                headers = self.response_headers = list(headers)
            stream.send_head(self.status, headers, trailers)
        except BaseException:
            self.state = NOT_STARTED
            self.status = 0
            raise
        self.state = BODY
        self.trailers = trailers
        self.expected = stream.response_length
        self.no_body = self.head_request or self.status == 204 or self.status == 304
        return FINISHED

    cdef object send_response_body(self, object body, bint more_body):
        cdef bytes data
        cdef Py_ssize_t length
        self.check_open("http.response.body")
        if self.state != BODY:
            if self.state <= ENCODING:
                raise MessageError("'http.response.body' before 'http.response.start'")
            if self.state == TRAILERS:
                raise MessageError("'http.response.body' after the last one: 'http.response.trailers' was announced")
            return FINISHED     # ASGI: messages after the last body are ignored
        if body is None:
            data = b""
        elif PyBytes_CheckExact(body):
            data = body
        else:
            data = to_bytes(body)
        length = PyBytes_GET_SIZE(data)
        self.sent += length
        if self.expected >= 0 and not self.no_body:
            if self.sent > self.expected:
                self.cut()
                raise MessageError(
                    f"the body is longer than its content-length of {self.expected}; the connection is cut"
                )
            if not more_body and self.sent < self.expected:
                self.context.error_log.error(
                    "The body of %s %s ended after %d of the %d bytes of its content-length; the connection is cut",
                    self.scope["method"], self.scope["path"], self.sent, self.expected,
                )
                self.cut()
                return FINISHED
        stream = self.stream
        (<Stream>stream).send_body(b"" if self.no_body else data, not more_body)
        if more_body:
            self.step_bytes += length
            if not self.running:
                (<Stream>stream).step_ended()
        else:
            self.body_sent()
        return self.after_send(stream)

    cdef object after_send(self, Stream stream):
        """What send() returns after body bytes: nothing to wait for, a slow client, or a turn for the others."""
        future = stream.drain()
        if future is not None:
            return new_wait(future)
        if self.step_bytes >= STEP_BYTES:
            self.step_bytes = 0
            return new_yield()
        return FINISHED

    cdef int body_sent(self) except -1:
        if self.trailers:
            self.state = TRAILERS
            return 0
        return self.end_response()

    cdef int end_response(self) except -1:
        cdef Stream stream = self.stream
        self.state = ENDED
        self.log_access()
        stream.exchange_ended()
        self.wake()
        if not self.running:
            self.step_ended()
        return 0

    cdef int cut(self) except -1:
        cdef Stream stream = self.stream
        self.state = ENDED
        self.stream = None
        self.log_access()
        if stream is not None:
            stream.abort()
        return self.wake()

    cdef int log_access(self) except -1:
        cdef Context context = self.context
        if context.access_log is None:
            return 0
        return context.log_access(
            self.scope,
            self.status if self.status else None,
            self.response_headers if self.response_headers is not None else [],
            0 if self.no_body else self.sent,
            time.perf_counter() - self.started_at,
        )

    # ---- extensions ------------------------------------------------------------------------------------------------

    cdef object send_rare(self, object kind, dict message):
        if kind == "http.response.trailers":
            return self.send_response_trailers(message)
        if kind == "http.response.early_hint":
            return self.send_early_hint(message)
        if kind == "http.response.push":
            return self.send_push(message)
        if kind == "http.response.pathsend":
            return self.send_path(message)
        if kind == "http.response.zerocopysend":
            return self.send_open_file(message)
        if kind is None:
            raise MessageError("a message without 'type'")
        raise MessageError(
            f"unexpected message {kind!r}: an http exchange takes 'http.response.start', 'http.response.body' and the "
            "messages of scope['extensions']"
        )

    cdef object send_response_trailers(self, dict message):
        cdef bint more = bool(message.get("more_trailers", False))
        self.check_open("http.response.trailers")
        if self.state == ENDED:
            return FINISHED
        if self.state != TRAILERS:
            raise MessageError(
                "'http.response.trailers' out of order: it follows the last 'http.response.body' of a response whose "
                "'http.response.start' has 'trailers': True"
            )
        self.state = ENCODING
        try:
            self.stream.send_trailers(message.get("headers", ()), not more)
        finally:
            self.state = TRAILERS
        if not more:
            self.end_response()
        return FINISHED

    cdef object send_early_hint(self, dict message):
        cdef Stream stream = self.stream    # as in take_message()
        cdef list fields = []
        self.check_open("http.response.early_hint")
        if self.state != NOT_STARTED and (self.state != BODY or self.sent):
            raise MessageError("'http.response.early_hint' after the body has begun: hints go out before it")
        links = message.get("links")
        if links is None or isinstance(links, (bytes, str)):
            raise MessageError("'http.response.early_hint' needs 'links', an iterable of bytes")
        for link in links:
            fields.append((b"link", link))
        stream.send_info(103, fields)
        return FINISHED

    cdef object send_push(self, dict message):
        self.check_open("http.response.push")
        if self.state == ENDED:
            return FINISHED
        if "http.response.push" not in self.scope["extensions"]:
            raise MessageError("'http.response.push' over this connection: look for it in scope['extensions'] first")
        # ASGI has it after the start; Starlette and Quart promise before, and HTTP/2 does not mind.
        if self.state != NOT_STARTED and self.state != BODY:
            raise MessageError("'http.response.push' out of order: it goes before the end of the body")
        path = message.get("path")
        if not isinstance(path, str) or not path.startswith("/") or not path.isascii() or not path.isprintable() or (
            " " in path
        ):
            raise MessageError(
                f"'http.response.push' needs a 'path' that begins with / and is percent-encoded, not {path!r}"
            )
        self.stream.send_push(path, message.get("headers", ()))
        return FINISHED

    cdef object begin_file(self, str kind):
        """Raise unless a file may be sent now."""
        self.check_open(kind)
        if self.state != BODY:
            raise MessageError(f"{kind!r} {'before' if self.state == NOT_STARTED else 'after'} the response")

    def send_path(self, message):
        """Start `http.response.pathsend`: the whole body is the file at an absolute path."""
        self.begin_file("http.response.pathsend")
        path = message.get("path")
        if not isinstance(path, (str, os.PathLike)) or not os.path.isabs(path):
            raise MessageError(f"'http.response.pathsend' needs an absolute 'path', not {path!r}")
        if self.sent:
            raise MessageError("'http.response.pathsend' after body bytes: it sends the whole body")
        return self.run_path(path)

    async def run_path(self, path):
        try:
            file = open(path, "rb", buffering=0, opener=open_without_waiting)
        except OSError as error:
            # The head may have left; a 404 of our own under the application's fields would be a lie.
            self.cut()
            raise MessageError(f"'http.response.pathsend' cannot open {os.fspath(path)!r}: {error.strerror}") from error
        with file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                self.cut()
                raise MessageError(f"'http.response.pathsend' needs a regular file, not {os.fspath(path)!r}")
            await self.run_file(file, 0, status.st_size, False)

    def send_open_file(self, message):
        """Start `http.response.zerocopysend`: a part of the body is (a part of) an open file."""
        self.begin_file("http.response.zerocopysend")
        file = message.get("file")
        offset = message.get("offset")
        count = message.get("count")
        if not hasattr(file, "read"):
            raise MessageError(f"'http.response.zerocopysend' needs an open file as 'file', not {file!r}")
        for name, value in (("offset", offset), ("count", count)):
            if value is not None and (not isinstance(value, int) or value < 0):
                raise MessageError(f"'http.response.zerocopysend' needs an int from 0 as {name!r}, not {value!r}")
        if count is not None and self.expected >= 0 and not self.no_body and count > self.expected - self.sent:
            count = shorter(count, file, offset)
            if count > self.expected - self.sent:
                self.cut()
                raise MessageError(
                    f"the body is longer than its content-length of {self.expected}; the connection is cut"
                )
        return self.run_file(file, offset, count, bool(message.get("more_body", False)))

    async def run_file(self, file, offset, count, more_body):
        cdef int64_t length
        left = None if self.expected < 0 or self.no_body else self.expected - self.sent
        if self.no_body:
            length = 0 if count is None else count
            self.stream.send_body(b"", not more_body)
        else:
            # Never more than the content-length allows: the rest would be read as the next response.
            if left is not None and (count is None or count > left):
                count = left
            stream = self.stream
            length = await (<Stream>stream).send_file(file, offset, count, not more_body)
            # The stream may have announced the length of the file as the content-length.
            self.expected = (<Stream>stream).response_length
        self.sent += length
        self.check_open("the rest of a file")
        if self.state != BODY:
            return
        if not more_body:
            if self.expected >= 0 and not self.no_body and self.sent < self.expected:
                self.context.error_log.error(
                    "The file sent to %s %s ended after %d of %d bytes of content-length; the connection is cut",
                    self.scope["method"], self.scope["path"], self.sent, self.expected,
                )
                self.cut()
            else:
                self.body_sent()


cdef HTTPCycle new_cycle(Context context, Stream stream, dict scope, bint head_request):
    cdef HTTPCycle cycle = HTTPCycle.__new__(HTTPCycle)
    cycle.context = context
    cycle.stream = stream
    cycle.scope = scope
    cycle.head_request = head_request
    cycle.expected = -1
    if context.access_log is not None:
        cycle.started_at = time.perf_counter()
    return cycle


cdef object known_key(object key):
    """The interned key equal to this one, or None: rarely used ones, and keys that were made at run time."""
    if key is MORE_BODY or key is TRAILERS_KEY:
        return key
    if key in KEYS:
        for known in KEYS:
            if known == key:
                return known
    return None


cdef object shorter(object count, object file, object offset):
    """count, or what a regular file has from offset on when that is less."""
    try:
        status = os.fstat(file.fileno())
    except (AttributeError, OSError):
        return count
    if not stat.S_ISREG(status.st_mode):
        return count
    return min(count, status.st_size - (file.tell() if offset is None else offset))


def open_without_waiting(path, flags):
    """Open a file as `open()` asks, but a pipe without waiting for its writer: it is refused a moment later."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


cdef dict to_dict(object message):
    if isinstance(message, collections.abc.Mapping):
        return dict(message)
    raise MessageError(f"send() takes a dict, not {type(message).__name__}")


cdef bytes to_bytes(object body):
    if isinstance(body, (bytes, bytearray, memoryview)):
        return bytes(body)
    raise MessageError(f"'http.response.body' needs bytes as 'body', not {type(body).__name__}")


cdef bint only_disconnects(object error):
    """Whether an error only says that the client has gone; a task group raises a group of such errors.

    Starlette makes its ClientDisconnect of our error and of the event; asking for the name spares us the import.
    """
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            if not only_disconnects(inner):
                return False
        return True
    return isinstance(error, ClientDisconnected) or type(error).__name__ == "ClientDisconnect"


RECEIVE_METHOD = HTTPCycle.__dict__["receive"]
SEND_METHOD = HTTPCycle.__dict__["send"]
