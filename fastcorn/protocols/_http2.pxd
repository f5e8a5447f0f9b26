# SPDX-License-Identifier: MIT
# H2Connection: one socket that speaks HTTP/2.

from libc.stdint cimport int64_t, uint32_t

from fastcorn.protocols._http2_engine cimport fc_frame2
from fastcorn.protocols._http2_fields cimport RequestHead
from fastcorn.protocols._http2_stream cimport H2Stream, StreamHost
from fastcorn.protocols._open_streams cimport OpenStreams
from fastcorn.protocols._writer cimport Writer


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


cdef class H2Connection(StreamHost):
    cdef tuple server

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

    # Streams.
    cdef OpenStreams streams
    cdef bint urgencies_differ          # among those that start
    cdef list repeated_fields           # the engine's list of a request that came several times; None = none did,
    cdef RequestHead repeated_head      # and what it was judged to be
    cdef dict early_priorities          # id -> (urgency, incremental), by PRIORITY_UPDATE before its stream
    cdef Py_ssize_t max_streams
    cdef Py_ssize_t open_requests       # streams of the client
    cdef Py_ssize_t requests_served
    cdef bint peer_leaves               # the client has sent GOAWAY
    cdef H2Drain drain_state
    cdef uint32_t goaway_last
    cdef double drain_deadline          # of the answer to the PING behind the first GOAWAY
    cdef double ended                   # when a stream was over the last time
    cdef Py_ssize_t unsent              # while we linger: what the client has not taken
    cdef double stall                   # the seconds in which it may take nothing,
    cdef double grace                   # and those that it has when it has taken all

    # Flow control of what comes in.
    cdef Py_ssize_t owed                # bytes for which no WINDOW_UPDATE of the connection has left
    cdef Py_ssize_t receive_window

    cdef bint flush_scheduled           # flush_collected() is called soon

    # Deadlines, on the clock of the context; 0 = none.
    cdef H2Deadline deadline_kind
    cdef double deadline
    cdef double input_deadline          # of a header block, or of a frame that is no DATA
    cdef double heard                   # when the client last sent something
    cdef double ping_interval
    cdef double ping_timeout
    cdef double pong_deadline

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
    cdef int take_event(self, const char *data, fc_frame2 *frame) except -1
    cdef int take_stream_error(self, fc_frame2 *frame) except -1
    cdef int take_priority(self, const char *data, fc_frame2 *frame) except -1
    cdef int take_data(self) except -1
    cdef int take_reset(self) except -1
    cdef int take_window(self, uint32_t stream_id) except -1
    cdef int charge_fields(self, Py_ssize_t count) except -1
    cdef int update_reading(self) except -1
    cdef int schedule_advance(self) except -1
    cdef int watch_input(self) except -1

    # Streams.
    cdef int start_request(self) except -1
    cdef int begin_exchange(self, H2Stream stream) except -1
    cdef int start_applications(self) except -1
    cdef int read_head(self, H2Stream stream) except -1
    cdef int take_head(self, H2Stream stream, RequestHead head) except -1
    cdef bint is_crowded(self) except -1
    cdef int forget_finished(self) except -1

    # Output.
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
    cdef int leave(self) except -1
    cdef int linger(self, double stall, double grace) except -1
    cdef int check_lingering(self, double now) except -1
    cdef int abort_transport(self) except -1
