# SPDX-License-Identifier: MIT
# H2Stream: one exchange of an HTTP/2 connection; StreamHost: what it needs of that connection.

from libc.stdint cimport int64_t, uint32_t

from fastcorn.asgi._context cimport Context
from fastcorn.asgi._run cimport Cycle
from fastcorn.protocols._http2_engine cimport HTTP2Engine
from fastcorn.protocols._http2_fields cimport RequestHead
from fastcorn.protocols._http2_websocket cimport StreamCarrier
from fastcorn.protocols._priority cimport WriteQueue
from fastcorn.protocols._response_head cimport ResponseHead
from fastcorn.protocols._writer cimport Writer


cdef enum:
    # Pending body bytes with which an application that waits goes on.
    PENDING_LOW_WATER = 16 * 1024
    # Body bytes either way that pay for one frame that brings nothing: clients open windows and ask for round trips
    # while they transfer. Go's sends two WINDOW_UPDATE for 4 KiB.
    BYTES_PER_FRAME = 2048
    DEFAULT_URGENCY = 3         # RFC 9218 section 4.1


# PREFACE -> OPEN -> LINGER -> CLOSED; every state may go to CLOSED.
cdef enum H2State:
    H2_PREFACE          # the client's preface is awaited
    H2_OPEN
    H2_LINGER           # GOAWAY has left and our side is shut; what still comes is thrown away
    H2_CLOSED


# A connection as its streams see it: H2Connection is the one there is.
cdef class StreamHost:
    cdef Context context
    cdef object transport               # None when the connection is lost
    cdef Writer writer
    cdef HTTP2Engine engine
    cdef H2State state
    cdef tuple client
    cdef bint tls
    cdef dict tls_extension             # for scopes; None on plain connections

    cdef list starting                  # streams whose applications start when the input is used up
    cdef list held                      # streams whose heads tasks of their own have sent in this turn
    cdef list abandoned                 # cycles of streams that were reset, whose applications may still run
    cdef WriteQueue queue               # streams that have something to write
    cdef int64_t turns                  # DATA frames that have left
    cdef double progress                # until when DATA has left as fast as it has to, on the clock of the context

    # Flow control of what comes in.
    cdef Py_ssize_t unread              # bytes of all streams that no application has taken
    cdef Py_ssize_t stream_window       # of a new stream
    cdef Py_ssize_t max_window          # up to which a stream's grows

    # What frames that bring nothing may still cost: earn() and charge().
    cdef double patience
    cdef double full_patience

    cdef int pump(self) except -1               # write DATA of the streams whose turn it is, and all that is collected
    cdef int step_ended(self) except -1         # an application has suspended: what it has sent may leave
    cdef int schedule_flush(self) except -1     # write what is collected, in a turn of its own
    cdef int charge(self, double cost) except -1
    cdef int return_credit(self) except -1      # open the connection's window again, if that is due
    cdef int close_stream(self, H2Stream stream) except -1      # it is over on both sides
    cdef int push(self, H2Stream parent, str path, list fields) except -1


cdef inline int earn(StreamHost host, double frames) except -1:
    """What the client transfers or brings to its end pays for so many frames that bring nothing."""
    host.patience = min(host.patience + frames, host.full_patience)
    return 0


cdef class H2Stream(StreamCarrier):
    cdef StreamHost host
    cdef readonly uint32_t id
    cdef Cycle cycle                    # None when its response is complete or the stream is over
    cdef RequestHead head
    cdef dict scope                     # the cycle's; None when the head is not valid
    cdef object handshake               # of a WebSocket (RFC 8441); else None
    cdef bint started                   # the application has been called
    cdef bint closed                    # not in host.streams any more

    # Request.
    cdef bint request_ended
    cdef int64_t received               # bytes of the body
    cdef bint continue_owed             # 100 Continue, when the application asks for the body
    cdef Py_ssize_t unread              # flow-controlled bytes that the application has not taken
    cdef Py_ssize_t owed                # and that it has taken, but for which no WINDOW_UPDATE has left
    cdef Py_ssize_t receive_window      # what the window is brought back to
    cdef bint awaited                   # the application waited for some of what has come since the last WINDOW_UPDATE
    cdef double body_deadline           # 0 = none
    cdef double rate_started            # body_min_rate is measured from here,
    cdef int64_t rate_base              # where this many body bytes had come

    # Response.
    cdef int status
    cdef ResponseHead response          # a head that is held
    cdef bint head_held
    cdef bint bodiless                  # HEAD, 204, 304
    cdef bint announced_trailers
    cdef list trailers                  # fields that leave after the body; None = none
    cdef list parts                     # body bytes that have not left (`pending` of them): parts[0] from part_start on
    cdef Py_ssize_t part_start
    cdef int64_t produced               # body bytes that the application has sent
    cdef bint end_queued                # END_STREAM follows what is pending
    cdef bint ended                     # it has left
    cdef bint queued                    # in host.queue
    cdef bint blocked                   # a window has to open first
    cdef list waiters                   # futures of drain(); None = none
    cdef int64_t turn                   # of its last DATA frame, among those of the connection
    cdef double progress                # as that of the connection, while bytes are pending
    cdef int urgency
    cdef bint incremental

    cdef int answer(self, int status, list fields, bint end) except -1
    cdef int refuse(self, int status, str text, list fields=*, bint recorded=*) except -1
    cdef int refuse_body(self, int status, str text) except -1
    cdef int finish_head(self, int64_t length, bint end) except -1
    cdef bint may_write_now(self, Py_ssize_t len) except -1
    cdef int write_whole(self, bytes data) except -1
    cdef int add_part(self, bytes data) except -1
    cdef int enqueue(self) except -1
    cdef Py_ssize_t write_frame(self) except -1
    cdef bytes first_part(self)
    cdef int end_sent(self) except -1
    cdef int resume(self) except -1
    cdef int take_body(self, bytes data, Py_ssize_t credit, bint end) except -1
    cdef int drop(self) except -1
    cdef int drop_tunnel(self) except -1
    cdef int check_deadlines(self, double now) except -1
    cdef bint is_awaited(self) except -1
    cdef int note_drain(self, Py_ssize_t size) except -1
    cdef bint is_stalled(self, double now) except -1


cdef H2Stream new_stream(StreamHost host, uint32_t stream_id, bint request_ended)
