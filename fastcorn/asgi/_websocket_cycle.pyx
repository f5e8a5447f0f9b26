# SPDX-License-Identifier: MIT
"""WebSocketCycle: one WebSocket as ASGI sees it, from the handshake to the end, for every HTTP version.

Longer: this file - every message of a WebSocket reads and moves the one state of the exchange.

A connection makes a cycle for a request to become a WebSocket (`new_websocket_cycle`), feeds it (`feed_message`,
`feed_close`, `feed_disconnect`) and is asked by it through `Stream`. The cycle is run by `_run`, turns `receive()` and
`send()` into those calls, and checks that the messages make sense. Specification: ASGI WebSocket 2.5, with the
extension websocket.http.response.
"""

import asyncio
import collections.abc
import time

cimport cython
from cpython.bytes cimport PyBytes_CheckExact, PyBytes_GET_SIZE
from cpython.dict cimport PyDict_GetItem
from cpython.list cimport PyList_GET_SIZE
from cpython.object cimport PyObject

from fastcorn.asgi._context cimport Context
from fastcorn.asgi._coroutine cimport FINISHED, new_wait, new_yield
from fastcorn.asgi._run cimport Cycle, fc_bind
from fastcorn.asgi._stream cimport Stream
from fastcorn.asgi._waiters cimport wake_all

from fastcorn.errors import ClientDisconnected, MessageError


cdef extern from "Python.h":
    void PyErr_SetObject(object type, object value) noexcept
    Py_ssize_t PyUnicode_GET_LENGTH(object text)
    int PyUnicode_KIND(object text)
    object PyUnicode_FromObject(object text)    # an exact str, also of a subclass


cdef enum:
    # Bytes sent in one step of the application after which send() lets other tasks run.
    STEP_BYTES = 512 * 1024
    # RFC 6455 section 5.5: a control frame has at most 125 bytes, two of which are the code.
    MAX_REASON = 123

    NORMAL_CLOSURE = 1000
    NO_STATUS = 1005
    ABNORMAL_CLOSURE = 1006
    INTERNAL_ERROR = 1011
    SERVICE_RESTART = 1012

cdef object current_task = asyncio.current_task

# The methods of a cycle that its application gets.
cdef object RECEIVE_METHOD, SEND_METHOD

cdef str TYPE = "type"
cdef str TEXT = "text"
cdef str BYTES = "bytes"
cdef str SEND = "websocket.send"
cdef tuple PLAIN_TEXT = (b"content-type", b"text/plain; charset=utf-8")

# What the server says itself when it accepts.
cdef frozenset HANDSHAKE_FIELDS = frozenset(
    (b"sec-websocket-protocol", b"sec-websocket-extensions", b"sec-websocket-accept", b"upgrade")
)


@cython.final
@cython.freelist(64)
cdef class WebSocketReceive:
    """What `receive()` returns. It takes a message only when it is awaited, so one that is cancelled loses none."""
    cdef WebSocketCycle cycle

    def __await__(self):
        return self

    def __iter__(self):
        return self

    def __next__(self):
        message = self.cycle.next_event()
        if message is not None:
            # The bare raise is compiled to `return NULL`, which keeps the exception set here, without a traceback.
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


collections.abc.Coroutine.register(WebSocketReceive)


@cython.final
cdef class WebSocketCycle(Cycle):
    """One WebSocket as ASGI sees it."""

    # ---- the application -------------------------------------------------------------------------------------------

    def run(self):
        """Call the application and run it in a task."""
        self.start()

    cdef object call_application(self, object application):
        return application(self.scope, fc_bind(RECEIVE_METHOD, self), fc_bind(SEND_METHOD, self))

    cdef int step_ended(self) except -1:
        cdef Stream stream = self.stream
        if stream is not None:
            if self.state == OVER and not self.accepted:
                self.stream = None
            stream.step_ended()
        return 0

    cdef int application_returned(self) except -1:
        if self.gone or self.state == OVER:
            return 0
        if self.state == OPEN:
            return self.close_stream(NORMAL_CLOSURE, "")
        if self.state == DENYING:
            self.log_error("The application returned before its refusal of the WebSocket %s was complete")
            return self.cut()
        self.refuse(500, "Internal Server Error")
        return self.log_error(
            "The application returned without an answer to the WebSocket %s: it sent neither 'websocket.accept' "
            "nor 'websocket.close'"
        )

    cdef int application_raised(self, object error) except -1:
        if self.gone and is_about_disconnect(error):
            return self.fail()
        self.context.errors_total += 1
        self.fail()
        return self.log_error("Exception in the application at the WebSocket %s", error)

    cdef int fail(self) except -1:
        """The application has not ended as it should: tell the client so, as far as the exchange has come."""
        if self.gone or self.state == OVER:
            return 0
        if self.state == OPEN:
            return self.close_stream(SERVICE_RESTART if self.context.draining else INTERNAL_ERROR, "")
        if self.state == DENYING:
            return self.cut()
        return self.refuse(500, "Internal Server Error")

    cdef int log_error(self, str text, object error=None) except -1:
        """A line in the error log. What a log handler raises goes to the loop: the exchange has to end all the same."""
        try:
            path = self.scope["path"]
            if not path.isprintable():      # a decoded line feed would begin a line of the log
                path = path.encode("unicode_escape").decode()
            self.context.error_log.error(text, path, exc_info=error)
        except Exception as broken:
            self.context.loop.call_exception_handler({"message": "The error log failed", "exception": broken})
        return 0

    # ---- up --------------------------------------------------------------------------------------------------------

    cdef int feed_message(self, object message) except -1:
        """A whole message has come, str or bytes."""
        self.queue.append(message)
        self.queued_bytes += memory_size(message)
        return 0

    cdef bint has_messages(self) noexcept:
        return PyList_GET_SIZE(self.queue) > self.queue_head

    cdef bint is_full(self) noexcept:
        return (
            self.queued_bytes >= self.max_queue_bytes
            or PyList_GET_SIZE(self.queue) - self.queue_head >= self.max_queue_messages
        )

    cdef int feed_close(self, int code, str reason) except -1:
        """No message comes after those that have come, and nothing can be sent any more."""
        self.gone = True
        if self.close_code == 0:
            self.close_code = code
            self.close_reason = reason
        return 0

    cdef int feed_disconnect(self) except -1:
        """The connection is lost, or was closed; it lets go."""
        self.stream = None
        self.feed_close(ABNORMAL_CLOSURE, "")
        self.client_left()
        return self.wake()

    cdef int client_left(self) except -1:
        """The socket is lost; there may still be messages that came before."""
        self.gone = True
        if self.let_go:
            return 0
        self.let_go = True
        self.log_access()
        if self.context.disconnect_grace >= 0 and not self.finished:
            self.context.loop.call_later(self.context.disconnect_grace, self.cancel)
        return 0

    cdef int feed_drain(self) except -1:
        """The server is about to stop: who is not a WebSocket yet may ask another server."""
        if self.state == CONNECTING and not self.gone:
            self.feed_close(SERVICE_RESTART, "")
            self.refuse(503, "Service Unavailable")
            if not self.running:
                self.step_ended()
            self.wake()
        return 0

    cdef int wake(self) except -1:
        """Let the application have what has come, at once where that can be."""
        if self.waiter is not None and not self.running and not self.step_now():
            waiter, self.waiter = self.waiter, None
            if not waiter.done():
                waiter.set_result(None)
        waiters, self.other_waiters = self.other_waiters, None
        return wake_all(waiters)

    # ---- receive() -------------------------------------------------------------------------------------------------

    cdef object next_event(self):
        """The next event for receive(), or None when there is none yet."""
        cdef Stream stream = self.stream    # held here: what it takes up now may end it
        cdef object message
        if not self.connect_received:
            self.connect_received = True
            return {"type": "websocket.connect"}
        if self.queue_head == PyList_GET_SIZE(self.queue) and self.held_back and stream is not None:
            stream.want_body()
        if self.queue_head < PyList_GET_SIZE(self.queue):
            message = self.take_message()
            if type(message) is str:
                return {"type": "websocket.receive", "bytes": None, "text": message}
            return {"type": "websocket.receive", "bytes": message, "text": None}
        if self.close_code:
            return {"type": "websocket.disconnect", "code": self.close_code, "reason": self.close_reason}
        return None

    cdef object take_message(self):
        cdef object message = self.queue[self.queue_head]
        self.queue[self.queue_head] = None
        self.queue_head += 1
        self.queued_bytes -= memory_size(message)
        if self.queue_head == PyList_GET_SIZE(self.queue) or self.queue_head > 1024:
            del self.queue[:self.queue_head]
            self.queue_head = 0
        return message

    cdef object wait_for_message(self):
        cdef object loop = self.context.loop
        if self.running and self.task is not None and current_task(loop) is self.task:
            # The task may be waiting for this very future, when this step is not its own: see Cycle.step_now().
            if self.waiter is None or self.waiter.done():
                self.waiter = loop.create_future()
            return self.waiter
        future = loop.create_future()
        if self.other_waiters is None:
            self.other_waiters = []
        self.other_waiters.append(future)
        return future

    @cython.binding(False)
    def receive(self):
        """The ASGI `receive`: an awaitable of the next event."""
        cdef WebSocketReceive receive = WebSocketReceive.__new__(WebSocketReceive)
        receive.cycle = self
        return receive

    # ---- send() ----------------------------------------------------------------------------------------------------

    @cython.binding(False)
    def send(self, message):
        """The ASGI `send`: takes effect at once; what it returns is awaited only when the client is slow.

        Raises:
            MessageError: the message is malformed or out of order.
            ClientDisconnected: the WebSocket is closed.
        """
        cdef PyObject *kind
        cdef PyObject *text
        cdef PyObject *data
        if type(message) is not dict:
            message = to_dict(message)
        kind = PyDict_GetItem(message, TYPE)
        if kind is NULL:
            raise MessageError("a message without 'type'")
        if <object>kind is SEND or <object>kind == SEND:
            text = PyDict_GetItem(message, TEXT)
            data = PyDict_GetItem(message, BYTES)
            return self.send_message(
                None if text is NULL else <object>text, None if data is NULL else <object>data
            )
        return self.send_rare(<object>kind, message)

    cdef int check_open(self, str kind) except -1:
        """Raise unless a message of this kind can still go out."""
        if self.denied:
            raise MessageError(f"{kind!r} after the WebSocket was refused: no message may follow that")
        if self.gone:
            raise ClientDisconnected(f"the WebSocket is closed; {kind} was not sent")
        return 0

    cdef object send_message(self, object text, object data):
        cdef Stream stream = self.stream
        cdef Py_ssize_t length
        if (text is None) == (data is None):
            raise MessageError(
                f"'websocket.send' takes one of 'text' and 'bytes', not {'neither' if text is None else 'both'}"
            )
        self.check_open("websocket.send")
        if self.state != OPEN:
            raise MessageError(
                f"'websocket.send' {'before' if self.state <= ENCODING else 'without'} 'websocket.accept'"
            )
        if text is None:
            if not PyBytes_CheckExact(data):
                data = to_bytes(data)
            length = PyBytes_GET_SIZE(data)
        elif isinstance(text, str):
            data = PyUnicode_FromObject(text)   # a subclass (markupsafe.Markup, StrEnum) as the text that it is
            length = PyUnicode_GET_LENGTH(data)
        else:
            raise MessageError(f"'websocket.send' needs a str as 'text', not {type(text).__name__}")
        stream.send_message(data)
        self.sent += length
        return self.after_send(stream, length)

    cdef object after_send(self, Stream stream, Py_ssize_t length):
        """What send() returns after bytes: nothing to wait for, a slow client, or a turn for the others."""
        future = stream.drain()
        if future is not None:
            return new_wait(future)
        self.step_bytes += length
        if self.step_bytes >= STEP_BYTES:
            self.step_bytes = 0
            return new_yield()
        return FINISHED

    cdef object send_rare(self, object kind, dict message):
        if kind == "websocket.accept":
            return self.accept(message)
        if kind == "websocket.close":
            return self.close(message)
        if kind == "websocket.http.response.start":
            return self.start_denial(message)
        if kind == "websocket.http.response.body":
            return self.send_denial_body(message)
        raise MessageError(
            f"unexpected message {kind!r}: a WebSocket takes 'websocket.accept', 'websocket.send', 'websocket.close' "
            "and the messages of scope['extensions']"
        )

    cdef object accept(self, dict message):
        cdef str subprotocol = to_subprotocol(message.get("subprotocol"), self.subprotocols)
        cdef list headers = to_headers(message.get("headers"))
        for name, _ in headers:
            if name.lower() in HANDSHAKE_FIELDS:
                raise MessageError(
                    f"'websocket.accept' with the header {name!r}, which is the server's to send; "
                    "a subprotocol is chosen by 'subprotocol'"
                )
        self.check_open("websocket.accept")
        if self.state != CONNECTING:
            raise MessageError("a second 'websocket.accept', or one after 'websocket.http.response.start'")
        self.state = ENCODING
        try:
            stream = self.stream.accept_websocket(subprotocol, headers)
        except BaseException:
            self.state = CONNECTING
            raise
        self.state = OPEN
        self.accepted = True
        self.status = self.accepting_status
        self.connect_received = True
        self.response_headers = headers
        self.stream = stream
        if not self.running:
            (<Stream>stream).step_ended()
        return FINISHED

    cdef object close(self, dict message):
        code = message.get("code")
        reason = message.get("reason")
        self.check_open("websocket.close")
        if self.state == CONNECTING:
            # Code and reason go nowhere, so they are not looked at: FastAPI gives a list of what is wrong.
            self.refuse(403, "Forbidden")
            self.denied = True
            if not self.running:
                self.step_ended()
            return FINISHED
        if self.state != OPEN:
            raise MessageError("'websocket.close' after 'websocket.http.response.start'")
        code = NORMAL_CLOSURE if code is None else code
        reason = "" if reason is None else reason
        check_close(code, reason)
        self.close_stream(code, PyUnicode_FromObject(reason))
        stream = self.stream    # held here: what it writes now may end it
        if not self.running and stream is not None:
            (<Stream>stream).step_ended()
        return FINISHED

    cdef int close_stream(self, int code, str reason) except -1:
        """Send a close frame. What has come and was not received is dropped."""
        cdef Stream stream = self.stream
        self.state = OVER
        self.queue.clear()
        self.queue_head = 0
        self.queued_bytes = 0
        self.feed_close(code, reason)
        if stream is not None:
            stream.close_websocket(code, reason)
        return self.wake_soon()

    cdef int wake_soon(self) except -1:
        """Wake receive() calls, but not before the caller is done with this cycle."""
        if self.other_waiters is not None or self.waiter is not None:
            self.context.loop.call_soon(self.wake_later)
        return 0

    def wake_later(self):
        self.wake()

    # ---- a response instead of a WebSocket ---------------------------------------------------------------------------

    cdef int encode_head(self, int status, object headers) except -1:
        self.state = ENCODING
        try:
            self.stream.send_head(status, headers, False)
        except BaseException:
            self.state = CONNECTING
            raise
        self.status = status
        self.response_headers = headers
        self.expected = self.stream.response_length
        self.state = DENYING
        return 0

    cdef int refuse(self, int status, str text) except -1:
        """Answer by the server's own response; head and body leave together when the step, or the caller, ends it."""
        cdef bint running = self.running
        cdef bytes body = f"{status} {text}\n".encode("ascii")
        if self.stream is None:
            self.state = OVER
            return 0
        self.running = True
        try:
            self.encode_head(status, [PLAIN_TEXT])
            self.stream.send_body(body, True)
            self.sent = PyBytes_GET_SIZE(body)
        finally:
            self.running = running
        return self.end_denial()

    cdef int end_denial(self) except -1:
        cdef Stream stream = self.stream
        self.state = OVER
        self.log_access()
        stream.exchange_ended()
        self.feed_close(ABNORMAL_CLOSURE, "")
        return self.wake_soon()

    cdef int cut(self) except -1:
        cdef Stream stream = self.stream
        self.state = OVER
        self.stream = None
        self.log_access()
        if stream is not None:
            stream.abort()
        self.feed_close(ABNORMAL_CLOSURE, "")
        return self.wake_soon()

    cdef object start_denial(self, dict message):
        status = message.get("status")
        if not isinstance(status, int) or isinstance(status, bool):
            raise MessageError(f"'websocket.http.response.start' needs an int as 'status', not {status!r}")
        if not 200 <= status <= 999:
            raise MessageError(
                f"'websocket.http.response.start' with status {status}: a final response has 200 to 999; "
                "a WebSocket is accepted by 'websocket.accept'"
            )
        headers = to_headers(message.get("headers"))
        self.check_open("websocket.http.response.start")
        if self.state != CONNECTING:
            raise MessageError("'websocket.http.response.start' after the WebSocket was answered")
        self.encode_head(status, headers)
        return FINISHED

    cdef object send_denial_body(self, dict message):
        cdef bint more = bool(message.get("more_body", False))
        cdef bint no_body = self.status == 204 or self.status == 304
        cdef Stream stream = self.stream
        body = message.get("body")
        cdef bytes data = b"" if body is None else to_bytes(body)
        self.check_open("websocket.http.response.body")
        if self.state != DENYING:
            raise MessageError("'websocket.http.response.body' without 'websocket.http.response.start'")
        self.sent += PyBytes_GET_SIZE(data)
        if self.expected >= 0 and not no_body and (
            self.sent > self.expected or (not more and self.sent < self.expected)
        ):
            sent = self.sent
            self.cut()
            raise MessageError(
                f"the body has {sent} bytes, its content-length is {self.expected}; the connection is cut"
            )
        stream.send_body(b"" if no_body else data, not more)
        if more:
            if not self.running:
                stream.step_ended()
            return self.after_send(stream, PyBytes_GET_SIZE(data))
        self.end_denial()
        self.denied = True
        if not self.running:
            self.step_ended()
        return FINISHED

    cdef int log_access(self) except -1:
        cdef Context context = self.context
        if context.access_log is None or self.logged:
            return 0
        self.logged = True
        return context.log_access(
            self.scope,
            self.status if self.status else None,
            self.response_headers if self.response_headers is not None else [],
            self.sent,
            time.perf_counter() - self.started_at,
        )


def new_websocket_cycle(Context context not None, Stream stream not None, dict scope not None):
    """A cycle for a request to become a WebSocket.

    Args:
        context: the worker's context.
        stream: what carries the exchange.
        scope: the scope, with `subprotocols`.
    """
    cdef WebSocketCycle cycle = WebSocketCycle.__new__(WebSocketCycle)
    cycle.context = context
    cycle.stream = stream
    cycle.scope = scope
    cycle.accepting_status = 101 if scope["http_version"] == "1.1" else 200
    cycle.subprotocols = tuple(scope["subprotocols"])
    cycle.queue = []
    cycle.close_reason = ""
    cycle.expected = -1
    cycle.max_queue_bytes = context.settings.websocket_queue_size
    cycle.max_queue_messages = context.settings.websocket_queue_messages
    if context.access_log is not None:
        cycle.started_at = time.perf_counter()
    return cycle


cdef Py_ssize_t memory_size(object message) noexcept:
    """Bytes of memory that a message takes, but for the head of its object."""
    if type(message) is str:
        return PyUnicode_GET_LENGTH(message) * PyUnicode_KIND(message)
    return PyBytes_GET_SIZE(message)


cdef bint is_about_disconnect(object error):
    """Whether an error only says that the client has gone: ours, or what a framework has made of it or of the event.

    Starlette raises its WebSocketDisconnect from receive and send; asking for the name spares us the import. A task
    group raises a group of what its tasks have raised.
    """
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            if not is_about_disconnect(inner):
                return False
        return True
    return (
        isinstance(error, ClientDisconnected)
        or type(error).__name__ == "WebSocketDisconnect"
        or isinstance(error.__cause__, ClientDisconnected)
    )


cdef dict to_dict(object message):
    if isinstance(message, collections.abc.Mapping):
        return dict(message)
    raise MessageError(f"send() takes a dict, not {type(message).__name__}")


cdef bytes to_bytes(object data):
    if isinstance(data, (bytes, bytearray, memoryview)):
        return bytes(data)
    raise MessageError(f"a message needs bytes, not {type(data).__name__}")


cdef str to_subprotocol(object chosen, tuple offered):
    if chosen is None:
        return None
    if not isinstance(chosen, str):
        raise MessageError(f"'websocket.accept' needs a str as 'subprotocol', not {chosen!r}")
    if chosen not in offered:
        raise MessageError(
            f"'websocket.accept' with the subprotocol {chosen!r}, but the client offers {list(offered)!r}: "
            "choose one of scope['subprotocols'] or None"
        )
    return PyUnicode_FromObject(chosen)


cdef list to_headers(object headers):
    """The header fields of a message as a list of pairs of bytes; what is in them is checked when they are encoded."""
    cdef list fields = []
    if headers is None:
        return fields
    if isinstance(headers, (str, bytes)):
        raise MessageError(f"'headers' is a list of (name, value), not {headers!r}")
    try:
        for name, value in headers.items() if hasattr(headers, "items") else headers:
            fields.append((name, value))
    except (TypeError, ValueError):
        raise MessageError(f"'headers' is a list of (name, value), not {headers!r}") from None
    for name, value in fields:
        if not isinstance(name, bytes) or not isinstance(value, bytes):
            raise MessageError(f"the header {(name, value)!r} has a name or value that is not bytes; encode it")
    return fields


cdef int check_close(object code, object reason) except -1:
    """Raise unless a close frame may have this code and reason (RFC 6455 sections 7.4 and 5.5)."""
    if not isinstance(code, int) or isinstance(code, bool):
        raise MessageError(f"'websocket.close' needs an int as 'code', not {code!r}")
    if not isinstance(reason, str):
        raise MessageError(f"'websocket.close' needs a str as 'reason', not {reason!r}")
    if not (3000 <= code <= 4999 or 1000 <= code <= 1003 or 1007 <= code <= 1014):
        raise MessageError(
            f"'websocket.close' with code {code}: an endpoint may send 1000 to 1003, 1007 to 1014 and 3000 to 4999"
        )
    try:
        size = len(reason.encode())
    except UnicodeEncodeError:
        raise MessageError(f"'websocket.close' with a reason that is no Unicode text: {reason!r}") from None
    if size > MAX_REASON:
        raise MessageError(f"'websocket.close' with a reason of {size} bytes: at most {MAX_REASON} fit in a frame")
    return 0


RECEIVE_METHOD = WebSocketCycle.__dict__["receive"]
SEND_METHOD = WebSocketCycle.__dict__["send"]
