# SPDX-License-Identifier: MIT
# WebSocketConnection: a socket whose opening handshake is done, and which carries one WebSocket.

from fastcorn.asgi._context cimport Context
from fastcorn.asgi._stream cimport Stream
from fastcorn.asgi._websocket_cycle cimport WebSocketCycle
from fastcorn.protocols._codec cimport WebSocketCodec
from fastcorn.protocols._writer cimport Writer


# OPEN -> CLOSING     our close frame has left, the client's is awaited
# OPEN -> LINGER      we have failed the connection: our side is shut, what still comes is thrown away
# any  -> LEAVING     what was written leaves, then the transport closes
# any  -> LOST
cdef enum ConnectionState:
    OPEN
    CLOSING
    LINGER
    LEAVING
    LOST


cdef class WebSocketConnection(Stream):
    cdef Context context
    cdef object transport           # None when the connection is lost
    cdef Writer writer
    cdef WebSocketCodec codec
    cdef WebSocketCycle cycle       # None when the connection is lost
    cdef ConnectionState state
    cdef bint may_half_close        # the transport can stay when the client has shut its side: not all do over TLS

    # Input.
    cdef bint pending               # the codec may hold events that were not taken
    cdef bint pumping               # pump() is on the stack
    cdef bint pump_scheduled
    cdef bint reading_paused
    cdef bint eof                   # the client has shut its side
    cdef int events_left            # events, and bytes of messages, that may be taken in this turn
    cdef Py_ssize_t bytes_left

    # Output.
    cdef bint flush_scheduled
    cdef bytes ping                 # the last ping of the client that was not answered; None = none

    # The client's side has ended, by a close frame or a mistake, and the application has messages to take first.
    cdef bint ending
    cdef bint failed
    cdef int end_code
    cdef str end_reason

    # Deadlines, on the clock of the context; 0 = none.
    cdef double ping_interval
    cdef double ping_timeout
    cdef double idle_timeout
    cdef double close_timeout
    cdef double next_ping
    cdef double pong_deadline
    cdef double deadline            # of the closing handshake
    cdef double last_message        # when one last went either way
    cdef bint draining

    # The protocol: what has come, and what it does.
    cdef int receive(self, bytes data) except -1
    cdef int begin_turn(self) except -1
    cdef int pump(self) except -1
    cdef bint take_event(self) except -1
    cdef int take_message(self) except -1
    cdef int peer_closed(self) except -1
    cdef int peer_failed(self) except -1
    cdef int end_after_messages(self, bint failed) except -1
    cdef int finish_ending(self) except -1
    cdef int answer_ping(self) except -1
    cdef int close_with(self, int code, str reason) except -1
    cdef int append_close(self, int code, str reason) except -1
    cdef int end(self) except -1
    cdef int check_liveness(self, double now) except -1

    # The socket: how it travels.
    cdef int schedule_pump(self) except -1
    cdef int schedule_flush(self) except -1
    cdef int update_reading(self) except -1
    cdef int flush(self) except -1
    cdef int leave(self) except -1
    cdef int linger(self) except -1
    cdef int abort_transport(self) except -1
