# SPDX-License-Identifier: MIT
# H2Connection and H2Stream: one socket that speaks HTTP/2, and one exchange on it.

from libc.stdint cimport int64_t, uint32_t

from fastcorn.asgi._context cimport Context
from fastcorn.asgi._run cimport Cycle
from fastcorn.protocols._http2_engine cimport HTTP2Engine, fc_frame2
from fastcorn.protocols._http2_fields cimport RequestHead
from fastcorn.protocols._http2_websocket cimport StreamCarrier
from fastcorn.protocols._priority cimport WriteQueue
from fastcorn.protocols._response_head cimport ResponseHead
from fastcorn.protocols._writer cimport Writer


# PREFACE -> OPEN -> LINGER -> CLOSED; every state may go to CLOSED.
cdef enum H2State:
    H2_PREFACE          # the client's preface is awaited
    H2_OPEN
    H2_LINGER           # GOAWAY has left and our side is shut; what still comes is thrown away
    H2_CLOSED


# What `deadline` of a connection is for.
cdef enum H2Deadline:
    H2_NO_DEADLINE
    H2_START_DEADLINE   # the client's preface and SETTINGS
    H2_IDLE_DEADLINE    # no stream is open
    H2_LINGER_DEADLINE


# How far a graceful end has come (RFC 9113 section 6.8).
cdef enum H2Drain:
    H2_STAYS
    H2_ANNOUNCED        # GOAWAY with 2^31 - 1 and a PING have left: what crosses them is still served
    H2_LEAVES           # GOAWAY with the true last stream has left: when its streams end, the connection closes


cdef class H2Stream(StreamCarrier):
    cdef H2Connection connection
    cdef readonly uint32_t id
    cdef Cycle cycle                    # None when its response is complete or the stream is over
    cdef RequestHead head
    cdef dict scope                     # the cycle's; None when the head is not valid
    cdef object handshake               # of a WebSocket (RFC 8441); else None
    cdef bint started                   # the application has been called
    cdef bint closed                    # not in connection.streams any more

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
    cdef bint queued                    # in connection.queue
    cdef bint blocked                   # a window has to open first
    cdef list waiters                   # futures of drain(); None = none
    cdef int64_t turn                   # of its last DATA frame, among those of the connection
    cdef double progress                # when pending bytes last left, on the clock of the context
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
    cdef bint is_stalled(self, double now) except -1


cdef class H2Connection:
    cdef Context context
    cdef object transport
    cdef Writer writer
    cdef HTTP2Engine engine
    cdef H2State state
    cdef tuple client
    cdef tuple server
    cdef bint tls
    cdef dict tls_extension             # for scopes; None on plain connections

    # Input that is not parsed yet: buf[pos:].
    cdef bytes buf
    cdef Py_ssize_t pos
    cdef bytes following                # and then, while process() runs, following[following_pos:]
    cdef Py_ssize_t following_pos
    cdef Py_ssize_t scanned             # up to here `buf` has no RST_STREAM
    cdef uint32_t max_frame
    cdef int frames_left                # in this turn
    cdef Py_ssize_t turn_bytes          # read since the last pause
    cdef bint processing                # process() is on the stack
    cdef bint advance_scheduled
    cdef bint reading_paused
    cdef bint eof                       # the client has shut its side
    cdef bint settings_seen
    cdef uint32_t block_stream          # of the header block that is coming in; 0 = none
    cdef Py_ssize_t block_bytes
    cdef int block_frames
    cdef Py_ssize_t max_block

    # Streams.
    cdef dict streams                   # id -> H2Stream
    cdef bint crowded                   # there were many at once since there was none
    cdef list starting                  # streams whose applications start when the input is used up
    cdef bint urgencies_differ          # among them
    cdef list repeated_fields           # the engine's list of a request that came several times; None = none did,
    cdef RequestHead repeated_head      # and what it was judged to be
    cdef list held                      # streams whose heads tasks of their own have sent in this turn
    cdef list abandoned                 # cycles of streams that were reset, whose applications may still run
    cdef dict early_priorities          # id -> (urgency, incremental), by PRIORITY_UPDATE before its stream
    cdef Py_ssize_t max_streams
    cdef Py_ssize_t open_requests       # streams of the client
    cdef Py_ssize_t requests_served
    cdef uint32_t last_stream           # the highest one that the client has opened
    cdef bint peer_leaves               # the client has sent GOAWAY
    cdef H2Drain drain_state
    cdef uint32_t goaway_last
    cdef double drain_deadline          # of the answer to the PING behind the first GOAWAY

    # Flow control of what comes in.
    cdef Py_ssize_t unread              # of all streams
    cdef Py_ssize_t owed                # bytes for which no WINDOW_UPDATE of the connection has left
    cdef Py_ssize_t receive_window
    cdef Py_ssize_t stream_window
    cdef Py_ssize_t max_window

    # What goes out.
    cdef WriteQueue queue
    cdef int64_t turns                  # DATA frames that have left
    cdef bint flush_scheduled

    # Deadlines, on the clock of the context; 0 = none.
    cdef H2Deadline deadline_kind
    cdef double deadline
    cdef double input_deadline          # of a header block, or of a frame that is no DATA
    cdef double progress                # when DATA last left
    cdef double heard                   # when the client last sent something
    cdef double ping_interval
    cdef double ping_timeout
    cdef double pong_deadline

    # What frames that bring nothing may still cost.
    cdef double patience
    cdef double full_patience

    cdef int open(self, object transport, Writer writer, bint reading_paused, object tls_extension) except -1
    cdef int begin(self, bytes data) except -1

    # Input.
    cdef int process(self) except -1
    cdef int join(self, bytes data) except -1
    cdef bint reset_follows(self) noexcept
    cdef bint read_frame(self) except -1
    cdef bint read_preface(self) except -1
    cdef int take_frame(self, int result, const char *data, fc_frame2 *frame) except -1
    cdef int take_stateless(self, const char *data, fc_frame2 *frame) except -1
    cdef int take_block(self, fc_frame2 *frame) except -1
    cdef int take_event(self, const char *data, fc_frame2 *frame) except -1
    cdef int take_stream_error(self, fc_frame2 *frame) except -1
    cdef int take_priority(self, const char *data, fc_frame2 *frame) except -1
    cdef int take_data(self) except -1
    cdef int take_reset(self) except -1
    cdef int take_window(self, uint32_t stream_id) except -1
    cdef int charge(self, double cost) except -1
    cdef int charge_fields(self, Py_ssize_t count) except -1
    cdef int update_reading(self) except -1
    cdef int schedule_advance(self) except -1
    cdef int watch_input(self) except -1

    # Streams.
    cdef int start_request(self) except -1
    cdef int begin_exchange(self, H2Stream stream) except -1
    cdef bint refused(self, H2Stream stream) except -1
    cdef int start_websocket(self, H2Stream stream) except -1
    cdef int start_applications(self) except -1
    cdef bint redirected(self, H2Stream stream) except -1
    cdef bint serves(self, bytes host) except -1
    cdef int push(self, H2Stream parent, str path, list fields) except -1
    cdef int close_stream(self, H2Stream stream) except -1
    cdef int read_head(self, H2Stream stream) except -1
    cdef int take_head(self, H2Stream stream, RequestHead head) except -1
    cdef bint is_crowded(self) except -1
    cdef int return_credit(self) except -1

    # Output.
    cdef int pump(self) except -1
    cdef int step_ended(self) except -1
    cdef int schedule_flush(self) except -1
    cdef int append_frame(self, int type, int flags, uint32_t stream_id, bytes payload) except -1
    cdef int append_goaway(self, uint32_t last_stream, uint32_t code, str reason) except -1

    # The end.
    cdef int fail(self, uint32_t code, str reason) except -1
    cdef int begin_goaway(self) except -1
    cdef int finish_goaway(self) except -1
    cdef int check_leaving(self) except -1
    cdef int set_deadline(self, H2Deadline kind, double seconds) except -1
    cdef int check_liveness(self, double now) except -1
    cdef int drop_streams(self) except -1
    cdef int close(self) except -1
    cdef int linger(self) except -1
    cdef int abort_transport(self) except -1
